"""The periodic risk assessment as finance writes and approves it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from tests.counter import Counter
from tests.people import Browser
from tests.web.owing import leave_owing

Login = Callable[[Role], Browser]
PAGE = "/settlement/assessments"
pytestmark = pytest.mark.clause("guizhou-deposit-2025/25")


def test_it_is_written_by_one_and_approved_by_another(counter: Counter, login_as: Login, clock: FixedClock) -> None:
    leave_owing(counter)
    clock.moment = datetime(2026, 5, 3, 9, tzinfo=SHANGHAI)
    officer, approver = login_as(Role.FINANCE_OFFICER), login_as(Role.FINANCE_APPROVER)
    page = officer.get(PAGE).text
    for words in ("已经逾期", "每 3 个月一次", "院内设定", "1,000.00 元", "写好，交另一个人批准"):
        assert words in page, words
    said = {
        "findings": "急诊欠费<b>多</b>\n集中在夜间",
        "measures": "先核对医保",
        "idempotency_key": str(uuid.uuid4()),
    }
    empty = officer.post(PAGE, {**said, "measures": " "})
    assert (empty.status_code, "急诊欠费&lt;b&gt;" in empty.text) == (422, True)
    assert officer.post(PAGE, said).status_code == 303
    page = officer.get(PAGE).text
    assert "等另一个人批准" in page
    assert "批准</button>" not in page
    assert officer.post(f"{PAGE}/1/approve").status_code == 403
    approver.post(f"{PAGE}/1/approve")
    assert "第 1 次评估已批准" in approver.get(PAGE).text
    assert officer.post(PAGE, {**said, "idempotency_key": str(uuid.uuid4())}).status_code == 409
    assert approver.post(f"{PAGE}/7/approve").status_code == 404


def test_only_finance_assesses(counter: Counter, login_as: Login) -> None:
    for role in (Role.CASHIER, Role.WARD, Role.AUDITOR):
        browser = login_as(role)
        assert browser.get(PAGE).status_code == 200
        assert browser.post(PAGE, {}).status_code == browser.post(f"{PAGE}/1/approve").status_code == 403

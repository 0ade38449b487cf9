"""The emergency relief fund as people use it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import pytest

from hospital_prepay.domain.access import Role
from tests.counter import STAY, Counter
from tests.people import Browser
from tests.web.owing import leave_owing

Login = Callable[[Role], Browser]
LIST, PAGE = "/settlement/relief", f"/settlement/relief/{STAY}"
pytestmark = pytest.mark.clause("guizhou-deposit-2025/21")


@pytest.fixture
def officer(counter: Counter, login_as: Login) -> Browser:
    leave_owing(counter, med_type="24")
    return login_as(Role.FINANCE_OFFICER)


def key() -> str:
    return str(uuid.uuid4())


def application(page: str) -> str:
    found = re.search(r'name="application_id" value="([^"]+)"', page)
    assert found
    return found[1]


def test_from_an_emergency_that_owes_to_the_money(officer: Browser, login_as: Login) -> None:
    page = officer.get(LIST).text
    for words in (STAY, "起草申请", "30 个工作日", "院内设定", "03-04"):
        assert words in page, words
    said = {"amount": "800", "ground": "车祸抢救", "papers": "病历", "idempotency_key": key()}
    over = officer.post(f"{PAGE}/drafts", {**said, "amount": "1000.01"})
    assert (over.status_code, "最多 1,000.00 元" in over.text, "车祸抢救" in over.text) == (422, True, True)
    assert officer.post(f"{PAGE}/drafts", said).status_code == 303
    assert "另一个人办" in officer.get(PAGE).text
    assert "提交给基金" not in officer.get(PAGE).text
    approver = login_as(Role.FINANCE_APPROVER)
    number = application(approver.get(PAGE).text)
    assert officer.post(f"{PAGE}/submit", {"application_id": number}).status_code == 403
    assert approver.post(f"{PAGE}/submit", {"application_id": number}).status_code == 303
    form = {"application_id": number, "idempotency_key": key(), "answer": "黔救助3号", "act": "grant", "granted": ""}
    assert officer.post(f"{PAGE}/answer", form).status_code == 422
    assert officer.post(f"{PAGE}/answer", {**form, "granted": "700"}).status_code == 303
    money = {"application_id": number, "amount": "700", "bank_reference": "BK1", "idempotency_key": key()}
    assert approver.post(f"{PAGE}/receive", money).status_code == 303
    page = approver.get(PAGE).text
    for words in ("已到账", '还欠 <b class="num">300.00</b>', "黔救助3号"):
        assert words in page, words
    assert "已到账" in officer.get(LIST).text


def test_a_draft_is_given_up_with_the_reason(officer: Browser) -> None:
    said = {"amount": "800", "ground": "车祸抢救", "papers": "病历", "idempotency_key": key()}
    officer.post(f"{PAGE}/drafts", said)
    form = {"application_id": application(officer.get(PAGE).text), "idempotency_key": key(), "act": "refuse"}
    assert officer.post(f"{PAGE}/answer", form).status_code == 422
    assert officer.post(f"{PAGE}/answer", {**form, "answer": "患者已交清"}).status_code == 303
    assert "没有同意" in officer.get(PAGE).text
    assert officer.post(f"{PAGE}/submit", {"application_id": form["application_id"]}).status_code == 409


def test_only_finance_applies(officer: Browser, login_as: Login) -> None:
    for role in (Role.CASHIER, Role.WARD, Role.AUDITOR):
        browser = login_as(role)
        assert browser.get(LIST).status_code == browser.get(PAGE).status_code == 200
        assert "起草申请</h2>" not in browser.get(PAGE).text
        for path in ("drafts", "submit", "answer", "receive"):
            assert browser.post(f"{PAGE}/{path}", {"idempotency_key": key()}).status_code == 403

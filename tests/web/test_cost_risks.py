"""Fee-risk warnings as finance and wards see them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from hospital_prepay.domain.access import Role
from tests.counter import NAME, STAY, Counter
from tests.people import Browser

Login = Callable[[Role], Browser]
PAGE = "/settlement/risks"
HEAD = "住院号,截至时间,费用总额,预计个人负担\n"
pytestmark = pytest.mark.clause("guizhou-deposit-2025/25")


def send(browser: Browser, text: str) -> Any:
    form = {"file": (io.BytesIO(text.encode()), "费用.csv")}
    return browser.post(PAGE, form, content_type="multipart/form-data")


def test_costs_are_imported_and_warned_of(counter: Counter, login_as: Login) -> None:
    officer, ward = login_as(Role.FINANCE_OFFICER), login_as(Role.WARD)
    assert "没有预警" in ward.get(PAGE).text
    answer = send(officer, f"{HEAD}{STAY},2026-01-15 09:00,50000,12000\nNONE,2026-01-15 09:00,1,1\n")
    assert answer.status_code == 303
    page = officer.get(PAGE).text
    for words in ("收下 1 行", "第 3 行", STAY, "12,000.00", "最多 3,200.00 元", "80%", "吴＊兰"):
        assert words in page, words
    assert NAME not in page
    assert STAY in ward.get(f"{PAGE}?ward=呼吸内科").text
    assert "没有预警" in ward.get(f"{PAGE}?ward=儿科").text
    wrong = send(officer, "x\n")
    assert (wrong.status_code, counter.count("stay_cost")) == (422, 1)
    assert send(ward, HEAD).status_code == 403
    assert "导入在院费用" not in ward.get(PAGE).text

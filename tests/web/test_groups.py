"""Lists of people who pay later, and what the desk shows of somebody on one."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from hospital_prepay.domain.access import Role
from hospital_prepay.services.publication.readings import NewChoice, change_reading
from tests.counter import CERTIFICATE, NAME, STAY, Counter, words
from tests.people import Browser

Login = Callable[[Role], Browser]
PAGE = "/settlement/groups"
pytestmark = pytest.mark.clause("guizhou-deposit-2025/21")


def send(browser: Browser, text: str, **changes: str) -> Any:
    form: dict[str, Any] = {"region": "云岭县", "source": "县民政局1号", "dated_on": "2026-01-10", "group": ""}
    form |= changes | {"file": (io.BytesIO(text.encode()), "名单.csv")}
    return browser.post(PAGE, form, content_type="multipart/form-data")


def test_a_list_is_taken_and_the_desk_asks_for_nothing(counter: Counter, login_as: Login) -> None:
    officer, cashier = login_as(Role.FINANCE_OFFICER), login_as(Role.CASHIER)
    answer = send(officer, f"姓名,证件号码\n{NAME},{CERTIFICATE}\n", group="low_income")
    assert answer.status_code == 303
    page = officer.get(PAGE).text
    for told in ("低保对象 1 人", "使用中", "没有开通", "县民政局1号"):
        assert told in page, told
    assert CERTIFICATE not in page
    desk = cashier.get(f"/desk/stays/{STAY}").text
    assert "本院没有开通这类人群的先诊疗后付费" in desk
    assert "收满" in desk
    context = counter.house.context
    new = NewChoice("yes", "黔卫健发5号")
    change_reading(context, counter.house.actor(Role.FINANCE_OFFICER), "pay_later_low_income", new)
    desk = cashier.get(f"/desk/stays/{STAY}").text
    assert "低保对象，先诊疗后付费" in words(desk)
    assert "依据：黔卫健发5号" in desk
    assert "收满" not in desk
    assert "黔卫健发5号" in officer.get(PAGE).text


def test_what_is_wrong_is_said_and_what_was_typed_stays(counter: Counter, login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    for text, changes, told in (
        (f"姓名,证件号码\n{NAME},1\n", {"group": "low_income"}, "第 2 行：证件号码不对"),
        (f"姓名,证件号码\n{NAME},{CERTIFICATE}\n", {}, "人群要写"),
        (f"姓名,证件号码\n{NAME},{CERTIFICATE}\n", {"region": "", "group": "low_income"}, "请填写"),
        ("姓名\n", {"group": "low_income"}, "表头"),
    ):
        answer = send(officer, text, **changes)
        assert (answer.status_code, told in answer.text) == (422, True), told
        assert 'value="县民政局1号"' in answer.text
    empty = officer.post(PAGE, {"region": "x", "source": "y", "dated_on": "2026-01-10", "group": ""})
    assert "请选一个 CSV" in empty.text
    assert counter.count("patient_group_list") == 0


def test_only_finance_imports(counter: Counter, login_as: Login) -> None:
    for role in (Role.CASHIER, Role.WARD, Role.AUDITOR):
        browser = login_as(role)
        assert "导入名单" not in browser.get(PAGE).text
        assert send(browser, "x").status_code == 403

"""Arrears as people use them: the list, one stay, letters, and provision by two people."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Callable

import pytest
from python_calamine import CalamineWorkbook

from hospital_prepay.domain.access import Role
from tests.counter import NAME, STAY, Counter
from tests.people import Browser
from tests.web.owing import leave_owing

Login = Callable[[Role], Browser]
LIST, PAGE = "/settlement/arrears", f"/settlement/arrears/{STAY}"
pytestmark = pytest.mark.clause("guizhou-deposit-2025/25")


@pytest.fixture
def officer(counter: Counter, login_as: Login) -> Browser:
    leave_owing(counter)
    return login_as(Role.FINANCE_OFFICER)


def key() -> str:
    return str(uuid.uuid4())


def test_the_list_shows_who_owes_masked_and_narrowed(officer: Browser, login_as: Login) -> None:
    page = officer.get(LIST).text
    for words in (STAY, "1,000.00", "30 天以内", "吴＊兰", "不计利息", "第二十五条"):
        assert words in page, words
    assert NAME not in page
    assert NAME in login_as(Role.CASHIER).get(LIST).text
    for query in ("band=over", "class=self_pay", "ward=儿科", "kept=broken"):
        assert "没有欠费" in officer.get(f"{LIST}?{query}").text, query
    assert STAY in officer.get(f"{LIST}?band=x&class=y&kept=z&page=-1").text
    assert login_as(Role.SYSTEM_ADMINISTRATOR).get(LIST).status_code == 403


def test_the_list_is_a_workbook_whose_sum_is_that_of_the_page(officer: Browser, counter: Counter) -> None:
    answer = officer.get(f"{LIST}/list.xlsx")
    rows = CalamineWorkbook.from_filelike(io.BytesIO(answer.data)).get_sheet_by_name("欠费").to_python()
    assert rows[1][1:4] == [STAY, "吴＊兰", "呼吸内科"]
    assert (rows[-1][0], rows[-1][-1]) == ("合计", 1000)
    assert counter.count("audit_event", "action = 'arrears.export'") == 1
    assert officer.get(f"{LIST}/list.exe").status_code == 404


def test_a_plan_a_contact_and_a_letter_are_written_down(officer: Browser, counter: Counter) -> None:
    plan = {
        "due_1": "2026-02-01",
        "amount_1": "400",
        "due_2": "2026-03-01",
        "amount_2": "600",
        "idempotency_key": key(),
    }
    half = officer.post(f"{PAGE}/promises", {**plan, "amount_2": ""})
    assert half.status_code == 422
    assert "第 2 期" in half.text
    assert 'value="2026-02-01"' in half.text
    assert officer.post(f"{PAGE}/promises", plan).status_code == 303
    assert officer.post(f"{PAGE}/promises", plan).status_code == 303
    assert counter.count("arrears_promise") == 1
    assert "在期限内" in officer.get(PAGE).text
    empty = officer.post(f"{PAGE}/contacts", {"way": "phone", "words": "", "idempotency_key": key()})
    assert (empty.status_code, "请写联系的结果" in empty.text) == (422, True)
    officer.post(f"{PAGE}/contacts", {"way": "letter", "words": "<b>祝好</b>", "idempotency_key": key()})
    page = officer.get(PAGE).text
    assert "&lt;b&gt;祝好&lt;/b&gt;" in page
    made = officer.get(f"{PAGE}/letters/1.pdf")
    assert (made.mimetype, made.data[:5]) == ("application/pdf", b"%PDF-")
    assert officer.get(f"{PAGE}/letters/2.pdf").status_code == 404


def test_a_provision_is_asked_for_and_decided_by_another(officer: Browser, login_as: Login) -> None:
    said = {"kind": "provision", "amount": "600", "ground": "失联", "evidence": "催缴记录", "idempotency_key": key()}
    over = officer.post(f"{PAGE}/acts", {**said, "amount": "1000.01"})
    assert (over.status_code, "最多 1,000.00 元" in over.text) == (422, True)
    officer.post(f"{PAGE}/acts", said)
    page = officer.get(PAGE).text
    assert "请财务里另一个人决定" in page
    assert "同意，入账" not in page
    approver = login_as(Role.FINANCE_APPROVER)
    page = approver.get(PAGE).text
    found = re.search(r'name="act_id" value="([^"]+)"', page)
    assert found
    form = {"act_id": found[1], "idempotency_key": key(), "answer": ""}
    assert approver.post(f"{PAGE}/acts/decide", {**form, "act": "refuse"}).status_code == 422
    assert approver.post(f"{PAGE}/acts/decide", {**form, "act": "approve"}).status_code == 303
    assert "坏账准备 <b" in approver.get(PAGE).text
    again = approver.post(f"{PAGE}/acts/decide", {**form, "act": "approve", "idempotency_key": key()})
    assert (again.status_code, "已经决定过" in again.text) == (409, True)


def test_only_finance_pursues(officer: Browser, login_as: Login) -> None:
    for role in (Role.CASHIER, Role.WARD, Role.AUDITOR):
        browser = login_as(role)
        assert browser.get(PAGE).status_code == 200
        assert "记下约定" not in browser.get(PAGE).text
        for path in ("promises", "contacts", "acts", "acts/decide"):
            assert browser.post(f"{PAGE}/{path}", {"idempotency_key": key()}).status_code == 403
    assert officer.get("/settlement/arrears/none").status_code == 404

"""Refunds that aren't with their patients, what nobody fetched, and recalls that wait, as people use the pages."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.money import Money
from tests.counter import CERTIFICATE, NAME, STAY, Counter, collect
from tests.counter import words as text_of
from tests.people import Browser, House
from tests.web.test_settlement import SETTLE, at_cashier, press, settle_form

__all__ = ["at_cashier"]
Login = Callable[[Role], Browser]
REFUNDS = "/settlement/refunds"
LEFT = f"/settlement/stays/{STAY}/unclaimed"


@pytest.fixture
def sent(counter: Counter, house: House, login_as: Login) -> str:
    """A refund of 100.00 that left by WeChat; its number."""
    cashier = login_as(Role.CASHIER)
    assert collect(cashier, "500.00", tender="wechat", payment_reference="WX5500").status_code == 200
    said = {"stay_no": STAY, "kind": "discharge", "at": "2026-01-15T09:30", "ward": "", "disposition": "1"}
    cashier.post("/settlement/visits", said)
    for step, role in enumerate((Role.WARD, Role.BILLING_AUDITOR, Role.INSURANCE_CLERK)):
        login_as(role).post(f"/settlement/stays/{STAY}/pass", {"step_no": str(step)})
    assert press(cashier).status_code == 303
    found = re.search(rf"{REFUNDS}/([A-Z0-9-]+)", cashier.get(f"/settlement/stays/{STAY}").text)
    assert found
    return found[1]


def test_a_refund_is_listed_and_marked_as_arrived(sent: str, login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    page = officer.get(REFUNDS).text
    for words in ("退款未到账", "院内设定：发出 5 个工作日内到账", sent, "微信", "尾号 5500", "100.00"):
        assert words in page, words
    assert "选中的已到账" not in login_as(Role.CASHIER).get(REFUNDS).text
    empty = officer.post(f"{REFUNDS}/arrived", {"seen": f"{sent}:1", "evidence": ""})
    assert empty.status_code == 422
    assert "请填对账单或平台的凭证号" in empty.text
    assert officer.post(f"{REFUNDS}/arrived", {"seen": f"{sent}:1", "evidence": "对账单 7"}).status_code == 303
    page = officer.get(REFUNDS).text
    assert "已登记 1 笔退款到账" in page
    assert "没有在路上的退款" in page
    assert "对账单 7" in officer.get(f"/settlement/stays/{STAY}").text
    officer.post(f"{REFUNDS}/arrived", {"seen": f"{sent}:1", "evidence": "对账单 7"})
    assert "刚有别人办过" in officer.get(REFUNDS).text
    assert officer.post(f"{REFUNDS}/arrived", {"seen": "nonsense", "evidence": "1"}).status_code == 422
    assert officer.post(f"{REFUNDS}/arrived", {"evidence": "1"}).status_code == 303


def test_what_came_back_goes_to_the_patients_card_by_two(sent: str, login_as: Login) -> None:
    officer, cashier = login_as(Role.FINANCE_OFFICER), login_as(Role.CASHIER)
    page = f"{REFUNDS}/{sent}"
    assert officer.post(f"{page}/failed", {"attempt_no": "1", "words": ""}).status_code == 422
    assert officer.post(f"{page}/failed", {"attempt_no": "1", "words": "超过 365 天"}).status_code == 303
    assert "被退回的" in officer.get(REFUNDS).text
    shown = cashier.get(page).text
    for words in ("再退给患者", "按原方式再退一次（微信，退款单号不变）", "超过 365 天", "在窗口退现金"):
        assert words in shown, words
    wrong = cashier.post(f"{page}/again", {"attempt_no": "1", "route": "transfer", "bank": "", "card_no": "12"})
    assert wrong.status_code == 422
    said = {"attempt_no": "1", "route": "transfer", "bank": "农行", "card_no": "6228480402564890018"}
    assert cashier.post(f"{page}/again", said).status_code == 303
    assert "由申请人以外的财务人员确认" in cashier.get(page).text
    shown = officer.get(page).text
    assert "6228480402564890018" not in shown
    assert "确认，付 100.00 元" in shown
    assert officer.post(f"{page}/again/decide", {"attempt_no": "2", "act": "refuse"}).status_code == 422
    assert officer.post(f"{page}/again/decide", {"attempt_no": "2", "act": "approve"}).status_code == 303
    again = officer.post(f"{page}/again/decide", {"attempt_no": "2", "act": "approve"})
    assert again.status_code == 409
    assert officer.post(f"{page}/arrived", {"attempt_no": "2", "words": "回单 3"}).status_code == 303
    assert "已到账" in officer.get(page).text
    assert cashier.post(f"{page}/arrived", {"attempt_no": "2", "words": "x"}).status_code == 403
    assert officer.get(f"{REFUNDS}/A09-000001").status_code == 404


def test_what_came_back_is_paid_in_cash_on_a_slip_the_patient_signs(sent: str, house: House, login_as: Login) -> None:
    officer, path = login_as(Role.FINANCE_OFFICER), f"{REFUNDS}/{sent}"
    officer.post(f"{path}/failed", {"attempt_no": "1", "words": "账户已注销"})
    assert "在窗口退现金" not in officer.get(path).text
    wrong = officer.post(f"{path}/again", {"attempt_no": "1", "route": "cash"})
    assert wrong.status_code == 422
    assert "请收费员来申请改退现金" in wrong.text
    cashier = login_as(Role.CASHIER)
    assert "在窗口退现金" in cashier.get(path).text
    assert cashier.post(f"{path}/again", {"attempt_no": "1", "route": "cash"}).status_code == 303
    assert officer.post(f"{path}/again/decide", {"attempt_no": "2", "act": "approve"}).status_code == 303
    page = officer.get(path).text
    assert officer.post(f"{path}/again/decide", {"attempt_no": "2", "act": "approve"}).status_code == 409
    found = re.search(r"/desk/receipts/(A01-\d+)/print", page)
    assert found
    assert "下一步：申请的收费员打印，付现金，请患者签字" in page
    shift = text_of(cashier.get("/desk/shift").text)
    for part in (found[1], "改退现金", "住院现金（含代退）：收 0.00，付 100.00，净额 -100.00 元"):
        assert part in shift, part
    assert f"/desk/receipts/{found[1]}/void" not in cashier.get("/desk/shift").text
    paper = cashier.get(f"/desk/receipts/{found[1]}/print").text
    for part in ("退款改退现金凭据", "100.00", f"退款 {sent} 被退回，改退现金", "复核人", "患者或家属签字"):
        assert part in paper, part
    with house.context.database.reading() as connection:
        token = connection.exec_driver_sql("SELECT token FROM receipt WHERE kind = 'again'").scalar_one()
    assert "这张改退现金单是真的" in cashier.get(f"/r/{token}").text


def test_a_table_of_results_is_told_line_by_line(sent: str, login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    text = f"票据号,结果,凭证号,原因\n{sent},到账,WX1,\nA09-000009,到账,WX2,\n"

    def send(content: str | None) -> str:
        data: dict[str, object] = {"csrf_token": officer.proof()}
        if content is not None:
            data["file"] = (io.BytesIO(content.encode()), "results.csv")
        answer = officer.client.post(f"{REFUNDS}/results", data=data, content_type="multipart/form-data")
        return f"{answer.status_code} {answer.text}"

    page = send(text)
    assert page.startswith("200")
    for words in ("登记到账 <b>1</b> 笔", "<b>1 行没有办</b>", "没有票号 A09-000009"):
        assert words in page, words
    assert "以前登记过 1 笔" in send(text)
    assert send(None).startswith("422")
    assert send("a,b\n1,2\n").startswith("422")
    assert login_as(Role.CASHIER).post(f"{REFUNDS}/results", {}).status_code == 403


def claim_form(**changes: str) -> dict[str, str]:
    return {
        "claimant": "heir",
        "relation": "儿子",
        "name": "吴小明",
        "paper_kind": "公证书或法院文书",
        "paper_no": "（2026）黔证字 33 号",
        "tender": "cash",
        "bank": "",
        "card_no": "",
        "idempotency_key": str(uuid.UUID(int=9)),
        **changes,
    }


def test_what_was_left_is_given_to_an_heir_by_two(at_cashier: Browser, counter: Counter, login_as: Login) -> None:
    shown = at_cashier.post(SETTLE, settle_form(act="preview", rest="left")).text
    assert "留着待领" in shown
    assert press(at_cashier, rest="left").status_code == 303
    page = at_cashier.get(f"/settlement/stays/{STAY}").text
    assert "100.00 元留着待领" in page
    assert counter.held() == Money(10_000)
    assert "待领" in at_cashier.get(REFUNDS).text
    assert "登记领款人" in at_cashier.get(LEFT).text
    wrong = at_cashier.post(LEFT, claim_form(relation="", paper_no=""))
    assert wrong.status_code == 422
    assert "请写与患者的关系" in wrong.text
    assert at_cashier.post(LEFT, claim_form()).status_code == 303
    assert at_cashier.post(LEFT, claim_form(idempotency_key=str(uuid.UUID(int=10)))).status_code == 409
    officer = login_as(Role.FINANCE_OFFICER)
    shown = officer.get(LEFT).text
    assert "吴小明" in shown  # who confirms compares name and number with the papers
    assert "吴小明" not in login_as(Role.AUDITOR).get(LEFT).text
    assert "吴＊明" in login_as(Role.AUDITOR).get(LEFT).text
    assert officer.post(f"{LEFT}/decide", {"turn_no": "1", "act": "refuse", "ground": ""}).status_code == 422
    assert officer.post(f"{LEFT}/decide", {"turn_no": "1", "act": "approve"}).status_code == 303
    assert counter.held() == Money(0)
    assert "已领" in officer.get(LEFT).text
    assert officer.post(f"{LEFT}/decide", {"turn_no": "1", "act": "approve"}).status_code == 409


def test_the_patient_fetches_it_at_once(at_cashier: Browser, counter: Counter) -> None:
    press(at_cashier, rest="left")
    own = {"name": NAME, "paper_kind": "居民身份证", "paper_no": CERTIFICATE}
    said = claim_form(claimant="patient", relation="本人", **own)
    assert at_cashier.post(LEFT, said).status_code == 303
    assert "已付，票据" in at_cashier.get(LEFT).text
    assert counter.held() == Money(0)
    assert at_cashier.get("/settlement/stays/NONE/unclaimed").status_code == 404


@pytest.mark.parametrize(("disposition", "chosen"), [("5", "left"), ("4", "left"), ("1", "back"), ("2", "back")])
def test_who_may_not_be_there_is_proposed_to_be_left(
    counter: Counter, login_as: Login, disposition: str, chosen: str
) -> None:
    cashier = login_as(Role.CASHIER)
    said = {"stay_no": STAY, "kind": "discharge", "at": "2026-01-15T09:30", "ward": "", "disposition": disposition}
    cashier.post("/settlement/visits", said)
    assert f'name="rest" value="{chosen}" checked' in cashier.get(SETTLE).text


def test_recalls_that_wait_are_listed(at_cashier: Browser, clock: FixedClock, login_as: Login) -> None:
    press(at_cashier)
    assert "没有等办理的召回" in at_cashier.get("/settlement/recalls").text
    clock.moment += timedelta(minutes=5)
    cancel = {"stay_no": STAY, "kind": "cancel_discharge", "at": "2026-01-15T09:30", "ward": "", "disposition": ""}
    assert at_cashier.post("/settlement/visits", cancel).status_code == 303
    assert "待召回 1 张" in at_cashier.get("/settlement").text
    assert "结算单还有效，待召回" in at_cashier.get(f"/settlement/stays/{STAY}").text
    assert "出院已取消，结算单还有效" in at_cashier.get("/settlement/recalls").text
    at_cashier.post(f"/settlement/stays/{STAY}/recall", {"settlement_no": "1", "ground": "出院取消"})
    page = login_as(Role.FINANCE_OFFICER).get("/settlement/recalls").text
    assert "出院取消" in page
    assert "待召回 0 张" in page
    login_as(Role.FINANCE_OFFICER).post(
        f"/settlement/stays/{STAY}/recall/decide", {"settlement_no": "1", "act": "approve"}
    )
    assert "等办理 0 张" in at_cashier.get("/settlement/recalls").text
    assert login_as(Role.SYSTEM_ADMINISTRATOR).get("/settlement/recalls").status_code == 403

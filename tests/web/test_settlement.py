"""The board of discharges, one discharge's record, and messages that stand aside, as people use them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from hospital_prepay.domain.access import Role
from hospital_prepay.domain.money import Money
from hospital_prepay.services.settlement.intake import Outcome, feed, take_hl7
from tests.admissions import raw
from tests.counter import STAY, Counter, collect
from tests.people import INSTITUTION, Browser, House

NO = "Z2509001"
Login = Callable[[Role], Browser]


@pytest.fixture
def discharged(counter: Counter, house: House) -> House:
    """Two discharges of today: one of somebody insured, one who pays everything."""
    for stay_no, more in (
        (NO, {}),
        ("Z2", {"insured": "自费", "certificate": "", "ward": "儿科", "name": "申屠志远"}),
    ):
        message = raw("A03", visit=stay_no, at="20260115091500", admitted="20260110080000", **more)
        assert take_hl7(house.context, feed(INSTITUTION, "mllp"), message, "mllp").outcome is Outcome.APPLIED
    return house


def test_the_board_shows_with_whom_each_lies_and_the_time_left(discharged: House, login_as: Login) -> None:
    page = login_as(Role.FINANCE_OFFICER).get("/settlement").text
    for words in (
        "待结算 2 人",
        "01-20",
        "病区",
        "病历、医嘱、首页",
        "骨二病区",
        "石＊",
        "申＊＊远",
        "出院后 3 个工作日内结算",
    ):
        assert words in page, words
    assert "石敏" not in page  # who doesn't call patients sees no full name
    assert "石敏" in login_as(Role.CASHIER).get("/settlement").text


def test_the_part_that_is_fetched_again_has_no_frame(discharged: House, login_as: Login) -> None:
    answer = login_as(Role.CASHIER).get("/settlement", headers={"HX-Request": "true"})
    assert "<html" not in answer.text
    assert NO in answer.text


def test_filters_by_ward_class_stage_and_time(discharged: House, login_as: Login) -> None:
    browser = login_as(Role.FINANCE_OFFICER)
    assert "申＊＊远" not in browser.get("/settlement?ward=骨二病区").text
    assert NO not in browser.get("/settlement?class=self_pay").text
    assert "没有待结算的出院患者" in browser.get("/settlement?stage=cashier").text
    assert "没有待结算的出院患者" in browser.get("/settlement?list=late").text
    assert NO in browser.get("/settlement?list=later").text
    assert browser.get("/settlement?list=nothing&class=x&stage=y&page=z").status_code == 200


def test_a_ward_does_its_part_and_the_next_one_sees_it(discharged: House, login_as: Login) -> None:
    ward = login_as(Role.WARD)
    page = ward.get(f"/settlement/stays/{NO}").text
    assert "已办好，交给费用审核" in page
    assert ward.post(f"/settlement/stays/{NO}/pass", {"step_no": "0"}).status_code == 303
    assert "已交给费用审核" in ward.get(f"/settlement/stays/{NO}").text
    page = login_as(Role.BILLING_AUDITOR).get(f"/settlement/stays/{NO}").text
    assert "交给医保" in page
    assert "病区员" in page


def test_a_form_sent_twice_is_told_what_happened(discharged: House, login_as: Login) -> None:
    ward = login_as(Role.WARD)
    ward.post(f"/settlement/stays/{NO}/pass", {"step_no": "0"})
    again = ward.post(f"/settlement/stays/{NO}/pass", {"step_no": "0"})
    assert again.status_code == 409
    assert "刚有别人办过一步，现在在费用审核" in again.text


def test_many_are_passed_on_at_once(discharged: House, login_as: Login) -> None:
    ward = login_as(Role.WARD)
    answer = ward.client.post(
        "/settlement/steps",
        data={"seen": [f"{NO}:0", "Z2:0"], "back": "/settlement?stage=ward", "csrf_token": ward.proof()},
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settlement?stage=ward")
    assert "已办好 2 位" in ward.get("/settlement").text
    elsewhere = ward.client.post("/settlement/steps", data={"back": "//evil.example", "csrf_token": ward.proof()})
    assert elsewhere.headers["Location"] == "/settlement"
    assert ward.post("/settlement/steps", {"seen": "nonsense"}).status_code == 422


def test_it_is_sent_back_and_remarked_on(discharged: House, login_as: Login) -> None:
    login_as(Role.WARD).post(f"/settlement/stays/{NO}/pass", {"step_no": "0"})
    audit = login_as(Role.BILLING_AUDITOR)
    empty = audit.post(f"/settlement/stays/{NO}/back", {"step_no": "1", "to": "ward", "note": ""})
    assert empty.status_code == 422
    assert "请写明退回的原因" in empty.text
    audit.post(f"/settlement/stays/{NO}/remark", {"step_no": "1", "note": "等<b>病理</b>"})
    assert "等&lt;b&gt;病理&lt;/b&gt;" in audit.get("/settlement").text
    audit.post(f"/settlement/stays/{NO}/back", {"step_no": "2", "to": "ward", "note": "医嘱没有停完"})
    assert "退回 病区" in audit.get(f"/settlement/stays/{NO}").text


def test_a_role_without_the_step_sees_whose_it_is(discharged: House, login_as: Login) -> None:
    page = login_as(Role.CASHIER).get(f"/settlement/stays/{NO}").text
    assert "这一步由病区办" in page
    assert "已办好，交给" not in page
    assert login_as(Role.CASHIER).post(f"/settlement/stays/{NO}/pass", {"step_no": "0"}).status_code == 403
    assert login_as(Role.SYSTEM_ADMINISTRATOR).get("/settlement").status_code == 403


def test_a_discharge_is_written_down_and_cancelled_by_hand(counter: Counter, login_as: Login) -> None:
    cashier = login_as(Role.CASHIER)
    stay_no = STAY
    said = {"stay_no": stay_no, "kind": "discharge", "at": "2026-01-15T09:30", "ward": "", "disposition": ""}
    assert cashier.get("/settlement/visits/new").status_code == 200
    assert cashier.post("/settlement/visits", {**said, "at": "2026-01-16T09:30"}).status_code == 422
    assert cashier.post("/settlement/visits", {**said, "stay_no": "NONE"}).status_code == 404
    assert cashier.post("/settlement/visits", said).status_code == 303
    assert cashier.post("/settlement/visits", said).status_code == 409
    assert "01-15 09:30 出院" in cashier.get(f"/settlement/stays/{stay_no}").text
    assert "已出院" in cashier.get(f"/desk/stays/{stay_no}").text


def test_an_unknown_stay_says_what_to_do(discharged: House, login_as: Login) -> None:
    answer = login_as(Role.CASHIER).get("/settlement/stays/NONE")
    assert answer.status_code == 404
    assert "没有找到住院号 NONE" in answer.text


def test_what_stands_aside_is_seen_taken_again_and_dropped(counter: Counter, house: House, login_as: Login) -> None:
    broken = raw("A03", visit="", at="20260115091500")
    take_hl7(house.context, feed(INSTITUTION, "mllp"), broken, "mllp")
    take_hl7(house.context, feed(INSTITUTION, "folder"), b"nonsense", "folder")
    officer = login_as(Role.FINANCE_OFFICER)
    assert "搁置 2 条" in officer.get("/settlement").text
    page = officer.get("/settlement/messages").text
    assert "报文没有住院号" in page
    assert "11010519491231002X" not in page
    assert "13800006620" not in page
    assert "1101 **** 002X" in page
    with house.context.database.reading() as connection:
        ids = list(connection.exec_driver_sql("SELECT message_id FROM visit_message ORDER BY source").scalars())
    again = officer.post("/settlement/messages/again", {"message": ids[1]})
    assert again.status_code == 303
    assert "还不能处理：报文没有住院号" in officer.get("/settlement/messages").text
    officer.post(f"/settlement/messages/{ids[0]}/drop", {"ground": ""})
    assert "请写明为什么作废" in officer.get("/settlement/messages").text
    officer.post(f"/settlement/messages/{ids[0]}/drop", {"ground": "测试文件"})
    assert "搁置 1 条" in officer.get("/settlement").text
    assert officer.post(f"/settlement/messages/{ids[0]}/drop", {"ground": "再来"}).status_code == 303
    assert login_as(Role.WARD).get("/settlement/messages").status_code == 403


def test_a_message_is_taken_once_what_was_wrong_is_mended(
    counter: Counter, house: House, login_as: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = raw("A03", visit="Z9", at="20260115091500", admitted="20260110080000", certificate="")
    with monkeypatch.context() as broken:
        broken.setattr("hospital_prepay.services.settlement.intake.STAY_NO", "[A-Y]+")
        assert take_hl7(house.context, feed(INSTITUTION, "mllp"), message, "mllp").outcome is Outcome.QUARANTINED
    with house.context.database.reading() as connection:
        message_id = connection.exec_driver_sql("SELECT message_id FROM visit_message").scalar_one()
    officer = login_as(Role.FINANCE_OFFICER)
    officer.post("/settlement/messages/again", {"message": message_id})
    assert "重新处理了 1 条" in officer.get("/settlement/messages").text
    assert "Z9" in officer.get("/settlement").text


def test_missing_sequence_numbers_are_told(counter: Counter, house: House, login_as: Login) -> None:
    for number in (7, 8, 11):
        message = raw("A01", visit=f"S{number}", at="20260115091500", sequence=str(number), certificate="")
        take_hl7(house.context, feed(INSTITUTION, "mllp"), message, "mllp")
    assert "9–10" in login_as(Role.FINANCE_OFFICER).get("/settlement/messages").text


@pytest.fixture
def at_cashier(counter: Counter, house: House, login_as: Login) -> Browser:
    """The counter's stay with 500.00 in cash, discharged, and with the cashier; a cashier's browser."""
    cashier = login_as(Role.CASHIER)
    assert collect(cashier, "500.00").status_code == 200
    said = {"stay_no": STAY, "kind": "discharge", "at": "2026-01-15T09:30", "ward": "", "disposition": "1"}
    cashier.post("/settlement/visits", said)
    for step, role in enumerate((Role.WARD, Role.BILLING_AUDITOR, Role.INSURANCE_CLERK)):
        login_as(role).post(f"/settlement/stays/{STAY}/pass", {"step_no": str(step)})
    return cashier


def settle_form(**changes: str) -> dict[str, str]:
    return {
        "kind": "discharge",
        "channel": "window",
        "step_no": "3",
        "setl_id": "520000G001",
        "setl_time": "2026-01-15T09:50",
        "medfee_sumamt": "1,000.00",
        "fund_pay_sumamt": "600",
        "psn_part_amt": "400",
        "acct_pay": "0",
        "psn_cash_pay": "400.00",
        "idempotency_key": KEYS[0],
        "act": "settle",
        **changes,
    }


KEYS = [str(uuid.UUID(int=number)) for number in range(1, 5)]
SETTLE = f"/settlement/stays/{STAY}/settle"


def seen_in(page: str) -> str:
    found = re.search(r'name="seen" value="([0-9a-f.]*)"', page)
    return found[1] if found else ""


def press(browser: Browser, path: str = SETTLE, **changes: str) -> TestResponse:
    """Look at what it comes to, then settle that."""
    looked = browser.post(path, settle_form(**{**changes, "act": "preview"}))
    return browser.post(path, settle_form(seen=seen_in(looked.text), **changes))


def test_a_stay_is_settled_at_the_window(at_cashier: Browser, counter: Counter, login_as: Login) -> None:
    assert "算一算" in at_cashier.get(SETTLE).text
    shown = at_cashier.post(SETTLE, settle_form(act="preview")).text
    assert "结算，退 100.00 元" in shown
    assert counter.held() == Money(50_000)  # looking moves nothing
    form = settle_form(seen=seen_in(shown))
    answer = at_cashier.post(SETTLE, form)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/settlement/stays/{STAY}")
    assert at_cashier.post(SETTLE, form).status_code == 303  # sent twice, settled once
    page = at_cashier.get(f"/settlement/stays/{STAY}").text
    for words in ("预交金抵 400.00 元", "退 100.00 元", "已结算", f"{STAY}-1", "申请召回", "电子票据号码"):
        assert words in page, words
    assert counter.held() == Money(0)
    at_cashier.post(f"/settlement/stays/{STAY}/invoice", {"settlement_no": "1", "invoice_no": "0123456789"})
    assert "这次出院办完了" in at_cashier.get(f"/settlement/stays/{STAY}").text
    slip = at_cashier.get("/desk/shift").text
    assert "结算退款" in slip
    assert "-100.00" in slip


def test_what_does_not_tie_is_said_and_what_was_typed_stays(at_cashier: Browser) -> None:
    for act in ("preview", "settle"):
        page = at_cashier.post(SETTLE, settle_form(act=act, psn_cash_pay="399.99")).text
        assert "不能结算：个人负担与个人账户、现金（和共济）之和差 0.01 元" in page
        assert 'value="399.99"' in page
        assert "没有入账，没有开单，没有退款" in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"psn_cash_pay": ""}, "请填金额；没有的填 0"),
        ({"medfee_sumamt": "壹仟"}, "医疗费总额"),
        ({"setl_time": ""}, "请填结算时间"),
        ({"kind": ""}, "请选一个"),
        ({"idempotency_key": "x"}, "过期"),
        (
            {"psn_cash_pay": "900", "medfee_sumamt": "1500", "psn_part_amt": "900", "top_up": "400.01"},
            "最多补交 400.00",
        ),
        (
            {"psn_cash_pay": "900", "medfee_sumamt": "1500", "psn_part_amt": "900", "top_up": "1", "tender": "card"},
            "支付单号",
        ),
    ],
)
def test_a_form_that_is_wrong_comes_back_with_the_field(
    at_cashier: Browser, counter: Counter, changes: dict[str, str], words: str
) -> None:
    answer = press(at_cashier, **changes)
    assert answer.status_code == 422
    assert words in answer.text
    assert counter.held() == Money(50_000)


def test_a_shortfall_is_owed_and_paid_later(at_cashier: Browser) -> None:
    changes = {"psn_cash_pay": "900", "medfee_sumamt": "1500", "psn_part_amt": "900"}
    assert "结算，差 400.00 元" in at_cashier.post(SETTLE, settle_form(**changes, act="preview")).text
    press(at_cashier, **changes, top_up="100", tender="cash")
    page = at_cashier.get(f"/settlement/stays/{STAY}").text
    assert '还欠 <b class="num">300.00</b>' in page
    paid = {"amount": "300", "tender": "cash", "payment_reference": "", "idempotency_key": KEYS[2]}
    at_cashier.post(f"/settlement/stays/{STAY}/pay", {**paid, "amount": "300.01", "idempotency_key": KEYS[3]})
    assert "最多补交 300.00 元" in at_cashier.get(f"/settlement/stays/{STAY}").text
    at_cashier.post(f"/settlement/stays/{STAY}/pay", paid)
    assert "还欠" not in at_cashier.get(f"/settlement/stays/{STAY}").text.split("已收")[1]


def test_a_recall_is_asked_for_at_the_window_and_done_in_finance(at_cashier: Browser, login_as: Login) -> None:
    press(at_cashier)
    page = f"/settlement/stays/{STAY}"
    at_cashier.post(f"{page}/recall", {"settlement_no": "1", "ground": ""})
    assert "请写明为什么召回" in at_cashier.get(page).text
    at_cashier.post(f"{page}/recall", {"settlement_no": "1", "ground": "医保退回"})
    assert "召回待另一个人办理" in at_cashier.get(page).text
    assert at_cashier.post(f"{page}/recall/decide", {"settlement_no": "1", "act": "approve"}).status_code == 403
    officer = login_as(Role.FINANCE_OFFICER)
    assert "召回，红字冲销 1,000.00 元" in officer.get(page).text
    officer.post(f"{page}/recall/decide", {"settlement_no": "1", "act": "approve"})
    shown = officer.get(page).text
    assert "已召回，红字冲销" in shown
    assert "去结算" in at_cashier.get(page).text
    assert press(at_cashier, step_no="5", setl_id="G2", idempotency_key=KEYS[1]).status_code == 303
    assert f"{STAY}-2" in at_cashier.get(page).text


def test_only_the_cashier_settles(at_cashier: Browser, login_as: Login) -> None:
    for role in (Role.FINANCE_OFFICER, Role.WARD, Role.AUDITOR):
        assert login_as(role).get(SETTLE).status_code == 403
        assert login_as(role).post(SETTLE, settle_form()).status_code == 403

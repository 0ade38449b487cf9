"""The page of a stay after its discharge: what waits beside it, and what may be done with it, in words."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import cast

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.services.settlement.intake import feed, take_hl7
from tests.admissions import raw
from tests.counter import STAY as COUNTED
from tests.counter import Counter
from tests.counter import words as text_of
from tests.people import INSTITUTION, Browser, House
from tests.settled import STEPS, discharged, pass_to_cashier
from tests.web.test_settlement import at_cashier, press

__all__ = ["at_cashier"]

NO = "Z2509001"
STAY = f"/settlement/stays/{NO}"
ASKED = "已申请取消这次出院，等另一个人决定"
Login = Callable[[Role], Browser]


@pytest.fixture
def late(counter: Counter, house: House, clock: FixedClock) -> House:
    """A discharge of 15 January, due on the 20th, that lies with the cashier on the 22nd."""
    discharged(house.context, clock, NO, datetime(2026, 1, 15, 9, tzinfo=SHANGHAI), INSTITUTION, insured="390")
    pass_to_cashier(house.context, NO, *(house.actor(role) for role in STEPS))
    clock.moment = datetime(2026, 1, 22, 9, tzinfo=SHANGHAI)
    return house


def ask_take_back(login_as: Login) -> None:
    said = {"stay_no": NO, "kind": "cancel_discharge", "at": "2026-01-22T08:30", "ground": "没有走"}
    assert login_as(Role.CASHIER).post("/settlement/visits", said).status_code == 303


def test_a_request_to_take_a_discharge_back_is_seen_wherever_it_is_worked_on(late: House, login_as: Login) -> None:
    cashier, officer = login_as(Role.CASHIER), login_as(Role.FINANCE_OFFICER)
    pages = ("/settlement", STAY, f"{STAY}/settle")
    assert not any(ASKED in cashier.get(page).text for page in pages)
    ask_take_back(login_as)
    cashier.get(STAY)
    for page in pages:
        assert ASKED in cashier.get(page).text, page
    assert "结算单还有效" not in officer.get(STAY).text
    assert press(cashier, f"{STAY}/settle").status_code == 303  # nothing is refused
    shown = officer.get(STAY).text
    assert f"结算单 {NO}-1 还有效" in shown
    assert "同意取消出院以后，结算单还要召回" in shown
    officer.post(f"{STAY}/take_back/1/decide", {"act": "agree"})
    shown = officer.get(STAY).text
    assert "出院已取消；这一次在报表里仍算逾期。" in shown
    assert f"结算单 {NO}-1 还有效，请到“召回”办理" in shown
    assert not any(ASKED in officer.get(page).text for page in ("/settlement", STAY))


def test_voiding_a_cash_refund_tells_to_collect_the_money_back(
    counter: Counter, at_cashier: Browser, login_as: Login
) -> None:
    cashier, officer = at_cashier, login_as(Role.FINANCE_OFFICER)
    assert press(cashier).status_code == 303
    [void] = re.findall(r"/desk/receipts/[A-Z0-9-]+/void", cashier.get("/desk/shift").text)[:1]
    form = text_of(cashier.get(void).text)
    assert "向患者收回 100.00 元现金" in form
    assert "付款时间" in form
    assert "付错患者" in form
    assert "复核后才退钱" not in form
    assert cashier.post(void, {"reason": "金额录错"}).status_code == 303
    assert "退款票作废的，先向患者收回现金" in text_of(officer.get("/desk/voids").text)
    [request] = re.findall(r"/desk/voids/([^/\"]+)", officer.get("/desk/voids").text)[:1]
    page = text_of(officer.get(f"/desk/voids/{request}").text)
    assert "100.00 元现金已向患者收回、在申请人手里" in page
    assert "收款时" not in page
    officer.post(f"/desk/voids/{request}/confirm", {})
    assert "向患者收回的 100.00 元现金放进申请人的钱箱" in text_of(officer.get("/desk/voids").text)


def test_why_it_is_late_is_asked_only_of_what_is_late_and_chosen_by_somebody(late: House, login_as: Login) -> None:
    ward, clock = login_as(Role.WARD), cast(FixedClock, late.context.clock)
    said = {"reason": "", "words": "x", "idempotency_key": str(uuid.uuid4())}
    page = ward.get(STAY).text
    assert '<option value="">请选</option><option value="insurance_down">' in page
    ward.post(f"{STAY}/late", said)
    page = ward.get(STAY).text
    assert "为什么逾期：请选一个。" in page
    assert "没申请容错" not in page
    clock.moment = datetime(2026, 1, 20, 9, tzinfo=SHANGHAI)  # the due day itself
    page = ward.get(STAY).text
    assert "为什么逾期" not in page
    assert "同时申请容错" not in page
    assert "没有逾期，不用写原因" in page
    ward.post(f"{STAY}/late", {**said, "reason": "insurance_down", "asks_excuse": "yes"})
    assert "还没有逾期，不用申请容错" in ward.get(STAY).text


def test_only_who_may_decide_is_sent_to_decide(late: House, login_as: Login) -> None:
    lists = ("/settlement/late?list=take_backs", "/settlement/late?list=excuses")
    officer = login_as(Role.FINANCE_OFFICER)
    ask_take_back(login_as)
    said = {"reason": "insurance_down", "words": "x", "idempotency_key": str(uuid.uuid4()), "asks_excuse": "yes"}
    assert officer.post(f"{STAY}/late", said).status_code == 303
    for role, words in (
        (Role.WARD, ("去看", "去看")),
        (Role.INSURANCE_CLERK, ("去看", "去看")),
        (Role.CASHIER, ("去看", "去看")),
        (Role.FINANCE_OFFICER, ("去决定", "去看")),  # they asked for the excuse themselves
        (Role.FINANCE_APPROVER, ("去决定", "去决定")),
    ):
        for path, word in zip(lists, words, strict=True):
            assert f'#h-late">{word}<' in login_as(role).get(path).text, (role, path)


def test_after_the_recall_of_a_discharge_taken_back_the_way_on_is_told(
    at_cashier: Browser, login_as: Login, clock: FixedClock
) -> None:
    cashier, officer, stay = at_cashier, login_as(Role.FINANCE_OFFICER), f"/settlement/stays/{COUNTED}"
    assert press(cashier).status_code == 303
    clock.moment = datetime(2026, 1, 15, 10, 5, tzinfo=SHANGHAI)
    said = {"stay_no": COUNTED, "kind": "cancel_discharge", "at": "2026-01-15T10:00"}
    assert cashier.post("/settlement/visits", said).status_code == 303
    page = text_of(cashier.get(stay).text)
    assert "取消出院 01-15 10:05 收费员员" in page
    cashier.post(f"{stay}/recall", {"settlement_no": "1", "ground": "没有走"})
    officer.post(f"{stay}/recall/decide", {"settlement_no": "1", "act": "approve"})
    page = text_of(officer.get(stay).text)
    assert "已召回，红字冲销。出院已取消：患者出院时先重新登记出院，交到收费后再结算。" in page
    assert "手工录入可以重新录入" in page


def test_another_system_that_took_a_discharge_back_is_named_so(late: House, login_as: Login) -> None:
    said = raw("A13", visit=NO, at="20260122083000", admitted="20260110080000")
    take_hl7(late.context, feed(INSTITUTION, "mllp"), said, "mllp")
    assert "取消出院 01-22 08:30 接口" in text_of(login_as(Role.WARD).get(STAY).text)


@pytest.mark.parametrize("role", [Role.BILLING_AUDITOR, Role.INSURANCE_CLERK, Role.FINANCE_OFFICER])
def test_the_form_of_an_event_is_only_for_who_may_send_it(counter: Counter, login_as: Login, role: Role) -> None:
    browser = login_as(role)
    answer = browser.get("/settlement/visits/new")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settlement")
    assert "登记出院由收费员或病区办理" in browser.get("/settlement").text
    assert login_as(Role.WARD).get("/settlement/visits/new").status_code == 200


def test_the_board_is_filtered_by_what_nobody_named(late: House, login_as: Login) -> None:
    ward = login_as(Role.WARD)
    said = raw("A03", visit="U1", at="20260121091500", admitted="20260110080000", insured="07", certificate="")
    take_hl7(late.context, feed(INSTITUTION, "mllp"), said, "mllp")
    page = ward.get("/settlement?class=unknown").text
    assert '<option value="unknown" selected>类型未知</option>' in page
    assert "U1" in page
    assert NO not in page
    assert NO in ward.get("/settlement?class=resident").text
    assert "U1" in ward.get("/settlement?class=unknown&list=later").text


def test_what_a_settlement_took_counts_at_the_desk_as_it_does_in_the_rule(
    at_cashier: Browser, login_as: Login
) -> None:
    def said() -> tuple[str, str]:
        page = text_of(at_cashier.get(f"/desk/stays/{COUNTED}").text)
        [found] = re.findall(r"已收（1 笔） ?([\d,.]+) ?元 ?还可收 ?([\d,.]+) ?元", page)
        return found[0], found[1]

    taken, room = said()
    assert taken == "500.00"
    assert press(at_cashier).status_code == 303
    assert said() == ("400.00", f"{Decimal(room.replace(',', '')) + 100:,}")  # 100.00 went back

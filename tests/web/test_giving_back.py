"""Money given back at the counter: what is offered, asked for, looked at by a second person, and turned down."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.money import Money
from tests.counter import STAY, Counter, collect, words
from tests.people import Browser

LoginAs = Callable[[Role], Browser]
TALK = {"talked_with": "女儿 吴某", "talked_at": "2026-01-15T09:40", "talk": "已说明为什么、收多少、怎么退"}
REFUND = f"/desk/stays/{STAY}/refund"


@pytest.fixture
def cashier(counter: Counter, login_as: LoginAs) -> Browser:
    return login_as(Role.CASHIER)


@pytest.fixture
def officer(counter: Counter, login_as: LoginAs) -> Browser:
    return login_as(Role.FINANCE_OFFICER)


def refund(**changes: str) -> dict[str, str]:
    return {"amount": "500", "ground": "隔天发现收错患者", "route": "original", "account": "", **changes}


def request_id(officer: Browser) -> str:
    [found] = set(re.findall(r"/desk/voids/([0-9a-f-]{36})", officer.get("/desk/voids").text))
    return str(found)


def test_money_of_an_earlier_day_is_refunded_up_to_what_the_stay_holds(
    cashier: Browser, counter: Counter, clock: FixedClock, login_as: LoginAs
) -> None:
    collect(cashier, "1200")
    clock.moment += timedelta(days=1)
    cashier, officer = login_as(Role.CASHIER), login_as(Role.FINANCE_OFFICER)
    stay = cashier.get(f"/desk/stays/{STAY}").text
    assert stay.count(f'href="{REFUND}"') == 2, "from the receipt and from the stay"
    assert f'href="{REFUND}"' in cashier.get("/desk/receipts/A01-000001/void").text
    form = cashier.get(REFUND).text
    [field] = re.findall(r'<input[^>]*id="f-amount"[^>]*>', form)
    assert 'value=""' in field, "nobody knows how much"
    assert cashier.post(REFUND, refund()).status_code == 303
    assert counter.held() == Money(120000)
    assert officer.post(f"/desk/voids/{request_id(officer)}/confirm").status_code == 303
    assert counter.held() == Money(70000)


def test_a_refund_of_an_excess_begins_with_it(cashier: Browser, officer: Browser, counter: Counter) -> None:
    collect(cashier, "3200")
    cashier.post(f"/desk/stays/{STAY}/change", {"case": "class", "insured_class": "employee", **TALK})
    officer.post(f"/desk/voids/{request_id(officer)}/decline", {"reason": "先核对"})
    [field] = re.findall(r'<input[^>]*id="f-amount"[^>]*>', cashier.get(REFUND).text)
    assert 'value="1360.00"' in field


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount": "1200.01"}, "最多可退 1,200.00 元"),
        ({"amount": "0"}, "退款金额要大于零"),
        ({"amount": ""}, "e-amount"),
        ({"amount": "-5"}, "小于零"),
        ({"ground": " "}, "e-ground"),
        ({"route": "elsewhere"}, "请选一种退回方式"),
        ({"route": ""}, "e-route"),
    ],
)
def test_a_wrong_refund_is_told_beside_its_field(
    cashier: Browser, counter: Counter, changes: dict[str, str], said: str
) -> None:
    collect(cashier, "1200")
    response = cashier.post(REFUND, refund(**changes))
    assert response.status_code == 422
    assert said in response.text
    assert counter.count("slip_request") == 0


def voids(browser: Browser) -> list[str]:
    """The slips whose void is offered at the stay."""
    return re.findall(r"/desk/receipts/(A01-\d+)/void", browser.get(f"/desk/stays/{STAY}").text)


def test_a_void_is_offered_only_where_it_can_be_done(cashier: Browser, officer: Browser, counter: Counter) -> None:
    collect(cashier, "3200")
    assert voids(cashier) == ["A01-000001"]
    cashier.post(f"/desk/stays/{STAY}/change", {"case": "class", "insured_class": "employee", **TALK})
    officer.post(f"/desk/voids/{request_id(officer)}/confirm")
    assert counter.held() == Money(184000)
    assert voids(cashier) == [], "neither the receipt that was partly given back nor the refund above the cap"
    assert "/void" not in cashier.get("/desk/shift").text
    assert "余额不够作废" in cashier.get("/desk/receipts/A01-000001/void").text


def test_a_refusal_asks_for_a_reason_and_shows_it_to_who_asked(
    cashier: Browser, officer: Browser, counter: Counter
) -> None:
    collect(cashier, "1200")
    cashier.post("/desk/receipts/A01-000001/void", {"reason": "金额录错"})
    path = f"/desk/voids/{request_id(officer)}/decline"
    refused = officer.post(path, {"reason": " "})
    assert refused.status_code == 422
    assert 'id="e-reason"' in refused.text
    assert counter.count("slip_request", "state = 'waiting'") == 1
    assert officer.post(path, {"reason": "票面没有错"}).status_code == 303
    for page in (f"/desk/stays/{STAY}", "/desk"):
        assert "A01-000001 的作废没有同意：票面没有错（财务员" in words(cashier.get(page).text), page
    assert "没有同意" not in words(officer.get("/desk").text), "who didn't ask isn't told"
    for person in (cashier, officer):
        listed = words(person.get("/desk/voids").text).partition("今天已办理")[2]
        assert "没有同意" in listed
        assert "票面没有错" in listed
    assert counter.count("audit_event", "action = 'slip.decide' AND detail LIKE '%票面没有错%'") == 1


def test_a_second_person_reads_what_it_is_about_before_deciding(
    cashier: Browser, officer: Browser, clock: FixedClock
) -> None:
    collect(cashier, "3200")
    clock.moment += timedelta(minutes=1)
    cashier.post(f"/desk/stays/{STAY}/change", {"case": "disease", "disease": "G00.900", **TALK})
    cashier.post("/desk/receipts/A01-000001/void", {"reason": "金额录错"})
    assert "/confirm" not in officer.get("/desk/voids").text, "it is decided on its own page"
    found = request_id(officer)
    page = words(officer.get(f"/desk/voids/{found}").text)
    for part in ("A01-000001", "3,200.00 元，现金", "原因金额录错", "决定号D-", "同意，作废 3,200.00 元"):
        assert part in page
    assert "细菌性肺炎 J15.900 · 城乡居民医保，额度 3,200.00 元" in page
    assert "细菌性脑膜炎 G00.900 · 城乡居民医保，额度 6,840.00 元" in page
    own = words(cashier.get(f"/desk/voids/{found}").text)
    assert "您自己申请的，由别人复核" in own
    assert "同意，作废" not in own
    officer.post(f"/desk/voids/{found}/confirm")
    assert officer.get(f"/desk/voids/{found}").status_code == 409
    assert officer.get("/desk/voids/nothing").status_code == 404


def test_an_excess_is_approved_with_the_class_that_lowered_the_cap_in_sight(
    cashier: Browser, officer: Browser, clock: FixedClock
) -> None:
    collect(cashier, "3200")
    clock.moment += timedelta(minutes=1)
    cashier.post(f"/desk/stays/{STAY}/change", {"case": "class", "insured_class": "employee", **TALK})
    page = words(officer.get(f"/desk/voids/{request_id(officer)}").text)
    for part in ("同意，退 1,360.00 元", "城乡居民医保，额度 3,200.00 元", "职工医保，额度 1,840.00 元", "决定号D-"):
        assert part in page


def test_a_refund_that_others_approved_stands_apart_from_the_shift(
    cashier: Browser, clock: FixedClock, login_as: LoginAs
) -> None:
    collect(cashier, "3200")
    cashier.post(f"/desk/stays/{STAY}/change", {"case": "class", "insured_class": "employee", **TALK})
    clock.moment += timedelta(days=1)
    cashier, officer = login_as(Role.CASHIER), login_as(Role.FINANCE_OFFICER)
    officer.post(f"/desk/voids/{request_id(officer)}/confirm")
    desk = words(cashier.get("/desk").text)
    assert "本班已收 0 笔 0.00 元" in desk
    assert "代退 1 笔 1,360.00 元" in desk
    shift = words(cashier.get("/desk/shift").text)
    assert "还没开班" in shift
    assert "代退" in shift
    assert "A01-000002" in shift.partition("票出在您的票据本里")[2]
    assert "住院现金（含代退）：收 0.00，付 1,360.00，净额 -1,360.00 元" in shift

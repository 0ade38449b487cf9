"""The calendar of duties over the books: places, closing, withdrawing, owed amounts, and the subscribed calendar."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from icalendar import Calendar

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.rules.fund.duty_states import DutyState, Standing
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence import users
from hospital_prepay.services.compliance.replay import replay_decisions
from hospital_prepay.services.fund import duties, duty_calendar, duty_closing, henan, places
from hospital_prepay.services.fund.duty_closing import CloseDuty
from hospital_prepay.services.fund.places import ProposePlace
from tests.hospital import INSTITUTION, Hospital, actor
from tests.services.fund.conftest import APPROVER, OFFICER, PAYER, Year, line

HENAN, ZHEJIANG, XIZANG = "henan-settlement-2023", "zhejiang-prepay-2025", "xizang-prepay-2024"
HENAN_HERE = ProposePlace(HENAN, "平顶山市", 2026, True)
FEBRUARY = f"{HENAN}/reconcile/2026-02-05"


def at(hospital: Hospital, *moment: int) -> None:
    hospital.context.clock.moment = datetime(*moment, tzinfo=SHANGHAI).astimezone(UTC)  # type: ignore[arg-type,attr-defined]


def settled(hospital: Hospital, command: ProposePlace = HENAN_HERE) -> None:
    number = places.propose_place(hospital.context, OFFICER, command)
    places.decide_place(hospital.context, APPROVER, number, confirmed=True)


def find(hospital: Hospital, key: str) -> Standing:
    return duties.find_duty(duties.read_duties(hospital.context, OFFICER), key)


def close(hospital: Hospital, key: str = FEBRUARY, on: date | None = date(2026, 1, 14)) -> duty_closing.Closed:
    return duty_closing.record_closure(hospital.context, OFFICER, CloseDuty(key, on, "回执 1"))


def test_a_place_counts_once_another_person_confirmed_it(hospital: Hospital) -> None:
    number = places.propose_place(hospital.context, OFFICER, HENAN_HERE)
    assert duties.read_duties(hospital.context, OFFICER).of_year(2026) == []
    with pytest.raises(NotPermitted):
        places.decide_place(hospital.context, OFFICER, number, confirmed=True)
    both = replace(OFFICER, roles=frozenset({Role.FINANCE_OFFICER, Role.FINANCE_APPROVER}))
    with pytest.raises(SecondPersonRequired):
        places.decide_place(hospital.context, both, number, confirmed=True)
    places.decide_place(hospital.context, APPROVER, number, confirmed=True)
    with pytest.raises(Conflict):
        places.decide_place(hospital.context, APPROVER, number, confirmed=False)
    book = duties.read_duties(hospital.context, OFFICER)
    assert sum(one.item.name == "reconcile" for one in book.of_year(2026)) == 12
    assert [one.item.name for one in book.of_year(2025)] == ["clear_stock"]
    assert any(not one.is_ours for one in book.of_year(2026))


@pytest.mark.clause("henan-settlement-2023/3.1")
def test_an_application_for_the_reconciliation_closes_its_duty(year: Year, clock: FixedClock) -> None:
    year.regime = HENAN
    year.arrived()
    clock.moment = datetime(2026, 3, 6, 9, 0, tzinfo=SHANGHAI)
    context = year.hospital.context
    henan.apply_reconciliation(context, OFFICER, "2026-01", date(2026, 2, 5), "申请 1")
    henan.apply_reconciliation(context, OFFICER, "2026-02", date(2026, 3, 6), "申请 2")
    found = {
        one.item.named_on.month: one
        for one in duties.read_duties(context, OFFICER).of_year(2026)
        if one.item.name == "reconcile"
    }
    assert [(found[month].state.value, found[month].late) for month in (1, 2, 3, 4)] == [
        ("overdue", None),
        ("done", False),
        ("done", True),
        ("open", None),
    ]


def test_what_was_declined_counts_for_nothing_and_may_be_said_again(hospital: Hospital) -> None:
    number = places.propose_place(hospital.context, OFFICER, HENAN_HERE)
    with pytest.raises(Conflict):
        places.propose_place(hospital.context, PAYER, HENAN_HERE)
    places.decide_place(hospital.context, APPROVER, number, confirmed=False)
    assert duties.read_duties(hospital.context, OFFICER).of_year(2026) == []
    settled(hospital)
    assert [row.state for row in places.place_history(hospital.context, OFFICER).rows] == ["confirmed", "declined"]


@pytest.mark.parametrize(
    "wrong",
    [
        replace(HENAN_HERE, regime="x"),
        replace(HENAN_HERE, pool_region=" "),
        replace(HENAN_HERE, from_year=2023),
        replace(HENAN_HERE, from_year=2028),
    ],
)
def test_a_place_that_cannot_be_is_refused_and_nothing_stored(hospital: Hospital, wrong: ProposePlace) -> None:
    with pytest.raises(MalformedInput):
        places.propose_place(hospital.context, OFFICER, wrong)
    assert hospital.count("fund_place") == 0


def test_a_grant_brings_its_place_and_its_application_and_receipt_close_their_duties(year: Year) -> None:
    year.arrived()
    book = duties.read_duties(year.hospital.context, OFFICER)
    found = {(one.item.name, one.item.fund): one for one in book.of_year(2026)}
    assert (found["apply", "employee"].state, found["apply", "employee"].late) == (DutyState.DONE, False)
    assert found["apply", "resident"].state is DutyState.DUE_SOON
    assert (found["pay_out", ""].state, found["pay_out", ""].done_on) == (DutyState.DONE, date(2026, 1, 15))
    assert (found["clear", ""].state, found["clear", ""].owed_fen) == (DutyState.OPEN, 100_000_000)


@pytest.mark.clause("xizang-prepay-2024/5.4")
def test_midnight_of_the_tenth_of_december_turns_open_into_overdue_and_still_says_what_is_owed(
    hospital: Hospital,
) -> None:
    year = Year(hospital, regime=XIZANG).arrived()
    key = f"{XIZANG}/clear/2026-12-10"
    at(hospital, 2026, 12, 10, 23, 59, 59)
    before = find(hospital, key)
    assert (before.state, before.days_left) == (DutyState.DUE_SOON, 0)
    at(hospital, 2026, 12, 11, 0, 0, 0)
    late = find(hospital, key)
    assert (late.state, late.days_left, late.owed_fen) == (DutyState.OVERDUE, -1, 100_000_000)
    assert [one.grant_id for one in late.known.owed] == [year.grant_id]
    year.give_back(100_000_000)
    done = find(hospital, key)
    assert (done.state, done.done_on, done.late) == (DutyState.DONE, date(2026, 12, 11), True)


def test_the_clearing_of_a_past_year_stays_in_sight_as_long_as_something_is_owed(year: Year) -> None:
    year.arrived()
    at(year.hospital, 2028, 3, 1)
    found = [one for one in duties.pressing_duties(year.hospital.context, OFFICER) if one.item.name == "clear"]
    assert [(one.item.year, one.owed_fen) for one in found] == [(2026, 100_000_000)]


def test_a_clearing_counts_every_grant_of_the_year(year: Year) -> None:
    year.arrived()
    first = year.grant_id
    year.apply(Fund.RESIDENT)
    year.approve()
    year.receive()
    year.give_back(100_000_000)
    found = find(year.hospital, f"{ZHEJIANG}/clear/2026-12-15")
    assert [one.grant_id for one in found.known.owed] == [first]
    year.grant_id = first
    year.give_back(40_000_000)
    year.offset(60_000_000, 60_000_000)
    assert find(year.hospital, f"{ZHEJIANG}/clear/2026-12-15").state is DutyState.DONE


def test_a_duty_is_closed_with_its_document_and_withdrawn_with_a_ground(hospital: Hospital) -> None:
    settled(hospital)
    closed = close(hospital)
    assert closed.decision.reasons[0].code == "in_time"
    assert (find(hospital, FEBRUARY).state, find(hospital, FEBRUARY).late) == (DutyState.DONE, False)
    with pytest.raises(Conflict):
        close(hospital)
    with pytest.raises(MalformedInput):
        duty_closing.withdraw_closure(hospital.context, OFFICER, FEBRUARY, " ")
    duty_closing.withdraw_closure(hospital.context, APPROVER, FEBRUARY, "记错月份")
    assert find(hospital, FEBRUARY).state is DutyState.OPEN
    with pytest.raises(Conflict):
        duty_closing.withdraw_closure(hospital.context, APPROVER, FEBRUARY, "再撤一次")
    close(hospital, on=None)
    assert find(hospital, FEBRUARY).state is DutyState.NOT_APPLICABLE
    assert hospital.count("fund_duty_closure") == 3
    assert replay_decisions(hospital.context.database).different == 0


def test_closing_and_withdrawing_in_any_order_give_one_state(hospital: Hospital) -> None:
    settled(hospital)
    live = False
    for act in itertools.chain("ccwcwwcwcc", "wwcc"):
        try:
            if act == "c":
                close(hospital)
                assert not live
            else:
                duty_closing.withdraw_closure(hospital.context, OFFICER, FEBRUARY, "x")
                assert live
            live = not live
        except Conflict:
            assert live is (act == "c")
        assert (find(hospital, FEBRUARY).state is DutyState.DONE) is live


def test_a_day_ahead_and_a_duty_that_is_not_there_are_refused(hospital: Hospital) -> None:
    settled(hospital)
    with pytest.raises(MalformedInput) as told:
        close(hospital, on=date(2026, 1, 16))
    assert told.value.details == {"field": "done_on"}
    for key in (
        "",
        "x",
        f"{HENAN}/reconcile/9999-02-05",
        f"{HENAN}/reconcile/2026-02-06",
        f"{ZHEJIANG}/x/2026-01-01",
    ):
        with pytest.raises(NotFound):
            close(hospital, key=key)
    assert hospital.count("fund_duty_closure") == 0


def test_what_the_books_decide_nobody_closes_and_the_attempt_is_on_record(year: Year) -> None:
    year.arrived()
    closed = close(year.hospital, key=f"{ZHEJIANG}/clear/2026-12-15")
    assert (closed.decision.permitted, closed.decision.reasons[0].code) == (False, "books_decide")
    assert year.hospital.count("fund_duty_closure") == 0
    assert year.hospital.count("audit_event", "action = 'fund.duty' AND outcome = 'refused'") == 1
    with pytest.raises(NotPermitted):
        duty_closing.record_closure(year.hospital.context, actor(Role.DEPARTMENT_HEAD), CloseDuty("x", None, "x"))


def test_a_reservation_and_a_payment_without_invoices_are_duties_until_they_are_settled(year: Year) -> None:
    year.arrived()
    request_id = year.reserve(line(1000))
    assert find(year.hospital, f"request/{request_id}/reservation").item.due_on == date(2026, 1, 30)
    year.pay(request_id)
    assert find(year.hospital, f"request/{request_id}/invoices").item.due_on == date(2026, 2, 14)
    with pytest.raises(NotFound):
        find(year.hospital, f"request/{request_id}/reservation")


def test_the_subscribed_calendar_reads_back_and_names_nobody(year: Year) -> None:
    year.arrived()
    settled(year.hospital)
    request_id = year.reserve(line(1000))
    close(year.hospital)
    token = duty_calendar.open_calendar(year.hospital.context, owner(year.hospital))
    content = duty_calendar.read_calendar(year.hospital.context, token)
    events = {str(one["uid"]): one for one in Calendar.from_ical(content).walk("VEVENT")}
    titles = [str(one["summary"]) for one in events.values()]
    assert len(events) > 100
    assert "交回或抵扣全部预付金，应还 1,000,000.00 元" in titles
    clear = next(one for one in events.values() if "应还" in str(one["summary"]))
    assert (clear["dtstart"].dt, clear["dtend"].dt, clear["status"]) == (
        *(date(2026, 12, 15), date(2026, 12, 16)),
        "CONFIRMED",
    )
    assert [one["trigger"].dt for one in clear.walk("VALARM")] == [timedelta(-7), timedelta(-1)]
    tentative = [one for one in events.values() if one["status"] == "TENTATIVE"]
    assert tentative
    assert all("暂定，估计" in str(one["summary"]) and not one.walk("VALARM") for one in tentative)
    text = content.decode()
    for secret in ("一月药款", "回执", "黔药", *(who.actor_id for who in (OFFICER, APPROVER)), request_id):
        assert secret not in text.replace("\r\n ", "")
    assert all(len(row.encode()) <= 75 for row in text.split("\r\n"))
    at(year.hospital, 2026, 1, 16, 9)
    again = Calendar.from_ical(duty_calendar.read_calendar(year.hospital.context, token))
    assert {str(one["uid"]) for one in again.walk("VEVENT")} == set(events)
    assert clear["dtstamp"].dt.utcoffset() == timedelta(0)


def owner(hospital: Hospital) -> Actor:
    """A finance officer as the account table knows one."""
    who = OFFICER
    with hospital.context.database.writing() as connection:
        user = users.by_id(connection, INSTITUTION, who.actor_id)
        assert user is not None
        users.change(connection, user, roles=who.roles)
    return who


def test_a_calendar_ends_with_its_owner_his_role_or_his_word(hospital: Hospital) -> None:
    context, who = hospital.context, owner(hospital)
    first = duty_calendar.open_calendar(context, who)
    token = duty_calendar.open_calendar(context, who)
    for wrong in (first, "", token + "x"):
        with pytest.raises(NotFound):
            duty_calendar.read_calendar(context, wrong)
    assert hospital.count("fund_calendar", f"token_hash LIKE '%{token}%'") == 0
    for changes in ({"is_active": False}, {"roles": frozenset({Role.CASHIER})}):
        duty_calendar.read_calendar(context, token)
        with context.database.writing() as connection:
            user = users.by_id(connection, INSTITUTION, who.actor_id)
            assert user is not None
            users.change(connection, user, **changes)
        with pytest.raises(NotFound):
            duty_calendar.read_calendar(context, token)
        with context.database.writing() as connection:
            users.change(connection, user, is_active=True, roles=who.roles)
    duty_calendar.end_calendar(context, who)
    with pytest.raises(NotFound):
        duty_calendar.read_calendar(context, token)
    with pytest.raises(NotFound):
        duty_calendar.end_calendar(context, who)

"""Where a duty stands on the days around its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from hospital_prepay.domain.calendar import calendar_of
from hospital_prepay.domain.rules.fund.duty_closing import CloseFacts, close_duty
from hospital_prepay.domain.rules.fund.duty_items import (
    OpenRequest,
    PlaceWord,
    items_of_requests,
    items_of_year,
    places_in_year,
)
from hospital_prepay.domain.rules.fund.duty_states import (
    Closure,
    DatedItem,
    DutyState,
    GrantFact,
    Known,
    Standing,
    books_say,
    reminder_stage,
    standing,
)
from hospital_prepay.domain.rules.fund.regime import DutyHolder
from hospital_prepay.rulebook.holidays import announced_years
from hospital_prepay.rulebook.loader import load_rulebook

CALENDAR = calendar_of(announced_years().values())
ZHEJIANG, HENAN, XIZANG = "zhejiang-prepay-2025", "henan-settlement-2023", "xizang-prepay-2024"
GRANT = GrantFact("g", XIZANG, "拉萨市", "employee", 2026, False, date(2026, 1, 9), date(2026, 1, 28), 30000, None)


def item(regime: str, name: str, year: int = 2026, **fits: object) -> DatedItem:
    found = items_of_year(load_rulebook().regime(regime, year), year, CALENDAR, ("拉萨市",))
    return next(
        one for one in found if one.name == name and all(getattr(one, key) == value for key, value in fits.items())
    )


def on(
    day: date, one: DatedItem, *grants: GrantFact, closure: Closure | None = None, known: Known | None = None
) -> Standing:
    return standing(one, known or books_say(one, grants), closure, CALENDAR, day)


@pytest.mark.clause("xizang-prepay-2024/5.4")
def test_the_tenth_of_december_itself_is_in_time_and_the_day_after_is_late_and_both_say_what_is_owed() -> None:
    clear = item(XIZANG, "clear")
    last, after = on(date(2026, 12, 10), clear, GRANT), on(date(2026, 12, 11), clear, GRANT)
    assert (last.state, last.days_left, last.owed_fen) == (DutyState.DUE_SOON, 0, 30000)
    assert (after.state, after.days_left, after.owed_fen) == (DutyState.OVERDUE, -1, 30000)


def test_a_week_before_is_soon_and_eight_days_are_not() -> None:
    clear = item(XIZANG, "clear")
    assert on(date(2026, 12, 2), clear, GRANT).state is DutyState.OPEN
    assert on(date(2026, 12, 3), clear, GRANT).state is DutyState.DUE_SOON


def test_working_days_are_counted_to_the_day_itself() -> None:
    # 2026-10-01 to 10-07 is National Day; 10-10 is a working Saturday.
    one = replace(item(XIZANG, "clear"), due_on=date(2026, 10, 10))
    assert on(date(2026, 9, 30), one, GRANT).working_days_left == 3
    assert on(date(2026, 10, 11), one, GRANT).working_days_left is None


@pytest.mark.parametrize(("cleared", "late"), [(date(2026, 12, 10), False), (date(2026, 12, 11), True)])
def test_a_clearing_is_done_on_the_day_the_last_grant_came_to_zero(cleared: date, late: bool) -> None:
    first = replace(GRANT, owed_fen=0, cleared_on=date(2026, 6, 1))
    second = replace(GRANT, grant_id="h", fund="resident", owed_fen=0, cleared_on=cleared)
    found = on(date(2026, 12, 20), item(XIZANG, "clear"), first, second)
    assert (found.state, found.done_on, found.late) == (DutyState.DONE, cleared, late)


def test_one_grant_that_is_still_owed_keeps_the_clearing_open() -> None:
    other = replace(GRANT, grant_id="h", fund="resident", owed_fen=0, cleared_on=date(2026, 6, 1))
    assert on(date(2026, 7, 1), item(XIZANG, "clear"), GRANT, other).state is DutyState.OPEN


def test_without_a_grant_nothing_is_to_be_cleared_and_a_grant_on_its_way_leaves_it_open() -> None:
    clear = item(XIZANG, "clear")
    assert on(date(2026, 12, 20), clear).state is DutyState.NOT_APPLICABLE
    assert on(date(2026, 12, 20), clear, replace(GRANT, declined=True)).state is DutyState.NOT_APPLICABLE
    assert on(date(2026, 2, 1), clear, replace(GRANT, received_on=None, owed_fen=0)).state is DutyState.OPEN


def test_nobodys_word_closes_what_the_books_say_is_owed() -> None:
    found = on(date(2026, 12, 20), item(XIZANG, "clear"), GRANT, closure=Closure(date(2026, 12, 1), "x"))
    assert (found.state, found.by_person) == (DutyState.OVERDUE, False)


@pytest.mark.clause("xizang-prepay-2024/5.1")
def test_an_application_closes_that_of_its_own_fund_only() -> None:
    employee, resident = (item(XIZANG, "apply", fund=fund) for fund in ("employee", "resident"))
    assert on(date(2026, 1, 11), employee, GRANT).state is DutyState.DONE
    assert on(date(2026, 1, 10), resident, GRANT).state is DutyState.DUE_SOON
    assert on(date(2026, 1, 11), resident, GRANT).state is DutyState.OVERDUE
    assert on(date(2026, 1, 11), resident, replace(GRANT, fund="all")).state is DutyState.DONE
    assert on(date(2026, 1, 11), employee, replace(GRANT, pool_region="日喀则市")).state is DutyState.OVERDUE
    assert on(date(2026, 1, 11), employee, replace(GRANT, applied_on=date(2026, 1, 11))).late


def test_whoever_does_not_apply_says_so_and_an_application_goes_before_that() -> None:
    apply, word = item(XIZANG, "apply", fund="employee"), Closure(None, "居民基金赤字")
    assert on(date(2026, 3, 1), apply, closure=word).state is DutyState.NOT_APPLICABLE
    assert on(date(2026, 3, 1), apply, GRANT, closure=word).state is DutyState.DONE


@pytest.mark.clause("xizang-prepay-2024/5.3")
def test_what_the_authority_has_to_do_is_never_ours_and_is_done_when_the_money_arrives() -> None:
    paid = item(XIZANG, "pay_out")
    waiting = replace(GRANT, received_on=None, owed_fen=0)
    assert on(date(2026, 2, 20), paid, waiting).state is DutyState.NOT_OURS
    assert on(date(2026, 2, 20), paid, GRANT, waiting).state is DutyState.NOT_OURS
    done = on(date(2026, 2, 20), paid, GRANT)
    assert (done.state, done.late, done.is_ours) == (DutyState.DONE, False, False)


@pytest.mark.clause("henan-settlement-2023/2.2")
def test_netting_looks_at_the_grants_of_the_year_before() -> None:
    grant = replace(GRANT, regime=HENAN, year=2025)
    assert on(date(2026, 1, 10), item(HENAN, "net"), grant).owed_fen == 30000
    done = on(date(2026, 1, 20), item(HENAN, "net"), replace(grant, owed_fen=0, cleared_on=date(2026, 1, 14)))
    assert (done.state, done.late) == (DutyState.DONE, False)


@pytest.mark.clause("henan-settlement-2023/3.1")
def test_a_duty_that_rolls_into_an_unannounced_year_has_no_day_and_is_never_late() -> None:
    january = item(HENAN, "reconcile", 2027)
    found = on(date(2027, 3, 1), january)
    assert (january.due_on, found.state, found.days_left, found.provisional) == (None, DutyState.OPEN, None, True)
    assert found.expected_on == date(2027, 1, 5)
    assert reminder_stage(found) is None
    saturday = next(
        one
        for one in items_of_year(load_rulebook().regime(HENAN, 2027), 2027, CALENDAR, ())
        if one.name == "reconcile" and one.named_on.month == 6
    )
    assert on(date(2026, 3, 1), saturday).expected_on == date(2027, 6, 7)


def test_reminders_come_before_the_day_on_it_and_every_day_after() -> None:
    clear = item(XIZANG, "clear")
    stages = {n: reminder_stage(on(date(2026, 12, 10) - timedelta(n), clear, GRANT)) for n in range(-2, 33)}
    assert [stages[n] for n in (32, 31, 30, 29, 8, 7, 4, 3, 2, 1, 0, -1, -2)] == [
        *(None, None, "30", "30", "30", "7", "7", "3", "3", "1", "0", "late-1", "late-2")
    ]
    assert reminder_stage(on(date(2026, 12, 1), item(XIZANG, "publish"))) is None


def test_a_reservation_and_missing_invoices_are_due_by_house_rule() -> None:
    reserved = OpenRequest("r", "药款", 100, date(2026, 2, 1), None)
    paid = OpenRequest("p", "药款", 100, date(2026, 2, 1), date(2026, 1, 20))
    first, second = items_of_requests([reserved, paid])
    assert (first.name, first.due_on, first.clause) == ("reservation", date(2026, 2, 1), None)
    assert (second.name, second.due_on, second.holder) == ("invoices", date(2026, 2, 19), DutyHolder.HOSPITAL)
    assert reminder_stage(on(date(2026, 1, 20), second)) is None
    assert reminder_stage(on(date(2026, 2, 12), second)) == "7"
    assert on(date(2026, 2, 20), second).state is DutyState.OVERDUE


def test_the_word_of_a_later_year_counts_from_then_on_and_grants_count_without_words() -> None:
    said = [PlaceWord(ZHEJIANG, "a", 2025, True), PlaceWord(ZHEJIANG, "a", 2027, False)]
    assert places_in_year(said, [], 2024) == {}
    assert places_in_year(said, [], 2026) == {ZHEJIANG: ("a",)}
    assert places_in_year(said, [], 2027) == {}
    assert places_in_year([], [(ZHEJIANG, "b", 2025)], 2026) == {ZHEJIANG: ("b",)}
    assert places_in_year(said, [(ZHEJIANG, "a", 2026)], 2028) == {}
    assert places_in_year(said[:1], [(ZHEJIANG, "b", 2026)], 2026) == {ZHEJIANG: ("a", "b")}


def test_of_two_words_for_one_year_the_later_counts() -> None:
    said = [PlaceWord(ZHEJIANG, "a", 2026, True), PlaceWord(ZHEJIANG, "a", 2026, False)]
    assert places_in_year(said, [], 2026) == {}


FACTS = CloseFacts(HENAN, "reconcile", "henan-settlement-2023/3.1", "2026-02-05", "2026-02-05", "2026-02-05")


@pytest.mark.parametrize(
    ("changes", "code", "clause"),
    [
        ({}, "in_time", FACTS.clause),
        ({"done_on": "2026-02-06"}, "late", FACTS.clause),
        ({"due_on": None}, "day_unknown", FACTS.clause),
        ({"done_on": None}, "not_applicable", None),
        ({"duty": "apply", "done_on": None}, "not_applicable", None),
        ({"duty": "apply"}, "books_decide", None),
        ({"duty": "clear", "done_on": None}, "books_decide", None),
        ({"duty": "invoices"}, "books_decide", None),
    ],
)
def test_a_persons_word_is_judged_by_the_day_and_refused_where_the_books_decide(
    changes: dict[str, str | None], code: str, clause: str | None
) -> None:
    decision = close_duty(replace(FACTS, **changes), "v")  # type: ignore[arg-type]
    assert [(one.code, one.clause) for one in decision.reasons] == [(code, clause)]
    assert decision.permitted is (code != "books_decide")

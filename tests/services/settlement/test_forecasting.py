"""Which open discharges will probably be late: by what others took, explained and counted alike in both places."""

from __future__ import annotations

from datetime import datetime

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.rules.settlement.forecast import LEAST_TAKEN, forecast, usual_minutes, working_minutes
from hospital_prepay.domain.rules.settlement.stages import Stage
from hospital_prepay.rulebook.holidays import working_day_calendar
from hospital_prepay.services.settlement.board import Bucket, Chosen, board
from hospital_prepay.web.settlement_words import risk_words
from tests.hospital import OFFICER, Hospital
from tests.settled import discharged, pass_to_cashier, settled

CALENDAR = working_day_calendar()


def at(month: int, day: int, hour: int, minute: int = 0, year: int = 2025) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        (at(9, 29, 9), at(9, 29, 17, 30), 510),
        (at(9, 29, 6), at(9, 29, 23), 600),
        (at(9, 30, 17), at(10, 9, 9), 120),  # National Day between
        (at(9, 28, 17), at(9, 29, 9), 120),  # a make-up Sunday works
        (at(10, 1, 9), at(10, 8, 17), 0),
        (at(9, 29, 17), at(9, 29, 9), 0),
        (at(12, 31, 17, year=2026), at(1, 4, 9, year=2027), 720),  # beyond what is announced: Monday to Friday
    ],
)
def test_working_hours_are_those_of_working_days(start: datetime, end: datetime, minutes: int) -> None:
    assert working_minutes(start, end, CALENDAR) == minutes


def test_up_to_which_due_day_a_stage_is_at_risk() -> None:
    taken = [(Stage.AUDIT, 540)] * LEAST_TAKEN + [(Stage.WARD, 1200)] * (LEAST_TAKEN - 1) + [(Stage.CASHIER, 30)] * 9
    found = forecast(usual_minutes(taken), at(9, 29, 12), CALENDAR)
    assert found.usual == {Stage.AUDIT: 540, Stage.CASHIER: 30}  # of the ward too few are known
    assert found.until == {Stage.AUDIT: at(9, 29, 0).date()}  # six hours are left today, sixteen until tomorrow
    assert found.is_at_risk("audit", at(9, 29, 0).date())
    assert not found.is_at_risk("audit", at(9, 30, 0).date())
    assert not found.is_at_risk("audit", at(9, 28, 0).date())  # late already
    assert not found.is_at_risk("audit", None)
    words = risk_words(found, Stage.AUDIT, at(9, 29, 0).date())
    assert words == "费用审核到结清通常 9 小时，还剩 6 小时（工作时间）"
    assert risk_words(found, Stage.CASHIER, at(9, 29, 0).date()) == ""


def test_rest_days_before_the_due_day_leave_no_time() -> None:
    found = forecast({Stage.WARD: 700}, at(9, 30, 17), CALENDAR)
    assert found.until == {Stage.WARD: at(10, 9, 0).date()}  # one hour now and ten on the 9th: 660 minutes


@pytest.fixture
def lived(hospital: Hospital, clock: FixedClock) -> Hospital:
    """Six discharges that took 13 working hours from the ward, half an hour from the cashier; then Tuesday noon."""
    for number in range(6):
        settled(hospital.context, clock, f"P{number}", at(1, 5 + number % 2, 9, year=2026), 28)
    clock.moment = at(1, 20, 12, year=2026)
    return hospital


def test_the_board_counts_marks_and_filters_the_same_ones(lived: Hospital, clock: FixedClock) -> None:
    discharged(lived.context, clock, "W1", at(1, 15, 9, year=2026))  # due today, with the ward: 6 hours left
    discharged(lived.context, clock, "C1", at(1, 15, 10, year=2026))  # due today, with the cashier
    pass_to_cashier(lived.context, "C1")
    discharged(lived.context, clock, "W2", at(1, 19, 9, year=2026))  # due on the 22nd
    discharged(lived.context, clock, "L1", at(1, 9, 9, year=2026))  # late
    clock.moment = at(1, 20, 12, year=2026)
    whole = board(lived.context, OFFICER, Chosen())
    assert (whole.number, whole.at_risk) == (4, 1)
    assert whole.forecast.usual[Stage.WARD] == 14 * 60
    assert whole.forecast.usual[Stage.CASHIER] == 30
    risky = board(lived.context, OFFICER, Chosen(at_risk=True))
    assert [row.stay_no for group in risky.groups for row in group.rows] == ["W1"]
    assert (risky.number, risky.counts[Bucket.TODAY], risky.at_risk) == (1, 1, 1)
    assert board(lived.context, OFFICER, Chosen(at_risk=True, stage="cashier")).number == 0


def test_what_is_usual_is_looked_up_once_an_hour(lived: Hospital, clock: FixedClock) -> None:
    usual = board(lived.context, OFFICER, Chosen()).forecast.usual
    for number in range(20):
        settled(lived.context, clock, f"Q{number}", at(1, 20, 12, year=2026), 2)
    clock.moment = at(1, 20, 12, 59, year=2026)
    assert board(lived.context, OFFICER, Chosen()).forecast.usual == usual
    clock.moment = at(1, 21, 18, year=2026)
    assert board(lived.context, OFFICER, Chosen()).forecast.usual != usual


def test_without_settled_discharges_nothing_is_forecast(hospital: Hospital, clock: FixedClock) -> None:
    discharged(hospital.context, clock, "W1", at(1, 12, 9, year=2026))
    clock.moment = at(1, 15, 17, 59, year=2026)
    found = board(hospital.context, OFFICER, Chosen(at_risk=True))
    assert (found.at_risk, found.groups) == (0, ())

"""The forecast of a clearing: a settlement counts once, and what members hold is told apart."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.forecast import Forecast, ForecastFacts, forecast
from hospital_prepay.services.fund import corrections, offsets, recall_review
from hospital_prepay.services.fund.recall_review import Outlook
from tests.hospital import Hospital
from tests.services.fund.conftest import APPROVER, OFFICER, Year
from tests.services.fund.test_distribution import hand_on, lead, show

__all__ = ["lead"]
MILLION = 100_000_000


def looked(year: Year) -> Outlook:
    found = recall_review.outlook(year.hospital.context, OFFICER, year.grant_id)
    assert found is not None
    return found


def months(found: Forecast) -> list[tuple[date, int]]:
    return [(one.ends_on, one.offset.fen) for one in found.months]


def test_a_month_whose_settlement_is_booked_is_not_expected_again(hospital: Hospital, clock: FixedClock) -> None:
    year = Year(hospital).arrived()
    clock.moment = datetime(2026, 10, 28, 9, tzinfo=SHANGHAI)
    year.offset(500, 400)
    clock.moment = datetime(2026, 11, 3, 9, tzinfo=SHANGHAI)
    assert months(looked(year).forecast) == [(date(2026, 11, 30), 400)]
    offset_id = year.record_offset(900, 300)
    assert months(looked(year).forecast) == [(date(2026, 11, 30), 400)]  # nobody confirmed it
    entry_no = confirm(year, offset_id)
    found = looked(year)
    assert (months(found.forecast), found.facts.monthly.fen) == ([], 300)
    command = corrections.AskCorrection(year.grant_id, entry_no, "mistyped", "结算单是 300", "c-1")
    correction = corrections.ask_correction(hospital.context, OFFICER, command)
    corrections.decide_correction(hospital.context, APPROVER, correction, approved=True)
    found = looked(year)
    assert (months(found.forecast), found.facts.monthly.fen) == ([(date(2026, 11, 30), 400)], 400)


def confirm(year: Year, offset_id: str) -> int:
    """Book it; its entry's number."""
    offsets.decide_offset(year.hospital.context, APPROVER, offset_id, confirmed=True)
    last = looked(year).last
    assert last is not None
    return last.entry_no


def test_what_members_hold_and_used_is_owed_but_not_there(lead: Year) -> None:
    one = hand_on(lead, 400)
    show(lead, one, 150)
    found = looked(lead)
    assert (found.facts.members_hold, found.facts.members_used) == (Money(250), Money(150))
    assert found.forecast.gap == Money(400)


@pytest.mark.parametrize(
    ("settled", "ends"),
    [
        ((), [30, 31]),
        ((date(2026, 10, 31),), [30, 31]),
        ((date(2026, 11, 5),), [31]),
        ((date(2025, 11, 5),), [30, 31]),
        ((date(2026, 11, 5), date(2026, 12, 1)), []),
    ],
)
def test_only_its_own_month_is_left_out(settled: tuple[date, ...], ends: list[int]) -> None:
    sums = (Money(100), Money(0), Money(0), Money(10), Money(0))
    facts = ForecastFacts(
        date(2026, 11, 15), date(2026, 12, 31), *sums, settlements_stopped=False, settled_on=settled
    )
    done = forecast(facts)
    assert [one.ends_on.day for one in done.months] == ends
    assert done.offsets == Money(10 * len(ends))

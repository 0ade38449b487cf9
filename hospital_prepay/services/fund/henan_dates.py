"""The dated steps of Henan's month, from the pack and the calendar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from hospital_prepay.domain.rules.fund.duties import Duty, duties_of_year
from hospital_prepay.domain.rules.fund.henan_month import HENAN, MonthApplicationFacts, application_facts, month_after
from hospital_prepay.domain.rules.fund.readings import HolidayRoll
from hospital_prepay.rulebook.holidays import working_day_calendar
from hospital_prepay.rulebook.loader import load_rulebook

# Further than this nobody applies late; a day beyond is a slip of the pen.
_MONTHS_AHEAD: Final = 12
_FIRST_YEAR: Final = 2024
CROSS_REGION: Final = (
    "confirm_cross_region",
    "check_cross_region",
    "plan_cross_region",
    "fund_cross_region",
    "forward_cross_region",
    "pay_cross_region",
)
CLEARING: Final = "clear_cross_region"
REPORTED_STEPS: Final = (*CROSS_REGION, CLEARING)


def facts_of_application(period: str, applied_on: date, roll: HolidayRoll) -> MonthApplicationFacts:
    """What the rule about applications looks at: the rolled 5th of each month after ``period``."""
    months = [month_after(period, number) for number in range(1, _MONTHS_AHEAD + 1)]
    return application_facts(period, applied_on, [(month, _reconcile_by(month, roll)) for month in months])


def steps_of(month: str, ids: Sequence[str], roll: HolidayRoll) -> list[Duty]:
    """The duties of these ids that are named for ``month``, in their order."""
    year = int(month[:4])
    if year < _FIRST_YEAR:
        return []
    found = duties_of_year(load_rulebook().regime(HENAN, year), year, working_day_calendar(), roll)
    named = {one.id: one for one in found if one.named_on.isoformat()[:7] == month}
    return [named[one] for one in ids if one in named]


def _reconcile_by(month: str, roll: HolidayRoll) -> date | None:
    return next((one.due_on for one in steps_of(month, ("reconcile",), roll)), None)

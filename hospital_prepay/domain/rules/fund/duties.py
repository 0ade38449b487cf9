"""Every dated duty of a year, made from the pack: the hospital's own and, marked as theirs, the authorities'."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from hospital_prepay.domain.calendar import WorkingDayCalendar
from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.rules.fund.readings import HolidayRoll
from hospital_prepay.domain.rules.fund.regime import DatedDuty, DutyHolder, Regime


@dataclass(frozen=True, slots=True)
class Duty:
    """One duty on its day, ``plain`` in Chinese. ``due_on`` is ``None`` while it rolls into a year whose holidays
    aren't announced; ``rolls`` is ``None`` where we don't have the text, and the day then stays where it is named."""

    id: str
    plain: str
    clause: str | None
    holder: DutyHolder
    due_on: date | None
    named_on: date
    rolls: bool | None


@implements(
    "weihai-prepay-2025/2.1",
    "weihai-prepay-2025/2.3",
    "weihai-prepay-2025/5.4",
    "xizang-prepay-2024/5.1",
    "xizang-prepay-2024/5.3",
    "xizang-prepay-2024/5.4",
    "xizang-prepay-2024/15",
    "zhejiang-prepay-2025/3.1",
    "zhejiang-prepay-2025/3.3",
    "zhejiang-prepay-2025/3.4",
    "zhejiang-prepay-2025/4.5",
    "henan-settlement-2023/1.3",
    "henan-settlement-2023/2.2",
    "henan-settlement-2023/3.1",
    "henan-settlement-2023/3.2",
    "henan-settlement-2023/3.3",
    "henan-settlement-2023/3.4",
)
def duties_of_year(
    regime: Regime, year: int, calendar: WorkingDayCalendar, roll: HolidayRoll = HolidayRoll.EVERY_NON_WORKING_DAY
) -> tuple[Duty, ...]:
    """The duties of ``year`` by id and then by day; monthly ones month by month.

    A day before the notice was in force bound nobody: Zhejiang's first year has no application in January.
    """
    named = [
        (duty, date(year, month, duty.day or monthrange(year, month)[1]))
        for duty in regime.duties
        for month in duty.months
    ]
    begins_on = regime.in_force_on or date.min
    found = [_on(duty, named_on, calendar, roll) for duty, named_on in named if named_on >= begins_on]
    return tuple(sorted(found, key=lambda duty: (duty.id, duty.named_on)))


def _on(duty: DatedDuty, named_on: date, calendar: WorkingDayCalendar, roll: HolidayRoll) -> Duty:
    due_on = rolled(named_on, calendar, roll) if duty.rolls else named_on
    return Duty(duty.id, duty.plain, duty.provision.clause, duty.holder, due_on, named_on, duty.rolls)


def rolled(
    day: date, calendar: WorkingDayCalendar, roll: HolidayRoll = HolidayRoll.EVERY_NON_WORKING_DAY
) -> date | None:
    """``day``, or the first day after it that doesn't move it; ``None`` when a day on the way isn't known.

    Every day that isn't a working day moves it, weekends included, or only the days off that the State Council's
    notice names (reading ``holiday_roll``).
    """
    while calendar.covers(day):
        if not moves(day, calendar, roll):
            return day
        day += timedelta(days=1)
    return None


def moves(day: date, calendar: WorkingDayCalendar, roll: HolidayRoll) -> bool:
    """Whether ``day`` sends a date on to the next one. Raises :class:`CalendarUnknown` for a day not announced."""
    if roll is HolidayRoll.STATUTORY_HOLIDAYS:
        return calendar.is_holiday(day)
    return not calendar.is_working_day(day)

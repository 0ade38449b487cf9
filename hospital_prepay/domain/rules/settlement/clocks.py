"""The clocks of a discharge (article 19): the legal due day, and the target of 24 hours.

The day of discharge is day 0. The due day counts working days; the target counts hours, through holidays. Neither
ever stops: reasons stand beside a clock, they don't hold it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from hospital_prepay.domain.calendar import DueDay, WorkingDayCalendar, weekday_after
from hospital_prepay.domain.clauses import implements

SETTLED_IN_TIME: Final = "guizhou-deposit-2025/19"


@dataclass(frozen=True, slots=True)
class ClockValues:
    """The values of article 19 that were in force on a day: working days to the due day, hours to the target."""

    working_days: int
    target_hours: int


@dataclass(frozen=True, slots=True)
class Clocks:
    """When a stay must be settled, and when it should be. ``target_at`` is ``None`` where only the day of discharge
    is known; ``due`` is provisional where it needs a year whose holidays aren't announced."""

    due: DueDay
    target_at: datetime | None


@implements(SETTLED_IN_TIME)
def clocks_of(discharged: date | datetime, values: ClockValues, calendar: WorkingDayCalendar) -> Clocks:
    """The clocks that a discharge starts. A moment is wall time of the hospital, with its offset.

    Raises :class:`~hospital_prepay.domain.errors.CalendarUnknown` for a discharge outside the announced years.
    """
    if isinstance(discharged, datetime):
        due = calendar.due(discharged.date(), values.working_days)
        return Clocks(due, discharged + timedelta(hours=values.target_hours))
    return Clocks(calendar.due(discharged, values.working_days), None)


def clocks_before_the_notice(discharged_at: datetime, values: ClockValues) -> Clocks:
    """The clocks of a discharge in a year whose holidays aren't announced yet: the due day is an estimate."""
    day = discharged_at.date()
    due = DueDay(day, None, True, weekday_after(day, values.working_days), ())
    return Clocks(due, discharged_at + timedelta(hours=values.target_hours))


@implements(SETTLED_IN_TIME)
def working_days_late(due_on: date, through: date, calendar: WorkingDayCalendar) -> int:
    """How many working days ``through`` lies behind ``due_on``; 0 where a stay is settled, or still may be, in time.

    A rest day right behind the due day is late as well, if by no working day: :func:`is_late` tells them apart.
    """
    return calendar.count_working_days(due_on, through) if is_late(due_on, through) else 0


@implements(SETTLED_IN_TIME)
def is_late(due_on: date, on: date) -> bool:
    """Whether a stay that is settled on ``on``, or not yet settled then, is late: the due day itself is in time."""
    return on > due_on

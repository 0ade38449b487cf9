"""When a discharge is brought to whom: the day before it is due, the day itself, once it is late, and to the head of
finance once it is late by three working days. The levels are the hospital's own; article 19 only gives the day.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.calendar import WorkingDayCalendar
from hospital_prepay.domain.clauses import house_rule

VERY_LATE_DAYS: Final = 3
_DAY: Final = timedelta(days=1)


class Level(StrEnum):
    """How pressing a discharge is, in the order in which levels come."""

    DAY_BEFORE = "day_before"
    DUE_DAY = "due_day"
    LATE = "late"
    VERY_LATE = "very_late"

    @property
    def label(self) -> str:
        """The words on screens."""
        return LEVEL_LABELS[self]


LEVEL_LABELS: Final = {
    Level.DAY_BEFORE: "下个工作日到期",
    Level.DUE_DAY: "今天到期",
    Level.LATE: "已逾期",
    Level.VERY_LATE: f"逾期 {VERY_LATE_DAYS} 个工作日以上，报财务负责人",
}


@house_rule
def level_on(expected_on: date, today: date, calendar: WorkingDayCalendar) -> Level | None:
    """The level that a discharge has reached today; ``None`` before the last working day before its day. What falls
    on a rest day comes on the working morning; only passing the day is told at once."""
    if expected_on < today:
        return Level.VERY_LATE if _working_days(expected_on, today, calendar) >= VERY_LATE_DAYS else Level.LATE
    if not calendar.is_probably_working(today):
        return None
    if expected_on == today:
        return Level.DUE_DAY
    return Level.DAY_BEFORE if _working_days(today, expected_on, calendar) == 1 else None


def _working_days(after: date, through: date, calendar: WorkingDayCalendar) -> int:
    days = (after + _DAY * number for number in range(1, (through - after).days + 1))
    return sum(calendar.is_probably_working(day) for day in days)

"""The emergency relief fund (疾病应急救助基金, article 21): what an application may ask, its steps, when it is late.

The notice says "in time" and gives no days: how many working days from the settlement count as that is a house
setting.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.calendar import DueDay, WorkingDayCalendar, weekday_after
from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.money import Money

RELIEVED: Final = "guizhou-deposit-2025/21"
EMERGENCY: Final = "24"
"""The ``med_type`` of a stay that began as an emergency."""


class ReliefState(StrEnum):
    """How far an application has come."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    GRANTED = "granted"
    REFUSED = "refused"
    RECEIVED = "received"
    RETURNED = "returned"

    @property
    def label(self) -> str:
        """The words on screens."""
        return _LABELS[self]


_LABELS: Final = {
    ReliefState.DRAFT: "起草，等另一个人提交",
    ReliefState.SUBMITTED: "已提交，等答复",
    ReliefState.GRANTED: "已同意，等到账",
    ReliefState.REFUSED: "没有同意",
    ReliefState.RECEIVED: "已到账",
    ReliefState.RETURNED: "已退回基金",
}


@implements(RELIEVED)
def apply_by(settled_on: date, working_days: int, calendar: WorkingDayCalendar) -> DueDay:
    """The day by which an application is in time, the day of settlement being day 0. Beyond the announced years it
    is an estimate and called one."""
    if not calendar.covers(settled_on):
        return DueDay(settled_on, None, True, weekday_after(settled_on, working_days), ())
    return calendar.due(settled_on, working_days)


@implements(RELIEVED)
def amount_fault(amount_fen: int, owed_fen: int) -> str:
    """Why an amount can't be asked of the fund: it pays what is owed and no more. Empty where it can."""
    if amount_fen <= 0:
        return "金额要大于零，例如 500.00。"
    if amount_fen > owed_fen:
        return f"最多 {Money(owed_fen)} 元：这是还欠的。"
    return ""

"""When the next periodic risk assessment (article 25) is due. The notice says "periodically" and gives no interval:
how many months is a house setting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from hospital_prepay.domain.clauses import implements

ASSESSED: Final = "guizhou-deposit-2025/25"


@dataclass(frozen=True, slots=True)
class Period:
    """Whole months from the first day to the last, both counted."""

    first: date
    last: date


@implements(ASSESSED)
def next_period(assessed_to: date | None, months: int, today: date) -> Period:
    """The period that is assessed next: after the last one assessed, else the one that ended last before today.
    Periods of a hospital that begins count from January, so that three months are a quarter."""
    if assessed_to is not None:
        first = assessed_to + timedelta(days=1)
        return Period(first, _months_after(first, months) - timedelta(days=1))
    begun = (today.month - 1) // months * months + 1
    this = date(today.year, begun, 1)
    return Period(_months_after(this, -months), this - timedelta(days=1))


@implements(ASSESSED)
def is_overdue(period: Period, months: int, today: date) -> bool:
    """Whether a period that ended waits longer than half an interval to be assessed, at least one month."""
    return today >= _months_after(period.last + timedelta(days=1), max(1, months // 2))


def _months_after(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)

"""Will the money be there on the day of clearing: what is needed, what will be there, month by month what remains."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.money import Money

_NOTHING: Final = Money(0)


@dataclass(frozen=True, slots=True)
class ForecastFacts:
    """What is owed and what is there. ``monthly`` is what can be offset from a settlement; none is expected while
    ``settlements_stopped``, nor of a month in which one is booked (``settled_on``). ``own_cash`` is what the hospital
    can add of its own. What members hold, or used and don't owe the hospital yet, is owed like the rest but isn't
    there before it is collected."""

    today: date
    clear_on: date
    owed: Money
    unspent: Money
    reserved: Money
    monthly: Money
    own_cash: Money
    settlements_stopped: bool
    settled_on: tuple[date, ...] = ()
    members_hold: Money = _NOTHING
    members_used: Money = _NOTHING


@dataclass(frozen=True, slots=True)
class Month:
    """One settlement still to come, and what remains owed after it."""

    ends_on: date
    offset: Money
    left: Money


@dataclass(frozen=True, slots=True)
class Forecast:
    """``needed`` = all that is owed; ``there`` = unspent, reserved, expected offsets and own cash; ``gap`` is what
    lacks on ``clear_on``."""

    clear_on: date
    needed: Money
    offsets: Money
    there: Money
    gap: Money
    months: tuple[Month, ...]

    @property
    def alarm(self) -> bool:
        """Whether the money won't be there."""
        return bool(self.gap)

    @property
    def rests_on_estimate(self) -> bool:
        """Whether it will be there only if the settlements come as expected."""
        return not self.alarm and self.needed.fen > (self.there - self.offsets).fen


@implements("weihai-prepay-2025/2.3", "xizang-prepay-2024/5.4", "zhejiang-prepay-2025/3.4")
def forecast(facts: ForecastFacts) -> Forecast:
    """A settlement counts when its month ends after today and not after the day: one that comes later is no help, and
    one that is booked already made what is owed smaller."""
    left, months = facts.owed, list[Month]()
    monthly = Money(0) if facts.settlements_stopped else facts.monthly
    settled = {day.replace(day=1) for day in facts.settled_on}
    for ends_on in _month_ends(facts.today, facts.clear_on):
        if ends_on.replace(day=1) in settled:
            continue
        offset = min(monthly, left)
        left -= offset
        months.append(Month(ends_on, offset, left))
    offsets = facts.owed - left
    there = facts.unspent + facts.reserved + offsets + facts.own_cash
    gap = Money(max(0, facts.owed.fen - there.fen))
    return Forecast(facts.clear_on, facts.owed, offsets, there, gap, tuple(months))


def _month_ends(after: date, until: date) -> list[date]:
    found, day = list[date](), after.replace(day=1)
    while (end := day.replace(day=monthrange(day.year, day.month)[1])) <= until:
        if end > after:
            found.append(end)
        day = end + timedelta(days=1)
    return found

"""Where a duty stands on a day: what the notice asks joined with what the books know and what people recorded.

A day itself is still in time: a duty is overdue from the day after. The reach of "soon" and the days of reminders
are house rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.calendar import WorkingDayCalendar
from hospital_prepay.domain.rules.fund.duties import moves
from hospital_prepay.domain.rules.fund.readings import HolidayRoll
from hospital_prepay.domain.rules.fund.regime import DutyHolder

SOON_DAYS: Final = 7
REMIND_BEFORE: Final = (30, 7, 3, 1, 0)
CLEARING: Final = frozenset({"clear", "give_back", "net"})
# What the books close by themselves; nobody's word closes these.
OUTPATIENT: Final = frozenset(
    {"clear_stock", "file_old", "remit_old", "apply_for_advances"}
    | {"submit_filing", "acknowledge_filing", "post_kept", "decide_kept"}
)
BY_BOOKS: Final = frozenset(
    {"apply", "pay_out", "reservation", "invoices", "return_procurement", *CLEARING, *OUTPATIENT}
)
# Of these a person may say, with the ground, that there is nothing to do: who doesn't apply, who has no stock.
MAY_BE_NONE: Final = frozenset({"apply", "clear_stock"})
_SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)
_NONE: Final[Mapping[str, date]] = {}


class DutyState(StrEnum):
    """Where a duty stands."""

    OPEN = "open"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    DONE = "done"
    NOT_OURS = "not_ours"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class DatedItem:
    """Something due on a day. ``regime`` is empty for a consequence of the hospital's own acts, which no notice
    names; ``pool_region`` and ``fund`` are given where each has its own. ``due_on`` is ``None`` while it rolls into a
    year whose holidays aren't announced; ``day_by_house`` where the hospital set the day."""

    key: str
    name: str
    plain: str
    clause: str | None
    holder: DutyHolder
    named_on: date
    due_on: date | None
    rolls: bool | None
    regime: str
    year: int
    pool_region: str = ""
    fund: str = ""
    amount_fen: int | None = None
    subject: str = ""
    grant_id: str = ""
    document: str = ""
    day_by_house: bool = False


@dataclass(frozen=True, slots=True)
class GrantFact:
    """What the books know of a grant. ``cleared_on`` is the day on which nothing was owed any more. One
    ``by_document`` is a central-procurement prepayment: the notice's days aren't its own, only ``return_on`` is."""

    grant_id: str
    regime: str
    pool_region: str
    fund: str
    year: int
    declined: bool
    applied_on: date
    received_on: date | None
    owed_fen: int
    cleared_on: date | None
    by_document: str = ""
    return_on: date | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """What is left to do of a duty that isn't owed grant by grant: how many, ``of`` what, and their fen. ``list_no``
    is the list that holds them all and has only to be handed in."""

    count: int
    fen: int
    of: str
    list_no: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the books say of a duty: done on a day, nothing to do and why, still owed grant by grant, or left."""

    done_on: date | None = None
    nothing_due: str = ""
    owed: tuple[GrantFact, ...] = ()
    left: Left | None = None


@dataclass(frozen=True, slots=True)
class Closure:
    """What a person recorded: done on ``done_on``, or not applicable where that is ``None``; ``words`` name the
    document or the ground."""

    done_on: date | None
    words: str


@dataclass(frozen=True, slots=True)
class Standing:
    """An item on a day. ``days_left`` is below zero once it is late, ``None`` while the day isn't known;
    ``expected_on`` is then an estimate. ``late`` tells of what is done whether it came after its day."""

    item: DatedItem
    state: DutyState
    days_left: int | None
    working_days_left: int | None
    expected_on: date
    done_on: date | None
    late: bool | None
    known: Known
    by_person: bool

    @property
    def provisional(self) -> bool:
        """Whether the day waits for a year's holidays to be announced."""
        return self.item.due_on is None

    @property
    def is_ours(self) -> bool:
        """Whether the hospital has to do it."""
        return self.item.holder is DutyHolder.HOSPITAL

    @property
    def is_pressing(self) -> bool:
        """Whether the hospital has to see to it now: within :data:`SOON_DAYS`, or late."""
        return self.state in (DutyState.DUE_SOON, DutyState.OVERDUE)

    @property
    def owed_fen(self) -> int:
        """What is still owed of all its grants."""
        return sum(grant.owed_fen for grant in self.known.owed)


def books_say(item: DatedItem, grants: Iterable[GrantFact], applications: Mapping[str, date] = _NONE) -> Known:
    """What the grants close, or leave open, of a duty; ``applications`` are the days on which the reconciliation of
    a month (``2026-03``) was applied for."""
    if item.name == "reconcile":
        month_before = (item.named_on.replace(day=1) - _DAY).isoformat()[:7]
        return Known(done_on=applications.get(month_before))
    # Netting settles the year before with the allocation of this one.
    year = item.year - 1 if item.name == "net" else item.year
    if item.grant_id:
        return _cleared([one for one in grants if one.grant_id == item.grant_id], year)
    own = [one for one in grants if one.regime == item.regime and one.year == year and not one.by_document]
    if item.name == "apply":
        return _applied(
            [one for one in own if one.pool_region == item.pool_region and one.fund in (item.fund, "all")]
        )
    live = [one for one in own if not one.declined]
    if item.name == "pay_out":
        return _paid_out(live)
    return _cleared(live, year) if item.name in CLEARING else Known()


def standing(
    item: DatedItem,
    known: Known,
    closure: Closure | None,
    calendar: WorkingDayCalendar,
    today: date,
    roll: HolidayRoll = HolidayRoll.EVERY_NON_WORKING_DAY,
) -> Standing:
    """Where ``item`` stands on ``today``. The books go before what a person recorded."""
    by_person = closure is not None and known.done_on is None and not known.owed and known.left is None
    done_on = closure.done_on if closure is not None and by_person else known.done_on
    left = None if item.due_on is None else (item.due_on - today).days
    return Standing(
        item=item,
        state=_state(item, known, closure if by_person else None, done_on, left),
        days_left=left,
        working_days_left=_working_days(item.due_on, calendar, today),
        expected_on=item.due_on or _estimate(item.named_on, calendar, roll),
        done_on=done_on,
        late=None if done_on is None or item.due_on is None else done_on > item.due_on,
        known=known,
        by_person=by_person,
    )


def reminder_stage(one: Standing) -> str | None:
    """Which reminder fits today: the nearest of :data:`REMIND_BEFORE` that isn't past, ``late-N`` when it is late,
    ``None`` for what needs none (yet).

    A day without a run loses none: the reminder of the day that passed is the one that still fits. Consequences of
    the hospital's own acts last days, not months: they begin at :data:`SOON_DAYS`.
    """
    if one.days_left is None or one.state not in (DutyState.OPEN, DutyState.DUE_SOON, DutyState.OVERDUE):
        return None
    if one.days_left < 0:
        return f"late-{-one.days_left}"
    stages = [stage for stage in REMIND_BEFORE if one.item.regime or stage <= SOON_DAYS]
    return next((str(stage) for stage in reversed(stages) if one.days_left <= stage), None)


def _state(
    item: DatedItem, known: Known, closure: Closure | None, done_on: date | None, left: int | None
) -> DutyState:
    if done_on is not None:
        return DutyState.DONE
    if closure is not None or known.nothing_due:
        return DutyState.NOT_APPLICABLE
    if item.holder is DutyHolder.AUTHORITY:
        return DutyState.NOT_OURS
    if left is None or left > SOON_DAYS:
        return DutyState.OPEN
    return DutyState.DUE_SOON if left >= 0 else DutyState.OVERDUE


def _applied(own: list[GrantFact]) -> Known:
    return Known(done_on=min(one.applied_on for one in own)) if own else Known()


def _paid_out(live: list[GrantFact]) -> Known:
    days = [one.received_on for one in live if one.received_on is not None]
    if not live:
        return Known(nothing_due="这一年没有申请在办的预付金")
    return Known(done_on=max(days)) if len(days) == len(live) else Known()


def _cleared(live: list[GrantFact], year: int) -> Known:
    arrived = [one for one in live if one.received_on is not None]
    owed = tuple(one for one in arrived if one.cleared_on is None)
    if owed:
        return Known(owed=owed)
    days = [one.cleared_on for one in arrived if one.cleared_on is not None]
    if days:
        return Known(done_on=max(days))
    return Known() if live else Known(nothing_due=f"{year} 年没有预付金，没有要还的")


def _working_days(due_on: date | None, calendar: WorkingDayCalendar, today: date) -> int | None:
    """Working days after ``today`` up to and on the day; ``None`` when it passed or a day between isn't known."""
    if due_on is None or due_on < today or not (calendar.covers(today) and calendar.covers(due_on)):
        return None
    days = (today + number * _DAY for number in range(1, (due_on - today).days + 1))
    return sum(calendar.is_working_day(day) for day in days)


def _estimate(named_on: date, calendar: WorkingDayCalendar, roll: HolidayRoll) -> date:
    """Where holidays aren't known: past weekends where these move a day, and no further."""
    day = named_on
    while moves(day, calendar, roll) if calendar.covers(day) else _is_weekend(day, roll):
        day += _DAY
    return day


def _is_weekend(day: date, roll: HolidayRoll) -> bool:
    return roll is HolidayRoll.EVERY_NON_WORKING_DAY and day.weekday() >= _SATURDAY

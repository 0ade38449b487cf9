"""Henan's month (豫财社〔2023〕178号, 三): daily uploads, the application by the 5th, the fallback amount."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules import RULES

HENAN: Final = "henan-settlement-2023"
_MONTHLY: Final = f"{HENAN}/3.1"


class DayState(StrEnum):
    """How a day's cost lists stand."""

    COMPLETE = "complete"
    LATE = "late"
    SHORT = "short"
    OVER = "over"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class DayCount:
    """Inpatients in the house on a day, cost lists uploaded for it, and the day of the last upload."""

    day: date
    in_house: int
    uploaded: int
    last_upload_on: date | None


@dataclass(frozen=True, slots=True)
class WatchedDay:
    """A day with its state; ``lacking`` lists weren't uploaded, ``days_late`` lie between the day and the upload."""

    day: date
    state: DayState
    in_house: int | None
    uploaded: int | None
    lacking: int
    days_late: int


@dataclass(frozen=True, slots=True)
class MonthApplicationFacts:
    """What :func:`application` looks at: ``due`` are ``{"month", "on"}`` of the rolled 5th of the months after
    ``period``, ``on`` ``None`` where holidays aren't known. Days are ISO text."""

    period: str
    applied_on: str
    due: Sequence[Mapping[str, str | None]]


@dataclass(frozen=True, slots=True)
class FallbackFacts:
    """What :func:`fallback` looks at: the money that came ahead, and the actual settlement of the cycle before."""

    period: str
    last_period: str
    last_actual_fen: int | None
    paid_fen: int


@implements(_MONTHLY)
def watch_uploads(counts: Sequence[DayCount], first: date, last: date) -> tuple[WatchedDay, ...]:
    """Each day from ``first`` to ``last``: complete, late, short, more than in the house, or with nothing recorded.

    In real time is read as on the same day.
    """
    known = {one.day: one for one in counts}
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return tuple(_watched(day, known.get(day)) for day in days)


@implements(_MONTHLY)
def application(facts: MonthApplicationFacts, rule_version: str) -> Decision:
    """When a reconciliation is settled that was applied for on a day: in the month of its own due day, or of the
    first later one. Held while the day can't be told."""
    outcome, reason = Outcome.REFUSED, Reason("too_far", "申请日离费用月太远，请核对日期。")
    for number, due in enumerate(facts.due):
        if due["on"] is None:
            words = f"{due['month']} 的放假安排还没有，算不出申请对账的期限。请先导入放假安排。"
            outcome, reason = Outcome.HELD, Reason("day_unknown", words, _MONTHLY)
            break
        if facts.applied_on <= due["on"]:
            outcome, reason = Outcome.PERMITTED, _settled_in(number, due, facts)
            break
    return Decision("fund.henan_apply", rule_version, outcome, None, (reason,), _stored(facts))


@implements(_MONTHLY)
def fallback(facts: FallbackFacts, rule_version: str) -> Decision:
    """What the agency pays when it can't settle in time: the last cycle's actual settlement. The money that came is
    booked whatever it is; a difference is named."""
    last, paid = facts.last_actual_fen, facts.paid_fen
    if last is None:
        words = f"还没有登记 {facts.last_period} 的实际结算金额，不能核对这次先付的金额。"
        reason = Reason("last_cycle_unknown", words, _MONTHLY)
    elif last != paid:
        words = f"上一周期实际结算 {Money(last)} 元，这次先付 {Money(paid)} 元，相差 {Money(paid - last)} 元。"
        reason = Reason("not_the_last_cycle", words, _MONTHLY)
    else:
        reason = Reason("as_the_last_cycle", f"与上一周期实际结算 {Money(last)} 元一致。", _MONTHLY)
    amount = None if last is None else Money(last)
    return Decision("fund.henan_fallback", rule_version, Outcome.PERMITTED, amount, (reason,), _stored(facts))


@implements(_MONTHLY)
def left_to_settle(actual: Money, paid_ahead: Money) -> Money:
    """What still moves when the actual settlement is known: above zero to the hospital, below it back."""
    return actual - paid_ahead


def application_facts(
    period: str, applied_on: date, dues: Sequence[tuple[str, date | None]]
) -> MonthApplicationFacts:
    """The facts from days: ``dues`` are month and rolled day, the month after ``period`` first."""
    days = [{"month": month, "on": on.isoformat() if on else None} for month, on in dues]
    return MonthApplicationFacts(period, applied_on.isoformat(), days)


def month_after(period: str, months: int = 1) -> str:
    """The month ``months`` after (before, below zero) ``2026-03``."""
    year, month = divmod(int(period[:4]) * 12 + int(period[5:]) - 1 + months, 12)
    return f"{year:04d}-{month + 1:02d}"


def _watched(day: date, count: DayCount | None) -> WatchedDay:
    if count is None:
        return WatchedDay(day, DayState.MISSING, None, None, 0, 0)
    late = max(0, (count.last_upload_on - day).days) if count.last_upload_on else 0
    lacking = max(0, count.in_house - count.uploaded)
    if lacking:
        state = DayState.SHORT
    elif count.uploaded > count.in_house:
        state = DayState.OVER
    else:
        state = DayState.LATE if late else DayState.COMPLETE
    return WatchedDay(day, state, count.in_house, count.uploaded, lacking, late)


def _settled_in(number: int, due: Mapping[str, str | None], facts: MonthApplicationFacts) -> Reason:
    if number == 0:
        return Reason("in_time", f"{due['on']} 前申请，{due['month']} 结算。", _MONTHLY)
    words = f"过了 {facts.due[0]['on']}，顺延到 {due['month']} 结算。"
    return Reason("late_next_month", words, _MONTHLY)


def settled_month(decision: Decision) -> str | None:
    """The month in which an application is settled, ``None`` when that can't be told."""
    if not decision.permitted:
        return None
    applied_on = decision.facts["applied_on"]
    return next(str(due["month"]) for due in decision.facts["due"] if applied_on <= due["on"])


def _stored(facts: MonthApplicationFacts | FallbackFacts) -> dict[str, Any]:
    return asdict(facts)


def _replay_application(stored: Mapping[str, Any], rule_version: str) -> Decision:
    """The decision again from its stored facts."""
    return application(MonthApplicationFacts(**stored), rule_version)


def _replay_fallback(stored: Mapping[str, Any], rule_version: str) -> Decision:
    """The decision again from its stored facts."""
    return fallback(FallbackFacts(**stored), rule_version)


RULES["fund.henan_apply"] = _replay_application
RULES["fund.henan_fallback"] = _replay_fallback

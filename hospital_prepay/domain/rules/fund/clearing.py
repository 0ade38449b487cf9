"""Clearing a year in time, and the bar on the next one; netting where a place clears against its next allocation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from hospital_prepay.domain.calendar import WorkingDayCalendar
from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules import RULES
from hospital_prepay.domain.rules.fund.duties import Duty, duties_of_year
from hospital_prepay.domain.rules.fund.readings import HolidayRoll
from hospital_prepay.domain.rules.fund.regime import Absence, Regime

BAR: Final = "cleared_last_year"


@dataclass(frozen=True, slots=True)
class NettingFacts:
    """What :func:`net` looks at, in fen. ``due_on`` is the day the notice names, rolled; ``None`` while it isn't
    known."""

    regime: str
    year: int
    owed_fen: int
    unspent_fen: int
    allocated_fen: int
    due_on: str | None
    today: str
    clause: str | None


def clearing_duty(regime: Regime, year: int, calendar: WorkingDayCalendar) -> Duty | None:
    """The day by which the money of ``year`` is cleared in full; ``None`` where the place nets instead."""
    return next((one for one in duties_of_year(regime, year, calendar) if one.id == "clear"), None)


def netting_duty(
    regime: Regime, year: int, calendar: WorkingDayCalendar, roll: HolidayRoll = HolidayRoll.EVERY_NON_WORKING_DAY
) -> Duty | None:
    """The day by which the allocation of ``year`` is netted against the one before; ``None`` where the place clears
    in full."""
    return next((one for one in duties_of_year(regime, year, calendar, roll) if one.id == "net"), None)


def bar_clause(regime: Regime) -> str | None:
    """The clause by which a year that wasn't cleared bars the next application; ``None`` where there is no bar."""
    conditions = () if isinstance(regime.conditions, Absence) else regime.conditions
    return next((one.provision.clause for one in conditions if one.id == BAR), None)


@implements("xizang-prepay-2024/5.4", "zhejiang-prepay-2025/3.4")
def cleared_in_time(due_on: date, cleared_on: tuple[date | None, ...]) -> bool:
    """Whether every grant of the year was cleared, each on the day named or before; the day itself is in time."""
    return all(day is not None and day <= due_on for day in cleared_on)


@implements("henan-settlement-2023/2.2")
def net(facts: NettingFacts, rule_version: str) -> Decision:
    """The new allocation against the old one: the difference alone moves at the bank. ``amount`` is that difference.

    A netting after the day is booked all the same, and called late.
    """
    difference = facts.allocated_fen - facts.owed_fen
    amount = Money(abs(difference))
    if difference > 0:
        what = Reason("hospital_receives", f"新额度多 {amount} 元，医保部门补付。", facts.clause)
    elif difference < 0:
        what = Reason("hospital_pays", f"新额度少 {amount} 元，由医院付给医保部门。", facts.clause)
    else:
        what = Reason("nothing_moves", "新旧额度相同，银行没有收付。", facts.clause)
    reasons = [Reason("netted", "上年预付与今年额度轧差。", facts.clause), what]
    own = facts.owed_fen - facts.unspent_fen
    if own > 0:
        reasons.append(Reason("own_money", f"上年已用掉的 {Money(own)} 元由医院自有资金补足（本院规定）。"))
    if facts.due_on is not None and facts.today > facts.due_on:
        reasons.append(Reason("late", f"应在 {facts.due_on} 前轧差，已经过期。", facts.clause))
    return Decision("fund.net", rule_version, Outcome.PERMITTED, amount, tuple(reasons), asdict(facts))


def _replay(stored: Mapping[str, Any], rule_version: str) -> Decision:
    return net(NettingFacts(**stored), rule_version)


RULES["fund.net"] = _replay

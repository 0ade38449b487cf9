"""What one place's pack says, value by value, in Chinese and with who says so. Pages and papers read it from here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import (
    Absence,
    Adjusts,
    Condition,
    DatedDuty,
    DeficitBars,
    DutyHolder,
    Fund,
    NamedBy,
    Provision,
    Raised,
    Regime,
    SettlementsStop,
    Size,
    UseOutcome,
)
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.fund.assess import decimal_text

_LEVELS: Final = {"1": "一级", "2": "二级", "3": "三级"}
_BARS: Final = {
    DeficitBars.FUND: "哪个基金上年赤字或预计赤字，哪个不预付",
    DeficitBars.REGION: "统筹地区上年赤字或预计赤字，全都不预付",
}
STOPS: Final = {
    SettlementsStop.UNTIL_RETURNED: "出现情形起停拨，收回才恢复",
    SettlementsStop.WHEN_UNRECOVERABLE: "只在收不回来时停拨",
}
_EASED: Final = {Adjusts.CONDITIONS: "申请条件", Adjusts.SIZE: "额度", Adjusts.TIME: "时间"}
_MAY: Final = {
    UseOutcome.PERMITTED: "可以用",
    UseOutcome.HELD: "先挂起，两人书面决定",
    UseOutcome.REFUSED: "不能用，谁都不能放行",
}
_HOLDERS: Final = {DutyHolder.HOSPITAL: "本院办", DutyHolder.AUTHORITY: "主管部门办，非本院"}


class Standing(StrEnum):
    """What a statement rests on. The last three are neither law nor its reading."""

    NOTICE = "notice"
    READING = "reading"
    REPORTED = "reported"
    HOUSE = "house"
    SILENT = "silent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Statement:
    """One value in words; ``clause`` where the notice has it."""

    words: str
    standing: Standing
    clause: str | None = None
    in_principle: bool = False


Said = Mapping[str, tuple[Statement, ...]]
"""What a place says about each thing of one topic, by the thing's name."""

_OF_ABSENCE: Final = {
    Absence.SILENT: (Statement("", Standing.SILENT),),
    Absence.UNKNOWN: (Statement("", Standing.UNKNOWN),),
}


def nothing(regime: Regime) -> tuple[Statement, ...]:
    """What stands where a pack has nothing: silence, or that nobody has read the text."""
    return _OF_ABSENCE[Absence.SILENT if regime.text_at_hand else Absence.UNKNOWN]


def conditions(regime: Regime) -> Said:
    """Who may apply, and the floors, by id of the condition."""
    if isinstance(regime.conditions, Absence):
        return {}
    return {one.id: tuple(_condition(one)) for one in regime.conditions}


def _condition(one: Condition) -> Iterator[Statement]:
    given = one.parameters
    match one.id:
        case "agreement_and_history":
            yield _said(f"正常结算满 {given['full_years']} 个自然年，考核合格以上", one.provision)
        case "credit_grade":
            yield _said(f"{given['at_least']} 级以上（含）", one.provision)
        case "level":
            yield _said(f"{_LEVELS[given['at_least']]}以上（含）", one.provision)
        case "monthly_floor":
            inpatient, without = (Money(int(given[f"{kind}_inpatients_fen"])) for kind in ("with", "without"))
            yield _said(f"有住院的每月 {inpatient} 元以上，没有的 {without} 元以上（都含）", one.provision)
        case _:
            yield _said("要符合", one.provision)
    if one.waived_through is not None:
        yield _said(f"{one.waived_through.value} 年的申请在过渡期，不要求", one.waived_through.provision)


def solvency(regime: Regime) -> Said:
    """What a pool must have before it prepays."""
    found = regime.solvency
    if isinstance(found, Absence):
        return dict.fromkeys(("employee", "resident", "apart", "deficit"), _OF_ABSENCE[found])
    months = found.months
    says: dict[str, tuple[Statement, ...]] = {
        fund.value: (_said(f"够付 {decimal_text(months.value[fund])} 个月以上（含）", months.provision),)
        for fund in Fund
    }
    apart = Provision(months.provision.clause, found.apart_by, in_principle=False)
    says["apart"] = (_said("各看各的，不够的那个不预付", apart),)
    says["deficit"] = (_said(_BARS[found.deficit_bars.value], found.deficit_bars.provision),)
    return says


def base_and_size(regime: Regime) -> Said:
    """The monthly base, the ordinary size, the largest, and what an emergency eases."""
    base, size, eased = regime.base, regime.size, regime.emergency
    says: dict[str, tuple[Statement, ...]] = {
        "base": _OF_ABSENCE[base] if isinstance(base, Absence) else (_said(base.counts, base.provision),)
    }
    if isinstance(size, Absence):
        says |= dict.fromkeys(("size", "largest"), _OF_ABSENCE[size])
    else:
        says |= {"size": (_said(size.words, size.provision),), "largest": _largest(size)}
    if isinstance(eased, Absence):
        says["emergency"] = _OF_ABSENCE[eased]
    else:
        named = "、".join(words for what, words in _EASED.items() if what in eased.value)
        says["emergency"] = (_said(f"会商后可调整{named}", eased.provision),)
    return says


def _largest(size: Size) -> tuple[Statement, ...]:
    if isinstance(size.largest, Absence):
        return _OF_ABSENCE[size.largest]
    largest, provision = size.largest.value, size.largest.provision
    if not isinstance(largest, Raised):
        return (_said(f"{decimal_text(largest)} 个月为限", provision),)
    growth = decimal_text(Fraction(100) * largest.growth_at_most)
    words = f"支出增长不超过 {growth}%（含）、考核优秀、重点工作突出，不超过 {decimal_text(largest.months)} 个月"
    return (_said(words, provision),)


def duties(regime: Regime) -> Said:
    """The dated duties by id: the day, whether it rolls, whose it is."""
    return {one.id: tuple(_duty(one)) for one in regime.duties}


def _duty(one: DatedDuty) -> Iterator[Statement]:
    day = f"{day_words(one)}{_roll_words(one)}"
    if one.holder_by is one.provision.named_by:
        yield _said(f"{day}，{_HOLDERS[one.holder]}", one.provision)
        return
    yield _said(day, one.provision)
    yield _said(_HOLDERS[one.holder], Provision(None, one.holder_by))


def day_words(one: DatedDuty) -> str:
    """``每月 5 日前``, ``3 月底前``, ``2、5、8、11 月底前``: the named day included."""
    months = "每月" if len(one.months) == 12 else f"{'、'.join(map(str, one.months))} 月"
    if not one.day:
        return f"{months}底前"
    return f"{months} {one.day} 日前"


def _roll_words(one: DatedDuty) -> str:
    return {True: "，遇节假日顺延", False: "", None: "，顺延不顺延未知"}[one.rolls]


def recall(regime: Regime) -> Said:
    """The grounds of recall, by number, and what follows from one."""
    found = regime.recall
    if isinstance(found, Absence):
        return dict.fromkeys((*map(str, range(1, 10)), "days", "stop", "withheld"), _OF_ABSENCE[found])
    says = {str(one.number): (_ground(one.provision),) for one in found.grounds}
    days, stop, withheld = found.working_days, found.settlements_stop, found.withholds_unpaid
    says["days"] = (
        _OF_ABSENCE[days]
        if isinstance(days, Absence)
        else (_said(f"督促后 {days.value} 个工作日内", days.provision),)
    )
    says["stop"] = (_said(STOPS[stop.value], stop.provision),)
    says["withheld"] = _OF_ABSENCE[withheld] if isinstance(withheld, Absence) else (_said("停止拨付", withheld),)
    return says


def _ground(provision: Provision) -> Statement:
    title = "" if provision.clause is None else load_rulebook().clause(provision.clause).title
    return _said(title, provision)


def uses(regime: Regime) -> Said:
    """What each category of spending gets. Where no notice carries it, that and the hospital's own rule stand
    together."""
    unsaid = () if regime.text_at_hand and not regime.uses_silent else nothing(regime)
    return {
        name: (*unsaid, Statement(_MAY[use.outcome], Standing.HOUSE))
        if unsaid
        else (_said(_MAY[use.outcome], use.provision),)
        for name, use in regime.uses.items()
    }


def readings(regime: Regime) -> Said:
    """The named readings that this notice leaves open, each with its default, by the reading's name."""
    found = ((one, _own(one.clauses, regime)) for one in load_rulebook().readings.values())
    return {
        one.name: (Statement(one.label(str(one.default)), Standing.READING, clause),)
        for one, clause in found
        if clause is not None
    }


def _own(clauses: Iterable[str], regime: Regime) -> str | None:
    return next((clause for clause in clauses if clause.startswith(f"{regime.instrument}/")), None)


def _said(words: str, provision: Provision) -> Statement:
    standing = {
        NamedBy.NOTICE: Standing.NOTICE,
        NamedBy.READING: Standing.READING,
        NamedBy.REPORTED: Standing.REPORTED,
    }[provision.named_by]
    return Statement(words, standing, provision.clause, in_principle=bool(provision.in_principle))

"""Reads ``regime.yaml``: what one place says about prepayment, as one or more editions by year of application."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from hospital_prepay.domain.rules.fund.eligibility import CHECKS, PARAMETERS, WAIVABLE
from hospital_prepay.domain.rules.fund.regime import (
    Absence,
    Base,
    Condition,
    DatedDuty,
    DeficitBars,
    DutyHolder,
    Fund,
    NamedBy,
    Provision,
    Raised,
    Recall,
    RecallGround,
    Regime,
    Size,
    Solvency,
    Use,
    UseOutcome,
)
from hospital_prepay.rulebook.fields import NONE, Fields, fault
from hospital_prepay.rulebook.model import Instrument
from hospital_prepay.rulebook.strict_yaml import Node

CATEGORIES: Final = (
    *("drug", "consumable", "reagent", "blood", "oxygen", "outsourced_test", "supplier_arrears"),
    *("construction", "equipment", "payroll", "utilities", "office", "debt_service", "lending", "investment"),
    *("guarantee", "tax"),
)
SETTLEMENTS_STOP: Final = ("until_returned", "when_unrecoverable")
_DAY_OF_YEAR: Final = re.compile(
    r"(monthly|02)-(0[1-9]|1[0-9]|2[0-8]|end)|(0[13-9]|1[0-2])-(0[1-9]|[12][0-9]|30|end)", re.ASCII
)
_ABSENT: Final = tuple(absence.value for absence in Absence)


def read_regime(document: Node, where: str, instrument: Instrument) -> tuple[Regime, ...]:
    """The editions, ascending by first year; raises :class:`RulebookFault`."""
    with Fields(document, where) as fields:
        fields.word("instrument", (instrument.id,))
        place = fields.text("place")
        editions = tuple(_edition(node, where, instrument.id, place) for node in fields.members("editions"))
    years = [edition.first_year for edition in editions]
    if years != sorted(set(years)):
        raise fault(where, "各版的起始年度要从早到晚，不能重复")
    return editions


def clauses_of(regime: Regime) -> Iterator[str]:
    """Every clause that an edition rests on, some of them more than once."""
    conditions = () if isinstance(regime.conditions, Absence) else regime.conditions
    grounds = () if isinstance(regime.recall, Absence) else regime.recall.grounds
    single = (regime.solvency, regime.base, regime.size, regime.recall)
    for part in (*single, *conditions, *grounds, *regime.duties, *regime.uses.values()):
        if not isinstance(part, Absence) and part.provision.clause is not None:
            yield part.provision.clause


def _edition(node: Node, where: str, instrument: str, place: str) -> Regime:
    with Fields(node, where) as fields:
        uses_silent = fields.flag("uses_silent")
        return Regime(
            instrument=instrument,
            place=place,
            first_year=_whole(fields, "first_year"),
            conditions=_absent(fields, "conditions") or _conditions(fields, where),
            solvency=_absent(fields, "solvency") or _solvency(fields.node("solvency"), f"{where} solvency"),
            base=_absent(fields, "base") or _base(fields.node("base"), f"{where} base"),
            size=_absent(fields, "size") or _size(fields.node("size"), f"{where} size"),
            duties=_duties(fields, where),
            recall=_absent(fields, "recall") or _recall(fields.node("recall"), f"{where} recall"),
            uses=_uses(fields, where, uses_silent),
            uses_silent=uses_silent,
        )


def _absent(fields: Fields, key: str) -> Absence | None:
    """The absence under ``key``, or ``None`` where something stands there; the key stays for its reader then."""
    return Absence(fields.text(key)) if fields.says(key, _ABSENT) else None


def _provision(fields: Fields) -> Provision:
    return Provision(
        clause=fields.text_or_none("clause"),
        named_by=NamedBy(fields.word("named_by", [one.value for one in NamedBy])),
        in_principle=fields.flag("in_principle"),
    )


def _conditions(fields: Fields, where: str) -> tuple[Condition, ...]:
    """What the notice asks; each check the program knows is named, if only to say that the notice is silent on it."""
    with Fields(fields.node("conditions"), f"{where} conditions") as inner:
        asked = [(name, inner.node(name)) for name in CHECKS]
    return tuple(_condition(name, node, f"{where} {name}") for name, node in asked if node != Absence.SILENT.value)


def _condition(name: str, node: Node, where: str) -> Condition:
    with Fields(node, where) as fields:
        return Condition(
            id=name,
            provision=_provision(fields),
            parameters=MappingProxyType({key: fields.text(key) for key in sorted(PARAMETERS.get(name, ()))}),
            waived_through=_year_or_none(fields, "waived_through") if name in WAIVABLE else None,
        )


def _solvency(node: Node, where: str) -> Solvency:
    with Fields(node, where) as fields:
        return Solvency(
            provision=_provision(fields),
            months={fund: _decimal(fields, f"{fund.value}_months") for fund in Fund},
            deficit_bars=DeficitBars(fields.word("deficit_bars", [one.value for one in DeficitBars])),
        )


def _base(node: Node, where: str) -> Base:
    with Fields(node, where) as fields:
        return Base(_provision(fields), _whole(fields, "years"))


def _size(node: Node, where: str) -> Size:
    with Fields(node, where) as fields:
        provision, months = _provision(fields), _decimal(fields, "months")
        largest: Raised | Fraction | Absence | None = _absent(fields, "largest")
        if largest is None:
            with Fields(fields.node("largest"), f"{where} largest") as inner:
                if "fixed" in inner:
                    largest = _decimal(inner, "fixed")
                else:
                    largest = Raised(_decimal(inner, "raised"), _decimal(inner, "growth_at_most"))
    return Size(provision, months, largest)


def _duties(fields: Fields, where: str) -> tuple[DatedDuty, ...]:
    duties = tuple(_duty(node, where) for node in fields.members("duties"))
    if len({duty.id for duty in duties}) < len(duties):
        raise fault(where, "两项有日期的事编号相同")
    return duties


def _duty(node: Node, where: str) -> DatedDuty:
    with Fields(node, where) as fields:
        name = fields.text("id")
        month, day = _day_of_year(fields.text("on"), f"{where} {name}")
        return DatedDuty(
            id=name,
            provision=_provision(fields),
            holder=DutyHolder(fields.word("holder", [one.value for one in DutyHolder])),
            month=month,
            day=day,
            rolls=fields.flag("rolls"),
        )


def _day_of_year(text: str, where: str) -> tuple[int | None, int]:
    """``01-15`` is 15 January; ``monthly-05`` the 5th of each month; ``monthly-end`` and ``03-end`` the last day."""
    month, _, day = text.partition("-")
    if not _DAY_OF_YEAR.fullmatch(text):
        raise fault(where, f"“{text}”不是一年或一月里的某一天")
    return None if month == "monthly" else int(month), 0 if day == "end" else int(day)


def _recall(node: Node, where: str) -> Recall:
    with Fields(node, where) as fields:
        return Recall(
            provision=_provision(fields),
            grounds=tuple(_ground(item, where) for item in fields.members("grounds")),
            working_days=_absent(fields, "working_days") or _whole(fields, "working_days"),
            settlements_stop=fields.word("settlements_stop", SETTLEMENTS_STOP),
            withholds_unpaid=fields.flag("withholds_unpaid"),
        )


def _ground(node: Node, where: str) -> RecallGround:
    with Fields(node, where) as fields:
        return RecallGround(
            number=_whole(fields, "number"),
            provision=_provision(fields),
            public_only=fields.flag("public_only"),
        )


def _uses(fields: Fields, where: str, silent: bool) -> Mapping[str, Use]:
    uses = {name: _use(name, node, where) for name, node in fields.items("uses")}
    if uses.keys() != set(CATEGORIES):
        raise fault(where, "每一类用途都要写，而且只能写这些")
    if silent and any(use.provision.clause is not None for use in uses.values()):
        raise fault(where, "通知没有写用途，就不能引用条款")
    return MappingProxyType(uses)


def _use(name: str, node: Node, where: str) -> Use:
    with Fields(node, f"{where} {name}") as fields:
        outcome = UseOutcome(fields.word("outcome", [one.value for one in UseOutcome]))
        return Use(name, outcome, _provision(fields))


def _whole(fields: Fields, key: str) -> int:
    text = fields.text(key)
    if not (text.isascii() and text.isdigit()):
        raise fault(fields.where, f"键“{key}”应当是整数")
    return int(text)


def _year_or_none(fields: Fields, key: str) -> int | None:
    return None if fields.says(key, (NONE,)) and fields.text(key) else _whole(fields, key)


def _decimal(fields: Fields, key: str) -> Fraction:
    text = fields.text(key)
    try:
        return Fraction(Decimal(text))
    except InvalidOperation:
        raise fault(fields.where, f"键“{key}”应当是数") from None

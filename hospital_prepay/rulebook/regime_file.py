"""Reads ``regime.yaml``: what one place says about prepayment, as one or more editions by year of application.

A notice in hand has its ``instrument.yaml`` beside the file, which then says ``text: at_hand``. One we know of only
from others has a folder with nothing else in it: ``text`` names its number and whoever reports it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from types import MappingProxyType
from typing import Final, TypeVar

from hospital_prepay.domain.rules.fund.eligibility import CHECKS, PARAMETERS, WAIVABLE
from hospital_prepay.domain.rules.fund.regime import (
    Absence,
    Adjusts,
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
    SettlementsStop,
    Size,
    Solvency,
    Stated,
    Use,
    UseOutcome,
)
from hospital_prepay.rulebook.fields import NONE, Fields, fault
from hospital_prepay.rulebook.model import Instrument
from hospital_prepay.rulebook.regime_check import check_regime
from hospital_prepay.rulebook.strict_yaml import Node

AT_HAND: Final = "at_hand"
CATEGORIES: Final = (
    *("drug", "consumable", "reagent", "blood", "oxygen", "outsourced_test", "supplier_arrears"),
    *("construction", "equipment", "payroll", "utilities", "office", "debt_service", "lending", "investment"),
    *("guarantee", "tax"),
)
_MONTHS: Final = re.compile(r"monthly|(0[1-9]|1[0-2])(/(0[1-9]|1[0-2]))*", re.ASCII)
_DAY: Final = re.compile(r"0[1-9]|1[0-9]|2[0-9]|30|end", re.ASCII)
_ABSENT: Final = tuple(absence.value for absence in Absence)
_TRUTH: Final[Mapping[str, bool | None]] = {"true": True, "false": False, Absence.UNKNOWN.value: None}
Value = TypeVar("Value")


def read_regime(document: Node, where: str, name: str, instrument: Instrument | None) -> tuple[Regime, ...]:
    """The editions of the notice called ``name``, ascending by first year; ``instrument`` is ``None`` where its text
    isn't at hand. Raises :class:`RulebookFault`."""
    with Fields(document, where) as fields:
        fields.word("instrument", (name,))
        source = _source(fields, where, name, instrument)
        editions = tuple(_edition(node, where, source) for node in fields.members("editions"))
    years = [edition.first_year for edition in editions]
    if years != sorted(set(years)):
        raise fault(where, "各版的起始年度要从早到晚，不能重复")
    for edition in editions:
        check_regime(edition, where)
    return editions


@dataclass(frozen=True, slots=True)
class _Source:
    """What all editions of one notice share."""

    name: str
    place: str
    number: str
    reported_by: str | None
    in_force_on: date | None


def _source(fields: Fields, where: str, name: str, instrument: Instrument | None) -> _Source:
    place = fields.text("place")
    if instrument is not None:
        fields.word("text", (AT_HAND,))
        return _Source(name, place, instrument.number or instrument.short_title, None, instrument.effective_on)
    with Fields(fields.node("text"), f"{where} text") as inner:
        return _Source(name, place, inner.text("number"), inner.text("reported_by"), None)


def _edition(node: Node, where: str, source: _Source) -> Regime:
    with Fields(node, where) as fields:
        return Regime(
            instrument=source.name,
            number=source.number,
            place=source.place,
            reported_by=source.reported_by,
            in_force_on=source.in_force_on,
            first_year=_whole(fields, "first_year"),
            conditions=_absent(fields, "conditions") or _conditions(fields, where),
            solvency=_absent(fields, "solvency") or _solvency(fields.node("solvency"), f"{where} solvency"),
            base=_absent(fields, "base") or _base(fields.node("base"), f"{where} base"),
            size=_absent(fields, "size") or _size(fields.node("size"), f"{where} size"),
            emergency=_absent(fields, "emergency") or _stated(fields, "emergency", where, _adjusts),
            duties=_duties(fields, where),
            recall=_absent(fields, "recall") or _recall(fields.node("recall"), f"{where} recall"),
            uses=_uses(fields, where),
            uses_silent=fields.flag("uses_silent"),
        )


def _absent(fields: Fields, key: str) -> Absence | None:
    """The absence under ``key``, or ``None`` where something stands there; the key stays for its reader then."""
    return Absence(fields.text(key)) if fields.says(key, _ABSENT) else None


def _provision(fields: Fields) -> Provision:
    return Provision(
        clause=fields.text_or_none("clause"),
        named_by=_named_by(fields, "named_by"),
        in_principle=_TRUTH[fields.word("in_principle", _TRUTH)],
    )


def _named_by(fields: Fields, key: str) -> NamedBy:
    return NamedBy(fields.word(key, [one.value for one in NamedBy]))


def _stated(fields: Fields, key: str, where: str, read: Callable[[Fields], Value]) -> Stated[Value]:
    """The value that ``read`` finds under ``key``, with its provision."""
    with Fields(fields.node(key), f"{where} {key}") as inner:
        return Stated(_provision(inner), read(inner))


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
            waived_through=_waived(fields, where) if name in WAIVABLE else None,
        )


def _waived(fields: Fields, where: str) -> Stated[int] | None:
    if fields.says("waived_through", (NONE,)):
        fields.text("waived_through")
        return None
    return _stated(fields, "waived_through", where, lambda inner: _whole(inner, "year"))


def _solvency(node: Node, where: str) -> Solvency:
    with Fields(node, where) as fields:
        return Solvency(
            months=_stated(fields, "months", where, _months_payable),
            apart_by=_named_by(fields, "apart_by"),
            deficit_bars=_stated(fields, "deficit", where, _deficit_bars),
        )


def _months_payable(fields: Fields) -> Mapping[Fund, Fraction]:
    return MappingProxyType({fund: _decimal(fields, fund.value) for fund in Fund})


def _deficit_bars(fields: Fields) -> DeficitBars:
    return DeficitBars(fields.word("bars", [one.value for one in DeficitBars]))


def _base(node: Node, where: str) -> Base:
    with Fields(node, where) as fields:
        years, together = _whole(fields, "years"), fields.flag("together")
        return Base(_provision(fields), years, together, fields.text("counts"))


def _size(node: Node, where: str) -> Size:
    with Fields(node, where) as fields:
        return Size(
            provision=_provision(fields),
            months=_decimal(fields, "months"),
            words=fields.text("words"),
            largest=_absent(fields, "largest") or _largest(fields, where),
        )


def _largest(fields: Fields, where: str) -> Stated[Raised] | Stated[Fraction]:
    with Fields(fields.node("largest"), f"{where} largest") as inner:
        provision = _provision(inner)
        if "fixed" in inner:
            return Stated(provision, _decimal(inner, "fixed"))
        return Stated(provision, Raised(_decimal(inner, "raised"), _decimal(inner, "growth_at_most")))


def _adjusts(fields: Fields) -> frozenset[Adjusts]:
    named = fields.texts("adjusts")
    if not named or not {*named} <= {*Adjusts}:
        raise fault(fields.where, "特殊情形下能调整什么，要从认识的词里选")
    return frozenset(Adjusts(one) for one in named)


def _duties(fields: Fields, where: str) -> tuple[DatedDuty, ...]:
    duties = tuple(_duty(node, where) for node in fields.members("duties"))
    if len({duty.id for duty in duties}) < len(duties):
        raise fault(where, "两项有日期的事编号相同")
    return duties


def _duty(node: Node, where: str) -> DatedDuty:
    with Fields(node, where) as fields:
        name = fields.text("id")
        months, day = _days_of_year(fields.text("on"), f"{where} {name}")
        return DatedDuty(
            id=name,
            plain=fields.text("plain"),
            provision=_provision(fields),
            holder=DutyHolder(fields.word("holder", [one.value for one in DutyHolder])),
            holder_by=_named_by(fields, "holder_by"),
            months=months,
            day=day,
            rolls=_TRUTH[fields.word("rolls", _TRUTH)],
        )


def _days_of_year(text: str, where: str) -> tuple[tuple[int, ...], int]:
    """``01-15`` is 15 January, ``02/05-end`` the last of those months, ``monthly-05`` the 5th of each."""
    months, _, day = text.partition("-")
    if not _MONTHS.fullmatch(months) or not _DAY.fullmatch(day):
        raise fault(where, f"“{text}”不是一年或一月里的某一天")
    named = tuple(range(1, 13)) if months == "monthly" else tuple(int(month) for month in months.split("/"))
    if named != tuple(sorted(set(named))) or (2 in named and day in ("29", "30")):
        raise fault(where, f"“{text}”不是一年或一月里的某一天")
    return named, 0 if day == "end" else int(day)


def _recall(node: Node, where: str) -> Recall:
    with Fields(node, where) as fields:
        return Recall(
            provision=_provision(fields),
            grounds=tuple(_ground(item, where) for item in fields.members("grounds")),
            working_days=_absent(fields, "return_within")
            or _stated(fields, "return_within", where, lambda inner: _whole(inner, "working_days")),
            settlements_stop=_stated(fields, "settlements_stop", where, _stop),
            withholds_unpaid=_absent(fields, "withholds_unpaid")
            or _only_provision(fields.node("withholds_unpaid"), f"{where} withholds_unpaid"),
        )


def _stop(fields: Fields) -> SettlementsStop:
    return SettlementsStop(fields.word("when", [one.value for one in SettlementsStop]))


def _only_provision(node: Node, where: str) -> Provision:
    with Fields(node, where) as fields:
        return _provision(fields)


def _ground(node: Node, where: str) -> RecallGround:
    with Fields(node, where) as fields:
        return RecallGround(
            number=_whole(fields, "number"),
            provision=_provision(fields),
            public_only=fields.flag("public_only"),
        )


def _uses(fields: Fields, where: str) -> Mapping[str, Use]:
    uses = {name: _use(name, node, where) for name, node in fields.items("uses")}
    if uses.keys() != set(CATEGORIES):
        raise fault(where, "每一类用途都要写，而且只能写这些")
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


def _decimal(fields: Fields, key: str) -> Fraction:
    text = fields.text(key)
    try:
        return Fraction(Decimal(text))
    except InvalidOperation:
        raise fault(fields.where, f"键“{key}”应当是数") from None

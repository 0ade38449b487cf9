"""Reads ``values.yaml``: what a rule's number is, from which day, and who says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

from hospital_prepay.rulebook.fields import Fields, fault
from hospital_prepay.rulebook.model import DatedValue, Instrument
from hospital_prepay.rulebook.strict_yaml import Node


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)


def _share(text: str) -> Fraction:
    above, _, below = text.partition("/")
    return Fraction(_whole(above), _whole(below) or 1)


UNITS: Final[Mapping[str, Callable[[str], int | bool | Fraction]]] = {
    "years": _whole,
    "working_days": _whole,
    "hours": _whole,
    "share": _share,
    "flag": {"true": True, "false": False}.__getitem__,
}


@dataclass(frozen=True, slots=True)
class _Heading:
    """What all dated values of one key share."""

    key: str
    clause: str
    unit: str
    says: str
    plain: str
    reading: str | None


def read_values(document: Node, where: str, instrument: Instrument) -> dict[str, tuple[DatedValue, ...]]:
    """The dated values by key (``<instrument>/<name>``), each ascending; raises :class:`RulebookFault`."""
    with Fields(document, where) as fields:
        fields.word("instrument", (instrument.id,))
        return {
            f"{instrument.id}/{name}": _value(f"{instrument.id}/{name}", node, instrument)
            for name, node in fields.items("values")
        }


def _value(key: str, node: Node, instrument: Instrument) -> tuple[DatedValue, ...]:
    with Fields(node, key) as fields:
        heading = _Heading(
            key=key,
            clause=fields.text("clause"),
            unit=fields.word("unit", UNITS),
            says=fields.text("says"),
            plain=fields.text("plain"),
            reading=fields.text_or_none("reading"),
        )
        dated = tuple(_dated(item, heading) for item in fields.members("dated"))
    if heading.clause.partition("/")[0] != instrument.id:
        raise fault(key, "条款不属于本文件")
    if dated[0].effective_on < instrument.effective_on:
        raise fault(key, "生效日早于文件施行日")
    _refuse_overlap(key, dated)
    return dated


def _dated(node: Node, heading: _Heading) -> DatedValue:
    with Fields(node, heading.key) as fields:
        return DatedValue(
            key=heading.key,
            clause=heading.clause,
            unit=heading.unit,
            value=_parsed(fields.text("value"), heading),
            effective_on=fields.day("from"),
            until_on=fields.day("until") if "until" in fields else None,
            named_by=fields.word("named_by", ("notice", "reading")),
            in_principle=fields.flag("in_principle"),
            reading=heading.reading,
            says=heading.says,
            plain=heading.plain,
        )


def _parsed(text: str, heading: _Heading) -> int | bool | Fraction:
    try:
        return UNITS[heading.unit](text)
    except (ValueError, KeyError):
        raise fault(heading.key, f"“{text}”不符合单位“{heading.unit}”") from None


def _refuse_overlap(key: str, dated: tuple[DatedValue, ...]) -> None:
    """Each value must start after the one before it starts, and after its last day where it has one."""
    last_taken: date | None = None
    for item in dated:
        if last_taken is not None and item.effective_on <= last_taken:
            raise fault(key, "日期重叠或没有按先后排列")
        last_taken = item.until_on or item.effective_on
        if last_taken < item.effective_on:
            raise fault(key, "失效日早于生效日")

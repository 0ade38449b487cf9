"""Reads ``readings.yaml``: the questions the notices leave open, and our defaults."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType

from hospital_prepay.rulebook.fields import Fields, as_day, fault
from hospital_prepay.rulebook.model import Reading
from hospital_prepay.rulebook.strict_yaml import Node

AREAS = ("fund", "inpatient", "outpatient", "settlement", "ledger")


def read_readings(document: Node, where: str) -> dict[str, Reading]:
    """The readings by name, in the order of the file; raises :class:`RulebookFault`."""
    with Fields(document, where) as fields:
        return {name: _reading(name, node) for name, node in fields.items("readings")}


def _reading(name: str, node: Node) -> Reading:
    with Fields(node, name) as fields:
        question = fields.text("question")
        clauses = fields.texts("clauses")
        used_in = fields.texts("used_in")
        default = fields.text("default")
        make = _choice if "choices" in fields else _bounded
        reading = make(fields, name, question, clauses, used_in, default)
    if not used_in or any(place.partition(".")[0] not in AREAS for place in used_in):
        raise fault(name, "用处不在任何一个业务区")
    if not reading.allows(reading.default):
        raise fault(name, "默认值不在允许的范围里")
    return reading


def _choice(
    fields: Fields, name: str, question: str, clauses: tuple[str, ...], used_in: tuple[str, ...], default: str
) -> Reading:
    choices: dict[str, str] = {}
    for item in fields.members("choices"):
        with Fields(item, name) as choice:
            code = choice.text("code")
            if code in choices:
                raise fault(name, f"选项“{code}”重复")
            choices[code] = choice.text("label")
    return Reading(name, question, clauses, used_in, default, MappingProxyType(choices), None, None)


def _bounded(
    fields: Fields, name: str, question: str, clauses: tuple[str, ...], used_in: tuple[str, ...], default: str
) -> Reading:
    unit = fields.word("unit", ("day", "cases", "years", "working_days", "months", "percent"))
    least, most = fields.text("least"), fields.text("most")
    bounds: tuple[date, date] | tuple[int, int]
    value: date | int
    if unit == "day":
        value, *ends = (as_day(text, name) for text in (default, least, most))
        bounds = (ends[0], ends[1])
    else:
        numbers = [_number(text, name) for text in (default, least, most)]
        value, bounds = numbers[0], (numbers[1], numbers[2])
    return Reading(name, question, clauses, used_in, value, MappingProxyType({}), unit, bounds)


def _number(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise fault(where, f"“{text}”不是整数")
    return int(text)

"""Reads a file of situations: what a rule answers on a day, given some facts.

The format is explained in ``tests/rules/test_situations.py``, which runs the files; :mod:`collect` lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from hospital_prepay.rulebook.fields import NONE, Fields, fault
from hospital_prepay.rulebook.strict_yaml import Node, read_text


@dataclass(frozen=True, slots=True)
class Situation:
    """One day, its facts, and the outcome (or the error code) that must come of them."""

    name: str
    on: date
    facts: Mapping[str, Node]
    outcome: Node | None
    raises: str | None


@dataclass(frozen=True, slots=True)
class SituationFile:
    """The situations of one rule. ``values`` names the dated values that it takes as arguments; ``clauses`` is empty
    for a notice whose text we don't have (the file says ``none``)."""

    rule: str
    clauses: tuple[str, ...]
    values: Mapping[str, str]
    situations: tuple[Situation, ...]


def read_situations(text: str, where: str) -> SituationFile:
    """The situations in ``text``; raises :class:`RulebookFault` for anything unexpected."""
    with Fields(read_text(text, where), where) as fields:
        file = SituationFile(
            rule=fields.text("rule"),
            clauses=_clauses(fields),
            values={name: str(key) for name, key in fields.items("values")} if "values" in fields else {},
            situations=tuple(_situation(node, where) for node in fields.members("situations")),
        )
    names = [situation.name for situation in file.situations]
    if len(set(names)) < len(names):
        raise fault(where, "情形重名")
    return file


def _clauses(fields: Fields) -> tuple[str, ...]:
    if fields.says("clauses", (NONE,)):
        fields.text("clauses")
        return ()
    found = fields.texts("clauses")
    if not found:
        raise fault(fields.where, "没有写条款")
    return found


def _situation(node: Node, where: str) -> Situation:
    with Fields(node, where) as fields:
        situation = Situation(
            name=fields.text("name"),
            on=fields.day("date"),
            facts=dict(fields.items("facts")) if "facts" in fields else {},
            outcome=fields.node("outcome") if "outcome" in fields else None,
            raises=fields.text("raises") if "raises" in fields else None,
        )
    if bool(situation.outcome) == bool(situation.raises):
        raise fault(f"{where} {situation.name}", "结果和错误要写且只写一个")
    return situation

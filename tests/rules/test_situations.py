"""Runs every file of situations under ``tests/rules/<instrument>/``.

A file shows one rule, on the day before, the day of and the day after each change::

    rule: hospital_prepay.domain.rules.inpatient.caps.cap   # dotted path of the function, or a name in NAMES below
    clauses: [guizhou-deposit-2025/12]                      # what it is the code of; `rules index` reads them here;
                                                            #   none: a notice whose text we don't have
    values:                                                 # optional: arguments that are dated values of the
      window_years: guizhou-deposit-2025/window_years       #   rulebook, looked up on the situation's date
    situations:
      - name: the day the rules come into force             # unique in the file
        date: 2025-06-30                                    # given to an argument called `day`, if there is one
        facts: {burden: "3000.00"}                          # the other arguments, as text
        outcome: {amount: "3000.00"}                        # what must come of it; or
      - name: the day before
        date: 2025-06-29
        facts: {burden: "3000.00"}
        raises: no_rule_in_force                            # the code of the error

Everything is text, turned into what the function's annotations ask for: Money is yuan, dates are ISO, a dataclass
is a mapping of its fields, ``null`` is None. Results become text the same way, lists stay lists, a Decision becomes
outcome, amount, reasons (their codes) and clauses. Of a mapping only the keys written in the situation are compared.
"""

from __future__ import annotations

import dataclasses
import importlib
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from types import UnionType
from typing import Any

import pytest

from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.errors import PrepayError
from hospital_prepay.domain.money import Money
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.rulebook.model import DatedValue, Instrument
from hospital_prepay.rulebook.situations import Situation, SituationFile, read_situations
from tests import funding

HERE = Path(__file__).parent
FILES = {path.relative_to(HERE).as_posix(): path.read_text("utf-8") for path in sorted(HERE.glob("*/*.yaml"))}


def value_on(key: str, day: date) -> DatedValue:
    return load_rulebook().value_on(key, day)


def instrument_on(instrument: str, day: date) -> Instrument:
    return load_rulebook().instrument_on(instrument, day)


NAMES: Mapping[str, Callable[..., Any]] = {
    "value_on": value_on,
    "instrument_on": instrument_on,
    "fund_condition": funding.outcome_of,
    "fund_quota": funding.quota_of,
    "fund_duty": funding.duty_of,
    "fund_use": funding.use_of,
    "fund_recall": funding.recall_of,
    "fund_apply": funding.application_of,
}
PARSERS: Mapping[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    Decimal: Decimal,
    Fraction: Fraction,
    Money: Money.of_yuan,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    bool: {"true": True, "false": False}.__getitem__,
}


def cases() -> list[Any]:
    files = {place: read_situations(text, place) for place, text in FILES.items()}
    return [
        pytest.param(place, file, situation, id=f"{place}::{situation.name}")
        for place, file in files.items()
        for situation in file.situations
    ]


@pytest.mark.parametrize(("place", "file", "situation"), cases())
def test_situation_has_its_outcome(place: str, file: SituationFile, situation: Situation) -> None:
    instrument = place.partition("/")[0].replace("_", "-")
    if instrument in load_rulebook().instruments:
        assert any(clause.startswith(f"{instrument}/") for clause in file.clauses), "it lies in another's folder"
    else:
        assert not file.clauses, "nobody can cite a text that isn't at hand"
    if situation.raises is not None:
        with pytest.raises(PrepayError) as caught:
            answer(file, situation)
        assert caught.value.reason == situation.raises
    else:
        result = plain(answer(file, situation))
        assert narrowed(result, situation.outcome) == situation.outcome


def answer(file: SituationFile, situation: Situation) -> Any:
    rule = NAMES.get(file.rule) or dotted(file.rule)
    hints = typing.get_type_hints(rule)
    arguments = {name: typed(node, hints[name]) for name, node in situation.facts.items()}
    for name, key in file.values.items():
        arguments[name] = load_rulebook().value_on(key, situation.on).value
    if "day" in hints:
        arguments.setdefault("day", situation.on)
    return rule(**arguments)


def dotted(path: str) -> Callable[..., Any]:
    module, _, name = path.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def typed(node: Any, hint: Any) -> Any:
    """The text (or list, or mapping of texts) as a value of the annotated type."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, UnionType):
        if node == "null" and type(None) in inner:
            return None
        return typed(node, next(kind for kind in inner if kind is not type(None)))
    if dataclasses.is_dataclass(hint) and hint not in PARSERS:
        hints = typing.get_type_hints(hint)
        return hint(**{name: typed(value, hints[name]) for name, value in node.items()})  # type: ignore[operator]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(node)
    if hint in PARSERS:
        return PARSERS[hint](node)
    if isinstance(node, dict):
        return {typed(key, inner[0]): typed(value, inner[1]) for key, value in node.items()}
    make = origin if origin in (list, set, frozenset) else tuple
    return make(typed(item, inner[0]) for item in node)


def plain(value: Any) -> Any:
    """A result as text, lists and mappings of text."""
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case Money():
            return value.plain()
        case Enum():
            return str(value.value)
        case date():
            return value.isoformat()
        case Decision():
            reasons = [reason.code for reason in value.reasons]
            parts = {"outcome": value.outcome, "amount": value.amount, "reasons": reasons, "clauses": value.clauses}
            return plain(parts)
        case str() | int() | Fraction() | Decimal():
            return str(value)
        case Mapping():
            return {plain(key): plain(item) for key, item in value.items()}
        case set() | frozenset():
            return sorted(plain(item) for item in value)
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return [plain(item) for item in value]


def narrowed(result: Any, expected: Any) -> Any:
    """Of mappings, what the situation speaks of; a key that the result lacks stays missing."""
    if isinstance(expected, dict) and isinstance(result, dict):
        return {key: narrowed(result[key], wanted) for key, wanted in expected.items() if key in result}
    if isinstance(expected, list) and isinstance(result, list) and len(expected) == len(result):
        return [narrowed(item, wanted) for item, wanted in zip(result, expected, strict=True)]
    return result


def test_there_are_situations() -> None:
    assert len(FILES) > 0


@pytest.mark.parametrize("rule", ["fund_condition", "fund_quota", "fund_duty", "fund_use"])
def test_every_place_has_situations_for_each_of_the_funds_rules(rule: str) -> None:
    shown = {place.partition("/")[0] for place, text in FILES.items() if read_situations(text, place).rule == rule}
    assert shown == {regime.replace("-", "_") for regime in load_rulebook().regimes}


SAMPLE = """
rule: value_on
clauses: [guizhou-deposit-2025/12]
situations:
  - {name: one, date: 2025-06-30, facts: {key: guizhou-deposit-2025/window_years}, outcome: {value: 3}}
"""


@pytest.mark.parametrize(
    ("outcome", "same"), [("{value: 3}", True), ("{value: 4}", False), ("{values: 3}", False), ("[3]", False)]
)
def test_a_wrong_outcome_is_noticed(outcome: str, same: bool) -> None:
    file = read_situations(SAMPLE.replace("{value: 3}", outcome), "sample")
    [situation] = file.situations
    assert (narrowed(plain(answer(file, situation)), situation.outcome) == situation.outcome) is same


def test_facts_become_what_the_annotations_ask_for() -> None:
    def rule(day: date, paid: tuple[Money, ...], cap: Money | None, share: Fraction) -> None: ...

    hints = typing.get_type_hints(rule)
    assert typed(["1.50", "2"], hints["paid"]) == (Money(150), Money(200))
    assert typed("null", hints["cap"]) is None
    assert typed("9", hints["cap"]) == Money(900)
    assert typed("1/2", hints["share"]) == Fraction(1, 2)


def test_a_decision_becomes_words_and_yuan() -> None:
    reason = Reason("over_cap", "超过额度。", "guizhou-deposit-2025/17")
    decision = Decision("collect", "v", Outcome.REFUSED, Money(120), (reason,))
    assert plain(decision) == {
        "outcome": "refused",
        "amount": "1.20",
        "reasons": ["over_cap"],
        "clauses": ["guizhou-deposit-2025/17"],
    }

"""Joins each clause to its code and its tests, and finds what hangs loose."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import hospital_prepay.domain
from hospital_prepay.domain import rules
from hospital_prepay.domain.clauses import HOUSE_RULES, IMPLEMENTED
from hospital_prepay.domain.decision import Decision
from hospital_prepay.rulebook.model import Clause, Rulebook, Status
from hospital_prepay.rulebook.numbering import sort_key

_TESTED = frozenset({Status.ENFORCED, Status.EVIDENCED, Status.REPORTED})


@dataclass(frozen=True, slots=True)
class Coverage:
    """A clause, the functions marked with it and the tests that name it."""

    clause: Clause
    by: tuple[str, ...]
    tests: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The entry as programs get it."""
        return {
            "clause": self.clause.id,
            "title": self.clause.title,
            "addressee": self.clause.addressee.value,
            "status": self.clause.status.value,
            "by": list(self.by),
            "tests": list(self.tests),
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that hangs loose: a stable ``code``, what it is about, and words for people."""

    code: str
    subject: str
    message: str


def implemented() -> Mapping[str, Sequence[str]]:
    """The functions of the domain by the clause they are marked with."""
    _modules(hospital_prepay.domain)
    return IMPLEMENTED


def unmarked_rules(modules: Iterable[ModuleType] | None = None) -> tuple[str, ...]:
    """Public functions of ``modules`` (else ``domain/rules``) that give a :class:`Decision`, cite no clause, and
    don't say that they are the hospital's own."""
    marked = {name for names in implemented().values() for name in names} | set(HOUSE_RULES)
    deciding = (name for module in modules or _modules(rules) for name in _deciding_functions(module))
    return tuple(sorted(set(deciding) - marked))


def _modules(package: ModuleType) -> tuple[ModuleType, ...]:
    """The package with all that lies in it, imported."""
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return package, *(importlib.import_module(module.name) for module in found)


def _deciding_functions(module: ModuleType) -> Iterator[str]:
    for name, function in inspect.getmembers(module, inspect.isfunction):
        gives = inspect.get_annotations(function).get("return")
        if function.__module__ == module.__name__ and not name.startswith("_") and gives in (Decision, "Decision"):
            yield f"{module.__name__}.{name}"


def coverage(
    rulebook: Rulebook, by: Mapping[str, Sequence[str]], tests: Mapping[str, Sequence[str]]
) -> tuple[Coverage, ...]:
    """Every clause with its code and tests, in the order of the rulebook."""
    return tuple(
        Coverage(clause, tuple(sorted(by.get(clause.id, ()))), tuple(sorted(tests.get(clause.id, ()))))
        for clause in rulebook.clauses
    )


def findings(
    rulebook: Rulebook,
    by: Mapping[str, Sequence[str]],
    tests: Mapping[str, Sequence[str]],
    unmarked: Sequence[str] = (),
) -> tuple[Finding, ...]:
    """What ``rules check`` complains about; empty when every clause, rule and test has its counterpart."""
    return (
        *_numbering(rulebook),
        *_unknown(rulebook, by, "rule_unknown_clause", "代码引用的条款没有条目"),
        *_unknown(rulebook, tests, "test_unknown_clause", "测试引用的条款没有条目"),
        *(Finding("rule_without_clause", name, "这条规则没有标明条款") for name in unmarked),
        *_uncovered(coverage(rulebook, by, tests)),
    )


def _numbering(rulebook: Rulebook) -> Iterator[Finding]:
    for instrument in rulebook.instruments.values():
        entered = {clause.number for clause in rulebook.clauses if clause.instrument == instrument.id}
        for number in sorted(instrument.numbering - entered, key=sort_key):
            yield Finding("clause_without_entry", f"{instrument.id}/{number}", "这一条没有条目")
        for number in sorted(entered - instrument.numbering, key=sort_key):
            yield Finding("entry_without_clause", f"{instrument.id}/{number}", "原文没有这一条")


def _unknown(rulebook: Rulebook, citing: Mapping[str, Sequence[str]], code: str, message: str) -> Iterator[Finding]:
    for clause in sorted(citing.keys() - rulebook.entries.keys()):
        yield Finding(code, clause, f"{message}：{'、'.join(citing[clause])}")


def _uncovered(covered: Sequence[Coverage]) -> Iterator[Finding]:
    for entry in covered:
        status = entry.clause.status
        if status in _TESTED and not entry.tests:
            yield Finding("clause_without_test", entry.clause.id, "这一条没有测试")
        if status is Status.ENFORCED and not entry.by:
            yield Finding("clause_without_rule", entry.clause.id, "这一条标为已执行，却没有代码")

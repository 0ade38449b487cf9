from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from hospital_prepay.domain.decision import Decision
from hospital_prepay.rulebook.coverage import coverage, findings, implemented, unmarked_rules
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.rulebook.model import Rulebook, Status

BOOK = load_rulebook()
ENFORCED = [clause.id for clause in BOOK.clauses if clause.status is Status.ENFORCED]
BY = {clause: ["some.rule"] for clause in ENFORCED}
TESTS = {clause.id: ["t"] for clause in BOOK.clauses}


def codes(
    book: Rulebook = BOOK, by: dict[str, list[str]] = BY, tests: dict[str, list[str]] = TESTS
) -> set[tuple[str, str]]:
    """What is found, without the words."""
    return {(finding.code, finding.subject) for finding in findings(book, by, tests)}


def with_entries(**changes: Status | None) -> Rulebook:
    """The rulebook with entries taken out (``None``) or given another status."""
    entries = {
        clause_id: replace(clause, status=changes.get(clause.number) or clause.status)
        for clause_id, clause in BOOK.entries.items()
        if clause.number not in changes or changes[clause.number] is not None
    }
    return replace(BOOK, entries=entries)


def test_nothing_is_found_where_nothing_is_missing() -> None:
    assert codes() == set()


def test_a_clause_without_an_entry_is_found() -> None:
    assert ("clause_without_entry", "guizhou-deposit-2025/27") in codes(with_entries(**{"27": None}))


def test_an_entry_that_the_notice_lacks_is_found() -> None:
    extra = replace(BOOK.clause("guizhou-deposit-2025/1"), id="guizhou-deposit-2025/28", number="28")
    book = replace(BOOK, entries={**BOOK.entries, extra.id: extra})
    assert codes(book) == {("entry_without_clause", "guizhou-deposit-2025/28")}


@pytest.mark.parametrize("status", [Status.ENFORCED, Status.EVIDENCED, Status.REPORTED])
def test_what_the_program_claims_to_do_needs_a_test(status: Status) -> None:
    book = with_entries(**{"27": status})
    tests = {clause: names for clause, names in TESTS.items() if clause != "guizhou-deposit-2025/27"}
    assert codes(book, tests=tests) == {("clause_without_test", "guizhou-deposit-2025/27")}


@pytest.mark.parametrize("status", [Status.PLANNED, Status.NOT_OURS])
def test_what_is_planned_or_not_ours_needs_no_test(status: Status) -> None:
    tests = {clause: names for clause, names in TESTS.items() if clause != "guizhou-deposit-2025/27"}
    assert codes(with_entries(**{"27": status}), tests=tests) == set()


def test_an_enforced_clause_without_code_is_found() -> None:
    assert codes(by={}) == {("clause_without_rule", clause) for clause in ENFORCED}


def test_code_and_tests_that_cite_an_unknown_clause_are_found() -> None:
    assert codes(by=BY | {"guizhou-deposit-2025/99": ["r"]}, tests=TESTS | {"nowhere/1": ["t"]}) == {
        ("rule_unknown_clause", "guizhou-deposit-2025/99"),
        ("test_unknown_clause", "nowhere/1"),
    }


def test_a_rule_without_a_clause_is_found() -> None:
    loose = ModuleType("hospital_prepay.domain.rules.loose")

    def decide_loosely() -> Decision:
        raise NotImplementedError

    def _helper() -> Decision:
        raise NotImplementedError

    def round_down() -> int:
        raise NotImplementedError

    for function in (decide_loosely, _helper, round_down):
        function.__module__ = loose.__name__
        setattr(loose, function.__name__, function)
    assert unmarked_rules([loose]) == ("hospital_prepay.domain.rules.loose.decide_loosely",)
    [finding] = findings(BOOK, BY, TESTS, unmarked_rules([loose]))
    assert finding.code == "rule_without_clause"


def test_an_entry_lists_its_code_and_tests_as_programs_get_them() -> None:
    entries = {entry["clause"]: entry for entry in (e.as_json() for e in coverage(BOOK, implemented(), TESTS))}
    entry = entries["guizhou-deposit-2025/27"]
    assert entry["by"] == ["hospital_prepay.domain.rules.force.in_force"]
    assert entry["tests"] == ["t"]
    assert list(entry) == ["clause", "title", "addressee", "status", "by", "tests"]

"""The rulebook, the code, the tests and the page about them say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hospital_prepay.rulebook.collect import INDEX, collect_tests, load_index, render_index
from hospital_prepay.rulebook.coverage import coverage, findings, implemented, unmarked_rules
from hospital_prepay.rulebook.document import document
from hospital_prepay.rulebook.loader import load_rulebook

ROOT = Path(__file__).parents[2]
COUNTED = yaml.safe_load((Path(__file__).parent / "clauses_counted.yaml").read_text("utf-8"))


def counted(tree: object, prefix: str = "") -> set[str]:
    """All numbers of a tree of counts: a number says how many, a mapping what lies below which."""
    numbers: set[str] = set()
    assert isinstance(tree, dict)
    for name, below in tree.items():
        if name == "total":
            continue
        if name == "count":
            numbers |= {f"{prefix}{n}" for n in range(1, below + 1)}
        else:
            numbers |= counted(below, f"{prefix}{name}" if name == "annex" else f"{prefix}{name}.")
    return numbers


@pytest.mark.parametrize("instrument", COUNTED)
def test_every_article_and_item_has_an_entry_and_nothing_else_has(instrument: str) -> None:
    expected = counted(COUNTED[instrument])
    entered = {clause.number for clause in load_rulebook().clauses if clause.instrument == instrument}
    assert entered == expected
    assert len(entered) == COUNTED[instrument]["total"]
    assert load_rulebook().instruments[instrument].numbering == expected


def test_all_five_notices_are_counted() -> None:
    assert set(COUNTED) == set(load_rulebook().instruments)
    assert len(load_rulebook().clauses) == 172


def test_nothing_hangs_loose_between_clauses_rules_and_tests() -> None:
    assert findings(load_rulebook(), implemented(), collect_tests(ROOT), unmarked_rules()) == ()


def test_the_list_of_tests_in_the_package_is_current() -> None:
    current = INDEX.read_text("utf-8") == render_index(collect_tests(ROOT))
    assert current, "run: hospital-prepay rules index"


def test_the_page_of_clauses_is_current() -> None:
    page = document(load_rulebook(), coverage(load_rulebook(), implemented(), load_index()))
    current = (ROOT / "docs" / "clauses.md").read_text("utf-8") == page
    assert current, "run: hospital-prepay rules document"

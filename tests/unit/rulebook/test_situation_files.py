from __future__ import annotations

import pytest

from hospital_prepay.domain.errors import RulebookFault
from hospital_prepay.rulebook.situations import read_situations

GOOD = """
rule: a.b
clauses: [x/1]
situations:
  - name: one
    date: 2025-06-30
    facts: {a: 1}
    outcome: {b: 2}
  - name: two
    date: 2025-06-29
    raises: no_rule_in_force
"""


def test_situations_are_read() -> None:
    file = read_situations(GOOD, "f")
    assert [situation.name for situation in file.situations] == ["one", "two"]
    assert file.situations[0].facts == {"a": "1"}
    assert file.situations[1].raises == "no_rule_in_force"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("outcome: {b: 2}", "outcome: {}"),
        ("    outcome: {b: 2}\n", ""),
        ("raises: no_rule_in_force", "raises: x\n    outcome: y"),
        ("name: two", "name: one"),
        ("clauses: [x/1]", "clauses: []"),
        ("facts: {a: 1}", "fact: {a: 1}"),
        ("date: 2025-06-29", "date: 2025-02-29"),
        ("rule: a.b", "rule:"),
    ],
    ids=["empty outcome", "no outcome", "both", "same name", "no clause", "unknown key", "no such day", "no rule"],
)
def test_a_situation_that_could_not_fail_or_is_misspelt_is_refused(old: str, new: str) -> None:
    with pytest.raises(RulebookFault):
        read_situations(GOOD.replace(old, new), "f")

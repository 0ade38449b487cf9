"""Clauses as the pages show them: a chip with number and plain words."""

from __future__ import annotations

from dataclasses import dataclass

from hospital_prepay.rulebook.loader import load_rulebook


@dataclass(frozen=True, slots=True)
class Chip:
    """``label`` and ``words``; ``href`` leads to the clause, house rules have none."""

    label: str
    words: str
    href: str | None


def number_chip(clause_id: str) -> Chip:
    """The chip of a clause by its number alone, where it is plain which notice is meant."""
    return Chip(load_rulebook().clause(clause_id).cited, "", f"/compliance/clauses/{clause_id}")


def chip(clause_id: str | None, words: str = "") -> Chip:
    """The chip of a clause; without one it is the house's own rule, which never looks like law."""
    if clause_id is None:
        return Chip("本院规定", words, None)
    rulebook = load_rulebook()
    clause = rulebook.clause(clause_id)
    short = rulebook.instruments[clause.instrument].short_title
    return Chip(f"{short} {clause.cited}", words or clause.title, f"/compliance/clauses/{clause_id}")

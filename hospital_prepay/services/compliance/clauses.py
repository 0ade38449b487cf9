"""The clauses of the five notices with what stands behind each: values, readings, code and tests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.rulebook.collect import load_index
from hospital_prepay.rulebook.coverage import Coverage, coverage, implemented
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.rulebook.model import Clause, DatedValue, Instrument
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.readings import ChosenReading, list_readings


@dataclass(frozen=True, slots=True)
class ClauseDetail:
    """One clause. ``tests`` counts them by file; ``related`` are the clause above it and those beside and below."""

    covered: Coverage
    instrument: Instrument
    values: tuple[DatedValue, ...]
    readings: list[ChosenReading]
    tests: Counter[str]
    related: tuple[Clause, ...]


@cache
def every_clause() -> tuple[Coverage, ...]:
    """Every article and numbered item with its code and tests, in the order of the notices."""
    return coverage(load_rulebook(), implemented(), load_index())


def read_clause(context: Context, institution_id: str, clause_id: str) -> ClauseDetail:
    """One clause, with the readings as this hospital chose them. Raises :class:`NotFound`."""
    found = next((one for one in every_clause() if one.clause.id == clause_id), None)
    if found is None:
        raise NotFound("没有这一条。请从依据的列表里选。")
    rulebook = load_rulebook()
    return ClauseDetail(
        covered=found,
        instrument=rulebook.instruments[found.clause.instrument],
        values=tuple(value for dated in rulebook.values.values() for value in dated if value.clause == clause_id),
        readings=[one for one in list_readings(context, institution_id) if clause_id in one.reading.clauses],
        tests=Counter(test.partition("::")[0] for test in found.tests),
        related=tuple(one.clause for one in every_clause() if _related(found.clause, one.clause)),
    )


def _related(clause: Clause, other: Clause) -> bool:
    if clause.instrument != other.instrument or clause.id == other.id:
        return False
    above, _, _ = clause.number.rpartition(".")
    others_above, _, _ = other.number.rpartition(".")
    return other.number == above or others_above == clause.number or bool(above and others_above == above)

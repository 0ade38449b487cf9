"""Cap tables: written once when measured, then only walked from state to state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.standards import EarlierStandard as Standard
from hospital_prepay.persistence.models.inpatient import CapRow, CapTable, EarlierStandard, SimilarDisease


@dataclass(frozen=True, slots=True)
class TableHead:
    """A cap table without its rows."""

    table_id: str
    state: str
    version_no: int | None
    as_of: date
    window_from: date
    window_to: date
    parameters: dict[str, Any]
    cases_read: int
    cases_used: int
    row_count: int
    rule_version: str
    digest: str
    measured_by: str
    measured_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    rejected_by: str | None
    rejected_ground: str
    published_by: str | None
    published_at: datetime | None
    effective_on: date | None


@dataclass(frozen=True, slots=True)
class TableRow:
    """One cap with what it rests on; amounts in fen, ``quantiles`` are P10, P50, P90 or empty.

    ``evidence`` is ``None`` for rows stored before it was kept, and for those that weren't measured.
    """

    disease_code: str
    insured_class: str
    disease_name: str
    cases: int
    sum_cost_fen: int
    sum_burden_fen: int
    legacy_fen: int | None
    cap_fen: int | None
    basis: str
    clauses: list[str]
    quantiles: list[int]
    posted: bool
    mean_fen: int | None
    evidence: dict[str, Any] | None

    @property
    def mean_burden_fen(self) -> int | None:
        """The mean the cap is compared with, rounded down; ``None`` without cases."""
        if self.mean_fen is not None:
            return self.mean_fen
        return self.sum_burden_fen // self.cases if self.cases else None


_HEAD = [getattr(CapTable, name) for name in TableHead.__dataclass_fields__]
_ROW = [getattr(CapRow, name) for name in TableRow.__dataclass_fields__]
_CLASS_ORDER = sa.case({"employee": 1, "resident": 2}, value=CapRow.insured_class, else_=3)


def standards(connection: sa.Connection, institution_id: str) -> list[Standard]:
    """The hospital's own standards with the day on which each began."""
    table = EarlierStandard.__table__.c
    rows = connection.execute(
        sa.select(table.disease_code, table.insured_class, table.standard_fen, table.in_force_from).where(
            table.institution_id == institution_id
        )
    )
    return [Standard(code, InsuredClass(insured), Money(fen), day) for code, insured, fen, day in rows]


def similar(connection: sa.Connection, institution_id: str) -> dict[str, tuple[str, ...]]:
    """The hospital's table of similar diseases."""
    found: dict[str, tuple[str, ...]] = {}
    for row in connection.execute(
        sa.select(SimilarDisease.disease_code, SimilarDisease.similar_to)
        .where(SimilarDisease.institution_id == institution_id)
        .order_by(SimilarDisease.disease_code, SimilarDisease.similar_to)
    ):
        found[row.disease_code] = (*found.get(row.disease_code, ()), row.similar_to)
    return found


def add_standards(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    """Record earlier standards. They are what was in force once: a second amount of a day is refused by its key."""
    connection.execute(sa.insert(EarlierStandard), rows)


def add_similar(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    """Add pairs of similar diseases."""
    connection.execute(sa.insert(SimilarDisease), rows)


def add_draft(connection: sa.Connection, head: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Write a measured table with all its rows."""
    connection.execute(sa.insert(CapTable).values(**head, state="draft"))
    key = {"institution_id": head["institution_id"], "table_id": head["table_id"]}
    connection.execute(sa.insert(CapRow), [{**key, **row} for row in rows])


def heads(connection: sa.Connection, institution_id: str) -> list[TableHead]:
    """Every table of an institution, newest first."""
    rows = connection.execute(
        sa.select(*_HEAD)
        .where(CapTable.institution_id == institution_id)
        .order_by(CapTable.measured_at.desc(), CapTable.table_id.desc())
    )
    return [TableHead(**row._mapping) for row in rows]


def head(connection: sa.Connection, institution_id: str, table_id: str, *, lock: bool = False) -> TableHead:
    """One table. Raises :class:`NotFound`."""
    statement = sa.select(*_HEAD).where(CapTable.institution_id == institution_id, CapTable.table_id == table_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        raise NotFound("没有这张额度表。请回到额度列表查看。")
    return TableHead(**row._mapping)


def rows(connection: sa.Connection, institution_id: str, table_id: str) -> list[TableRow]:
    """All rows of a table: by disease, then employee, resident, self-pay."""
    found = connection.execute(
        sa.select(*_ROW)
        .where(CapRow.institution_id == institution_id, CapRow.table_id == table_id)
        .order_by(CapRow.disease_code, _CLASS_ORDER)
    )
    return sorted(
        (TableRow(**row._mapping) for row in found),
        key=lambda row: (row.disease_code, list(InsuredClass).index(InsuredClass(row.insured_class))),
    )


def next_version(connection: sa.Connection, institution_id: str) -> int:
    """The version number of the next published table; ask with the institution locked."""
    last = connection.scalar(
        sa.select(sa.func.max(CapTable.version_no)).where(CapTable.institution_id == institution_id)
    )
    return (last or 0) + 1


def walk(connection: sa.Connection, institution_id: str, table_id: str, values: dict[str, Any]) -> None:
    """Move a table to another state; the database refuses a wrong step."""
    connection.execute(
        sa.update(CapTable)
        .where(CapTable.institution_id == institution_id, CapTable.table_id == table_id)
        .values(**values)
    )

"""What operations watch: counts and ages by institution, each found by a few steps along an index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from hospital_prepay.persistence.models.audit import DecisionRecord, JobRun
from hospital_prepay.persistence.models.inpatient import CaseImport, ReceiptBook
from hospital_prepay.persistence.models.ledger import LedgerBlock, LedgerEntry
from hospital_prepay.persistence.models.publication import Institution


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of a dated job. ``finished_at`` is ``None`` while it works or when it was broken off."""

    job: str
    business_date: date
    started_at: datetime
    finished_at: datetime | None
    outcome: str


@dataclass(frozen=True, slots=True)
class Figures:
    """One institution. ``decisions`` (rule, outcome, count) are those since a moment; ``receipts`` are all there are,
    for they count on in their books; import rows are (accepted, known, rejected)."""

    institution_id: str
    decisions: tuple[tuple[str, str, int], ...]
    receipts: int
    unsealed_entries: int
    last_sealed_at: datetime | None
    runs: tuple[LastRun, ...]
    import_rows: tuple[int, int, int]


def figures(connection: sa.Connection, since: datetime) -> list[Figures]:
    """Every institution's figures."""
    known = connection.scalars(sa.select(Institution.institution_id).order_by(Institution.institution_id)).all()
    return [_figures(connection, institution_id, since) for institution_id in known]


def _figures(connection: sa.Connection, institution_id: str, since: datetime) -> Figures:
    unsealed, sealed_at = _seals(connection, institution_id)
    serials = sa.select(sa.func.coalesce(sa.func.sum(ReceiptBook.last_serial), 0))
    return Figures(
        institution_id,
        _decisions(connection, institution_id, since),
        int(connection.scalar(serials.where(ReceiptBook.institution_id == institution_id)) or 0),
        unsealed,
        sealed_at,
        _runs(connection, institution_id),
        _import_rows(connection, institution_id),
    )


def _decisions(connection: sa.Connection, institution_id: str, since: datetime) -> tuple[tuple[str, str, int], ...]:
    kinds = (DecisionRecord.rule, DecisionRecord.outcome)
    rows = connection.execute(
        sa.select(*kinds, sa.func.count())
        .where(DecisionRecord.institution_id == institution_id, DecisionRecord.decided_at >= since)
        .group_by(*kinds)
        .order_by(*kinds)
    )
    return tuple((rule, outcome, count) for rule, outcome, count in rows)


def _seals(connection: sa.Connection, institution_id: str) -> tuple[int, datetime | None]:
    last = connection.execute(
        sa.select(LedgerBlock.last_no, LedgerBlock.sealed_at)
        .where(LedgerBlock.institution_id == institution_id)
        .order_by(LedgerBlock.block_no.desc())
        .limit(1)
    ).one_or_none()
    above = 0 if last is None else last.last_no
    unsealed = sa.select(sa.func.count()).where(
        LedgerEntry.institution_id == institution_id, LedgerEntry.entry_no > above
    )
    return int(connection.scalar(unsealed) or 0), None if last is None else last.sealed_at


def _runs(connection: sa.Connection, institution_id: str) -> tuple[LastRun, ...]:
    newest = (
        sa.select(JobRun.job, sa.func.max(JobRun.business_date).label("day"))
        .where(JobRun.institution_id == institution_id)
        .group_by(JobRun.job)
        .subquery()
    )
    rows = connection.execute(
        sa.select(*(getattr(JobRun, name) for name in LastRun.__dataclass_fields__))
        .join(newest, sa.and_(JobRun.job == newest.c.job, JobRun.business_date == newest.c.day))
        .where(JobRun.institution_id == institution_id)
        .order_by(JobRun.job)
    )
    return tuple(LastRun(**row._mapping) for row in rows)


def _import_rows(connection: sa.Connection, institution_id: str) -> tuple[int, int, int]:
    columns = (CaseImport.rows_accepted, CaseImport.rows_known, CaseImport.rows_rejected)
    sums = sa.select(*(sa.func.coalesce(sa.func.sum(column), 0) for column in columns))
    row = connection.execute(sums.where(CaseImport.institution_id == institution_id)).one()
    return int(row[0]), int(row[1]), int(row[2])

"""The gate for pages: what was refused there, and what was taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.persistence.models.audit import DecisionRecord
from hospital_prepay.persistence.models.outpatient import OutpatientTaken


@dataclass(frozen=True, slots=True)
class RefusedDeposit:
    """A deposit that the gate refused, with the facts it looked at and why."""

    decision_id: str
    facts: dict[str, Any]
    reasons: list[Any]
    decided_at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class TakenRow:
    """A deposit that was taken under the filing."""

    taken_id: str
    account_no: str
    amount_fen: int
    tender: str
    kept_kind: str
    filing_id: str
    consent: str
    taken_by: str
    taken_at: datetime


def refused_deposits(
    connection: sa.Connection, institution_id: str, start: int, size: int
) -> tuple[list[RefusedDeposit], int]:
    """One page of what was refused, the newest first, and how many there are."""
    record = DecisionRecord
    where = (
        record.institution_id == institution_id,
        record.rule == "outpatient.gate",
        record.outcome == "refused",
    )
    columns = [getattr(record, name) for name in RefusedDeposit.__dataclass_fields__]
    query = sa.select(*columns).where(*where).order_by(record.decided_at.desc(), record.decision_id.desc())
    rows = [RefusedDeposit(*row) for row in connection.execute(query.offset(start).limit(size))]
    return rows, int(connection.scalar(sa.select(sa.func.count()).select_from(record).where(*where)) or 0)


def taken_deposits(connection: sa.Connection, institution_id: str, size: int) -> tuple[list[TakenRow], int, int]:
    """The newest deposits that were taken, how many there are, and their fen."""
    table = OutpatientTaken
    own = table.institution_id == institution_id
    columns = [getattr(table, name) for name in TakenRow.__dataclass_fields__]
    query = sa.select(*columns).where(own).order_by(table.taken_at.desc(), table.taken_id.desc()).limit(size)
    total = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(table.amount_fen), 0)).where(own)
    count, fen = connection.execute(total).one()
    return [TakenRow(*row) for row in connection.execute(query)], int(count), int(fen)

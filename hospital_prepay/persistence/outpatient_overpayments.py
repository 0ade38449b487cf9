"""What the bank paid once too often, and whether it came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim
from hospital_prepay.persistence.models.outpatient_contradictions import OutpatientOverpayment
from hospital_prepay.persistence.rows import refusing, rows_of

_STALE: Final = "这一笔刚被别人登记了，或这个编号已经用过。请刷新后再看；本次没有改动。"


@dataclass(frozen=True, slots=True)
class OverpaymentRow:
    """One of them; ``reference`` and what follows are empty until the money came back."""

    claim_id: str
    attempt_no: int
    amount_fen: int
    entry_no: int
    recorded_by: str
    recorded_at: datetime
    state: str
    way: str
    reference: str
    recovered_by: str | None
    recovered_at: datetime | None
    back_entry_no: int | None


@dataclass(frozen=True, slots=True)
class OwedOverpayment:
    """One that hasn't come back, with its refund's number."""

    claim_id: str
    refund_no: str
    account_no: str
    attempt_no: int
    amount_fen: int
    recorded_at: datetime


def overpayments_of(connection: sa.Connection, institution_id: str, claim_id: str) -> list[OverpaymentRow]:
    """Every one of a claim, by attempt."""
    table = OutpatientOverpayment
    order = (table.attempt_no,)
    return rows_of(connection, table, OverpaymentRow, institution_id, table.claim_id == claim_id, order=order)


def owed_overpayments(connection: sa.Connection, institution_id: str) -> list[OwedOverpayment]:
    """Every one that hasn't come back, the oldest first."""
    table = OutpatientOverpayment
    query = (
        sa.select(
            table.claim_id,
            OutpatientClaim.refund_no,
            OutpatientClaim.account_no,
            table.attempt_no,
            table.amount_fen,
            table.recorded_at,
        )
        .join(
            OutpatientClaim,
            sa.and_(
                OutpatientClaim.institution_id == table.institution_id, OutpatientClaim.claim_id == table.claim_id
            ),
        )
        .where(table.institution_id == institution_id, table.state == "owed")
        .order_by(table.recorded_at, OutpatientClaim.refund_no)
    )
    return [OwedOverpayment(*row) for row in connection.execute(query)]


def add_overpayment(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Note that an attempt was paid once too often, with the entry that booked it."""
    with refusing(_STALE):
        connection.execute(sa.insert(OutpatientOverpayment).values(**values))


def end_overpayment(
    connection: sa.Connection, institution_id: str, claim_id: str, attempt_no: int, /, **values: Any
) -> None:
    """Note that the money came back, once."""
    table = OutpatientOverpayment
    with refusing(_STALE):
        connection.execute(
            sa.update(table)
            .where(table.institution_id == institution_id, table.claim_id == claim_id, table.attempt_no == attempt_no)
            .values(**values)
        )


def recovered_with(connection: sa.Connection, institution_id: str, key: str) -> str | None:
    """The refund number of which money that was paid too often came back with the slip that has this key."""
    table = OutpatientOverpayment
    of_claim = sa.and_(
        OutpatientClaim.institution_id == table.institution_id, OutpatientClaim.claim_id == table.claim_id
    )
    query = sa.select(OutpatientClaim.refund_no).join(table, of_claim)
    return connection.scalar(query.where(table.institution_id == institution_id, table.slip_key == key).limit(1))

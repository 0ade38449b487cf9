"""Invoices of paid lines: appended, and of one request each (see migration 0018)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.persistence.models.fund import FundEvidence, FundRequest
from hospital_prepay.persistence.rows import refusing


@dataclass(frozen=True, slots=True)
class Invoice:
    """What proves a paid line, or a part of it."""

    line_no: int
    invoice_no: str
    amount_fen: int
    recorded_by: str
    recorded_at: datetime


def add_evidence(connection: sa.Connection, values: dict[str, Any]) -> None:
    """An invoice for a paid line; :class:`Conflict` when it is recorded already."""
    words = "这张发票已经记在这一行或别的申请上，或这份申请还没有付款。请核对后再记。"
    with refusing(words), connection.begin_nested():
        connection.execute(sa.insert(FundEvidence).values(**values))


def invoices_of(connection: sa.Connection, institution_id: str, request_id: str) -> list[Invoice]:
    """Every invoice of a request, by line and in the order in which they were recorded."""
    columns = [getattr(FundEvidence, name) for name in Invoice.__dataclass_fields__]
    rows = connection.execute(
        sa.select(*columns)
        .where(FundEvidence.institution_id == institution_id, FundEvidence.request_id == request_id)
        .order_by(FundEvidence.line_no, FundEvidence.recorded_at, FundEvidence.invoice_no)
    )
    return [Invoice(*row) for row in rows]


def invoices_of_supplier(connection: sa.Connection, institution_id: str, credit_code: str) -> list[tuple[str, str]]:
    """Request and number of every invoice that stands for a payment to this supplier: not of what was given back."""
    rows = connection.execute(
        sa.select(FundEvidence.request_id, FundEvidence.invoice_no)
        .join(
            FundRequest,
            sa.and_(
                FundRequest.institution_id == FundEvidence.institution_id,
                FundRequest.request_id == FundEvidence.request_id,
            ),
        )
        .where(
            FundRequest.institution_id == institution_id,
            FundRequest.payee_credit_code == credit_code,
            FundRequest.state.in_(("paid", "evidenced")),
        )
        .order_by(FundEvidence.recorded_at, FundEvidence.request_id)
    )
    return [(str(request_id), str(number)) for request_id, number in rows]


def evidenced_fen(connection: sa.Connection, institution_id: str, request_id: str) -> dict[int, int]:
    """What invoices prove of each line, in fen."""
    rows = connection.execute(
        sa.select(FundEvidence.line_no, sa.func.sum(FundEvidence.amount_fen))
        .where(FundEvidence.institution_id == institution_id, FundEvidence.request_id == request_id)
        .group_by(FundEvidence.line_no)
    )
    return {int(line_no): int(total) for line_no, total in rows}

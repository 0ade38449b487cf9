"""Invoices of paid lines: appended, of one request each, and withdrawn when typed wrongly (migrations 0018, 0035,
0041)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.models.fund import (
    FundEvidence,
    FundEvidenceWithdrawn,
    FundRequest,
    FundRequestLine,
)
from hospital_prepay.persistence.rows import refusing

_KEY: Final = ("institution_id", "request_id", "line_no", "invoice_no", "attempt")


@dataclass(frozen=True, slots=True)
class Invoice:
    """What proves a paid line, or a part of it; and by whom it was withdrawn, if it was. ``attempt`` tells it from
    others of its number on its line, which were all withdrawn before it."""

    line_no: int
    invoice_no: str
    attempt: int
    amount_fen: int
    recorded_by: str
    recorded_at: datetime
    ground: str | None = None
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None

    @property
    def stands(self) -> bool:
        """Whether it proves something still."""
        return self.withdrawn_by is None


@dataclass(frozen=True, slots=True)
class LineProved:
    """An invoice and what it proves: which thing, paid by which request."""

    request_id: str
    invoice_no: str
    code: str
    name: str


def add_evidence(connection: sa.Connection, values: dict[str, Any]) -> None:
    """An invoice for a paid line; :class:`Conflict` when it is recorded already."""
    words = "这张发票已经记在这一行或别的申请上，或这份申请还没有付款。请核对后再记。"
    with refusing(words), connection.begin_nested():
        connection.execute(sa.insert(FundEvidence).values(**values))


def withdraw(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Take an invoice back; the database opens a request again that was complete by it. :class:`Conflict` when
    somebody was quicker."""
    words = "这张发票已经作废过，或这份申请已经退款。请刷新后再看；本次没有改动。"
    with refusing(words), connection.begin_nested():
        connection.execute(sa.insert(FundEvidenceWithdrawn).values(**values))


def invoices_of(connection: sa.Connection, institution_id: str, request_id: str) -> list[Invoice]:
    """Every invoice of a request, withdrawn ones among them, by line and in the order in which they were recorded."""
    rows = connection.execute(
        invoice_query()
        .where(FundEvidence.institution_id == institution_id, FundEvidence.request_id == request_id)
        .order_by(FundEvidence.line_no, FundEvidence.recorded_at, FundEvidence.invoice_no, FundEvidence.attempt)
    )
    return [Invoice(*row) for row in rows]


def invoice_query(*others: Any) -> sa.Select[*tuple[Any, ...]]:
    """The columns of :class:`Invoice` after ``others``, over all invoices."""
    columns = [
        getattr(FundEvidence if hasattr(FundEvidence, name) else FundEvidenceWithdrawn, name)
        for name in Invoice.__dataclass_fields__
    ]
    query = sa.select(*others, *columns).select_from(FundEvidence)
    return query.outerjoin(FundEvidenceWithdrawn, _its_withdrawal())


def invoice_stands() -> sa.ColumnElement[bool]:
    """Whether nobody withdrew a row of :class:`FundEvidence`."""
    return ~sa.exists().where(_its_withdrawal()).correlate(FundEvidence)


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
            invoice_stands(),
        )
        .order_by(FundEvidence.recorded_at, FundEvidence.request_id)
    )
    return [(str(request_id), str(number)) for request_id, number in rows]


def lines_proved(connection: sa.Connection, institution_id: str) -> list[LineProved]:
    """Every invoice that stands for a payment of the hospital, with its line: not of what was given back."""
    proof, line, request = FundEvidence, FundRequestLine, FundRequest
    its_request = sa.and_(request.institution_id == proof.institution_id, request.request_id == proof.request_id)
    its_line = sa.and_(
        line.institution_id == proof.institution_id,
        line.request_id == proof.request_id,
        line.line_no == proof.line_no,
    )
    rows = connection.execute(
        sa.select(proof.request_id, proof.invoice_no, line.code, line.name)
        .join(request, its_request)
        .join(line, its_line)
        .where(proof.institution_id == institution_id, request.state.in_(("paid", "evidenced")), invoice_stands())
        .order_by(proof.recorded_at, proof.request_id)
    )
    return [LineProved(*row) for row in rows]


def lock_document(connection: sa.Connection, institution_id: str, plain: str) -> None:
    """Let two acts wait for each other that show one document, as the hospital's and as a member's."""
    lock_name(connection, f"fund_document:{institution_id}:{plain}")


def evidenced_fen(connection: sa.Connection, institution_id: str, request_id: str) -> dict[int, int]:
    """What invoices that stand prove of each line, in fen."""
    rows = connection.execute(
        sa.select(FundEvidence.line_no, sa.func.sum(FundEvidence.amount_fen))
        .where(FundEvidence.institution_id == institution_id, FundEvidence.request_id == request_id, invoice_stands())
        .group_by(FundEvidence.line_no)
    )
    return {int(line_no): int(total) for line_no, total in rows}


def _its_withdrawal() -> sa.ColumnElement[bool]:
    return sa.and_(*(getattr(FundEvidenceWithdrawn, name) == getattr(FundEvidence, name) for name in _KEY))

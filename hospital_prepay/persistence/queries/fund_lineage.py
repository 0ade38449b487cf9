"""Paid lines with the grant they consumed, their request, people, order and invoices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.persistence.fund_evidence import Invoice, invoice_query, invoice_stands
from hospital_prepay.persistence.models.fund import FundEvidence, FundRequest, FundRequestLine
from hospital_prepay.persistence.models.ledger import LedgerEntry

_PAID: Final = ("paid", "evidenced")


@dataclass(frozen=True, slots=True)
class PaidLine:
    """One line that a grant paid, and stayed paid, with its invoices, those that were withdrawn among them."""

    grant_id: str
    request_id: str
    payee_name: str
    asked_by: str
    department_by: str
    finance_by: str
    paid_by: str
    paid_at: datetime
    line_no: int
    category: str
    name: str
    code: str
    order_no: str
    amount_fen: int
    entry_no: int
    invoices: tuple[Invoice, ...] = ()

    @property
    def proved_fen(self) -> int:
        """What its invoices come to, those that stand."""
        return sum(one.amount_fen for one in self.invoices if one.stands)

    @property
    def unproved_fen(self) -> int:
        """What no invoice proves yet."""
        return self.amount_fen - self.proved_fen


@dataclass(frozen=True, slots=True)
class LineageSums:
    """Over all lines that fit: how many, what they come to, and what invoices prove of it."""

    count: int
    paid_fen: int
    proved_fen: int


def paid_lines(
    connection: sa.Connection, institution_id: str, grant_id: str | None, words: str, *, first: int, size: int
) -> list[PaidLine]:
    """One page of the paid lines of a grant, or of all; ``words`` stand in a line's order number or national code, or
    in the number of one of its invoices. The oldest payment first."""
    entry = sa.and_(
        LedgerEntry.institution_id == FundRequest.institution_id,
        LedgerEntry.kind == "fund_payment",
        LedgerEntry.source == sa.literal("fund_request:") + FundRequest.request_id,
    )
    names = [name for name in PaidLine.__dataclass_fields__ if name != "invoices"]
    tables = (FundRequestLine, FundRequest, LedgerEntry)
    columns = [next(getattr(table, name) for table in tables if hasattr(table, name)) for name in names]
    rows = connection.execute(
        _fitting(sa.select(*columns), institution_id, grant_id, words)
        .join(LedgerEntry, entry)
        .order_by(LedgerEntry.entry_no, FundRequestLine.line_no)
        .offset(first)
        .limit(size)
    ).all()
    invoices = _invoices(connection, institution_id, sorted({row.request_id for row in rows}))
    return [PaidLine(**row._mapping, invoices=tuple(invoices[row.request_id, row.line_no])) for row in rows]


def lineage_sums(connection: sa.Connection, institution_id: str, grant_id: str | None, words: str) -> LineageSums:
    """The sums of :func:`paid_lines` over all pages."""
    proved = sa.select(sa.func.coalesce(sa.func.sum(FundEvidence.amount_fen), 0)).where(_its_own(), invoice_stands())
    found = _fitting(
        sa.select(FundRequestLine.amount_fen.label("paid"), proved.scalar_subquery().label("proved")),
        institution_id,
        grant_id,
        words,
    ).subquery()
    count, paid = sa.func.count(), sa.func.coalesce(sa.func.sum(found.c.paid), 0)
    row = connection.execute(
        sa.select(count, paid, sa.func.coalesce(sa.func.sum(found.c.proved), 0)).select_from(found)
    ).one()
    return LineageSums(*(int(amount) for amount in row))


def _fitting(
    query: sa.Select[*tuple[Any, ...]], institution_id: str, grant_id: str | None, words: str
) -> sa.Select[*tuple[Any, ...]]:
    found = (
        query.select_from(FundRequestLine)
        .join(
            FundRequest,
            sa.and_(
                FundRequest.institution_id == FundRequestLine.institution_id,
                FundRequest.request_id == FundRequestLine.request_id,
            ),
        )
        .where(FundRequestLine.institution_id == institution_id, FundRequest.state.in_(_PAID))
    )
    if grant_id is not None:
        found = found.where(FundRequest.grant_id == grant_id)
    if words:
        # Of a withdrawn one, too: whoever looks for a number learns that it was one.
        on_invoice = sa.exists().where(_its_own(), FundEvidence.invoice_no.icontains(words, autoescape=True))
        found = found.where(
            sa.or_(
                FundRequestLine.order_no.icontains(words, autoescape=True),
                FundRequestLine.code.icontains(words, autoescape=True),
                on_invoice,
            )
        )
    return found


def _its_own() -> sa.ColumnElement[bool]:
    return sa.and_(
        FundEvidence.institution_id == FundRequestLine.institution_id,
        FundEvidence.request_id == FundRequestLine.request_id,
        FundEvidence.line_no == FundRequestLine.line_no,
    )


def _invoices(
    connection: sa.Connection, institution_id: str, requests: Sequence[str]
) -> dict[tuple[str, int], list[Invoice]]:
    rows = connection.execute(
        invoice_query(FundEvidence.request_id)
        .where(FundEvidence.institution_id == institution_id, FundEvidence.request_id.in_(requests))
        .order_by(FundEvidence.recorded_at, FundEvidence.invoice_no, FundEvidence.attempt)
    )
    found: dict[tuple[str, int], list[Invoice]] = defaultdict(list)
    for request_id, *row in rows:
        found[request_id, row[0]].append(Invoice(*row))
    return found

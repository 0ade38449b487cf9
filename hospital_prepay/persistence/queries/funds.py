"""The entries of one grant, each with what it did to the three balances; and orders that several requests name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from hospital_prepay.domain.ledger.chart import earmark_account, owed_account, reserved_account
from hospital_prepay.persistence.models.fund import FundRequest, FundRequestLine
from hospital_prepay.persistence.models.ledger import LedgerEntry, LedgerPosting


@dataclass(frozen=True, slots=True)
class GrantEntry:
    """One entry; ``unspent_fen``, ``reserved_fen`` and ``owed_fen`` are its changes, below zero where it takes."""

    entry_no: int
    kind: str
    summary: str
    source: str
    posted_at: datetime
    posted_by: str
    unspent_fen: int
    reserved_fen: int
    owed_fen: int


@dataclass(frozen=True, slots=True)
class SameOrder:
    """A line of another request with the platform order and national code of line ``line_no``; amount in fen."""

    line_no: int
    request_id: str
    amount_fen: int
    state: str


def grant_entries(connection: sa.Connection, institution_id: str, grant_id: str) -> list[GrantEntry]:
    """Every entry that touched the grant, oldest first: the changes add up to what the accounts hold."""
    line, entry = LedgerPosting, LedgerEntry

    def change(account: str, side: int) -> sa.ColumnElement[int]:
        amount = side * (line.debit_fen - line.credit_fen)
        return sa.func.sum(sa.case((line.account_id == account, amount), else_=0))

    head: list[Any] = [getattr(entry, name) for name in GrantEntry.__dataclass_fields__ if not name.endswith("_fen")]
    changes = [change(earmark_account(grant_id), 1), change(reserved_account(grant_id), 1)]
    rows: Sequence[Any] = connection.execute(
        sa.select(*head, *changes, change(owed_account(grant_id), -1))
        .join(line, sa.and_(line.institution_id == entry.institution_id, line.entry_no == entry.entry_no))
        .where(entry.institution_id == institution_id, entry.entry_no.in_(_numbers(institution_id, grant_id)))
        .group_by(*head)
        .order_by(entry.entry_no)
    ).all()
    return [GrantEntry(*row[:6], *(int(amount) for amount in row[6:])) for row in rows]


def same_orders(connection: sa.Connection, institution_id: str, request_id: str) -> list[SameOrder]:
    """Lines of other requests, live or paid, that name a platform order and national code of this one; oldest first.
    A delivery may come in parts, so this is no fault by itself."""
    mine, other = aliased(FundRequestLine), aliased(FundRequestLine)
    same = (
        other.institution_id == mine.institution_id,
        other.request_id != mine.request_id,
        sa.func.upper(sa.func.trim(other.order_no)) == sa.func.upper(sa.func.trim(mine.order_no)),
        sa.func.upper(sa.func.trim(other.code)) == sa.func.upper(sa.func.trim(mine.code)),
    )
    whose = sa.and_(FundRequest.institution_id == other.institution_id, FundRequest.request_id == other.request_id)
    rows = connection.execute(
        sa.select(mine.line_no, other.request_id, other.amount_fen, FundRequest.state)
        .join(other, sa.and_(*same))
        .join(FundRequest, whose)
        .where(
            mine.institution_id == institution_id,
            mine.request_id == request_id,
            mine.order_no != "",
            mine.code != "",
            FundRequest.state.in_(("asked", "department", "reserved", "paid", "evidenced")),
        )
        .order_by(mine.line_no, FundRequest.asked_at, other.request_id, other.line_no)
    )
    return [SameOrder(*row) for row in rows]


def _numbers(institution_id: str, grant_id: str) -> sa.Select[Any]:
    accounts = (earmark_account(grant_id), reserved_account(grant_id), owed_account(grant_id))
    return sa.select(LedgerPosting.entry_no).where(
        LedgerPosting.institution_id == institution_id, LedgerPosting.account_id.in_(accounts)
    )

"""What can't be refunded, for pages: marked accounts, lists of filings and batches, the entries behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.persistence.models.ledger import LedgerAccount, LedgerEntry, LedgerPosting
from hospital_prepay.persistence.models.outpatient import OutpatientAccount
from hospital_prepay.persistence.models.outpatient_escheat import (
    OutpatientFiling,
    OutpatientFilingLine,
)


@dataclass(frozen=True, slots=True)
class MarkedAccount:
    """An account that can't be refunded for now; ``filing_no`` is the pack that it is in, ``personal`` encrypted."""

    account_no: str
    holder_name: str
    personal: str
    channel: str
    last_movement_on: date | None
    state: str
    reason: str
    balance_fen: int
    filing_no: int | None = None


@dataclass(frozen=True, slots=True)
class FiledIn:
    """A pack that an account stands in, as it stands, and the ``reason`` that was filed of the account."""

    filing_no: int
    state: str
    reason: str
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """An entry that a batch or a list gave rise to."""

    entry_no: int
    kind: str
    summary: str
    posted_at: datetime
    posted_by: str
    lines: int
    amount_fen: int


def marked_accounts(
    connection: sa.Connection, institution_id: str, first: int, size: int
) -> tuple[list[MarkedAccount], int, int]:
    """A page of the accounts that are marked and not filed, with count and fen of them all; those that wait for
    a pack first."""
    where = (OutpatientAccount.institution_id == institution_id, OutpatientAccount.state == "unclearable")
    pack = (
        sa.select(sa.func.max(OutpatientFilingLine.filing_no))
        .join(OutpatientFiling, _of_filing())
        .where(
            OutpatientFilingLine.institution_id == institution_id,
            OutpatientFilingLine.account_no == OutpatientAccount.account_no,
            OutpatientFiling.state.in_(("made", "submitted")),
        )
        .scalar_subquery()
    )
    books = sa.join(OutpatientAccount, LedgerAccount, _books())
    query = sa.select(*_columns(OutpatientAccount.unclearable_reason, LedgerAccount.balance_fen), pack)
    # Those that no pack holds come first: they wait for somebody.
    order = (sa.case((pack.is_(None), 0), else_=1), OutpatientAccount.account_no)
    page = query.select_from(books).where(*where).order_by(*order).offset(first).limit(size)
    count, fen = connection.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(LedgerAccount.balance_fen), 0))
        .select_from(books)
        .where(*where)
    ).one()
    return [MarkedAccount(*tuple(row)) for row in connection.execute(page)], int(count), int(fen)


def filing_lines(
    connection: sa.Connection, institution_id: str, filing_no: int, first: int = 0, size: int | None = None
) -> Iterator[MarkedAccount]:
    """The accounts of a filing by number, with balance and reason as they were filed."""
    query = (
        sa.select(*_columns(OutpatientFilingLine.reason, OutpatientFilingLine.balance_fen), sa.literal(filing_no))
        .join_from(
            OutpatientFilingLine,
            OutpatientAccount,
            sa.and_(
                OutpatientAccount.institution_id == OutpatientFilingLine.institution_id,
                OutpatientAccount.account_no == OutpatientFilingLine.account_no,
            ),
        )
        .where(OutpatientFilingLine.institution_id == institution_id, OutpatientFilingLine.filing_no == filing_no)
        .order_by(OutpatientFilingLine.account_no)
        .offset(first)
        .limit(size)
    )
    for row in connection.execute(query.execution_options(yield_per=5_000)):
        yield MarkedAccount(*tuple(row))


def filings_of_account(connection: sa.Connection, institution_id: str, account_no: str) -> list[FiledIn]:
    """Every pack that has a line of the account, the newest first."""
    line, pack = OutpatientFilingLine, OutpatientFiling
    query = (
        sa.select(pack.filing_no, pack.state, line.reason, pack.made_by, pack.made_at)
        .join_from(line, pack, _of_filing())
        .where(line.institution_id == institution_id, line.account_no == account_no)
        .order_by(pack.filing_no.desc())
    )
    return [FiledIn(*row) for row in connection.execute(query)]


def reasons_of_filing(connection: sa.Connection, institution_id: str, filing_no: int) -> list[tuple[str, int, int]]:
    """Count and fen of a filing by the reason's kind, which stands before its evidence."""
    line = OutpatientFilingLine
    query = (
        sa.select(line.reason, sa.func.count(), sa.func.sum(line.balance_fen))
        .where(line.institution_id == institution_id, line.filing_no == filing_no)
        .group_by(line.reason)
    )
    return [(reason, int(count), int(fen)) for reason, count, fen in connection.execute(query)]


def entries_of(connection: sa.Connection, institution_id: str, source: str) -> list[SourceEntry]:
    """The entries of one source, oldest first, with the sum of their debits."""
    total = (
        sa.select(sa.func.sum(LedgerPosting.debit_fen))
        .where(LedgerPosting.institution_id == institution_id, LedgerPosting.entry_no == LedgerEntry.entry_no)
        .scalar_subquery()
    )
    query = (
        sa.select(
            LedgerEntry.entry_no,
            LedgerEntry.kind,
            LedgerEntry.summary,
            LedgerEntry.posted_at,
            LedgerEntry.posted_by,
            LedgerEntry.line_count,
            total,
        )
        .where(LedgerEntry.institution_id == institution_id, LedgerEntry.source == source)
        .order_by(LedgerEntry.entry_no)
    )
    return [SourceEntry(*tuple(row)) for row in connection.execute(query)]


def _columns(*last: Any) -> tuple[Any, ...]:
    account = OutpatientAccount
    return (
        account.account_no,
        account.holder_name,
        account.personal,
        account.channel,
        account.last_movement_on,
        account.state,
        *last,
    )


def _of_filing() -> sa.ColumnElement[bool]:
    return sa.and_(
        OutpatientFiling.institution_id == OutpatientFilingLine.institution_id,
        OutpatientFiling.filing_no == OutpatientFilingLine.filing_no,
    )


def _books() -> sa.ColumnElement[bool]:
    return sa.and_(
        LedgerAccount.institution_id == OutpatientAccount.institution_id,
        LedgerAccount.account_id == "23050102:" + OutpatientAccount.account_no,
    )

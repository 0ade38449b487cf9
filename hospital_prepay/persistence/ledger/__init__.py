"""The way into the books, one class per database behind one shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Protocol

import sqlalchemy as sa

from hospital_prepay.domain.ledger.chart import (
    ALLOWANCE,
    CHART,
    INPATIENT_DEPOSITS,
    OTHER_ADVANCES,
    OUTPATIENT_DEPOSITS,
    PREPAYMENT,
)
from hospital_prepay.domain.ledger.entry import JournalEntry, ReadyEntry
from hospital_prepay.persistence.ledger.postgres import PostgresLedger
from hospital_prepay.persistence.ledger.sqlite import SqliteLedger
from hospital_prepay.persistence.models.ledger import LedgerAccount


class Ledger(Protocol):
    """What both databases do with an entry."""

    def post(self, entry: JournalEntry, beside: Callable[[int], None] | None = None) -> int:
        """Post one entry and return its number. ``beside`` is told the number and writes the row without which the
        entry doesn't stand: on SQLite before the header, on PostgreSQL before the transaction ends.

        Raises :class:`InsufficientFund` when a guarded balance would fall below zero or rise above its ceiling,
        :class:`ReusedKey` when the key was posted before, :class:`LedgerFault` for anything else.
        """

    def post_many(self, entries: Sequence[JournalEntry]) -> list[int | None]:
        """Post entries in order; ``None`` marks one that a balance refused, which doesn't fail the rest.

        The entries share everything but key, source, lines and hash, and reverse nothing (:class:`LedgerFault`).
        Any other reason to refuse one, such as a key used before or a misuse of restricted money (reason
        ``restricted``), refuses the whole call.
        """

    def post_ready(self, entry: ReadyEntry) -> int | None:
        """Post one long entry that was put together elsewhere; ``None`` when a balance refused it.

        It reverses nothing.
        Raises :class:`ReusedKey` when the key was posted before, :class:`LedgerFault` for anything else.
        """


def ledger_on(connection: sa.Connection) -> Ledger:
    """The ledger of this connection's database, inside its transaction."""
    if connection.dialect.name == "postgresql":
        return PostgresLedger(connection)
    return SqliteLedger(connection)


def has_account(connection: sa.Connection, institution_id: str, account_id: str) -> bool:
    """Whether an account is open."""
    found = sa.select(LedgerAccount.account_id).where(
        LedgerAccount.institution_id == institution_id, LedgerAccount.account_id == account_id
    )
    return connection.scalar(found) is not None


def open_account(
    connection: sa.Connection,
    institution_id: str,
    account_id: str,
    *,
    name: str,
    opened_at: datetime,
    guarded: bool = False,
    ceiling_fen: int | None = None,
    fund: str = "",
) -> None:
    """Open an account of the chart. ``account_id`` is a subject, or a subject and a sub-account after a colon;
    ``fund`` the grant whose restricted money stands there."""
    subject = CHART[account_id.partition(":")[0]]
    connection.execute(
        sa.insert(LedgerAccount).values(
            institution_id=institution_id,
            account_id=account_id,
            subject=subject.code,
            name=name,
            normal_side=subject.normal_side,
            guarded=guarded,
            balance_fen=0,
            ceiling_fen=ceiling_fen,
            opened_at=opened_at,
            **({"fund": fund} if fund else {}),
        )
    )


_BY_SUB_ACCOUNT_ONLY: Final = (ALLOWANCE, INPATIENT_DEPOSITS, OTHER_ADVANCES, OUTPATIENT_DEPOSITS, PREPAYMENT)


def open_chart(connection: sa.Connection, institution_id: str, opened_at: datetime) -> None:
    """Open every subject that needs no sub-account; deposits and prepayments come with theirs."""
    for subject in CHART.values():
        if subject.code not in _BY_SUB_ACCOUNT_ONLY:
            open_account(connection, institution_id, subject.code, name=subject.name, opened_at=opened_at)

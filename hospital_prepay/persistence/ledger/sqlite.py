"""Posting on SQLite, inside the one ``BEGIN IMMEDIATE`` transaction that every write takes.

Lines go in first: their trigger moves the guarded balances. The header goes last: its trigger sums the lines.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import cast

import sqlalchemy as sa

from hospital_prepay.domain.errors import InsufficientFund
from hospital_prepay.domain.ledger.entry import JournalEntry
from hospital_prepay.persistence.ledger.refusals import refusal
from hospital_prepay.persistence.models.base import moment_text

_LAST = "SELECT coalesce(max(entry_no), 0) FROM ledger_entry WHERE institution_id = ?"
_LINE = "INSERT INTO ledger_posting VALUES (?, ?, ?, ?, ?, ?, ?)"
_HEAD = (
    "INSERT INTO ledger_entry (institution_id, entry_no, kind, summary, source, idempotency_key, reverses_no,"
    " line_count, occurred_at, posted_at, effective_on, posted_by, content_hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class SqliteLedger:
    """The ledger inside one transaction of a SQLAlchemy connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._driver = cast(sqlite3.Connection, connection.connection.driver_connection)

    def post(self, entry: JournalEntry) -> int:
        """See :class:`hospital_prepay.persistence.ledger.Ledger`."""
        execute = self._driver.execute
        try:
            number = int(execute(_LAST, (entry.institution_id,)).fetchone()[0]) + 1
            for line_no, line in enumerate(entry.postings, 1):
                execute(
                    _LINE,
                    (
                        entry.institution_id,
                        number,
                        line_no,
                        line.account_id,
                        line.debit.fen,
                        line.credit.fen,
                        line.fund,
                    ),
                )
            execute(
                _HEAD,
                (
                    entry.institution_id,
                    number,
                    entry.kind,
                    entry.summary,
                    entry.source,
                    entry.idempotency_key,
                    entry.reverses_no,
                    len(entry.postings),
                    moment_text(entry.occurred_at),
                    moment_text(entry.posted_at),
                    entry.effective_on.isoformat(),
                    entry.posted_by,
                    entry.content_hash(),
                ),
            )
        except sqlite3.Error as error:
            raise refusal(error) from error
        return number

    def post_many(self, entries: Sequence[JournalEntry]) -> list[int | None]:
        """See :class:`hospital_prepay.persistence.ledger.Ledger`."""
        numbers: list[int | None] = []
        for entry in entries:
            self._driver.execute("SAVEPOINT posting")
            try:
                numbers.append(self.post(entry))
            except InsufficientFund:
                self._driver.execute("ROLLBACK TO posting")
                numbers.append(None)
            self._driver.execute("RELEASE posting")
        return numbers

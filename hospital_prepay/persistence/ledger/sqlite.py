"""Posting on SQLite, inside the one ``BEGIN IMMEDIATE`` transaction that every write takes.

Lines go in first: their trigger moves the guarded balances. The header goes last: its trigger sums the lines.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, count, repeat
from typing import cast

import sqlalchemy as sa

from hospital_prepay.domain.errors import InsufficientFund, PrepayError
from hospital_prepay.domain.ledger.entry import JournalEntry, ReadyEntry, shared_head, utc_text
from hospital_prepay.persistence.ledger.refusals import refusal
from hospital_prepay.persistence.many import insert_cells, insert_rows

_LAST = "SELECT coalesce(max(entry_no), 0) FROM ledger_entry WHERE institution_id = ?"
_LINES = "INSERT INTO ledger_posting VALUES"
_HEAD = (
    "INSERT INTO ledger_entry (institution_id, entry_no, kind, summary, source, idempotency_key, reverses_no,"
    " line_count, occurred_at, posted_at, effective_on, posted_by, content_hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


_USED = "SELECT 1 FROM ledger_entry WHERE institution_id = ? AND idempotency_key = ?"
_REVERSED = "SELECT 1 FROM ledger_entry WHERE institution_id = ? AND reverses_no = ?"


class SqliteLedger:
    """The ledger inside one transaction of a SQLAlchemy connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._driver = cast(sqlite3.Connection, connection.connection.driver_connection)

    def post(self, entry: JournalEntry, beside: Callable[[int], None] | None = None) -> int:
        """See :class:`hospital_prepay.persistence.ledger.Ledger`."""
        with self._all_or_nothing("posting"):
            try:
                return self._write(entry, beside)
            except sqlite3.Error as error:
                raise self._reason(entry, error) from error

    def post_many(self, entries: Sequence[JournalEntry]) -> list[int | None]:
        """See :class:`hospital_prepay.persistence.ledger.Ledger`."""
        numbers: list[int | None] = []
        if entries:
            shared_head(entries)
        with self._all_or_nothing("batch"):
            for entry in entries:
                try:
                    numbers.append(self.post(entry))
                except InsufficientFund as error:
                    _unless_misused(error)
                    numbers.append(None)
        return numbers

    def post_ready(self, entry: ReadyEntry) -> int | None:
        """See :class:`hospital_prepay.persistence.ledger.Ledger`."""
        number = self._next(entry.institution_id)
        own, columns = entry.institution_id, (entry.account_ids, entry.debits, entry.credits, entry.funds)
        # One line after the other out of the columns: no line is ever an object of its own.
        lines = zip(repeat(own), repeat(number), count(1), *columns, strict=False)
        try:
            with self._all_or_nothing("ready"):
                try:
                    insert_cells(self._driver, _LINES, 7, chain.from_iterable(lines))
                    self._write_head(entry, number, len(entry.account_ids), entry.content_hash)
                except sqlite3.Error as error:
                    raise self._reason(entry, error) from error
        except InsufficientFund as error:
            _unless_misused(error)
            return None
        return number

    def _next(self, institution_id: str) -> int:
        return int(self._driver.execute(_LAST, (institution_id,)).fetchone()[0]) + 1

    def _write(self, entry: JournalEntry, beside: Callable[[int], None] | None) -> int:
        number = self._next(entry.institution_id)
        lines = [
            (entry.institution_id, number, line_no, line.account_id, line.debit.fen, line.credit.fen, line.fund)
            for line_no, line in enumerate(entry.postings, 1)
        ]
        insert_rows(self._driver, _LINES, lines)
        if beside is not None:
            beside(number)
        self._write_head(entry, number, len(entry.postings), entry.content_hash())
        return number

    def _write_head(self, entry: JournalEntry | ReadyEntry, number: int, lines: int, content_hash: bytes) -> None:
        self._driver.execute(
            _HEAD,
            (
                entry.institution_id,
                number,
                entry.kind,
                entry.summary,
                entry.source,
                entry.idempotency_key,
                entry.reverses_no,
                lines,
                utc_text(entry.occurred_at),
                utc_text(entry.posted_at),
                entry.effective_on.isoformat(),
                entry.posted_by,
                content_hash,
            ),
        )

    def _reason(self, entry: JournalEntry | ReadyEntry, error: sqlite3.Error) -> PrepayError:
        """The database's reason; a key used before, or an original reversed before, goes ahead of a balance."""
        found = refusal(error)
        if isinstance(found, InsufficientFund):
            institution_id = entry.institution_id
            if self._driver.execute(_USED, (institution_id, entry.idempotency_key)).fetchone():
                return refusal(Exception("reused_key"))
            if self._driver.execute(_REVERSED, (institution_id, entry.reverses_no)).fetchone():
                return refusal(Exception("already_reversed"))
        return found

    @contextmanager
    def _all_or_nothing(self, name: str) -> Iterator[None]:
        # Whoever catches the refusal and goes on must find no line without its header.
        self._driver.execute(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            self._driver.execute(f"ROLLBACK TO {name}")
            self._driver.execute(f"RELEASE {name}")
            raise
        self._driver.execute(f"RELEASE {name}")


def _unless_misused(error: InsufficientFund) -> None:
    """A balance that can't move leaves one entry out; who would misuse restricted money books nothing beside it."""
    if error.reason == "restricted":
        raise error

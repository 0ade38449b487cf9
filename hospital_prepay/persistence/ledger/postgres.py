"""Posting on PostgreSQL: one call of ``ledger_post`` locks, guards, numbers and inserts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import psycopg
import sqlalchemy as sa

from hospital_prepay.domain.ledger.entry import JournalEntry
from hospital_prepay.persistence.ledger.refusals import refusal

_POST = (
    "SELECT ledger_post(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
    " %s::text[], %s::bigint[], %s::bigint[], %s::text[])"
)
_POST_MANY = (
    "SELECT ledger_post_many(%s, %s::text[], %s, %s, %s::text[], %s, %s, %s, %s, %s::bytea[],"
    " %s::smallint[], %s::text[], %s::bigint[], %s::bigint[], %s::text[])"
)


class PostgresLedger:
    """The ledger inside one transaction of a SQLAlchemy connection.

    It talks to the driver directly: mapping costs more than the posting itself.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)

    def post(self, entry: JournalEntry) -> int:
        """See :class:`hospital_prepay.persistence.ledger.Ledger`."""
        lines = entry.postings
        row = self._call(
            _POST,
            (
                entry.institution_id,
                entry.idempotency_key,
                entry.kind,
                entry.summary,
                entry.source,
                entry.reverses_no,
                entry.occurred_at,
                entry.posted_at,
                entry.effective_on,
                entry.posted_by,
                entry.content_hash(),
                [p.account_id for p in lines],
                [p.debit.fen for p in lines],
                [p.credit.fen for p in lines],
                [p.fund for p in lines],
            ),
        )
        return int(row)

    def post_many(self, entries: Sequence[JournalEntry]) -> list[int | None]:
        """See :class:`hospital_prepay.persistence.ledger.Ledger`."""
        if not entries:
            return []
        first = entries[0]
        lines = [line for entry in entries for line in entry.postings]
        numbers = self._call(
            _POST_MANY,
            (
                first.institution_id,
                [e.idempotency_key for e in entries],
                first.kind,
                first.summary,
                [e.source for e in entries],
                first.occurred_at,
                first.posted_at,
                first.effective_on,
                first.posted_by,
                [e.content_hash() for e in entries],
                [len(e.postings) for e in entries],
                [p.account_id for p in lines],
                [p.debit.fen for p in lines],
                [p.credit.fen for p in lines],
                [p.fund for p in lines],
            ),
        )
        return list(numbers)

    def _call(self, statement: str, parameters: tuple[Any, ...]) -> Any:
        try:
            row = self._driver.execute(statement, parameters).fetchone()
        except psycopg.Error as error:
            raise refusal(error) from error
        assert row is not None
        return row[0]

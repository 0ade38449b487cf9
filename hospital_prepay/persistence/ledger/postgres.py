"""Posting on PostgreSQL: one call of ``ledger_post`` locks, guards, numbers and inserts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import psycopg
import sqlalchemy as sa

from hospital_prepay.domain.ledger.entry import JournalEntry, ReadyEntry, shared_head, utc_text
from hospital_prepay.persistence.ledger.refusals import refusal

_POST = f"SELECT ledger_post({', '.join(['%s'] * 15)})"
_POST_MANY = f"SELECT ledger_post_many({', '.join(['%s'] * 15)})"


class PostgresLedger:
    """The ledger inside one transaction of a SQLAlchemy connection.

    It talks to the driver directly, in text: mapping costs more than the posting itself.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)

    def post(self, entry: JournalEntry, beside: Callable[[int], None] | None = None) -> int:
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
                utc_text(entry.occurred_at),
                utc_text(entry.posted_at),
                entry.effective_on.isoformat(),
                entry.posted_by,
                entry.content_hash(),
                _texts([p.account_id for p in lines]),
                _numbers([p.debit.fen for p in lines]),
                _numbers([p.credit.fen for p in lines]),
                _texts([p.fund for p in lines]),
            ),
        )
        if beside is not None:
            beside(int(row))
        return int(row)

    def post_many(self, entries: Sequence[JournalEntry]) -> list[int | None]:
        """See :class:`hospital_prepay.persistence.ledger.Ledger`."""
        if not entries:
            return []
        first = shared_head(entries)
        lines = [line for entry in entries for line in entry.postings]
        numbers = self._call(
            _POST_MANY,
            (
                first.institution_id,
                _texts([e.idempotency_key for e in entries]),
                first.kind,
                first.summary,
                _texts([e.source for e in entries]),
                utc_text(first.occurred_at),
                utc_text(first.posted_at),
                first.effective_on.isoformat(),
                first.posted_by,
                _texts(["\\x" + e.content_hash().hex() for e in entries]),
                _numbers([len(e.postings) for e in entries]),
                _texts([p.account_id for p in lines]),
                _numbers([p.debit.fen for p in lines]),
                _numbers([p.credit.fen for p in lines]),
                _texts([p.fund for p in lines]),
            ),
        )
        return list(numbers)

    def post_ready(self, entry: ReadyEntry) -> int | None:
        """See :class:`hospital_prepay.persistence.ledger.Ledger`."""
        numbers = self._call(
            _POST_MANY,
            (
                entry.institution_id,
                _texts([entry.idempotency_key]),
                entry.kind,
                entry.summary,
                _texts([entry.source]),
                utc_text(entry.occurred_at),
                utc_text(entry.posted_at),
                entry.effective_on.isoformat(),
                entry.posted_by,
                _texts(["\\x" + entry.content_hash.hex()]),
                _numbers([len(entry.account_ids)]),
                _texts(entry.account_ids),
                _numbers(entry.debits),
                _numbers(entry.credits),
                _texts(entry.funds),
            ),
        )
        return None if numbers[0] is None else int(numbers[0])

    def _call(self, statement: str, parameters: tuple[Any, ...]) -> Any:
        try:
            row = self._driver.execute(statement, parameters).fetchone()
        except psycopg.Error as error:
            raise refusal(error) from error
        assert row is not None
        return row[0]


def _texts(values: list[str]) -> str:
    """An array literal; the driver's own takes ten times as long. Entries carry no control characters."""
    joined = "\x1f".join(values).replace("\\", "\\\\").replace('"', '\\"')
    return '{"' + joined.replace("\x1f", '","') + '"}'


def _numbers(values: list[int]) -> str:
    return "{" + ",".join(map(str, values)) + "}"

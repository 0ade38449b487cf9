"""PostgreSQL's days and moments that Python has none for (``infinity``, the year 12000, years before Christ).

The books take none of them. One that stands there all the same must not keep the rest from being read: it shows as
the end or the beginning of time, and the check of the books names it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final

import psycopg
from psycopg.types.datetime import DateLoader, TimestamptzLoader

# A day from the very ends, so that every zone can show them.
LATEST: Final = datetime(9999, 12, 30, tzinfo=UTC)
EARLIEST: Final = datetime(1, 1, 2, tzinfo=UTC)


class _Moments(TimestamptzLoader):
    def load(self, data: Any) -> datetime:
        try:
            return min(super().load(data), LATEST)
        except psycopg.DataError:
            return EARLIEST if _is_early(data) else LATEST


class _Days(DateLoader):
    def load(self, data: Any) -> date:
        try:
            return super().load(data)
        except psycopg.DataError:
            return (EARLIEST if _is_early(data) else LATEST).date()


def _is_early(data: Any) -> bool:
    text = bytes(data)
    return text.startswith(b"-") or text.endswith(b"BC")


def read_endless(connection: Any, _record: Any) -> None:
    """Let a connection of the driver read them."""
    connection.adapters.register_loader("timestamptz", _Moments)
    connection.adapters.register_loader("date", _Days)

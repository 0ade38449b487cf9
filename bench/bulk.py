"""Filling SQLite's tables by bulk: triggers stand aside meanwhile, and come back as they were."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def without_triggers(raw: sqlite3.Connection, tables: Sequence[str]) -> Iterator[None]:
    """The tables without their triggers, nothing flushed; analysed and committed at the end."""
    raw.execute("PRAGMA synchronous=OFF")
    named = ", ".join(f"'{one}'" for one in tables)
    query = f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ({named})"
    triggers = raw.execute(query).fetchall()
    for name, _ in triggers:
        raw.execute(f"DROP TRIGGER {name}")
    yield
    for _, sql in triggers:
        raw.execute(sql)
    raw.execute("ANALYZE")
    raw.commit()

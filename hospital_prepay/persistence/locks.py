"""The numbers of PostgreSQL's advisory locks, in one place: two uses of one number wait for each other for ever."""

from __future__ import annotations

from enum import IntEnum, unique

import sqlalchemy as sa


@unique
class AdvisoryLock(IntEnum):
    """What is held: while migrating, so that of several processes starting at once one does it; while sealing, one
    sealer a database; by the scheduler that leads, for as long as its connection lives."""

    MIGRATION = 5_201_250_630
    SEALING = 5_201_250_631
    LEADERSHIP = 5_201_250_632


def lock_name(connection: sa.Connection, name: str) -> None:
    """Hold what has no row to lock yet until the transaction ends. SQLite has one writer anyhow."""
    if connection.dialect.name == "postgresql":
        key = sa.func.hashtextextended(name, 0)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))

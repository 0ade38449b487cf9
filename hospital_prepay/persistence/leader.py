"""Who leads: of all schedulers on one database exactly one works, the others stand by.

PostgreSQL holds an advisory lock for as long as the connection lives; on SQLite, where all processes share one
machine, the system holds a lock on a file for as long as the process lives. Neither outlives a crash.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

import sqlalchemy as sa

from hospital_prepay.domain.errors import DatabaseUnreachable
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.locks import AdvisoryLock
from hospital_prepay.settings import private_folder

# The lock's number as pg_locks shows it, in two halves; asked of the very connection that took it.
_HELD: Final = sa.text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()"
    " AND (classid::bigint << 32 | objid::bigint) = :key"
)


class Leadership(Protocol):
    """The right to work, for as long as it is held."""

    def is_held(self) -> bool:
        """Whether it still is; a broken connection gives it up."""
        ...


@contextmanager
def leadership(database: Database, lock_file: Path) -> Iterator[Leadership | None]:
    """The leadership of ``database``, or ``None`` when another process leads; given up at the end.

    ``database`` must be reached directly: through a pooler in transaction mode the lock would be lost at once.
    Raises :class:`DatabaseUnreachable` when it can't be reached at all.
    """
    if database.is_postgresql:
        connection, taken = _asked(database)
        try:
            yield _Session(connection) if taken else None
        finally:
            connection.invalidate()  # closing the connection frees the lock; a pool would keep both
            connection.close()
        return
    private_folder(lock_file.parent)
    with lock_file.open("a") as file:
        yield _File() if _locked(file) else None


class _Session:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def is_held(self) -> bool:
        try:
            return bool(self._connection.scalar(_HELD, {"key": AdvisoryLock.LEADERSHIP}))
        except sa.exc.DBAPIError:
            return False


class _File:
    def is_held(self) -> bool:
        return True


def _asked(database: Database) -> tuple[sa.Connection, bool]:
    try:
        connection = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        taken = connection.scalar(sa.text("SELECT pg_try_advisory_lock(:key)"), {"key": AdvisoryLock.LEADERSHIP})
    except sa.exc.OperationalError as error:
        raise DatabaseUnreachable("数据库连不上。请检查数据库是否在运行；连上之前什么都不做。") from error
    return connection, bool(taken)


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

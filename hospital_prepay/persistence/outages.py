"""A database lost in the middle: nobody's mistake and no fault of the books, so it is told as what it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict, DatabaseFault

NOTHING_BOOKED: Final = "数据库中途用不了，这一步没有办成，也没有入账。请稍后再试；仍不行请报信息科。"
PERHAPS_BOOKED: Final = (
    "数据库在提交的时候断开，这一步办成没有还不知道。请按原样再提交一次：同一个提交编号不会办两次，也不会多入账。"
)
_GAVE_WAY: Final = "刚才有别人同时在办，这一步让给了他，没有办成，也没有入账。请再按一次。"
# Busy, out of memory, read-only, a failing disk, damaged, full, not to be opened, no database at all. Any other error
# of SQLite is about the statement.
_SQLITE_OUTAGES: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOTADB,
    }
)
# Connection lost, no room or memory left, stopped by an administrator, a failing disk; an error without a state comes
# from the driver, which has nobody to talk to.
_POSTGRES_OUTAGES: Final = ("08", "53", "57", "58")
_PRIMARY_CODE: Final = 0xFF


def is_outage(error: BaseException) -> bool:
    """Whether ``error``, of a driver or of SQLAlchemy, says that the database is gone rather than what it thinks."""
    if isinstance(error, sa.exc.DBAPIError) and error.orig is not None:
        return error.connection_invalidated or is_outage(error.orig)
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE in _SQLITE_OUTAGES
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return error.sqlstate is None or error.sqlstate.startswith(_POSTGRES_OUTAGES)
    return isinstance(error, sa.exc.TimeoutError | sa.exc.PendingRollbackError)


def gave_way(error: BaseException) -> bool:
    """Whether PostgreSQL ended this act for another's that waited for it (a deadlock), and took all of it back."""
    if isinstance(error, sa.exc.DBAPIError) and error.orig is not None:
        return gave_way(error.orig)
    return isinstance(error, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure)


@contextmanager
def outage_told(words: str) -> Iterator[None]:
    """Raise an outage inside the block as :class:`DatabaseFault` with ``words``, and what gave way to somebody else's
    act as :class:`Conflict`: it may simply be done again."""
    try:
        yield
    except Exception as error:
        if is_outage(error):
            raise DatabaseFault(words) from error
        if gave_way(error):
            raise Conflict(_GAVE_WAY) from error
        raise

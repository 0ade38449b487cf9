"""Engines: SQLite by default, PostgreSQL where the hospital has one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event

from hospital_prepay.domain.errors import DatabaseFault

# A connection that was idle this long is asked whether it still lives before it is used again.
_ASK_AFTER_SECONDS: Final = 5.0
_SEEN: Final = "prepay_seen"

Connection = sa.Connection
"""For signatures in services, which hold no SQL and don't name the library."""


class Database:
    """One database by its URL. Connections are pooled; SQLite writes begin with ``BEGIN IMMEDIATE``."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = sa.make_url(url)
        if self.url.get_backend_name() not in ("sqlite", "postgresql"):
            raise DatabaseFault("数据库只支持 SQLite 和 PostgreSQL，请检查 PREPAY_DATABASE_URL。")
        self._pool_size = pool_size

    @property
    def is_postgresql(self) -> bool:
        """Whether the server is PostgreSQL."""
        return self.url.get_backend_name() == "postgresql"

    @cached_property
    def engine(self) -> sa.Engine:
        """The writing engine."""
        if self.is_postgresql:
            server = sa.create_engine(
                self.url,
                pool_size=self._pool_size,
                max_overflow=8,
                connect_args=_pg_options(self.url),
                hide_parameters=True,
            )
            event.listen(server, "checkin", _note_idle)
            event.listen(server, "checkout", _ask_if_long_idle)
            return server
        engine = sa.create_engine(self.url, pool_size=self._pool_size, max_overflow=8, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)
        return engine

    @cached_property
    def reading_engine(self) -> sa.Engine:
        """An engine whose transactions only read: on SQLite they don't queue behind writers."""
        if self.is_postgresql:
            return self.engine
        engine = sa.create_engine(self.url, pool_size=self._pool_size, max_overflow=8, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_deferred)
        return engine

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for reading; whatever happens inside is rolled back."""
        with _reached(self.reading_engine) as connection:
            yield connection
            connection.rollback()

    @contextmanager
    def glancing(self) -> Iterator[sa.Connection]:
        """A connection for one statement that only reads: no transaction is begun and ended around it."""
        if not self.is_postgresql:
            with self.reading() as connection:
                yield connection
            return
        with _reached(self.engine) as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection in one transaction: committed at the end, rolled back on any error."""
        with _reached(self.engine) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close pooled connections (before a fork, at the end of a test)."""
        for name in ("engine", "reading_engine"):
            if name in self.__dict__:
                self.__dict__[name].dispose()


def _reached(engine: sa.Engine) -> sa.Connection:
    """A connection of ``engine``. Raises :class:`DatabaseFault` when the server can't be reached."""
    try:
        return engine.connect()
    except sa.exc.OperationalError as error:
        raise DatabaseFault("数据库现在连不上。请检查数据库服务和网络；没有办成任何一笔。") from error


def _pg_options(url: sa.URL) -> dict[str, Any]:
    # PgBouncer in transaction mode can't keep prepared statements; ask for that with ?pgbouncer=1.
    return {"prepare_threshold": None} if "pgbouncer" in url.query else {"prepare_threshold": 2}


def _note_idle(_connection: Any, record: Any) -> None:
    record.info[_SEEN] = time.monotonic()


def _ask_if_long_idle(connection: Any, record: Any, _proxy: Any) -> None:
    """A server that restarted, or a firewall, ends idle connections: such a one is replaced, not handed out."""
    seen = record.info.get(_SEEN)
    if seen is None or time.monotonic() - seen < _ASK_AFTER_SECONDS:
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except Exception as error:
        raise sa.exc.DisconnectionError() from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "recursive_triggers=ON",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_deferred(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")

"""Engines: SQLite by default, PostgreSQL where the hospital has one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event

from hospital_prepay.domain.errors import DatabaseFault

_PROBE_SECONDS: Final = 2
Connection = sa.Connection
"""For signatures in services, which hold no SQL and don't name the library."""


class Database:
    """One database by its URL. Connections are pooled; SQLite writes begin with ``BEGIN IMMEDIATE``."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        asked = sa.make_url(url)
        # Our own word in the address: the driver would refuse it.
        self._behind_pgbouncer = "pgbouncer" in asked.query
        self.url = asked.difference_update_query(["pgbouncer"])
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
            return sa.create_engine(
                self.url,
                pool_size=self._pool_size,
                max_overflow=8,
                pool_pre_ping=True,
                connect_args=_pg_options(self._behind_pgbouncer),
                hide_parameters=True,
            )
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
    def writing(self) -> Iterator[sa.Connection]:
        """A connection in one transaction: committed at the end, rolled back on any error."""
        with _reached(self.engine) as connection, connection.begin():
            yield connection

    @contextmanager
    def probing(self) -> Iterator[sa.Connection]:
        """A connection of its own, to ask whether the database is there: within seconds, and making no file.

        Pooled connections won't do: they wait in line, and one to a file that was taken away goes on working.
        """
        engine = self._probing_engine()
        with engine.connect() as connection:
            if self.is_postgresql:
                connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{_PROBE_SECONDS}s'")
            yield connection
            connection.rollback()

    def _probing_engine(self) -> sa.Engine:
        if self.is_postgresql:
            limits = {"connect_timeout": _PROBE_SECONDS, "tcp_user_timeout": _PROBE_SECONDS * 1000}
            return sa.create_engine(
                self.url,
                poolclass=sa.NullPool,
                connect_args=_pg_options(self._behind_pgbouncer) | limits,
                hide_parameters=True,
            )
        file = f"file:{quote(self.url.database or '')}?mode=rw"

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(file, uri=True, timeout=_PROBE_SECONDS)

        return sa.create_engine("sqlite://", poolclass=sa.NullPool, creator=connect, hide_parameters=True)

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


def _pg_options(behind_pgbouncer: bool) -> dict[str, Any]:
    # PgBouncer in transaction mode can't keep prepared statements; ask for that with ?pgbouncer=1.
    return {"prepare_threshold": None if behind_pgbouncer else 2}


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

"""Engines: SQLite by default, PostgreSQL where the hospital has one."""

from __future__ import annotations

import math
import select
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

import psycopg
import sqlalchemy as sa
from sqlalchemy import event

from hospital_prepay.domain.errors import DatabaseFault, DatabaseUnreachable
from hospital_prepay.persistence.endless import read_endless
from hospital_prepay.persistence.outages import NOTHING_BOOKED, PERHAPS_BOOKED, is_outage, outage_told
from hospital_prepay.persistence.planning import room_for_bulk
from hospital_prepay.persistence.query import Query
from hospital_prepay.settings import SettingMissing, private_file

_LONG_IDLE_SECONDS: Final = 30.0
# The addresses that are taken, and the driver for each.
_DRIVERS: Final = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}

_PROBE_SECONDS: Final = 2
Connection = sa.Connection
"""For signatures in services, which hold no SQL and don't name the library."""


class Database:
    """One database by its URL. Connections are pooled; SQLite writes begin with ``BEGIN IMMEDIATE``."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        asked = _address(url)
        # Our own word in the address: the driver would refuse it.
        self._behind_pgbouncer = "pgbouncer" in asked.query
        self.url = asked.difference_update_query(["pgbouncer"])
        self._pool_size = pool_size

    @property
    def is_postgresql(self) -> bool:
        """Whether the server is PostgreSQL."""
        return self.url.get_backend_name() == "postgresql"

    @property
    def address(self) -> str:
        """The whole address, with its password: for another process of this program, and for nothing that is kept."""
        return self.url.render_as_string(hide_password=False)

    @property
    def writers(self) -> int:
        """How many transactions can write at the same time: SQLite has one writer."""
        return self._pool_size if self.is_postgresql else 1

    @cached_property
    def engine(self) -> sa.Engine:
        """The writing engine."""
        if self.is_postgresql:
            engine = sa.create_engine(
                self.url,
                pool_size=self._pool_size,
                max_overflow=8,
                connect_args=_pg_options(self._behind_pgbouncer),
                hide_parameters=True,
            )
            event.listen(engine, "connect", read_endless)
            event.listen(engine, "checkin", _note_return)
            event.listen(engine, "checkout", _check_alive)
            return engine
        engine = self._sqlite_engine()
        event.listen(engine, "begin", _begin_immediate)
        return engine

    @cached_property
    def reading_engine(self) -> sa.Engine:
        """An engine whose transactions only read: on SQLite they don't queue behind writers."""
        if self.is_postgresql:
            return self.engine
        engine = self._sqlite_engine()
        event.listen(engine, "begin", _begin_deferred)
        return engine

    def _sqlite_engine(self) -> sa.Engine:
        file = Path(self.url.database or ":memory:")
        if file.parent.is_dir() and ":" not in file.name and not file.exists():
            private_file(file)  # what SQLite writes beside it gets the rights of this one
        engine = sa.create_engine(self.url, pool_size=self._pool_size, max_overflow=8, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        return engine

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for reading; nothing that happens inside stays."""
        with _reached(self.reading_engine) as connection, outage_told(NOTHING_BOOKED):
            if self.is_postgresql:
                connection.execution_options(postgresql_readonly=True)
            with connection.begin() as transaction:
                yield connection
                # On PostgreSQL there is nothing to take back, and at a ROLLBACK the driver forgets what it prepared.
                if not self.is_postgresql:
                    transaction.rollback()

    def look_up(self, query: Query, **parameters: Any) -> tuple[Any, ...] | None:
        """The first row of one query that needs nothing around it: on PostgreSQL one trip instead of three."""
        if not self.is_postgresql:
            with self.reading() as connection:
                return query.first(connection, **parameters)
        with _reached(self.engine) as connection, outage_told(NOTHING_BOOKED):
            driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
            driver.autocommit = True
            try:
                return query.first(connection, **parameters)
            finally:
                if not driver.closed:
                    driver.autocommit = False

    @contextmanager
    def writing(self, *, in_bulk: bool = False) -> Iterator[sa.Connection]:
        """A connection in one transaction: committed at the end, rolled back on any error. ``in_bulk`` is for rows by
        the hundred thousand (:func:`room_for_bulk`).

        A database lost on the way is a :class:`DatabaseFault`; lost at the commit, it may have been done.
        """
        with _reached(self.engine) as connection, room_for_bulk(connection) if in_bulk else nullcontext():
            with outage_told(NOTHING_BOOKED):
                transaction = connection.begin()
            with outage_told(NOTHING_BOOKED), _taken_back(connection, transaction):
                yield connection
            with outage_told(PERHAPS_BOOKED), _taken_back(connection, transaction):
                transaction.commit()

    @contextmanager
    def migrating(self) -> Iterator[sa.Connection]:
        """A connection without a transaction, to see where the database stands before it is migrated."""
        with _reached(self.engine) as connection:
            yield connection
            connection.rollback()

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


def _address(url: str) -> sa.URL:
    """The address as the library reads it. Raises :class:`SettingMissing` for one of another database, or of none."""
    try:
        asked = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        asked = None
    if asked is None or asked.drivername not in _DRIVERS or (asked.drivername[:6] == "sqlite" and not asked.database):
        raise SettingMissing(
            "数据库只支持 SQLite 和 PostgreSQL：请把 PREPAY_DATABASE_URL 写成 sqlite:///… 或 postgresql+psycopg://…。"
        )
    return asked.set(drivername=_DRIVERS[asked.drivername])


def _reached(engine: sa.Engine) -> sa.Connection:
    """A connection of ``engine``. Raises :class:`DatabaseUnreachable` when there is none to be had."""
    try:
        return engine.connect()
    except Exception as error:
        if is_outage(error):
            raise DatabaseUnreachable(_unreachable_words(engine.url)) from error
        raise


def _unreachable_words(url: sa.URL) -> str:
    if url.get_backend_name() != "sqlite":
        return "数据库现在连不上。请检查数据库服务和网络；没有办成任何一笔。"
    file = Path(url.database or "")
    if not file.parent.is_dir():
        return (
            f"数据库现在打不开：没有 {file.parent} 这个目录。请建好它或改正 PREPAY_DATABASE_URL；没有办成任何一笔。"
        )
    return f"数据库现在打不开：{file}。请检查文件和读写权限；没有办成任何一笔。"


@contextmanager
def _taken_back(connection: sa.Connection, transaction: sa.Transaction) -> Iterator[None]:
    """Roll back on any error. A connection that was lost is thrown away: its server has rolled back by itself."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, DatabaseFault) or is_outage(error):
            connection.invalidate()
        transaction.rollback()
        raise


def _pg_options(behind_pgbouncer: bool) -> dict[str, Any]:
    # PgBouncer in transaction mode can't keep prepared statements; ask for that with ?pgbouncer=1.
    return {"prepare_threshold": None if behind_pgbouncer else 2}


def _note_return(_driver: Any, record: Any) -> None:
    record.info["returned"] = time.monotonic()


def _check_alive(driver: Any, record: Any, _proxy: Any) -> None:
    """Ask the server before a connection is used again, but only when it lay idle long or there is something to read:
    a server that ended it has said so. Asking each time would be a round trip for every transaction."""
    try:
        told = select.poll()
        told.register(driver.fileno(), select.POLLIN)
        idle = time.monotonic() - record.info.get("returned", math.inf)
        if told.poll(0) or idle > _LONG_IDLE_SECONDS:
            driver.execute("")
            driver.rollback()
    except psycopg.Error as error:
        raise sa.exc.InvalidatePoolError from error


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

"""What a pooled connection keeps from one request to the next, and how one that died is noticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from hospital_prepay.persistence import database as pooled
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models.access import ApiClient
from hospital_prepay.persistence.query import Query

CLIENT = "INSERT INTO api_client VALUES ('H', 'c', 'HIS', 'cashier', 'hash', true, '2026-01-15T00:00:00+00:00')"
COUNT = Query(sa.select(sa.func.count()).select_from(ApiClient).where(ApiClient.role != sa.bindparam("role")))


def look_up(database: Database) -> int:
    row = database.look_up(COUNT, role="nobody")
    assert row is not None
    return int(row[0])


def read(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.scalar(sa.text("SELECT count(*) FROM api_client")) or 0)


def write(database: Database) -> int:
    with database.writing() as connection:
        return int(connection.scalar(sa.text("SELECT count(*) FROM api_client")) or 0)


def test_nothing_stays_of_what_was_written_while_reading(database: Database) -> None:
    if database.is_postgresql:
        with pytest.raises(sa.exc.InternalError, match="read-only"), database.reading() as connection:
            connection.exec_driver_sql(CLIENT)
    else:
        with database.reading() as connection:
            connection.exec_driver_sql(CLIENT)
    assert read(database) == look_up(database) == 0


def test_a_look_up_leaves_the_next_transaction_whole(database: Database) -> None:
    look_up(database)
    connection = database.engine.connect()
    connection.begin()
    connection.exec_driver_sql(CLIENT)
    connection.close()
    assert read(database) == 0


def test_statements_stay_prepared_from_one_use_to_the_next(postgres_database: Database) -> None:
    for _ in range(4):
        look_up(postgres_database)
        read(postgres_database)
        write(postgres_database)
    with postgres_database.reading() as connection:
        kept = connection.scalars(sa.text("SELECT statement FROM pg_prepared_statements")).all()
    assert len([one for one in kept if "api_client" in one]) == 2


def _end_connections(server: str, database: Database) -> None:
    with psycopg.connect(server, autocommit=True) as administrator:
        ended = administrator.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
            (database.url.database,),
        ).fetchall()
    assert ended == [(True,)]


@pytest.mark.parametrize("use", [look_up, read, write])
def test_a_connection_that_the_server_ended_is_replaced_unnoticed(
    postgres_database: Database, postgres_server: str, use: Callable[[Database], int]
) -> None:
    use(postgres_database)
    _end_connections(postgres_server, postgres_database)
    assert use(postgres_database) == 0


def test_a_connection_that_lay_idle_is_asked_even_when_it_says_nothing(
    postgres_database: Database, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deaf:
        """As behind a firewall that dropped the connection without a word."""

        def register(self, *_: Any) -> None: ...

        def poll(self, *_: Any) -> list[Any]:
            return []

    read(postgres_database)
    _end_connections(postgres_server, postgres_database)
    monkeypatch.setattr(pooled.select, "poll", Deaf)  # type: ignore[attr-defined]
    monkeypatch.setattr(pooled, "_LONG_IDLE_SECONDS", 0.0)
    assert read(postgres_database) == 0

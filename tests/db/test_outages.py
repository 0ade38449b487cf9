"""A database lost in the middle of an act, a look or a request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from hospital_prepay.app import create_app
from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import DatabaseFault
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.funds import walk_grant
from hospital_prepay.persistence.query import Query
from hospital_prepay.persistence.unit_of_work import Act, UnitOfWork
from tests.books import CASH, HOSPITAL, open_books, open_stay, transfer
from tests.people import House

ACT = Act("deposit.collect", Actor(HOSPITAL, "c1", "收费员", frozenset({Role.CASHIER})), "S1")
ONE = Query(sa.select(sa.literal(1)))


@pytest.fixture
def books(postgres_database: Database, clock: FixedClock) -> Database:
    """A hospital with an empty stay under a cap."""
    open_books(postgres_database, clock)
    open_stay(postgres_database, clock, "S1", 1000)
    return postgres_database


@pytest.fixture
def lose(books: Database, postgres_server: str) -> Callable[[], None]:
    """End every connection to the database, as a restart of the server does."""

    def end() -> None:
        with psycopg.connect(postgres_server, autocommit=True) as administrator:
            administrator.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
                (books.url.database,),
            ).fetchall()

    return end


def entries(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.scalar(sa.text("SELECT count(*) FROM ledger_entry")) or 0)


def events(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.scalar(sa.text("SELECT count(*) FROM audit_event")) or 0)


def post(work: UnitOfWork, clock: FixedClock) -> None:
    work.ledger.post(transfer(clock, CASH, "23050103:S1", 300, key="k1"))


@pytest.mark.postgres
def test_lost_before_the_posting_nothing_was_booked(
    books: Database, clock: FixedClock, lose: Callable[[], None]
) -> None:
    def act() -> None:
        with UnitOfWork(books, clock, ACT, "test") as work:
            lose()
            post(work, clock)

    with pytest.raises(DatabaseFault, match="没有入账"):
        act()
    assert (entries(books), events(books)) == (0, 0)


@pytest.mark.postgres
def test_lost_before_the_decision_is_written_nothing_was_booked(
    books: Database, clock: FixedClock, lose: Callable[[], None]
) -> None:
    def act() -> None:
        with UnitOfWork(books, clock, ACT, "test") as work:
            post(work, clock)
            work.audit()
            lose()

    with pytest.raises(DatabaseFault, match="没有入账"):
        act()
    assert (entries(books), events(books)) == (0, 0)


@pytest.mark.postgres
def test_lost_at_the_commit_it_is_said_that_the_same_key_is_safe(
    books: Database, clock: FixedClock, lose: Callable[[], None]
) -> None:
    def act() -> None:
        with UnitOfWork(books, clock, ACT, "test") as work:
            post(work, clock)
            work.audit()

    event.listen(books.engine, "commit", lambda _connection: lose())
    with pytest.raises(DatabaseFault, match="同一个提交编号不会办两次"):
        act()


@pytest.mark.postgres
def test_lost_while_looking(books: Database, lose: Callable[[], None]) -> None:
    def read() -> None:
        with books.reading() as connection:
            lose()
            connection.scalar(sa.text("SELECT 1"))

    def ask() -> None:
        with books.reading() as connection:
            lose()
            ONE.first(connection)

    for use in (read, ask):
        with pytest.raises(DatabaseFault, match="没有办成"):
            use()
    assert books.look_up(ONE) == (1,)


@pytest.mark.postgres
def test_a_request_that_loses_the_database_is_answered_503(
    postgres_database: Database, clock: FixedClock, tmp_path: Path, lose: Callable[[], None]
) -> None:
    house = House.built(postgres_database, clock, tmp_path)
    app = create_app(house.context)
    client = app.test_client()
    client.set_cookie("prepay", house.session(Role.AUDITOR))

    waiting: list[Any] = []

    def once(*_arguments: Any) -> None:
        if waiting:
            waiting.pop()
            lose()

    event.listen(postgres_database.engine, "begin", once)
    for headers in ({}, {"HX-Request": "true"}):
        waiting.append(True)
        answer = client.get("/compliance", headers=headers)
        assert answer.status_code == 503
        assert "没有入账" in answer.text


def test_a_full_disk_is_no_refusal_of_the_books(sqlite_database: Database, clock: FixedClock) -> None:
    open_books(sqlite_database, clock)
    open_stay(sqlite_database, clock, "S1", 10**9)

    def act() -> None:
        with UnitOfWork(sqlite_database, clock, ACT, "test") as work:
            pages = work.connection.exec_driver_sql("PRAGMA page_count").scalar()
            work.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            for number in range(2000):
                work.ledger.post(transfer(clock, CASH, "23050103:S1", 1, key=f"k{number}"))

    with pytest.raises(DatabaseFault, match="没有入账"):
        act()


def test_a_step_of_the_fund_that_met_no_database_is_no_conflict(books: Database, lose: Callable[[], None]) -> None:
    def walk() -> None:
        with books.writing() as connection:
            lose()
            walk_grant(connection, HOSPITAL, "any", state="received")

    with pytest.raises(DatabaseFault):
        walk()

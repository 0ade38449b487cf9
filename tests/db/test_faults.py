"""A fault at any statement of an act that moves money leaves all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.decision import Decision, Outcome
from hospital_prepay.domain.errors import LedgerFault
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.query import Query
from hospital_prepay.persistence.unit_of_work import Act, UnitOfWork
from tests.books import CASH, HOSPITAL, open_books, open_stay, transfer

TOUCHED = ("ledger_account", "ledger_entry", "ledger_posting", "decision", "audit_event", "idempotency_key")
ACTOR = Actor(HOSPITAL, "c1", "收费员", frozenset({Role.CASHIER}))


class Broken(Exception):
    """The fault that is injected."""


@pytest.fixture
def books(database: Database, clock: FixedClock) -> Database:
    """A hospital with an empty stay under a cap."""
    open_books(database, clock)
    open_stay(database, clock, "S1", 1000)
    return database


def collect(books: Database, clock: FixedClock) -> None:
    """One act as a service does it: posting, decision, answer, audit event."""
    with UnitOfWork(books, clock, Act("deposit.collect", ACTOR, "S1"), "test") as work:
        assert work.known_answer("k1", {}) is None
        number = work.ledger.post(transfer(clock, CASH, "23050103:S1", 300, key="k1"))
        work.ledger.post_many([transfer(clock, CASH, "23050103:S1", n, key=f"m{n}") for n in (1, 2)])
        decision = Decision(
            rule="test", rule_version="1", outcome=Outcome.PERMITTED, amount=None, reasons=(), facts={}
        )
        decision_id = work.keep_decision(decision, date(2026, 1, 15), {"similar_disease": "table_only"})
        work.keep_answer("k1", {}, {"entry_no": number})
        work.audit(decision_id=decision_id, entry_no=number)


def contents(books: Database) -> dict[str, list[Any]]:
    """Every row of every table that the act touches."""
    with books.reading() as connection:
        return {
            table: sorted(tuple(map(str, row)) for row in connection.execute(sa.text(f"SELECT * FROM {table}")))
            for table in TOUCHED
        }


class Counting:
    """The driver's connection, failing before or after its nth statement."""

    def __init__(self, driver: Any, fail_at: int, after: bool, count: list[int]) -> None:
        self._driver, self._fail_at, self._after, self._count = driver, fail_at, after, count

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def execute(self, *arguments: Any, **named: Any) -> Any:
        """Count, fail, or pass on."""
        self._count[0] += 1
        fails = self._count[0] == self._fail_at
        if fails and not self._after:
            raise Broken
        result = self._driver.execute(*arguments, **named)
        if fails:
            raise Broken
        return result


@contextmanager
def failing_at(books: Database, monkeypatch: pytest.MonkeyPatch, number: int, after: bool) -> Iterator[list[int]]:
    """Fail at the nth statement of the act, whether SQLAlchemy, a query of ours or the ledger itself sends it."""
    count = [0]

    def through_sqlalchemy(*_arguments: Any) -> None:
        count[0] += 1
        if count[0] == number:
            raise Broken

    which = "after_cursor_execute" if after else "before_cursor_execute"
    event.listen(books.engine, which, through_sqlalchemy)
    kind = "hospital_prepay.persistence.ledger." + (
        "postgres.PostgresLedger" if books.is_postgresql else "sqlite.SqliteLedger"
    )
    original = pytest.importorskip(kind.rsplit(".", 1)[0])
    ledger_class = getattr(original, kind.rsplit(".", 1)[1])
    make = ledger_class.__init__

    def made(self: Any, connection: sa.Connection) -> None:
        make(self, connection)
        self._driver = Counting(self._driver, number, after, count)

    ask = Query.first

    def asked(self: Query, connection: sa.Connection, **parameters: Any) -> Any:
        return Counting(SimpleNamespace(execute=partial(ask, self)), number, after, count).execute(
            connection, **parameters
        )

    with monkeypatch.context() as patched:
        patched.setattr(ledger_class, "__init__", made)
        patched.setattr(Query, "first", asked)
        yield count
    event.remove(books.engine, which, through_sqlalchemy)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_fault_at_any_statement_leaves_nothing(
    books: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    before = contents(books)
    number = 0
    while True:
        number += 1
        with failing_at(books, monkeypatch, number, after) as count:
            try:
                collect(books, clock)
            except (Broken, LedgerFault):
                assert contents(books) == before, f"statement {number}"
                continue
        assert count[0] < number  # every statement had its turn
        break
    assert number > 4
    assert len(contents(books)["ledger_entry"]) == 3
    assert len(contents(books)["audit_event"]) == 1


@pytest.mark.parametrize("table", TOUCHED)
def test_a_fault_inside_the_database_leaves_nothing(
    books: Database, owner_database: Database, clock: FixedClock, table: str
) -> None:
    before = contents(books)
    occasion = "UPDATE" if table == "ledger_account" else "INSERT"
    with owner_database.engine.begin() as connection:
        if books.is_postgresql:
            connection.exec_driver_sql(
                "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fault'; END $$"
            )
            connection.exec_driver_sql(
                f"CREATE TRIGGER zz AFTER {occasion} ON {table} FOR EACH ROW EXECUTE FUNCTION fault()"
            )
        else:
            connection.exec_driver_sql(
                f"CREATE TRIGGER zz AFTER {occasion} ON {table} BEGIN SELECT RAISE(ABORT, 'fault'); END"
            )
    with pytest.raises(Exception, match=r"fault|账本没有接受|提交编号正被"):
        collect(books, clock)
    after = contents(books)
    # A refusal of ours is itself an audit event, written apart; everything else is as it was.
    after["audit_event"] = [row for row in after["audit_event"] if "refused" not in row]
    assert after == before


def test_a_fault_at_the_commit_leaves_nothing(books: Database, clock: FixedClock) -> None:
    before = contents(books)

    def lost(_connection: Any) -> None:
        raise Broken

    event.listen(books.engine, "commit", lost)
    with pytest.raises(Broken):
        collect(books, clock)
    event.remove(books.engine, "commit", lost)
    assert contents(books) == before
    collect(books, clock)
    assert len(contents(books)["ledger_entry"]) == 3

"""Rows by the thousand on SQLite: room for them while they are written, and what they promise as ever."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import InsufficientFund
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.many import insert_rows
from tests.books import BANK, CASH, balance, entry, line, open_books, open_guarded, post


def settings(database: Database, *, in_bulk: bool) -> tuple[object, ...]:
    with database.writing(in_bulk=in_bulk) as connection:
        return tuple(
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("cache_size", "secure_delete")
        )


def test_room_is_there_within_the_transaction_and_given_back_after_it(sqlite_urls: tuple[str, str]) -> None:
    database = Database(sqlite_urls[0], pool_size=1)
    usual = settings(database, in_bulk=False)
    assert settings(database, in_bulk=True) == (-65536, 0)
    assert settings(database, in_bulk=False) == usual
    with pytest.raises(ZeroDivisionError), database.writing(in_bulk=True):
        raise ZeroDivisionError
    assert settings(database, in_bulk=False) == usual
    database.close()


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_rows_go_in_whole_and_in_their_order(count: int) -> None:
    file = sqlite3.connect(":memory:")
    file.execute("CREATE TABLE t (a, b)")
    rows = [(number, f"x{number}") for number in range(count)]
    insert_rows(file, "INSERT INTO t VALUES", rows)
    assert file.execute("SELECT a, b FROM t ORDER BY rowid").fetchall() == rows
    file.close()


def test_an_entry_of_many_lines_moves_each_balance_or_none(sqlite_database: Database, clock: FixedClock) -> None:
    open_books(sqlite_database, clock)
    held = [f"2302:{number:03}" for number in range(150)]
    for account in held:
        open_guarded(sqlite_database, clock, account)
    taken = [line(account, -(number + 1), "") for number, account in enumerate(held)]
    total = sum(range(1, 151))
    post(sqlite_database, entry(clock, line(BANK, total, ""), *taken, key="in"))
    assert [balance(sqlite_database, account) for account in held] == list(range(1, 151))
    # The last of them lacks one fen: the first hundred were moved by a statement of their own.
    debits = [line(account, number + 1, "") for number, account in enumerate(held[:-1])]
    out = entry(clock, *debits, line(held[-1], 151, ""), line(CASH, -total - 1, ""), key="out")
    with pytest.raises(InsufficientFund):
        post(sqlite_database, out)
    assert [balance(sqlite_database, account) for account in held] == list(range(1, 151))
    with sqlite_database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM ledger_posting").scalar() == 151
    fits = replace(
        out,
        idempotency_key="fits",
        postings=(*(line(a, n + 1, "") for n, a in enumerate(held)), line(CASH, -total, "")),
    )
    post(sqlite_database, fits)
    assert {balance(sqlite_database, account) for account in held} == {0}

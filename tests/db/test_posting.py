"""Posting through the adapters, the same on both databases."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock, local
from hospital_prepay.domain.errors import InsufficientFund, LedgerFault, ReusedKey
from hospital_prepay.domain.ledger.entry import reversing
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger import ledger_on
from tests.books import (
    BANK,
    CASH,
    balance,
    entry,
    line,
    open_books,
    open_guarded,
    open_stay,
    post,
    post_many,
    ready,
    set_cap,
    transfer,
)


@pytest.fixture
def stay(database: Database, clock: FixedClock) -> str:
    """A stay under a cap of 500 yuan."""
    open_books(database, clock)
    return open_stay(database, clock, "S1", 50_000)


def test_a_deposit_within_the_cap_moves_the_balance(database: Database, clock: FixedClock, stay: str) -> None:
    (number,) = post(database, transfer(clock, CASH, stay, 50_000))
    assert number >= 1
    assert balance(database, stay) == 50_000


def test_a_fen_over_the_cap_is_refused_and_nothing_stays(database: Database, clock: FixedClock, stay: str) -> None:
    with pytest.raises(InsufficientFund) as caught:
        post(database, transfer(clock, CASH, stay, 50_001))
    assert caught.value.reason == "above_ceiling"
    assert balance(database, stay) == 0


def test_a_refund_below_zero_is_refused(database: Database, clock: FixedClock, stay: str) -> None:
    post(database, transfer(clock, CASH, stay, 100))
    with pytest.raises(InsufficientFund) as caught:
        post(database, transfer(clock, stay, CASH, 101))
    assert caught.value.reason == "below_zero"
    assert balance(database, stay) == 100


def test_a_lowered_cap_lets_the_excess_go_back_and_nothing_come_in(
    database: Database, clock: FixedClock, stay: str
) -> None:
    post(database, transfer(clock, CASH, stay, 40_000))
    set_cap(database, clock, "S1", 10_000)
    with pytest.raises(InsufficientFund):
        post(database, transfer(clock, CASH, stay, 1))
    post(database, transfer(clock, stay, CASH, 5_000))  # still above the cap, but on its way down
    assert balance(database, stay) == 35_000


def test_a_key_posts_once(database: Database, clock: FixedClock, stay: str) -> None:
    post(database, transfer(clock, CASH, stay, 100, key="once"))
    with pytest.raises(ReusedKey):
        post(database, transfer(clock, CASH, stay, 100, key="once"))
    assert balance(database, stay) == 100


def test_an_entry_is_reversed_once_and_exactly(database: Database, clock: FixedClock, stay: str) -> None:
    original = transfer(clock, CASH, stay, 700)
    (number,) = post(database, original)
    red = partial(reversing, kind="void", summary="红字冲销", at=clock.now(), day=local(clock.now()).date(), by="b")
    post(database, red(original, number, idempotency_key="r1"))
    assert balance(database, stay) == 0
    with pytest.raises(ReusedKey) as caught:
        post(database, red(original, number, idempotency_key="r2"))
    assert caught.value.reason == "already_reversed"


def test_a_reversal_of_other_lines_is_refused(database: Database, clock: FixedClock, stay: str) -> None:
    original = transfer(clock, CASH, stay, 700)
    (number,) = post(database, original)
    red = partial(reversing, kind="void", summary="红字冲销", at=clock.now(), day=local(clock.now()).date(), by="b")
    for other in (
        transfer(clock, CASH, stay, 699),
        transfer(clock, BANK, stay, 700),
        transfer(clock, stay, CASH, 700),
    ):
        with pytest.raises(LedgerFault):
            post(database, red(other, number, idempotency_key="r1"))
    with pytest.raises(LedgerFault):
        post(database, red(original, number + 7, idempotency_key="r1"))
    assert balance(database, stay) == 700


def test_an_account_that_was_never_opened_takes_nothing(database: Database, clock: FixedClock, stay: str) -> None:
    with pytest.raises(LedgerFault):
        post(database, transfer(clock, CASH, "9999", 100))
    with pytest.raises(LedgerFault):
        post_many(database, [transfer(clock, CASH, stay, 100), transfer(clock, CASH, "9999", 100)])
    assert balance(database, stay) == 0


def test_one_refused_posting_does_not_fail_the_batch(database: Database, clock: FixedClock, stay: str) -> None:
    fund = open_guarded(database, clock, "2302:A")
    numbers = post_many(
        database,
        [
            transfer(clock, CASH, stay, 30_000),
            transfer(clock, CASH, stay, 30_000),  # over the cap
            transfer(clock, fund, CASH, 1),  # below zero
            transfer(clock, CASH, fund, 10),
            transfer(clock, fund, CASH, 10),  # covered by the one before
            transfer(clock, CASH, stay, 20_000),
        ],
    )
    assert [number is None for number in numbers] == [False, True, True, False, False, False]
    accepted = [number for number in numbers if number is not None]
    assert accepted == sorted(accepted)
    assert balance(database, stay) == 50_000
    assert balance(database, fund) == 0


def test_a_batch_with_a_used_key_is_refused_whole(database: Database, clock: FixedClock, stay: str) -> None:
    post(database, transfer(clock, CASH, stay, 100, key="once"))
    with pytest.raises(ReusedKey):
        post_many(database, [transfer(clock, CASH, stay, 5), transfer(clock, CASH, stay, 5, key="once")])
    with pytest.raises(ReusedKey):
        post_many(
            database, [transfer(clock, CASH, stay, 5, key="twice"), transfer(clock, CASH, stay, 5, key="twice")]
        )
    assert balance(database, stay) == 100


def test_an_empty_batch_does_nothing(database: Database, clock: FixedClock, stay: str) -> None:
    assert post_many(database, []) == []


def test_entries_of_different_heads_are_not_posted_together(database: Database, clock: FixedClock, stay: str) -> None:
    first = transfer(clock, CASH, stay, 5)
    for other in (
        replace(transfer(clock, CASH, stay, 5), summary="另一件事"),
        replace(transfer(clock, CASH, stay, 5), reverses_no=1),
    ):
        with pytest.raises(LedgerFault):
            post_many(database, [first, other])
    with pytest.raises(LedgerFault):
        post_many(database, [replace(first, reverses_no=1)])
    assert balance(database, stay) == 0


def test_a_refusal_that_is_caught_leaves_nothing_behind_on_sqlite(
    sqlite_database: Database, clock: FixedClock
) -> None:
    open_books(sqlite_database, clock)
    stay = open_stay(sqlite_database, clock, "S1", 100)
    with sqlite_database.writing() as connection:
        with pytest.raises(InsufficientFund):
            ledger_on(connection).post(transfer(clock, CASH, stay, 101))
        ledger_on(connection).post(transfer(clock, CASH, stay, 100))
    assert balance(sqlite_database, stay) == 100
    with sqlite_database.reading() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM ledger_posting")) == 2


@pytest.mark.postgres
def test_texts_with_quotes_and_backslashes_reach_postgresql_whole(
    postgres_database: Database, clock: FixedClock
) -> None:
    open_books(postgres_database, clock)
    strange = "a\"b\\c,{d} 'e' NULL"
    post(postgres_database, entry(clock, line(CASH, 1, strange), line(BANK, -1, strange), source=strange))
    post_many(postgres_database, [entry(clock, line(CASH, 1, ""), line(BANK, -1, ""), source="")])
    with postgres_database.reading() as connection:
        rows = connection.execute(sa.text("SELECT source FROM ledger_entry ORDER BY entry_no")).scalars().all()
        funds = connection.execute(sa.text("SELECT DISTINCT fund FROM ledger_posting")).scalars().all()
    assert rows == [strange, ""]
    assert set(funds) == {strange, ""}


def test_a_ready_entry_is_the_entry_it_was_made_of(database: Database, clock: FixedClock, stay: str) -> None:
    # More lines than go into one statement on SQLite, and a few that are left over.
    lines = (line(CASH, 105), *(line(stay, -1) for _ in range(105)))
    made = entry(clock, *lines, key="long")
    with database.writing() as connection:
        number = ledger_on(connection).post_ready(ready(made))
    assert balance(database, stay) == 105
    query = (
        "SELECT line_no, account_id, debit_fen, credit_fen, fund FROM ledger_posting WHERE entry_no = :no ORDER BY 1"
    )
    with database.reading() as connection:
        stored = connection.execute(sa.text(query), {"no": number}).all()
        kept = connection.scalar(
            sa.text("SELECT content_hash FROM ledger_entry WHERE entry_no = :no"), {"no": number}
        )
    assert bytes(kept) == made.content_hash()
    own = [(no, p.account_id, p.debit.fen, p.credit.fen, p.fund) for no, p in enumerate(made.postings, 1)]
    assert [tuple(row) for row in stored] == own


def test_a_ready_entry_that_a_guard_refuses_leaves_no_line(database: Database, clock: FixedClock, stay: str) -> None:
    with database.writing() as connection:
        ledger = ledger_on(connection)
        assert ledger.post_ready(ready(transfer(clock, CASH, stay, 50_001))) is None
        assert ledger.post_ready(ready(transfer(clock, CASH, stay, 500, key="once"))) is not None
    assert balance(database, stay) == 500
    with pytest.raises(ReusedKey), database.writing() as connection:
        ledger_on(connection).post_ready(ready(transfer(clock, CASH, stay, 500, key="once")))
    assert balance(database, stay) == 500


@pytest.mark.parametrize("key", ["below_zero", "above_ceiling", "restricted: x"])
def test_a_key_called_like_a_reason_is_a_used_key(database: Database, clock: FixedClock, stay: str, key: str) -> None:
    post(database, transfer(clock, CASH, stay, 100, key=key))
    with pytest.raises(ReusedKey):
        post(database, transfer(clock, CASH, stay, 100, key=key))

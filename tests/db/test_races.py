"""Many desks at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import InsufficientFund, PrepayError, ReusedKey
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger.heads import SealHeads
from hospital_prepay.persistence.ledger.seals import seal
from hospital_prepay.persistence.ledger.verify import verify
from tests.books import CASH, balance, open_books, open_guarded, open_stay, post, post_many, transfer

THREADS = 16


def together(work: Callable[[int], None]) -> list[BaseException]:
    """Run ``work(0)`` … ``work(15)`` at the same moment; returns what they raised."""
    start = threading.Barrier(THREADS)
    raised: list[BaseException] = []

    def run(number: int) -> None:
        start.wait()
        try:
            work(number)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    return raised


@pytest.fixture
def books(database: Database, clock: FixedClock) -> Database:
    """A hospital with its chart."""
    open_books(database, clock)
    return database


def test_sixteen_collections_never_pass_the_cap_together(books: Database, clock: FixedClock) -> None:
    stay = open_stay(books, clock, "S1", 1000)
    raised = together(lambda number: post(books, transfer(clock, CASH, stay, 150)) and None)
    assert balance(books, stay) == 900
    assert len(raised) == THREADS - 6
    assert {type(error) for error in raised} == {InsufficientFund}


def test_sixteen_refunds_never_fall_below_zero(books: Database, clock: FixedClock) -> None:
    stay = open_stay(books, clock, "S1", 1000)
    post(books, transfer(clock, CASH, stay, 1000))
    raised = together(lambda number: post(books, transfer(clock, stay, CASH, 150)) and None)
    assert balance(books, stay) == 100
    assert len(raised) == THREADS - 6
    assert {error.reason for error in raised if isinstance(error, PrepayError)} == {"below_zero"}


def test_one_key_posted_by_sixteen_posts_once(books: Database, clock: FixedClock) -> None:
    stay = open_stay(books, clock, "S1", 100_000)
    raised = together(lambda number: post(books, transfer(clock, CASH, stay, 150, key="same")) and None)
    assert balance(books, stay) == 150
    assert [type(error) for error in raised] == [ReusedKey] * (THREADS - 1)


def test_a_repeat_that_would_break_a_guard_hears_that_it_is_a_repeat(books: Database, clock: FixedClock) -> None:
    stay = open_stay(books, clock, "S1", 200)
    raised = together(lambda number: post(books, transfer(clock, CASH, stay, 150, key="same")) and None)
    assert balance(books, stay) == 150
    assert [type(error) for error in raised] == [ReusedKey] * (THREADS - 1)


def test_crossed_accounts_neither_deadlock_nor_lose_a_fen(
    books: Database, clock: FixedClock, tmp_path_factory: pytest.TempPathFactory
) -> None:
    accounts = [open_guarded(books, clock, f"2302:{letter}") for letter in "ABCD"]
    post(books, *(transfer(clock, CASH, account, 1000) for account in accounts))

    def move(number: int) -> None:
        for step in range(5):
            here, there = accounts[(number + step) % 4], accounts[(number * 3 + step + 1) % 4]
            if here == there:
                continue
            if number % 4 == 0:
                post_many(books, [transfer(clock, here, there, 1), transfer(clock, there, here, 1)])
            else:
                post(books, transfer(clock, here, there, 1))

    heads = SealHeads(tmp_path_factory.mktemp("heads"))
    done = threading.Event()

    def keep_sealing() -> None:
        while not done.is_set():
            seal(books, heads, clock.now())

    sealer = threading.Thread(target=keep_sealing)
    sealer.start()
    raised = together(move)
    done.set()
    sealer.join(60)
    assert raised == []
    assert sum(balance(books, account) for account in accounts) == 4000
    seal(books, heads, clock.now())
    found = verify(books, heads, clock.now())
    assert found.findings == ()
    assert found.institutions[0].unsealed.count == 0

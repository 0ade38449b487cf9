"""The ledger against a model of balances kept in Python, on both databases."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from copy import deepcopy
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from hospital_prepay.clock import FixedClock, local
from hospital_prepay.domain.errors import Conflict, InsufficientFund, LedgerFault, ReusedKey
from hospital_prepay.domain.ledger.chart import CHART
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting, reversing
from hospital_prepay.domain.money import ZERO, Money
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.ledger.balances import trial_balance
from hospital_prepay.services.ledger.seals import seal_ledger, verify_ledger
from tests import servers
from tests.books import HOSPITAL, balance, entry, open_books, open_guarded, open_stay, post, post_many, set_cap
from tests.conftest import MOMENT

PLAIN = ("1001", "1002", "410101")
GUARDED = ("1218:甲", "2302:甲", "2302:乙", "23050103:S1", "23050103:S2")
FUNDS = ("", "employee", "resident")

amounts = st.integers(1, 60)
lines = st.lists(
    st.tuples(st.sampled_from(PLAIN + GUARDED), st.sampled_from(PLAIN + GUARDED), amounts, st.sampled_from(FUNDS)),
    min_size=1,
    max_size=3,
)
Moves = list[tuple[str, str, int, str]]


class Lent(Exception):
    """An entry that names a fund and moves what others owe the hospital."""


class Model:
    """What the balances must be."""

    def __init__(self) -> None:
        self.balances = dict.fromkeys(GUARDED, 0)
        self.debits: dict[str, int] = {}
        self.credits: dict[str, int] = {}
        self.ceilings: dict[str, int | None] = dict.fromkeys(GUARDED)

    def take(self, one: JournalEntry) -> bool:
        """Apply an entry line by line; a guard that breaks on the way undoes it. Raises :class:`Lent` for one that
        no balance refuses: restricted money doesn't become a receivable (migration 0030)."""
        balances = dict(self.balances)
        for posting in one.postings:
            account = posting.account_id
            if account not in balances:
                continue
            side = CHART[account.partition(":")[0]].normal_side
            change = side * (posting.debit.fen - posting.credit.fen)
            balances[account] += change
            ceiling = self.ceilings[account]
            if balances[account] < 0 or (change > 0 and ceiling is not None and balances[account] > ceiling):
                return False
        lent = sum(p.debit.fen - p.credit.fen for p in one.postings if p.account_id.startswith("1218:"))
        if lent != 0 and any(p.fund for p in one.postings):
            raise Lent
        self.balances = balances
        for posting in one.postings:
            self.debits[posting.account_id] = self.debits.get(posting.account_id, 0) + posting.debit.fen
            self.credits[posting.account_id] = self.credits.get(posting.account_id, 0) + posting.credit.fen
        return True


class LedgerMachine(RuleBasedStateMachine):
    """Posts, batches, reversals, refusals, caps and seals in any order."""

    def __init__(self, make: Callable[[], Any]) -> None:
        super().__init__()
        self._made = make()
        self.database: Database = self._made.__enter__()
        self.clock = FixedClock(MOMENT)
        self.folder = tempfile.TemporaryDirectory()
        self.model = Model()
        self.posted: dict[int, JournalEntry] = {}
        self.reversed: set[int] = set()
        self.keys = (f"key-{number}" for number in itertools.count())

    @initialize(caps=st.tuples(amounts, st.none() | amounts))
    def open(self, caps: tuple[int, int | None]) -> None:
        open_books(self.database, self.clock)
        for account in GUARDED[:3]:
            open_guarded(self.database, self.clock, account)
        for stay_no, cap in zip(("S1", "S2"), caps, strict=True):
            open_stay(self.database, self.clock, stay_no, cap)
            self.model.ceilings[f"23050103:{stay_no}"] = cap or 0

    def made(self, moves: Moves, key: str | None = None) -> JournalEntry:
        postings: list[Posting] = []
        for debit, credit, fen, fund in moves:
            postings.append(Posting(debit, Money(fen), ZERO, fund))
            postings.append(Posting(credit, ZERO, Money(fen), fund))
        return entry(self.clock, *postings, key=key or next(self.keys))

    @rule(moves=lines)
    def post_one(self, moves: Moves) -> None:
        one = self.made(moves)
        try:
            taken = self.model.take(one)
        except Lent:
            taken = False
        if taken:
            (number,) = post(self.database, one)
            assert number > max(self.posted, default=0)
            self.posted[number] = one
        else:
            with pytest.raises(InsufficientFund):
                post(self.database, one)

    @rule(batch=st.lists(lines, min_size=1, max_size=6))
    def post_several(self, batch: list[Moves]) -> None:
        entries = [self.made(moves) for moves in batch]
        before = deepcopy(self.model)
        try:
            expected = [self.model.take(one) for one in entries]
        except Lent:
            self.model = before
            with pytest.raises(InsufficientFund, match="医保预付金"):
                post_many(self.database, entries)
            return
        numbers = post_many(self.database, entries)
        assert [number is not None for number in numbers] == expected
        for number, one in zip(numbers, entries, strict=True):
            if number is not None:
                assert number > max(self.posted, default=0)
                self.posted[number] = one

    @rule(moves=lines, data=st.data())
    def repeat_a_key(self, moves: Moves, data: st.DataObject) -> None:
        if self.posted:
            used = self.posted[data.draw(st.sampled_from(sorted(self.posted)))]
            with pytest.raises(ReusedKey):
                post(self.database, self.made(moves, used.idempotency_key))
            with pytest.raises((ReusedKey, InsufficientFund)):
                post(self.database, used)

    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        if not self.posted:
            return
        number = data.draw(st.sampled_from(sorted(self.posted)))
        red = reversing(
            self.posted[number],
            number,
            idempotency_key=next(self.keys),
            kind="void",
            summary="红字冲销",
            at=self.clock.now(),
            day=local(self.clock.now()).date(),
            by="second",
        )
        if self.posted[number].reverses_no is not None:
            with pytest.raises((Conflict, InsufficientFund)):
                post(self.database, red)
        elif number in self.reversed:
            with pytest.raises(ReusedKey):
                post(self.database, red)
        elif self.model.take(red):
            (found,) = post(self.database, red)
            self.posted[found] = red
            self.reversed.add(number)
        else:
            with pytest.raises(InsufficientFund):
                post(self.database, red)

    @rule(stay_no=st.sampled_from(("S1", "S2")), cap=st.none() | st.integers(0, 200))
    def change_the_cap(self, stay_no: str, cap: int | None) -> None:
        set_cap(self.database, self.clock, stay_no, cap)
        self.model.ceilings[f"23050103:{stay_no}"] = cap or 0

    @rule(moves=lines)
    def post_to_an_unknown_account(self, moves: Moves) -> None:
        with pytest.raises(LedgerFault):
            post(self.database, self.made([("1002:nowhere", "1002:nowhere", 1, "")]))

    @rule()
    def seal(self) -> None:
        self.clock.moment += timedelta(seconds=60)
        seal_ledger(self.database, Path(self.folder.name), self.clock)

    @invariant()
    def balances_are_those_of_the_model(self) -> None:
        for account, expected in self.model.balances.items():
            if self.model.ceilings.get("23050103:S1") is None:
                return  # not opened yet
            assert balance(self.database, account) == expected >= 0

    @invariant()
    def the_books_balance(self) -> None:
        if self.posted:
            table = trial_balance(self.database, HOSPITAL)
            assert table.debit_fen == table.credit_fen
            rows = {row.account_id: (row.debit_fen, row.credit_fen) for row in table.rows}
            assert rows == {
                account: (debit, self.model.credits[account]) for account, debit in self.model.debits.items()
            }

    def teardown(self) -> None:
        if self.posted:
            found = verify_ledger(self.database, Path(self.folder.name), self.clock)
            assert found.findings == ()
            assert found.institutions[0].entries == len(self.posted)
        self._made.__exit__(None, None, None)
        self.folder.cleanup()


def run(make: Callable[[], Any], examples: int) -> None:
    """Run the machine on databases that ``make`` hands out."""
    run_state_machine_as_test(
        partial(LedgerMachine, make),
        settings=settings(
            max_examples=examples,
            stateful_step_count=20,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_ledger_follows_its_model_on_sqlite(sqlite_template: Path) -> None:
    @contextmanager
    def fresh() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "books.sqlite3"
            shutil.copyfile(sqlite_template, path)
            database = Database(f"sqlite:///{path}")
            yield database
            database.close()

    run(fresh, 20)


@pytest.mark.postgres
def test_the_ledger_follows_its_model_on_postgresql(postgres_server: str, postgres_template: tuple[str, str]) -> None:
    @contextmanager
    def fresh() -> Any:
        with servers.cloned_database(postgres_server, postgres_template) as urls:
            database = Database(urls[1])
            yield database
            database.close()

    run(fresh, 10)

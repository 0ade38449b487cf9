"""Returns, offsets, payments, bounces and nettings in any order: never more unspent than is owed, no fen lost."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.errors import PrepayError
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund import grants, netting, spending
from hospital_prepay.settings import Settings
from tests import servers
from tests.hospital import open_hospital
from tests.services.fund.conftest import OFFICER, PAYER, Year, line

FIRST, LAST = 1000, date(2027, 1, 12)
amounts = st.integers(1, 1200)
allocations = st.integers(1, 1500)


class ClearingMachine(RuleBasedStateMachine):
    """Two years of Henan, and a model of what is owed and unspent."""

    def __init__(self, make: Callable[[], Any]) -> None:
        super().__init__()
        self._made = make()
        self.database: Database = self._made.__enter__()
        self.folder = tempfile.TemporaryDirectory()
        self.keys = 0

    @initialize(allocated=allocations)
    def open(self, allocated: int) -> None:
        self.clock = FixedClock(datetime(2026, 1, 15, 10, 0, tzinfo=SHANGHAI))
        given = {"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": self.folder.name}
        self.hospital = open_hospital(Context(Settings.from_environment(given), self.database, self.clock))
        self.old = Year(self.hospital, "henan-settlement-2023")
        self.old.apply(fen=FIRST)
        self.old.approve(FIRST)
        self.old.receive()
        self.clock.moment = datetime(2027, 1, 12, 10, 0, tzinfo=SHANGHAI)
        self.new = Year(self.hospital, "henan-settlement-2023", year=2027, keys=10_000)
        self.new.apply(fen=allocated)
        self.new.approve(allocated)
        self.allocated = allocated
        self.owed = {self.old.grant_id: FIRST, self.new.grant_id: 0}
        self.paid: list[tuple[Year, str]] = []

    def year_of(self, newer: bool) -> Year:
        return self.new if newer else self.old

    def attempt(self, act: Callable[[], object]) -> bool:
        try:
            act()
        except PrepayError:
            return False
        return True

    @rule(newer=st.booleans(), fen=amounts)
    def give_back(self, newer: bool, fen: int) -> None:
        year = self.year_of(newer)
        if self.attempt(lambda: year.give_back(fen)):
            self.owed[year.grant_id] -= fen

    @rule(newer=st.booleans(), fen=amounts)
    def offset(self, newer: bool, fen: int) -> None:
        year = self.year_of(newer)
        if self.attempt(lambda: year.offset(fen + 5, fen)):
            self.owed[year.grant_id] -= fen

    @rule(newer=st.booleans(), fen=st.integers(1, 400))
    def spend(self, newer: bool, fen: int) -> None:
        year = self.year_of(newer)
        reserved = list[str]()
        if self.attempt(lambda: reserved.append(year.reserve(line(fen)))):
            year.pay(reserved[0])
            self.paid.append((year, reserved[0]))

    @rule(newer=st.booleans(), fen=st.integers(1, 400))
    def reserve_and_release(self, newer: bool, fen: int) -> None:
        year = self.year_of(newer)
        reserved = list[str]()
        if self.attempt(lambda: reserved.append(year.reserve(line(fen)))):
            if not newer:
                assert not self.net()
            spending.release_request(self.hospital.context, PAYER, reserved[0], "不付了")

    @rule()
    def bounce(self) -> None:
        if self.paid:
            _, request_id = self.paid.pop()
            spending.bounce_payment(self.hospital.context, PAYER, request_id, "账号有误")

    @rule(newer=st.booleans(), fen=st.integers(1, 400))
    def bounce_after_the_rest_was_offset(self, newer: bool, fen: int) -> None:
        self.spend(newer, fen)
        grant = grants.find_grant(self.hospital.context, OFFICER, self.year_of(newer).grant_id)
        if self.paid and grant.owed_fen > 1:
            self.offset(newer, grant.owed_fen - 1)
            self.bounce()

    @rule()
    def net_both(self) -> None:
        grant = grants.find_grant(self.hospital.context, OFFICER, self.old.grant_id)
        waits = grants.find_grant(self.hospital.context, OFFICER, self.new.grant_id).state == "approved"
        done = self.net()
        assert done is (waits and grant.state == "received")
        if done:
            self.owed = {self.old.grant_id: 0, self.new.grant_id: self.allocated}

    def net(self) -> bool:
        self.keys += 1
        key = f"net-key-{self.keys}"
        command = netting.NetGrants(self.old.grant_id, self.new.grant_id, LAST, key, key)
        return self.attempt(lambda: netting.net_grants(self.hospital.context, OFFICER, command))

    @invariant()
    def what_is_owed_is_what_the_model_says_and_covers_what_is_unspent(self) -> None:
        if not hasattr(self, "owed"):
            return
        for year in (self.old, self.new):
            unspent, reserved, owed = year.standing
            assert owed == self.owed[year.grant_id]
            assert 0 <= unspent + reserved <= owed
            state = grants.find_grant(self.hospital.context, OFFICER, year.grant_id).state
            assert (state in ("cleared", "approved")) == (owed == 0)

    def teardown(self) -> None:
        self._made.__exit__(None, None, None)
        self.folder.cleanup()


EXAMPLES = settings(
    max_examples=12, stateful_step_count=14, suppress_health_check=list(HealthCheck), derandomize=True
)


def test_any_order_of_clearing_on_sqlite(sqlite_template: Path) -> None:
    @contextmanager
    def made() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "prepay.sqlite3"
            shutil.copyfile(sqlite_template, path)
            database = Database(f"sqlite:///{path}", pool_size=1)
            yield database
            database.close()

    run_state_machine_as_test(lambda: ClearingMachine(made), settings=EXAMPLES)  # type: ignore[no-untyped-call]


@pytest.mark.postgres
def test_any_order_of_clearing_on_postgres(postgres_server: str, postgres_template: tuple[str, str]) -> None:
    @contextmanager
    def made() -> Any:
        with servers.cloned_database(postgres_server, postgres_template) as urls:
            database = Database(urls[1], pool_size=1)
            yield database
            database.close()

    few = settings(EXAMPLES, max_examples=4)
    run_state_machine_as_test(lambda: ClearingMachine(made), settings=few)  # type: ignore[no-untyped-call]

"""What a stay owes over random histories: its shortfall less what was paid, granted, written off; never below zero.

The sums are counted from what the services answered and from nothing else.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import LedgerFault, PrepayError
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.arrears import ActKind
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient.slips import DecideRequest, RequestVoid, decide_request, request_void
from hospital_prepay.services.ledger.balances import trial_balance
from hospital_prepay.services.settlement.arrears import arrears_of
from hospital_prepay.services.settlement.relief import Answer, Draft, Receive, answer, draft, receive, submit
from hospital_prepay.settings import Settings
from tests.conftest import MOMENT
from tests.hospital import APPROVER, CASHIER, OFFICER, open_hospital
from tests.services.settlement.owing import OWED, do, leave_owing, pay
from tests.services.settlement.test_settling import NO

amounts = st.one_of(st.sampled_from((1, OWED // 2, OWED, OWED + 1)), st.integers(1, 3 * OWED // 2))


class ArrearsMachine(RuleBasedStateMachine):
    """Payments, voids, provisions, write-offs, releases and grants in whatever order."""

    def __init__(self, make: Callable[[], Any]) -> None:
        super().__init__()
        self._made = make()
        database: Database = self._made.__enter__()
        self.folder = tempfile.TemporaryDirectory()
        environment = {"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": self.folder.name}
        context = Context(Settings.from_environment(environment), database, FixedClock(MOMENT))
        self.hospital = leave_owing(open_hospital(context))
        self.context = context
        self.slips: list[tuple[str, int]] = []
        self.paid = self.granted = self.written_off = self.provided = 0
        self.steps = 0

    def teardown(self) -> None:
        self._made.__exit__(None, None, None)
        self.folder.cleanup()

    def key(self) -> str:
        self.steps += 1
        return f"step-key-{self.steps}"

    def attempt(self, act: Callable[..., Any], *args: Any) -> Any:
        """What an act answers, ``None`` when it is refused; a fault is no refusal."""
        try:
            return act(*args) or True
        except LedgerFault:
            raise
        except PrepayError:
            return None

    @property
    def claim(self) -> int:
        return OWED - self.paid - self.granted

    @rule(fen=amounts)
    def pay(self, fen: int) -> None:
        slip = self.attempt(pay, self.hospital, fen, self.key())
        assert (slip is not None) == (fen <= self.claim), "money for a claim is taken, whatever was written off"
        if slip:
            self.came(fen)
            self.paid += fen
            self.slips.append((slip, fen))

    def came(self, fen: int) -> None:
        back = max(0, fen - (self.claim - self.written_off))
        self.written_off -= back
        self.provided += back

    @rule()
    def void(self) -> None:
        if not self.slips:
            return
        slip, fen = self.slips.pop()
        asked = request_void(self.context, CASHIER, RequestVoid(slip, "收错了", self.key()))
        decide_request(self.context, OFFICER, DecideRequest(asked.request_id, True))
        self.paid -= fen

    @rule(kind=st.sampled_from(list(ActKind)), fen=amounts)
    def act(self, kind: ActKind, fen: int) -> None:
        done = self.attempt(do, self.hospital, kind, fen, self.key())
        if done is None:
            return
        self.provided += {ActKind.PROVISION: fen, ActKind.REOPEN: fen}.get(kind, -fen)
        self.written_off += {ActKind.WRITE_OFF: fen, ActKind.REOPEN: -fen}.get(kind, 0)

    @rule(fen=amounts, got=amounts)
    def relief(self, fen: int, got: int) -> None:
        application = self.attempt(draft, self.context, OFFICER, Draft(NO, Money(fen), "急救", "病历", self.key()))
        if application is None:
            return
        submit(self.context, APPROVER, NO, application)
        answer(self.context, OFFICER, Answer(NO, application, Money(fen), "", self.key()))
        key = self.key()
        said = Receive(NO, application, Money(got), key, key)
        if self.attempt(receive, self.context, APPROVER, said) is None:
            said = Receive(NO, application, Money(fen), key, key)
            assert self.attempt(receive, self.context, APPROVER, said) is not None
            got = fen
        self.came(got)
        self.granted += got

    @invariant()
    def what_is_owed_adds_up(self) -> None:
        standing = arrears_of(self.context, OFFICER, NO).standing
        assert standing.owed_fen == OWED - self.paid - self.granted - self.written_off >= 0
        assert standing.written_off_fen == self.written_off >= 0
        assert standing.provided_fen == self.provided >= 0
        balance = trial_balance(self.context.database)
        assert balance.debit_fen == balance.credit_fen


@pytest.mark.clause("guizhou-deposit-2025/25")
def test_what_is_owed_adds_up_over_any_history(sqlite_template: Path, tmp_path: Path) -> None:
    numbers = iter(range(10_000))

    @contextmanager
    def fresh() -> Any:
        path = tmp_path / f"{next(numbers)}.sqlite3"
        path.write_bytes(sqlite_template.read_bytes())
        database = Database(f"sqlite:///{path}")
        yield database
        database.close()
        path.unlink()

    run_state_machine_as_test(
        lambda: ArrearsMachine(fresh),
        settings=settings(
            max_examples=12,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

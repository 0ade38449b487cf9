"""A fault at any statement of any step of a year leaves the step undone, the books balanced, and the step to be taken
again; a process killed between two steps leaves a duty that says what is owed. On both databases."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.errors import LedgerFault
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.fund import grants, offsets, returns, spending
from tests.db.test_faults import Broken, failing_at
from tests.funding import MILLION_YUAN, application, apply_one, good_facts
from tests.services.fund.conftest import APPROVER, HEAD, OFFICER, PAYER, SUPPLIER, Year, line

Step = Callable[[], object]


class Steps:
    """The steps of a year under fixed keys, so that a step that failed is taken again as it was."""

    def __init__(self, year: Year) -> None:
        self.context, self.grant_id, self.first, self.second = year.hospital.context, "", "", ""

    def all(self) -> list[Step]:
        return [
            self.apply,
            self.approve,
            self.receive,
            self.ask_first,
            lambda: spending.agree_request(self.context, HEAD, self.first),
            lambda: spending.reserve_request(self.context, APPROVER, self.first),
            lambda: self.pay(self.first),
            self.prove,
            self.ask_second,
            lambda: spending.agree_request(self.context, HEAD, self.second),
            lambda: spending.reserve_request(self.context, APPROVER, self.second),
            lambda: self.pay(self.second),
            lambda: spending.bounce_payment(self.context, PAYER, self.second, "银行退票：账号不符"),
            self.record_offset,
            self.decide_offset,
            self.give_back,
        ]

    def apply(self) -> None:
        facts = good_facts(2026)
        command = application("zhejiang-prepay-2025", "x", Fund.EMPLOYEE, Money(MILLION_YUAN), facts, "k-apply")
        self.grant_id = apply_one(self.context, OFFICER, command).grant_id or ""

    def approve(self) -> None:
        command = grants.RecordApproval(self.grant_id, Money(MILLION_YUAN), date(2026, 1, 15), "文", "M-1")
        grants.record_approval(self.context, APPROVER, command)

    def receive(self) -> None:
        command = grants.ReceiveGrant(self.grant_id, "B-1", date(2026, 1, 15), "k-receive")
        grants.receive_grant(self.context, OFFICER, command)

    def ask(self, key: str) -> str:
        command = spending.AskPayment(self.grant_id, *SUPPLIER, "药款", (line(30_000_000),), key)
        return spending.ask_payment(self.context, OFFICER, command).request_id

    def ask_first(self) -> None:
        self.first = self.ask("k-first")

    def ask_second(self) -> None:
        self.second = self.ask("k-second")

    def pay(self, request_id: str) -> None:
        command = spending.PayRequest(request_id, f"B-{request_id}", f"k-pay-{request_id}")
        spending.pay_request(self.context, PAYER, command)

    def prove(self) -> None:
        command = spending.RecordEvidence(self.first, 1, "FP-1", Money(30_000_000))
        spending.record_evidence(self.context, PAYER, command)

    def record_offset(self) -> None:
        command = offsets.OffsetGrant(
            self.grant_id,
            Money(50_000_000),
            Money(40_000_000),
            "结算单",
            "S-1",
            self.context.clock.today(),
            "k-offset",
        )
        self.offset_id = offsets.record_offset(self.context, OFFICER, command)

    def decide_offset(self) -> None:
        offsets.decide_offset(self.context, APPROVER, self.offset_id, confirmed=True)

    def give_back(self) -> None:
        command = returns.ReturnGrant(self.grant_id, Money(60_000_000), "B-8", "k-return")
        returns.return_grant(self.context, OFFICER, command)


def contents(database: Database) -> dict[str, list[Any]]:
    """Every row of every table that an act of the fund may touch."""
    names = sa.inspect(database.engine).get_table_names()
    wanted = [name for name in names if name.startswith(("fund_", "ledger_"))]
    wanted += ["decision", "audit_event", "idempotency_key"]
    with database.reading() as connection:
        return {
            name: sorted(tuple(map(str, row)) for row in connection.execute(sa.text(f"SELECT * FROM {name}")))
            for name in wanted
        }


def test_a_fault_at_any_statement_of_any_step_leaves_the_step_undone(
    year: Year, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, database = Steps(year), year.hospital.context.database
    for at, step in enumerate(steps.all()):
        before, number = contents(database), 0
        while True:
            number += 1
            with failing_at(database, monkeypatch, number, after=True) as count:
                try:
                    step()
                except (Broken, LedgerFault):
                    assert contents(database) == before, f"step {at}, statement {number}"
                    continue
            break
        assert number > 3, f"step {at} took {count[0]} statements"
    grant = grants.find_grant(steps.context, OFFICER, steps.grant_id)
    assert (grant.state, grant.owed_fen, grant.unspent_fen, grant.reserved_fen) == ("cleared", 0, 0, 0)


KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from hospital_prepay.clock import FixedClock
from hospital_prepay.persistence import funds
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund import spending
from hospital_prepay.settings import Settings
from tests.services.fund.conftest import PAYER

url, folder, moment, request_id = sys.argv[1:]
settings = Settings.from_environment({"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": folder})
context = Context(settings, Database(url), FixedClock(datetime.fromisoformat(moment)))
funds.walk_request = lambda *_given, **_values: os.kill(os.getpid(), signal.SIGKILL)
spending.pay_request(context, PAYER, spending.PayRequest(request_id, "B-7", "k-pay-7"))
"""


def test_a_process_killed_while_it_pays_has_paid_nothing_and_the_payment_is_made_once(year: Year) -> None:
    year.arrived()
    request_id, database = year.reserve(line(30_000_000)), year.hospital.context.database
    before = contents(database)
    url = database.url.render_as_string(hide_password=False)
    moment = year.hospital.context.clock.now().isoformat()
    folder = str(year.hospital.context.settings.data_dir)
    killed = subprocess.run([sys.executable, "-c", KILLED, url, folder, moment, request_id], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert contents(database) == before
    for _ in range(2):
        command = spending.PayRequest(request_id, "B-7", "k-pay-7")
        assert spending.pay_request(year.hospital.context, PAYER, command).state == "paid"
    assert year.standing == (MILLION_YUAN - 30_000_000, 0, MILLION_YUAN)

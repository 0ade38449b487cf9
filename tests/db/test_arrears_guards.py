"""What the database itself refuses of arrears, whatever a program would write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.ledger.chart import OWN_COST, allowance_account, arrears_account
from hospital_prepay.domain.ledger.entry import Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.arrears import ActKind
from hospital_prepay.persistence import arrears as store
from hospital_prepay.services.settlement.slips import settlement_entry
from tests.hospital import APPROVER, OFFICER, Hospital
from tests.services.settlement.owing import OWED, ask, do, leave_owing, pay
from tests.services.settlement.test_settling import NO

CLAIM, ALLOWANCE = arrears_account(NO), allowance_account(NO)
pytestmark = pytest.mark.clause("guizhou-deposit-2025/25")


@pytest.fixture
def decided(hospital: Hospital) -> Callable[[str, str, str, int], None]:
    """Decide an act past the service: post an entry of any lines and say that it is the act's."""
    leave_owing(hospital)

    def act(act_id: str, debit: str, credit: str, fen: int) -> None:
        lines = (Posting(debit, debit=Money(fen)), Posting(credit, credit=Money(fen)))
        with hospital.context.work(APPROVER, "test", NO) as work:
            entry_no = work.ledger.post(settlement_entry(work, "test", "x", work.new_id(), NO, lines))
            values: dict[str, Any] = {
                "state": "done",
                "decided_by": APPROVER.actor_id,
                "decided_at": work.now,
                "entry_no": entry_no,
            }
            store.decide_act(work.connection, work.institution_id, act_id, values)

    return act


def test_an_act_shows_what_its_entry_posted(
    hospital: Hospital, decided: Callable[[str, str, str, int], None]
) -> None:
    do(hospital, ActKind.PROVISION, 10_000)
    act_id = ask(hospital, ActKind.PROVISION, 60_000)
    for debit, credit, fen in (
        (OWN_COST, ALLOWANCE, 59_999),
        ("1218", ALLOWANCE, 60_000),
        (OWN_COST, "1001", 60_000),
        (ALLOWANCE, OWN_COST, 10_000),
    ):
        with pytest.raises(sa.exc.DBAPIError, match="receipt_mismatch"):
            decided(act_id, debit, credit, fen)
    decided(act_id, OWN_COST, ALLOWANCE, 60_000)


def test_no_provision_above_what_is_owed_by_then(
    hospital: Hospital, decided: Callable[[str, str, str, int], None]
) -> None:
    do(hospital, ActKind.PROVISION, 10_000)
    act_id = ask(hospital, ActKind.PROVISION, 60_000)
    pay(hospital, OWED - 69_999, "meanwhile")
    with pytest.raises(sa.exc.DBAPIError, match="above_owed"):
        decided(act_id, OWN_COST, ALLOWANCE, 60_000)


def test_no_more_comes_back_than_was_written_off(
    hospital: Hospital, decided: Callable[[str, str, str, int], None]
) -> None:
    do(hospital, ActKind.PROVISION, OWED)
    do(hospital, ActKind.WRITE_OFF, 50_000)
    values = {
        "institution_id": OFFICER.institution_id,
        "act_id": "raw",
        "stay_no": NO,
        "kind": "reopen",
        "amount_fen": 50_001,
        "ground": "x",
        "evidence": "x",
        "state": "waiting",
        "asked_by": OFFICER.actor_id,
        "asked_at": hospital.context.clock.now(),
        "answer": "",
    }
    with hospital.context.database.writing() as connection:
        store.add_act(connection, values)
    with pytest.raises(sa.exc.DBAPIError, match="wrong_step"):
        decided("raw", CLAIM, ALLOWANCE, 50_001)


def test_only_one_act_of_a_stay_waits(hospital: Hospital, decided: object) -> None:
    ask(hospital, ActKind.PROVISION, 1_000)
    text = (
        "INSERT INTO arrears_act SELECT institution_id, 'raw', stay_no, kind, amount_fen, ground, evidence, state,"
        " asked_by, asked_at, NULL, NULL, '', NULL FROM arrears_act"
    )
    with (
        pytest.raises(sa.exc.DBAPIError, match="uq_arrears_act__waiting"),
        hospital.context.database.writing() as connection,
    ):
        connection.execute(sa.text(text))

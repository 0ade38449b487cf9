"""What must not go wrong around settlements, each seen going wrong once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.ledger.verification import Kind
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.lateness import LateReason
from hospital_prepay.domain.rules.settlement.refunds import Claimant
from hospital_prepay.domain.rules.settlement.result import ResultAmounts
from hospital_prepay.domain.rules.settlement.settling import Rest, SettlementKind
from hospital_prepay.domain.visits import VisitEventKind
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.inpatient.slips import RequestVoid, request_void
from hospital_prepay.services.ledger.seals import verify_ledger
from hospital_prepay.services.settlement.board import Bucket, Chosen, board, discharges_of
from hospital_prepay.services.settlement.by_hand import WrittenDown, write_down
from hospital_prepay.services.settlement.lateness import WriteReason, write_reason
from hospital_prepay.services.settlement.preview import money_of, preview
from hospital_prepay.services.settlement.recalls import ask_recall, decide_recall
from hospital_prepay.services.settlement.relief import (
    Answer,
    Draft,
    GiveBack,
    Receive,
    answer,
    draft,
    give_back,
    receive,
    submit,
)
from hospital_prepay.services.settlement.results import record_result
from hospital_prepay.services.settlement.unclaimed import Claim, Papers, claim, decide_claim, papers_to_compare
from tests.hospital import APPROVER, CASHIER, OFFICER, Hospital, actor
from tests.services.settlement.owing import leave_owing
from tests.services.settlement.test_settling import AMOUNTS, AT, NO, balances, ready, result, settled

__all__ = ["ready"]
INSURANCE = actor(Role.INSURANCE_CLERK)
OTHER = "520102199003072891"


def recall(hospital: Hospital, settlement_no: int = 1) -> None:
    ask_recall(hospital.context, CASHIER, NO, settlement_no, "医保退回")
    decide_recall(hospital.context, OFFICER, NO, settlement_no, approve=True)


def verified(hospital: Hospital) -> list[Kind]:
    context = hospital.context
    found = verify_ledger(context.database, context.settings.data_dir, context.clock)
    return [one.kind for one in found.findings if one.kind is not Kind.HEADS_MISSING]


def test_a_discharge_told_again_after_its_recall_is_settled_anew(ready: Hospital, clock: FixedClock) -> None:
    settled(ready)
    clock.moment += timedelta(minutes=1)
    write_down(ready.context, CASHIER, WrittenDown(NO, VisitEventKind.CANCEL_DISCHARGE, AT))
    recall(ready)
    clock.moment += timedelta(minutes=1)
    write_down(ready.context, CASHIER, WrittenDown(NO, VisitEventKind.DISCHARGE, AT))
    row = discharges_of(ready.context, OFFICER, NO).records[0].row
    assert (row.stage, row.settled_at, row.ended_at) == ("cashier", None, None)
    assert settled(ready, idempotency_key="k2", result=result(setl_id="S2")).number == f"{NO}-2"


def granted(hospital: Hospital) -> str:
    """Money of the relief fund for all that is owed: drafted by one, submitted and booked by another."""
    context = hospital.context
    application = draft(context, OFFICER, Draft(NO, Money(100_000), "急救", "急救记录", "k-draft-1"))
    submit(context, APPROVER, NO, application)
    answer(context, APPROVER, Answer(NO, application, Money(100_000), "救1号", "k-answer1"))
    receive(context, APPROVER, Receive(NO, application, Money(100_000), "BANK1", "k-receive"))
    return application


def test_money_of_the_relief_fund_goes_back_by_another_and_frees_the_recall(hospital: Hospital) -> None:
    leave_owing(hospital)
    application = granted(hospital)
    with pytest.raises(Conflict, match="退回基金"):
        recall(hospital)
    command = GiveBack(NO, application, "BANK2", "k-back-01")
    with pytest.raises(SecondPersonRequired):
        give_back(hospital.context, APPROVER, command)
    with pytest.raises(MalformedInput):
        give_back(hospital.context, OFFICER, replace(command, bank_reference=" "))
    entry_no = give_back(hospital.context, OFFICER, command)
    assert give_back(hospital.context, OFFICER, command) == entry_no  # sent twice, given back once
    with pytest.raises(Conflict):
        give_back(hospital.context, OFFICER, replace(command, idempotency_key="k-back-02"))
    assert balances(hospital)[f"12120203:{NO}"] == 100_000
    assert verified(hospital) == []
    decide_recall(hospital.context, OFFICER, NO, 1, approve=True)
    assert f"12120203:{NO}" not in balances(hospital)
    assert verified(hospital) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE relief_application SET state = 'returned', returned_by = received_by, returned_at = received_at, "
        "return_reference = 'B', return_entry_no = entry_no",
        "UPDATE relief_application SET received_fen = 1",
        "UPDATE relief_application SET return_reference = 'B'",
    ],
)
def test_raw_sql_gives_nothing_back_to_the_fund(hospital: Hospital, database: Database, statement: str) -> None:
    leave_owing(hospital)
    granted(hospital)
    with pytest.raises(sa.exc.DatabaseError), database.writing() as connection:
        connection.execute(sa.text(statement))


def test_a_sent_result_goes_before_one_that_is_typed(ready: Hospital) -> None:
    record_result(ready.context, INSURANCE, NO, result(setl_id="SENT"), "api")
    assert [one.setl_id for one in money_of(ready.context, CASHIER, NO).usable] == ["SENT"]
    made_up = settled(ready, result=result(ResultAmounts(500_000, 490_000, 10_000, 0, 10_000), setl_id="MADEUP"))
    assert [reason.code for reason in made_up.decision.reasons] == ["result_on_file"]
    whole = settled(ready, idempotency_key="k2", result=None, self_pay_total=Money(500_000))
    assert [reason.code for reason in whole.decision.reasons] == ["result_on_file"]
    sent = settled(ready, idempotency_key="k3", result=None, setl_id="SENT")
    assert [reason.code for reason in sent.decision.reasons][:1] == ["settled"]
    assert "by_hand" not in [reason.code for reason in sent.decision.reasons]
    assert money_of(ready.context, CASHIER, NO).usable == ()


@pytest.mark.parametrize(
    ("on_record", "is_his"),
    [("NULL", True), ("(SELECT certificate_hash FROM settlement_result)", True), ("'another'", False)],
    ids=["none", "the same", "another"],
)
def test_looking_says_what_settling_would_say(
    ready: Hospital, database: Database, on_record: str, is_his: bool
) -> None:
    record_result(ready.context, INSURANCE, NO, result(setl_id="SENT", certno=OTHER), "csv")
    with database.writing() as connection:
        connection.execute(sa.text(f"UPDATE stay SET certificate_hash = {on_record}"))
    found = preview(ready.context, CASHIER, NO, SettlementKind.DISCHARGE, AMOUNTS, "SENT")
    assert found.decision.permitted is is_his
    with pytest.raises(Conflict, match="内容不一样"):
        preview(ready.context, CASHIER, NO, SettlementKind.DISCHARGE, replace(AMOUNTS, acct_pay=30_001), "SENT")


def test_what_is_left_of_the_dead_is_given_to_nobody_at_once(ready: Hospital, database: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE discharge SET disposition = '5'"))
    refused = settled(ready)
    assert [reason.code for reason in refused.decision.reasons] == ["rest_of_the_dead"]
    assert settled(ready, idempotency_key="k2", rest=Rest.LEFT).left == Money(30_000)


def test_a_refund_that_was_sent_is_not_voided(ready: Hospital) -> None:
    slip = settled(ready).slips[0]
    asked = request_void(ready.context, CASHIER, RequestVoid(slip, "退错"))
    assert [reason.code for reason in asked.decision.reasons] == ["refund_sent"]


def fetched(**changes: Any) -> Claim:
    said: dict[str, Any] = {
        "stay_no": NO,
        "claimant": Claimant.PATIENT,
        "relation": "本人",
        "papers": Papers("杨秀英", "其他证件", "1"),
        "tender": Tender.CASH,
        "idempotency_key": "k-claim-1",
        **changes,
    }
    return Claim(**said)


@pytest.fixture
def left(ready: Hospital) -> Hospital:
    """300.00 that nobody fetched, of a stay without a certificate on record."""
    assert settled(ready, rest=Rest.LEFT).left == Money(30_000)
    return ready


def name_of(hospital: Hospital) -> str:
    return money_of(hospital.context, CASHIER, NO).patient_name


def test_nobody_is_the_patient_by_any_paper(left: Hospital) -> None:
    with pytest.raises(MalformedInput, match="姓名"):
        claim(left.context, CASHIER, fetched(papers=Papers("张三", "其他证件", "1")))
    with pytest.raises(MalformedInput, match="校验码"):
        claim(left.context, CASHIER, fetched(papers=Papers(name_of(left), "居民身份证", "12345")))
    # Nothing on record tells the patient: a second person looks.
    assert claim(left.context, CASHIER, fetched(papers=Papers(name_of(left), "户口簿", "HK1"))) is None
    assert papers_to_compare(left.context, OFFICER, NO) == (Papers(name_of(left), "户口簿", "HK1"), None)
    with pytest.raises(NotPermitted):
        papers_to_compare(left.context, CASHIER, NO)
    assert decide_claim(left.context, OFFICER, NO, 1, approve=True)


def test_what_waits_for_its_invoice_stays_on_the_board(ready: Hospital) -> None:
    settled(ready)
    found = board(ready.context, OFFICER, Chosen())
    assert (found.number, found.counts[Bucket.INVOICE]) == (0, 1)
    assert [row.stay_no for group in found.groups for row in group.rows] == [NO]
    assert next(one.number for one in found.stages if one.stage == "invoice") == 1
    assert board(ready.context, OFFICER, Chosen(stage="invoice")).groups[0].number == 1
    assert board(ready.context, OFFICER, Chosen(stage="ward")).groups == ()


def test_nobody_explains_what_was_in_time(ready: Hospital) -> None:
    settled(ready)
    with pytest.raises(Conflict, match="按时结算"):
        write_reason(ready.context, OFFICER, WriteReason(NO, LateReason.OTHER, "x", "k-late-01"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE settlement SET fund_fen = fund_fen - 1, hospital_fen = 1",
        "UPDATE settlement SET recalled_at = settled_at, recalled_by = settled_by",
    ],
)
@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
def test_verification_sees_settlements_that_were_tampered_with(
    ready: Hospital, database: Database, statement: str
) -> None:
    settled(ready)
    assert verified(ready) == []
    with database.writing() as connection:
        for name in connection.scalars(
            sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'settlement'")
        ).all():
            connection.execute(sa.text(f"DROP TRIGGER {name}"))
        connection.execute(sa.text("PRAGMA ignore_check_constraints = ON"))
        connection.execute(sa.text(statement))
    assert Kind.SETTLEMENT_WRONG in verified(ready)


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
def test_verification_sees_arrears_that_no_record_explains(hospital: Hospital, database: Database) -> None:
    leave_owing(hospital)
    granted(hospital)
    assert verified(hospital) == []
    with database.writing() as connection:
        connection.execute(sa.text("DROP TRIGGER relief_application_walk"))
        connection.execute(sa.text("UPDATE relief_application SET received_fen = received_fen - 1"))
    assert verified(hospital) == [Kind.BALANCE_WRONG, Kind.BALANCE_WRONG]  # the account, and the entry

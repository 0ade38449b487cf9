"""A result that was mistyped is typed anew under its true number; what was typed first stays on record."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.result import ResultAmounts
from hospital_prepay.domain.rules.settlement.settling import SettlementKind
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.inpatient.slips import DecideRequest, RequestVoid, decide_request, request_void
from hospital_prepay.services.settlement.preview import money_of, preview
from hospital_prepay.services.settlement.results import record_result
from hospital_prepay.services.settlement.settling import seen_of
from tests.hospital import CASHIER, OFFICER, Hospital
from tests.services.settlement.test_mended import INSURANCE, recall
from tests.services.settlement.test_settling import AMOUNTS, NO, command, ready, result, settled

__all__ = ["ready"]
MISTYPED = ResultAmounts(600_000, 400_000, 200_000, 30_000, 170_000)
BOTH = pytest.mark.parametrize("database_urls", ["sqlite", "postgres"], indirect=True)


def rows(hospital: Hospital, query: str) -> list[tuple[Any, ...]]:
    with hospital.context.database.reading() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def replaced(hospital: Hospital) -> list[tuple[Any, ...]]:
    return rows(
        hospital,
        "SELECT setl_id, replaced_no, stay_no, medfee_sumamt_fen, source, replaced_by FROM replaced_result "
        "ORDER BY replaced_no",
    )


def kept(hospital: Hospital) -> list[tuple[Any, ...]]:
    return rows(hospital, "SELECT setl_id, stay_no, medfee_sumamt_fen, source FROM settlement_result")


@BOTH
def test_a_mistyped_result_is_typed_anew_once_nothing_rests_on_it(ready: Hospital) -> None:
    settled(ready, result=result(MISTYPED))
    with pytest.raises(Conflict, match=r"内容不一样.*召回"):
        settled(ready, idempotency_key="k2")
    recall(ready)
    assert preview(ready.context, CASHIER, NO, SettlementKind.DISCHARGE, AMOUNTS, "S1").decision.permitted
    assert replaced(ready) == []  # looking replaces nothing
    assert settled(ready, idempotency_key="k3").number == f"{NO}-2"
    assert kept(ready) == [("S1", NO, 500_000, "hand")]
    assert replaced(ready) == [("S1", 1, NO, 600_000, "hand", CASHIER.actor_id)]
    ((detail,),) = rows(ready, "SELECT detail FROM audit_event WHERE action = 'settlement.result_replaced'")
    assert "600000" in str(detail)
    assert "500000" in str(detail)


@BOTH
def test_what_was_typed_and_refused_is_typed_anew(ready: Hospital) -> None:
    refused = settled(ready, result=result(ResultAmounts(500_001, 300_000, 200_000, 30_000, 170_000)))
    assert refused.number is None
    assert settled(ready, idempotency_key="k2").number == f"{NO}-1"
    assert len(replaced(ready)) == 1


def test_what_is_typed_the_same_replaces_nothing(ready: Hospital) -> None:
    settled(ready)
    recall(ready)
    assert settled(ready, idempotency_key="k2").number == f"{NO}-2"
    assert replaced(ready) == []


@BOTH
def test_what_the_insurance_sends_goes_before_what_was_typed_under_its_number(ready: Hospital) -> None:
    settled(ready, result=result(MISTYPED))
    with pytest.raises(Conflict, match="召回"):
        record_result(ready.context, INSURANCE, NO, result(), "api")
    recall(ready)
    assert not record_result(ready.context, INSURANCE, NO, result(), "api").was_known
    assert [(one.setl_id, one.source) for one in money_of(ready.context, CASHIER, NO).usable] == [("S1", "api")]
    # What was sent is never written over, neither by hand nor by what is sent later.
    with pytest.raises(Conflict, match="医保传来"):
        settled(ready, idempotency_key="k2", result=result(MISTYPED))
    with pytest.raises(Conflict, match="新的流水号"):
        record_result(ready.context, INSURANCE, NO, result(MISTYPED), "csv")
    assert settled(ready, idempotency_key="k3").number == f"{NO}-2"
    (typed,), (sent,) = rows(
        ready,
        "SELECT decision.reasons FROM settlement JOIN decision USING (institution_id, decision_id) "
        "ORDER BY settlement.settlement_no",
    )
    assert "by_hand" in str(typed)
    assert "by_hand" not in str(sent)


@BOTH
def test_a_number_typed_for_the_wrong_patient_is_free_for_the_right_one(ready: Hospital) -> None:
    ready.admit("OTHER")
    assert record_result(ready.context, INSURANCE, "OTHER", result(), "hand").was_known is False
    found = preview(ready.context, CASHIER, NO, SettlementKind.DISCHARGE, AMOUNTS, "S1")
    assert found.decision.permitted
    assert settled(ready).number == f"{NO}-1"
    assert replaced(ready) == [("S1", 1, "OTHER", 500_000, "hand", CASHIER.actor_id)]
    for who, source in ((INSURANCE, "hand"), (INSURANCE, "api")):
        with pytest.raises(Conflict, match="另一次住院"):
            record_result(ready.context, who, "OTHER", result(), source)
    with pytest.raises(Conflict) as told:
        preview(ready.context, CASHIER, "OTHER", SettlementKind.DISCHARGE, AMOUNTS, "S1")
    assert NO not in told.value.message  # whose it is isn't said


@BOTH
@pytest.mark.parametrize(
    ("is_recalled", "source", "statement"),
    [
        (False, "hand", "UPDATE settlement_result SET fund_pay_sumamt_fen = 1"),
        (True, "api", "UPDATE settlement_result SET fund_pay_sumamt_fen = 1"),
        (True, "hand", "UPDATE settlement_result SET setl_id = 'S2'"),
        (True, "hand", "DELETE FROM settlement_result"),
        (True, "hand", "UPDATE replaced_result SET fund_pay_sumamt_fen = 1"),
        (True, "hand", "DELETE FROM replaced_result"),
    ],
)
def test_raw_sql_replaces_nothing_that_counts(
    ready: Hospital, database: Database, is_recalled: bool, source: str, statement: str
) -> None:
    if source == "hand":
        settled(ready, result=result(MISTYPED))
        recall(ready)
        settled(ready, idempotency_key="k2")
        if is_recalled:
            recall(ready, 2)
    else:
        record_result(ready.context, INSURANCE, NO, result(), source)
    with (
        pytest.raises(sa.exc.DatabaseError, match=r"append_only|permission denied"),
        database.writing() as connection,
    ):
        connection.execute(sa.text(statement))


@BOTH
def test_raw_sql_settles_by_no_other_stays_result(ready: Hospital, database: Database) -> None:
    ready.admit("OTHER")
    settled(ready, result=None, self_pay_total=Money(500_000))
    record_result(ready.context, INSURANCE, "OTHER", result(), "api")
    recall(ready)
    with pytest.raises(sa.exc.DatabaseError, match="wrong_step"), database.writing() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO settlement SELECT institution_id, stay_no, 2, kind, discharged_at, 'S1', total_fen, "
                "fund_fen, account_fen, cash_fen, hospital_fen, held_fen, applied_fen, shortfall_fen, channel, "
                "entry_no, decision_id, settled_by, settled_at, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, "
                "NULL, 't2' FROM settlement"
            )
        )


@BOTH
def test_what_is_booked_is_what_was_shown(ready: Hospital) -> None:
    looked_at = command()
    found = preview(ready.context, CASHIER, NO, SettlementKind.DISCHARGE, AMOUNTS, "S1")
    seen = seen_of(looked_at, found)
    with pytest.raises(Conflict, match="内容改过"):
        settled(ready, seen=seen, result=result(MISTYPED))
    asked = request_void(ready.context, CASHIER, RequestVoid("A01-000001", "录错"))
    assert asked.request_id is not None
    decide_request(ready.context, OFFICER, DecideRequest(asked.request_id, True))
    with pytest.raises(Conflict, match="预交金有变动"):
        settled(ready, seen=seen)
    assert (ready.count("settlement"), ready.count("settlement_result")) == (0, 0)
    found = preview(ready.context, CASHIER, NO, SettlementKind.DISCHARGE, AMOUNTS, "S1")
    answer = settled(ready, seen=seen_of(looked_at, found))
    assert answer.owed == Money(120_000)
    assert settled(ready, seen=seen_of(looked_at, found)) == answer


@BOTH
def test_a_settlement_rests_on_the_result_it_was_settled_by_whoever_types_it_elsewhere(ready: Hospital) -> None:
    ready.admit("OTHER")
    record_result(ready.context, INSURANCE, NO, result(), "hand")

    def act(number: int) -> None:
        with contextlib.suppress(Conflict):
            if number % 2:
                settled(ready, idempotency_key=f"key-{number}")
            else:
                record_result(ready.context, INSURANCE, "OTHER", result(MISTYPED), "hand")

    with ThreadPoolExecutor(4) as desks:
        list(desks.map(act, range(8)))
    standing = rows(ready, "SELECT stay_no, total_fen FROM settlement WHERE recalled_at IS NULL")
    kept_now = [(stay_no, fen) for _, stay_no, fen, _ in kept(ready)]
    assert standing in ([], kept_now)

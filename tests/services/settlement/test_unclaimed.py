"""What nobody was there to take, and a discharge that is taken back after it was settled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.refunds import Claimant, usual_rest
from hospital_prepay.domain.rules.settlement.settling import Rest, SettlementKind
from hospital_prepay.domain.visits import Disposition, VisitEventKind
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.inpatient.stays import Placement, RegisterStay, register_stay
from hospital_prepay.services.settlement.arrivals import BankAccount
from hospital_prepay.services.settlement.board import Chosen, board, discharges_of
from hospital_prepay.services.settlement.by_hand import WrittenDown, write_down
from hospital_prepay.services.settlement.progress import Seen, pass_on
from hospital_prepay.services.settlement.recalls import ask_recall, decide_recall, waiting_recalls
from hospital_prepay.services.settlement.unclaimed import (
    PAPERS,
    Claim,
    Papers,
    claim,
    decide_claim,
    papers_of,
    waiting_claims,
)
from tests.hospital import ADMITTED, CASHIER, CASHIER_2, INSTITUTION, OFFICER, Hospital, actor, require_named
from tests.services.settlement.test_settling import (
    AT,
    AUDIT,
    INSURANCE,
    NO,
    WARD,
    balances,
    collect,
    command,
    hand_over,
    result,
    settled,
    slips,
)

CERTIFICATE = "11010519491231002X"
OWN = Papers("吴桂兰", PAPERS[0], CERTIFICATE)
HEIR = Papers("吴小明", PAPERS[2], "2026-黔岭-0033")
HELD = f"23050103:{NO}"


@pytest.fixture
def ready(hospital: Hospital) -> Iterator[Hospital]:
    """A stay with 2,000.00 in cash, discharged and with the cashier; 300.00 are left of it."""
    placement = Placement("J15.900", "细菌性肺炎", "resident")
    register_stay(hospital.context, CASHIER, RegisterStay(NO, "吴桂兰", placement, ADMITTED, certificate=CERTIFICATE))
    collect(hospital, "2000.00", Tender.CASH)
    hand_over(hospital)
    yield hospital
    require_named(hospital)


def heir(**changes: Any) -> Claim:
    return replace(Claim(NO, Claimant.HEIR, "儿子", HEIR, Tender.CASH, "claim-00001"), **changes)


def patient(**changes: Any) -> Claim:
    return replace(Claim(NO, Claimant.PATIENT, "本人", OWN, Tender.CASH, "claim-00001"), **changes)


def left(hospital: Hospital) -> list[tuple[str, int]]:
    return [(one.state, one.held_fen) for one in waiting_claims(hospital.context, OFFICER)]


@pytest.mark.clause("guizhou-deposit-2025/19")
def test_what_nobody_takes_lies_with_the_stay_and_holds_no_clock(ready: Hospital) -> None:
    answer = settled(ready, rest=Rest.LEFT)
    assert (answer.applied, answer.given_back, answer.left) == (Money(170_000), Money(0), Money(30_000))
    assert "留着待领" in answer.decision.reasons[-1].message
    assert balances(ready)[HELD] == -30_000
    assert left(ready) == [("waiting", 30_000)]
    assert board(ready.context, OFFICER, Chosen()).number == 0
    assert settled(ready, rest=Rest.LEFT) == answer


def test_the_patient_gets_it_at_once_once(ready: Hospital) -> None:
    settled(ready, rest=Rest.LEFT)
    number = claim(ready.context, CASHIER, patient())
    assert number
    assert claim(ready.context, CASHIER, patient()) == number
    assert slips(ready)[-1] == ("return", "cash", "", 30_000)
    assert HELD not in balances(ready)
    with pytest.raises(NotFound):
        claim(ready.context, CASHIER, patient(idempotency_key="claim-00002"))
    assert left(ready) == []


def test_an_heir_gets_it_by_two_people_on_the_slip_of_who_took_the_papers(ready: Hospital) -> None:
    settled(ready, rest=Rest.LEFT)
    assert claim(ready.context, CASHIER_2, heir()) is None
    assert left(ready) == [("asked", 30_000)]
    with pytest.raises(Conflict):
        claim(ready.context, CASHIER, heir(idempotency_key="claim-00002"))
    with pytest.raises(NotPermitted):
        decide_claim(ready.context, CASHIER, NO, 1, approve=True)
    both = replace(OFFICER, actor_id=CASHIER_2.actor_id)
    with pytest.raises(SecondPersonRequired):
        decide_claim(ready.context, both, NO, 1, approve=True)
    assert decide_claim(ready.context, OFFICER, NO, 1, approve=True)
    who = f"issued_by = '{CASHIER_2.actor_id}' AND approved_by = '{OFFICER.actor_id}'"
    assert ready.count("receipt", f"kind = 'return' AND ground LIKE '%儿子%' AND {who}") == 1
    with pytest.raises(NotFound):
        decide_claim(ready.context, OFFICER, NO, 1, approve=True)


def test_an_heir_turned_away_leaves_it_for_the_next(ready: Hospital) -> None:
    settled(ready, rest=Rest.LEFT)
    claim(ready.context, CASHIER, heir())
    with pytest.raises(MalformedInput):
        decide_claim(ready.context, OFFICER, NO, 1, approve=False)
    decide_claim(ready.context, OFFICER, NO, 1, approve=False, ground="公证书不全")
    assert left(ready) == [("waiting", 30_000)]
    account = BankAccount("贵阳银行", "6228480402564890018")
    claim(ready.context, CASHIER, heir(idempotency_key="claim-00002", tender=Tender.TRANSFER, account=account))
    decide_claim(ready.context, OFFICER, NO, 2, approve=True)
    assert slips(ready)[-1] == ("return", "transfer", "", 30_000)
    assert ready.count("refund_arrival", "state = 'sent'") == 1  # by transfer it is on its way


def test_who_came_is_kept_encrypted(ready: Hospital) -> None:
    settled(ready, rest=Rest.LEFT)
    claim(ready.context, CASHIER, heir())
    [one] = waiting_claims(ready.context, OFFICER)
    assert one.claimant_enc
    assert HEIR.name not in one.claimant_enc
    assert papers_of(ready.context, INSTITUTION, one.claimant_enc) == (HEIR, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"relation": " "},
        {"papers": replace(OWN, name="")},
        {"papers": replace(OWN, paper_no="")},
        {"papers": replace(OWN, paper_kind="工作证")},
        {"papers": replace(OWN, paper_no="11010519491231003X")},
        {"tender": Tender.WECHAT},
        {"tender": Tender.TRANSFER},
    ],
)
def test_papers_that_are_missing_or_not_the_patients_are_refused(ready: Hospital, changes: dict[str, Any]) -> None:
    settled(ready, rest=Rest.LEFT)
    with pytest.raises(MalformedInput):
        claim(ready.context, CASHIER, patient(**changes))
    assert left(ready) == [("waiting", 30_000)]


def test_the_dead_do_not_come_for_it(hospital: Hospital) -> None:
    hospital.admit()
    collect(hospital, "2000.00", Tender.CASH)
    write_down(hospital.context, CASHIER, WrittenDown(NO, VisitEventKind.DISCHARGE, AT, "", Disposition.DIED.value))
    for step, who in enumerate((WARD, AUDIT, INSURANCE)):
        pass_on(hospital.context, who, Seen(NO, step))
    settled(hospital, rest=Rest.LEFT)
    with pytest.raises(MalformedInput, match="登记的是死亡"):
        claim(hospital.context, CASHIER, patient())
    assert (usual_rest("5"), usual_rest("4"), usual_rest("1"), usual_rest("2"), usual_rest("")) == (
        Rest.LEFT,
        Rest.LEFT,
        Rest.BACK,
        Rest.BACK,
        Rest.BACK,
    )


def test_a_recall_takes_what_was_left_into_the_new_settlement(ready: Hospital) -> None:
    settled(ready, rest=Rest.LEFT)
    claim(ready.context, CASHIER, heir())
    ask_recall(ready.context, CASHIER, NO, 1, "改项目")
    decide_recall(ready.context, OFFICER, NO, 1, approve=True)
    assert left(ready) == []
    assert balances(ready) == {HELD: -200_000, "1001": 200_000}
    again = settled(ready, result=result(setl_id="S2"), idempotency_key="k2")
    assert again.given_back == Money(30_000)


def test_several_windows_give_it_out_once(ready: Hospital) -> None:
    settled(ready, rest=Rest.LEFT)

    def press(number: int) -> str | None:
        who = CASHIER if number % 2 else CASHIER_2
        try:
            return claim(ready.context, who, patient(idempotency_key=f"claim-{number % 3:05}"))
        except (Conflict, NotFound):
            return None

    with ThreadPoolExecutor(6) as windows:
        list(windows.map(press, range(9)))
    assert ready.count("receipt", "kind = 'return'") == 1
    assert HELD not in balances(ready)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE unclaimed_deposit SET state = 'waiting'",
        "UPDATE unclaimed_deposit SET relation = '本人'",
        "UPDATE unclaimed_deposit SET claimant = 'patient'",
        "UPDATE unclaimed_deposit SET state = 'paid', decided_by = asked_by, decided_at = asked_at, book = 'A01',"
        " serial = 1",
        "UPDATE unclaimed_deposit SET state = 'paid', decided_by = 'finance_officer-1', decided_at = asked_at,"
        " book = 'A01', serial = 1",
        "DELETE FROM unclaimed_deposit",
        "INSERT INTO unclaimed_deposit (institution_id, stay_no, turn_no, since, noted_by, state) SELECT"
        " institution_id, stay_no, 2, since, noted_by, 'waiting' FROM unclaimed_deposit",
    ],
)
def test_raw_sql_gives_nothing_out(ready: Hospital, database: Database, statement: str) -> None:
    settled(ready, rest=Rest.LEFT)
    claim(ready.context, CASHIER, heir())
    with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
        assert connection.execute(sa.text(statement)).rowcount > 0


def test_a_fault_at_any_statement_leaves_all_or_nothing(
    ready: Hospital, broken: Callable[[int, Callable[[], object]], bool]
) -> None:
    settled(ready, rest=Rest.LEFT)
    claim(ready.context, CASHIER, heir())
    for number in range(1, 40):
        if broken(number, lambda: decide_claim(ready.context, OFFICER, NO, 1, approve=True)):
            break
        assert (left(ready), balances(ready)[HELD]) == ([("asked", 30_000)], -30_000), number
    assert number > 2
    assert left(ready) == []


def cancel(hospital: Hospital, clock: FixedClock) -> None:
    clock.moment += timedelta(minutes=1)
    write_down(hospital.context, CASHIER, WrittenDown(NO, VisitEventKind.CANCEL_DISCHARGE, AT))


def discharge_anew(hospital: Hospital, clock: FixedClock) -> None:
    clock.moment += timedelta(minutes=1)
    write_down(hospital.context, CASHIER, WrittenDown(NO, VisitEventKind.DISCHARGE, AT.replace(minute=45)))
    for step, who in enumerate((WARD, AUDIT, INSURANCE)):
        pass_on(hospital.context, who, Seen(NO, step))


def test_a_discharge_taken_back_after_it_was_settled_is_to_be_recalled(ready: Hospital, clock: FixedClock) -> None:
    settled(ready)
    cancel(ready, clock)
    waiting = waiting_recalls(ready.context, OFFICER)
    assert ([one.number for one in waiting.to_ask], waiting.asked) == ([f"{NO}-1"], ())
    assert waiting.patients == {NO: "吴桂兰"}
    # Discharged anew, its costs can't be settled beside the old document.
    discharge_anew(ready, clock)
    second = {"result": result(setl_id="S2"), "idempotency_key": "k2"}
    answer = settled(ready, **second)
    assert [one.code for one in answer.decision.reasons] == ["earlier_settlement"]
    ask_recall(ready.context, CASHIER, NO, 1, "出院取消")
    waiting = waiting_recalls(ready.context, OFFICER)
    assert ([one.number for one in waiting.asked], waiting.to_ask) == ([f"{NO}-1"], ())
    decide_recall(ready.context, OFFICER, NO, 1, approve=True)
    assert waiting_recalls(ready.context, OFFICER).asked == ()
    answer = settled(ready, **{**second, "idempotency_key": "k3"})
    assert answer.number == f"{NO}-2"
    assert discharges_of(ready.context, OFFICER, NO).records[0].row.settled_at is not None
    assert balances(ready)["121201"] == -500_000


def test_nor_is_a_part_of_the_stay_settled_while_the_old_document_stands(ready: Hospital, clock: FixedClock) -> None:
    settled(ready)
    cancel(ready, clock)
    answer = settled(ready, kind=SettlementKind.INTERIM, result=result(setl_id="S2"), idempotency_key="k2")
    assert [one.code for one in answer.decision.reasons] == ["earlier_settlement"]


def test_raw_sql_settles_no_second_discharge_of_a_stay(
    ready: Hospital, database: Database, clock: FixedClock
) -> None:
    settled(ready)
    cancel(ready, clock)
    discharge_anew(ready, clock)
    text = (
        "INSERT INTO settlement (institution_id, stay_no, settlement_no, kind, discharged_at, total_fen, fund_fen,"
        " account_fen, cash_fen, hospital_fen, held_fen, applied_fen, shortfall_fen, channel, decision_id,"
        " settled_by, settled_at) SELECT s.institution_id, s.stay_no, 2, 'no_charge', d.discharged_at, 0, 0, 0, 0, 0,"
        " 0, 0, 0, 'window', s.decision_id, s.settled_by, s.settled_at FROM settlement s JOIN discharge d"
        " ON d.stay_no = s.stay_no AND d.ended_at IS NULL"
    )
    with pytest.raises(sa.exc.DBAPIError, match="uq_settlement__standing"), database.writing() as connection:
        connection.execute(sa.text(text))


def test_only_those_who_settle_or_look_may_see_and_do(ready: Hospital) -> None:
    settled(ready, rest=Rest.LEFT)
    with pytest.raises(NotPermitted):
        claim(ready.context, OFFICER, heir())
    with pytest.raises(NotPermitted):
        waiting_claims(ready.context, actor(Role.SYSTEM_ADMINISTRATOR))
    assert command().rest is Rest.BACK

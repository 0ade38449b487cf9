"""A ground of recall: what it stops, by when the money is due, how it ends; on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.decision import Outcome
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted, PrepayError, SecondPersonRequired
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence import fund_recalls as store
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.fund_recalls import RecallState
from hospital_prepay.persistence.models.fund_recall import FundRecall
from hospital_prepay.persistence.models.publication import Institution
from hospital_prepay.services.compliance.replay import replay_decisions
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund import grants, recall, recall_review, returns, review, spending
from hospital_prepay.settings import Settings
from tests.funding import GOOD, MILLION_YUAN
from tests.hospital import INSTITUTION, Hospital, open_hospital
from tests.services.fund.conftest import APPROVER, HEAD, OFFICER, PAYER, Year, line

M = MILLION_YUAN
PLACES = ("weihai-prepay-2025", "xizang-prepay-2024", "zhejiang-prepay-2025")


def call_back(year: Year, ground: int | None = 4, **changes: Any) -> str:
    given = {"what": "账户被法院保全", "since_on": date(2026, 1, 12), "document": "（2026）浙01执1号", **changes}
    command = recall.RecordRecall(year.regime, ground, idempotency_key=year.key, **given)
    answer = recall.record_recall(year.hospital.context, OFFICER, command)
    assert answer.recall_id is not None
    return answer.recall_id


def standing(year: Year) -> list[RecallState]:
    with year.hospital.context.database.reading() as connection:
        return store.all_standing(connection, INSTITUTION, year.regime)


def lift(year: Year, recall_id: str, who: Any = APPROVER, ground: str = "保全已解除") -> RecallState:
    command = recall.LiftRecall(recall_id, ground, "（2026）浙01执2号")
    return recall.lift_recall(year.hospital.context, who, command)


def test_a_standing_ground_stops_every_step_of_spending_and_lifting_lets_it_go_on(year: Year) -> None:
    year.arrived()
    reserved, agreed = year.reserve(line(100)), year.ask(line(200)).request_id
    spending.agree_request(year.hospital.context, HEAD, agreed)
    recall_id = call_back(year)
    answer = year.ask(line(300))
    assert answer.decision.outcome is Outcome.REFUSED
    assert next(reason for reason in answer.decision.reasons if reason.code == "recall_stands").clause is None
    assert answer.decision.facts["recall_clause"] == "zhejiang-prepay-2025/4.3.4"
    preview = review.preview_payment(year.hospital.context, OFFICER, year.grant_id, (line(300),))
    assert preview.outcome is Outcome.REFUSED
    with pytest.raises(Conflict, match=r"本院规定.*所依据的情形.*没有预留"):
        spending.reserve_request(year.hospital.context, APPROVER, agreed)
    with pytest.raises(Conflict, match="本次没有付款"):
        year.pay(reserved)
    assert year.standing == (M - 100, 100, M)
    lift(year, recall_id)
    assert year.pay(reserved).state == "paid"
    assert replay_decisions(year.hospital.context.database).first is None


def test_where_nothing_is_owed_nothing_is_due_by_any_day_and_the_ground_can_be_lifted(
    hospital: Hospital, clock: FixedClock
) -> None:
    year = Year(hospital, "xizang-prepay-2024").arrived()
    year.give_back(M)
    recall_id = call_back(year)
    urge = recall.UrgeRecall(recall_id, date(2026, 1, 15), "藏医保函〔2026〕1号")
    recall.urge_recall(hospital.context, OFFICER, urge)
    found = recall_review.read_recall(hospital.context, OFFICER, recall_id)
    codes = [reason.code for reason in found.decision.reasons]
    assert codes == ["ground", "nothing_is_due", "spending_stops"]
    assert not found.decision.amount
    assert lift(year, recall_id).state == "lifted"
    assert replay_decisions(hospital.context.database).first is None


def test_money_can_still_be_given_back_and_the_last_fen_ends_the_recall(year: Year) -> None:
    year.arrived()
    request_id = year.reserve(line(100))
    recall_id = call_back(year)
    spending.release_request(year.hospital.context, PAYER, request_id, "收回")
    year.offset(60_000_000, 60_000_000)
    assert [one.recall_id for one in standing(year)] == [recall_id]
    year.give_back(M - 60_000_000)
    assert standing(year) == []
    found = recall_review.read_recall(year.hospital.context, OFFICER, recall_id).recall
    assert (found.state, found.ended_by) == ("returned", OFFICER.actor_id)


@pytest.mark.parametrize(("regime", "withheld"), [(PLACES[0], False), (PLACES[1], True), (PLACES[2], True)])
@pytest.mark.clause("xizang-prepay-2024/6", "zhejiang-prepay-2025/4", "zhejiang-prepay-2025/4.3")
def test_what_is_not_paid_out_is_withheld_where_the_notice_says_so(
    hospital: Hospital, regime: str, withheld: bool
) -> None:
    year = Year(hospital, regime)
    year.apply()
    year.approve()
    recall_id = call_back(year)
    grant = grants.find_grant(hospital.context, OFFICER, year.grant_id)
    assert grant.state == ("withheld" if withheld else "approved")
    if withheld:
        let_go = (hospital.context, APPROVER, year.grant_id, "恢复拨付")
        with pytest.raises(Conflict, match="收回情形还没有办结"):
            grants.withhold_grant(*let_go, withheld=False)
        lift(year, recall_id)
        assert grants.withhold_grant(*let_go, withheld=False).state == "approved"
    assert year.receive().state == "received"


def test_what_is_approved_while_a_ground_stands_is_withheld_at_once(year: Year) -> None:
    year.apply()
    call_back(year)
    assert year.approve().state == "withheld"


def test_whoever_recorded_a_ground_does_not_lift_it(year: Year) -> None:
    year.arrived()
    recall_id = call_back(year)
    both = replace(OFFICER, roles=frozenset({Role.FINANCE_OFFICER, Role.FINANCE_APPROVER}))
    with pytest.raises(SecondPersonRequired):
        lift(year, recall_id, both)
    with pytest.raises(NotPermitted):
        lift(year, recall_id, PAYER)
    with pytest.raises(MalformedInput, match="为什么解除"):
        lift(year, recall_id, ground=" ")
    assert lift(year, recall_id).state == "lifted"
    with pytest.raises(Conflict, match="已经办结"):
        lift(year, recall_id)


def test_a_ground_is_recorded_once_with_evidence_and_never_ahead(year: Year) -> None:
    year.arrived()
    for changes, field in (
        ({"what": " "}, "what"),
        ({"document": ""}, "document"),
        ({"since_on": date(2026, 1, 16)}, "since_on"),
    ):
        with pytest.raises(MalformedInput) as caught:
            call_back(year, **changes)
        assert caught.value.details["field"] == field
    with pytest.raises(MalformedInput, match="列出的情形"):
        call_back(year, None)
    with pytest.raises(MalformedInput, match="列出的情形"):
        call_back(year, 10)
    call_back(year)
    with pytest.raises(Conflict, match="已经登记"):
        call_back(year)
    assert len(standing(year)) == 1


def test_a_ground_for_public_hospitals_does_not_bind_a_private_one(year: Year) -> None:
    year.arrived()
    with year.hospital.context.database.writing() as connection:
        connection.execute(sa.update(Institution).values(ownership="private"))
    command = recall.RecordRecall(year.regime, 8, "平台外采购", date(2026, 1, 12), "通报", year.key)
    answer = recall.record_recall(year.hospital.context, OFFICER, command)
    assert (answer.recall_id, answer.decision.outcome) == (None, Outcome.REFUSED)
    assert standing(year) == []
    assert year.hospital.count("decision", "rule = 'fund.recall' AND outcome = 'refused'") == 1


def test_henan_is_called_back_by_the_agreement_alone(hospital: Hospital) -> None:
    year = Year(hospital, "henan-settlement-2023").arrived()
    with pytest.raises(MalformedInput, match="没有写收回情形"):
        call_back(year, 4)
    recall_id = call_back(year, None)
    found = recall_review.read_recall(hospital.context, OFFICER, recall_id)
    assert found.decision.clauses == ()
    assert found.recall.clause == ""
    answer = year.ask(line(100))
    assert answer.decision.outcome is Outcome.REFUSED
    assert answer.decision.facts["recall_clause"] == ""


@pytest.mark.clause("xizang-prepay-2024/7")
def test_the_clock_of_five_working_days_runs_from_the_day_of_urging(hospital: Hospital, clock: FixedClock) -> None:
    year = Year(hospital, "xizang-prepay-2024").arrived()
    recall_id = call_back(year)
    urge = recall.UrgeRecall(recall_id, date(2026, 1, 16), "藏医保函〔2026〕1号")
    with pytest.raises(MalformedInput, match="还没有到"):
        recall.urge_recall(hospital.context, OFFICER, urge)
    with pytest.raises(MalformedInput, match="不能早于"):
        recall.urge_recall(hospital.context, OFFICER, replace(urge, urged_on=date(2026, 1, 11)))
    clock.moment += timedelta(days=1)
    assert recall.urge_recall(hospital.context, OFFICER, urge).facts["due_on"] == "2026-01-23"
    with pytest.raises(Conflict):
        recall.urge_recall(hospital.context, OFFICER, urge)
    outlook = recall_review.outlook(hospital.context, OFFICER, year.grant_id, own_cash=Money(1))
    assert outlook is not None
    assert (outlook.forecast.clear_on, outlook.forecast.offsets) == (date(2026, 1, 23), Money(0))


def test_a_term_that_needs_an_unannounced_year_is_provisional(hospital: Hospital, clock: FixedClock) -> None:
    year = Year(hospital, "xizang-prepay-2024").arrived()
    recall_id = call_back(year)
    clock.moment = datetime(2026, 12, 30, 9, 0, tzinfo=SHANGHAI)
    command = recall.UrgeRecall(recall_id, date(2026, 12, 30), "藏医保函〔2026〕9号")
    decision = recall.urge_recall(hospital.context, OFFICER, command)
    assert (decision.facts["due_on"], decision.facts["expected_on"]) == (None, "2027-01-06")
    assert any("估计 2027-01-06" in reason.message for reason in decision.reasons)


def test_a_deregistered_hospital_applies_no_more_until_the_ground_is_lifted(year: Year) -> None:
    year.arrived()
    recall_id = call_back(year, 3)
    answer = year.apply(Fund.RESIDENT)
    assert {reason.code for reason in answer.decision.reasons} == {"deregistered"}
    year.give_back(M)
    assert year.apply(Fund.RESIDENT).decision.outcome is Outcome.REFUSED
    other = Year(year.hospital, keys=50)
    other.apply(Fund.RESIDENT)
    assert other.grant_id == ""
    assert standing(year) == []
    assert recall_review.read_recall(year.hospital.context, OFFICER, recall_id).recall.state == "returned"


@pytest.mark.parametrize(
    ("regime", "late"), [("xizang-prepay-2024", date(2026, 12, 11)), ("zhejiang-prepay-2025", date(2026, 12, 16))]
)
@pytest.mark.parametrize("minutes", [-1, 0])
@pytest.mark.parametrize("by_bank", [True, False])
@pytest.mark.clause("xizang-prepay-2024/5.4", "zhejiang-prepay-2025/3.4")
def test_a_year_cleared_after_midnight_of_its_day_bars_the_next(
    hospital: Hospital, clock: FixedClock, regime: str, late: date, minutes: int, by_bank: bool
) -> None:
    year = Year(hospital, regime).arrived()
    midnight = datetime(late.year, late.month, late.day, tzinfo=SHANGHAI)
    clock.moment = midnight + timedelta(minutes=minutes)
    if by_bank:
        year.give_back(M)
    else:
        year.offset(M, M)
    clock.moment = datetime(2027, 1, 5, 9, 0, tzinfo=SHANGHAI)
    following = Year(hospital, regime, year=2027, keys=50)
    # The officer's word goes the other way each time: it is the books that count.
    answer = following.apply(institution=replace(GOOD, cleared_last_year=minutes == 0))
    assert answer.decision.permitted is (minutes < 0)
    codes = {reason.code for reason in answer.decision.reasons}
    assert ("cleared_last_year" in codes) is (minutes == 0)


def test_the_banks_value_day_counts_when_it_is_booked_later(hospital: Hospital, clock: FixedClock) -> None:
    year = Year(hospital).arrived()
    clock.moment = datetime(2026, 12, 16, 9, 0, tzinfo=SHANGHAI)
    command = year.return_command(M, returned_on=date(2026, 12, 15))
    year.send_back(command)
    assert Year(hospital, year=2027, keys=50).apply().decision.permitted


def test_a_year_that_is_not_cleared_bars_and_without_books_the_officers_word_counts(
    year: Year, clock: FixedClock
) -> None:
    assert year.apply(institution=replace(GOOD, cleared_last_year=False)).decision.outcome is Outcome.REFUSED
    year.arrived()
    clock.moment = datetime(2026, 12, 16, 9, 0, tzinfo=SHANGHAI)
    assert Year(year.hospital, year=2027, keys=50).apply().decision.outcome is Outcome.REFUSED
    weihai = Year(year.hospital, "weihai-prepay-2025", keys=60).arrived()
    assert Year(weihai.hospital, weihai.regime, year=2027, keys=70).apply().decision.permitted


def test_a_bank_slip_is_booked_once_and_never_ahead(year: Year) -> None:
    year.arrived()
    command = year.return_command(100)
    year.send_back(command)
    with pytest.raises(Conflict, match="回单已经记过"):
        year.send_back(replace(command, idempotency_key="another-key"))
    with pytest.raises(MalformedInput, match="还没有到") as caught:
        year.send_back(replace(command, idempotency_key="k2", bank_reference="X", returned_on=date(2026, 1, 16)))
    assert caught.value.details["field"] == "returned_on"
    first, second = year.reserve(line(100)), year.reserve(line(100))
    year.pay(first)
    with pytest.raises(Conflict, match="回单已经记过"):
        spending.pay_request(year.hospital.context, PAYER, spending.PayRequest(second, f"B-9-{first}", year.key))
    assert year.standing == (M - 300, 100, M - 100)
    spending.bounce_payment(year.hospital.context, PAYER, first, "账号有误")
    with year.hospital.context.database.reading() as connection:
        kinds = sorted(one.kind for one in store.slips(connection, INSTITUTION).values())
    assert kinds == ["fund_payment", "fund_payment_bounced", "fund_receipt", "fund_return"]


def together(*acts: Callable[[], object]) -> list[BaseException]:
    start, raised = threading.Barrier(len(acts)), list[BaseException]()

    def run(act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return raised


def test_two_people_clearing_at_once_clear_once_and_end_the_recall(year: Year) -> None:
    year.arrived()
    other = Year(year.hospital, keys=50)
    other.apply(Fund.RESIDENT)
    other.approve()
    other.receive()
    recall_id = call_back(year)
    commands = [one.return_command(M) for one in (year, year, other, other)]
    raised = together(*(lambda command=command: year.send_back(command) for command in commands))
    assert len(raised) == 2
    assert all(isinstance(error, PrepayError) for error in raised)
    assert year.standing == other.standing == (0, 0, 0)
    assert standing(year) == []
    assert recall_review.read_recall(year.hospital.context, OFFICER, recall_id).recall.state == "returned"


@pytest.mark.postgres
def test_whoever_clears_second_sees_what_the_first_cleared(
    postgres_database: Database, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.from_environment({"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": str(tmp_path)})
    year = Year(open_hospital(Context(settings, postgres_database, clock))).arrived()
    other = Year(year.hospital, keys=50)
    other.apply(Fund.RESIDENT)
    other.approve()
    other.receive()
    call_back(year)
    both_cleared, end = threading.Barrier(2), recall.end_returned

    def ended(work: Any, regime: str) -> list[str]:
        both_cleared.wait(30)
        return end(work, regime)

    monkeypatch.setattr(returns, "end_returned", ended)
    commands = [one.return_command(M) for one in (year, other)]
    assert together(*(lambda command=command: year.send_back(command) for command in commands)) == []
    assert standing(year) == []


def raw(year: Year, table: Any, where: Any, **values: Any) -> None:
    with year.hospital.context.database.writing() as connection:
        connection.execute(sa.update(table).where(where).values(**values))


@pytest.mark.parametrize(
    "step",
    [
        {"state": "returned", "ended_by": "x"},
        {"state": "lifted", "ended_by": OFFICER.actor_id, "ended_ground": "x", "ended_document": "x"},
        {"state": "lifted", "ended_by": "x", "ended_ground": "", "ended_document": "x"},
        {
            "state": "lifted",
            "ended_by": "x",
            "ended_ground": "x",
            "ended_document": "x",
            "urged_on": date(2026, 1, 1),
        },
        {"regime": "xizang-prepay-2024"},
        {"state": None},
    ],
)
def test_no_ground_is_ended_or_changed_by_raw_sql_otherwise(year: Year, step: dict[str, Any]) -> None:
    year.arrived()
    recall_id = call_back(year)
    ended = {"ended_at": year.hospital.context.clock.now()} if "ended_by" in step else {}
    with pytest.raises(sa.exc.DBAPIError):
        raw(year, FundRecall, FundRecall.recall_id == recall_id, **step, **ended)
    with pytest.raises(sa.exc.DBAPIError), year.hospital.context.database.writing() as connection:
        connection.execute(sa.delete(FundRecall))
    assert len(standing(year)) == 1


def test_nobody_is_paid_by_raw_sql_while_a_ground_stands(year: Year, monkeypatch: pytest.MonkeyPatch) -> None:
    year.arrived()
    reserved, agreed = year.reserve(line(100)), year.ask(line(200)).request_id
    spending.agree_request(year.hospital.context, HEAD, agreed)
    call_back(year)
    # A program that forgot to ask: the database alone stands in the way.
    for step in ("approving", "paying"):
        monkeypatch.setattr(f"{spending.__name__}.{step}.require_no_recall", lambda *_: None)
    with pytest.raises(Conflict, match="已登记收回情形，预付金暂停付款"):
        year.pay(reserved)
    with pytest.raises(Conflict, match="现在不能办"):
        spending.reserve_request(year.hospital.context, APPROVER, agreed)
    assert year.standing == (M - 100, 100, M)
    assert year.hospital.count("ledger_entry", "kind = 'fund_payment'") == 0


def test_a_ground_of_another_place_stops_nothing_here(year: Year) -> None:
    year.arrived()
    request_id = year.reserve(line(100))
    other = Year(year.hospital, "weihai-prepay-2025", keys=50)
    call_back(other)
    assert year.pay(request_id).state == "paid"


def test_one_key_records_one_ground(year: Year) -> None:
    year.arrived()
    command = recall.RecordRecall(year.regime, 4, "保全", date(2026, 1, 12), "文号", "one-key-only")
    one = recall.record_recall(year.hospital.context, OFFICER, command)
    assert recall.record_recall(year.hospital.context, OFFICER, command).recall_id == one.recall_id
    assert len(standing(year)) == 1

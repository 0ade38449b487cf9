"""A year of the restricted fund, from application to zero, on both databases."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.decision import Outcome
from hospital_prepay.domain.errors import (
    Conflict,
    InsufficientFund,
    MalformedInput,
    NotPermitted,
    ReusedKey,
    SecondPersonRequired,
)
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.funds import RequestState
from hospital_prepay.rulebook.regime_file import CATEGORIES
from hospital_prepay.services.compliance.replay import replay_decisions
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund import grants, offsets, returns, spending
from hospital_prepay.services.ledger.seals import seal_ledger, verify_ledger
from hospital_prepay.settings import Settings
from tests.funding import GOOD, MILLION_YUAN
from tests.hospital import Hospital, actor, open_hospital
from tests.services.fund.conftest import APPROVER, HEAD, OFFICER, PAYER, Year, line

M = MILLION_YUAN
GREY = ("reagent", "blood", "oxygen", "outsourced_test", "supplier_arrears")
MEDICAL = ("drug", "consumable")


@pytest.mark.parametrize("regime", ["weihai-prepay-2025", "xizang-prepay-2024", "zhejiang-prepay-2025"])
@pytest.mark.clause("weihai-prepay-2025/2.3", "xizang-prepay-2024/5.4", "zhejiang-prepay-2025/3.4")
def test_a_year_goes_from_application_to_zero(hospital: Hospital, regime: str) -> None:
    year = Year(hospital, regime)
    year.arrived()
    assert year.standing == (M, 0, M)
    first = year.reserve(line(30_000_000))
    second = year.reserve(line(20_000_000, category="consumable", code="C" + "1" * 26))
    assert year.standing == (M - 50_000_000, 50_000_000, M)
    year.pay(first)
    year.pay(second)
    assert year.standing == (50_000_000, 0, M)
    year.offset(60_000_000, 40_000_000)
    assert year.standing == (10_000_000, 0, 60_000_000)
    assert year.give_back(60_000_000).state == "cleared"
    assert year.standing == (0, 0, 0)
    context = year.hospital.context
    seal_ledger(context.database, context.settings.data_dir, context.clock)
    assert verify_ledger(context.database, context.settings.data_dir, context.clock).intact


def test_an_application_is_refused_with_every_condition_that_fails(year: Year) -> None:
    answer = year.apply(institution=replace(GOOD, sound_finance=False, debts_to_agency=True))
    assert answer.decision.outcome is Outcome.REFUSED
    assert answer.grant_id is None
    assert {"sound_finance", "no_debts_to_agency"} <= {reason.code for reason in answer.decision.reasons}
    assert year.apply(institution=replace(GOOD, assessment=None)).decision.outcome is Outcome.HELD
    assert year.apply(fen=2 * M + 1).decision.amount == Money(2 * M)
    assert year.apply(fen=2 * M).grant_id


def test_one_fund_has_one_application_a_year(year: Year) -> None:
    year.apply()
    with pytest.raises(Conflict, match="今年已经申请过"):
        year.apply()


@pytest.mark.clause(
    "xizang-prepay-2024/4",
    "xizang-prepay-2024/5.2",
    "zhejiang-prepay-2025/3.2",
)
def test_the_applicant_does_not_record_the_approval(year: Year) -> None:
    both = actor(Role.FINANCE_APPROVER, "1")
    year.apply()
    with pytest.raises(NotPermitted):
        year.approve(who=OFFICER)
    grant = grants.find_grant(year.hospital.context, OFFICER, year.grant_id)
    assert grant.state == "applied"
    assert year.approve(who=both).state == "approved"


def test_withheld_money_does_not_arrive(year: Year) -> None:
    year.apply()
    year.approve()
    grants.withhold_grant(year.hospital.context, APPROVER, year.grant_id, "省局通知", withheld=True)
    with pytest.raises(Conflict):
        year.receive()
    grants.withhold_grant(year.hospital.context, APPROVER, year.grant_id, "恢复拨付", withheld=False)
    assert year.receive(key="k").state == "received"
    assert year.receive(key="k").owed_fen == M
    with pytest.raises(Conflict):
        year.receive()


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("role", list(Role))
@pytest.mark.clause("weihai-prepay-2025/1", "xizang-prepay-2024/9", "zhejiang-prepay-2025/1")
def test_whoever_asks_a_forbidden_use_is_refused_for_good(sqlite_year: Year, role: Role, category: str) -> None:
    year, who = sqlite_year, actor(role)
    asks = role in (Role.FINANCE_OFFICER, Role.DEPARTMENT_HEAD)
    if not asks:
        with pytest.raises(NotPermitted):
            year.ask(line(100, category=category), who=who)
        return
    answer = year.ask(line(100, category=category), who=who)
    if category in MEDICAL + GREY:
        assert answer.decision.outcome is not Outcome.REFUSED
        return
    assert answer.decision.outcome is Outcome.REFUSED
    assert answer.decision.clauses
    for step in (
        lambda: spending.agree_request(
            year.hospital.context, actor(Role.DEPARTMENT_HEAD, "9"), answer.request_id, "x"
        ),
        lambda: spending.reserve_request(year.hospital.context, APPROVER, answer.request_id),
        lambda: year.pay(answer.request_id),
    ):
        with pytest.raises(Conflict):
            step()
    assert year.standing == (M, 0, M)
    request, lines = spending.find_request(year.hospital.context, OFFICER, answer.request_id)
    assert (request.state, lines[0].outcome) == ("refused", "refused")


@pytest.fixture
def sqlite_year(sqlite_database: Database, clock: FixedClock, tmp_path: Path) -> Year:
    """A grant that arrived, on SQLite: the matrix is long."""
    settings = Settings.from_environment({"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": str(tmp_path)})
    return Year(open_hospital(Context(settings, sqlite_database, clock))).arrived()


def test_a_mixed_request_must_be_split(year: Year) -> None:
    year.arrived()
    for other in ("payroll", "reagent"):
        answer = year.ask(line(100), line(100, category=other, code="", order_no=""))
        assert answer.decision.outcome is Outcome.REFUSED
        assert "mixed_request" in {reason.code for reason in answer.decision.reasons}


def test_a_grey_line_goes_on_with_a_ground_and_three_people(year: Year) -> None:
    year.arrived()
    answer = year.ask(line(100, category="reagent", code="", order_no=""))
    assert answer.decision.outcome is Outcome.HELD
    context = year.hospital.context
    with pytest.raises(MalformedInput, match="请写明理由"):
        spending.agree_request(context, HEAD, answer.request_id)
    spending.agree_request(context, HEAD, answer.request_id, "检验试剂，当月必需")
    spending.reserve_request(context, APPROVER, answer.request_id)
    assert year.pay(answer.request_id).state == "paid"


def test_every_step_takes_another_person(year: Year) -> None:
    year.arrived()
    context = year.hospital.context
    answer = year.ask(line(100), who=HEAD)
    with pytest.raises(SecondPersonRequired):
        spending.agree_request(context, HEAD, answer.request_id)
    all_roles = actor(Role.FINANCE_APPROVER, "9")
    spending.agree_request(context, actor(Role.DEPARTMENT_HEAD, "2"), answer.request_id)
    spending.reserve_request(context, all_roles, answer.request_id)
    same = type(all_roles)(all_roles.institution_id, all_roles.actor_id, "x", frozenset({Role.FINANCE_OFFICER}))
    with pytest.raises(SecondPersonRequired):
        year.pay(answer.request_id, who=same)
    assert year.pay(answer.request_id, who=PAYER).state == "paid"


def test_what_is_reserved_counts_against_what_is_left(year: Year) -> None:
    year.arrived()
    year.reserve(line(60_000_000))
    answer = year.ask(line(50_000_000))
    assert {reason.code for reason in answer.decision.reasons} >= {"more_than_left"}
    first, second = year.ask(line(40_000_000)), year.ask(line(40_000_000))
    for one in (first, second):
        spending.agree_request(year.hospital.context, HEAD, one.request_id)
    spending.reserve_request(year.hospital.context, APPROVER, first.request_id)
    with pytest.raises(InsufficientFund):
        spending.reserve_request(year.hospital.context, APPROVER, second.request_id)
    assert year.standing == (0, M, M)


def test_the_same_key_asks_and_pays_once(year: Year) -> None:
    year.arrived()
    one, two = year.ask(line(100), key="same"), year.ask(line(100), key="same")
    assert one.request_id == two.request_id
    with pytest.raises(ReusedKey):
        year.ask(line(200), key="same")
    request_id = year.reserve(line(100))
    assert year.pay(request_id, key="p").state == year.pay(request_id, key="p").state == "paid"
    with pytest.raises(Conflict):
        year.pay(request_id)
    assert year.standing == (M - 100, 0, M)


def test_a_reservation_that_runs_out_goes_back_by_itself(year: Year, clock: FixedClock) -> None:
    year.arrived()
    request_id = year.reserve(line(100))
    assert spending.release_expired(year.hospital.context, OFFICER) == []
    clock.moment += timedelta(days=15)
    assert spending.release_expired(year.hospital.context, OFFICER) == [request_id]
    assert spending.release_expired(year.hospital.context, OFFICER) == []
    assert year.standing == (M, 0, M)
    with pytest.raises(Conflict):
        year.pay(request_id)


def test_a_reservation_that_ran_out_pays_nothing_before_the_daily_step_either(year: Year, clock: FixedClock) -> None:
    year.arrived()
    request_id = year.reserve(line(100))
    clock.moment += timedelta(days=15)
    with pytest.raises(Conflict, match="预留已经到期，不能付款。请财务退回预留"):
        year.pay(request_id)
    assert year.standing == (M - 100, 100, M)
    clock.moment -= timedelta(microseconds=1)
    assert year.pay(request_id).state == "paid"


def test_a_payment_that_bounces_comes_back_in_red(year: Year) -> None:
    year.arrived()
    request_id = year.reserve(line(60_000_000))
    year.pay(request_id)
    year.offset(80_000_000, 80_000_000)
    assert year.standing == (0, 0, 20_000_000)
    state = spending.bounce_payment(year.hospital.context, PAYER, request_id, "账号有误")
    assert state.state == "released"
    assert year.standing == (20_000_000, 0, 20_000_000)
    with pytest.raises(Conflict):
        spending.bounce_payment(year.hospital.context, PAYER, request_id, "账号有误")


def test_a_payment_may_bounce_after_its_invoices_were_recorded(year: Year) -> None:
    year.arrived()
    request_id = year.reserve(line(60_000_000))
    year.pay(request_id)
    proof = spending.RecordEvidence(request_id, 1, "FP-1", Money(60_000_000))
    assert spending.record_evidence(year.hospital.context, PAYER, proof).state == "evidenced"
    assert spending.bounce_payment(year.hospital.context, PAYER, request_id, "户名不符").state == "released"
    assert year.standing == (MILLION_YUAN, 0, MILLION_YUAN)


def test_nothing_happened_before_what_it_follows(year: Year) -> None:
    year.arrived()
    request_id, context = year.reserve(line(100)), year.hospital.context
    early = date(2026, 1, 14)
    give_back = returns.ReturnGrant(year.grant_id, Money(1), "B-8", "k", early)
    for attempt in (
        lambda: spending.pay_request(context, PAYER, spending.PayRequest(request_id, "B-7", "k-early", early)),
        lambda: returns.return_grant(context, OFFICER, give_back),
    ):
        with pytest.raises(MalformedInput, match="早于"):
            attempt()
    assert year.standing == (MILLION_YUAN - 100, 100, MILLION_YUAN)


def test_a_slip_number_has_letters_or_digits(year: Year) -> None:
    year.arrived()
    command = returns.ReturnGrant(year.grant_id, Money(100), "——", "return-dash")
    with pytest.raises(MalformedInput, match="没有数字或字母"):
        returns.return_grant(year.hospital.context, OFFICER, command)
    assert year.standing[2] == MILLION_YUAN


def test_one_settlement_is_offset_once_and_one_slip_booked_once_however_it_is_spelled(year: Year) -> None:
    year.arrived()
    context = year.hospital.context
    for number, document in enumerate(("JS-1", "js 1", "ＪＳ－1")):
        with pytest.raises(Conflict, match="已经登记冲抵过") if number else nullcontext():
            offset_id = year.record_offset(100, 50, document=document)
            offsets.decide_offset(context, APPROVER, offset_id, confirmed=True)
    for number, slip in enumerate(("W1", "w1", "Ｗ-1")):
        command = returns.ReturnGrant(year.grant_id, Money(100), slip, f"return-{number}")
        with pytest.raises(Conflict) if number else nullcontext():
            returns.return_grant(context, OFFICER, command)
    assert year.standing[2] == MILLION_YUAN - 150


def test_a_settlement_is_offset_against_one_grant(year: Year) -> None:
    year.arrived()
    other = Year(year.hospital, keys=50)
    other.apply(Fund.RESIDENT)
    other.approve()
    other.receive()
    year.record_offset(100, 50, document="JS-1")
    with pytest.raises(Conflict, match="一张单只冲抵一次"):
        other.record_offset(100, 50, document="js 1")
    assert other.standing[2] == M


def test_an_offset_of_an_absurd_settlement_is_confirmed_by_a_person(year: Year) -> None:
    year.arrived()
    with pytest.raises(MalformedInput, match="数额比往月大得多"):
        year.record_offset(10 * M + 1, 50)
    offset_id = year.record_offset(10 * M + 1, 50, unusual=True)
    assert offsets.decide_offset(year.hospital.context, APPROVER, offset_id, confirmed=True).owed_fen == M - 50


def test_invoices_prove_a_payment_to_the_fen(year: Year) -> None:
    year.arrived()
    request_id = year.reserve(line(100), line(50))
    year.pay(request_id)
    context = year.hospital.context

    def prove(number: int, invoice: str, fen: int) -> RequestState:
        command = spending.RecordEvidence(request_id, number, invoice, Money(fen))
        return spending.record_evidence(context, PAYER, command)

    with pytest.raises(MalformedInput, match=r"还差 1\.00 元"):
        prove(1, "F1", 101)
    assert prove(1, "F1", 60).state == "paid"
    with pytest.raises(Conflict):
        prove(1, "F1", 40)
    assert prove(1, "F2", 40).state == "paid"
    assert prove(2, "F1", 50).state == "evidenced"


def test_an_invoice_proves_one_request_of_its_supplier_until_that_is_given_back(year: Year) -> None:
    year.arrived()
    context = year.hospital.context
    first, second = year.reserve(line(100), line(50)), year.reserve(line(100))
    for request_id in (first, second):
        year.pay(request_id)

    def prove(request_id: str, number: int, invoice: str, fen: int) -> str:
        command = spending.RecordEvidence(request_id, number, invoice, Money(fen))
        return spending.record_evidence(context, PAYER, command).state

    prove(first, 1, "FP-001", 100)
    assert prove(first, 2, "FP-001", 50) == "evidenced"
    for spelled in ("FP-001", "fp 001", "ＦＰ—001"):
        with pytest.raises(Conflict, match=f"已经记在申请 {spending.request_number(first)} 上"):
            prove(second, 1, spelled, 100)
    with pytest.raises(MalformedInput, match="没有数字或字母"):
        prove(second, 1, "--", 100)
    spending.bounce_payment(context, PAYER, first, "户名不符")
    assert prove(second, 1, "fp001", 100) == "evidenced"


def test_another_suppliers_invoice_may_have_the_same_number(year: Year) -> None:
    year.arrived()
    first = year.reserve(line(100))
    other = spending.AskPayment(year.grant_id, "别家医药", "91990000MA0DEM0011", "药款", (line(100),), "k-other")
    second = spending.ask_payment(year.hospital.context, OFFICER, other).request_id
    spending.agree_request(year.hospital.context, HEAD, second)
    spending.reserve_request(year.hospital.context, APPROVER, second)
    for request_id in (first, second):
        year.pay(request_id)
        proof = spending.RecordEvidence(request_id, 1, "FP-1", Money(100))
        assert spending.record_evidence(year.hospital.context, PAYER, proof).state == "evidenced"


def test_money_that_is_reserved_is_not_returned_with_the_rest(year: Year) -> None:
    year.arrived()
    year.reserve(line(60_000_000))
    with pytest.raises(Conflict, match="还有预留没有付款"):
        year.give_back(M)
    with pytest.raises(MalformedInput, match="应还只有"):
        year.give_back(M + 1)
    assert year.give_back(40_000_000, key="r").owed_fen == year.give_back(40_000_000, key="r").owed_fen == 60_000_000


def test_a_settlement_books_the_rest_to_the_bank(year: Year) -> None:
    year.arrived()
    year.offset(70_000_000, 50_000_000)
    assert year.hospital.balance("12120201") == Money(0) - Money(70_000_000)
    assert year.hospital.balance("1002") == Money(70_000_000)


def test_decisions_of_the_fund_replay(year: Year) -> None:
    year.arrived()
    year.ask(line(100), line(100, category="payroll"))
    year.ask(line(100, category="oxygen"))
    replayed = replay_decisions(year.hospital.context.database)
    assert sum(one.decisions for one in replayed.counts if one.rule.startswith("fund.")) == 4
    assert replayed.first is None


def test_every_entry_and_decision_of_the_fund_is_named_by_the_event_of_its_act(year: Year, clock: FixedClock) -> None:
    year.arrived()
    year.ask(line(100, category="payroll"))
    paid, bounced, expiring = (year.reserve(line(20_000_000)) for _ in range(3))
    year.pay(paid)
    year.pay(bounced)
    year.offset(90_000_000, 60_000_000)
    spending.bounce_payment(year.hospital.context, PAYER, bounced, "账号有误")
    clock.moment += timedelta(days=15)
    assert spending.release_expired(year.hospital.context, OFFICER) == [expiring]
    year.give_back(10_000_000)
    named = "SELECT 1 FROM audit_event e WHERE e.institution_id = {table}.institution_id AND e.{key} = {table}.{key}"
    for table, key in (("decision", "decision_id"), ("ledger_entry", "entry_no")):
        assert year.hospital.count(table, f"NOT EXISTS ({named.format(table=table, key=key)})") == 0, table

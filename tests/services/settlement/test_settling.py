"""Settling a stay: the money of every branch, once, whoever presses how often."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.result import ResultAmounts
from hospital_prepay.domain.rules.settlement.settling import Channel, SettlementKind
from hospital_prepay.domain.visits import VisitEventKind
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.inpatient.deposits import CollectDeposit, collect_deposit
from hospital_prepay.services.inpatient.slips import DecideRequest, RequestVoid, decide_request, request_void
from hospital_prepay.services.settlement.board import Chosen, board, discharges_of
from hospital_prepay.services.settlement.by_hand import WrittenDown, write_down
from hospital_prepay.services.settlement.invoices import number_invoice
from hospital_prepay.services.settlement.progress import Seen, pass_on
from hospital_prepay.services.settlement.recalls import ask_recall, decide_recall
from hospital_prepay.services.settlement.results import InsuranceResult
from hospital_prepay.services.settlement.settling import Settled, SettleStay, settle_stay
from hospital_prepay.services.settlement.slips import PayArrears, TopUp, pay_arrears
from tests.hospital import CASHIER, CASHIER_2, OFFICER, Hospital, actor, require_named

NO = "2601140001"
WARD, AUDIT, INSURANCE = actor(Role.WARD), actor(Role.BILLING_AUDITOR), actor(Role.INSURANCE_CLERK)
AT = datetime(2026, 1, 15, 9, 30, tzinfo=SHANGHAI)
# The whole 5,000: the funds 3,000, the personal account 300, the hospital nothing, the patient 1,700.
AMOUNTS = ResultAmounts(500_000, 300_000, 200_000, 30_000, 170_000)


def result(amounts: ResultAmounts = AMOUNTS, setl_id: str = "S1", **more: Any) -> InsuranceResult:
    return InsuranceResult(setl_id, AT, amounts, **more)


def command(**changes: Any) -> SettleStay:
    said: dict[str, Any] = {
        "stay_no": NO,
        "kind": SettlementKind.DISCHARGE,
        "channel": Channel.WINDOW,
        "idempotency_key": "k1",
        "result": result(),
        **changes,
    }
    return SettleStay(**said)


@pytest.fixture
def ready(hospital: Hospital) -> Iterator[Hospital]:
    """A stay with deposits of 2,000 in two ways, discharged and with the cashier; whatever a test does, each entry
    and decision is named by the event of its act."""
    hospital.admit()
    collect(hospital, "1500.00", Tender.CASH)
    collect(hospital, "500.00", Tender.WECHAT, "WX1")
    hand_over(hospital)
    yield hospital
    require_named(hospital)


def collect(hospital: Hospital, amount: str, tender: Tender, reference: str = "") -> None:
    taken = collect_deposit(
        hospital.context, CASHIER, CollectDeposit(NO, Money.of_yuan(amount), tender, f"c{amount}", reference)
    )
    assert taken.receipt_no, taken.decision


def hand_over(hospital: Hospital) -> None:
    write_down(hospital.context, CASHIER, WrittenDown(NO, VisitEventKind.DISCHARGE, AT))
    for step, who in enumerate((WARD, AUDIT, INSURANCE)):
        pass_on(hospital.context, who, Seen(NO, step))


def settled(hospital: Hospital, **changes: Any) -> Settled:
    return settle_stay(hospital.context, CASHIER, command(**changes))


def balances(hospital: Hospital) -> dict[str, int]:
    """Debit less credit of what settling moves, those that aren't zero."""
    accounts = (f"23050103:{NO}", f"12120203:{NO}", "12120201", "121201", "5901", "1001", "1002", "1021")
    found = {account: hospital.balance(account).fen for account in accounts}
    return {account: fen for account, fen in found.items() if fen}


def slips(hospital: Hospital) -> list[tuple[Any, ...]]:
    query = "SELECT kind, tender, payment_reference, amount_fen FROM receipt ORDER BY book, serial"
    with hospital.context.database.reading() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


@pytest.mark.clause("guizhou-deposit-2025/19")
def test_what_is_left_goes_back_by_the_way_it_came(ready: Hospital) -> None:
    answer = settled(ready)
    assert (answer.number, answer.applied, answer.given_back, answer.owed) == (
        f"{NO}-1",
        Money(170_000),
        Money(30_000),
        Money(0),
    )
    assert slips(ready)[2:] == [("return", "wechat", "WX1", 30_000)]
    assert balances(ready) == {"12120201": 330_000, "121201": -500_000, "1001": 150_000, "1021": 20_000}
    record = discharges_of(ready.context, OFFICER, NO).records[0]
    assert (record.row.stage, record.row.settled_at) == ("invoice", ready.context.clock.now())
    assert board(ready.context, OFFICER, Chosen()).number == 0  # settled: off the list of what is due


@pytest.mark.clause("guizhou-deposit-2025/19")
def test_a_shortfall_is_kept_as_owed_and_holds_nobody_back(ready: Hospital) -> None:
    answer = settled(ready, result=result(ResultAmounts(600_000, 300_000, 300_000, 0, 300_000)))
    assert (answer.applied, answer.given_back, answer.owed) == (Money(200_000), Money(0), Money(100_000))
    assert balances(ready)[f"12120203:{NO}"] == 100_000
    assert [reason.code for reason in answer.decision.reasons] == ["settled", "by_hand", "shortfall"]


def test_what_is_owed_is_paid_at_once_or_later_and_never_more(ready: Hospital) -> None:
    owing = result(ResultAmounts(600_000, 300_000, 300_000, 0, 300_000))
    with pytest.raises(MalformedInput, match=r"最多补交 1,000\.00"):
        settled(ready, result=owing, top_up=TopUp(Money(100_001), Tender.CASH))
    assert ready.count("settlement") == 0
    answer = settled(ready, result=owing, top_up=TopUp(Money(60_000), Tender.CARD, "POS-1"))
    assert (answer.owed, slips(ready)[-1]) == (Money(40_000), ("topup", "card", "POS1", 60_000))
    later = PayArrears(NO, TopUp(Money(40_000), Tender.CASH), "p1")
    assert pay_arrears(ready.context, CASHIER, later) == pay_arrears(ready.context, CASHIER, later)
    assert f"12120203:{NO}" not in balances(ready)
    with pytest.raises(MalformedInput):
        pay_arrears(ready.context, CASHIER, replace(later, idempotency_key="p2"))


def test_the_hospitals_part_and_a_relatives_account_have_their_places(ready: Hospital) -> None:
    amounts = ResultAmounts(500_000, 300_000, 180_000, 30_000, 140_000, hosp_part_amt=20_000, acct_mulaid_pay=10_000)
    settled(ready, result=result(amounts))
    found = balances(ready)
    assert (found["5901"], found["12120201"], found["121201"]) == (20_000, 340_000, -500_000)


def test_a_self_pay_patient_pays_the_whole(ready: Hospital) -> None:
    answer = settled(ready, result=None, self_pay_total=Money(120_000))
    assert (answer.applied, answer.given_back) == (Money(120_000), Money(80_000))
    # The newest payment first, then cash in one sum.
    assert slips(ready)[2:] == [("return", "wechat", "WX1", 50_000), ("return", "cash", "", 30_000)]


def test_a_stay_without_cost_gives_everything_back(ready: Hospital) -> None:
    answer = settled(ready, kind=SettlementKind.NO_CHARGE, result=None)
    assert (answer.applied, answer.given_back) == (Money(0), Money(200_000))
    assert balances(ready) == {}


def twisted(**changes: int) -> InsuranceResult:
    return result(replace(AMOUNTS, **changes))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"result": twisted(medfee_sumamt=500_001)}, "total_not_tied"),
        ({"result": twisted(psn_cash_pay=169_999)}, "burden_not_tied"),
        ({"result": twisted(hosp_part_amt=1)}, None),  # counted inside the sum: either reading ties
        ({"result": twisted(fund_pay_sumamt=-1, medfee_sumamt=199_999)}, "negative_amount"),
        ({"result": result(ResultAmounts(0, 0, 0, 0, 0))}, "no_cost"),
        ({"kind": SettlementKind.NO_CHARGE}, None),
        ({"kind": SettlementKind.INTERIM}, "discharged"),
    ],
)
def test_what_does_not_tie_is_refused_and_kept_as_a_decision(
    ready: Hospital, changes: dict[str, Any], code: str | None
) -> None:
    answer = settled(ready, **changes)
    if code is None:
        assert answer.number
        return
    assert answer.number is None
    assert code in [reason.code for reason in answer.decision.reasons]
    assert ready.count("settlement") == 0
    assert ready.count("decision", "rule = 'settlement.settle' AND outcome = 'refused'") == 1
    assert settled(ready, **changes) == answer  # the same key, the same "no"


def test_only_what_lies_with_the_cashier_is_settled(hospital: Hospital) -> None:
    hospital.admit()
    with pytest.raises(NotFound):
        settled(hospital)
    write_down(hospital.context, CASHIER, WrittenDown(NO, VisitEventKind.DISCHARGE, AT))
    answer = settled(hospital)
    assert [reason.code for reason in answer.decision.reasons] == ["not_with_cashier"]
    with pytest.raises(NotPermitted):
        settle_stay(hospital.context, OFFICER, command())


def test_a_result_about_somebody_else_or_used_before_is_refused(ready: Hospital) -> None:
    ready.admit("OTHER")
    settled(ready)
    with pytest.raises(Conflict, match="内容不一样"):
        settled(ready, result=result(replace(AMOUNTS, medfee_sumamt=600_000)), idempotency_key="k2")
    again = settled(ready, idempotency_key="k3")
    assert {"already_settled", "result_used"} <= {reason.code for reason in again.decision.reasons}
    assert ready.count("settlement_result") == 1


def test_the_same_form_sent_often_at_once_makes_one_document(ready: Hospital) -> None:
    def press(number: int) -> str | None:
        who = CASHIER if number % 2 else CASHIER_2
        try:
            return settle_stay(ready.context, who, command(idempotency_key=f"window-{number % 2}")).number
        except Conflict:
            return None

    with ThreadPoolExecutor(8) as windows:
        numbers = list(windows.map(press, range(16)))
    assert {one for one in numbers if one} == {f"{NO}-1"}
    assert ready.count("settlement") == 1
    assert ready.count("receipt", "kind = 'return'") == 1
    assert balances(ready)["121201"] == -500_000


def test_the_invoice_is_the_last_step(ready: Hospital) -> None:
    settled(ready)
    with pytest.raises(MalformedInput):
        number_invoice(ready.context, CASHIER, NO, 1, "票")
    number_invoice(ready.context, CASHIER, NO, 1, "0123456789")
    assert discharges_of(ready.context, OFFICER, NO).records[0].row.stage == "done"
    with pytest.raises(Conflict):
        number_invoice(ready.context, CASHIER, NO, 1, "9876543210")


def test_a_recall_is_a_red_letter_by_another_and_the_stay_is_settled_anew(ready: Hospital, clock: FixedClock) -> None:
    settled(ready)
    ask_recall(ready.context, CASHIER, NO, 1, "医保退回，改了项目")
    with pytest.raises(Conflict):
        ask_recall(ready.context, CASHIER_2, NO, 1, "再一次")
    with pytest.raises(NotPermitted):
        decide_recall(ready.context, CASHIER_2, NO, 1, approve=True)
    clock.moment += timedelta(hours=1)
    decide_recall(ready.context, OFFICER, NO, 1, approve=True)
    # The deposit lies there again, less what went back by WeChat.
    assert balances(ready) == {f"23050103:{NO}": -170_000, "1001": 150_000, "1021": 20_000}
    record = discharges_of(ready.context, OFFICER, NO).records[0]
    assert (record.row.stage, record.row.settled_at) == ("cashier", None)
    again = settled(ready, result=result(setl_id="S2"), idempotency_key="k2")
    assert (again.number, again.applied, again.given_back) == (f"{NO}-2", Money(170_000), Money(0))
    with pytest.raises(Conflict):
        decide_recall(ready.context, OFFICER, NO, 1, approve=True)


def test_a_recall_may_be_turned_down_and_asked_for_again(ready: Hospital) -> None:
    settled(ready)
    ask_recall(ready.context, CASHIER, NO, 1, "看错了")
    decide_recall(ready.context, OFFICER, NO, 1, approve=False)
    ask_recall(ready.context, CASHIER_2, NO, 1, "真的要召回")
    assert ready.count("settlement", "recalled_at IS NULL AND recall_asked_by IS NOT NULL") == 1


def test_nobody_recalls_what_they_asked_for(ready: Hospital) -> None:
    both = replace(OFFICER, roles=frozenset({Role.CASHIER, Role.FINANCE_OFFICER}))
    settled(ready)
    ask_recall(ready.context, both, NO, 1, "自己申请")
    with pytest.raises(SecondPersonRequired):
        decide_recall(ready.context, both, NO, 1, approve=True)


def test_a_recall_gives_back_what_was_paid_towards_it_on_whatever_day(ready: Hospital, clock: FixedClock) -> None:
    owing = result(ResultAmounts(600_000, 300_000, 300_000, 0, 300_000))
    settled(ready, result=owing, top_up=TopUp(Money(60_000), Tender.WECHAT, "WX9"))
    pay_arrears(ready.context, CASHIER_2, PayArrears(NO, TopUp(Money(10_000), Tender.CASH), "later"))
    ask_recall(ready.context, CASHIER, NO, 1, "改项目")
    clock.moment += timedelta(days=3)
    decide_recall(ready.context, OFFICER, NO, 1, approve=True)
    # Each by the way it came, on a red slip in the book of who asked, approved by who recalled.
    red = [one for one in slips(ready) if one[0] == "void"]
    assert sorted(red) == [("void", "cash", "", 10_000), ("void", "wechat", "WX9", 60_000)]
    assert ready.count("receipt", f"kind = 'void' AND issued_by = '{CASHIER.actor_id}'") == 2
    assert ready.count("receipt", f"kind = 'void' AND approved_by = '{OFFICER.actor_id}'") == 2
    assert balances(ready) == {f"23050103:{NO}": -200_000, "1001": 150_000, "1021": 50_000}
    # By WeChat it is on its way, and awaited.
    assert ready.count("refund_arrival", "state = 'sent' AND route = 'wechat'") == 1


def test_a_recall_gives_back_no_more_than_its_own_shortfall_needs(hospital: Hospital) -> None:
    """Two settlements of a stay owe together: recalling one leaves what was paid towards the other."""
    hospital.admit()
    first = result(ResultAmounts(200_000, 150_000, 50_000, 0, 50_000), "I1")
    settled(hospital, kind=SettlementKind.INTERIM, result=first, top_up=TopUp(Money(50_000), Tender.CASH))
    hand_over(hospital)
    second = result(ResultAmounts(300_000, 200_000, 100_000, 0, 100_000), "D1")
    settled(hospital, result=second, idempotency_key="k2", top_up=TopUp(Money(30_000), Tender.CASH))
    ask_recall(hospital.context, CASHIER, NO, 2, "改项目")
    decide_recall(hospital.context, OFFICER, NO, 2, approve=True)
    assert [one[0] for one in slips(hospital)] == ["topup", "topup", "void"]
    assert balances(hospital) == {"12120201": 150_000, "121201": -200_000, "1001": 50_000}


def test_a_return_in_cash_that_is_voided_lies_with_the_stay_again(hospital: Hospital) -> None:
    hospital.admit()
    collect(hospital, "2000.00", Tender.CASH)
    hand_over(hospital)
    answer = settled(hospital)
    asked = request_void(hospital.context, CASHIER, RequestVoid(answer.slips[0], "退错了"))
    assert asked.request_id, asked.decision
    decide_request(hospital.context, OFFICER, DecideRequest(asked.request_id, True))
    assert balances(hospital)[f"23050103:{NO}"] == -30_000
    assert hospital.count("unclaimed_deposit", "state = 'waiting'") == 1  # it lies there for whoever comes


def test_an_interim_settlement_leaves_the_rest_and_the_cap_counts_what_it_took(hospital: Hospital) -> None:
    hospital.admit()
    collect(hospital, "2000.00", Tender.CASH)
    answer = settled(hospital, kind=SettlementKind.INTERIM)
    assert (answer.applied, answer.given_back) == (Money(170_000), Money(0))
    assert balances(hospital)[f"23050103:{NO}"] == -30_000
    over = collect_deposit(
        hospital.context, CASHIER, CollectDeposit(NO, Money.of_yuan("1200.01"), Tender.CASH, "over")
    )
    assert over.receipt_no is None  # the cap of 3,200 binds the total of the stay (17)
    collect(hospital, "1200.00", Tender.CASH)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE settlement SET total_fen = total_fen + 1, fund_fen = fund_fen + 1",
        "UPDATE settlement SET settled_at = discharged_at",
        "DELETE FROM settlement",
        "UPDATE settlement SET recalled_by = settled_by, recalled_at = settled_at",
        "UPDATE settlement SET recall_entry_no = entry_no",
        "UPDATE settlement_result SET psn_cash_pay_fen = 0",
        "DELETE FROM settlement_result",
        "INSERT INTO settlement SELECT institution_id, stay_no, 2, kind, discharged_at, NULL, total_fen, fund_fen,"
        " account_fen, cash_fen, hospital_fen, held_fen, applied_fen, shortfall_fen, channel, entry_no, decision_id,"
        " settled_by, settled_at, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM settlement",
        "UPDATE ledger_account SET ceiling_fen = 99999999 WHERE account_id = '23050103:2601140001'",
    ],
)
def test_raw_sql_cannot_change_a_settlement(ready: Hospital, database: Database, statement: str) -> None:
    settled(ready)
    with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
        connection.execute(sa.text(statement))


@pytest.fixture
def faults(ready: Hospital, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Any]:
    """Break the act at its n-th writing statement."""

    def act(number: int) -> Any:
        seen = 0

        def break_off(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            nonlocal seen
            if not statement.lstrip().upper().startswith(("SELECT", "PRAGMA", "BEGIN", "SAVEPOINT", "RELEASE")):
                seen += 1
                if seen == number:
                    raise RuntimeError("the power failed")

        engine = ready.context.database.engine
        sa.event.listen(engine, "before_cursor_execute", break_off)
        try:
            return settled(ready, result=result(ResultAmounts(300_000, 200_000, 100_000, 0, 100_000)))
        except RuntimeError:
            return None
        finally:
            sa.event.remove(engine, "before_cursor_execute", break_off)

    return act


def test_a_fault_at_any_statement_leaves_all_or_nothing(ready: Hospital, faults: Callable[[int], Any]) -> None:
    before = balances(ready)
    for number in range(1, 60):
        answer = faults(number)
        if answer is not None:
            break
        assert (ready.count("settlement"), balances(ready)) == (0, before), number
    assert answer.number == f"{NO}-1"
    assert number > 8
    assert ready.count("receipt", "kind = 'return'") == 2


def test_after_the_cashier_a_discharge_walks_with_its_settlement_only(ready: Hospital, database: Database) -> None:
    """Invoice and end need a settlement that stands, the end its number; back it goes once it was recalled."""

    def step(source: str, target: str) -> bool:
        text = (
            "INSERT INTO discharge_step SELECT institution_id, stay_no, discharged_at, step_no + 1, :source, :target,"
            " '', 'x', discharged_at FROM discharge"
        )
        try:
            with database.writing() as connection:
                connection.execute(sa.text(text), {"source": source, "target": target})
                raise _Undone
        except _Undone:
            return True
        except sa.exc.DBAPIError:
            return False

    assert [step("cashier", to) for to in ("invoice", "done", "audit")] == [False, False, True]
    settled(ready)
    assert [step("invoice", to) for to in ("done", "cashier", "audit", "ward")] == [False, False, False, False]
    number_invoice(ready.context, CASHIER, NO, 1, "0123456789")
    assert [step("done", to) for to in ("cashier", "insurance", "invoice")] == [False, False, False]
    ask_recall(ready.context, CASHIER, NO, 1, "改项目")
    decide_recall(ready.context, OFFICER, NO, 1, approve=True)
    assert [step("cashier", to) for to in ("invoice", "insurance")] == [False, True]


class _Undone(Exception):
    """Takes a transaction back after the database had taken it."""


def test_the_token_of_a_paper_is_kept(ready: Hospital, database: Database) -> None:
    settled(ready)
    with pytest.raises(sa.exc.DatabaseError), database.writing() as connection:
        connection.execute(sa.text("UPDATE settlement SET token = 'another'"))

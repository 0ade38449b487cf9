"""A miscount is asked by one person, decided by another and booked once, while nobody claims the account."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.money import Money
from hospital_prepay.services.outpatient import payouts
from hospital_prepay.services.outpatient.correction_review import list_corrections
from hospital_prepay.services.outpatient.corrections import (
    AskCorrection,
    approve_correction,
    ask_correction,
    reject_correction,
)
from tests.hospital import Hospital
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, PAYER, Outpatients


@pytest.fixture
def counted(outpatients: Outpatients) -> Outpatients:
    outpatients.census()
    return outpatients


def ask(outpatients: Outpatients, right: str, account_no: str = "M001", ground: str = "凭条漏计") -> str:
    outpatients.keys += 1
    command = AskCorrection(account_no, Money.of_cell(right), ground, f"correction-{outpatients.keys}")
    return ask_correction(outpatients.context, OFFICER, command)


@pytest.mark.parametrize(
    ("account_no", "right", "ledger"),
    [("M001", "70.00", "23050102:M001"), ("M001", "0", "23050102:M001"), ("M004", "4999.99", "230502:M004")],
)
def test_up_or_down_it_is_booked_against_the_bank_once(
    counted: Outpatients, hospital: Hospital, account_no: str, right: str, ledger: str
) -> None:
    before = counted.account(account_no).balance_fen
    found = ask(counted, right, account_no)
    assert counted.account(account_no).balance_fen == before
    approve_correction(counted.context, APPROVER, found)
    now = Money.of_cell(right)
    assert counted.account(account_no).balance_fen == now.fen
    assert hospital.balance(ledger) == -now
    assert hospital.balance("1002") == Money(519450 + now.fen - before)
    with pytest.raises(Conflict, match="已经决定过"):
        approve_correction(counted.context, APPROVER, found)
    assert counted.account(account_no).balance_fen == now.fen


def test_a_sum_out_of_all_proportion_is_asked_for_twice(counted: Outpatients) -> None:
    """M001 has 64.50: from a thousand yuan on, and above ten times that."""

    def ask_twice(right: str, again: str | None) -> str:
        counted.keys += 1
        second = None if again is None else Money.of_cell(again)
        command = AskCorrection("M001", Money.of_cell(right), "凭条漏计", f"twice-{counted.keys}", second)
        return ask_correction(counted.context, OFFICER, command)

    for again in (None, "99999.00"):
        with pytest.raises(MalformedInput, match="把金额再写一次") as refused:
            ask_twice("99999999999.00", again)
        assert refused.value.details == {"field": "again"}
    found = ask_twice("999.99", None)
    reject_correction(counted.context, APPROVER, found, "凭条不符")
    assert ask_twice("1000.00", "1000")


def test_whoever_asked_doesnt_decide_and_a_clerk_does_neither(counted: Outpatients) -> None:
    both = type(OFFICER)(OFFICER.institution_id, OFFICER.actor_id, "两职", OFFICER.roles | APPROVER.roles)
    found = ask(counted, "70.00")
    for act in (approve_correction, partial(reject_correction, ground="凭条不符")):
        with pytest.raises(SecondPersonRequired):
            act(counted.context, both, found)
        with pytest.raises(NotPermitted):
            act(counted.context, CLERK, found)
    with pytest.raises(NotFound):
        approve_correction(counted.context, APPROVER, "no such one")
    reject_correction(counted.context, APPROVER, found, "凭条不符")
    assert counted.account("M001").balance_fen == 6450
    with pytest.raises(Conflict):
        approve_correction(counted.context, APPROVER, found)
    assert ask(counted, "70.00")


def test_no_ground_no_change_or_a_second_one_is_refused(counted: Outpatients) -> None:
    with pytest.raises(MalformedInput):
        ask(counted, "70.00", ground=" ")
    with pytest.raises(MalformedInput, match="一样"):
        ask(counted, "64.50")
    ask(counted, "70.00")
    with pytest.raises(Conflict, match="等人决定"):
        ask(counted, "71.00")


def test_the_same_request_twice_asks_once(counted: Outpatients) -> None:
    command = AskCorrection("M001", Money(7000), "凭条漏计", "the-same-key")
    assert ask_correction(counted.context, OFFICER, command) == ask_correction(counted.context, OFFICER, command)


def test_an_account_that_is_claimed_is_not_corrected(counted: Outpatients) -> None:
    waiting = ask(counted, "70.00")
    counted.accept("M001")
    with pytest.raises(Conflict, match="有退款在办"):
        approve_correction(counted.context, APPROVER, waiting)
    assert counted.account("M001").balance_fen == 6450
    counted.accept("M003", claimant_name="罗丙之子", certno="")
    with pytest.raises(Conflict, match="有退款在办"):
        ask(counted, "31.00", "M003")


def test_an_account_that_was_paid_out_is_open_again_with_what_was_missing(counted: Outpatients) -> None:
    payouts.pay_cash(counted.context, PAYER, counted.confirmed(), "LK-1")
    approve_correction(counted.context, APPROVER, ask(counted, "69.50"))
    found = counted.account("M001")
    assert (found.balance_fen, found.state) == (500, "open")
    (listed,) = list_corrections(counted.context, APPROVER, 1).rows
    assert (listed.before_fen, listed.paid_fen, listed.after_fen) == (0, 6450, 500)
    payouts.pay_cash(counted.context, PAYER, counted.confirmed(), "LK-2")
    assert counted.account("M001").state == "refunded"


@pytest.mark.parametrize(("right", "words"), [("64.50", "已退 64.50 元也算在内"), ("64.49", "不能比它少")])
def test_what_was_given_back_counts_as_what_should_have_been_there(
    counted: Outpatients, hospital: Hospital, right: str, words: str
) -> None:
    """A slip says how much was paid in. What went back to the patient already isn't given back once more."""
    payouts.pay_cash(counted.context, PAYER, counted.confirmed(), "LK-1")
    with pytest.raises(MalformedInput, match=words):
        ask(counted, right)
    assert hospital.count("outpatient_correction") == 0


def test_a_balance_that_changed_meanwhile_never_falls_below_zero(counted: Outpatients) -> None:
    found = ask(counted, "1.00")
    payouts.pay_cash(counted.context, PAYER, counted.confirmed(), "LK-1")
    with pytest.raises(Conflict, match="小于零"):
        approve_correction(counted.context, APPROVER, found)


def test_turning_one_down_takes_a_reason_that_whoever_asked_is_told(counted: Outpatients, hospital: Hospital) -> None:
    found = ask(counted, "70.00")
    with pytest.raises(MalformedInput, match="为什么退回"):
        reject_correction(counted.context, APPROVER, found, "  ")
    reject_correction(counted.context, APPROVER, found, " 凭条上没有这一笔 ")
    (listed,) = list_corrections(counted.context, OFFICER, 1).rows
    assert (listed.correction.state, listed.correction.answer) == ("rejected", "凭条上没有这一笔")
    assert (
        hospital.count("audit_event", "action = 'outpatient.reject_correction' AND detail LIKE '%没有这一笔%'") == 1
    )


def test_the_list_names_the_holder_and_what_the_account_had_and_has(counted: Outpatients, clock: FixedClock) -> None:
    """Whatever moved since: before and after are of the day on which it was decided."""
    approve_correction(counted.context, APPROVER, ask(counted, "70.00"))
    clock.moment += timedelta(hours=1)
    turned_down = ask(counted, "9.00")
    reject_correction(counted.context, APPROVER, turned_down, "没有依据")
    clock.moment += timedelta(hours=1)
    payouts.pay_cash(counted.context, PAYER, counted.confirmed(), "LK-1")
    clock.moment += timedelta(hours=1)
    ask(counted, "75.00")
    found = list_corrections(counted.context, APPROVER, 1)
    assert found.count == 3
    assert [(one.correction.state, one.before_fen, one.after_fen) for one in found.rows] == [
        ("asked", 0, 500),
        ("rejected", 7000, None),
        ("approved", 6450, 7000),
    ]
    assert {one.holder_name for one in found.rows} == {"吴＊"}
    assert {one.holder_name for one in list_corrections(counted.context, CLERK, 1).rows} == {"吴甲"}

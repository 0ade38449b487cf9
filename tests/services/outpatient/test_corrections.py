"""A miscount is asked by one person, decided by another and booked once, while nobody claims the account."""

from __future__ import annotations

import pytest

from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.money import Money
from hospital_prepay.services.outpatient import payouts
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


def test_whoever_asked_doesnt_decide_and_a_clerk_does_neither(counted: Outpatients) -> None:
    both = type(OFFICER)(OFFICER.institution_id, OFFICER.actor_id, "两职", OFFICER.roles | APPROVER.roles)
    found = ask(counted, "70.00")
    for act in (approve_correction, reject_correction):
        with pytest.raises(SecondPersonRequired):
            act(counted.context, both, found)
        with pytest.raises(NotPermitted):
            act(counted.context, CLERK, found)
    with pytest.raises(NotFound):
        approve_correction(counted.context, APPROVER, "no such one")
    reject_correction(counted.context, APPROVER, found)
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
    approve_correction(counted.context, APPROVER, ask(counted, "5.00"))
    found = counted.account("M001")
    assert (found.balance_fen, found.state) == (500, "open")
    payouts.pay_cash(counted.context, PAYER, counted.confirmed(), "LK-2")
    assert counted.account("M001").state == "refunded"


def test_a_balance_that_changed_meanwhile_never_falls_below_zero(counted: Outpatients) -> None:
    found = ask(counted, "1.00")
    payouts.pay_cash(counted.context, PAYER, counted.confirmed(), "LK-1")
    with pytest.raises(Conflict, match="小于零"):
        approve_correction(counted.context, APPROVER, found)

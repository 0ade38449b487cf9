"""What the bank paid beside the books: a refund that has ended arrives after all, or its payee owes the money."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.persistence.ledger.soundness import across_tables
from hospital_prepay.persistence.outpatient_overpayments import OverpaymentRow, overpayments_of
from hospital_prepay.services.outpatient import corrections, owners, payouts
from hospital_prepay.services.outpatient.claim_steps import (
    confirm_claim,
    redirect_claim,
    reject_claim,
    withdraw_claim,
)
from hospital_prepay.services.outpatient.contradictions import Verdict, decide_contradiction
from hospital_prepay.services.outpatient.overpayments import RecoverOverpayment, recover_overpayment
from tests.hospital import INSTITUTION, Hospital
from tests.services.outpatient.conftest import APPROVER, ARRIVED, CLERK, FAILED, OFFICER, PAYER, Bank
from tests.told import approved

pytestmark = pytest.mark.clause("guizhou-deposit-2025/7")
PAID_BACK = "追回多付的钱"
OTHER = "110105198001010016"


def ended(bank: Bank) -> None:
    """The bank couldn't pay, the patient went home, and then the bank says that it had paid."""
    bank.send()
    bank.read(bank.file("1.csv", FAILED, "1"))
    withdraw_claim(bank.context, CLERK, bank.claim_id, "患者改来窗口")
    bank.read(bank.file("2.csv", ARRIVED, "1"))


def paid_twice(bank: Bank) -> None:
    """The second attempt arrived, and the first that was said to have failed had too."""
    bank.send()
    bank.read(bank.file("1.csv", FAILED, "1"))
    bank.send()
    bank.read(bank.file("2.csv", ARRIVED, "2"))
    bank.read(bank.file("3.csv", ARRIVED, "1"))
    assert decide(bank) == "arrived"


def decide(bank: Bank) -> str:
    return decide_contradiction(bank.context, APPROVER, bank.claim_id, 1, Verdict.PAID, "电话核对过").state


def overpaid(bank: Bank) -> list[OverpaymentRow]:
    with bank.context.database.reading() as connection:
        return overpayments_of(connection, INSTITUTION, bank.claim_id)


def owes(bank: Bank, hospital: Hospital, attempt: int = 1) -> int:
    return hospital.balance(f"1218:overpaid:{bank.claim_id}:{attempt}").fen


def recover(bank: Bank, reference: str = "SJ-1", way: Route = Route.BANK, key: str = "k") -> int:
    command = RecoverOverpayment(bank.claim_id, 1, way, reference, key)
    return recover_overpayment(bank.context, PAYER, command)


def test_an_ended_refund_that_the_bank_paid_arrives_after_all(bank: Bank, hospital: Hospital) -> None:
    """Booked as the refund that it was: the account is paid, and whoever comes is told so."""
    ended(bank)
    second = bank.outpatients.confirmed()
    with pytest.raises(Conflict, match="还没有决定"):
        payouts.pay_cash(bank.context, PAYER, second, "LK-9")
    with pytest.raises(Conflict, match="请先撤回那一笔"):
        decide(bank)
    withdraw_claim(bank.context, CLERK, second, "已经付过")
    assert decide(bank) == "arrived"
    assert hospital.balance("23050102:M001") == Money(0)
    assert bank.outpatients.account("M001").state == "refunded"
    assert (overpaid(bank), hospital.count("ledger_entry", "kind = 'outpatient_refund'")) == ([], 1)
    # And it may come back like any other.
    assert payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "销户", "TH-1").state == "failed"
    assert hospital.balance("23050102:M001") == Money(-6450)


def test_a_redirected_refund_that_was_turned_down_is_confirmed_by_who_decides(bank: Bank) -> None:
    """It has no confirmer any more; who decides is one, being neither who accepted nor who reviewed."""
    bank.send()
    bank.read(bank.file("1.csv", FAILED, "1"))
    redirect_claim(bank.context, OFFICER, bank.claim_id, Route.CASH)
    reject_claim(bank.context, APPROVER, bank.claim_id, "材料不对")
    bank.read(bank.file("2.csv", ARRIVED, "1"))
    assert decide(bank) == "arrived"
    assert bank.outpatients.claim(bank.claim_id).confirmed_by == APPROVER.actor_id


def test_what_was_paid_twice_is_owed_by_its_payee_until_it_came_back(bank: Bank, hospital: Hospital) -> None:
    before = hospital.balance("1002")
    paid_twice(bank)
    assert [(one.state, one.amount_fen) for one in overpaid(bank)] == [("owed", 6450)]
    assert (owes(bank, hospital), hospital.balance("1002") - before) == (6450, Money(-2 * 6450))
    assert hospital.count("ledger_entry", "kind = 'outpatient_refund'") == 1
    with pytest.raises(Conflict, match=PAID_BACK):
        payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "重复付款退回", "TH-7")
    first = recover(bank)
    assert (owes(bank, hospital), hospital.balance("1002") - before) == (0, Money(-6450))
    assert overpaid(bank)[0].state == "recovered"
    # The same form again notes nothing twice, another finds nothing owed.
    assert recover(bank) == first
    with pytest.raises(Conflict, match="登记过追回"):
        recover(bank, "SJ-2", key="k2")
    assert hospital.count("ledger_entry", "kind = 'outpatient_overpaid_back'") == 1


def test_what_a_correction_put_there_pays_no_second_attempt(bank: Bank, hospital: Hospital) -> None:
    """The account has as much again by then: it is the patient's, for another claim."""
    bank.send()
    bank.read(bank.file("1.csv", FAILED, "1"))
    bank.send()
    bank.read(bank.file("2.csv", ARRIVED, "2"))
    asked = corrections.AskCorrection("M001", Money(12900), "少数了一张", "k1")
    corrections.approve_correction(bank.context, APPROVER, corrections.ask_correction(bank.context, OFFICER, asked))
    bank.read(bank.file("3.csv", ARRIVED, "1"))
    assert decide(bank) == "arrived"
    assert (owes(bank, hospital), hospital.balance("23050102:M001")) == (6450, Money(-6450))


def test_a_refund_paid_in_cash_and_by_the_bank_is_owed_back(bank: Bank, hospital: Hospital) -> None:
    bank.send()
    bank.read(bank.file("1.csv", FAILED, "1"))
    redirect_claim(bank.context, OFFICER, bank.claim_id, Route.CASH)
    confirm_claim(bank.context, APPROVER, bank.claim_id, "核对过")
    payouts.pay_cash(bank.context, PAYER, bank.claim_id, "LK-1")
    bank.read(bank.file("2.csv", ARRIVED, "1"))
    decide(bank)
    assert owes(bank, hospital) == 6450
    recover(bank, way=Route.CASH)
    assert (owes(bank, hospital), hospital.balance("1001")) == (0, Money(0))


def test_an_ended_refund_whose_money_went_by_another_is_owed_back(bank: Bank, hospital: Hospital) -> None:
    """The next claim was paid before the bank spoke: the first payee has money of the hospital's."""
    bank.send()
    bank.read(bank.file("1.csv", FAILED, "1"))
    withdraw_claim(bank.context, CLERK, bank.claim_id, "患者改来窗口")
    payouts.pay_cash(bank.context, PAYER, bank.outpatients.confirmed(), "LK-9")
    bank.read(bank.file("2.csv", ARRIVED, "1"))
    assert decide(bank) == "withdrawn"
    assert (owes(bank, hospital), hospital.balance("23050102:M001")) == (6450, Money(0))
    recover(bank)


def test_an_account_that_is_anothers_by_now_pays_nothing_of_it(
    bank: Bank, hospital: Hospital, clock: FixedClock
) -> None:
    """The earlier holder was paid: they owe it, and the one who has the account now has all of it."""
    bank.send()
    bank.read(bank.file("1.csv", FAILED, "1"))
    withdraw_claim(bank.context, CLERK, bank.claim_id, "不是他的账户")
    clock.moment += timedelta(days=1)
    change = owners.AskOwnerChange("M001", "吴申", OTHER, "", "登记错了人", "原始凭条", "k-owner")
    approved(bank.context, APPROVER, owners.ask_owner_change(bank.context, OFFICER, change))
    bank.read(bank.file("2.csv", ARRIVED, "1"))
    assert decide(bank) == "withdrawn"
    assert (owes(bank, hospital), hospital.balance("23050102:M001")) == (6450, Money(-6450))


@pytest.mark.parametrize("name", ["吴佳", "吴 甲"])
def test_a_name_that_was_only_mistyped_is_the_same_persons(
    bank: Bank, hospital: Hospital, clock: FixedClock, name: str
) -> None:
    """Of one certificate number: what the bank paid is their refund, and the account has nothing left for another."""
    bank.send()
    bank.read(bank.file("1.csv", FAILED, "1"))
    withdraw_claim(bank.context, CLERK, bank.claim_id, "患者改来窗口")
    clock.moment += timedelta(days=1)
    change = owners.AskOwnerChange("M001", name, "", "", "写错一个字", "身份证", "k-owner")
    approved(bank.context, APPROVER, owners.ask_owner_change(bank.context, OFFICER, change))
    bank.read(bank.file("2.csv", ARRIVED, "1"))
    assert decide(bank) == "arrived"
    assert (owes(bank, hospital), hospital.balance("23050102:M001")) == (0, Money(0))
    assert bank.outpatients.accept("M001").claim_id is None


def test_what_was_booked_and_came_back_holds_nothing(bank: Bank) -> None:
    """Decided to have been paid, then returned with the bank's slip: it goes again like any other."""
    bank.send()
    bank.read(bank.file("1.csv", FAILED, "1"))
    bank.read(bank.file("2.csv", ARRIVED, "1"))
    assert decide(bank) == "arrived"
    payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "销户", "TH-1")
    bank.send()
    assert bank.read(bank.file("3.csv", ARRIVED, "2")).arrived == 1


def test_what_an_ended_refund_was_paid_beyond_what_is_there_holds_the_account(bank: Bank, hospital: Hospital) -> None:
    """Counted lower meanwhile: nobody is paid the rest before the first payee has given theirs back."""
    bank.send()
    bank.read(bank.file("1.csv", FAILED, "1"))
    withdraw_claim(bank.context, CLERK, bank.claim_id, "患者改来窗口")
    asked = corrections.AskCorrection("M001", Money(6000), "多数了", "k1")
    corrections.approve_correction(bank.context, APPROVER, corrections.ask_correction(bank.context, OFFICER, asked))
    bank.read(bank.file("2.csv", ARRIVED, "1"))
    assert decide(bank) == "withdrawn"
    second = bank.outpatients.confirmed()
    with pytest.raises(Conflict, match="还没有追回"):
        payouts.pay_cash(bank.context, PAYER, second, "LK-9")
    recover(bank)
    payouts.pay_cash(bank.context, PAYER, second, "LK-9")
    assert (owes(bank, hospital), hospital.balance("23050102:M001")) == (0, Money(0))


def test_what_was_decided_of_an_overpayment_is_not_asked_again(bank: Bank) -> None:
    """The bank repeats itself: known. It says that it wasn't paid: nothing is dropped, and somebody is told."""
    paid_twice(bank)
    assert bank.read(bank.file("again.csv", ARRIVED, "1")).known == 1
    told = bank.read(bank.file("not.csv", FAILED, "1")).told[0]
    assert (told.outcome, "登记追回" in told.words) == ("open", True)


def test_no_number_of_a_patient_reaches_the_audit_trail_by_a_file(bank: Bank) -> None:
    """Typed as a refund's number, a reason or a file's name."""
    bank.send()
    path = bank.file("吴甲11010519491231002X.csv", ("失败", "证件 11010519491231002X 不符，电话 13800000001"), "1")
    bank.read(path)
    path.write_text("退款单号,金额,结果\n11010519491231002X,64.50,成功\n", "utf-8")
    bank.read(path)
    with bank.context.database.reading() as connection:
        trail = connection.execute(sa.text("SELECT subject, detail FROM audit_event")).all()
        names = connection.execute(sa.text("SELECT file_name FROM outpatient_return_file")).all()
    for number in ("11010519491231002X", "13800000001"):
        assert number not in str(trail) + str(names)


def test_recovering_wants_its_proof_and_its_person(bank: Bank, hospital: Hospital) -> None:
    paid_twice(bank)
    for nothing in ("", " ", "。。"):
        with pytest.raises(MalformedInput):
            recover(bank, nothing)
    with pytest.raises(MalformedInput):
        recover(bank, way=Route.ORIGINAL)
    command = RecoverOverpayment(bank.claim_id, 1, Route.BANK, "SJ-1", "k")
    with pytest.raises(NotPermitted):
        recover_overpayment(bank.context, APPROVER, command)
    with pytest.raises(NotFound):
        recover_overpayment(bank.context, PAYER, replace(command, attempt_no=2))
    assert owes(bank, hospital) == 6450


def test_one_proof_is_of_one_movement(bank: Bank) -> None:
    """The bank's slip of a payment that came back is no other money."""
    bank.send()
    bank.read(bank.file("0.csv", ARRIVED, "1"))
    payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "退汇", "TH-1")
    bank.send()
    bank.read(bank.file("1.csv", FAILED, "2"))
    bank.send()
    bank.read(bank.file("2.csv", ARRIVED, "3"))
    bank.read(bank.file("3.csv", ARRIVED, "2"))
    decide(bank)
    with pytest.raises(MalformedInput, match="已经用于"):
        recover_overpayment(bank.context, PAYER, RecoverOverpayment(bank.claim_id, 2, Route.BANK, "th1", "k"))
    recover_overpayment(bank.context, PAYER, RecoverOverpayment(bank.claim_id, 2, Route.BANK, "TH-2", "k"))
    with pytest.raises(MalformedInput, match="已经用于"):
        payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "退汇", "th2")


def test_the_books_verify_beside_what_is_owed(bank: Bank) -> None:
    paid_twice(bank)
    for act in (lambda: None, lambda: recover(bank)):
        act()
        with bank.context.database.reading() as connection:
            assert across_tables(connection, INSTITUTION, 10**6) == []


def test_who_sent_decides_nothing(bank: Bank) -> None:
    ended(bank)
    with pytest.raises(SecondPersonRequired):
        decide_contradiction(
            bank.context, replace(PAYER, roles=APPROVER.roles), bank.claim_id, 1, Verdict.PAID, "电话核对过"
        )

"""What the bank answers is about the attempt it answers, however often a refund was sent and a file is read."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.persistence.outpatient_claims import PayoutRow, payouts_of
from hospital_prepay.persistence.outpatient_contradictions import contradictions_of
from hospital_prepay.services.outpatient import corrections, payouts
from hospital_prepay.services.outpatient.claims import confirm_claim, redirect_claim, withdraw_claim
from hospital_prepay.services.outpatient.contradictions import ContradictionRow, Verdict, decide_contradiction
from hospital_prepay.services.outpatient.payouts import Answered
from tests.hospital import INSTITUTION, Hospital
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, PAYER, Outpatients

pytestmark = pytest.mark.clause("guizhou-deposit-2025/7")
BANK = {"route": Route.BANK, "bank": "某银行某支行", "card_no": "6217 0000 0000 0000 001"}
HEADING = ("退款单号", "金额", "结果", "失败原因", "文件号")
FAILED, ARRIVED = ("失败", "卡号错"), ("成功", "")


class Bank:
    """One refund, as often as it is sent, and the files that come back."""

    def __init__(self, outpatients: Outpatients, folder: Path) -> None:
        self.outpatients, self.context, self.folder = outpatients, outpatients.context, folder
        self.claim_id = outpatients.confirmed(**BANK)
        self.number = outpatients.claim(self.claim_id).refund_no

    @property
    def state(self) -> str:
        return self.outpatients.claim(self.claim_id).state

    def send(self) -> str:
        return payouts.make_bank_file(self.context, PAYER, Route.BANK, [self.claim_id]).text

    def file(self, name: str, result: tuple[str, str], file_no: str = "") -> Path:
        path = self.folder / name
        with path.open("w", encoding="utf-8", newline="") as target:
            csv.writer(target).writerows([HEADING, (self.number, "64.50", *result, file_no)])
        return path

    def read(self, path: Path) -> Answered:
        return payouts.take_answers(self.context, PAYER, path, path.name)


@pytest.fixture
def bank(outpatients: Outpatients, tmp_path: Path) -> Bank:
    outpatients.census()
    return Bank(outpatients, tmp_path)


@pytest.mark.parametrize("file_no", ["", "1"])
def test_an_old_file_does_not_fail_what_was_sent_after_it(bank: Bank, file_no: str) -> None:
    bank.send()
    old = bank.file("old.csv", FAILED, file_no)
    assert bank.read(old).failed == 1
    bank.send()
    again = bank.read(old)
    assert (again.failed, again.arrived, bank.state) == (0, 0, "sent")
    # The same words in another file are no other answer.
    copied = bank.read(bank.file("copied.csv", FAILED, "０1 "))
    assert (copied.known, bank.state) == (1, "sent")


def test_an_old_file_does_not_pay_what_was_sent_after_it_bounced(bank: Bank, hospital: Hospital) -> None:
    bank.send()
    old = bank.file("old.csv", ARRIVED, "1")
    bank.read(old)
    payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "退汇")
    bank.send()
    assert (bank.read(old).known, bank.state) == (1, "sent")
    assert hospital.count("ledger_entry", "kind = 'outpatient_refund'") == 1


def test_which_attempt_is_asked_where_the_file_does_not_say(bank: Bank) -> None:
    assert bank.send().splitlines()[1].endswith(",1")
    bank.read(bank.file("one.csv", FAILED))
    assert bank.send().splitlines()[1].endswith(",2")
    unsaid = bank.read(bank.file("two.csv", ARRIVED))
    assert (unsaid.arrived, bank.state) == (0, "sent")
    assert "送过 2 次（送款文件 1、2）" in unsaid.told[0].words
    for wrong in ("3", "二"):
        assert bank.read(bank.file("wrong.csv", ARRIVED, wrong)).told[0].outcome == "open"
    assert (bank.read(bank.file("three.csv", ARRIVED, "2")).arrived, bank.state) == (1, "arrived")
    assert bank.read(bank.file("four.csv", ARRIVED)).known == 1


def held(bank: Bank) -> list[ContradictionRow]:
    """What the bank said of the refund against itself."""
    with bank.context.database.reading() as connection:
        return contradictions_of(connection, INSTITUTION, bank.claim_id)


def decide(bank: Bank, verdict: Verdict, number: int = 1, by: Actor = APPROVER, ground: str = "电话核对过") -> str:
    return decide_contradiction(bank.context, by, bank.claim_id, number, verdict, ground).state


@pytest.mark.parametrize(("verdict", "state"), [(Verdict.PAID, "arrived"), (Verdict.UNPAID, "failed")])
def test_an_answer_that_says_otherwise_holds_the_refund(
    bank: Bank, hospital: Hospital, verdict: Verdict, state: str
) -> None:
    """Nothing more is sent until somebody who neither sent nor read decided; no file decides, read how often."""
    bank.send()
    bank.read(bank.file("one.csv", FAILED))
    late = bank.file("late.csv", ARRIVED)
    for path in (late, late, bank.file("later.csv", ARRIVED, "１")):
        told = bank.read(path)
        assert (told.arrived, told.told[0].outcome, bank.state) == (0, "open", "failed")
    assert len(held(bank)) == 1
    for act in (bank.send, lambda: withdraw_claim(bank.context, CLERK, bank.claim_id, "不退了")):
        with pytest.raises(Conflict, match="前后说法不一"):
            act()
    with pytest.raises(SecondPersonRequired):
        decide(bank, verdict, by=replace(PAYER, roles=APPROVER.roles))
    with pytest.raises(NotPermitted):
        decide(bank, verdict, by=OFFICER)
    for nothing in ("", " ", "\u200b", "好\u2060"):
        with pytest.raises(MalformedInput):
            decide(bank, verdict, ground=nothing)
    assert decide(bank, verdict) == state
    with pytest.raises(Conflict):
        decide(bank, verdict)
    assert hospital.count("ledger_entry", "kind = 'outpatient_refund'") == (verdict is Verdict.PAID)
    if verdict is Verdict.UNPAID:
        bank.send()
        assert bank.state == "sent"


def redirected(bank: Bank) -> None:
    bank.send()
    bank.read(bank.file("one.csv", FAILED))
    redirect_claim(bank.context, OFFICER, bank.claim_id, Route.CASH)


def test_an_answer_after_the_way_was_changed_holds_the_cash(bank: Bank) -> None:
    redirected(bank)
    confirm_claim(bank.context, APPROVER, bank.claim_id, "核对过")
    bank.read(bank.file("late.csv", ARRIVED))
    with pytest.raises(Conflict, match="前后说法不一"):
        payouts.pay_cash(bank.context, PAYER, bank.claim_id, "LK-1")
    assert decide(bank, Verdict.UNPAID) == "confirmed"
    assert payouts.pay_cash(bank.context, PAYER, bank.claim_id, "LK-1").state == "arrived"


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_refund_whose_way_was_changed_arrives_by_the_bank_after_all(
    bank: Bank, hospital: Hospital, confirmed: bool
) -> None:
    """Booked at the bank, not in cash; it may bounce like any other."""
    redirected(bank)
    if confirmed:
        confirm_claim(bank.context, APPROVER, bank.claim_id, "核对过")
    bank.read(bank.file("late.csv", ARRIVED))
    assert decide(bank, Verdict.PAID) == "arrived"
    assert (hospital.balance("1001"), hospital.balance("1002")) == (Money(0), Money(519450 - 6450))
    assert bank.outpatients.account("M001").state == "refunded"
    with pytest.raises(Conflict):
        payouts.pay_cash(bank.context, PAYER, bank.claim_id, "LK-1")
    assert payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "退汇").state == "failed"
    assert bank.outpatients.account("M001").balance_fen == 6450


def test_what_a_correction_added_stays_when_a_refund_bounces_and_arrives(bank: Bank) -> None:
    """The returned money is booked, and arrives again, with the rest left for another claim."""
    bank.send()
    bank.read(bank.file("one.csv", ARRIVED))
    asked = corrections.AskCorrection("M001", Money(100), "数错", "k1")
    corrections.approve_correction(bank.context, APPROVER, corrections.ask_correction(bank.context, OFFICER, asked))
    other = bank.outpatients.accept("M001").claim_id
    assert other is not None
    with pytest.raises(Conflict, match="请先办完或撤回那一笔"):
        payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "退汇")
    withdraw_claim(bank.context, CLERK, other, "先等等")
    assert payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "退汇").state == "failed"
    bank.send()
    assert bank.read(bank.file("two.csv", ARRIVED, "2")).arrived == 1
    account = bank.outpatients.account("M001")
    assert (bank.state, account.state, account.balance_fen) == ("arrived", "open", 100)
    rest = bank.outpatients.confirmed()
    payouts.pay_cash(bank.context, PAYER, rest, "LK-2")
    assert (bank.outpatients.account("M001").state, bank.outpatients.account("M001").balance_fen) == ("refunded", 0)


def test_a_first_attempt_that_arrived_after_all_holds_the_refund(bank: Bank) -> None:
    """While the second is on its way nobody can say what became of the first; when it failed, somebody decides."""
    bank.send()
    bank.read(bank.file("one.csv", FAILED))
    bank.send()
    assert (bank.read(bank.file("late.csv", ARRIVED, "1")).told[0].outcome, bank.state) == ("open", "sent")
    with pytest.raises(Conflict, match="又送了一次"):
        decide(bank, Verdict.PAID)
    bank.read(bank.file("two.csv", FAILED, "2"))
    with pytest.raises(Conflict, match="前后说法不一"):
        bank.send()
    assert decide(bank, Verdict.PAID) == "arrived"
    assert [one.state for one in attempts(bank)] == ["arrived", "failed"]
    assert payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "退汇").state == "failed"


def attempts(bank: Bank) -> list[PayoutRow]:
    with bank.context.database.reading() as connection:
        return payouts_of(connection, INSTITUTION, bank.claim_id)


def test_what_arrived_twice_is_decided_and_booked_once(bank: Bank, hospital: Hospital) -> None:
    bank.send()
    bank.read(bank.file("one.csv", FAILED))
    bank.send()
    bank.read(bank.file("late.csv", ARRIVED, "1"))
    assert bank.read(bank.file("two.csv", ARRIVED, "2")).arrived == 1
    assert decide(bank, Verdict.PAID) == "arrived"
    assert hospital.count("ledger_entry", "kind = 'outpatient_refund'") == 1


def test_an_arrival_that_the_bank_takes_back_waits_for_its_bounce(bank: Bank) -> None:
    bank.send()
    bank.read(bank.file("one.csv", ARRIVED))
    assert bank.read(bank.file("late.csv", FAILED)).told[0].outcome == "open"
    with pytest.raises(Conflict, match="先登记"):
        decide(bank, Verdict.UNPAID)
    payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "退汇")
    with pytest.raises(Conflict, match="前后说法不一"):
        bank.send()
    assert decide(bank, Verdict.UNPAID) == "failed"
    bank.send()


def test_what_an_ended_claim_may_have_been_paid_is_not_paid_by_the_next(bank: Bank, hospital: Hospital) -> None:
    """The bank says of a claim that was withdrawn that its money arrived: the account's next claim waits."""
    bank.send()
    bank.read(bank.file("1.csv", FAILED, "1"))
    withdraw_claim(bank.context, CLERK, bank.claim_id, "患者改来窗口")
    bank.read(bank.file("2.csv", ARRIVED, "1"))
    second = bank.outpatients.confirmed()
    with pytest.raises(Conflict, match="还没有决定"):
        payouts.pay_cash(bank.context, PAYER, second, "LK-9")
    decide_contradiction(bank.context, APPROVER, bank.claim_id, 1, Verdict.PAID, "电话核对过")
    with pytest.raises(Conflict, match=f"{bank.number} 已决定为银行付到过"):
        payouts.pay_cash(bank.context, PAYER, second, "LK-9")
    assert hospital.balance("23050102:M001") == Money(-6450)


def test_an_ended_claim_that_was_not_paid_lets_the_next_go(bank: Bank, hospital: Hospital) -> None:
    bank.send()
    bank.read(bank.file("1.csv", FAILED, "1"))
    withdraw_claim(bank.context, CLERK, bank.claim_id, "患者改来窗口")
    bank.read(bank.file("2.csv", ARRIVED, "1"))
    decide_contradiction(bank.context, APPROVER, bank.claim_id, 1, Verdict.UNPAID, "电话核对过")
    payouts.pay_cash(bank.context, PAYER, bank.outpatients.confirmed(), "LK-9")
    assert hospital.balance("23050102:M001") == Money(0)


def test_after_a_double_payment_what_comes_back_is_not_sent_a_third_time(bank: Bank) -> None:
    bank.send()
    bank.read(bank.file("1.csv", FAILED, "1"))
    bank.send()
    bank.read(bank.file("2.csv", ARRIVED, "2"))
    bank.read(bank.file("3.csv", ARRIVED, "1"))
    decide_contradiction(bank.context, APPROVER, bank.claim_id, 1, Verdict.PAID, "电话核对过")
    payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "重复付款退回")
    with pytest.raises(Conflict, match="已决定为银行付到过"):
        bank.send()


def test_a_payment_that_came_back_is_not_decided_to_have_arrived(bank: Bank) -> None:
    bank.send()
    bank.read(bank.file("1.csv", ARRIVED, "1"))
    bank.read(bank.file("2.csv", FAILED, "1"))
    payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "账户受限")
    with pytest.raises(Conflict, match="登记过"):
        decide_contradiction(bank.context, APPROVER, bank.claim_id, 1, Verdict.PAID, "电话核对过")
    with pytest.raises(Conflict, match="说法不一"):
        bank.send()
    decide_contradiction(bank.context, APPROVER, bank.claim_id, 1, Verdict.UNPAID, "电话核对过")
    bank.send()
    assert bank.state == "sent"

"""What the bank answers is about the attempt it answers, however often a refund was sent and a file is read."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

import pytest

from hospital_prepay.domain.errors import Conflict
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.services.outpatient import corrections, payouts
from hospital_prepay.services.outpatient.claims import withdraw_claim
from hospital_prepay.services.outpatient.payouts import Answered
from tests.hospital import Hospital
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


@pytest.mark.parametrize(("truth", "state"), [(ARRIVED, "arrived"), (FAILED, "failed")])
def test_an_answer_that_says_otherwise_holds_the_refund(bank: Bank, truth: tuple[str, str], state: str) -> None:
    """Nothing more is sent until another of the bank's files says which it is; the same one decides nothing."""
    bank.send()
    bank.read(bank.file("one.csv", FAILED))
    late = bank.file("late.csv", ARRIVED)
    for _ in range(2):
        told = bank.read(late)
        assert (told.arrived, bank.state) == (0, "sent")
    with pytest.raises(Conflict):
        bank.send()
    bank.context.clock.moment += timedelta(minutes=1)  # type: ignore[attr-defined]
    bank.read(bank.file("truth.csv", truth, "1"))
    assert bank.state == state


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


def test_a_first_attempt_that_arrived_after_all_is_told(bank: Bank) -> None:
    bank.send()
    bank.read(bank.file("one.csv", FAILED))
    bank.send()
    told = bank.read(bank.file("late.csv", ARRIVED, "1")).told
    assert (told[0].outcome, bank.state) == ("open", "sent")
    assert "这次不一样" in told[0].words

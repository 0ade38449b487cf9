"""What the bank answers is about the attempt it answers, however often a refund was sent and a file is read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import Conflict, LedgerFault, MalformedInput, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.persistence.outpatient_claims import PayoutRow, payouts_of
from hospital_prepay.persistence.outpatient_contradictions import contradictions_of
from hospital_prepay.services.outpatient import corrections, payouts
from hospital_prepay.services.outpatient.claim_steps import confirm_claim, redirect_claim, withdraw_claim
from hospital_prepay.services.outpatient.contradictions import ContradictionRow, Verdict, decide_contradiction
from tests.hospital import INSTITUTION, Hospital
from tests.services.outpatient.conftest import APPROVER, ARRIVED, CLERK, FAILED, OFFICER, PAYER, Bank

pytestmark = pytest.mark.clause("guizhou-deposit-2025/7")


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
    payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "退汇", "TH-1")
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
    # Answered or not, a line that doesn't say which repeats nothing.
    for result in (ARRIVED, FAILED):
        assert "送过 2 次" in bank.read(bank.file(f"four-{result[0]}.csv", result)).told[0].words
    assert bank.read(bank.file("five.csv", ARRIVED, "2")).known == 1


def test_whoever_reads_the_answers_says_whose_they_are(bank: Bank) -> None:
    """Banks answer without the numbers of our files: the line's own number stands above what was said of the file."""
    bank.send()
    bank.read(bank.file("one.csv", FAILED))
    bank.send()
    assert bank.read(bank.file("two.csv", ARRIVED), sent_file=3).told[0].outcome == "open"
    assert bank.read(bank.file("three.csv", FAILED, "1"), sent_file=2).known == 1
    assert bank.read(bank.file("four.csv", ARRIVED), sent_file=2).arrived == 1


def test_a_line_that_could_not_be_used_is_not_known_when_its_file_comes_again(bank: Bank, hospital: Hospital) -> None:
    """Read while the second attempt was on its way, asked for its number, and read again when that had failed."""
    bank.send()
    bank.read(bank.file("one.csv", FAILED))
    bank.send()
    unsaid = bank.file("two.csv", ARRIVED)
    assert bank.read(unsaid).told[0].outcome == "open"
    bank.read(bank.file("three.csv", FAILED, "2"))
    assert "送过 2 次" in bank.read(unsaid).told[0].words
    assert bank.read(unsaid, sent_file=1).told[0].words.startswith("银行对同一次付款前后说法不一")
    assert (len(held(bank)), bank.state) == (1, "failed")
    with pytest.raises(Conflict, match="前后说法不一"):
        bank.send()
    assert hospital.count("ledger_entry", "kind = 'outpatient_refund'") == 0


def test_while_nobody_decided_what_the_bank_meant_no_other_way_is_taken(bank: Bank) -> None:
    bank.send()
    bank.read(bank.file("1.csv", FAILED, "1"))
    bank.read(bank.file("2.csv", ARRIVED, "1"))
    with pytest.raises(Conflict, match="还没有决定"):
        redirect_claim(bank.context, OFFICER, bank.claim_id, Route.CASH)
    assert bank.state == "failed"


def test_what_failed_is_sent_again_by_another_person(bank: Bank) -> None:
    """One person who sends, reads and sends again is alone with the money; a new confirmation is another's look."""
    bank.send()
    bank.read(bank.file("one.csv", FAILED))
    with pytest.raises(SecondPersonRequired, match="再送银行"):
        payouts.make_bank_file(bank.context, PAYER, Route.BANK, [bank.claim_id])
    with pytest.raises(SecondPersonRequired):
        redirect_claim(bank.context, replace(PAYER, roles=OFFICER.roles), bank.claim_id, Route.CASH)
    redirect_claim(bank.context, OFFICER, bank.claim_id, Route.BANK, bank="某银行", card_no="6217000000000000002")
    confirm_claim(bank.context, APPROVER, bank.claim_id, "核对过")
    payouts.make_bank_file(bank.context, PAYER, Route.BANK, [bank.claim_id])
    assert bank.state == "sent"


def test_what_came_back_has_a_slip_of_its_own(bank: Bank) -> None:
    bank.send()
    bank.read(bank.file("one.csv", ARRIVED))
    for nothing in ("", "  ", "——"):
        with pytest.raises(MalformedInput):
            payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "退汇", nothing)
    assert payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "退汇", "TH 9").state == "failed"
    bank.send()
    bank.read(bank.file("two.csv", ARRIVED, "2"))
    with pytest.raises(MalformedInput, match=f"已经用于退款 {bank.number} 的退回"):
        payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "退汇", "th-9")
    assert bank.state == "arrived"


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
    assert payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "退汇", "TH-2").state == "failed"
    assert bank.outpatients.account("M001").balance_fen == 6450


def test_what_a_correction_added_stays_when_a_refund_bounces_and_arrives(bank: Bank) -> None:
    """The returned money is booked, and arrives again, with the rest left for another claim."""
    bank.send()
    bank.read(bank.file("one.csv", ARRIVED))
    asked = corrections.AskCorrection("M001", Money(6550), "数错", "k1")
    corrections.approve_correction(bank.context, APPROVER, corrections.ask_correction(bank.context, OFFICER, asked))
    other = bank.outpatients.accept("M001").claim_id
    assert other is not None
    with pytest.raises(Conflict, match="请先办完或撤回那一笔"):
        payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "退汇", "TH-3")
    withdraw_claim(bank.context, CLERK, other, "先等等")
    assert payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "退汇", "TH-4").state == "failed"
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
    assert payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "退汇", "TH-5").state == "failed"


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
    payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "退汇", "TH-6")
    with pytest.raises(Conflict, match="前后说法不一"):
        bank.send()
    assert decide(bank, Verdict.UNPAID) == "failed"
    bank.send()


def test_an_ended_claim_that_was_not_paid_lets_the_next_go(bank: Bank, hospital: Hospital) -> None:
    bank.send()
    bank.read(bank.file("1.csv", FAILED, "1"))
    withdraw_claim(bank.context, CLERK, bank.claim_id, "患者改来窗口")
    bank.read(bank.file("2.csv", ARRIVED, "1"))
    decide_contradiction(bank.context, APPROVER, bank.claim_id, 1, Verdict.UNPAID, "电话核对过")
    payouts.pay_cash(bank.context, PAYER, bank.outpatients.confirmed(), "LK-9")
    assert hospital.balance("23050102:M001") == Money(0)


def test_a_payment_that_came_back_is_not_decided_to_have_arrived(bank: Bank) -> None:
    bank.send()
    bank.read(bank.file("1.csv", ARRIVED, "1"))
    bank.read(bank.file("2.csv", FAILED, "1"))
    payouts.bounce_refund(bank.context, PAYER, bank.claim_id, "账户受限", "TH-8")
    with pytest.raises(Conflict, match="登记过"):
        decide_contradiction(bank.context, APPROVER, bank.claim_id, 1, Verdict.PAID, "电话核对过")
    with pytest.raises(Conflict, match="说法不一"):
        bank.send()
    decide_contradiction(bank.context, APPROVER, bank.claim_id, 1, Verdict.UNPAID, "电话核对过")
    bank.send()
    assert bank.state == "sent"


def test_what_the_books_refuse_of_one_refund_stops_no_other(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    bank.send()
    path = bank.file("answers.csv", ARRIVED)
    lines = path.read_text("utf-8-sig").splitlines()
    lines.insert(1, lines[1].replace("64.50", "9" * 5000))
    path.write_text("\n".join([*lines, lines[2]]), "utf-8")
    book = payouts.book_payment
    booked: list[int] = []

    def refuse_once(*arguments: Any) -> int:
        if not booked:
            booked.append(0)
            raise LedgerFault("账本没有接受这张凭证，没有入账。")
        return book(*arguments)

    monkeypatch.setattr(payouts, "book_payment", refuse_once)
    answered = bank.read(path)
    assert [one.outcome for one in answered.told] == ["open", "open", "arrived"]
    assert bank.state == "arrived"

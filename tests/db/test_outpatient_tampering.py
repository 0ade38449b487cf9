"""What raw SQL can part of outpatients' money, past the triggers or without them: verification finds it. Both
databases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.ledger.verification import Finding, Kind
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.ledger.seals import verify_ledger
from hospital_prepay.services.outpatient import advances, corrections, escheat, payouts
from tests.db.test_outpatient_books import BANK, M1, Books, books, outpatients
from tests.db.test_outpatient_life import untriggered
from tests.db.test_outpatient_overpaid import Told
from tests.db.test_outpatient_rest import correct, file
from tests.db.test_outpatient_slips import booked, reviewed
from tests.db.test_outpatient_ties import advance, remitted
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, PAYER, answered
from tests.services.outpatient.test_escheat import frozen
from tests.services.outpatient.test_gate import asked, kept

__all__ = ["books", "outpatients"]
pytestmark = pytest.mark.clause("guizhou-deposit-2025/7", "guizhou-deposit-2025/8")
STATE: Final = "门诊退款 {refund} 的状态与它的付款不符。"
PAYMENT: Final = (
    "门诊退款 {refund} 第 {attempt} 次付款与它的凭证不符：没有凭证，不是它的凭证，金额不符，"
    "或者别的付款也写着这张凭证。"
)
UNNAMED: Final = "凭证 {last} 没有哪一次门诊退款写着它。"
OFF_LIST: Final = "门诊账户 {account} 待上缴，却不在上缴名单上。"
ON_LIST: Final = "门诊账户 M001 在第 1 批上缴名单上，状态却与名单不符。"


@dataclass
class Tampered:
    """Books, who owns their database, and what verification says of them."""

    held: Books
    owner: Database
    folder: Path

    def raw(self, *statements: str) -> None:
        """With every trigger, by the application's own user."""
        for statement in statements:
            self.held.sql(statement)

    def unlooked(self, *statements: str) -> None:
        """With no trigger, by the owner."""
        with self.owner.writing() as connection, untriggered(connection):
            for statement in statements:
                assert connection.execute(sa.text(statement)).rowcount > 0

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is found."""
        return verify_ledger(self.held.context.database, self.folder, self.held.context.clock).findings

    def require(self, *expected: str, **values: object) -> None:
        """Exactly this is found, in whatever order."""
        names = {"last": self.last, "refund": self.refund, **values}
        found = self.findings
        assert sorted(one.message for one in found) == sorted(one.format(**names) for one in expected)
        assert {one.kind for one in found} <= {Kind.OUTPATIENT_WRONG}

    @property
    def last(self) -> int:
        """The number of the last entry."""
        return self.scalar("SELECT max(entry_no) FROM ledger_entry")

    @property
    def refund(self) -> str:
        """The number of the first refund."""
        return str(self.scalar("SELECT min(refund_no) FROM outpatient_claim"))

    def scalar(self, query: str) -> int:
        with self.held.context.database.reading() as connection:
            return connection.scalar(sa.text(query))  # type: ignore[no-any-return]


@pytest.fixture
def tampered(books: Books, owner_database: Database, tmp_path: Path) -> Tampered:
    found = Tampered(books, owner_database, tmp_path)
    found.require()
    return found


def sent(held: Books) -> str:
    claim_id = held.outpatients.confirmed(**BANK)
    payouts.make_bank_file(held.context, PAYER, Route.BANK, [claim_id])
    return claim_id


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE outpatient_claim SET state = 'confirmed'",
        "UPDATE outpatient_claim SET state = 'failed'",
        "UPDATE outpatient_payout SET state = 'failed'",
        "DELETE FROM outpatient_payout",
    ],
)
def test_a_refund_on_its_way_has_a_payment_on_its_way(tampered: Tampered, statement: str) -> None:
    sent(tampered.held)
    tampered.require()
    tampered.unlooked(statement)
    tampered.require(STATE)


def test_a_payment_that_is_sent_past_its_refund_is_found(tampered: Tampered) -> None:
    tampered.held.outpatients.confirmed(**BANK)
    tampered.unlooked(
        "INSERT INTO outpatient_payout (institution_id, claim_id, attempt_no, route, amount_fen, state, sent_by,"
        " sent_at) SELECT institution_id, claim_id, 1, route, amount_fen, 'sent', accepted_by, accepted_at"
        " FROM outpatient_claim"
    )
    tampered.require(STATE)


def test_an_answer_written_past_the_refund_is_found(tampered: Tampered) -> None:
    """The payment arrived by an entry of something else, while the refund is still on its way."""
    sent(tampered.held)
    tampered.unlooked("UPDATE outpatient_payout SET state = 'arrived', entry_no = 1, answered_at = sent_at")
    tampered.require(STATE, PAYMENT, attempt=1)
    assert {one.entry_no for one in tampered.findings} == {None, 1}


def test_what_is_undecided_or_was_paid_too_often_is_sound(tampered: Tampered) -> None:
    told = Told(tampered.held, tampered.folder)
    told.twice()
    tampered.require()
    told.decide()
    tampered.require()


AGAIN: Final = (
    "INSERT INTO outpatient_payout (institution_id, claim_id, attempt_no, route, amount_fen, state, sent_by, sent_at,"
    " entry_no) SELECT institution_id, claim_id, 2, route, amount_fen, 'returned', sent_by, sent_at, entry_no"
    " FROM outpatient_payout"
)


@pytest.mark.parametrize(
    ("statement", "attempts", "is_unnamed"),
    [
        ("UPDATE outpatient_payout SET entry_no = 1", (1,), True),
        ("UPDATE outpatient_payout SET entry_no = 1000", (1,), True),
        ("UPDATE outpatient_payout SET amount_fen = amount_fen + 1", (1,), False),
        (AGAIN, (1, 2), False),
        ("UPDATE outpatient_payout SET entry_no = (SELECT max(entry_no) FROM outpatient_payout)", (1,), True),
    ],
)
def test_what_arrived_has_its_own_entry(
    tampered: Tampered, statement: str, attempts: tuple[int, ...], is_unnamed: bool
) -> None:
    """The last takes an entry of another refund, of the same sum and account."""
    held = tampered.held
    answered(held.outpatients, tampered.folder, held.outpatients.confirmed(**BANK))
    named = tampered.last
    if "max(" in statement:
        correct(held, 2 * 6450, "k1")
        payouts.pay_cash(held.context, PAYER, held.outpatients.confirmed(), "LK-2")
    tampered.require()
    tampered.unlooked(statement)
    expected = [PAYMENT.format(refund=tampered.refund, attempt=attempt) for attempt in attempts]
    tampered.require(*expected, *([UNNAMED] if is_unnamed else ()), last=named)


@pytest.mark.usefixtures("unproved")
def test_a_refund_booked_without_a_payment_is_found(tampered: Tampered) -> None:
    claim_id = tampered.held.outpatients.confirmed()
    tampered.held.post("outpatient_refund", (M1, 6450), ("1001", -6450), source=f"outpatient_claim:{claim_id}")
    tampered.require(UNNAMED)
    assert [one.entry_no for one in tampered.findings] == [tampered.last]


@pytest.mark.usefixtures("unproved")
def test_an_advance_booked_without_a_payment_is_found(tampered: Tampered) -> None:
    held = tampered.held
    file(held)
    remitted(held)
    claim_id = held.outpatients.confirmed()
    tampered.require()
    held.post("outpatient_advance", *advance(held, claim_id), source=f"outpatient_claim:{claim_id}")
    tampered.require(UNNAMED)


def submitted(held: Books) -> tuple[str, int]:
    """An advance and the list with which it was applied for."""
    file(held)
    remitted(held)
    claim_id = held.outpatients.confirmed()
    payouts.pay_cash(held.context, PAYER, claim_id, "LK-9")
    list_no = advances.make_advance_list(held.context, OFFICER, 2027).list_no
    advances.submit_advance_list(held.context, APPROVER, list_no, "请1号", date(2026, 1, 10))
    return claim_id, list_no


@pytest.mark.usefixtures("unproved")
def test_a_reimbursement_booked_past_its_list_is_found(tampered: Tampered) -> None:
    claim_id, list_no = submitted(tampered.held)
    lines = ((f"1218:advance:{claim_id}", -6450), ("1002", 6450))
    tampered.require()
    tampered.held.post("outpatient_reimbursed", *lines, source=f"outpatient_advance_list:{list_no}")
    tampered.require("凭证 {last} 记了财政补回垫付，它的申请却没有登记补回。")


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("unproved")
def test_a_remittance_booked_past_its_list_is_found(tampered: Tampered) -> None:
    """PostgreSQL refuses it twice over (0038)."""
    file(tampered.held)
    batch_no = booked(tampered.held)
    tampered.require()
    lines = ("2103", 6450), ("1002", -6450)
    tampered.held.post("outpatient_remittance", *lines, source=f"outpatient_batch:{batch_no}")
    tampered.require("凭证 {last} 记了上缴财政，它的上缴名单却没有登记缴款。")


@pytest.mark.usefixtures("unproved")
def test_money_that_was_turned_over_past_its_account_is_found(tampered: Tampered) -> None:
    held = tampered.held
    file(held)
    batch_no = reviewed(held)
    escheat.approve_list(held.context, APPROVER, batch_no)
    tampered.require()
    held.post("outpatient_escheat", (M1, 6450), ("2103", -6450), source=f"outpatient_batch:{batch_no}")
    tampered.require("门诊账户 M001 在第 1 批上缴名单上，账上却与名单不符。")


def test_a_list_reimbursed_without_an_entry_is_found(tampered: Tampered) -> None:
    _, list_no = submitted(tampered.held)
    tampered.unlooked("UPDATE outpatient_advance_list SET state = 'reimbursed'")
    tampered.require(f"第 {list_no} 号垫付申请登记了财政补回，却没有凭证。")


def test_a_list_that_was_reimbursed_is_sound(tampered: Tampered) -> None:
    _, list_no = submitted(tampered.held)
    advances.reimburse_advance_list(tampered.held.context, PAYER, list_no, "HD1", date(2026, 1, 10))
    tampered.require()


@pytest.mark.usefixtures("unproved")
def test_a_correction_approved_without_an_entry_is_found(tampered: Tampered) -> None:
    asked_for = corrections.AskCorrection("M001", Money(7000), "数错", "k1")
    corrections.ask_correction(tampered.held.context, OFFICER, asked_for)
    tampered.require()
    tampered.raw(
        f"UPDATE outpatient_correction SET state = 'approved', decided_by = '{APPROVER.actor_id}',"
        " decided_at = asked_at"
    )
    tampered.require("门诊账户 M001 有批准了的更正，却没有凭证。")


@pytest.mark.parametrize(
    "statement", ["UPDATE outpatient_correction SET state = 'rejected'", "DELETE FROM outpatient_correction"]
)
def test_a_correction_booked_without_an_approval_is_found(tampered: Tampered, statement: str) -> None:
    correct(tampered.held, 7000, "k1")
    tampered.require()
    tampered.unlooked(statement)
    tampered.require("凭证 {last} 更正了门诊余额，它的更正却没有批准。")


@pytest.fixture
def taking(tampered: Tampered) -> Tampered:
    """A deposit that was taken all the same."""
    kept(tampered.held.outpatients)
    asked(tampered.held.outpatients)
    tampered.require()
    return tampered


def test_a_deposit_without_its_row_is_found(taking: Tampered) -> None:
    taking.unlooked("DELETE FROM outpatient_taken")
    taking.require("凭证 {last} 收了门诊预交金，却没有这一笔收款的登记。")


@pytest.mark.usefixtures("unproved")
def test_a_deposit_without_its_entry_is_found(taking: Tampered) -> None:
    taking.raw(
        "INSERT INTO outpatient_taken (institution_id, taken_id, account_no, amount_fen, tender, kept_kind,"
        " filing_id, consent, decision_id, taken_by, taken_at) SELECT institution_id, 'x', account_no, amount_fen,"
        " tender, kept_kind, filing_id, consent, decision_id, taken_by, taken_at FROM outpatient_taken"
    )
    taking.require("门诊账户 K001 有登记了的收款，却没有凭证。")


@pytest.fixture
def listed(tampered: Tampered) -> Tampered:
    """M001 on a frozen list."""
    file(tampered.held)
    frozen(tampered.held.outpatients)
    tampered.require()
    return tampered


def test_a_frozen_account_on_no_living_list_is_found(listed: Tampered) -> None:
    listed.unlooked("UPDATE outpatient_batch SET state = 'dropped', ended_ground = 'x'")
    listed.require(OFF_LIST, account="M001")
    assert [one.account_id for one in listed.findings] == [M1]


def test_a_listed_account_that_is_not_frozen_is_found(listed: Tampered) -> None:
    listed.raw("UPDATE outpatient_account SET state = 'filed' WHERE account_no = 'M001'")
    listed.require(ON_LIST)
    assert [one.account_id for one in listed.findings] == [M1]


def test_an_account_on_two_lists_is_found(listed: Tampered) -> None:
    """Raw SQL copies a frozen list to another day: a patient would be paid ahead for both."""
    copy = (
        "INSERT INTO outpatient_batch (institution_id, batch_no, on_day, state, accounts, total_fen, sha256,"
        " proposed_by, proposed_at, frozen_by, frozen_at) SELECT institution_id, 2, '2026-12-31', state, accounts,"
        " total_fen, sha256, proposed_by, proposed_at, frozen_by, frozen_at FROM outpatient_batch"
    )
    lines = (
        "INSERT INTO outpatient_batch_line (institution_id, batch_no, account_no, balance_fen, last_movement_on)"
        " SELECT institution_id, 2, account_no, balance_fen, last_movement_on FROM outpatient_batch_line"
    )
    listed.unlooked(copy, lines)
    listed.require("门诊账户 M001 同时在第 1 批和第 2 批上缴名单上。")


@pytest.mark.parametrize("state", ["approved", "booked"])
def test_an_account_that_was_claimed_left_its_list_until_that_is_approved(listed: Tampered, state: str) -> None:
    listed.held.outpatients.accept("M001")
    assert listed.held.outpatients.account("M001").state == "filed"
    listed.require()
    listed.unlooked(f"UPDATE outpatient_batch SET state = '{state}', approved_by = '{APPROVER.actor_id}'")
    listed.require(ON_LIST)


def test_a_frozen_account_of_a_booked_list_is_found(listed: Tampered) -> None:
    listed.unlooked(f"UPDATE outpatient_batch SET state = 'booked', approved_by = '{APPROVER.actor_id}'")
    listed.require(OFF_LIST, account="M001")


def test_an_account_to_which_a_refund_came_back_left_its_list(tampered: Tampered) -> None:
    held = tampered.held
    claim_id = held.outpatients.confirmed(**BANK)
    answered(held.outpatients, tampered.folder, claim_id)
    correct(held, 7000, "k1")
    file(held)
    frozen(held.outpatients)
    payouts.bounce_refund(held.context, CLERK, claim_id, "退汇", "TH-1")
    assert held.outpatients.account("M001").state == "open"
    tampered.require()

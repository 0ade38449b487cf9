"""What the bank paid too often, by raw SQL: booked once, where somebody decided so, and gone once it came back; the
account whose money the bank may have paid is held, by whichever of its claims. Both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.errors import PrepayError
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.persistence import outpatient_claims as store
from hospital_prepay.persistence.ledger import ledger_on
from hospital_prepay.services.ledger.seals import verify_ledger
from hospital_prepay.services.outpatient import advances, escheat, payouts
from hospital_prepay.services.outpatient.claim_steps import withdraw_claim
from hospital_prepay.services.outpatient.contradictions import Verdict, decide_contradiction
from hospital_prepay.services.outpatient.escheat import Part
from hospital_prepay.services.outpatient.overpayments import RecoverOverpayment, recover_overpayment
from tests.db.test_outpatient_books import BANK, Books, books, filed, outpatients, refused, unchanged
from tests.db.test_outpatient_ties import remitted
from tests.hospital import INSTITUTION
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, PAYER
from tests.services.outpatient.test_escheat import REVIEWERS, frozen

__all__ = ["books", "filed", "outpatients"]
pytestmark = pytest.mark.clause("guizhou-deposit-2025/7")
_ROW: Final = (
    "INSERT INTO outpatient_overpayment (institution_id, claim_id, attempt_no, amount_fen, entry_no, recorded_by,"
    " recorded_at, state{more}) SELECT institution_id, claim_id, attempt_no, {amount}, {entry}, '{who}', sent_at,"
    " '{state}'{values} FROM outpatient_payout WHERE attempt_no = {attempt}"
)


class Told:
    """One refund, sent as often as it failed, and what the bank says of each file."""

    def __init__(self, held: Books, folder: Path) -> None:
        self.held, self.context, self.folder = held, held.context, folder
        self.claim_id = held.outpatients.confirmed(**BANK)
        self.number = held.outpatients.claim(self.claim_id).refund_no
        self.sent = 0

    @property
    def account(self) -> str:
        return f"1218:overpaid:{self.claim_id}:1"

    @property
    def source(self) -> str:
        return f"outpatient_claim:{self.claim_id}"

    def send(self) -> None:
        payouts.make_bank_file(self.context, (PAYER, CLERK)[self.sent % 2], Route.BANK, [self.claim_id])
        self.sent += 1

    def tell(self, file_no: int, result: str, yuan: str = "64.50") -> None:
        path = self.folder / f"{file_no}-{result}.csv"
        path.write_text(f"退款单号,金额,结果,文件号\n{self.number},{yuan},{result},{file_no}\n", "utf-8")
        payouts.take_answers(self.context, PAYER, path, path.name)

    def decide(self, verdict: Verdict = Verdict.PAID) -> str:
        return decide_contradiction(self.context, APPROVER, self.claim_id, 1, verdict, "电话核对过").state

    def twice(self) -> None:
        """The second attempt arrived; the bank says that the first had too, and nobody decided yet."""
        self.send()
        self.tell(1, "失败")
        self.send()
        self.tell(2, "成功")
        self.tell(1, "成功")

    def open_account(self) -> None:
        with self.context.database.writing() as connection:
            store.open_overpaid(connection, INSTITUTION, self.claim_id, 1, self.context.clock.now())


@pytest.fixture
def told(books: Books, tmp_path: Path) -> Told:
    return Told(books, tmp_path)


def row(**changes: Any) -> str:
    own = {
        "amount": 6450,
        "entry": 1,
        "who": APPROVER.actor_id,
        "state": "owed",
        "attempt": 1,
        "more": "",
        "values": "",
    }
    return _ROW.format(**{**own, **changes})


def test_it_is_booked_where_somebody_decided_so_and_once(told: Told) -> None:
    """Not before, not by another sum, kind, attempt, claim or other side, and not twice."""
    told.twice()
    told.open_account()
    lines, held, source = ((told.account, 6450), ("1002", -6450)), told.held, told.source
    refused(held, "outpatient_overpaid", *lines, source=source)
    unchanged(held, row())
    told.decide()
    (entry,) = (held.number("outpatient_overpaid"),)
    refused(held, "outpatient_overpaid", *lines, source=source)
    refused(held, "x", *lines, source=source)
    for other in ((told.account, -3000), (told.account, -6450)):
        refused(held, "outpatient_repaid", other, ("1002", -other[1]), source=source)
    refused(held, "outpatient_overpaid_back", (told.account, -3000), ("1002", 3000), source=source)
    refused(held, "outpatient_overpaid_back", (told.account, -6450), ("5901", 6450), source=source)
    refused(held, "outpatient_overpaid_back", (told.account, -6450), ("1002", 6450), source="outpatient_claim:x")
    refused(held, "outpatient_overpaid_back", ("1001", -6450), ("1002", 6450), source=source)
    unchanged(held, row(entry=entry))
    unchanged(held, "DELETE FROM outpatient_overpayment")
    for change in ("amount_fen = 1", "state = 'recovered'", "entry_no = 1", "recorded_by = 'cashier-1'"):
        unchanged(held, f"UPDATE outpatient_overpayment SET {change}")
    recover_overpayment(told.context, PAYER, RecoverOverpayment(told.claim_id, 1, Route.BANK, "SJ-1", "k"))
    refused(held, "outpatient_overpaid", *lines, source=source)
    refused(held, "outpatient_overpaid_back", (told.account, -6450), ("1002", 6450), source=source)
    for change in ("state = 'owed'", "reference = 'x'", "slip_key = 'X'", "recovered_by = 'cashier-1'"):
        unchanged(held, f"UPDATE outpatient_overpayment SET {change}")


def test_an_attempt_that_arrived_is_no_overpayment(told: Told) -> None:
    told.send()
    told.tell(1, "成功")
    told.open_account()
    refused(told.held, "outpatient_overpaid", (told.account, 6450), ("1002", -6450), source=told.source)


@pytest.mark.usefixtures("unproved")
def test_the_row_stands_with_its_entry(told: Told) -> None:
    """Raw, in the place of the program: the entry alone, then rows that say something else of it."""
    told.twice()
    told.open_account()
    told.held.sql(
        f"UPDATE outpatient_contradiction SET decision = 'paid', decided_by = '{APPROVER.actor_id}',"
        " decided_at = raised_at, ground = 'x'"
    )
    entry = told.held.post("outpatient_overpaid", (told.account, 6450), ("1002", -6450), source=told.source)
    for wrong in (
        {"amount": 6449},
        {"entry": entry - 1},
        {"who": PAYER.actor_id},
        {"state": "recovered"},
        {"attempt": 2},
        {"more": ", way", "values": ", 'cash'"},
        {"more": ", slip_key", "values": ", 'X'"},
    ):
        unchanged(told.held, row(**{"entry": entry, **wrong}))
    told.held.sql(row(entry=entry))
    unchanged(told.held, row(entry=entry))


_BACK: Final = (
    "UPDATE outpatient_overpayment SET state = 'recovered', way = 'bank', reference = 'SJ-1', slip_key = 'SJ1',"
    f" recovered_by = '{PAYER.actor_id}', recovered_at = recorded_at, back_entry_no = {{}}"
)


def noted(told: Told, kind: str, named: int | None = None) -> None:
    """Post what came back under a ``kind``, and note it with the entry that was ``named``, or with its own."""
    entry = told.held.entry(kind, (told.account, -6450), ("1002", 6450), source=told.source)

    def note(number: int) -> None:
        connection.execute(sa.text(_BACK.format(named or number)))

    with told.context.database.writing() as connection:
        ledger_on(connection).post(entry, note)


def test_what_came_back_stands_in_its_row_or_not_at_all(told: Told) -> None:
    """Neither the entry without its row, nor the row without that entry; both together do, and once."""
    told.twice()
    told.decide()
    back, held = ((told.account, -6450), ("1002", 6450)), told.held
    owed = held.number("outpatient_overpaid")
    refused(held, "outpatient_overpaid_back", *back, source=told.source)
    for kind, named in (("outpatient_overpaid_back", owed), ("outpatient_repaid", None)):
        with pytest.raises((PrepayError, sa.exc.DBAPIError)):
            noted(told, kind, named)
    for number in (owed, owed + 1, owed + 2, "NULL"):
        unchanged(held, _BACK.format(number))
    noted(told, "outpatient_overpaid_back")
    assert held.number("outpatient_overpaid_back") > owed
    assert verify_ledger(told.context.database, told.folder, told.context.clock).findings == ()
    refused(held, "outpatient_overpaid_back", *back, source=told.source)


def test_a_payment_comes_back_with_a_slip_and_not_beside_what_is_owed(told: Told) -> None:
    told.twice()
    told.decide()
    back = "UPDATE outpatient_payout SET state = 'returned'{} WHERE attempt_no = 2"
    unchanged(told.held, back.format(", return_reference = 'TH-1', return_key = 'TH1'"))
    recover_overpayment(told.context, PAYER, RecoverOverpayment(told.claim_id, 1, Route.BANK, "SJ-1", "k"))
    for proof in (
        "",
        ", return_reference = 'TH-1'",
        ", return_key = 'TH1'",
        ", return_reference = 'x', return_key = 'x'",
    ):
        unchanged(told.held, back.format(proof))
    unchanged(
        told.held, "UPDATE outpatient_payout SET return_reference = 'TH-1', return_key = 'TH1' WHERE attempt_no = 2"
    )
    unchanged(told.held, "UPDATE outpatient_payout SET state = 'sent' WHERE attempt_no = 1")
    assert payouts.bounce_refund(told.context, PAYER, told.claim_id, "退汇", "TH-1").state == "failed"


def test_an_ended_claim_goes_on_only_where_it_was_decided(told: Told) -> None:
    told.send()
    told.tell(1, "失败")
    withdraw_claim(told.context, CLERK, told.claim_id, "不退了")
    told.tell(1, "成功")
    for change in ("state = 'sent'", "state = 'arrived'", "state = 'failed'", "state = 'sent', remitted = true"):
        unchanged(told.held, f"UPDATE outpatient_claim SET {change}")
    told.decide(Verdict.UNPAID)
    unchanged(told.held, "UPDATE outpatient_payout SET state = 'sent', answered_at = sent_at")
    unchanged(told.held, "UPDATE outpatient_claim SET state = 'sent'")


def test_an_account_in_doubt_is_not_paid_by_another_claim(told: Told) -> None:
    """Until somebody decided; and where it was decided that the bank paid, until that is in the books."""
    told.send()
    told.tell(1, "失败")
    withdraw_claim(told.context, CLERK, told.claim_id, "改来窗口")
    told.tell(1, "成功")
    second = told.held.outpatients.confirmed()
    cash = (
        "INSERT INTO outpatient_payout (institution_id, claim_id, attempt_no, route, amount_fen, state, sent_by,"
        " sent_at, answered_at, bank_reference, receipt_key, entry_no) SELECT institution_id, claim_id, 1, 'cash',"
        f" amount_fen, 'arrived', '{PAYER.actor_id}', accepted_at, accepted_at, 'LK1', 'LK1', 1 FROM outpatient_claim"
        f" WHERE claim_id = '{second}'"
    )
    unchanged(told.held, cash)
    told.held.sql(
        f"UPDATE outpatient_contradiction SET decision = 'paid', decided_by = '{APPROVER.actor_id}',"
        " decided_at = raised_at, ground = 'x'"
    )
    unchanged(told.held, cash)


def test_a_batch_with_an_account_in_doubt_is_not_approved(filed: Books, tmp_path: Path) -> None:
    """Of a claim that ended before the account was frozen."""
    told = Told(filed, tmp_path)
    told.send()
    told.tell(1, "失败")
    withdraw_claim(told.context, CLERK, told.claim_id, "不退了")
    batch_no = frozen(filed.outpatients)
    told.tell(1, "成功")
    approve = (
        f"UPDATE outpatient_batch SET state = 'approved', approved_by = '{APPROVER.actor_id}',"
        f" approved_at = frozen_at WHERE batch_no = {batch_no}"
    )
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(filed.context, reviewer, batch_no, part, "核对无误")
    unchanged(filed, approve)
    told.decide(Verdict.UNPAID)
    filed.sql(approve)


def test_a_refund_that_the_bank_paid_before_the_treasury_got_the_money_is_an_advance(
    filed: Books, tmp_path: Path
) -> None:
    """It ended, its account was remitted, and then the bank says that it had paid: applied for like any other."""
    told = Told(filed, tmp_path)
    told.send()
    told.tell(1, "失败")
    withdraw_claim(told.context, CLERK, told.claim_id, "不退了")
    remitted(filed)
    told.tell(1, "成功")
    assert told.decide() == "arrived"
    claim = filed.outpatients.claim(told.claim_id)
    assert (claim.remitted, filed.outpatients.account("M001").state) == (True, "reclaimed")
    assert advances.make_advance_list(filed.context, OFFICER, 2027).total_fen == 6450


def test_an_ended_refund_beyond_what_was_remitted_is_an_advance_and_our_cost(filed: Books, tmp_path: Path) -> None:
    """Whole, as it was confirmed: the treasury's part is applied for, the rest is the hospital's."""
    remitted(filed)
    told = Told.__new__(Told)
    told.held, told.context, told.folder, told.sent = filed, filed.context, tmp_path, 0
    told.claim_id = filed.outpatients.confirmed(**BANK, beyond=Money(100), ground="患者手里的凭条多 1 元")
    told.number = filed.outpatients.claim(told.claim_id).refund_no
    told.send()
    told.tell(1, "失败", "65.50")
    withdraw_claim(told.context, CLERK, told.claim_id, "不退了")
    told.tell(1, "成功", "65.50")
    assert told.decide() == "arrived"
    assert filed.outpatients.account("M001").state == "reclaimed"
    assert advances.make_advance_list(filed.context, OFFICER, 2027).total_fen == 6450


@pytest.mark.usefixtures("unproved")
def test_what_was_reversed_and_never_came_back_is_found(told: Told) -> None:
    """Raw: a red letter of a refund that stays arrived."""
    told.send()
    told.tell(1, "成功")
    first = told.held.number("outpatient_refund")
    lines = (("23050102:M001", 6450), ("1002", -6450))
    told.held.red(first, "outpatient_refund_returned", *lines, source=told.source)
    found = verify_ledger(told.context.database, told.folder, told.context.clock).findings
    assert [one.message for one in found] == [f"凭证 {first} 已冲销，它的退款却没有登记退回。"]


def test_who_sent_a_refund_names_no_other_way_for_it(told: Told) -> None:
    told.send()
    told.tell(1, "失败")
    step = "UPDATE outpatient_claim SET state = 'reviewed', route = 'cash', confirmed_by = NULL, reviewed_by = '{}'"
    for who in (PAYER.actor_id, f"{PAYER.actor_id.upper()} "):
        unchanged(told.held, step.format(who))

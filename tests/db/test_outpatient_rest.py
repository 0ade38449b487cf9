"""What the treasury still has of an account, and what comes back after its rest went there: neither is lost, neither
is paid twice. Both databases."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict, PrepayError
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.persistence import outpatient_claims as store
from hospital_prepay.persistence import outpatient_treasury as treasury
from hospital_prepay.persistence.queries import outpatient_public
from hospital_prepay.persistence.queries.outpatient_left import left_of_batch, stale_batches
from hospital_prepay.services.ledger.seals import verify_ledger
from hospital_prepay.services.outpatient import advances, corrections, escheat, filing, owners, payouts, proposals
from hospital_prepay.services.outpatient.claim_review import read_owner
from hospital_prepay.services.outpatient.claim_steps import confirm_claim, review_claim, withdraw_claim
from hospital_prepay.services.outpatient.contradictions import Verdict, decide_contradiction
from hospital_prepay.services.outpatient.escheat import Part
from hospital_prepay.services.outpatient.filing import MarkUnclearable, Reason
from hospital_prepay.services.outpatient.overpayments import RecoverOverpayment, recover_overpayment
from tests.db.test_outpatient_books import BANK, M1, Books, books, outpatients, refused, unchanged
from tests.db.test_outpatient_overpaid import Told
from tests.db.test_outpatient_ties import remitted
from tests.hospital import INSTITUTION, Hospital
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, OWN, PAYER, answered
from tests.services.outpatient.test_escheat import LAST, REVIEWERS, frozen
from tests.services.outpatient.test_overpayments import OTHER
from tests.told import approved, tell_everybody

__all__ = ["books", "outpatients"]
pytestmark = pytest.mark.clause("guizhou-deposit-2025/7", "guizhou-deposit-2025/8")


def correct(held: Books, fen: int, key: str) -> None:
    asked = corrections.AskCorrection("M001", Money(fen), "数错", key)
    corrections.approve_correction(held.context, APPROVER, corrections.ask_correction(held.context, OFFICER, asked))


def file(held: Books) -> None:
    tell_everybody(held.context)
    marked = MarkUnclearable(Reason.CONTACT_CHANGED, "短信退回", account_nos=("M001",))
    filing.mark_unclearable(held.context, OFFICER, marked)
    made = filing.make_filing(held.context, OFFICER, "随到随退。")
    filing.submit_filing(held.context, OFFICER, made.filing_no, "某市卫生健康局", date(2025, 12, 20))
    filing.acknowledge_filing(held.context, APPROVER, made.filing_no, "备1号", date(2025, 12, 25))


def left(held: Books) -> int:
    with held.context.database.reading() as connection:
        return treasury.left_with_treasury(connection, INSTITUTION, "M001")


def state(held: Books) -> str:
    return str(held.outpatients.account("M001").state)


@pytest.fixture
def ended(books: Books, tmp_path: Path) -> Told:
    """A refund that the bank said had failed, and that was withdrawn."""
    told = Told(books, tmp_path)
    told.send()
    told.tell(1, "失败")
    withdraw_claim(told.context, CLERK, told.claim_id, "先等等")
    return told


def test_the_rest_stays_with_the_treasury_and_is_still_paid(ended: Told, hospital: Hospital, tmp_path: Path) -> None:
    """A correction came between: the bank had paid the first sum, the rest is the patient's still, once."""
    held = ended.held
    correct(held, 7000, "k1")
    file(held)
    remitted(held)
    ended.tell(1, "成功")
    assert ended.decide() == "arrived"
    assert (state(held), left(held), hospital.balance("5901").fen) == ("remitted", 550, 0)
    assert read_owner(held.context, CLERK, "M001").due_fen == 550
    with held.context.database.reading() as connection:
        assert outpatient_public.progress(connection, INSTITUTION).remitted_fen == 550
    unchanged(held, "UPDATE outpatient_account SET state = 'reclaimed' WHERE account_no = 'M001'")
    rest = held.outpatients.confirmed(**BANK)
    assert held.outpatients.claim(rest).amount_fen == 550
    answered(held.outpatients, tmp_path, rest)
    assert (state(held), left(held)) == ("reclaimed", 0)
    made = advances.make_advance_list(held.context, OFFICER, 2027)
    assert (made.claims, made.total_fen) == (2, 7000)
    again = held.outpatients.accept("M001", **BANK)
    assert [one.code for one in again.decision.reasons] == ["nothing_left"]
    assert verify_ledger(held.context.database, tmp_path, held.context.clock).findings == ()


def test_what_an_ended_refund_got_above_the_treasurys_is_owed_by_its_payee(ended: Told, hospital: Hospital) -> None:
    """Nobody lets the hospital bear it by saying so alone; the patient has what was remitted once that came back."""
    held = ended.held
    correct(held, 5000, "k1")
    file(held)
    remitted(held)
    ended.tell(1, "成功")
    ended.decide()
    assert (state(held), left(held), hospital.balance("5901").fen) == ("remitted", 5000, 0)
    assert hospital.balance(ended.account).fen == 6450
    recover_overpayment(held.context, PAYER, RecoverOverpayment(ended.claim_id, 1, Route.CASH, "SJ-1", "k2"))
    assert held.outpatients.claim(held.outpatients.confirmed(**BANK)).amount_fen == 5000
    step = "UPDATE outpatient_claim SET state = 'sent', remitted = true, paid_by = '{}', paid_at = ended_at"
    unchanged(held, step.format(PAYER.actor_id) + f" WHERE claim_id = '{ended.claim_id}'")


@pytest.fixture
def gone(books: Books, tmp_path: Path) -> tuple[Books, str]:
    """A refund that arrived; then there was more, and that went to the treasury."""
    claim_id = books.outpatients.confirmed(**BANK)
    answered(books.outpatients, tmp_path, claim_id)
    correct(books, 7000, "k1")
    file(books)
    return books, claim_id


def bounce(held: Books, claim_id: str, slip: str = "TH-1") -> str:
    return payouts.bounce_refund(held.context, PAYER, claim_id, "账号销户", slip).state


def test_what_comes_back_after_the_rest_is_with_the_treasury_is_owed(
    gone: tuple[Books, str], hospital: Hospital, tmp_path: Path
) -> None:
    held, claim_id = gone
    remitted(held)
    source, owed = f"outpatient_claim:{claim_id}", f"2307:refund:{claim_id}"
    number = held.number("outpatient_refund")
    bank = hospital.balance("1002").fen
    with pytest.raises(PrepayError):
        held.red(number, "outpatient_refund_returned", ("23050102:M001", 6450), ("1002", -6450), source=source)
    assert bounce(held, claim_id) == "failed"
    assert (hospital.balance(owed).fen, hospital.balance("1002").fen) == (-6450, bank + 6450)
    assert (state(held), held.outpatients.account("M001").balance_fen) == ("remitted", 0)
    with pytest.raises(Conflict, match="欠患者的钱"):
        withdraw_claim(held.context, CLERK, claim_id, "不退了")
    refused(held, "outpatient_owed", ("1002", 6450), (owed, -6450), source=source)
    taken = held.outpatients.accept("M001", **{**BANK, "route": Route.CASH, "card_no": "", "bank": ""})
    assert (taken.claim_id, taken.decision.amount) == (claim_id, Money(6450))
    review_claim(held.context, OFFICER, claim_id)
    confirm_claim(held.context, APPROVER, claim_id, "核对过")
    assert payouts.pay_cash(held.context, PAYER, claim_id, "LK-1").state == "arrived"
    assert (hospital.balance(owed).fen, state(held), left(held)) == (0, "remitted", 550)
    rest = held.outpatients.confirmed(**BANK)
    answered(held.outpatients, tmp_path, rest)
    assert (held.outpatients.claim(rest).amount_fen, state(held)) == (550, "reclaimed")
    assert advances.make_advance_list(held.context, OFFICER, 2027).total_fen == 550
    assert verify_ledger(held.context.database, tmp_path, held.context.clock).findings == ()


def test_it_bounces_after_the_rest_was_reclaimed_as_often_as_it_does(
    gone: tuple[Books, str], hospital: Hospital, tmp_path: Path
) -> None:
    held, claim_id = gone
    remitted(held)
    answered(held.outpatients, tmp_path, held.outpatients.confirmed(**BANK))
    assert state(held) == "reclaimed"
    for slip in ("TH-1", "TH-2"):
        assert bounce(held, claim_id, slip) == "failed"
        assert (state(held), hospital.balance(f"2307:refund:{claim_id}").fen) == ("reclaimed", -6450)
        assert read_owner(held.context, CLERK, "M001").due_fen == 6450
        answered(held.outpatients, tmp_path, claim_id)
        assert (state(held), hospital.balance(f"2307:refund:{claim_id}").fen) == ("reclaimed", 0)


def test_it_waits_while_an_approved_list_is_being_booked(gone: tuple[Books, str]) -> None:
    held, claim_id = gone
    batch_no = frozen(held.outpatients)
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(held.context, reviewer, batch_no, part, "核对无误")
    escheat.approve_list(held.context, APPROVER, batch_no)
    with pytest.raises(Conflict, match="入账后马上可以登记退回"):
        bounce(held, claim_id)
    escheat.book_batch(held.context, APPROVER, batch_no)
    assert bounce(held, claim_id) == "failed"


def test_a_frozen_account_leaves_its_list_when_money_comes_back(gone: tuple[Books, str]) -> None:
    held, claim_id = gone
    batch_no = frozen(held.outpatients)
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(held.context, reviewer, batch_no, part, "核对无误")
    assert bounce(held, claim_id) == "failed"
    assert (state(held), held.outpatients.account("M001").balance_fen) == ("open", 7000)
    with held.context.database.reading() as connection:
        assert stale_batches(connection, INSTITUTION) == {batch_no}
        assert [one.account_no for one in left_of_batch(connection, INSTITUTION, batch_no).first] == ["M001"]
    with pytest.raises(Conflict, match=r"1 个账户.*M001.*不能批准"):
        escheat.approve_list(held.context, APPROVER, batch_no)


def test_what_came_back_is_filed_anew_before_it_goes(gone: tuple[Books, str]) -> None:
    """64.50 of 70.00 stood on no filing: nobody proposes it until it does (8), as of M003."""
    held, claim_id = gone
    batch_no = frozen(held.outpatients)
    bounce(held, claim_id)
    withdraw_claim(held.context, CLERK, claim_id, "找不到人")
    escheat.drop_batch(held.context, OFFICER, batch_no, "重做")
    proposal = proposals.propose(held.context, OFFICER.institution_id, LAST)
    assert (proposal.accounts, proposal.held_back) == (0, {"open": (2, 10000)})


def open_claims(held: Books) -> list[str]:
    with held.context.database.reading() as connection:
        there = store.claims_of_account(connection, INSTITUTION, "M001")
    return [one.refund_no for one in there if one.state == "failed"]


def test_two_refunds_of_one_account_come_back_and_each_is_owed_and_paid(
    ended: Told, hospital: Hospital, tmp_path: Path
) -> None:
    """Both went to a card that was closed, after the treasury had been asked for them; then the bank's file says of
    the older one, too, that it had failed: what came back decides that."""
    held = half_paid(ended)
    second = Second(held, tmp_path)
    answered(held.outpatients, tmp_path, second.claim_id)
    made = advances.make_advance_list(held.context, OFFICER, 2027)
    advances.submit_advance_list(held.context, APPROVER, made.list_no, "文1", held.context.clock.today())
    assert bounce(held, second.claim_id, "TH-1") == "failed"
    path = tmp_path / "late.csv"
    path.write_text(f"退款单号,金额,结果,失败原因,文件号\n{ended.number},64.50,失败,账号销户,1\n", "utf-8")
    assert len(payouts.take_answers(held.context, PAYER, path, path.name).open_) == 1
    assert bounce(held, ended.claim_id, "TH-2") == "failed"
    assert decide_contradiction(held.context, APPROVER, ended.claim_id, 2, Verdict.UNPAID, "核对过").state == "failed"
    assert len(open_claims(held)) == 2
    owed = [f"2307:refund:{one}" for one in (ended.claim_id, second.claim_id)]
    assert [hospital.balance(one).fen for one in owed] == [-6450, -550]
    cash = {**BANK, "route": Route.CASH, "card_no": "", "bank": ""}
    taken = [held.outpatients.accept("M001", **cash).claim_id for _ in owed]
    assert set(taken) == {ended.claim_id, second.claim_id}
    for number, claim_id in enumerate(taken):
        assert claim_id is not None
        review_claim(held.context, OFFICER, claim_id)
        confirm_claim(held.context, APPROVER, claim_id, "核对过")
        assert payouts.pay_cash(held.context, PAYER, claim_id, f"LK-{number}").state == "arrived"
    assert [hospital.balance(one).fen for one in owed] == [0, 0]
    assert (state(held), left(held), open_claims(held)) == ("reclaimed", 0, [])
    assert verify_ledger(held.context.database, tmp_path, held.context.clock).findings == ()


def test_an_account_has_one_open_claim_beside_what_is_owed(
    ended: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the database alone: nothing comes back beside a refund that is under way and owed nothing."""
    held = half_paid(ended)
    second = Second(held, tmp_path)
    monkeypatch.setattr(payouts, "_require_no_other", lambda *_: None)
    with pytest.raises(Conflict):
        bounce(held, ended.claim_id)
    withdraw_claim(held.context, CLERK, second.claim_id, "先等等")
    assert bounce(held, ended.claim_id) == "failed"


@pytest.mark.parametrize("ahead", [0, 549, 551, 650])
def test_raw_what_is_paid_ahead_is_what_is_left(ended: Told, tmp_path: Path, ahead: int) -> None:
    """Raw: the rest is booked as the hospital's own cost, so that it would be paid a second time, or as more than the
    treasury has."""
    held = half_paid(ended)
    second = Second(held, tmp_path, beyond=Money(100), ground="患者手里的凭条多 1 元")
    with held.context.database.writing() as connection:
        store.open_advance(connection, INSTITUTION, second.claim_id, held.context.clock.now())
    lines = [(f"1218:advance:{second.claim_id}", ahead), ("5901", 650 - ahead), ("1001", -650)]
    there = [one for one in lines if one[1]]
    refused(held, "outpatient_advance", *there, source=f"outpatient_claim:{second.claim_id}")
    assert left(held) == 550


@pytest.mark.parametrize("database_urls", ["postgres"], indirect=True)
def test_raw_a_bounce_waits_for_the_approval_of_its_list(gone: tuple[Books, str]) -> None:
    """Raw, by somebody who takes no lock: the list is being approved, and the refund fails beside it."""
    held, claim_id = gone
    batch_no = frozen(held.outpatients)
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(held.context, reviewer, batch_no, part, "核对无误")
    fails = f"UPDATE outpatient_claim SET state = 'failed' WHERE claim_id = '{claim_id}'"
    told: list[object] = []

    def fail() -> None:
        try:
            told.append(held.sql(fails))
        except sa.exc.DBAPIError as error:
            told.append(error)

    with held.context.database.writing() as connection:
        connection.execute(sa.text(f"SELECT 1 FROM outpatient_batch WHERE batch_no = {batch_no} FOR UPDATE"))
        other = threading.Thread(target=fail)
        other.start()
        other.join(1)
        assert told == []
    other.join(20)
    assert len(told) == 1
    escheat.approve_list(held.context, APPROVER, batch_no)
    unchanged(held, fails)


@pytest.mark.parametrize(("name", "certno", "holds"), [("吴佳", "", True), ("吴申", OTHER, False)])
@pytest.mark.usefixtures("unproved")
def test_a_mended_name_lets_nobody_be_paid_twice(ended: Told, name: str, certno: str, holds: bool) -> None:
    """Raw: the bank had paid the first refund, its payee owes that, and the account has money for another. Who has
    the same certificate number is the same person; whoever is another isn't held for it."""
    held = ended.held
    correct(held, 6000, "k1")
    held.context.clock.moment += timedelta(days=1)  # type: ignore[attr-defined]
    change = owners.AskOwnerChange("M001", name, certno, "", "写错一个字", "身份证", "k-owner")
    approved(held.context, APPROVER, owners.ask_owner_change(held.context, OFFICER, change))
    ended.tell(1, "成功")
    assert ended.decide() == "withdrawn"
    second = held.outpatients.accept("M001", certno=certno or OWN, patient_certno=certno or OWN).claim_id
    assert second is not None
    review_claim(held.context, REVIEWERS[0], second)
    confirm_claim(held.context, REVIEWERS[2], second, "核对过")
    held.context.clock.moment += timedelta(days=1)  # type: ignore[attr-defined]
    number = (
        1
        if holds
        else held.post("outpatient_refund", (M1, 6000), ("1001", -6000), source=f"outpatient_claim:{second}")
    )
    cash = (
        "INSERT INTO outpatient_payout (institution_id, claim_id, attempt_no, route, amount_fen, state, sent_by,"
        " sent_at, answered_at, bank_reference, receipt_key, entry_no) SELECT institution_id, claim_id, 1, 'cash',"
        f" amount_fen, 'arrived', '{PAYER.actor_id}', accepted_at, accepted_at, 'LK1', 'LK1', {number} FROM"
        f" outpatient_claim WHERE claim_id = '{second}'"
    )
    if holds:
        unchanged(held, cash)
        return
    held.sql(cash)


class Second(Told):
    """A later claim of the same account, on what the treasury has."""

    def __init__(self, held: Books, folder: Path, **changes: object) -> None:
        self.held, self.context, self.folder = held, held.context, folder
        self.claim_id = held.outpatients.confirmed(**BANK, **changes)
        found = held.outpatients.claim(self.claim_id)
        self.number, self.yuan = found.refund_no, Money(found.amount_fen).plain()


def half_paid(ended: Told) -> Books:
    """64.50 of 70.00 that were remitted had been paid by the bank before."""
    held = ended.held
    correct(held, 7000, "k1")
    file(held)
    remitted(held)
    ended.tell(1, "成功")
    assert ended.decide() == "arrived"
    return held


def later(held: Books) -> None:
    held.context.clock.moment += timedelta(minutes=1)  # type: ignore[attr-defined]


def test_two_ended_refunds_of_one_account_are_not_both_paid(ended: Told, hospital: Hospital, tmp_path: Path) -> None:
    """The whole was claimed, failed and was withdrawn; then the bank says of each refund that it had paid it."""
    held = ended.held
    correct(held, 7000, "k1")
    file(held)
    remitted(held)
    second = Second(held, tmp_path)
    made = payouts.make_bank_file(held.context, PAYER, Route.BANK, [second.claim_id])
    second.tell(made.file_no, "失败", second.yuan)
    withdraw_claim(held.context, CLERK, second.claim_id, "先等等")
    ended.tell(1, "成功")
    assert (ended.decide(), left(held)) == ("arrived", 550)
    second.tell(made.file_no, "成功", second.yuan)
    assert second.decide() == "withdrawn"
    assert (hospital.balance("5901").fen, hospital.balance(second.account).fen, left(held)) == (0, 7000, 550)


def test_what_comes_back_is_what_was_booked(ended: Told, hospital: Hospital, tmp_path: Path) -> None:
    """The rest with one yuan beyond it, after more of the account came back: the same two lines in red."""
    held = half_paid(ended)
    second = Second(held, tmp_path, beyond=Money(100), ground="患者手里的凭条多 1 元")
    answered(held.outpatients, tmp_path, second.claim_id)
    assert (second.yuan, hospital.balance("5901").fen) == ("6.50", 100)
    assert bounce(held, ended.claim_id, "TH-1") == "failed"
    withdraw_claim(held.context, CLERK, ended.claim_id, "先等等")
    assert bounce(held, second.claim_id, "TH-2") == "failed"
    advance = hospital.balance(f"1218:advance:{second.claim_id}").fen
    assert (hospital.balance("5901").fen, advance, left(held)) == (0, 0, 7000)


def test_what_was_paid_ahead_is_applied_for_and_no_more(ended: Told, hospital: Hospital, tmp_path: Path) -> None:
    """One yuan beyond the rest is the hospital's, though another claim of the account comes after it."""
    held = half_paid(ended)
    later(held)
    second = Second(held, tmp_path, beyond=Money(100), ground="患者手里的凭条多 1 元")
    answered(held.outpatients, tmp_path, second.claim_id)
    later(held)
    assert bounce(held, ended.claim_id, "TH-1") == "failed"
    withdraw_claim(held.context, CLERK, ended.claim_id, "先等等")
    later(held)
    third = held.outpatients.confirmed(**BANK)
    answered(held.outpatients, tmp_path, third)
    made = advances.make_advance_list(held.context, OFFICER, 2027)
    today = held.context.clock.today()
    advances.submit_advance_list(held.context, APPROVER, made.list_no, "文1", today)
    advances.reimburse_advance_list(held.context, PAYER, made.list_no, "HD1", today)
    assert made.total_fen == 7000
    assert [hospital.balance(f"1218:advance:{one}").fen for one in (second.claim_id, third)] == [0, 0]


@pytest.mark.parametrize("database_urls", ["postgres"], indirect=True)
def test_a_bounce_waits_for_an_approval_beside_it(gone: tuple[Books, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The approval has looked and isn't committed: the list is booked whole, and the money is owed after it."""
    held, claim_id = gone
    batch_no = frozen(held.outpatients)
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(held.context, reviewer, batch_no, part, "核对无误")
    inside, go = threading.Event(), threading.Event()
    real = escheat.store.walk_batch

    def slow(*args: object, **values: object) -> None:
        real(*args, **values)  # type: ignore[arg-type]
        inside.set()
        go.wait(20)

    monkeypatch.setattr(escheat.store, "walk_batch", slow)
    told: list[str] = []

    def come_back() -> None:
        try:
            told.append(bounce(held, claim_id))
        except Conflict as error:
            told.append(error.message)

    one = threading.Thread(target=escheat.approve_list, args=(held.context, APPROVER, batch_no))
    two = threading.Thread(target=come_back)
    one.start()
    assert inside.wait(20)
    two.start()
    two.join(2)
    go.set()
    one.join(30)
    two.join(30)
    monkeypatch.undo()
    assert ["入账后马上可以登记退回" in one for one in told] == [True]
    escheat.book_batch(held.context, APPROVER, batch_no)
    assert bounce(held, claim_id) == "failed"


@pytest.mark.parametrize("is_gone", [False, True])
def test_what_the_bank_paid_the_holder_of_before_isnt_the_next_ones(
    books: Books, hospital: Hospital, tmp_path: Path, is_gone: bool
) -> None:
    """The refund is open again when the account is found to be another's, and an earlier attempt had arrived: whoever
    was paid owes it, and the holder of now has all of theirs."""
    told = Told(books, tmp_path)
    told.send()
    told.tell(1, "失败")
    told.send()
    told.tell(2, "成功")
    if is_gone:
        correct(books, 7000, "k1")
        file(books)
        remitted(books)
    books.context.clock.moment += timedelta(days=1)  # type: ignore[attr-defined]
    change = owners.AskOwnerChange("M001", "吴申", OTHER, "", "登记错人", "身份证", "k-owner")
    approved(books.context, APPROVER, owners.ask_owner_change(books.context, OFFICER, change))
    books.context.clock.moment += timedelta(days=1)  # type: ignore[attr-defined]
    assert bounce(books, told.claim_id) == "failed"
    told.tell(1, "成功")
    assert told.decide() == "failed"
    assert hospital.balance(told.account).fen == 6450
    assert read_owner(books.context, CLERK, "M001").due_fen == 6450

"""By raw SQL of the application's own user, neither an entry of outpatients' money without its act, nor an act
without its entry, nor a payment that its refund knows nothing of (migration 0068). Both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import PrepayError
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.persistence import outpatient_claims as store
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger import ledger_on
from hospital_prepay.persistence.migrate import upgrade
from hospital_prepay.services.outpatient import advances, corrections, escheat, filing, payouts
from hospital_prepay.services.outpatient.claim_steps import withdraw_claim
from tests.db.test_outpatient_books import BANK, M1, Books, books, filed, outpatients, unchanged
from tests.db.test_outpatient_bounced import Refund
from tests.db.test_outpatient_overpaid import Told
from tests.db.test_outpatient_slips import booked
from tests.db.test_outpatient_ties import advance, remitted
from tests.hospital import INSTITUTION, Hospital
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, PAYER, answered
from tests.services.outpatient.test_escheat import LAST, REMITTER, REVIEWERS, frozen
from tests.services.outpatient.test_gate import asked, kept

__all__ = ["books", "filed", "outpatients"]
pytestmark = pytest.mark.clause("guizhou-deposit-2025/7", "guizhou-deposit-2025/8")


def alone(held: Books, kind: str, *lines: tuple[str, int], source: str, red: int | None = None) -> None:
    """An entry with which nothing is wrong but that nobody acted so: it isn't there afterwards."""
    query = sa.text("SELECT count(*) FROM ledger_entry")
    with held.context.database.reading() as connection:
        before = connection.scalar(query)
    with pytest.raises((PrepayError, sa.exc.DBAPIError)) as refused:
        held.post(kind, *lines, source=source) if red is None else held.red(red, kind, *lines, source=source)
    told = f"{refused.value} {refused.value.__cause__}"
    # What speaks is the end of the transaction, not a guard of the entry itself.
    assert "no_act: ledger_entry" in told or "FOREIGN KEY constraint failed" in told or "slip: ledger_entry" in told
    with held.context.database.reading() as connection:
        assert connection.scalar(query) == before


def test_an_account_isnt_emptied_without_a_payment(books: Books) -> None:
    claim_id = books.outpatients.confirmed()
    alone(books, "outpatient_refund", (M1, 6450), ("1001", -6450), source=f"outpatient_claim:{claim_id}")
    assert books.standing[0] == 6450
    assert payouts.pay_cash(books.context, PAYER, claim_id, "LK-1").state == "arrived"


def _source(claim_id: str) -> str:
    return f"outpatient_claim:{claim_id}"


def _pay(held: Books, connection: sa.Connection, claim_id: str, *steps: str) -> None:
    """What the program does, by hand: ``steps`` of entry, payment and refund, or all three."""
    entry_no = 1
    if not steps or "entry" in steps:
        lines = (M1, 6450), ("1001", -6450)
        entry_no = ledger_on(connection).post(held.entry("outpatient_refund", *lines, source=_source(claim_id)))
    if not steps or "payment" in steps:
        pay = (
            "INSERT INTO outpatient_payout (institution_id, claim_id, attempt_no, route, amount_fen, state, sent_by,"
            " sent_at, answered_at, bank_reference, receipt_key, entry_no) SELECT institution_id, claim_id, 1,"
            f" 'cash', amount_fen, 'arrived', '{PAYER.actor_id}', accepted_at, accepted_at, 'LK1', 'LK1',"
            f" {entry_no} FROM outpatient_claim WHERE claim_id = '{claim_id}'"
        )
        connection.execute(sa.text(pay))
    if not steps or "refund" in steps:
        walk = f"UPDATE outpatient_claim SET state = 'arrived', paid_by = '{PAYER.actor_id}'"
        connection.execute(sa.text(f"{walk} WHERE claim_id = '{claim_id}'"))


def test_a_payment_is_booked_with_its_entry_by_whoever_does_both(books: Books) -> None:
    """Entry, payment and refund in one transaction; and no two of the three."""
    claim_id = books.outpatients.confirmed()

    def write(*steps: str) -> None:
        with books.context.database.writing() as connection:
            _pay(books, connection, claim_id, *steps)

    for steps in (("entry", "payment"), ("entry", "refund"), ("payment", "refund"), ("entry",), ("refund",)):
        with pytest.raises((PrepayError, sa.exc.DBAPIError)):
            write(*steps)
    assert books.standing[0] == 6450
    write()
    assert books.standing[0] == 0


def test_nobody_is_paid_ahead_without_a_payment(filed: Books) -> None:
    remitted(filed)
    claim_id = filed.outpatients.confirmed()
    alone(filed, "outpatient_advance", *advance(filed, claim_id), source=f"outpatient_claim:{claim_id}")


def test_what_comes_back_comes_back_of_a_payment(books: Books, tmp_path: Path) -> None:
    claim_id = books.outpatients.confirmed(**BANK)
    answered(books.outpatients, tmp_path, claim_id)
    lines, source = ((M1, 6450), ("1002", -6450)), f"outpatient_claim:{claim_id}"
    alone(books, "outpatient_refund_returned", *lines, source=source, red=books.number("outpatient_refund"))
    unchanged(books, "UPDATE outpatient_payout SET state = 'returned', return_reference = 'TH1', return_key = 'TH1'")
    assert payouts.bounce_refund(books.context, PAYER, claim_id, "销户", "TH-1").state == "failed"


def test_what_is_owed_and_what_is_paid_of_it_has_its_payment(
    filed: Books, tmp_path: Path, hospital: Hospital
) -> None:
    refund = Refund(filed, tmp_path, hospital)
    back, out = (("1002", 6450), (refund.owed, -6450)), ((refund.owed, 6450), ("1002", -6450))
    with filed.context.database.writing() as connection:
        store.open_owed(connection, INSTITUTION, refund.claim_id, filed.context.clock.now())
    alone(filed, "outpatient_owed", *back, source=refund.source)
    refund.bounce()
    payouts.make_bank_file(refund.context, CLERK, Route.BANK, [refund.claim_id])
    alone(filed, "outpatient_repaid", *out, source=refund.source)


def test_what_was_paid_too_often_has_its_row(books: Books, tmp_path: Path) -> None:
    told = Told(books, tmp_path)
    told.twice()
    told.open_account()
    books.sql(
        f"UPDATE outpatient_contradiction SET decision = 'paid', decided_by = '{APPROVER.actor_id}',"
        " decided_at = raised_at, ground = 'x'"
    )
    alone(books, "outpatient_overpaid", (told.account, 6450), ("1002", -6450), source=told.source)


def test_the_budgets_money_has_its_list(filed: Books) -> None:
    remitted(filed)
    claim_id = filed.outpatients.confirmed()
    payouts.pay_cash(filed.context, PAYER, claim_id, "LK-9")
    list_no = advances.make_advance_list(filed.context, OFFICER, 2027).list_no
    advances.submit_advance_list(filed.context, APPROVER, list_no, "请1号", LAST)
    lines = ((f"1218:advance:{claim_id}", -6450), ("1002", 6450))
    alone(filed, "outpatient_reimbursed", *lines, source=f"outpatient_advance_list:{list_no}")
    done = advances.reimburse_advance_list(filed.context, PAYER, list_no, "HD1", LAST)
    assert done.state == "reimbursed"


def test_money_that_goes_to_the_treasury_has_its_batch(filed: Books) -> None:
    batch_no = booked(filed)
    lines = ("2103", 9450), ("1002", -9450)
    alone(filed, "outpatient_remittance", *lines, source=f"outpatient_batch:{batch_no}")
    slip = escheat.Remittance("缴款书1", "回单1", LAST)
    assert escheat.remit_batch(filed.context, REMITTER, batch_no, slip).state == "remitted"


@pytest.mark.parametrize("database_urls", ["postgres"], indirect=True)
def test_what_is_turned_over_leaves_no_account_behind(filed: Books) -> None:
    """A part of a list has up to a thousand accounts: SQLite, which can't look at a transaction's end, doesn't count
    them; there ``ledger verify`` tells."""
    batch_no = frozen(filed.outpatients)
    for part, reviewer in zip(escheat.Part, REVIEWERS, strict=True):
        escheat.review_batch(filed.context, reviewer, batch_no, part, "核对无误")
    escheat.approve_list(filed.context, APPROVER, batch_no)
    alone(filed, "outpatient_escheat", (M1, 6450), ("2103", -6450), source=f"outpatient_batch:{batch_no}")
    assert escheat.book_batch(filed.context, APPROVER, batch_no).state == "booked"


def test_a_correction_is_approved_with_its_entry(books: Books) -> None:
    asked_for = corrections.AskCorrection("M001", Money(7000), "数错", "k1")
    correction_id = corrections.ask_correction(books.context, OFFICER, asked_for)
    unchanged(
        books,
        f"UPDATE outpatient_correction SET state = 'approved', decided_by = '{APPROVER.actor_id}',"
        " decided_at = asked_at",
    )
    corrections.approve_correction(books.context, APPROVER, correction_id)
    assert books.standing[0] == 7000


def test_a_deposit_is_taken_with_its_entry(books: Books) -> None:
    kept(books.outpatients)
    asked(books.outpatients)
    unchanged(
        books,
        "INSERT INTO outpatient_taken (institution_id, taken_id, account_no, amount_fen, tender, kept_kind,"
        " filing_id, consent, decision_id, taken_by, taken_at) SELECT institution_id, 'x', account_no, amount_fen,"
        " tender, kept_kind, filing_id, consent, decision_id, taken_by, taken_at FROM outpatient_taken",
    )


def test_a_payment_is_sent_and_ends_with_its_refund(books: Books) -> None:
    claim_id = books.outpatients.confirmed(**BANK)
    unchanged(
        books,
        "INSERT INTO outpatient_payout (institution_id, claim_id, attempt_no, route, amount_fen, state, sent_by,"
        f" sent_at) SELECT institution_id, claim_id, 1, route, amount_fen, 'sent', '{PAYER.actor_id}', accepted_at"
        " FROM outpatient_claim",
    )
    payouts.make_bank_file(books.context, PAYER, Route.BANK, [claim_id])
    unchanged(books, "UPDATE outpatient_payout SET state = 'failed', answered_at = sent_at, failure = 'x'")


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "INSERT INTO proof SELECT * FROM proof_due WHERE what = 'act'",
        "INSERT OR IGNORE INTO proof SELECT * FROM proof_due",
        "INSERT OR REPLACE INTO proof_due SELECT * FROM proof_due",
        "UPDATE proof_due SET about = 'x'",
        "UPDATE OR REPLACE proof_due SET what = 'entry'",
        "DELETE FROM proof_due",
        "DELETE FROM proof",
    ],
)
def test_nobody_says_that_it_is_proved(books: Books, statement: str) -> None:
    """SQLite: what is due at the end of a transaction stands in a table, which the same user may write."""
    payouts.pay_cash(books.context, PAYER, books.outpatients.confirmed("M003", certno=""), "LK-1")
    source = f"outpatient_claim:{books.outpatients.confirmed()}"
    entry = books.entry("outpatient_refund", (M1, 6450), ("1001", -6450), source=source)

    def write() -> None:
        with books.context.database.writing() as connection:
            ledger_on(connection).post(entry)
            connection.execute(sa.text(statement))

    with pytest.raises((PrepayError, sa.exc.DBAPIError)):
        write()
    assert books.standing[0] == 6450


def test_one_proof_passes_for_no_other(books: Books) -> None:
    """A payment as it should be, and an entry of another refund alone, in one transaction and in either order."""
    first, second = books.outpatients.confirmed(), books.outpatients.confirmed("M003", certno="")
    alone_ = books.entry("outpatient_refund", ("23050102:M003", 3000), ("1001", -3000), source=_source(second))

    def write(is_first: bool) -> None:
        with books.context.database.writing() as connection:
            if is_first:
                ledger_on(connection).post(alone_)
            _pay(books, connection, first)
            if not is_first:
                ledger_on(connection).post(alone_)

    for is_first in (True, False):
        with pytest.raises((PrepayError, sa.exc.DBAPIError)):
            write(is_first)
    assert books.standing[0] == 6450


NAMELESS: Final = (
    ("", "{at}", "x"),
    ("nobody", "{at}", "x"),
    ("cashier-1", "NULL", "x"),
    ("cashier-1", "{at}", " "),
)


def taken_back(held: Books, table: str, state: str, ground: str, at: str) -> None:
    """Refused without a person, one of the house, a moment or a ground; and nobody is said to have taken back what
    stands."""
    for who, when, why in NAMELESS:
        person = f"'{who}'" if who else "NULL"
        unchanged(
            held,
            f"UPDATE {table} SET state = '{state}', ended_by = {person}, ended_at = {when.format(at=at)},"
            f" {ground} = '{why}'",
        )
    unchanged(held, f"UPDATE {table} SET ended_by = 'cashier-1', ended_at = {at}, {ground} = 'x'")


@pytest.mark.parametrize("state", ["withdrawn", "rejected"])
def test_a_refund_that_ends_says_by_whom_and_why(books: Books, state: str) -> None:
    claim_id = books.outpatients.accept().claim_id
    taken_back(books, "outpatient_claim", state, "ground", "accepted_at")
    withdraw_claim(books.context, CLERK, str(claim_id), "不退了")
    unchanged(books, "UPDATE outpatient_claim SET ground = 'y'")


def test_a_filing_that_is_withdrawn_says_by_whom_and_why(books: Books, filed: Books) -> None:
    marked = filing.MarkUnclearable(filing.Reason.NO_ANSWER, "又找不到了", account_nos=("M002",))
    filing.mark_unclearable(filed.context, OFFICER, marked)
    made = filing.make_filing(filed.context, OFFICER, "随到随退。")
    taken_back(filed, "outpatient_filing", "withdrawn", "ended_ground", "made_at")
    done = filing.withdraw_filing(filed.context, OFFICER, made.filing_no, "写错了")
    assert (done.ended_by, done.ended_ground) == (OFFICER.actor_id, "写错了")


def test_a_batch_that_is_dropped_says_by_whom_and_why(filed: Books) -> None:
    batch_no = frozen(filed.outpatients)
    taken_back(filed, "outpatient_batch", "dropped", "ended_ground", "proposed_at")
    done = escheat.drop_batch(filed.context, OFFICER, batch_no, "名单要重做")
    assert (done.ended_by, done.ended_at) == (OFFICER.actor_id, filed.context.clock.now())


def test_an_application_that_is_turned_down_says_by_whom_and_why(filed: Books) -> None:
    remitted(filed)
    payouts.pay_cash(filed.context, PAYER, filed.outpatients.confirmed(), "LK-9")
    list_no = advances.make_advance_list(filed.context, OFFICER, 2027).list_no
    taken_back(filed, "outpatient_advance_list", "refused", "ground", "made_at")
    done = advances.refuse_advance_list(filed.context, OFFICER, list_no, "退回")
    assert (done.ended_by, done.ground) == (OFFICER.actor_id, "退回")


@pytest.mark.parametrize("day", ["2025-12-02", "2099-01-01"])
def test_nobody_moves_an_account_without_money(books: Books, day: str) -> None:
    """What lies ahead would keep it from the treasury for good; the three years run from money that moved (8)."""
    unchanged(books, f"UPDATE outpatient_account SET last_movement_on = '{day}' WHERE account_no = 'M001'")


def test_no_account_is_read_that_moves_after_its_census(books: Books) -> None:
    """Of an import that is still counted, as raw SQL would add to it."""
    books.sql(
        "INSERT INTO outpatient_import (institution_id, import_no, file_name, sha256, balances_on, accepted,"
        " rejected, total_fen, state, imported_by, imported_at, doubts) SELECT institution_id, 2, 'y', 'y',"
        " balances_on, 0, 0, 0, 'counted', imported_by, imported_at, doubts FROM outpatient_import"
    )
    add = (
        "INSERT INTO outpatient_account (institution_id, account_no, import_no, kind, holder_name, personal,"
        " certno_hash, phone_hash, reach, channel, patient_no, opening_fen, last_movement_on, person_id, state)"
        " SELECT institution_id, 'Z1', 2, kind, holder_name, personal, certno_hash, phone_hash, reach, channel,"
        " patient_no, 100, '{}', 'Z1', 'open' FROM outpatient_account WHERE account_no = 'M001'"
    )
    for day in ("2025-12-02", "2099-01-01"):
        unchanged(books, add.format(day))
    books.sql(add.format("2025-12-01"))


def test_what_was_taken_back_before_says_what_its_record_does(
    empty_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    def bring_to(target: str) -> None:
        upgrade(empty_database, app_role=None, backup_folder=tmp_path, moment=clock.now(), target=target)

    made = (
        "INSERT INTO outpatient_filing (institution_id, filing_no, accounts, total_fen, sha256, risk_note, state,"
        f" made_by, made_at) VALUES ('{INSTITUTION}', {{}}, 0, 0, 'x', 'x', 'made', 'u', '2026-01-15T10:00:00+08:00')"
    )
    record = (
        "INSERT INTO audit_event (institution_id, event_id, at, actor, actor_name, action, outcome, subject, address,"
        f" detail) VALUES ('{INSTITUTION}', 'e', '2026-01-16T10:00:00+08:00', 'u', 'x', 'outpatient.withdraw_filing',"
        " 'done', 'outpatient_filing:1', '', '{\"filing\": 1, \"ground\": \"写错了\"}')"
    )
    bring_to("0067")
    with empty_database.writing() as connection:
        for number in (1, 2, 3):
            connection.exec_driver_sql(made.format(number))
        connection.exec_driver_sql(record)
        connection.exec_driver_sql("UPDATE outpatient_filing SET state = 'withdrawn' WHERE filing_no < 3")
    bring_to("head")
    query = sa.text(
        "SELECT ended_by, ended_ground, ended_at IS NULL AS unknown FROM outpatient_filing ORDER BY filing_no"
    )
    with empty_database.reading() as connection:
        found = [(who, why, bool(unknown)) for who, why, unknown in connection.execute(query)]
    assert found == [("u", "写错了", False), (None, "", True), (None, "", True)]
    with pytest.raises(sa.exc.DBAPIError), empty_database.writing() as connection:
        connection.execute(sa.text("UPDATE outpatient_filing SET ended_by = 'u' WHERE filing_no = 3"))

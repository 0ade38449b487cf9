"""What both databases refuse of outpatients' money, whoever posts: the application's own user with raw SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.errors import PrepayError
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting, reversing
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.persistence.ledger import ledger_on, open_account
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient import advances, census, escheat, filing, payouts
from hospital_prepay.services.outpatient.escheat import Part, Remittance
from hospital_prepay.services.outpatient.filing import MarkUnclearable, Reason
from tests.db.test_attacks_sqlite import LOOSE
from tests.hospital import INSTITUTION, Hospital
from tests.services.outpatient.conftest import APPROVER, OFFICER, PAYER, Outpatients, answered
from tests.services.outpatient.test_escheat import LAST, REMITTER, REVIEWERS, frozen
from tests.told import tell_everybody

pytestmark = pytest.mark.clause("guizhou-deposit-2025/7", "guizhou-deposit-2025/8")
M1, M2, GROUP = "23050102:M001", "23050102:M002", "230502:M004"
IMPORT = "outpatient_import:1"
BANK = {"route": Route.BANK, "bank": "某银行某支行", "card_no": "6217 0000 0000 0000 001"}


class Books:
    """A booked census, and raw acts on it."""

    def __init__(self, outpatients: Outpatients) -> None:
        self.outpatients, self.context, self.count = outpatients, outpatients.context, 0

    def entry(self, kind: str, *lines: tuple[str, int], source: str = "x") -> JournalEntry:
        """Lines of account and fen: above zero is a debit, below a credit."""
        self.count += 1
        return JournalEntry(
            institution_id=INSTITUTION,
            idempotency_key=f"raw-{self.count}",
            kind=kind,
            summary="x",
            source=source,
            occurred_at=self.context.clock.now(),
            posted_at=self.context.clock.now(),
            effective_on=self.context.clock.today(),
            posted_by="x",
            postings=tuple(Posting(one, Money(max(fen, 0)), Money(max(-fen, 0))) for one, fen in lines),
        )

    def post(self, kind: str, *lines: tuple[str, int], source: str = "x") -> int:
        with self.context.database.writing() as connection:
            return ledger_on(connection).post(self.entry(kind, *lines, source=source))

    def red(self, number: int, kind: str, *lines: tuple[str, int], source: str = "x") -> int:
        original = self.entry("x", *lines, source=source)
        moment = {"at": self.context.clock.now(), "day": self.context.clock.today(), "by": "x"}
        entry = reversing(original, number, idempotency_key=f"red-{number}", kind=kind, summary="x", **moment)
        with self.context.database.writing() as connection:
            return ledger_on(connection).post(entry)

    def sql(self, statement: str, **values: Any) -> None:
        with self.context.database.writing() as connection:
            connection.execute(sa.text(statement), values)

    def number(self, kind: str) -> int:
        with self.context.database.reading() as connection:
            return int(
                connection.scalar(sa.text("SELECT max(entry_no) FROM ledger_entry WHERE kind = :k"), {"k": kind})
            )

    @property
    def standing(self) -> tuple[int, ...]:
        """What M001, M002 and the group's account have."""
        return tuple(self.outpatients.account(one).balance_fen for one in ("M001", "M002", "M004"))


@pytest.fixture
def outpatients(hospital: Hospital, context: Context, tmp_path: Path) -> Outpatients:
    return Outpatients(context, tmp_path)


@pytest.fixture
def books(outpatients: Outpatients) -> Books:
    outpatients.census()
    return Books(outpatients)


@pytest.fixture
def half(outpatients: Outpatients, monkeypatch: pytest.MonkeyPatch) -> Books:
    """An import whose booking was cut short after two of five accounts."""
    monkeypatch.setattr(census, "ACCOUNTS_AN_ENTRY", 2)
    monkeypatch.setattr(census, "PARTS_AT_ONCE", 1)
    census.count_accounts(outpatients.context, OFFICER, outpatients.file(), "x.csv", date(2025, 12, 1))

    def die(done: int, whole: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        census.confirm_import(outpatients.context, APPROVER, 1, die)
    return Books(outpatients)


@pytest.fixture
def filed(books: Books) -> Books:
    tell_everybody(books.context)
    marked = MarkUnclearable(Reason.CONTACT_CHANGED, "短信退回", account_nos=("M001", "M003"))
    filing.mark_unclearable(books.context, OFFICER, marked)
    made = filing.make_filing(books.context, OFFICER, "随到随退。")
    filing.submit_filing(books.context, OFFICER, made.filing_no, "某市卫生健康局", date(2025, 12, 20))
    filing.acknowledge_filing(books.context, APPROVER, made.filing_no, "备1号", date(2025, 12, 25))
    return books


def refused(books: Books, kind: str, *lines: tuple[str, int], source: str = "x") -> None:
    before = books.standing
    with pytest.raises((PrepayError, sa.exc.DBAPIError)):
        books.post(kind, *lines, source=source)
    assert books.standing == before


def unchanged(books: Books, statement: str, **values: Any) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        books.sql(statement, **values)


def test_an_account_is_opened_once(books: Books) -> None:
    refused(books, "outpatient_opening", (M1, -6450), ("1002", 6450), source=IMPORT)
    refused(books, "outpatient_opening", (M1, -6450), ("1002", 6450))
    payouts.pay_cash(books.context, PAYER, books.outpatients.confirmed(), "LK-1")
    refused(books, "outpatient_opening", (M1, -6450), ("1002", 6450), source=IMPORT)


def test_an_account_is_opened_once_while_its_import_is_booked_in_part(half: Books) -> None:
    refused(half, "outpatient_opening", (M1, -6450), ("1002", 6450), source=IMPORT)
    unchanged(
        half,
        "INSERT INTO outpatient_claim (institution_id, claim_id, refund_no, account_no, remitted, amount_fen,"
        " claimant, card_lost, claimant_name, personal, card_hash, taken_at, route, state, decision_id, accepted_by,"
        " accepted_at, ground) VALUES (:i, 'c', 'r', 'M001', false, 6450, 'self', false, 'x', '', '', 'window',"
        " 'cash', 'accepted', 'd', 'x', :now, '')",
        i=INSTITUTION,
        now=half.context.clock.now().isoformat(),
    )
    correction(half, "M001", -6450, approve=False)


@pytest.mark.parametrize("account", ["2103", "1218", "1218:advance:x", "2307:refund:x", "1001", "230502:nobody"])
def test_an_opening_has_no_line_that_its_kind_rules_out(half: Books, account: str) -> None:
    now = half.context.clock.now()
    with suppress(sa.exc.DBAPIError), half.context.database.writing() as connection:
        open_account(connection, INSTITUTION, account, name="x", opened_at=now, guarded=True)
    refused(half, "outpatient_opening", ("1002", 5), (account, -5), source=IMPORT)


def test_an_opening_has_no_fund(half: Books) -> None:
    entry = half.entry("outpatient_opening", ("1002", 3000), ("23050102:M003", -3000), source=IMPORT)
    lines = tuple(replace(one, fund="g") for one in entry.postings)
    now = half.context.clock.now()
    with half.context.database.writing() as connection:
        open_account(connection, INSTITUTION, "23050102:M003", name="x", opened_at=now, guarded=True)
    with pytest.raises((PrepayError, sa.exc.DBAPIError)), half.context.database.writing() as connection:
        ledger_on(connection).post(replace(entry, postings=lines))
    with half.context.database.writing() as connection:
        ledger_on(connection).post(entry)


@pytest.mark.parametrize(
    "change",
    [
        "accepted = accepted + 1",
        "total_fen = 1",
        "rejected = 7",
        "doubts = '[{}]'",
        "accepted = 0",
        "state = 'counted'",
        "file_name = 'y.csv'",
        "accepted = 4, imported_by = 'x'",
    ],
)
def test_an_import_is_told_once_what_its_file_held(outpatients: Outpatients, change: str) -> None:
    census.count_accounts(outpatients.context, OFFICER, outpatients.file(), "x.csv", date(2025, 12, 1))
    unchanged(Books(outpatients), f"UPDATE outpatient_import SET {change}")


def test_what_an_import_holds_is_told_with_nothing_else(outpatients: Outpatients) -> None:
    books = Books(outpatients)
    books.sql(
        "INSERT INTO outpatient_import (institution_id, import_no, file_name, sha256, balances_on, accepted,"
        " rejected, total_fen, state, imported_by, imported_at, doubts) VALUES (:i, 1, 'x', 'x', '2025-12-01', 0,"
        " 0, 0, 'counted', :o, '2026-01-15T02:00:00.000000+00:00', '[]')",
        i=INSTITUTION,
        o=OFFICER.actor_id,
    )
    for change in ("sha256 = 'y'", "decided_by = 'x'", "booked_at = imported_at", "balances_on = '2025-11-01'"):
        unchanged(books, f"UPDATE outpatient_import SET accepted = 2, total_fen = 5, {change}")
    unchanged(books, "UPDATE outpatient_import SET rejected = 2")
    books.sql("UPDATE outpatient_import SET accepted = 2, rejected = 1, total_fen = 5, doubts = '[]'")
    unchanged(books, "UPDATE outpatient_import SET accepted = 3")


def test_an_import_is_booked_only_when_every_account_is_open(half: Books) -> None:
    unchanged(half, "UPDATE outpatient_import SET state = 'booked', booked_at = '2026-01-15T02:00:00.000000+00:00'")


def test_an_opening_is_the_counted_sum_and_nothing_beside(half: Books) -> None:
    with half.context.database.writing() as connection:
        for number in ("M003", "M005"):
            open_account(
                connection,
                INSTITUTION,
                f"23050102:{number}",
                name="x",
                opened_at=half.context.clock.now(),
                guarded=True,
            )
    three, five = "23050102:M003", "23050102:M005"
    refused(half, "outpatient_opening", (three, -3001), ("1002", 3001), source=IMPORT)
    refused(half, "outpatient_opening", (three, -3000), ("2307", 3000), source=IMPORT)
    refused(half, "outpatient_opening", (three, -3000), ("410101", 3000), source=IMPORT)
    refused(half, "outpatient_opening", (five, -1), ("1002", 1), source=IMPORT)
    refused(half, "opening", (three, -3000), ("1002", 3000), source=IMPORT)
    half.post("outpatient_opening", (three, -3000), ("1002", 3000), source=IMPORT)


@pytest.mark.parametrize("other", ["1001", "1002", "1021", "2307", "410101", "2103", "1218", M2])
@pytest.mark.parametrize("kind", ["outpatient_refund", "outpatient_escheat", "outpatient_correction", "anything"])
def test_no_money_leaves_without_a_claim_a_batch_or_a_correction(books: Books, kind: str, other: str) -> None:
    refused(books, kind, (M1, 100), (other, -100))
    refused(books, kind, (GROUP, 100), (other, -100))


@pytest.mark.parametrize("kind", ["outpatient_deposit", "outpatient_refund_returned", "outpatient_opening", "x"])
def test_no_money_comes_without_a_ground(books: Books, kind: str) -> None:
    refused(books, kind, (M1, -100), ("1002", 100))
    refused(books, kind, ("23050102", -100), ("1002", 100))
    refused(books, kind, ("230502", -100), ("1002", 100))


@pytest.mark.usefixtures("unproved")
def test_a_claim_is_paid_its_own_sum_by_cash_or_bank_once(books: Books) -> None:
    claim_id = books.outpatients.confirmed()
    source = f"outpatient_claim:{claim_id}"
    for account in ("410101", "2307", "2103", "5901", "1218", M2, GROUP):
        refused(books, "outpatient_refund", (M1, 6450), (account, -6450), source=source)
    refused(books, "outpatient_refund", (M1, 6449), ("1001", -6449), source=source)
    refused(books, "outpatient_refund", (M2, 6450), ("1001", -6450), source=source)
    refused(books, "outpatient_refund", (M1, 6450), ("1001", -6450), ("2307", 1), ("410101", -1), source=source)
    refused(books, "outpatient_advance", ("1218", 6450), ("1001", -6450), source=source)
    refused(books, "outpatient_refund", (M1, 6450), ("1001", -6450), source=source + "x")
    books.post("outpatient_refund", (M1, 6450), ("1001", -6450), source=source)
    refused(books, "outpatient_refund", (M1, 6450), ("1001", -6450), source=source)
    assert books.standing[0] == 0


@pytest.mark.parametrize("step", ["accepted", "reviewed"])
def test_a_claim_that_three_people_didnt_see_is_not_paid(books: Books, step: str) -> None:
    claim_id = books.outpatients.accept().claim_id
    if step == "reviewed":
        books.sql("UPDATE outpatient_claim SET state = 'reviewed', reviewed_by = :by", by=OFFICER.actor_id)
    refused(books, "outpatient_refund", (M1, 6450), ("1001", -6450), source=f"outpatient_claim:{claim_id}")


@pytest.mark.parametrize(
    "change",
    [
        "amount_fen = amount_fen + 1",
        "account_no = 'M002'",
        "claimant_name = '别人'",
        "remitted = NOT remitted",
        "refund_no = 'x'",
        "route = 'bank'",
        "card_hash = 'x'",
        "personal = 'x'",
        "accepted_by = 'x'",
        "decision_id = 'x'",
    ],
)
def test_what_was_confirmed_stays(books: Books, change: str) -> None:
    books.outpatients.confirmed()
    unchanged(books, f"UPDATE outpatient_claim SET {change}")
    unchanged(books, f"UPDATE outpatient_claim SET state = 'withdrawn', {change}")


def test_a_refund_that_came_back_is_paid_again_but_never_twice(books: Books, tmp_path: Path) -> None:
    claim_id = books.outpatients.confirmed(**BANK)
    answered(books.outpatients, tmp_path, claim_id)
    source, paid = f"outpatient_claim:{claim_id}", ((M1, 6450), ("1002", -6450))
    number = books.number("outpatient_refund")
    for kind in ("outpatient_deposit_voided", "outpatient_correction", "x", "outpatient_advance_returned"):
        with pytest.raises((PrepayError, sa.exc.DBAPIError)):
            books.red(number, kind, *paid, source=source)
    payouts.bounce_refund(books.context, PAYER, claim_id, "销户", "TH-1")
    refused(books, "outpatient_refund", *paid, source=source)
    answered(books.outpatients, tmp_path, claim_id)
    refused(books, "outpatient_refund", *paid, source=source)
    assert books.standing[0] == 0


@pytest.mark.parametrize(
    "kind", ["outpatient_deposit_voided", "outpatient_refund_returned", "outpatient_opening", "x"]
)
def test_an_opening_is_never_reversed(books: Books, kind: str) -> None:
    number = books.number("outpatient_opening")
    lines = ((M1, -6450), (M2, -10000), ("23050102:M003", -3000), (GROUP, -500000), ("1002", 519450))
    with pytest.raises((PrepayError, sa.exc.DBAPIError)):
        books.red(number, kind, *lines, source=IMPORT)


def correction(books: Books, account_no: str, fen: int, *, approve: bool = True, refuse: bool = False) -> None:
    values = {"i": INSTITUTION, "id": f"c{books.count}{fen}", "no": account_no, "fen": fen, "a": OFFICER.actor_id}
    moment = {"now": books.context.clock.now().isoformat()}
    ask = (
        "INSERT INTO outpatient_correction (institution_id, correction_id, account_no, change_fen, ground, state,"
        " asked_by, asked_at) VALUES (:i, :id, :no, :fen, 'x', 'asked', :a, :now)"
    )
    agree = (
        "UPDATE outpatient_correction SET state = 'approved', decided_by = :b, decided_at = :now WHERE"
        " correction_id = :id"
    )
    books.count += 1
    if refuse or not approve:
        unchanged(books, ask, **values, **moment)
        return
    books.sql(ask, **values, **moment)
    books.sql(agree, id=values["id"], b=APPROVER.actor_id, **moment)


@pytest.mark.usefixtures("unproved")
def test_a_correction_is_booked_once_its_own_sum_against_the_bank(books: Books) -> None:
    correction(books, "M001", 500)
    source = "outpatient_correction:c0500"
    refused(books, "outpatient_correction", (M1, -500), ("410101", 500), source=source)
    refused(books, "outpatient_correction", (M1, 500), ("1002", -500), source=source)
    refused(books, "outpatient_correction", (M1, -501), ("1002", 501), source=source)
    refused(books, "outpatient_correction", (M2, -500), ("1002", 500), source=source)
    refused(books, "outpatient_correction", (M1, -500), (M1, -500), ("1002", 1000), source=source)
    books.post("outpatient_correction", (M1, -500), ("1002", 500), source=source)
    refused(books, "outpatient_correction", (M1, -500), ("1002", 500), source=source)
    assert books.standing[0] == 6950


def test_no_correction_of_an_account_that_is_claimed_filed_or_gone(books: Books) -> None:
    books.outpatients.accept("M001")
    correction(books, "M001", 500, refuse=True)
    tell_everybody(books.context)
    marked = MarkUnclearable(Reason.CONTACT_CHANGED, "短信退回", account_nos=("M003",))
    filing.mark_unclearable(books.context, OFFICER, marked)
    correction(books, "M003", 500, refuse=True)
    correction(books, "M999", 500, refuse=True)


@pytest.mark.usefixtures("unproved")
def test_a_batch_takes_what_it_lists_when_it_is_approved(filed: Books) -> None:
    batch_no = frozen(filed.outpatients)
    source, lines = f"outpatient_batch:{batch_no}", ((M1, 6450), ("2103", -6450))
    refused(filed, "outpatient_escheat", *lines, source=source)
    approve = "UPDATE outpatient_batch SET state = 'approved', approved_by = :b, approved_at = :now"
    person = {"b": APPROVER.actor_id, "now": filed.context.clock.now().isoformat()}
    unchanged(filed, approve, **person)
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(filed.context, reviewer, batch_no, part, "核对无误")
    filed.sql(approve, **person)
    refused(filed, "outpatient_escheat", (M2, 6450), ("2103", -6450), source=source)
    refused(filed, "outpatient_escheat", (M1, 100), ("2103", -100), source=source)
    for account in ("410101", "2307", "1002"):
        refused(filed, "outpatient_escheat", (M1, 6450), (account, -6450), source=source)
    refused(filed, "outpatient_escheat", (M1, 6450), ("2103", 3000), ("2103", -9450), source=source)
    unchanged(filed, "UPDATE outpatient_batch SET state = 'booked'")
    unchanged(filed, "UPDATE outpatient_account SET state = 'filed' WHERE account_no = 'M001'")
    filed.post("outpatient_escheat", *lines, source=source)
    refused(filed, "outpatient_escheat", *lines, source=source)
    refused(filed, "outpatient_refund_returned", (M1, -6450), ("2103", 6450), source=source)


@pytest.mark.parametrize(
    "kind", ["outpatient_refund", "fund_return", "x", "outpatient_opening", "outpatient_advance"]
)
def test_what_is_due_to_the_treasury_moves_by_its_own_kinds_alone(books: Books, kind: str) -> None:
    refused(books, kind, ("2103", -100), ("1002", 100))
    refused(books, kind, ("2103", 100), ("410101", -100))


def test_a_remittance_is_of_a_booked_batch_whole_and_once(filed: Books) -> None:
    refused(filed, "outpatient_remittance", ("2103", 100), ("1002", -100))
    refused(filed, "outpatient_remittance", ("2103", -100), ("1002", 100))
    batch_no = frozen(filed.outpatients)
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(filed.context, reviewer, batch_no, part, "核对无误")
    escheat.approve_batch(filed.context, APPROVER, batch_no)
    source = f"outpatient_batch:{batch_no}"
    for fen, account in ((9449, "1002"), (9450, "410101"), (9450, "1001")):
        refused(filed, "outpatient_remittance", ("2103", fen), (account, -fen), source=source)
    escheat.remit_batch(filed.context, REMITTER, batch_no, Remittance("缴款书1", "回单1", LAST))
    refused(filed, "outpatient_remittance", ("2103", 9450), ("1002", -9450), source=source)


def remitted(filed: Books) -> str:
    """A claim after remittance that three people took to ``confirmed``."""
    batch_no = frozen(filed.outpatients)
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(filed.context, reviewer, batch_no, part, "核对无误")
    escheat.approve_batch(filed.context, APPROVER, batch_no)
    escheat.remit_batch(filed.context, REMITTER, batch_no, Remittance("缴款书1", "回单1", LAST))
    return filed.outpatients.confirmed("M001")


@pytest.mark.usefixtures("unproved")
def test_a_claim_is_paid_ahead_once_on_its_own_account(filed: Books) -> None:
    claim_id = remitted(filed)
    source, advance = f"outpatient_claim:{claim_id}", f"1218:advance:{claim_id}"
    with filed.context.database.writing() as connection:
        for account in (advance, "1218:advance:other"):
            moment = filed.context.clock.now()
            open_account(connection, INSTITUTION, account, name="x", opened_at=moment, guarded=True)
    refused(filed, "outpatient_advance", ("1218", 6450), ("1001", -6450), source=source)
    refused(filed, "outpatient_advance", ("1218:advance:other", 6450), ("1001", -6450), source=source)
    refused(filed, "outpatient_advance", (advance, 6450), ("410101", -6450), source=source)
    refused(filed, "outpatient_refund", (advance, 6450), ("1001", -6450), source=source)
    refused(filed, "x", (advance, 6450), ("1001", -6450), source=source)
    filed.post("outpatient_advance", (advance, 6450), ("1001", -6450), source=source)
    refused(filed, "outpatient_advance", (advance, 6450), ("1001", -6450), source=source)


@pytest.mark.usefixtures("unproved")
def test_the_budgets_money_is_of_a_submitted_list(filed: Books) -> None:
    claim_id = remitted(filed)
    payouts.pay_cash(filed.context, PAYER, claim_id, "LK-9")
    made = advances.make_advance_list(filed.context, OFFICER, 2027)
    advance, source = f"1218:advance:{claim_id}", f"outpatient_advance_list:{made.list_no}"
    back = ((advance, -6450), ("1002", 6450))
    refused(filed, "outpatient_reimbursed", *back)
    refused(filed, "outpatient_reimbursed", *back, source=source)
    refused(filed, "x", *back, source=source)
    advances.submit_advance_list(filed.context, APPROVER, made.list_no, "请1号", date(2026, 1, 10))
    refused(filed, "outpatient_reimbursed", (advance, -6449), ("1002", 6449), source=source)
    refused(filed, "outpatient_reimbursed", (advance, -6450), ("410101", 6450), source=source)
    refused(filed, "outpatient_reimbursed", (advance, -6450), ("5901", 6450), source=source)
    filed.post("outpatient_reimbursed", *back, source=source)


@pytest.mark.parametrize("account", ["23050102:NEW", "230502:M001", "23050102:M004", "23050102:"])
def test_no_account_of_an_outpatient_is_opened_beside_the_register(books: Books, account: str) -> None:
    with pytest.raises(sa.exc.DBAPIError), books.context.database.writing() as connection:
        open_account(connection, INSTITUTION, account, name="x", opened_at=books.context.clock.now(), guarded=True)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM outpatient_account WHERE account_no = 'M005'",
        "DELETE FROM outpatient_import",
        "UPDATE outpatient_account SET opening_fen = opening_fen + 1",
        "UPDATE outpatient_account SET kind = 'group_checkup' WHERE account_no = 'M001'",
        "UPDATE outpatient_account SET import_no = NULL",
        "UPDATE outpatient_account SET account_no = 'x' WHERE account_no = 'M001'",
        "UPDATE outpatient_account SET certno_hash = 'x' WHERE account_no = 'M001'",
        "UPDATE outpatient_account SET holder_name = '别人' WHERE account_no = 'M001'",
        "UPDATE outpatient_account SET channel = 'cash' WHERE account_no = 'M002'",
        "UPDATE outpatient_account SET last_movement_on = '2010-01-01' WHERE account_no = 'M001'",
        "UPDATE outpatient_account SET state = 'refunded' WHERE account_no = 'M001'",
        "UPDATE outpatient_import SET total_fen = 1",
        "UPDATE outpatient_import SET state = 'counted'",
        "UPDATE outpatient_import SET decided_by = imported_by",
        "DELETE FROM outpatient_rejection",
    ],
)
def test_the_census_stays_as_it_was_confirmed(books: Books, statement: str) -> None:
    if statement == "DELETE FROM outpatient_rejection":
        books.sql(
            "INSERT INTO outpatient_rejection (institution_id, import_no, line, code, message)"
            " VALUES (:i, 1, 9, 'x', 'x')",
            i=INSTITUTION,
        )
    unchanged(books, statement)


def test_an_account_of_an_import_that_isnt_booked_goes_no_step(outpatients: Outpatients) -> None:
    census.count_accounts(outpatients.context, OFFICER, outpatients.file(), "x.csv", date(2025, 12, 1))
    books = Books(outpatients)
    unchanged(books, "UPDATE outpatient_account SET state = 'refunded' WHERE account_no = 'M001'")
    unchanged(books, "UPDATE outpatient_import SET state = 'booked'")
    books.sql("DELETE FROM outpatient_account WHERE account_no = 'M005'")
    unchanged(books, "UPDATE outpatient_import SET state = 'confirmed', decided_by = :b", b=APPROVER.actor_id)


@pytest.mark.parametrize("person", ["{first}", "{upper}", " {first} ", "nobody", ""])
def test_one_person_in_other_letters_confirms_nothing(outpatients: Outpatients, person: str) -> None:
    census.count_accounts(outpatients.context, OFFICER, outpatients.file(), "x.csv", date(2025, 12, 1))
    books = Books(outpatients)
    by = person.format(first=OFFICER.actor_id, upper=OFFICER.actor_id.upper())
    unchanged(books, "UPDATE outpatient_import SET state = 'confirmed', decided_by = :by", by=by)


@pytest.mark.parametrize("person", ["{first}", "{upper}", " {first} ", "nobody", ""])
def test_one_person_in_other_letters_takes_no_two_steps(books: Books, person: str) -> None:
    books.outpatients.accept()
    first = {"first": "cashier-1", "upper": "CASHIER-1"}
    unchanged(books, "UPDATE outpatient_claim SET state = 'reviewed', reviewed_by = :by", by=person.format(**first))
    books.sql("UPDATE outpatient_claim SET state = 'reviewed', reviewed_by = :by", by=OFFICER.actor_id)
    for one in (first, {"first": OFFICER.actor_id, "upper": OFFICER.actor_id.upper()}):
        unchanged(
            books, "UPDATE outpatient_claim SET state = 'confirmed', confirmed_by = :by", by=person.format(**one)
        )


@pytest.mark.parametrize("state", ["confirmed", "dropped"])
def test_nobody_decides_nothing(outpatients: Outpatients, state: str) -> None:
    census.count_accounts(outpatients.context, OFFICER, outpatients.file(), "x.csv", date(2025, 12, 1))
    unchanged(Books(outpatients), f"UPDATE outpatient_import SET state = '{state}'")


# SQLite alone: a raw connection with every pragma that loosens it.
ON_SQLITE = pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)


@pytest.fixture
def raw(books: Books) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(str(books.context.database.url.database), isolation_level=None)
    for pragma in LOOSE:
        connection.execute(pragma)
    yield connection
    connection.close()


TABLES = (
    "outpatient_account",
    "outpatient_import",
    "outpatient_claim",
    "outpatient_claim_paper",
    "outpatient_correction",
)


@ON_SQLITE
@pytest.mark.parametrize("verb", ["INSERT OR REPLACE INTO", "REPLACE INTO", "INSERT OR IGNORE INTO"])
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.usefixtures("unproved")
def test_no_row_is_replaced(books: Books, raw: sqlite3.Connection, table: str, verb: str) -> None:
    correction(books, "M002", 500)
    books.outpatients.confirmed()
    before = list(raw.iterdump())
    with pytest.raises(sqlite3.Error):
        raw.execute(f"{verb} {table} SELECT * FROM {table}")
    assert list(raw.iterdump()) == before


@ON_SQLITE
@pytest.mark.parametrize("verb", ["UPDATE OR REPLACE", "UPDATE OR IGNORE", "UPDATE"])
def test_no_account_takes_anothers_number(books: Books, raw: sqlite3.Connection, verb: str) -> None:
    with pytest.raises(sqlite3.Error):
        raw.execute(f"{verb} outpatient_account SET account_no = 'M002' WHERE account_no = 'M001'")


@ON_SQLITE
def test_without_checks_nobody_still_decides_nothing(books: Books, raw: sqlite3.Connection) -> None:
    books.outpatients.accept()
    ask = "INSERT INTO outpatient_correction VALUES (?, 'c', 'M002', ?, 'x', 'asked', ?, '2026', NULL, NULL, '')"
    with pytest.raises(sqlite3.Error):
        raw.execute(ask, (INSTITUTION, 0, OFFICER.actor_id))
    raw.execute(ask, (INSTITUTION, 100, OFFICER.actor_id))
    counted = census.count_accounts(
        books.context,
        OFFICER,
        books.outpatients.file([("N1", "甲", "", "", "1", "2020-01-01", "", "")]),
        "y.csv",
        date(2025, 12, 1),
    )
    for statement in (
        f"UPDATE outpatient_import SET state = 'confirmed' WHERE import_no = {counted.import_no}",
        "UPDATE outpatient_correction SET state = 'approved'",
        "UPDATE outpatient_claim SET state = 'reviewed'",
        "UPDATE outpatient_claim SET state = 'anything'",
        "UPDATE outpatient_account SET state = 'frozen' WHERE account_no = 'M004'",
    ):
        with pytest.raises(sqlite3.Error):
            raw.execute(statement)
    raw.execute("UPDATE outpatient_claim SET state = 'reviewed', reviewed_by = ?", (OFFICER.actor_id,))
    for by in ("NULL", "reviewed_by", "accepted_by"):
        with pytest.raises(sqlite3.Error):
            raw.execute(f"UPDATE outpatient_claim SET state = 'confirmed', confirmed_by = {by}")
    with pytest.raises(sqlite3.Error):
        raw.execute("UPDATE outpatient_claim SET state = 'confirmed'")


@ON_SQLITE
def test_without_checks_nobody_still_files_freezes_or_approves(books: Books, raw: sqlite3.Connection) -> None:
    tell_everybody(books.context)
    marked = MarkUnclearable(Reason.CONTACT_CHANGED, "短信退回", account_nos=("M001", "M003"))
    filing.mark_unclearable(books.context, OFFICER, marked)
    made = filing.make_filing(books.context, OFFICER, "随到随退。")
    filing.submit_filing(books.context, OFFICER, made.filing_no, "某局", date(2025, 12, 20))
    with pytest.raises(sqlite3.Error):
        raw.execute("UPDATE outpatient_filing SET state = 'acknowledged', acknowledged_on = '2025-12-25'")
    filing.acknowledge_filing(books.context, APPROVER, made.filing_no, "备1号", date(2025, 12, 25))
    batch_no = frozen(books.outpatients)
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(books.context, reviewer, batch_no, part, "核对无误")
    for by in ("NULL", "frozen_by"):
        with pytest.raises(sqlite3.Error):
            raw.execute(f"UPDATE outpatient_batch SET state = 'approved', approved_by = {by}")


@pytest.mark.parametrize(
    ("account", "subject", "side", "guarded"),
    [
        ("23050102:M009", "1218", -1, 1),
        ("23050102:M005x", "23050102", -1, 1),
        ("23050102:M005", "230502", -1, 1),
        ("1218:advance:x", "1002", 1, 1),
        ("1218:advance:x", "1218", 1, 0),
        ("1218:advance:x", "1218", -1, 1),
    ],
)
@ON_SQLITE
def test_without_checks_no_account_stands_beside_the_register(
    raw: sqlite3.Connection, account: str, subject: str, side: int, guarded: int
) -> None:
    with pytest.raises(sqlite3.Error):
        raw.execute(
            "INSERT INTO ledger_account VALUES (?, ?, ?, 'x', ?, ?, 0, NULL, '2026', '')",
            (INSTITUTION, account, subject, side, guarded),
        )

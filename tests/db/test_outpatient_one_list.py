"""One list for the treasury at a time, and to the fen what its accounts have: an account on two of them would be
turned over, and paid ahead, for each (8). By the services and by raw SQL, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict
from hospital_prepay.domain.money import Money
from hospital_prepay.services.outpatient import corrections, escheat, filing, payouts
from hospital_prepay.services.outpatient.claim_steps import withdraw_claim
from hospital_prepay.services.outpatient.escheat import Part
from hospital_prepay.services.outpatient.proposals import propose_batch
from tests.db.test_outpatient_books import BANK, M1, Books, books, filed, outpatients, unchanged
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, PAYER
from tests.services.outpatient.test_escheat import LAST, REMITTER, REVIEWERS, frozen
from tests.services.outpatient.test_gate import asked, kept

__all__ = ["books", "filed", "outpatients"]
pytestmark = pytest.mark.clause("guizhou-deposit-2025/8")


def review(held: Books, batch_no: int) -> None:
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(held.context, reviewer, batch_no, part, "核对无误")


def next_year(held: Books) -> int:
    """The list of 2026-12-31, proposed when that day is past."""
    held.context.clock.moment = datetime(2027, 1, 15, 2, tzinfo=UTC)  # type: ignore[attr-defined]
    proposed = propose_batch(held.context, OFFICER, date(2026, 12, 31))
    assert proposed is not None
    return proposed.batch_no


def left(held: Books) -> tuple[int, int]:
    """A frozen list that M001 left, for nothing, and the next year's."""
    first = frozen(held.outpatients)
    claim = held.outpatients.accept("M001").claim_id
    assert claim is not None
    withdraw_claim(held.context, CLERK, claim, "不退了")
    return first, next_year(held)


def test_the_next_list_waits_for_the_one_that_an_account_left(filed: Books) -> None:
    """Else both would be approved, and the account paid out for each."""
    first, second = left(filed)
    with pytest.raises(Conflict, match="一次只办一份"):
        escheat.freeze_batch(filed.context, OFFICER, second)
    review(filed, first)
    with pytest.raises(Conflict, match="不能批准"):
        escheat.approve_list(filed.context, APPROVER, first)
    escheat.drop_batch(filed.context, APPROVER, first, "有人来过")
    escheat.freeze_batch(filed.context, OFFICER, second)
    review(filed, second)
    assert escheat.approve_batch(filed.context, APPROVER, second).state == "booked"
    escheat.remit_batch(filed.context, REMITTER, second, escheat.Remittance("缴1", "单1", date(2027, 1, 15)))
    claim_id = filed.outpatients.confirmed("M001")
    payouts.pay_cash(filed.context, PAYER, claim_id, "LK-1")
    assert filed.outpatients.claim(claim_id).amount_fen == 6450


def test_the_next_list_waits_until_an_approved_one_is_booked(filed: Books) -> None:
    """Each was proposed while the other was only that; the accounts of the first are gone then."""
    second = next_year(filed)
    first = frozen(filed.outpatients)
    review(filed, first)
    escheat.approve_list(filed.context, APPROVER, first)
    with pytest.raises(Conflict, match="先把那一批入完账"):
        escheat.freeze_batch(filed.context, OFFICER, second)
    escheat.book_batch(filed.context, APPROVER, first)
    with pytest.raises(Conflict, match="没有要上缴的账户"):
        escheat.freeze_batch(filed.context, OFFICER, second)


def test_of_two_that_freeze_at_once_one_does(filed: Books) -> None:
    filed.context.clock.moment = datetime(2025, 12, 31, 2, tzinfo=UTC)  # type: ignore[attr-defined]
    first = propose_batch(filed.context, OFFICER, LAST)
    assert first is not None
    second = next_year(filed)
    said: list[str] = []
    start = threading.Barrier(2)

    def freeze(batch_no: int) -> Callable[[], None]:
        def act() -> None:
            start.wait()
            try:
                said.append(escheat.freeze_batch(filed.context, OFFICER, batch_no).state)
            except Conflict as error:
                said.append(error.message[-10:])

        return act

    threads = [threading.Thread(target=freeze(one)) for one in (first.batch_no, second)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert sorted(said)[0] == "frozen"
    assert len(set(said)) == 2


def test_a_list_goes_as_its_accounts_stand(filed: Books) -> None:
    """M001 left it, was corrected and filed anew; by raw SQL it is frozen again, with what it has now."""
    first = frozen(filed.outpatients)
    claim = filed.outpatients.accept("M001").claim_id
    assert claim is not None
    withdraw_claim(filed.context, CLERK, claim, "不退了")
    filing.unmark(filed.context, OFFICER, "M001", "有人来电")
    asked_for = corrections.AskCorrection("M001", Money(7000), "数错", "k1")
    corrections.approve_correction(
        filed.context, APPROVER, corrections.ask_correction(filed.context, OFFICER, asked_for)
    )
    filing.mark_unclearable(
        filed.context, OFFICER, filing.MarkUnclearable(filing.Reason.NO_ANSWER, "找不到", account_nos=("M001",))
    )
    made = filing.make_filing(filed.context, OFFICER, "随到随退。")
    filing.submit_filing(filed.context, OFFICER, made.filing_no, "某局", LAST)
    filing.acknowledge_filing(filed.context, APPROVER, made.filing_no, "备9号", LAST)
    second = next_year(filed)
    filed.sql(
        "INSERT INTO outpatient_batch_line (institution_id, batch_no, account_no, balance_fen, last_movement_on)"
        f" SELECT institution_id, {second}, account_no, 7000, last_movement_on FROM outpatient_batch_line"
        " WHERE account_no = 'M001'"
    )
    filed.sql("UPDATE outpatient_account SET state = 'frozen' WHERE account_no = 'M001'")
    review(filed, first)
    with pytest.raises(Conflict, match=r"余额与名单不符（M001）"):
        escheat.approve_list(filed.context, APPROVER, first)
    unchanged(
        filed,
        f"UPDATE outpatient_batch SET state = 'approved', approved_by = '{APPROVER.actor_id}',"
        f" approved_at = frozen_at WHERE batch_no = {first}",
    )


@pytest.mark.parametrize("fen", [6449, 999_999])
def test_no_list_is_frozen_with_what_an_account_doesnt_have(filed: Books, fen: int) -> None:
    filed.context.clock.moment = datetime(2025, 12, 31, 2, tzinfo=UTC)  # type: ignore[attr-defined]
    proposed = propose_batch(filed.context, OFFICER, LAST)
    assert proposed is not None
    line = (
        "INSERT INTO outpatient_batch_line (institution_id, batch_no, account_no, balance_fen, last_movement_on)"
        " SELECT institution_id, 1, account_no, {}, last_movement_on FROM outpatient_account"
        " WHERE account_no = 'M001'"
    )
    freeze = (
        "UPDATE outpatient_batch SET state = 'frozen', accounts = 1, total_fen = {}, sha256 = '" + "0" * 64 + "',"
        f" frozen_by = '{OFFICER.actor_id}', frozen_at = proposed_at"
    )

    def write(connection: sa.Connection, balance: int) -> None:
        connection.execute(sa.text(line.format(balance)))
        connection.execute(sa.text("UPDATE outpatient_account SET state = 'frozen' WHERE account_no = 'M001'"))
        connection.execute(sa.text(freeze.format(balance)))

    with pytest.raises(sa.exc.DBAPIError), filed.context.database.writing() as connection:
        write(connection, fen)
    with filed.context.database.writing() as connection:
        write(connection, 6450)


def test_a_frozen_account_stands_on_no_second_list(filed: Books) -> None:
    """Its lines copied to another day's, which is frozen by raw SQL."""
    second = next_year(filed)
    frozen(filed.outpatients)
    filed.sql(
        "INSERT INTO outpatient_batch_line (institution_id, batch_no, account_no, balance_fen, last_movement_on)"
        f" SELECT institution_id, {second}, account_no, balance_fen, last_movement_on FROM outpatient_batch_line"
    )
    unchanged(
        filed,
        "UPDATE outpatient_batch SET state = 'frozen', accounts = o.accounts, total_fen = o.total_fen,"
        " sha256 = o.sha256, frozen_by = o.frozen_by, frozen_at = o.frozen_at FROM outpatient_batch o"
        f" WHERE outpatient_batch.batch_no = {second} AND o.batch_no <> {second}",
    )


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
def test_a_list_is_booked_with_all_of_its_accounts(filed: Books) -> None:
    """An entry that raw SQL posts, past the accounts: PostgreSQL refuses that already."""
    batch_no = frozen(filed.outpatients)
    review(filed, batch_no)
    escheat.approve_list(filed.context, APPROVER, batch_no)
    lines = (M1, 6450), ("23050102:M003", 3000), ("2103", -9450)
    filed.post("outpatient_escheat", *lines, source=f"outpatient_batch:{batch_no}")
    unchanged(filed, "UPDATE outpatient_batch SET state = 'booked'")


def test_who_was_paid_goes_on_no_list(filed: Books) -> None:
    """Who came while the list was reviewed: raw SQL doesn't approve it all the same."""
    batch_no = frozen(filed.outpatients)
    review(filed, batch_no)
    claim_id = filed.outpatients.confirmed("M001")
    payouts.pay_cash(filed.context, PAYER, claim_id, "LK-1")
    unchanged(
        filed,
        f"UPDATE outpatient_batch SET state = 'approved', approved_by = '{APPROVER.actor_id}',"
        " approved_at = frozen_at",
    )


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO outpatient_taken (institution_id, taken_id, account_no, amount_fen, tender, kept_kind,"
        " filing_id, consent, decision_id, taken_by, taken_at) SELECT institution_id, 'x', 'M001', amount_fen,"
        " tender, kept_kind, filing_id, consent, decision_id, taken_by, taken_at FROM outpatient_taken",
    ],
)
def test_nothing_is_taken_onto_an_account_of_the_census(books: Books, statement: str) -> None:
    kept(books.outpatients)
    asked(books.outpatients)
    with pytest.raises(sa.exc.DBAPIError, match="gate: outpatient_taken"):
        books.sql(statement)


NOBODY = (
    "INSERT INTO outpatient_correction (institution_id, correction_id, account_no, change_fen, ground, state,"
    " asked_by, asked_at) SELECT institution_id, 'x', 'M001', 500, 'x', 'asked', 'nobody', imported_at"
    " FROM outpatient_import",
    "INSERT INTO outpatient_filing (institution_id, filing_no, accounts, total_fen, sha256, risk_note, state,"
    " made_by, made_at) SELECT institution_id, 9, 0, 0, 'x', 'x', 'made', 'nobody', imported_at"
    " FROM outpatient_import",
    "INSERT INTO outpatient_import (institution_id, import_no, file_name, sha256, balances_on, accepted, rejected,"
    " total_fen, state, imported_by, imported_at, doubts) SELECT institution_id, 2, 'y', 'y', balances_on, 0, 0, 0,"
    " 'counted', 'nobody', imported_at, doubts FROM outpatient_import",
)


@pytest.mark.parametrize("statement", NOBODY)
def test_nobody_begins_nothing(books: Books, statement: str) -> None:
    """Then one person would do what takes two."""
    with pytest.raises(sa.exc.DBAPIError, match="second_person"):
        books.sql(statement)
    books.sql(statement.replace("'nobody'", f"'{OFFICER.actor_id}'"))


def test_nobody_submits_a_filing(filed: Books) -> None:
    filing.mark_unclearable(
        filed.context, OFFICER, filing.MarkUnclearable(filing.Reason.NO_ANSWER, "找不到", account_nos=("M002",))
    )
    made = filing.make_filing(filed.context, OFFICER, "随到随退。")
    for who in ("NULL", "'nobody'", "''"):
        unchanged(
            filed,
            "UPDATE outpatient_filing SET state = 'submitted', submitted_on = '2025-12-30', authority = 'x',"
            f" submitted_by = {who} WHERE filing_no = {made.filing_no}",
        )


def test_nobody_freezes_a_list(filed: Books) -> None:
    """Whoever froze it would review or approve it then."""
    filed.context.clock.moment = datetime(2025, 12, 31, 2, tzinfo=UTC)  # type: ignore[attr-defined]
    assert propose_batch(filed.context, OFFICER, LAST)
    freeze = (
        "UPDATE outpatient_batch SET state = 'frozen', accounts = 0, total_fen = 0, sha256 = '" + "0" * 64 + "',"
        " frozen_by = '{}', frozen_at = proposed_at"
    )
    unchanged(filed, freeze.format("nobody"))
    filed.sql(freeze.format(OFFICER.actor_id))


def test_a_payment_by_the_bank_has_its_file(books: Books) -> None:
    books.outpatients.confirmed(**BANK)
    pay = sa.text(
        "INSERT INTO outpatient_payout (institution_id, claim_id, attempt_no, route, amount_fen, state, sent_by,"
        f" sent_at) SELECT institution_id, claim_id, 1, route, amount_fen, 'sent', '{PAYER.actor_id}', accepted_at"
        " FROM outpatient_claim"
    )
    with (
        pytest.raises(sa.exc.DBAPIError, match="wrong_step: outpatient_payout"),
        books.context.database.writing() as connection,
    ):
        connection.execute(pay)

"""What was taken back in red comes in again by its own way only: raw SQL by the application's own user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import Conflict, InsufficientFund, MalformedInput, PrepayError
from hospital_prepay.domain.ledger.chart import earmark_account, owed_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence import migrate
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger import ledger_on
from hospital_prepay.persistence.models.fund import FundGrant
from hospital_prepay.persistence.models.fund_apply import FundDistributionReturn, FundDistributionUse
from hospital_prepay.persistence.models.fund_members import FundClaimPayment
from hospital_prepay.persistence.models.fund_recall import FundRecall
from hospital_prepay.persistence.models.fund_reconciliation import FundRejectionExplained
from hospital_prepay.persistence.models.fund_returns import FundCorrection
from hospital_prepay.services.fund import spending
from tests.db.test_fund_ties import Raw, raw
from tests.db.test_upgrade import empty_urls
from tests.hospital import INSTITUTION
from tests.services.fund.conftest import APPROVER, OFFICER, PAYER, Year, line
from tests.services.fund.conftest import hospital as hospital
from tests.services.fund.conftest import year as year
from tests.services.fund.test_claim_corrections import ask as ask_repaid
from tests.services.fund.test_claim_corrections import decide as decide_repaid
from tests.services.fund.test_distribution import M, give_back, hand_on, lead, show
from tests.services.fund.test_member_debts import HALF, claim, owed, repay
from tests.services.fund.test_month_papers import BANK, QUIET, SWALLOWED, Desk, quiet
from tests.services.fund.test_recall import call_back, standing
from tests.services.fund.test_seconds import ask, correct, entry_of

__all__ = ["empty_urls", "lead", "quiet"]


def mirror(year: Year, number: int, kind: str = "x", source: str = "x") -> int:
    """The mirror of an entry under any name."""
    with raw(year) as books:
        query = "SELECT account_id, credit_fen, debit_fen, fund FROM ledger_posting WHERE entry_no = :number"
        rows = books.connection.execute(sa.text(f"{query} ORDER BY line_no"), {"number": number})
        red = JournalEntry(
            institution_id=INSTITUTION,
            idempotency_key=f"red:{number}",
            kind=kind,
            summary="x",
            source=source,
            occurred_at=books.clock.now(),
            posted_at=books.clock.now(),
            effective_on=books.clock.today(),
            posted_by="x",
            postings=tuple(Posting(one, Money(debit), Money(credit), fund) for one, debit, credit, fund in rows),
            reverses_no=number,
        )
        return ledger_on(books.connection).post(red)


@pytest.mark.parametrize("name", ["x", "fund_return", "fund_return_undone", "fund_return_undone_undone"])
def test_a_return_that_was_taken_back_is_not_given_back_by_another_red_letter(year: Year, name: str) -> None:
    year.arrived()
    year.give_back(M)
    correct(year, "fund_return")
    with pytest.raises(Conflict, match="不能再冲销"):
        mirror(year, entry_of(year, "fund_return_undone"), name)
    assert year.standing == (M, 0, M)


@pytest.mark.parametrize("kind", ["fund_offset", "fund_receipt"])
def test_no_correction_is_itself_corrected(year: Year, kind: str) -> None:
    year.arrived()
    if kind == "fund_offset":
        year.offset(1000, 1000)
    correct(year, kind)
    before = year.standing
    with pytest.raises(Conflict, match="不能再冲销"):
        mirror(year, entry_of(year, f"{kind}_undone"))
    assert year.standing == before


def test_a_repayment_that_was_taken_back_ends_no_debt_again(lead: Year) -> None:
    found = hand_on(lead, HALF)
    show(lead, found, HALF)
    lead.give_back(M)
    repay(lead, found, HALF, slip="CK-1")
    decide_repaid(lead, ask_repaid(lead, entry_of(lead, "fund_claim_repaid")))
    assert (claim(lead), owed(lead)) == (HALF, HALF)
    with pytest.raises((Conflict, InsufficientFund)):
        mirror(lead, entry_of(lead, "fund_claim_repaid_undone"))
    # Nor by an entry that mirrors nothing and says no name.
    with pytest.raises((PrepayError, sa.exc.DBAPIError)), raw(lead) as books:
        books.post("x", (("1002", HALF, 0, ""), ("1218", 0, HALF, "")))
    assert (claim(lead), owed(lead)) == (HALF, HALF)


@pytest.mark.parametrize("recalled", [False, True])
def test_what_was_given_back_of_a_reservation_is_not_reserved_by_a_red_letter(year: Year, recalled: bool) -> None:
    year.arrived()
    found = year.reserve(line(100))
    year.pay(found)
    year.reserve(line(100))
    spending.bounce_payment(year.hospital.context, PAYER, found, "退回")
    if recalled:
        call_back(year)
    for kind in ("fund_unreserve", "fund_payment_bounced"):
        with pytest.raises((InsufficientFund, Conflict)):
            mirror(year, entry_of(year, kind), source=f"fund_request:{found}")
    assert year.standing == (M - 100, 100, M)


def test_a_ground_of_recall_is_not_ended_by_a_red_letter(year: Year) -> None:
    year.arrived()
    year.give_back(M)
    correct(year, "fund_return")
    call_back(year)
    with pytest.raises(Conflict):
        mirror(year, entry_of(year, "fund_return_undone"))
    now = year.hospital.context.clock.now()
    cleared = sa.update(FundGrant).values(state="cleared", cleared_at=now)
    returned = sa.update(FundRecall).values(state="returned", ended_by=OFFICER.actor_id, ended_at=now)
    for statement in (cleared, returned):
        with pytest.raises(sa.exc.DBAPIError), raw(year) as books:
            books.connection.execute(statement)
    assert len(standing(year)) == 1


# -- When a grant was cleared, and when a ground ended --------------------------------------------------------------


def walk(year: Year, **values: object) -> None:
    with raw(year) as books:
        books.connection.execute(sa.update(FundGrant).values(**values))


@pytest.mark.parametrize("moment", [None, 2099, 2025])
def test_a_grant_is_cleared_at_the_moment_of_its_last_entry(year: Year, moment: int | None) -> None:
    year.arrived()
    grant = year.grant_id
    lines = ((owed_account(grant), M, 0, grant), (earmark_account(grant), 0, M, grant))
    with raw(year) as books:
        books.post("fund_return", lines, slip="S-1")
    now = year.hospital.context.clock.now()
    for state in ("cleared", "received"):
        with pytest.raises(sa.exc.DBAPIError, match="wrong_step: fund_grant"):
            walk(year, state=state, cleared_at=now.replace(year=moment) if moment else None)
    walk(year, state="cleared", cleared_at=now)


def test_nothing_else_carries_the_moment_of_clearing(year: Year) -> None:
    year.apply()
    now = year.hospital.context.clock.now()
    by = {"approved_fen": M, "approved_on": now.date(), "recorded_by": APPROVER.actor_id, "recorded_at": now}
    for state in ("approved", "declined"):
        with pytest.raises(sa.exc.DBAPIError, match="wrong_step: fund_grant"):
            walk(year, state=state, cleared_at=now, **by)
    walk(year, state="approved", **by)


@pytest.mark.parametrize(
    "changes", [{"ended_by": "x"}, {"ended_at": 2025}, {"ended_at": 2027}, {"ended_by": "x", "state": "lifted"}]
)
def test_a_ground_ends_when_its_last_grant_is_cleared_by_somebody_of_the_house(
    year: Year, changes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    year.arrived()
    call_back(year)
    monkeypatch.setattr("hospital_prepay.services.fund.returns.end_returned", lambda *given: [])
    year.give_back(M)
    now = year.hospital.context.clock.now()
    right = {"state": "returned", "ended_by": OFFICER.actor_id, "ended_at": now}
    wrong = right | {"ended_ground": "x", "ended_document": "x"} | changes
    if isinstance(wrong["ended_at"], int):
        wrong["ended_at"] = now.replace(year=wrong["ended_at"])
    with pytest.raises(sa.exc.DBAPIError, match="fund_recall"), raw(year) as books:
        books.connection.execute(sa.update(FundRecall).values(**wrong))
    with raw(year) as books:
        books.connection.execute(sa.update(FundRecall).values(**right))


# -- Entries of a SQLite file from before slips were asked for ------------------------------------------------------


# PostgreSQL ends no transaction without the slip.
@pytest.mark.parametrize("empty_urls", ["sqlite"], indirect=True)
def test_an_entry_from_before_slips_were_asked_for_is_known_by_its_number(
    empty_urls: tuple[str, str], clock: FixedClock, tmp_path: Path
) -> None:
    owner = Database(empty_urls[0], pool_size=1)
    steps = (("0035", {1: "2026-01-10"}), ("0037", {2: "2026-01-12", 3: "2025-01-01"}), ("head", {}))
    for target, entries in steps:
        migrate.upgrade(owner, app_role=None, backup_folder=tmp_path, moment=clock.now(), target=target)
        for number, day in entries.items():
            return_of_then(owner, number, f"{day}T02:00:00.000000+00:00")
    with owner.reading() as connection:
        due = connection.scalars(sa.text("SELECT entry_no FROM fund_slip_due ORDER BY entry_no")).all()
    owner.close()
    assert due == [2, 3], "the third only says that it is older than both"


def return_of_then(owner: Database, number: int, posted_at: str) -> None:
    """A return without its slip."""
    tables = ("fund_grant", "ledger_account", "ledger_posting", "ledger_entry")
    with triggers_off(owner, *tables) as connection:
        if number == 1:
            grant = "'H1', 'g', 'x', 'x', 'all', 2026, 'basic', 'applied', 7, 'd', 'a', '', '', '', ''"
            connection.exec_driver_sql(
                "INSERT INTO fund_grant (institution_id, grant_id, regime, pool_region, fund, year, kind, state,"
                " applied_fen, decision_id, applied_by, applied_at, module_no, approval_document, withheld_ground)"
                f" VALUES ({grant})"
            )
            connection.exec_driver_sql(
                "INSERT INTO ledger_account (institution_id, account_id, subject, name, normal_side, guarded,"
                " balance_fen, opened_at, fund) VALUES ('H1', '23050101:g', '23050101', 'x', -1, 0, 0, '', 'g')"
            )
        connection.exec_driver_sql(f"INSERT INTO ledger_posting VALUES ('H1', {number}, 1, '23050101:g', 5, 0, 'g')")
        connection.exec_driver_sql(
            "INSERT INTO ledger_entry (institution_id, entry_no, kind, summary, source, idempotency_key, line_count,"
            " occurred_at, posted_at, effective_on, posted_by, content_hash) VALUES ('H1', ?, 'fund_return', 'x',"
            " 'x', ?, 2, '', ?, '2026-01-10', 'x', zeroblob(32))",
            (number, f"k{number}", posted_at),
        )


# -- Rows of members ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 2, 32767])
@pytest.mark.parametrize("table", ["return", "use", "payment"])
def test_a_member_s_rows_are_numbered_on(lead: Year, table: str, number: int) -> None:
    found = hand_on(lead, HALF)
    if table == "payment":
        show(lead, found, HALF)
        lead.give_back(M)
    tables = {"return": FundDistributionReturn, "payment": FundClaimPayment}
    with pytest.raises(sa.exc.DBAPIError), raw(lead) as books:
        books.use(found, 5, number) if table == "use" else books.row(tables[table], found, 5, number)
    acts = {"return": give_back, "use": show, "payment": repay}
    acts[table](lead, found, 10)


@pytest.mark.parametrize("table", [FundDistributionReturn, FundDistributionUse])
def test_a_number_that_was_left_out_long_ago_stops_nobody(
    lead: Year, owner_database: Database, table: type[Any]
) -> None:
    found = hand_on(lead, HALF)
    with triggers_off(owner_database, table.__tablename__) as connection:
        books = Raw(lead, connection)
        books.use(found, 5, 2) if table is FundDistributionUse else books.row(table, found, 5, 2)
    (show if table is FundDistributionUse else give_back)(lead, found, 10)


@contextmanager
def triggers_off(owner: Database, *tables: str) -> Iterator[sa.Connection]:
    """Statements on tables past their triggers: what an older version let in."""
    with owner.writing() as connection:
        kept: list[Any] = []
        if not owner.is_postgresql:
            query = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN :tables")
            kept = list(connection.execute(query.bindparams(sa.bindparam("tables", tables, expanding=True))).all())
        for table in tables if owner.is_postgresql else ():
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for one in kept:
            connection.exec_driver_sql(f"DROP TRIGGER {one.name}")
        yield connection
        for one in kept:
            connection.exec_driver_sql(one.sql)
        for table in tables if owner.is_postgresql else ():
            connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")


# -- What is written down -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ground", ["\u200b", "\u3000", "\n", " \u00a0"])
def test_a_correction_and_a_word_on_lines_say_something(quiet: Desk, ground: str) -> None:
    year = quiet.year
    done = quiet.take(BANK, QUIET.format(balance="1000000.00"), SWALLOWED[0])
    clean = quiet.take(BANK, QUIET.format(balance="1000000.00").replace("X-1", "X-2"))
    said = {"said_by": OFFICER.actor_id, "said_at": year.hospital.context.clock.now()}
    for statement, words in ((done, ground), (clean, "合计行")):
        with pytest.raises(sa.exc.DBAPIError, match="fund_rejection_explained"), raw(year) as books:
            books.insert(FundRejectionExplained, statement_id=statement.statement.statement_id, ground=words, **said)
    with pytest.raises(MalformedInput):
        ask(year, "fund_receipt", ground=ground)
    asked = ask(year, "fund_receipt")
    with year.hospital.context.database.reading() as connection:
        row = dict(connection.execute(sa.select(FundCorrection)).mappings().one())
    with pytest.raises(sa.exc.DBAPIError, match="fund_correction"), raw(year) as books:
        books.connection.execute(
            sa.insert(FundCorrection).values(row | {"correction_id": "c", "ground": ground, "entry_no": 1})
        )
    assert asked == row["correction_id"]

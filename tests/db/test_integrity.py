"""The application's own database user, on both databases, against what books and approvals rest on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import RulebookFault
from hospital_prepay.domain.ledger.verification import Kind
from hospital_prepay.persistence import decisions, migrate
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.compliance.replay import DecisionsDiffer, replay_decisions, require_same
from hospital_prepay.services.context import Context
from hospital_prepay.services.ledger.journal import JournalFilter, read_entry, read_journal
from hospital_prepay.services.ledger.seals import seal_ledger, verify_ledger
from tests import servers
from tests.books import CASH, HOSPITAL, open_books, open_stay, post, set_cap, transfer
from tests.conftest import BOTH
from tests.hospital import enter_people

CAP = (
    "INSERT INTO stay_cap (institution_id, stay_no, version_no, disease_code, disease_name, insured_class,"
    " circumstance, unposted, cap_fen, talk, similar_ground, decision_id, recorded_by, recorded_at)"
    " SELECT institution_id, stay_no, version_no + 1, disease_code, disease_name, insured_class, circumstance,"
    " unposted, {cap}, talk, similar_ground, {decision}, recorded_by, recorded_at FROM stay_cap"
    " WHERE version_no = 1 AND stay_no = '{stay}'"
)
DECISION = (
    "INSERT INTO decision (institution_id, decision_id, rule, rule_version, outcome, amount_fen, reasons, facts,"
    " effective_on, decided_at, actor) SELECT institution_id, 'new', {rule}, rule_version, {outcome}, {amount},"
    " reasons, facts, effective_on, decided_at, actor FROM decision WHERE decision_id = ("
    "SELECT decision_id FROM stay_cap WHERE stay_no = 'S1')"
)


@pytest.fixture
def books(database: Database, clock: FixedClock) -> Database:
    """A stay under a cap of 5 yuan, and one without a cap."""
    open_books(database, clock)
    open_stay(database, clock, "S1", 500)
    open_stay(database, clock, "S2", None)
    return database


def run(database: Database, *statements: str) -> None:
    """Statements in one transaction."""
    with database.writing() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def refused(database: Database, *statements: str, match: str) -> None:
    """The transaction is refused for this reason."""
    with pytest.raises(sa.exc.DBAPIError, match=match):
        run(database, *statements)


def loosen(owner: Database, table: str) -> None:
    """Take the triggers of a table away, as its owner."""
    if owner.is_postgresql:
        run(owner, f"ALTER TABLE {table} DISABLE TRIGGER USER")
        return
    with owner.reading() as connection:
        found = connection.exec_driver_sql(
            f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}'"
        ).scalars()
        names = list(found)
    run(owner, *(f"DROP TRIGGER {name}" for name in names))


# -- Caps and the decisions that gave them -------------------------------------------------------------------------


def test_the_decision_of_a_cap_gives_no_second_one(books: Database) -> None:
    refused(books, CAP.format(stay="S1", cap="cap_fen", decision="decision_id"), match="decision_used")


@pytest.mark.parametrize("cap", ["99999999", "NULL"])
def test_a_cap_other_than_its_decision_gave_is_refused(books: Database, cap: str) -> None:
    decision = DECISION.format(rule="rule", outcome="'permitted'", amount="500")
    refused(books, decision, CAP.format(stay="S1", cap=cap, decision="'new'"), match="cap_not_decided")


@pytest.mark.parametrize(
    ("rule", "outcome", "amount"),
    [("'inpatient.collect'", "'permitted'", "500"), ("rule", "'refused'", "500"), ("rule", "'permitted'", "NULL")],
)
def test_a_decision_that_gives_no_cap_is_refused(books: Database, rule: str, outcome: str, amount: str) -> None:
    decision = DECISION.format(rule=rule, outcome=outcome, amount=amount)
    refused(books, decision, CAP.format(stay="S1", cap="500", decision="'new'"), match="cap_not_decided")


def test_a_cap_and_the_end_of_one_are_taken_with_their_decisions(
    books: Database, clock: FixedClock, tmp_path: Path
) -> None:
    set_cap(books, clock, "S1", None)
    set_cap(books, clock, "S2", 700)
    assert verify_ledger(books, tmp_path, clock).intact


@pytest.mark.parametrize(("stay", "cap"), [("S1", "99999999"), ("S2", "99999999"), ("S1", "500")])
def test_a_forged_cap_is_found_where_the_triggers_were_gone(
    books: Database, owner_database: Database, clock: FixedClock, tmp_path: Path, stay: str, cap: str
) -> None:
    loosen(owner_database, "stay_cap")
    run(books, CAP.format(stay=stay, cap=cap, decision="decision_id"))
    found = [finding for finding in verify_ledger(books, tmp_path, clock).findings if finding.kind is Kind.CAP_WRONG]
    assert found
    assert {finding.institution_id for finding in found} == {HOSPITAL}
    assert {finding.account_id for finding in found} == {f"23050103:{stay}"}


# -- Decisions that can't be read ----------------------------------------------------------------------------------

UNREADABLE = {
    "facts": ["'nope'", "'[1]'", "''"],
    "readings": ["'not json'", "'[]'"],
    "reasons": ["'nope'", "'{}'", "'[1]'"],
    "effective_on": ["'1999-12-31'", "'2100-01-01'"],
    "decided_at": ["'1999-12-31T02:00:00.000000+00:00'", "'2100-01-02T02:00:00.000000+00:00'"],
}
UNREADABLE_IN_A_FILE = {
    "facts": ["x'00'", "CAST(x'ff' AS TEXT)"],
    "effective_on": ["'soon'", "'2026-02-30'", "'20260115'"],
    "decided_at": ["'soon'", "'2026-01-15'", "x'00'"],
}
UNREADABLE_ON_A_SERVER = {"effective_on": ["'infinity'"], "decided_at": ["'infinity'", "'-infinity'"]}


def attacks(columns: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Column and value, one after another."""
    return [(column, value) for column, values in columns.items() for value in values]


def bad_decision(column: str, value: str, decision_id: str = "bad") -> str:
    """A decision like that of S1 with one other value."""
    names = "decision_id, rule, rule_version, outcome, amount_fen, reasons, facts, readings, effective_on, decided_at"
    values = {name: name for name in names.split(", ")} | {"decision_id": f"'{decision_id}'", column: value}
    return (
        f"INSERT INTO decision (institution_id, actor, {names}) SELECT institution_id, actor,"
        f" {', '.join(values.values())} FROM decision WHERE decision_id = ("
        "SELECT min(decision_id) FROM stay_cap WHERE stay_no = 'S1')"
    )


@pytest.mark.parametrize(("column", "value"), attacks(UNREADABLE))
def test_a_decision_that_cannot_be_read_is_refused(books: Database, column: str, value: str) -> None:
    refused(books, bad_decision(column, value), match="unreadable|ck_decision__|invalid input syntax for type json")
    run(books, bad_decision("rule", "rule"))


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("column", "value"), attacks(UNREADABLE_IN_A_FILE))
def test_a_decision_that_cannot_be_read_is_refused_in_a_file(books: Database, column: str, value: str) -> None:
    refused(books, bad_decision(column, value), match="unreadable|malformed")


@pytest.mark.postgres
@pytest.mark.parametrize("database_urls", ["postgres"], indirect=True)
@pytest.mark.parametrize(("column", "value"), attacks(UNREADABLE_ON_A_SERVER))
def test_a_decision_without_end_is_refused_on_a_server(books: Database, column: str, value: str) -> None:
    refused(books, bad_decision(column, value), match="ck_decision__dated")


def test_decisions_that_cannot_be_read_are_named_and_the_rest_is_computed(
    books: Database, owner_database: Database
) -> None:
    further = UNREADABLE_ON_A_SERVER if books.is_postgresql else UNREADABLE_IN_A_FILE
    bad = [*attacks(UNREADABLE), *attacks(further)]
    # A day of another century can be read; it is the database alone that refuses it.
    bad = [(column, value) for column, value in bad if not value.startswith(("'1999", "'2100", "'20260115"))]
    loosen(owner_database, "decision")
    if owner_database.is_postgresql:
        for name in ("readable", "dated"):
            run(owner_database, f"ALTER TABLE decision DROP CONSTRAINT ck_decision__{name}")
    run(books, *(bad_decision(*attack, f"bad-{number}") for number, attack in enumerate(bad)))
    replay = replay_decisions(books)
    assert {one.decision_id for one in replay.unreadable} == {
        f"bad-{number}" for number, (_, value) in enumerate(bad) if value != "'{}'"
    }
    assert replay.decisions == len(bad) + 2
    with pytest.raises(DecisionsDiffer, match="bad-0"):
        require_same(replay)
    with books.reading() as connection:
        assert len(list(decisions.latest(connection, HOSPITAL, 100))) == 2 + len(bad) - len(replay.unreadable)
        with pytest.raises(RulebookFault, match="bad-0"):
            decisions.find(connection, HOSPITAL, "bad-0")


# -- Entries of no possible day ------------------------------------------------------------------------------------

DATES = {"occurred": "now()", "posted": "now()", "effective": "current_date"}
ENDLESS = [
    ("occurred", "'infinity'"),
    ("posted", "'-infinity'"),
    ("posted", "'12000-01-01'"),
    ("effective", "'infinity'"),
    ("effective", "'1999-12-31'"),
    ("occurred", "'2101-01-01'"),
]


def posting(function: str, **dates: str) -> str:
    """A call of the posting function for one fen between two unguarded accounts."""
    values = DATES | dates
    when = f"{values['occurred']}, {values['posted']}, {values['effective']}, 'x'"
    lines = "ARRAY['1001', '1002'], ARRAY[1, 0]::bigint[], ARRAY[0, 1]::bigint[], ARRAY['', '']"
    if function == "ledger_post":
        return f"SELECT ledger_post('{HOSPITAL}', 'a', 'x', 'x', 'x', NULL, {when}, sha256('x'), {lines})"
    return (
        f"SELECT ledger_post_many('{HOSPITAL}', ARRAY['b'], 'x', 'x', ARRAY['x'], {when}, ARRAY[sha256('x')],"
        f" ARRAY[2]::smallint[], {lines})"
    )


@pytest.mark.postgres
@pytest.mark.parametrize("database_urls", ["postgres"], indirect=True)
@pytest.mark.parametrize("function", ["ledger_post", "ledger_post_many"])
def test_an_entry_of_no_possible_day_is_not_posted(books: Database, function: str) -> None:
    for name, value in ENDLESS:
        refused(books, posting(function, **{name: value}), match="ck_ledger_entry__dated")
    run(books, posting(function))


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
@pytest.mark.parametrize("column", ["occurred_at", "posted_at", "effective_on"])
def test_an_entry_of_no_possible_day_is_not_written_to_a_file(
    books: Database, clock: FixedClock, column: str
) -> None:
    post(books, transfer(clock, CASH, "1002", 1))
    names = "occurred_at, posted_at, effective_on"
    for value in ("'infinity'", "'1999-12-31'", "'2101-01-01T00:00:00.000000+00:00'", "x'00'"):
        copied = names.replace(column, value)
        header = (
            f"INSERT INTO ledger_entry (institution_id, entry_no, kind, summary, source, idempotency_key, line_count,"
            f" posted_by, content_hash, {names}) SELECT institution_id, 2, kind, summary, source, 'raw', line_count,"
            f" posted_by, content_hash, {copied} FROM ledger_entry WHERE entry_no = 1"
        )
        lines = (
            "INSERT INTO ledger_posting SELECT institution_id, 2, line_no, account_id, debit_fen, credit_fen, fund"
            " FROM ledger_posting WHERE entry_no = 1"
        )
        refused(books, lines, header, match="undated")


@pytest.mark.postgres
@pytest.mark.parametrize("database_urls", ["postgres"], indirect=True)
def test_entries_of_no_possible_day_are_found_and_keep_nothing_from_being_read(
    context: Context, books: Database, owner_database: Database, tmp_path: Path
) -> None:
    run(owner_database, "ALTER TABLE ledger_entry DROP CONSTRAINT ck_ledger_entry__dated")
    for number, (name, value) in enumerate(ENDLESS):
        run(books, posting("ledger_post", **{name: value}).replace("'a'", f"'{number}'"))
    auditor = Actor(HOSPITAL, "auditor", "审计", frozenset({Role.AUDITOR}))
    assert read_journal(context, auditor, JournalFilter(), 1).totals.entries == len(ENDLESS)
    for entry_no in range(1, len(ENDLESS) + 1):
        assert read_entry(context, auditor, entry_no).row.entry_no == entry_no
    found = verify_ledger(books, tmp_path, context.clock).findings
    undated = [finding.entry_no for finding in found if finding.kind is Kind.ENTRY_UNDATED]
    assert undated == list(range(1, len(ENDLESS) + 1))
    assert [block.last_no for block in seal_ledger(books, tmp_path, context.clock)] == [len(ENDLESS)]


# -- What is fixed once it stands ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "stay SET admitted_at = registered_at",
        "stay SET registered_at = admitted_at",
        "stay SET patient_name = 'x'",
        "receipt_book SET holder = 'x'",
        "staff_user SET login = 'x'",
    ],
)
def test_who_and_when_is_not_changed_even_by_the_owner(
    books: Database, owner_database: Database, change: str
) -> None:
    run(
        books,
        "INSERT INTO receipt_book (institution_id, book, holder, last_serial, opened_at)"
        f" SELECT '{HOSPITAL}', 'A01', 'somebody', 0, registered_at FROM stay WHERE stay_no = 'S1'",
        "INSERT INTO staff_user (institution_id, user_id, login, name, roles, station, password_hash,"
        " password_changed_at, totp_last_step, failed_attempts, is_active, created_at) SELECT institution_id, 'u',"
        " 'u', 'u', '[]', '', '', registered_at, 0, 0, true, registered_at FROM stay WHERE stay_no = 'S1'",
    )
    refused(books, f"UPDATE {change}", match="append_only|permission denied")
    refused(owner_database, f"UPDATE {change}", match="append_only")


# -- Second persons ------------------------------------------------------------------------------------------------

RULES = (
    "INSERT INTO deposit_rules (institution_id, version_no, text, effective_on, written_by, written_at, approved_by,"
    " approved_at) SELECT institution_id, 1, 'x', '2026-01-15', 'writer', changed_at, {by}, {at} FROM institution"
)
TABLE = (
    "INSERT INTO cap_table (institution_id, table_id, state, as_of, window_from, window_to, parameters, cases_read,"
    " cases_used, row_count, rule_version, digest, measured_by, measured_at, approved_by, rejected_ground)"
    " SELECT institution_id, 't', 'draft', '2026-01-01', '2023-01-01', '2025-12-31', '{{}}', 0, 0, 0, 'x', 'x',"
    " 'writer', changed_at, {by}, '' FROM institution"
)
REQUEST = (
    "INSERT INTO slip_request (institution_id, request_id, kind, source, stay_no, amount_fen, tender,"
    " payment_reference, ground, requested_by, requested_at, state, receipt_book) SELECT institution_id, 'r',"
    " 'refund', 'refund:S1', 'S1', 5, 'cash', '', 'x', 'writer', changed_at, 'waiting', {book} FROM institution"
)
APPROVALS = {
    "deposit_rules": "approved_by = '{by}', approved_at = written_at",
    "cap_table": "state = 'approved', approved_by = '{by}', approved_at = measured_at",
    "slip_request": "state = 'rejected', decided_by = '{by}', decided_at = requested_at",
}


@pytest.fixture
def waiting(books: Database, clock: FixedClock) -> Database:
    """One of each that waits for a second person, asked for by ``writer``; there is also an ``approver``."""
    with books.writing() as connection:
        enter_people(connection, clock, HOSPITAL, "writer", "approver", " Writer")
    run(books, RULES.format(by="NULL", at="NULL"), TABLE.format(by="NULL"), REQUEST.format(book="NULL"))
    return books


@pytest.mark.parametrize(
    "statement",
    [RULES.format(by="'a'", at="changed_at"), TABLE.format(by="'approver'"), REQUEST.format(book="'A01'")],
)
def test_nothing_begins_approved(books: Database, statement: str) -> None:
    refused(books, statement, match="wrong_step")


@pytest.mark.parametrize("table", APPROVALS)
@pytest.mark.parametrize("by", ["nobody", "", "Approver", "approver ", " Writer", "WRITER"])
def test_a_second_person_is_somebody_else_of_the_institution(waiting: Database, table: str, by: str) -> None:
    refused(waiting, f"UPDATE {table} SET {APPROVALS[table].format(by=by)}", match="second_person")
    run(waiting, f"UPDATE {table} SET {APPROVALS[table].format(by='approver')}")


@pytest.mark.parametrize("receipt", ["", ", receipt_book = 'A01', receipt_serial = 1"])
def test_a_slip_is_not_approved_without_its_receipt(waiting: Database, receipt: str) -> None:
    approval = "state = 'approved', decided_by = 'approver', decided_at = requested_at"
    refused(waiting, f"UPDATE slip_request SET {approval}{receipt}", match="wrong_step")


# -- The database from before --------------------------------------------------------------------------------------


@pytest.fixture(params=BOTH)
def old_database(request: pytest.FixtureRequest, clock: FixedClock, tmp_path: Path) -> Iterator[Database]:
    """The owner's, as it stood before any of this was refused."""
    url = f"sqlite:///{tmp_path / 'old.sqlite3'}"
    if request.param != "sqlite":
        url, _ = servers.new_database(request.getfixturevalue("postgres_server"))
    database = Database(url, pool_size=1)
    migrate.upgrade(database, app_role=None, backup_folder=tmp_path, moment=clock.now(), target="0004")
    yield database
    database.close()


def test_what_was_forged_before_survives_and_is_found(
    old_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    open_books(old_database, clock)
    open_stay(old_database, clock, "S1", 500)
    run(old_database, CAP.format(stay="S1", cap="99999999", decision="decision_id"), bad_decision("facts", "'nope'"))
    run(old_database, RULES.format(by="'nobody'", at="changed_at"))
    migrate.upgrade(old_database, app_role=None, backup_folder=tmp_path, moment=clock.now())
    kinds = [finding.kind for finding in verify_ledger(old_database, tmp_path, clock).findings]
    assert kinds == [Kind.CAP_WRONG, Kind.CAP_WRONG]
    assert [one.decision_id for one in replay_decisions(old_database).unreadable] == ["bad"]
    with old_database.reading() as connection:
        assert connection.scalar(sa.text("SELECT approved_by FROM deposit_rules")) == "nobody"
    refused(old_database, CAP.format(stay="S1", cap="1", decision="'bad'").replace("= 1", "= 2"), match="cap_not")

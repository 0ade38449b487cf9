"""A raw connection to the SQLite file, with every pragma that loosens it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.ledger.verification import Kind
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger.heads import SealHeads
from hospital_prepay.persistence.ledger.seals import seal
from hospital_prepay.persistence.ledger.verify import verify
from tests.books import CASH, HOSPITAL, balance, open_books, open_guarded, open_stay, post, transfer

LOOSE = (
    "PRAGMA recursive_triggers = OFF",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA ignore_check_constraints = ON",
    "PRAGMA defer_foreign_keys = ON",
    "PRAGMA trusted_schema = ON",
)


@pytest.fixture
def heads(tmp_path_factory: pytest.TempPathFactory) -> SealHeads:
    """Heads in a folder of their own."""
    return SealHeads(tmp_path_factory.mktemp("heads"))


@pytest.fixture
def books(sqlite_database: Database, clock: FixedClock, heads: SealHeads) -> Database:
    """A hospital with one sealed posting of 3 yuan to a stay under a cap of 5 yuan, and a guarded account."""
    open_books(sqlite_database, clock)
    stay = open_stay(sqlite_database, clock, "S1", 500)
    open_guarded(sqlite_database, clock, "2302:A")
    post(sqlite_database, transfer(clock, CASH, stay, 300, key="first"))
    seal(sqlite_database, heads, clock.now())
    return sqlite_database


@pytest.fixture
def raw(books: Database) -> Iterator[sqlite3.Connection]:
    """The file, opened by somebody who turns everything off that can be turned off."""
    connection = sqlite3.connect(str(books.url.database), isolation_level=None)
    for pragma in LOOSE:
        connection.execute(pragma)
    yield connection
    connection.close()


ENTRY = (
    "({i}, {no}, 'x', 'x', 'x', {key}, {reverses}, {count}, '2026-01-15T02:00:00.000000+00:00',"
    " '2026-01-15T02:00:00.000000+00:00', '2026-01-15', 'x', {hash})"
)
GOOD_ENTRY = {
    "i": f"'{HOSPITAL}'",
    "no": "2",
    "key": "'raw'",
    "reverses": "NULL",
    "count": "2",
    "hash": "zeroblob(32)",
}
COLUMNS = (
    "ledger_entry (institution_id, entry_no, kind, summary, source, idempotency_key, reverses_no, line_count,"
    " occurred_at, posted_at, effective_on, posted_by, content_hash)"
)
VERBS = ("INSERT INTO", "INSERT OR REPLACE INTO", "REPLACE INTO", "INSERT OR IGNORE INTO", "INSERT OR FAIL INTO")


def header(verb: str = "INSERT INTO", **change: str) -> str:
    """A header as SQL."""
    return f"{verb} {COLUMNS} VALUES {ENTRY.format(**{**GOOD_ENTRY, **change})}"


def lines(
    debit: str = "1", credit: str = "1", accounts: tuple[str, str] = ("'1001'", "'1002'"), no: str = "2"
) -> str:
    """Two lines as SQL."""
    return (
        f"INSERT INTO ledger_posting VALUES ('{HOSPITAL}', {no}, 1, {accounts[0]}, {debit}, 0, ''),"
        f" ('{HOSPITAL}', {no}, 2, {accounts[1]}, 0, {credit}, '')"
    )


def refused(raw: sqlite3.Connection, *statements: str) -> None:
    """The last statement fails; then everything is as it was."""
    before = list(raw.iterdump())
    raw.execute("BEGIN")
    for statement in statements[:-1]:
        raw.execute(statement)
    with pytest.raises(sqlite3.Error):
        raw.execute(statements[-1])
    raw.execute("ROLLBACK")
    assert list(raw.iterdump()) == before


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_posting", "ledger_block"])
@pytest.mark.parametrize("verb", ["UPDATE", "UPDATE OR REPLACE", "UPDATE OR IGNORE", "UPDATE OR FAIL"])
def test_rows_of_the_books_are_never_updated(raw: sqlite3.Connection, table: str, verb: str) -> None:
    refused(raw, f"{verb} {table} SET institution_id = institution_id")
    refused(raw, f"{verb} {table} SET institution_id = NULL")
    refused(raw, f"{verb} {table} SET rowid = rowid + 1")


@pytest.mark.parametrize("table", ["ledger_account", "ledger_entry", "ledger_posting", "ledger_block"])
def test_rows_of_the_books_are_never_deleted(raw: sqlite3.Connection, table: str) -> None:
    refused(raw, f"DELETE FROM {table}")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "table",
    ["ledger_account", "ledger_entry", "ledger_posting", "ledger_block", "audit_event", "decision"],
)
def test_no_row_is_replaced_by_its_own_key(raw: sqlite3.Connection, table: str, verb: str) -> None:
    if table == "audit_event":
        raw.execute(
            "INSERT INTO audit_event (institution_id, event_id, at, actor, actor_name, action, outcome, subject,"
            f" address, detail) VALUES ('{HOSPITAL}', 'e', 'x', 'x', 'x', 'x', 'done', 'x', 'x', '{{}}')"
        )
    assert raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 0
    refused(raw, f"{verb} {table} SELECT * FROM {table}")
    refused(raw, f"{verb} {table} SELECT * FROM {table} WHERE true ON CONFLICT DO NOTHING")


def test_no_table_of_the_books_has_a_second_key_to_replace_by(raw: sqlite3.Connection) -> None:
    hidden = raw.execute(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT wr"
        " AND (name LIKE 'ledger%' OR name LIKE 'receipt%' OR name IN ('audit_event', 'decision', 'stay_cap'))"
    ).fetchall()
    assert hidden == []
    with pytest.raises(sqlite3.OperationalError, match="rowid"):
        raw.execute("INSERT OR REPLACE INTO ledger_posting (rowid) VALUES (1)")


def test_an_upsert_changes_nothing(raw: sqlite3.Connection) -> None:
    refused(
        raw,
        "INSERT INTO ledger_account SELECT * FROM ledger_account WHERE true"
        " ON CONFLICT (institution_id, account_id) DO UPDATE SET balance_fen = 7",
    )


def test_a_used_key_is_not_replaced(raw: sqlite3.Connection) -> None:
    for verb in VERBS:
        refused(raw, lines(), header(verb, key="'first'"))


def test_the_entry_that_the_bad_ones_vary_is_good(raw: sqlite3.Connection) -> None:
    raw.execute("BEGIN")
    raw.execute(lines())
    raw.execute(header())
    raw.execute("ROLLBACK")


@pytest.mark.parametrize(
    "change",
    [
        {"no": "1"},
        {"no": "3"},
        {"no": "0"},
        {"no": "NULL"},
        {"i": "NULL"},
        {"i": "'other'"},
        {"count": "1"},
        {"count": "3"},
        {"count": "NULL"},
        {"key": "NULL"},
        {"hash": "NULL"},
        {"reverses": "1"},
        {"reverses": "99"},
    ],
)
@pytest.mark.parametrize("verb", VERBS)
def test_a_broken_header_is_refused(raw: sqlite3.Connection, change: dict[str, str], verb: str) -> None:
    before = raw.execute("SELECT count(*) FROM ledger_entry").fetchone()
    raw.execute("BEGIN")
    raw.execute(lines())
    try:
        raw.execute(header(verb, **change))
    except sqlite3.Error:
        pass
    else:
        assert verb == "INSERT OR IGNORE INTO"  # which passes over a NULL in silence
        assert raw.execute("SELECT count(*) FROM ledger_entry").fetchone() == before
    raw.execute("ROLLBACK")


def test_unbalanced_lines_get_no_header(raw: sqlite3.Connection) -> None:
    refused(raw, lines("1", "2"), header())
    refused(
        raw,
        f"INSERT INTO ledger_posting VALUES ('{HOSPITAL}', 2, 1, '1001', 1, 0, 'a'),"
        f" ('{HOSPITAL}', 2, 2, '1002', 0, 1, 'b')",
        header(),
    )


def test_lines_with_null_are_refused(raw: sqlite3.Connection) -> None:
    refused(raw, lines("NULL"))
    refused(raw, lines("1", "NULL"))
    refused(raw, lines(accounts=("NULL", "'1002'")))
    refused(raw, lines(no="NULL"))


def test_nothing_joins_an_entry_later(raw: sqlite3.Connection) -> None:
    refused(raw, f"INSERT INTO ledger_posting VALUES ('{HOSPITAL}', 1, 3, '1001', 1, 0, '')")


def test_guards_hold_for_raw_lines(raw: sqlite3.Connection) -> None:
    refused(raw, lines("201", "201", ("'1001'", "'23050103:S1'")))
    refused(raw, lines("1", "1", ("'2302:A'", "'1002'")))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_account SET balance_fen = 0",
        "UPDATE ledger_account SET balance_fen = NULL",
        "UPDATE ledger_account SET balance_fen = 1 WHERE account_id = '1001'",
        "UPDATE ledger_account SET ceiling_fen = 1000000",
        "UPDATE ledger_account SET ceiling_fen = NULL",
        "UPDATE ledger_account SET guarded = 0",
        "UPDATE ledger_account SET guarded = NULL",
        "UPDATE ledger_account SET normal_side = -normal_side",
        "UPDATE ledger_account SET account_id = account_id || 'x'",
        "UPDATE OR REPLACE ledger_account SET account_id = '1001'",
        "UPDATE ledger_account SET subject = NULL",
    ],
)
def test_an_account_is_not_touched(raw: sqlite3.Connection, statement: str) -> None:
    refused(raw, statement)


ACCOUNT = (
    "INSERT INTO ledger_account (institution_id, account_id, subject, name, normal_side, guarded, balance_fen,"
    f" ceiling_fen, opened_at) VALUES ('{HOSPITAL}', {{}})"
)


@pytest.mark.parametrize(
    "values",
    [
        "'23050103:S2', '23050103', 'x', -1, 1, 1, 0, 'x'",
        "'23050103:S2', '23050103', 'x', -1, 1, NULL, 0, 'x'",
        "'23050103:S2', '23050103', 'x', -1, 1, 0, 1, 'x'",
        "NULL, '23050103', 'x', -1, 1, 0, 0, 'x'",
    ],
)
def test_an_account_opens_empty(raw: sqlite3.Connection, values: str) -> None:
    refused(raw, ACCOUNT.format(values))


@pytest.mark.parametrize(
    "values",
    [
        "'23050103:S2', '1001', 'x', 1, 0, 0, NULL, 'x'",
        "'23050103:S2', '23050103', 'x', -1, 0, 0, NULL, 'x'",
        "'23050103:S2', '23050103', 'x', 1, 1, 0, 0, 'x'",
        "'23050103:S2', '23050103', 'x', -1, 1, 0, NULL, 'x'",
        "'1001:x', '1001', 'x', 0, 0, 0, NULL, 'x'",
    ],
)
def test_an_account_opens_as_its_subject_demands(raw: sqlite3.Connection, values: str) -> None:
    refused(raw, ACCOUNT.format(values))


BLOCK = f"INSERT INTO ledger_block VALUES ('{HOSPITAL}', {{}}, x'00', 'x')"


@pytest.mark.parametrize(
    "values",
    [
        "1, 1, 1, 1, x'00', zeroblob(32)",
        "2, 1, 1, 1, x'00', (SELECT block_hash FROM ledger_block)",
        "2, 2, 2, 0, x'00', (SELECT block_hash FROM ledger_block)",
        "2, 2, 9, 0, x'00', (SELECT block_hash FROM ledger_block)",
        "3, 2, 2, 0, x'00', (SELECT block_hash FROM ledger_block)",
        "2, 2, 2, 1, x'00', zeroblob(32)",
        "2, NULL, 2, 1, x'00', (SELECT block_hash FROM ledger_block)",
        "NULL, 2, 2, 1, x'00', (SELECT block_hash FROM ledger_block)",
        "2, 2, 2, 1, x'00', NULL",
    ],
)
def test_a_block_must_follow_the_last_one(raw: sqlite3.Connection, values: str) -> None:
    refused(raw, BLOCK.format(values))


# -- What a file can't refuse, the check finds -------------------------------------------------------------------


def kinds(books: Database, heads: SealHeads, clock: FixedClock) -> set[Kind]:
    """What the check finds."""
    return {finding.kind for finding in verify(books, heads, clock.now()).findings}


def test_a_line_without_a_header_is_found(
    raw: sqlite3.Connection, books: Database, heads: SealHeads, clock: FixedClock
) -> None:
    raw.execute(lines())  # foreign keys are off: nothing asks at commit
    assert kinds(books, heads, clock) == {Kind.POSTING_ORPHANED}


def test_a_balance_moved_twice_within_one_entry_is_found(
    raw: sqlite3.Connection, books: Database, heads: SealHeads, clock: FixedClock
) -> None:
    raw.execute("BEGIN")
    raw.execute(lines("1", "1", ("'1001'", "'2302:A'")))
    raw.execute("UPDATE ledger_account SET balance_fen = 500 WHERE account_id = '2302:A'")
    raw.execute(header())
    raw.execute("COMMIT")
    assert balance(books, "2302:A") == 500
    assert kinds(books, heads, clock) == {Kind.BALANCE_WRONG, Kind.ENTRY_ALTERED}


@pytest.mark.parametrize("fen", ["-5", "0.5", "'x'", "x'05'"])
def test_a_side_is_whole_fen_and_never_below_zero(raw: sqlite3.Connection, fen: str) -> None:
    refused(raw, f"INSERT INTO ledger_posting VALUES ('{HOSPITAL}', 2, 1, '1001', 0, {fen}, '')")
    refused(raw, f"INSERT INTO ledger_posting VALUES ('{HOSPITAL}', 2, 1, '1001', {fen}, 0, '')")


def test_a_side_below_zero_written_with_triggers_dropped_is_found(
    raw: sqlite3.Connection, books: Database, heads: SealHeads, clock: FixedClock
) -> None:
    raw.execute("DROP TRIGGER ledger_posting_repeats_insert")
    raw.execute("BEGIN")
    raw.execute(
        f"INSERT INTO ledger_posting VALUES ('{HOSPITAL}', 2, 1, '1001', 0, -5, ''),"
        f" ('{HOSPITAL}', 2, 2, '1002', -5, 0, '')"
    )
    raw.execute(header().replace("-5", "5"))
    raw.execute("COMMIT")
    assert Kind.ENTRY_UNBALANCED in kinds(books, heads, clock)


def test_a_line_on_an_account_that_was_never_opened_is_found(
    raw: sqlite3.Connection, books: Database, heads: SealHeads, clock: FixedClock
) -> None:
    raw.execute("BEGIN")
    raw.execute(lines(accounts=("'1001'", "'9999'")))
    raw.execute(header())
    raw.execute("COMMIT")
    assert Kind.BALANCE_WRONG in kinds(books, heads, clock)


def test_an_unguarded_stay_account_written_with_triggers_dropped_is_found(
    raw: sqlite3.Connection, books: Database, heads: SealHeads, clock: FixedClock
) -> None:
    raw.execute("DROP TRIGGER ledger_account_repeats_insert")
    raw.execute(ACCOUNT.format("'23050103:S2', '23050103', 'x', -1, 0, 0, NULL, 'x'"))
    assert kinds(books, heads, clock) == {Kind.CEILING_WRONG}


def test_a_ceiling_raised_with_triggers_dropped_is_found(
    raw: sqlite3.Connection, books: Database, heads: SealHeads, clock: FixedClock
) -> None:
    raw.execute("DROP TRIGGER ledger_account_ceiling")
    raw.execute("UPDATE ledger_account SET ceiling_fen = 10000000 WHERE account_id = '23050103:S1'")
    assert kinds(books, heads, clock) == {Kind.CEILING_WRONG}


def test_a_receipt_or_audit_event_of_an_entry_that_is_gone_is_found(
    raw: sqlite3.Connection, books: Database, heads: SealHeads, clock: FixedClock
) -> None:
    with books.writing() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO audit_event (institution_id, event_id, at, actor, actor_name, action, outcome, subject,"
                " entry_no, address, detail) VALUES (:i, 'e', 'x', 'x', 'x', 'x', 'done', 'x', 2, 'x', '{}')"
            ),
            {"i": HOSPITAL},
        )
    found = verify(books, heads, clock.now()).findings
    assert [(finding.kind, finding.entry_no) for finding in found] == [(Kind.ENTRY_LOST, 2)]


@pytest.mark.parametrize(
    ("table", "change", "kind"),
    [
        ("ledger_block", "sealed_at = 'yesterday'", Kind.UNREADABLE),
        ("ledger_block", "last_no = 'x'", Kind.BLOCK_ALTERED),
        ("ledger_entry", "content_hash = 'x'", Kind.ENTRY_ALTERED),
        ("ledger_entry", "summary = CAST(x'ff' AS TEXT)", Kind.ENTRY_ALTERED),
        ("ledger_entry", "occurred_at = x'00'", Kind.ENTRY_ALTERED),
        ("ledger_entry", "line_count = 2.5", Kind.ENTRY_ALTERED),
        ("ledger_posting", "debit_fen = 0.5", Kind.ENTRY_ALTERED),
        ("ledger_posting", "debit_fen = 'x'", Kind.ENTRY_ALTERED),
        ("ledger_account", "balance_fen = 'x'", Kind.BALANCE_WRONG),
    ],
)
def test_values_that_the_program_never_writes_are_found(
    raw: sqlite3.Connection, books: Database, heads: SealHeads, clock: FixedClock, table: str, change: str, kind: Kind
) -> None:
    for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        raw.execute(f"DROP TRIGGER {name}")
    raw.execute(f"UPDATE {table} SET {change}")
    assert kind in kinds(books, heads, clock)

"""Whoever owns the database can switch its triggers off; the check then finds what was done, and where."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import LedgerFault
from hospital_prepay.domain.ledger.verification import Finding, Kind
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger import ledger_on
from hospital_prepay.services.ledger.seals import LedgerAltered, require_intact, seal_ledger, verify_ledger
from tests.books import BANK, CASH, HOSPITAL, entry, line, open_books, open_stay, post, transfer

TABLES = ("ledger_account", "ledger_entry", "ledger_posting", "ledger_block", "stay_cap")


class Books:
    """Three blocks of two entries (1-2, 3-4, 5-6) and one unsealed entry, 7."""

    def __init__(self, database: Database, owner: Database, clock: FixedClock, folder: Path) -> None:
        self.database, self.owner, self.clock, self.folder = database, owner, clock, folder
        open_books(database, clock)
        stay = open_stay(database, clock, "S1", 10**9)
        for fen in (10, 20, 30):
            post(database, transfer(clock, CASH, stay, fen), transfer(clock, BANK, stay, fen))
            clock.moment += timedelta(seconds=60)
            seal_ledger(database, folder, clock)
        post(database, transfer(clock, CASH, stay, 40))
        assert verify_ledger(database, folder, clock).intact

    @property
    def heads(self) -> Path:
        """The heads file."""
        return self.folder / "seals" / f"{HOSPITAL}.jsonl"

    def tamper(self, *statements: str) -> None:
        """Run SQL with every trigger and foreign key out of the way."""
        if self.owner.is_postgresql:
            self._tamper_postgresql(statements)
        else:
            self._tamper_sqlite(statements)

    def _tamper_postgresql(self, statements: tuple[str, ...]) -> None:
        with self.owner.engine.begin() as connection:
            for table in TABLES:
                connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            for table, name in connection.exec_driver_sql(
                "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f'"
            ).all():
                connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
            for statement in statements:
                connection.exec_driver_sql(statement)
        self.owner.close()

    def _tamper_sqlite(self, statements: tuple[str, ...]) -> None:
        connection = sqlite3.connect(str(self.owner.url.database))
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()

    def findings(self) -> tuple[Finding, ...]:
        """What the check says, first place first."""
        return verify_ledger(self.database, self.folder, self.clock).findings


@pytest.fixture
def books(database: Database, owner_database: Database, clock: FixedClock, tmp_path: Path) -> Books:
    """Books with three blocks and an unsealed entry."""
    return Books(database, owner_database, clock, tmp_path)


COPY_ENTRY = (
    "INSERT INTO ledger_entry SELECT institution_id, {new}, kind, summary, source, {key}, reverses_no, line_count,"
    " occurred_at, posted_at, effective_on, posted_by, content_hash FROM ledger_entry WHERE entry_no = {old}"
)
COPY_LINES = (
    "INSERT INTO ledger_posting SELECT institution_id, {new}, line_no, account_id, debit_fen, credit_fen, fund"
    " FROM ledger_posting WHERE entry_no = {old}"
)
SWAP = [
    f"UPDATE {table} SET entry_no = CASE entry_no WHEN 103 THEN 4 WHEN 104 THEN 3 END WHERE entry_no > 100"
    for table in ("ledger_entry", "ledger_posting")
]
APART = [
    f"UPDATE {table} SET entry_no = entry_no + 100 WHERE entry_no IN (3, 4)"
    for table in ("ledger_entry", "ledger_posting")
]

EDITS: dict[str, tuple[list[str], Kind, int]] = {
    "an amount": (
        [
            "UPDATE ledger_posting SET debit_fen = 21 WHERE entry_no = 3 AND debit_fen > 0",
            "UPDATE ledger_posting SET credit_fen = 21 WHERE entry_no = 3 AND credit_fen > 0",
        ],
        Kind.ENTRY_ALTERED,
        3,
    ),
    "one side of an amount": (
        ["UPDATE ledger_posting SET debit_fen = 21 WHERE entry_no = 3 AND debit_fen > 0"],
        Kind.ENTRY_ALTERED,
        3,
    ),
    "an account": (
        ["UPDATE ledger_posting SET account_id = '1021' WHERE entry_no = 4 AND account_id = '1002'"],
        Kind.ENTRY_ALTERED,
        4,
    ),
    "a fund": (["UPDATE ledger_posting SET fund = 'a' WHERE entry_no = 3"], Kind.ENTRY_ALTERED, 3),
    "the order of lines": (
        ["UPDATE ledger_posting SET line_no = line_no + 10 WHERE entry_no = 3 AND line_no = 1"],
        Kind.ENTRY_ALTERED,
        3,
    ),
    **{
        column: ([f"UPDATE ledger_entry SET {column} = 'y' WHERE entry_no = 3"], Kind.ENTRY_ALTERED, 3)
        for column in ("kind", "summary", "source", "idempotency_key", "posted_by")
    },
    "the business day": (
        ["UPDATE ledger_entry SET effective_on = '2026-01-16' WHERE entry_no = 3"],
        Kind.ENTRY_ALTERED,
        3,
    ),
    "the moment": (
        ["UPDATE ledger_entry SET occurred_at = '2026-01-15T02:01:00.000001+00:00' WHERE entry_no = 3"],
        Kind.ENTRY_ALTERED,
        3,
    ),
    "the moment in the books": (
        ["UPDATE ledger_entry SET posted_at = '2026-01-15T02:01:00.000001+00:00' WHERE entry_no = 3"],
        Kind.ENTRY_ALTERED,
        3,
    ),
    "what it reverses": (["UPDATE ledger_entry SET reverses_no = 1 WHERE entry_no = 3"], Kind.ENTRY_ALTERED, 3),
    "a hash": (
        ["UPDATE ledger_entry SET content_hash = (SELECT merkle_root FROM ledger_block WHERE block_no = 1)"
         " WHERE entry_no = 3"],
        Kind.ENTRY_ALTERED,
        3,
    ),
    "an unsealed entry": (["UPDATE ledger_entry SET summary = 'y' WHERE entry_no = 7"], Kind.ENTRY_ALTERED, 7),
    "a deleted entry": (
        ["DELETE FROM ledger_posting WHERE entry_no = 3", "DELETE FROM ledger_entry WHERE entry_no = 3"],
        Kind.ENTRIES_MISSING,
        3,
    ),
    "a deleted header": (["DELETE FROM ledger_entry WHERE entry_no = 3"], Kind.ENTRIES_MISSING, 3),
    "a deleted line": (
        ["DELETE FROM ledger_posting WHERE entry_no = 3 AND line_no = 2"],
        Kind.ENTRY_ALTERED,
        3,
    ),
    "all lines of an entry": (["DELETE FROM ledger_posting WHERE entry_no = 3"], Kind.ENTRY_ALTERED, 3),
    "a swap of two numbers": ([*APART, *SWAP], Kind.ENTRIES_ALTERED, 3),
    "an insertion under number zero": (
        [COPY_ENTRY.format(new=0, old=3, key="'z'"), COPY_LINES.format(new=0, old=3)],
        Kind.ENTRY_ALTERED,
        0,
    ),
    "a truncated tail of entries": (
        ["DELETE FROM ledger_posting WHERE entry_no > 4", "DELETE FROM ledger_entry WHERE entry_no > 4"],
        Kind.ENTRIES_MISSING,
        5,
    ),
    "a truncated tail with its block": (
        [
            "DELETE FROM ledger_posting WHERE entry_no > 4",
            "DELETE FROM ledger_entry WHERE entry_no > 4",
            "DELETE FROM ledger_block WHERE block_no = 3",
        ],
        Kind.BLOCK_MISSING,
        5,
    ),
    "everything": (
        ["DELETE FROM ledger_posting", "DELETE FROM ledger_entry", "DELETE FROM ledger_block"],
        Kind.BLOCK_MISSING,
        1,
    ),
    "the first block": (["DELETE FROM ledger_block WHERE block_no = 1"], Kind.BLOCK_MISSING, 1),
    "a block in the middle": (["DELETE FROM ledger_block WHERE block_no = 2"], Kind.BLOCK_MISSING, 3),
    "the last block": (["DELETE FROM ledger_block WHERE block_no = 3"], Kind.BLOCK_MISSING, 5),
    "a block's count": (
        ["UPDATE ledger_block SET entry_count = 1 WHERE block_no = 2"],
        Kind.BLOCK_ALTERED,
        3,
    ),
    "a block's range": (["UPDATE ledger_block SET last_no = 5 WHERE block_no = 2"], Kind.BLOCK_ALTERED, 3),
    "a block's root": (
        ["UPDATE ledger_block SET merkle_root = previous_hash WHERE block_no = 2"],
        Kind.BLOCK_ALTERED,
        3,
    ),
    "a block's link": (
        ["UPDATE ledger_block SET previous_hash = merkle_root WHERE block_no = 2"],
        Kind.BLOCK_ALTERED,
        3,
    ),
    "a block's hash": (
        ["UPDATE ledger_block SET block_hash = merkle_root WHERE block_no = 2"],
        Kind.BLOCK_ALTERED,
        3,
    ),
    "a block's moment": (
        ["UPDATE ledger_block SET sealed_at = '2026-01-15T02:02:00.000001+00:00' WHERE block_no = 2"],
        Kind.BLOCK_ALTERED,
        3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", EDITS)
def test_the_check_finds_and_places(books: Books, what: str) -> None:
    statements, kind, entry_no = EDITS[what]
    books.tamper(*statements)
    found = books.findings()
    assert (found[0].kind, found[0].entry_no) == (kind, entry_no), found
    with pytest.raises(LedgerAltered) as caught:
        require_intact(verify_ledger(books.database, books.folder, books.clock))
    assert caught.value.details["entry_no"] == entry_no


@pytest.mark.parametrize(
    ("statement", "kind", "account"),
    [
        ("UPDATE ledger_account SET balance_fen = balance_fen + 1 WHERE guarded", Kind.BALANCE_WRONG, "23050103:S1"),
        ("UPDATE ledger_account SET balance_fen = 0 WHERE guarded", Kind.BALANCE_WRONG, "23050103:S1"),
        ("UPDATE ledger_account SET ceiling_fen = 5 WHERE guarded", Kind.CEILING_WRONG, "23050103:S1"),
        ("DELETE FROM stay_cap", Kind.CEILING_WRONG, "23050103:S1"),
        ("DELETE FROM ledger_account WHERE account_id = '1001'", Kind.BALANCE_WRONG, "1001"),
        ("DELETE FROM ledger_account", Kind.BALANCE_WRONG, "1001"),
    ],
)
def test_a_changed_account_is_found(books: Books, statement: str, kind: Kind, account: str) -> None:
    books.tamper(statement)
    found = books.findings()
    assert (found[0].kind, found[0].account_id) == (kind, account)


@pytest.mark.postgres
def test_an_insertion_into_a_sealed_hole_is_found(
    postgres_database: Database, postgres_urls: tuple[str, str], clock: FixedClock, tmp_path: Path
) -> None:
    database = postgres_database
    open_books(database, clock)
    with database.engine.connect() as undone:
        ledger_on(undone).post(transfer(clock, CASH, BANK, 1))  # number 1 is left a hole
        undone.rollback()
    post(database, transfer(clock, CASH, BANK, 2))
    seal_ledger(database, tmp_path, clock)
    owner = Database(postgres_urls[0])
    with owner.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE ledger_posting DISABLE TRIGGER USER")
        connection.exec_driver_sql("ALTER TABLE ledger_entry DISABLE TRIGGER USER")
        connection.exec_driver_sql(COPY_ENTRY.format(new=1, old=2, key="'z'"))
        connection.exec_driver_sql(COPY_LINES.format(new=1, old=2))
    owner.close()
    found = verify_ledger(database, tmp_path, clock).findings
    # Its content can't fit the copied hash (the key is another), and the block has one entry too many.
    assert {finding.kind for finding in found} == {Kind.ENTRIES_ADDED, Kind.ENTRY_ALTERED}
    assert {finding.entry_no for finding in found} == {1}


def test_lines_hidden_in_a_text_are_found(books: Books) -> None:
    """Separators smuggled into a text could make fewer lines hash the same; the number of lines is hashed too."""
    lines = [line(CASH, 5), line(CASH, -5), line(BANK, 7), line(BANK, -7)]
    (number,) = post(books.database, entry(books.clock, *lines))
    hidden = "tester\x1e1001\x1f5\x1f0\x1f\x1e1001\x1f0\x1f5\x1f"
    books.tamper(
        f"DELETE FROM ledger_posting WHERE entry_no = {number} AND line_no < 3",
        f"UPDATE ledger_entry SET line_count = 2, posted_by = '{hidden}' WHERE entry_no = {number}",
    )
    found = books.findings()
    assert [(finding.kind, finding.entry_no) for finding in found] == [(Kind.ENTRY_ALTERED, number)]


def test_an_edit_whose_hash_was_made_to_fit_is_found_by_the_seal(books: Books) -> None:
    changed = entry(books.clock, line(CASH, 21), line("23050103:S1", -21))
    with books.database.reading() as connection:
        row = connection.execute(sa.text("SELECT idempotency_key FROM ledger_entry WHERE entry_no = 3")).one()
    forged = hashlib.sha256(changed.canonical().replace(changed.idempotency_key.encode(), row[0].encode())).digest()
    value = f"'\\x{forged.hex()}'" if books.database.is_postgresql else f"x'{forged.hex()}'"
    books.tamper(
        "UPDATE ledger_posting SET debit_fen = 21 WHERE entry_no = 3 AND debit_fen > 0",
        "UPDATE ledger_posting SET credit_fen = 21 WHERE entry_no = 3 AND credit_fen > 0",
        "UPDATE ledger_account SET balance_fen = balance_fen + 1 WHERE guarded",
        f"UPDATE ledger_entry SET content_hash = {value},"
        " occurred_at = '{0}', posted_at = '{0}', source = 'test:1' WHERE entry_no = 3".format(
            books.clock.moment.isoformat(timespec="microseconds")
        ),
    )
    found = books.findings()
    assert [(finding.kind, finding.block_no) for finding in found] == [(Kind.ENTRIES_ALTERED, 2)]


def test_a_chain_rewritten_from_the_edit_on_is_found_by_the_heads(books: Books) -> None:
    lines = books.heads.read_text().splitlines()
    books.tamper(
        "DELETE FROM ledger_block WHERE block_no > 1",
        "DELETE FROM ledger_posting WHERE entry_no = 3",
        "DELETE FROM ledger_entry WHERE entry_no = 3",
    )
    books.heads.write_text(lines[0] + "\n")
    seal_ledger(books.database, books.folder, books.clock)  # a chain that is consistent in itself
    books.heads.write_text("\n".join(lines) + "\n")
    found = books.findings()
    assert (found[0].kind, found[0].block_no) == (Kind.BLOCK_ALTERED, 2)
    with pytest.raises(LedgerFault):
        seal_ledger(books.database, books.folder, books.clock)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda lines: None, Kind.HEADS_MISSING),
        (lambda lines: lines[:1], Kind.HEADS_CUT),
        (lambda lines: [], Kind.HEADS_CUT),
        (lambda lines: lines[1:], Kind.HEADS_DAMAGED),
        (lambda lines: [lines[0], lines[2]], Kind.HEADS_DAMAGED),
        (lambda lines: [lines[1], lines[0], lines[2]], Kind.HEADS_DAMAGED),
        (lambda lines: [lines[0], "{", lines[2]], Kind.HEADS_DAMAGED),
        (lambda lines: [lines[0], lines[1].replace('"entry_count": 2', '"entry_count": 1'), lines[2]],
         Kind.HEADS_DAMAGED),
        (lambda lines: [*lines, lines[2]], Kind.HEADS_DAMAGED),
    ],
)  # fmt: skip
def test_a_changed_heads_file_is_found(
    books: Books, change: Callable[[list[str]], list[str] | None], kind: Kind
) -> None:
    kept = change(books.heads.read_text().splitlines())
    if kept is None:
        books.heads.unlink()
    else:
        books.heads.write_text("".join(text + "\n" for text in kept))
    assert books.findings()[0].kind is kind
    if kind is not Kind.HEADS_DAMAGED:  # the sealer reads the newest head only, the check all of them
        with pytest.raises(LedgerFault):
            seal_ledger(books.database, books.folder, books.clock)


def test_a_data_folder_moved_on_purpose_is_adopted_on_request(books: Books, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    with pytest.raises(LedgerFault):
        seal_ledger(books.database, moved, books.clock)
    seal_ledger(books.database, moved, books.clock, adopt=True)
    assert verify_ledger(books.database, moved, books.clock).intact
    first = json.loads((moved / "seals" / f"{HOSPITAL}.jsonl").read_text().splitlines()[0])
    assert first["block_no"] == 1


def test_the_sealer_puts_nothing_on_top_of_a_cut_chain(books: Books) -> None:
    books.tamper("DELETE FROM ledger_block WHERE block_no = 3")
    with pytest.raises(LedgerFault):
        seal_ledger(books.database, books.folder, books.clock)
    with books.database.reading() as connection:
        assert connection.scalar(sa.text("SELECT max(block_no) FROM ledger_block")) == 2

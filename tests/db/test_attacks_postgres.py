"""The application's own database user, with SQL in hand, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.persistence.database import Database
from tests.books import CASH, HOSPITAL, balance, open_books, open_guarded, open_stay, post, transfer

pytestmark = pytest.mark.postgres

BOOKS = ("ledger_account", "ledger_entry", "ledger_posting", "ledger_block")
HEAD = "'k', 'x', 'x', 'x', NULL, now(), now(), current_date, 'x', sha256('x')"


@pytest.fixture
def books(postgres_database: Database, clock: FixedClock) -> Database:
    """A hospital with one posting of 3 yuan to a stay under a cap of 5 yuan, and a guarded account."""
    open_books(postgres_database, clock)
    stay = open_stay(postgres_database, clock, "S1", 500)
    open_guarded(postgres_database, clock, "2302:A")
    post(postgres_database, transfer(clock, CASH, stay, 300))
    return postgres_database


def plain(url: str) -> str:
    """The URL as the driver takes it."""
    return url.replace("postgresql+psycopg://", "postgresql://")


@pytest.fixture
def app(books: Database, postgres_urls: tuple[str, str]) -> Iterator[psycopg.Connection[Any]]:
    """The application's role, committing each statement."""
    with psycopg.connect(plain(postgres_urls[1]), autocommit=True) as connection:
        yield connection


@pytest.fixture
def owner(books: Database, postgres_urls: tuple[str, str]) -> Iterator[psycopg.Connection[Any]]:
    """The owner of the tables."""
    with psycopg.connect(plain(postgres_urls[0]), autocommit=True) as connection:
        yield connection


def refused(connection: psycopg.Connection[Any], statement: str, *states: str) -> None:
    """The statement fails with one of these SQLSTATEs and leaves the stay's balance as it was."""
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(statement)  # type: ignore[arg-type]
    assert caught.value.sqlstate in states, (statement, caught.value.sqlstate, str(caught.value))
    connection.rollback()


@pytest.mark.parametrize("table", BOOKS)
@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE {t} SET institution_id = institution_id",
        "DELETE FROM {t}",
        "TRUNCATE {t} CASCADE",
        "ALTER TABLE {t} DISABLE TRIGGER ALL",
        "ALTER TABLE {t} ADD COLUMN extra int",
        "DROP TABLE {t} CASCADE",
        "CREATE TRIGGER mine BEFORE INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        "CREATE RULE mine AS ON INSERT TO {t} DO INSTEAD NOTHING",
        "GRANT ALL ON {t} TO PUBLIC",
    ],
)
def test_the_application_may_alter_no_table_of_the_books(
    app: psycopg.Connection[Any], table: str, attack: str
) -> None:
    if attack.startswith("GRANT"):
        app.execute("SELECT 1")  # granting what one doesn't hold is a warning, and changes nothing
        app.execute(attack.format(t=table))  # type: ignore[arg-type]
        found = app.execute("SELECT has_table_privilege('public', %s::text, 'DELETE')", (table,)).fetchone()
        assert found == (False,)
        return
    refused(app, attack.format(t=table), "42501")


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_posting"])
def test_the_application_may_insert_into_the_books_only_through_the_function(
    app: psycopg.Connection[Any], table: str
) -> None:
    refused(app, f"INSERT INTO {table} SELECT * FROM {table} LIMIT 0", "42501")
    refused(app, f"COPY {table} FROM STDIN", "42501")
    refused(
        app,
        f"MERGE INTO {table} t USING {table} s ON false WHEN NOT MATCHED THEN DO NOTHING WHEN MATCHED THEN DELETE",
        "42501",
    )


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE ledger_account SET balance_fen = 0",
        "UPDATE ledger_account SET ceiling_fen = 100000000",
        "UPDATE ledger_account SET guarded = false",
        "SELECT * FROM ledger_account FOR UPDATE",
        "SET session_replication_role = replica",
        "SELECT nextval('ledger_entry_no')",
        "SELECT setval('ledger_entry_no', 1)",
        "ALTER SEQUENCE ledger_entry_no RESTART",
        "DROP FUNCTION ledger_refuse",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'",
        "ALTER FUNCTION refuse_change() OWNER TO CURRENT_USER",
        "CREATE TABLE public.mine (x int)",
        "CREATE SCHEMA mine",
        "SELECT ledger_refuse('x', 'x', 1, 'x', 1)",
        "CREATE EXTENSION plpython3u",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "UPDATE pg_trigger SET tgenabled = 'D'",
        "DROP TRIGGER ledger_entry_balances ON ledger_entry",
    ],
)
def test_the_application_finds_no_way_around(app: psycopg.Connection[Any], attack: str) -> None:
    refused(app, attack, "42501", "42809", "0A000", "42883", "42P13", "58P01")


def test_the_application_cannot_become_the_owner(
    app: psycopg.Connection[Any], postgres_urls: tuple[str, str]
) -> None:
    owner_role = sa.make_url(postgres_urls[0]).username
    refused(app, f'SET ROLE "{owner_role}"', "42501")
    refused(app, f'SET SESSION AUTHORIZATION "{owner_role}"', "42501")
    refused(app, f'GRANT "{owner_role}" TO CURRENT_USER', "42501")


CALL = (
    "SELECT ledger_post('{i}', {key}, {kind}, 'x', 'x', {reverses}, now(), now(), current_date, 'x', {hash},"
    " {accounts}, {debits}, {credits}, {funds})"
)
GOOD = {
    "i": HOSPITAL,
    "key": "'a'",
    "kind": "'x'",
    "reverses": "NULL",
    "hash": "sha256('x')",
    "accounts": "ARRAY['1001', '23050103:S1']",
    "debits": "ARRAY[1, 0]::bigint[]",
    "credits": "ARRAY[0, 1]::bigint[]",
    "funds": "ARRAY['', '']",
}
BAD: dict[str, dict[str, str]] = {
    "unbalanced": {"credits": "ARRAY[0, 2]::bigint[]"},
    "balanced, but not within a fund": {"funds": "ARRAY['', 'a']"},
    "one line": {
        "accounts": "ARRAY['1001']",
        "debits": "ARRAY[0]::bigint[]",
        "credits": "ARRAY[0]::bigint[]",
        "funds": "ARRAY['']",
    },
    "no line": {
        "accounts": "'{}'::text[]",
        "debits": "'{}'::bigint[]",
        "credits": "'{}'::bigint[]",
        "funds": "'{}'::text[]",
    },
    "no arrays": {"accounts": "NULL", "debits": "NULL", "credits": "NULL", "funds": "NULL"},
    "a NULL array": {"funds": "NULL"},
    "a NULL account": {"accounts": "ARRAY['1001', NULL]"},
    "a NULL debit": {"debits": "ARRAY[1, NULL]::bigint[]"},
    "a NULL credit": {"credits": "ARRAY[NULL, 1]::bigint[]"},
    "a NULL fund": {"funds": "ARRAY['', NULL]"},
    "a negative side": {"debits": "ARRAY[-1, 0]::bigint[]", "credits": "ARRAY[0, -1]::bigint[]"},
    "both sides of a line": {"debits": "ARRAY[1, 1]::bigint[]", "credits": "ARRAY[1, 1]::bigint[]"},
    "neither side": {"debits": "ARRAY[0, 0]::bigint[]", "credits": "ARRAY[0, 0]::bigint[]"},
    "a longer array of funds": {"funds": "ARRAY['', '', '']"},
    "a shorter array of debits": {"debits": "ARRAY[1]::bigint[]"},
    "more amounts than accounts": {"debits": "ARRAY[1, 0, 5]::bigint[]", "credits": "ARRAY[0, 1, 0]::bigint[]"},
    "an array that begins elsewhere": {"debits": "'[5:6]={1,0}'::bigint[]"},
    "accounts that begin elsewhere": {"accounts": "'[0:1]={1001,23050103:S1}'::text[]"},
    "an array of two dimensions": {"debits": "'{{1,0}}'::bigint[]"},
    "accounts of two dimensions": {"accounts": "'{{1001,23050103:S1}}'::text[]"},
    "accounts out of order": {
        "accounts": "ARRAY['23050103:S1', '1001']",
        "debits": "ARRAY[0, 1]::bigint[]",
        "credits": "ARRAY[1, 0]::bigint[]",
    },
    "an unknown account": {"accounts": "ARRAY['1001', '9999']"},
    "an unknown institution": {"i": "H00000000000"},
    "an overflow": {
        "debits": "ARRAY[9223372036854775807, 0]::bigint[]",
        "credits": "ARRAY[0, 9223372036854775807]::bigint[]",
        "accounts": "ARRAY['1001', '2302:A']",
        "key": "'b'",
        "kind": "NULL",
    },
    "a NULL key": {"key": "NULL"},
    "a NULL kind": {"kind": "NULL"},
    "a NULL hash": {"hash": "NULL"},
    "a short hash": {"hash": "'\\x00'::bytea"},
    "a reversal of nothing": {"reverses": "999"},
    "a reversal that is no mirror": {"reverses": "1"},
    "above the cap": {"debits": "ARRAY[201, 0]::bigint[]", "credits": "ARRAY[0, 201]::bigint[]"},
    "below zero": {"debits": "ARRAY[0, 301]::bigint[]", "credits": "ARRAY[301, 0]::bigint[]"},
    "below zero and back in one entry": {
        "accounts": "ARRAY['1001', '23050103:S1', '23050103:S1']",
        "debits": "ARRAY[1, 301, 0]::bigint[]",
        "credits": "ARRAY[0, 0, 302]::bigint[]",
        "funds": "ARRAY['', '', '']",
    },
}


def test_the_call_that_the_bad_ones_vary_is_good(app: psycopg.Connection[Any], books: Database) -> None:
    app.execute(CALL.format(**GOOD))  # type: ignore[arg-type]
    assert balance(books, "23050103:S1") == 301


@pytest.mark.parametrize("what", BAD)
def test_the_function_refuses(app: psycopg.Connection[Any], books: Database, what: str) -> None:
    with pytest.raises(psycopg.Error):
        app.execute(CALL.format(**{**GOOD, **BAD[what]}))  # type: ignore[arg-type]
    assert balance(books, "23050103:S1") == 300
    assert balance(books, "2302:A") == 0
    assert app.execute("SELECT count(*) FROM ledger_posting").fetchone() == (2,)


MANY = (
    "SELECT ledger_post_many('{i}', {keys}, 'x', 'x', {sources}, now(), now(), current_date, 'x', {hashes},"
    " {counts}, {accounts}, {debits}, {credits}, {funds})"
)
GOOD_MANY = {
    "i": HOSPITAL,
    "keys": "ARRAY['a', 'b']",
    "sources": "ARRAY['x', 'x']",
    "hashes": "ARRAY[sha256('x'), sha256('y')]",
    "counts": "ARRAY[2, 2]::smallint[]",
    "accounts": "ARRAY['1001', '23050103:S1', '1001', '2302:A']",
    "debits": "ARRAY[1, 0, 1, 0]::bigint[]",
    "credits": "ARRAY[0, 1, 0, 1]::bigint[]",
    "funds": "ARRAY['', '', '', '']",
}
BAD_MANY: dict[str, dict[str, str]] = {
    "nothing": {
        "keys": "'{}'::text[]",
        "sources": "'{}'::text[]",
        "hashes": "'{}'::bytea[]",
        "counts": "'{}'::smallint[]",
        "accounts": "'{}'::text[]",
        "debits": "'{}'::bigint[]",
        "credits": "'{}'::bigint[]",
        "funds": "'{}'::text[]",
    },
    "NULL for everything": dict.fromkeys(
        ("keys", "sources", "hashes", "counts", "accounts", "debits", "credits", "funds"), "NULL"
    ),
    "an unbalanced entry": {"credits": "ARRAY[0, 1, 0, 2]::bigint[]"},
    "entries that only balance together": {
        "debits": "ARRAY[2, 0, 1, 0]::bigint[]",
        "credits": "ARRAY[0, 1, 0, 2]::bigint[]",
    },
    "counts that don't add up": {"counts": "ARRAY[2, 1]::smallint[]"},
    "an entry of one line": {"counts": "ARRAY[1, 3]::smallint[]"},
    "a negative count": {"counts": "ARRAY[5, -1]::smallint[]"},
    "a NULL count": {"counts": "ARRAY[2, 2, NULL]::smallint[]"},
    "a count of two dimensions": {"counts": "'{{2,2}}'::smallint[]"},
    "counts that begin elsewhere": {"counts": "'[3:4]={2,2}'::smallint[]"},
    "debits that begin elsewhere": {"debits": "'[3:6]={1,0,1,0}'::bigint[]"},
    "a NULL key": {"keys": "ARRAY['a', NULL]"},
    "the same key twice": {"keys": "ARRAY['a', 'a']"},
    "a NULL hash": {"hashes": "ARRAY[sha256('x'), NULL]"},
    "fewer sources": {"sources": "ARRAY['x']"},
    "fewer hashes": {"hashes": "ARRAY[sha256('x')]"},
    "more funds": {"funds": "ARRAY['', '', '', '', '']"},
    "a NULL fund": {"funds": "ARRAY['', '', '', NULL]"},
    "a NULL account": {"accounts": "ARRAY['1001', '23050103:S1', '1001', NULL]"},
    "a NULL debit": {"debits": "ARRAY[1, 0, 1, NULL]::bigint[]"},
    "a negative side": {"debits": "ARRAY[1, 0, -1, 0]::bigint[]", "credits": "ARRAY[0, 1, 0, -1]::bigint[]"},
    "an unknown account": {"accounts": "ARRAY['1001', '23050103:S1', '1001', '9999']"},
    "an unknown institution": {"i": "H00000000000"},
}


def test_the_batch_that_the_bad_ones_vary_is_good(app: psycopg.Connection[Any], books: Database) -> None:
    app.execute(MANY.format(**GOOD_MANY))  # type: ignore[arg-type]
    assert (balance(books, "23050103:S1"), balance(books, "2302:A")) == (301, 1)


@pytest.mark.parametrize("what", BAD_MANY)
def test_the_batch_function_refuses(app: psycopg.Connection[Any], books: Database, what: str) -> None:
    with pytest.raises(psycopg.Error):
        app.execute(MANY.format(**{**GOOD_MANY, **BAD_MANY[what]}))  # type: ignore[arg-type]
    assert (balance(books, "23050103:S1"), balance(books, "2302:A")) == (300, 0)
    assert app.execute("SELECT count(*) FROM ledger_posting").fetchone() == (2,)


@pytest.mark.parametrize("path", ["pg_temp, public", "pg_temp, pg_catalog, public", "pg_temp"])
def test_temporary_tables_and_search_paths_shadow_nothing(
    app: psycopg.Connection[Any], books: Database, path: str
) -> None:
    for table in (*BOOKS, "cap_table", "stay_cap"):
        app.execute(f"CREATE TEMP TABLE {table} (LIKE public.{table} INCLUDING DEFAULTS)")  # type: ignore[arg-type]
    app.execute(
        "INSERT INTO pg_temp.ledger_account SELECT institution_id, account_id, subject, name, normal_side, false,"
        " 0, NULL, opened_at FROM public.ledger_account"
    )
    app.execute(f"SET search_path = {path}")  # type: ignore[arg-type]
    with pytest.raises(psycopg.Error) as caught:
        app.execute(CALL.format(**{**GOOD, **BAD["above the cap"]}).replace("ledger_post(", "public.ledger_post("))  # type: ignore[arg-type]
    assert caught.value.sqlstate == "HP004"
    app.execute(CALL.format(**GOOD).replace("ledger_post(", "public.ledger_post("))  # type: ignore[arg-type]
    assert app.execute("SELECT count(*) FROM pg_temp.ledger_posting").fetchone() == (0,)
    assert app.execute("SELECT count(*) FROM public.ledger_posting").fetchone() == (4,)
    assert balance(books, "23050103:S1") == 301


def test_every_trigger_that_reads_a_table_names_its_search_path(app: psycopg.Connection[Any]) -> None:
    found = app.execute(
        "SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE n.nspname = 'public' AND p.proconfig IS NULL AND EXISTS (SELECT 1 FROM pg_class c"
        "  WHERE c.relnamespace = n.oid AND c.relkind = 'r' AND p.prosrc ~ ('(FROM|JOIN|UPDATE|INTO) ' || c.relname))"
    ).fetchall()
    # These run only inside the posting functions, whose search path they inherit, or for the owner.
    inside = {"ledger_posting_complete", "ledger_entry_balances", "ledger_entry_mirrors"}
    assert {name for (name,) in found} == inside


ACCOUNT = (
    "INSERT INTO ledger_account (institution_id, account_id, subject, name, normal_side, guarded, balance_fen,"
    " ceiling_fen, opened_at) VALUES ('{i}', {id}, {subject}, 'x', {side}, {guarded}, {balance}, {ceiling}, now())"
)
GOOD_ACCOUNT = {
    "i": HOSPITAL, "id": "'23050103:S2'", "subject": "'23050103'", "side": "-1", "guarded": "true",
    "balance": "0", "ceiling": "0",
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"balance": "1"}, {"balance": "-1"}, {"balance": "NULL"}, {"ceiling": "1"}, {"ceiling": "NULL"},
        {"guarded": "false"}, {"guarded": "false", "ceiling": "NULL"}, {"guarded": "NULL"}, {"side": "1"},
        {"side": "0"}, {"side": "NULL"}, {"subject": "'1001'"}, {"subject": "NULL"}, {"id": "NULL"},
        {"subject": "'1001'", "guarded": "false", "ceiling": "NULL", "side": "1"}, {"id": "'1001'"},
        {"id": "'230501030:S2'"},
    ],
)  # fmt: skip
def test_an_account_opens_empty_and_as_its_subject_demands(
    app: psycopg.Connection[Any], change: dict[str, str]
) -> None:
    with pytest.raises(psycopg.Error):
        app.execute(ACCOUNT.format(**{**GOOD_ACCOUNT, **change}))  # type: ignore[arg-type]
    app.execute(ACCOUNT.format(**GOOD_ACCOUNT))  # type: ignore[arg-type]


BLOCK = (
    "INSERT INTO ledger_block (institution_id, block_no, first_no, last_no, entry_count, merkle_root, previous_hash,"
    " block_hash, sealed_at)"
    " VALUES ('{i}', {no}, {first}, {last}, {count}, sha256('r'), {previous}, sha256('b'), now())"
)
GOOD_BLOCK = {
    "i": HOSPITAL, "no": "1", "first": "1", "last": "1", "count": "1",
    "previous": "decode(repeat('00', 32), 'hex')",
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"no": "2"}, {"no": "0"}, {"no": "NULL"}, {"first": "2"}, {"first": "NULL"}, {"last": "1000"},
        {"last": "0"}, {"last": "NULL"}, {"count": "2"}, {"count": "0"}, {"count": "NULL"},
        {"previous": "sha256('x')"}, {"previous": "NULL"},
    ],
)  # fmt: skip
def test_a_block_must_follow_the_last_one(app: psycopg.Connection[Any], change: dict[str, str]) -> None:
    with pytest.raises(psycopg.Error):
        app.execute(BLOCK.format(**{**GOOD_BLOCK, **change}))  # type: ignore[arg-type]
    app.execute(BLOCK.format(**GOOD_BLOCK))  # type: ignore[arg-type]
    refused(app, BLOCK.format(**GOOD_BLOCK), "HP001")
    refused(app, BLOCK.format(**GOOD_BLOCK) + " ON CONFLICT DO NOTHING", "HP001")


# -- The owner, triggers on ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", BOOKS)
def test_triggers_hold_for_the_owner_too(owner: psycopg.Connection[Any], table: str) -> None:
    refused(owner, f"DELETE FROM {table}", "HP001")
    refused(owner, f"TRUNCATE {table} CASCADE", "HP001")
    refused(owner, f"UPDATE {table} SET institution_id = NULL", "HP001")


@pytest.mark.parametrize("column", ["account_id", "subject", "name", "normal_side", "guarded", "opened_at"])
def test_the_owner_cannot_rename_an_account(owner: psycopg.Connection[Any], column: str) -> None:
    refused(owner, f"UPDATE ledger_account SET {column} = {column}", "HP001")


HEADER = (
    "INSERT INTO ledger_entry (institution_id, entry_no, kind, summary, source, idempotency_key, reverses_no,"
    " line_count, occurred_at, posted_at, effective_on, posted_by, content_hash)"
    " VALUES ('{i}', {no}, 'x', 'x', 'x', 'owner', {reverses}, {count}, now(), now(), current_date, 'x', {hash})"
)
LINES = "INSERT INTO ledger_posting VALUES {rows}"
GOOD_RAW = {
    "i": HOSPITAL, "no": "900", "reverses": "NULL", "count": "2", "hash": "sha256('x')",
    "rows": f"('{HOSPITAL}', 900, 1, '1001', 1, 0, ''), ('{HOSPITAL}', 900, 2, '1002', 0, 1, '')",
}  # fmt: skip


def row(line: str, account: str, debit: str, credit: str, fund: str = "''", no: str = "900") -> str:
    """One line as SQL."""
    return f"('{HOSPITAL}', {no}, {line}, {account}, {debit}, {credit}, {fund})"


def test_the_owner_can_insert_a_whole_entry_in_one_statement(owner: psycopg.Connection[Any]) -> None:
    owner.execute(f"WITH h AS ({HEADER}) {LINES}".format(**GOOD_RAW))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"count": "3"}, {"count": "1"}, {"count": "NULL"}, {"hash": "'\\x00'"}, {"hash": "NULL"}, {"no": "901"},
        {"reverses": "1"}, {"reverses": "77"},
        {"rows": row("1", "'1001'", "1", "0") + "," + row("2", "'1002'", "0", "2")},
        {"rows": row("1", "'1001'", "1", "0") + "," + row("2", "'1002'", "0", "1", "'a'")},
        {"rows": row("1", "'1001'", "1", "0") + "," + row("2", "'9999'", "0", "1")},
        {"rows": row("2", "'1001'", "1", "0") + "," + row("3", "'1002'", "0", "1")},
        {"rows": row("1", "'1001'", "1", "1") + "," + row("2", "'1002'", "1", "1")},
        {"rows": row("1", "'1001'", "-1", "0") + "," + row("2", "'1002'", "0", "-1")},
        {"rows": row("1", "'1001'", "NULL", "0") + "," + row("2", "'1002'", "0", "NULL")},
        {"rows": row("1", "NULL", "1", "0") + "," + row("2", "'1002'", "0", "1")},
        {"rows": row("NULL", "'1001'", "1", "0") + "," + row("2", "'1002'", "0", "1")},
        {"rows": row("1", "'1001'", "1", "0", "NULL") + "," + row("2", "'1002'", "0", "1")},
        {"rows": row("1", "'1001'", "1", "0")},
        {"rows": GOOD_RAW["rows"] + "," + row("3", "'1001'", "1", "0", no="1")},
    ],
)  # fmt: skip
def test_the_owner_cannot_insert_a_broken_entry(owner: psycopg.Connection[Any], change: dict[str, str]) -> None:
    with pytest.raises(psycopg.Error):
        owner.execute(f"WITH h AS ({HEADER}) {LINES}".format(**{**GOOD_RAW, **change}))  # type: ignore[arg-type]


def test_neither_a_header_nor_lines_stand_alone(owner: psycopg.Connection[Any]) -> None:
    refused(owner, HEADER.format(**GOOD_RAW), "HP002")
    refused(owner, LINES.format(**GOOD_RAW), "HP001")


def test_nothing_joins_an_entry_later(owner: psycopg.Connection[Any]) -> None:
    later = row("3", "'1001'", "1", "0", no="1") + "," + row("4", "'1002'", "0", "1", no="1")
    refused(owner, f"INSERT INTO ledger_posting VALUES {later}", "HP001")
    refused(owner, f"INSERT INTO ledger_posting VALUES {later} ON CONFLICT DO NOTHING", "HP001")

"""INSERT OR REPLACE and UPDATE OR REPLACE skip the delete triggers of SQLite: no table that is kept lets them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from hospital_prepay.persistence.chains import as_chains
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.guards import FREE, repeated
from hospital_prepay.persistence.models import Base

# Rows of these may be written over and, some of them, deleted. Every other table is kept, a new one too.
MUTABLE = {"api_client", "disease", "job_run", "similar_disease"}
KEPT = [table for table in Base.metadata.sorted_tables if table.name not in MUTABLE]
# Those whose promises triggers repeat.
GUARDED = [table for table in KEPT if table.name not in FREE]


@pytest.fixture
def raw(sqlite_database: Database) -> Iterator[sqlite3.Connection]:
    """The file, opened by somebody who turned everything off that can be turned off."""
    connection = sqlite3.connect(str(sqlite_database.url.database), isolation_level=None)
    for pragma in ("recursive_triggers = OFF", "foreign_keys = OFF", "ignore_check_constraints = ON"):
        connection.execute(f"PRAGMA {pragma}")
    yield connection
    connection.close()


def put(raw: sqlite3.Connection, table: sa.Table, *numbers: int) -> None:
    """A row a number, whatever the triggers of the table say."""
    triggers = raw.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table.name,)
    ).fetchall()
    for name, _ in triggers:
        raw.execute(f"DROP TRIGGER {name}")
    for number in numbers:
        raw.execute(f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})", row(table, number))
    for _, text in triggers:
        raw.execute(text)


def row(table: sa.Table, number: int) -> list[object]:
    """A value a column, in which everything tells the number."""
    return [number if isinstance(column.type, sa.Integer) else f"x{number}" for column in table.columns]


def keys(table: sa.Table) -> list[set[str]]:
    """Every set of columns that a row can be replaced by."""
    found = [set(table.primary_key.columns.keys())]
    found += [set(one.columns.keys()) for one in table.constraints if isinstance(one, sa.UniqueConstraint)]
    return found + [set(one.columns.keys()) for one in table.indexes if one.unique]


@pytest.mark.parametrize("table", KEPT, ids=lambda table: table.name)
def test_no_row_that_is_kept_is_replaced_by_any_of_its_keys(raw: sqlite3.Connection, table: sa.Table) -> None:
    put(raw, table, 1)
    [before] = raw.execute(f"SELECT * FROM {table.name}").fetchall()
    for key in keys(table):
        mixed = [
            old if name in key else new
            for name, old, new in zip(table.columns.keys(), before, row(table, 2), strict=True)
        ]
        with pytest.raises(sqlite3.Error):
            raw.execute(f"INSERT OR REPLACE INTO {table.name} VALUES ({', '.join('?' * len(mixed))})", mixed)
    assert raw.execute(f"SELECT * FROM {table.name}").fetchall() == [before]


@pytest.mark.parametrize("table", KEPT, ids=lambda table: table.name)
def test_no_row_that_is_kept_takes_the_key_of_another(raw: sqlite3.Connection, table: sa.Table) -> None:
    put(raw, table, 1, 2)
    before = raw.execute(f"SELECT * FROM {table.name}").fetchall()
    for key in keys(table):
        same = ", ".join(f'"{name}" = (SELECT o."{name}" FROM {table.name} o LIMIT 1)' for name in sorted(key))
        last = " AND ".join(f"\"{name}\" IN ('x2', 2)" for name in sorted(key))
        with pytest.raises(sqlite3.Error):
            raw.execute(f"UPDATE OR REPLACE {table.name} SET {same} WHERE {last}")
    assert raw.execute(f"SELECT * FROM {table.name}").fetchall() == before


def test_a_published_version_is_not_pushed_out_by_the_next_one(raw: sqlite3.Connection) -> None:
    table = Base.metadata.tables["cap_table"]
    put(raw, table, 1, 2)
    for name in ("walk", "measured", "repeats_update"):
        raw.execute(f"DROP TRIGGER cap_table_{name}")
    raw.execute("UPDATE cap_table SET institution_id = 'x1'")
    with pytest.raises(sqlite3.Error, match="append_only"):
        raw.execute("UPDATE OR REPLACE cap_table SET version_no = 1 WHERE version_no = 2")


def test_every_promise_of_a_table_is_repeated_by_its_triggers(raw: sqlite3.Connection) -> None:
    """Made from the file, compared with what the models say: a constraint that no trigger repeats is named here."""
    texts = dict(raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall())
    forgotten = []
    for table in GUARDED:
        events = ["insert"] if f"{table.name}_no_update" in texts else ["insert", "update"]
        names = [
            str(one.name) for one in table.constraints if isinstance(one, sa.CheckConstraint | sa.UniqueConstraint)
        ]
        names += [str(one.name) for one in table.indexes if one.unique] + [str(table.primary_key.name)]
        checks = [str(one.sqltext) for one in table.constraints if isinstance(one, sa.CheckConstraint)]
        for event in events:
            prefix = f"{table.name}_repeats_{event}"
            own = " ".join(text for name, text in texts.items() if name.startswith(prefix))
            conditions = [as_chains(repeated(one, table.columns.keys(), "NEW")) for one in checks]
            forgotten += [(table.name, event, one) for one in names + conditions if one not in own]
    assert forgotten == []


def test_a_promise_is_asked_whatever_column_of_it_is_set(raw: sqlite3.Connection) -> None:
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name GLOB '*_repeats_update*'"
    parts = []
    for name, text in raw.execute(query).fetchall():
        head, _, body = text.partition(" BEGIN ")
        if " UPDATE OF " in head:
            fires = set(head.partition(" UPDATE OF ")[2].partition(" ON ")[0].split(", "))
            assert fires == set(re.findall(r'NEW\."(\w+)"', body)), name
            parts.append(name)
    assert parts == ["ledger_account_repeats_update_balance_fen", "ledger_account_repeats_update"]


def partial_keys(raw: sqlite3.Connection, table: sa.Table) -> list[tuple[set[str], dict[str, str | None]]]:
    """Every set of columns a row can be replaced by, with what a row must hold to lie in its index."""
    partial = raw.execute(
        "SELECT i.name, m.sql FROM pragma_index_list(?) i JOIN sqlite_master m ON m.name = i.name"
        ' WHERE i."unique" AND i.partial',
        (table.name,),
    ).fetchall()
    names = {name for name, _ in partial}
    whole = [set(one.columns.keys()) for one in table.indexes if one.unique and one.name not in names]
    whole += [set(table.primary_key.columns.keys())]
    whole += [set(one.columns.keys()) for one in table.constraints if isinstance(one, sa.UniqueConstraint)]
    found: list[tuple[set[str], dict[str, str | None]]] = [(key, {}) for key in whole]
    for name, text in partial:
        where = text.partition(" WHERE ")[2]
        held = {
            **dict(re.findall(r"(\w+) (?:= |IN \()'?(\w*)", where)),
            **dict.fromkeys(re.findall(r"(\w+) IS NULL", where)),
        }
        found.append(({row[2] for row in raw.execute(f"PRAGMA index_info({name})")}, held))
    return found


@pytest.mark.parametrize("table", GUARDED, ids=lambda table: table.name)
def test_the_repeating_triggers_alone_keep_every_key(raw: sqlite3.Connection, table: sa.Table) -> None:
    """Whatever else a table refuses is taken away: it must not hide a key by which a row could be pushed out."""
    triggers = raw.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table.name,)
    ).fetchall()
    for name, _ in triggers:
        raw.execute(f"DROP TRIGGER {name}")
    whole = dict(triggers)[f"{table.name}_repeats_insert"]
    head, _, body = whole.partition(" BEGIN ")
    only = [one for one in body.split("; ") if "append_only" in one]
    for key, held in partial_keys(raw, table):
        columns = table.columns.keys()
        old = [held.get(name, value) for name, value in zip(columns, row(table, 1), strict=True)]
        new = [held.get(name, value) for name, value in zip(columns, row(table, 2), strict=True)]
        given = [first if name in key else second for name, first, second in zip(columns, old, new, strict=True)]
        marks = ", ".join("?" * len(columns))
        raw.execute(f"INSERT OR REPLACE INTO {table.name} VALUES ({marks})", old)
        before = raw.execute(f"SELECT * FROM {table.name}").fetchall()
        raw.execute(f"{head} BEGIN {'; '.join(only)}; END")
        with pytest.raises(sqlite3.IntegrityError, match="append_only"):
            raw.execute(f"INSERT OR REPLACE INTO {table.name} VALUES ({marks})", given)
        assert raw.execute(f"SELECT * FROM {table.name}").fetchall() == before
        raw.execute(f"DROP TRIGGER {table.name}_repeats_insert")

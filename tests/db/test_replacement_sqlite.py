"""INSERT OR REPLACE and UPDATE OR REPLACE skip the delete triggers of SQLite: no table that is kept lets them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models import Base

# Rows of these may be written over and, some of them, deleted. Every other table is kept, a new one too.
MUTABLE = {"api_client", "disease", "job_run", "similar_disease"}
KEPT = [table for table in Base.metadata.sorted_tables if table.name not in MUTABLE]


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
    for name in ("walk", "measured"):
        raw.execute(f"DROP TRIGGER cap_table_{name}")
    raw.execute("UPDATE cap_table SET institution_id = 'x1'")
    with pytest.raises(sqlite3.Error, match="append_only"):
        raw.execute("UPDATE OR REPLACE cap_table SET version_no = 1 WHERE version_no = 2")

"""Indexes that are made once all rows are there, instead of growing row by row."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final, cast

import sqlalchemy as sa

# For fewer rows, every other connection that must read the schema anew costs more than is saved.
_MANY: Final = 20_000


@contextmanager
def indexes_afterwards(connection: sa.Connection, table: str, coming: int, names: Collection[str]) -> Iterator[None]:
    """Around ``coming`` new rows of ``table`` in a transaction that ends if they can't be added: on SQLite a tree of
    texts that come in no order takes four times as long row by row as sorted at the end.

    ``names`` are the indexes that it pays for, none of them unique: those are promises, these only look things up.
    Nothing is done for a register that has more rows already than are coming. The text is the stored one, and nobody
    else ever sees the table without: dropping and making are in the same transaction as the rows.
    """
    driver = connection.connection.driver_connection
    if connection.dialect.name != "sqlite" or coming < _MANY:
        yield
        return
    lite = cast(sqlite3.Connection, driver)
    (there,) = lite.execute(f"SELECT count(*) FROM {table}").fetchone()
    taken = _look_ups(lite, table, names) if coming >= there else []
    for name, _ in taken:
        lite.execute(f'DROP INDEX "{name}"')
    yield
    for _, text in taken:
        lite.execute(text)


def _look_ups(driver: sqlite3.Connection, table: str, names: Collection[str]) -> list[tuple[str, str]]:
    """Name and text of the named indexes as they are stored, in the order in which they were made."""
    query = (
        "SELECT m.name, m.sql FROM sqlite_master m JOIN pragma_index_list(?1) i ON i.name = m.name"
        " WHERE m.type = 'index' AND m.tbl_name = ?1 AND m.sql IS NOT NULL AND NOT i.\"unique\" ORDER BY m.rowid"
    )
    return [(str(name), str(text)) for name, text in driver.execute(query, (table,)) if name in names]

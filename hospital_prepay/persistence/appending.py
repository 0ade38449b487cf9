"""Rows that are only ever added, gathered during an act and written together when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from hospital_prepay.persistence.models.base import Base

_Shape = tuple[str, tuple[str, ...]]
"""A table and the columns that are given."""


class AppendedRows:
    """Decisions, receipts, audit events and kept answers of one act: a round trip for all of them on PostgreSQL.

    Until :meth:`write` they stand in no table. A foreign key between them holds whatever their order.
    """

    def __init__(self) -> None:
        self._rows: list[tuple[sa.Table, Mapping[str, Any]]] = []

    def add(self, model: type[Base], values: Mapping[str, Any]) -> None:
        """One row. Every column without a default of the database must be given."""
        self._rows.append((cast(sa.Table, model.__table__), values))

    def write(self, connection: sa.Connection) -> None:
        """Insert them. On SQLite, where nothing travels, one after another."""
        dialect = connection.dialect
        shapes = tuple((table.name, tuple(values)) for table, values in self._rows)
        rows = [_bound(table, values, dialect) for table, values in self._rows]
        self._rows = []
        if not rows:
            return
        if dialect.name == "postgresql":
            connection.exec_driver_sql(_all_at_once(shapes), tuple(value for row in rows for value in row))
        else:
            for shape, row in zip(shapes, rows, strict=True):
                connection.exec_driver_sql(_insert(shape, "?"), row)


@lru_cache(maxsize=256)
def _all_at_once(shapes: tuple[_Shape, ...]) -> str:
    *first, last = (_insert(shape, "%s") for shape in shapes)
    named = ", ".join(f"row{number} AS ({text})" for number, text in enumerate(first))
    return f"WITH {named} {last}" if named else last


@lru_cache(maxsize=256)
def _insert(shape: _Shape, place: str) -> str:
    table, columns = shape
    names = ", ".join(f'"{column}"' for column in columns)  # "key" is a word of SQL
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join([place] * len(columns))})"


def _bound(table: sa.Table, values: Mapping[str, Any], dialect: Dialect) -> tuple[Any, ...]:
    processors = _processors(table, dialect)
    return tuple(_text(process(value) if (process := processors[name]) else value) for name, value in values.items())


def _text(value: Any) -> Any:
    # The driver types a number by its size, and each mixture of sizes would be a statement to prepare of its own.
    return str(value) if type(value) is int else value


@lru_cache(maxsize=256)
def _processors(table: sa.Table, dialect: Dialect) -> dict[str, Any]:
    return {column.name: column.type.dialect_impl(dialect).bind_processor(dialect) for column in table.columns}

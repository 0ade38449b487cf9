"""Several statements in one trip to the database server.

PostgreSQL answers a statement in a fraction of the time that the way there and back takes, so what doesn't depend on
an answer travels together (psycopg's pipeline). SQLite has no way to go: there the same statements run in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final, cast

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.psycopg import dialect as psycopg_dialect

from hospital_prepay.persistence.models.base import Base

Query = tuple[sa.Select[*tuple[Any, ...]], Mapping[str, Any]]
Row = tuple[type[Base], Mapping[str, Any]]
_DIALECT: Final = psycopg_dialect()  # type: ignore[no-untyped-call]


def fetch_together(connection: sa.Connection, *queries: Query) -> list[list[tuple[Any, ...]]]:
    """The rows of each query, each seeing what those before it waited for; values come as the driver gives them."""
    if connection.dialect.name != "postgresql":
        return [[tuple(row) for row in connection.execute(*query)] for query in queries]
    driver = driver_of(connection)
    with driver.pipeline():
        cursors = []
        for statement, parameters in queries:
            text, defaults = _text(statement)
            cursors.append(driver.execute(text, {**defaults, **parameters}))
        return [cursor.fetchall() for cursor in cursors]


def insert_together(connection: sa.Connection, rows: Sequence[Row], *, commit: bool = False) -> None:
    """Insert rows that don't depend on each other; with ``commit`` the transaction's end travels along.

    Raises SQLAlchemy's ``IntegrityError`` as its own statements do.
    """
    if connection.dialect.name != "postgresql":
        for model, values in rows:
            connection.execute(sa.insert(model).values(**values))
        return
    driver = driver_of(connection)
    text, converters = _inserts(tuple((model, tuple(values)) for model, values in rows))
    given = [one for _, values in rows for one in values.values()]
    parameters = [convert(one) for convert, one in zip(converters, given, strict=True)]
    try:
        if commit:
            with driver.pipeline():
                driver.execute(text, parameters)
                driver.commit()
        else:
            driver.execute(text, parameters)
    except psycopg.IntegrityError as error:
        raise sa.exc.IntegrityError(None, None, error) from error


def driver_of(connection: sa.Connection) -> psycopg.Connection[Any]:
    """The driver's own connection beneath SQLAlchemy's, in the same transaction."""
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)


@cache
def _text(statement: sa.Select[*tuple[Any, ...]]) -> tuple[str, dict[str, Any]]:
    """SQL as the driver takes it, and the values that stand in the statement itself, such as a limit."""
    compiled = statement.compile(dialect=_DIALECT)
    return str(compiled), {name: value for name, value in compiled.params.items() if value is not None}


@cache
def _inserts(shape: tuple[tuple[type[Base], tuple[str, ...]], ...]) -> tuple[str, list[Callable[[Any], Any]]]:
    """One statement that inserts a row of each table, and what turns each value into the driver's."""
    single: list[str] = []
    converters: list[Callable[[Any], Any]] = []
    for model, names in shape:
        marks = ", ".join(["%s"] * len(names))
        single.append(f"INSERT INTO {model.__tablename__} ({', '.join(names)}) VALUES ({marks})")
        for name in names:
            implementation = model.__table__.c[name].type.dialect_impl(_DIALECT)
            converters.append(implementation.bind_processor(_DIALECT) or _as_it_is)
    *others, last = single
    head = ", ".join(f"row_{number} AS ({text})" for number, text in enumerate(others))
    return (f"WITH {head} {last}" if others else last), converters


def _as_it_is(value: Any) -> Any:
    return value

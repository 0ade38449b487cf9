"""Questions that are asked at every request: put together once, then sent to the driver as text.

Mapping a result costs SQLAlchemy more than the database needs to find it. What stands here is still built from the
tables, so that a renamed column shows at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Dialect


class Query:
    """A ``SELECT`` whose bound parameters are named; its rows come back as tuples in the order of its columns."""

    def __init__(self, statement: sa.Select[*tuple[Any, ...]]) -> None:
        self._statement = statement

    def first(self, connection: sa.Connection, **parameters: Any) -> tuple[Any, ...] | None:
        """The first row, inside the transaction that ``connection`` has begun."""
        found, read = self._asked(connection, parameters)
        row = found.fetchone()
        return None if row is None else read(row)

    def all(self, connection: sa.Connection, **parameters: Any) -> list[tuple[Any, ...]]:
        """Every row, inside the transaction that ``connection`` has begun."""
        found, read = self._asked(connection, parameters)
        return [read(row) for row in found.fetchall()]

    def _asked(
        self, connection: sa.Connection, parameters: dict[str, Any]
    ) -> tuple[Any, Callable[[Sequence[Any]], tuple[Any, ...]]]:
        compiled = _compiled(self._statement, connection.dialect)
        for name, write in compiled.writers.items():
            if name in parameters:
                parameters[name] = write(parameters[name])
        driver = cast(Any, connection.connection.driver_connection)
        return driver.execute(compiled.text, {**compiled.fixed, **parameters}), compiled.row


_Change = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement as a driver takes it: its text, what is always the same in it, and how values go in and out."""

    text: str
    fixed: dict[str, Any]
    writers: dict[str, _Change]
    readers: tuple[_Change | None, ...]

    def row(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """A row of the driver as Python's values."""
        return tuple([read(value) if read else value for read, value in zip(self.readers, values, strict=True)])


@lru_cache(maxsize=256)
def _compiled(statement: sa.Select[*tuple[Any, ...]], dialect: Dialect) -> _Compiled:
    # Both drivers take parameters by name, each in its own spelling.
    mine = cast(Any, type(dialect))(paramstyle="named" if dialect.name == "sqlite" else "pyformat")
    compiled = statement.compile(dialect=mine)
    asked = {bind.key: bind for bind in compiled.binds.values() if bind.required}
    # What SQLAlchemy would write into the text at each execution is written now.
    expanded = compiled.construct_expanded_state(dict.fromkeys(asked, ""))
    fixed = {name: value for name, value in expanded.parameters.items() if name not in asked}
    writers = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in asked.items()}
    read = (
        column.type.dialect_impl(dialect).result_processor(dialect, None) for column in statement.selected_columns
    )
    return _Compiled(
        expanded.statement, fixed, {name: write for name, write in writers.items() if write}, tuple(read)
    )

"""Questions that are asked at every request: put together once, then sent to the driver as text.

Mapping a result costs SQLAlchemy more than the database needs to find it. What stands here is still built from the
tables, so that a renamed column shows at once.
"""

from __future__ import annotations

from collections.abc import Callable
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
        text, fixed, readers = _compiled(self._statement, connection.dialect)
        driver = cast(Any, connection.connection.driver_connection)
        row = driver.execute(text, {**fixed, **parameters}).fetchone()
        if row is None:
            return None
        return tuple([read(value) if read else value for read, value in zip(readers, row, strict=True)])


_Reader = Callable[[Any], Any] | None


@lru_cache(maxsize=64)
def _compiled(
    statement: sa.Select[*tuple[Any, ...]], dialect: Dialect
) -> tuple[str, dict[str, Any], tuple[_Reader, ...]]:
    # Both drivers take parameters by name, each in its own spelling.
    mine = cast(Any, type(dialect))(paramstyle="named" if dialect.name == "sqlite" else "pyformat")
    compiled = statement.compile(dialect=mine)
    asked = {bind.key for bind in compiled.binds.values() if bind.required}
    # What SQLAlchemy would write into the text at each execution is written now.
    expanded = compiled.construct_expanded_state(dict.fromkeys(asked, ""))
    fixed = {name: value for name, value in expanded.parameters.items() if name not in asked}
    read = (
        column.type.dialect_impl(dialect).result_processor(dialect, None) for column in statement.selected_columns
    )
    return expanded.statement, fixed, tuple(read)

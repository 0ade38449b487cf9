"""Rows read as frozen values, and what the database refuses told in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict
from hospital_prepay.persistence.outages import gave_way, is_outage

Row = TypeVar("Row")


def rows_of(
    connection: sa.Connection,
    table: Any,
    shape: type[Row],
    institution_id: str,
    *where: sa.ColumnElement[bool],
    order: Sequence[Any] = (),
) -> list[Row]:
    """The institution's rows of ``table`` as values of ``shape``, whose fields are its columns."""
    columns = [getattr(table, name) for name in shape.__dataclass_fields__]  # type: ignore[attr-defined]
    query = sa.select(*columns).where(table.institution_id == institution_id, *where).order_by(*order)
    return [shape(*row) for row in connection.execute(query)]


@contextmanager
def refusing(words: str) -> Iterator[None]:
    """Tell what the database refused as a :class:`Conflict`; a database that is gone, or that ended this act for
    another's, refuses nothing."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        if is_outage(error) or gave_way(error):
            raise
        raise Conflict(words) from error

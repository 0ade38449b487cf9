"""Hints to PostgreSQL's planner for statements over a whole register."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa


@contextmanager
def in_bulk(connection: sa.Connection) -> Iterator[None]:
    """For a statement over a million rows: PostgreSQL, which hasn't counted fresh rows yet, would look through all
    lines again for each account."""
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.execute(sa.text("SET LOCAL enable_nestloop = off"))
    yield
    connection.execute(sa.text("SET LOCAL enable_nestloop = on"))

"""Hints to PostgreSQL's planner for statements over a whole register."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa

# PostgreSQL hasn't counted fresh rows yet and takes them for a handful: it would look through all lines again for
# each account, or let every helper put the whole register together for itself, in pieces on disk.
_IN_BULK: Final = {"enable_nestloop": "off", "max_parallel_workers_per_gather": "0", "work_mem": "'128MB'"}


@contextmanager
def in_bulk(connection: sa.Connection) -> Iterator[None]:
    """For a statement over a million rows."""
    if connection.dialect.name != "postgresql":
        yield
        return
    for name, value in _IN_BULK.items():
        connection.execute(sa.text(f"SET LOCAL {name} = {value}"))
    yield
    for name in _IN_BULK:
        connection.execute(sa.text(f"SET LOCAL {name} = DEFAULT"))

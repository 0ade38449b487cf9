"""Hints to the databases for statements over a whole register."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa

from hospital_prepay.persistence.outages import NOTHING_BOOKED, outage_told

# PostgreSQL hasn't counted fresh rows yet and takes them for a handful: it would look through all lines again for
# each account, or let every helper put the whole register together for itself, in pieces on disk.
_IN_BULK: Final = {"enable_nestloop": "off", "max_parallel_workers_per_gather": "0", "work_mem": "'128MB'"}
# Taken for a handful as well, the rest of a register would be put together and sorted for each of its pages.
_IN_KEY_ORDER: Final = {"enable_bitmapscan": "off", "enable_sort": "off"}
# Rows come in order, so that pages written out are seldom read again: more of them in memory, or the sorting of an
# index, saved nothing that could be measured. Nothing is deleted by the thousand: no freed space needs writing over.
_BULK_PAGES: Final = {"cache_size": "-65536", "secure_delete": "OFF"}


@contextmanager
def in_bulk(connection: sa.Connection) -> Iterator[None]:
    """For a statement over a million rows."""
    with _told(connection, _IN_BULK):
        yield


@contextmanager
def in_key_order(connection: sa.Connection) -> Iterator[None]:
    """For one page of a register of a million rows, by its key: read along the index up to the limit."""
    with _told(connection, _IN_KEY_ORDER):
        yield


@contextmanager
def _told(connection: sa.Connection, settings: Mapping[str, str]) -> Iterator[None]:
    if connection.dialect.name != "postgresql":
        yield
        return
    for name, value in settings.items():
        connection.execute(sa.text(f"SET LOCAL {name} = {value}"))
    yield
    for name in settings:
        connection.execute(sa.text(f"SET LOCAL {name} = DEFAULT"))


@contextmanager
def room_for_bulk(connection: sa.Connection) -> Iterator[None]:
    """Around one writing transaction of a million rows: SQLite keeps up to 64 MB of pages instead of 2, however many
    rows there are. The memory is given back afterwards.

    Must begin before the transaction does: SQLite doesn't change what it does with freed pages while it is in one.
    """
    driver = connection.connection.driver_connection
    if connection.dialect.name != "sqlite" or driver is None:
        yield
        return
    with outage_told(NOTHING_BOOKED):
        before = {name: driver.execute(f"PRAGMA {name}").fetchone()[0] for name in _BULK_PAGES}
        for name, value in _BULK_PAGES.items():
            driver.execute(f"PRAGMA {name} = {value}")
    try:
        yield
    finally:
        if not connection.invalidated:
            for name, value in before.items():
                driver.execute(f"PRAGMA {name} = {value}")
            driver.execute("PRAGMA shrink_memory")

"""Many rows in one statement of SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Final

_ROWS: Final = 100


def insert_rows(driver: sqlite3.Connection, insert: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Add ``rows``, whose triggers run in their order. ``insert`` is the statement up to the word VALUES.

    A hundred rows a statement: SQLite keeps the pages that a statement changes, to be able to take it back, and a
    page that a hundred rows share is kept once instead of a hundred times. What is left over goes in row by row, so
    that two texts are all that has ever to be prepared. An error leaves what went in before it: be in a savepoint.
    """
    if not rows:
        return
    one = f"({', '.join('?' * len(rows[0]))})"
    whole = len(rows) - len(rows) % _ROWS
    together = f"{insert} {', '.join([one] * _ROWS)}"
    for start in range(0, whole, _ROWS):
        driver.execute(together, tuple(chain.from_iterable(rows[start : start + _ROWS])))
    driver.executemany(f"{insert} {one}", rows[whole:])


def insert_cells(driver: sqlite3.Connection, insert: str, width: int, cells: Iterator[object]) -> None:
    """The same for rows of ``width`` cells that come one cell after the other."""
    one = f"({', '.join('?' * width)})"
    together = f"{insert} {', '.join([one] * _ROWS)}"
    while len(part := tuple(islice(cells, _ROWS * width))) == _ROWS * width:
        driver.execute(together, part)
    driver.executemany(f"{insert} {one}", [part[start : start + width] for start in range(0, len(part), width)])

"""DuckDB as a tool: a connection that stays within its memory, and text that is safe inside a statement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb

MEMORY: Final = "384MB"
THREADS: Final = 2
_GLANCE: Final = 0.2


@contextmanager
def bulk_connection(folder: Path | None = None, memory: str = MEMORY) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection without a database of its own. What doesn't fit into memory goes to ``folder``; nothing is
    fetched from a network."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory,
        "threads": THREADS,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if folder:
        settings["temp_directory"] = str(folder)
    with duckdb.connect(":memory:", config=settings) as connection:
        yield connection


def execute_watched(
    connection: duckdb.DuckDBPyConnection, statement: str, watch: Callable[[float], None]
) -> tuple[Any, ...] | None:
    """Run ``statement`` and return its first row; meanwhile ``watch`` is told, in the caller's own thread, which
    part (0 to 1, never falling) is done."""
    connection.execute("SET enable_progress_bar = true")
    connection.execute("SET enable_progress_bar_print = false")
    reached = 0.0
    with ThreadPoolExecutor(1) as worker:
        running = worker.submit(lambda: connection.execute(statement).fetchone())
        while not wait([running], timeout=_GLANCE).done:
            reached = max(reached, min(connection.query_progress() / 100, 1.0))
            watch(reached)
    return running.result()


def quoted(text: str) -> str:
    """``text`` as a string literal."""
    return "'" + text.replace("'", "''") + "'"


def file_literal(path: Path) -> str:
    """``path`` as a literal that names this one file, even where the name holds wildcards."""
    name = str(path.resolve())
    return quoted("".join(f"[{sign}]" if sign in "[*?" else sign for sign in name))

"""DuckDB as a tool: a connection that stays within its memory, and text that is safe inside a statement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

MEMORY: Final = "384MB"
THREADS: Final = 2


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


def quoted(text: str) -> str:
    """``text`` as a string literal."""
    return "'" + text.replace("'", "''") + "'"


def file_literal(path: Path) -> str:
    """``path`` as a literal that names this one file, even where the name holds wildcards."""
    name = str(path.resolve())
    return quoted("".join(f"[{sign}]" if sign in "[*?" else sign for sign in name))

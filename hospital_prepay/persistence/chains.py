"""Lists of constants in SQLite's triggers and CHECKs, said as chains of comparisons.

For ``x IN ('a', 'b', 'c')`` SQLite builds a sorted table of the constants whenever a statement or the program of a
trigger starts: once for every row that is written. ``(x = 'a' OR x = 'b' OR x = 'c')`` means the same, of NULL too,
and builds nothing. One or two constants SQLite compares by itself. ADR 14 says why the stored text is changed.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Final, cast

import sqlalchemy as sa

from hospital_prepay.domain.errors import DatabaseFault

_CONSTANT: Final = r"(?:'(?:[^']|'')*'|-?\d+)"
# Texts and comments come first, so that nothing inside them is taken for a list. What stands before the column says
# that it is the whole left side: "a || b IN (…)" and "x COLLATE NOCASE IN (…)" are left alone.
_LIST: Final = re.compile(
    rf"""'(?:[^']|'')*' | --[^\n]* | /\*.*?\*/
    | (?P<before> \A | \( | , | \b(?:AND|OR|NOT|WHERE|WHEN|THEN|ELSE|ON|HAVING|SELECT)\s )
      (?P<space> \s* )
      (?P<left> (?:\w+\.)? (?:\w+ | "\w+") )
      \s+ (?P<none> NOT\s+ )? IN \s* \( \s* (?P<constants> {_CONSTANT} (?:\s*,\s*{_CONSTANT}){{2,}} ) \s* \)""",
    re.VERBOSE | re.DOTALL,
)
_EACH: Final = re.compile(_CONSTANT)
_KEYWORD: Final = re.compile(r"(?:NOT|AND|OR|CASE|WHEN|THEN|ELSE|END|IS|NULL)$")


def as_chains(text: str) -> str:
    """``text`` of a trigger or a table with every list of three constants or more as a chain; it means the same."""
    return _LIST.sub(_chain, text)


def _chain(found: re.Match[str]) -> str:
    left = found["left"]
    if left is None or _KEYWORD.match(left):
        return found[0]
    sign, word = ("<>", "AND") if found["none"] else ("=", "OR")
    parts = f" {word} ".join(f"{left} {sign} {constant}" for constant in _EACH.findall(found["constants"]))
    return f"{found['before']}{found['space']}({parts})"


def chain_lists(connection: sa.Connection) -> None:
    """Store the texts of all tables and triggers with chains, within the migration's own transaction.

    The way of lang_altertable.html, section 7, for changes of CHECKs that touch no content: no table is copied, and
    triggers keep their order. A second time nothing is left to be done. Where SQLite was built to keep its schema
    from being written (``SQLITE_DBCONFIG_DEFENSIVE``) the texts stay: slower, they promise the same.
    """
    driver = cast(sqlite3.Connection, connection.connection.driver_connection)
    stored = driver.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type IN ('table', 'trigger')")
    changed = [(as_chains(sql), kind, name, table) for kind, name, table, sql in stored if as_chains(sql) != sql]
    if not changed:
        return
    driver.execute("PRAGMA writable_schema = ON")
    try:
        if _asked(driver, "writable_schema"):
            _store(driver, changed)
    finally:
        driver.execute("PRAGMA writable_schema = OFF")


def _store(driver: sqlite3.Connection, changed: list[tuple[str, str, str, str]]) -> None:
    update = "UPDATE sqlite_master SET sql = ? WHERE type = ? AND name = ?"
    driver.executemany(update, [one[:3] for one in changed])
    # Every connection, this one too, reads the schema anew once its number has risen.
    driver.execute(f"PRAGMA schema_version = {int(str(_asked(driver, 'schema_version'))) + 1}")
    for table in sorted({one[3] for one in changed}):
        # Reads the texts anew and holds every row of the table to its CHECKs.
        found = _asked(driver, f"integrity_check('{table}')")
        if found != "ok":
            raise DatabaseFault(f"数据库文件有损坏（{table}）：{found}。请恢复备份后再升级；数据没有动。")


def _asked(driver: sqlite3.Connection, pragma: str) -> object:
    return driver.execute(f"PRAGMA {pragma}").fetchone()[0]

"""What SQLite's own tables promise, said once more by triggers.

Anybody who opens the file may say ``PRAGMA ignore_check_constraints``, and INSERT OR REPLACE pushes a row out past
its delete triggers by any unique key. No pragma switches a trigger off, so each table's CHECKs and keys are repeated
in triggers that are made from the table itself, after every upgrade: no new constraint can be forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

import sqlalchemy as sa

from hospital_prepay.persistence.chains import as_chains

# Rows that may be written over, and the cases, which files bring by the million: checked as a whole before that.
FREE: Final = frozenset({"alembic_version", "api_client", "disease", "inpatient_case", "job_run", "similar_disease"})
# What every posting moves: of a row whose other columns stay, only the promises about this one are asked.
MOVING: Final = {"ledger_account": "balance_fen"}
_MARK: Final = "_repeats_"
_OWN: Final = re.compile(r'NEW\."(\w+)"')
_TOKEN: Final = re.compile(r"'(?:[^']|'')*'|\w+")


def drop_guards(connection: sa.Connection) -> None:
    """Take the triggers of this module away, so that a migration finds tables it can change."""
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars()
    for name in [one for one in names if _MARK in one]:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")


def make_guards(connection: sa.Connection) -> None:
    """Make them for every table that is there; they must have been dropped before."""
    inspector = sa.inspect(connection)
    kept = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars())
    for table in sorted(set(inspector.get_table_names()) - FREE):
        events = ["INSERT"] if f"{table}_no_update" in kept else ["INSERT", "UPDATE"]
        for event in events:
            _make(connection, table, event, list(_promises(inspector, table, event)))


def repeated(text: str, columns: Iterable[str], row: str) -> str:
    """A condition on a table's columns as one on the columns of ``row``."""
    names = set(columns)
    return _TOKEN.sub(lambda found: f'{row}."{found[0]}"' if found[0] in names else found[0], text)


def _make(connection: sa.Connection, table: str, event: str, promises: list[tuple[str, str]]) -> None:
    name, moving = f"{table}{_MARK}{event.lower()}", MOVING.get(table)
    if event == "INSERT" or moving is None:
        _trigger(connection, name, f"{event} ON {table}", promises)
        return
    # Whatever column is set, every promise that speaks of it is asked.
    about = [one for one in promises if moving in _OWN.findall(one[1])]
    for name_of, some in ((f"{name}_{moving}", about), (name, [one for one in promises if one not in about])):
        columns = sorted({column for _, broken in some for column in _OWN.findall(broken)})
        _trigger(connection, name_of, f"UPDATE OF {', '.join(columns)} ON {table}", some)


def _trigger(connection: sa.Connection, name: str, event: str, promises: list[tuple[str, str]]) -> None:
    if promises:
        body = " ".join(f"SELECT RAISE(ABORT, '{words}') WHERE {as_chains(broken)};" for words, broken in promises)
        driver = cast(Any, connection.connection.driver_connection)
        # Straight to the driver: "%" and ":" in these texts are no parameters.
        driver.execute(f"CREATE TRIGGER {name} BEFORE {event} BEGIN {body} END")


def _promises(inspector: sa.Inspector, table: str, event: str) -> Iterator[tuple[str, str]]:
    """Each as the words of its refusal and the condition that breaks it."""
    columns = inspector.get_columns(table)
    names = [column["name"] for column in columns]
    for check in inspector.get_check_constraints(table):
        yield f"check: {check['name']}", f"NOT ({repeated(check['sqltext'], names, 'NEW')})"
    for column in columns:
        own = f'NEW."{column["name"]}"'
        if column["name"].endswith("_fen"):
            yield f"amount: {table}", f"typeof({own}) NOT IN ('integer', 'null')"
        if column["default"] is not None and not column["nullable"]:
            # OR REPLACE puts the default here only after the triggers have looked.
            yield f"not_null: {table}", f"{own} IS NULL"
    key = inspector.get_pk_constraint(table)
    for name, unique, where in _keys(inspector, table):
        same = [f'x."{column}" = NEW."{column}"' for column in unique]
        conditions = []
        if event == "UPDATE":
            own_row = " AND ".join(f'x."{one}" = OLD."{one}"' for one in key["constrained_columns"])
            same.append(f"NOT ({own_row})")
            if not where:
                changed = " OR ".join(f'NEW."{one}" IS NOT OLD."{one}"' for one in unique)
                conditions.append(f"({changed})")
        if where:
            same.append(f"({repeated(where, names, 'x')})")
            conditions.append(f"({repeated(where, names, 'NEW')})")
        conditions.append(f"EXISTS (SELECT 1 FROM {table} x WHERE {' AND '.join(same)})")
        yield f"append_only: {name}", " AND ".join(conditions)


def _keys(inspector: sa.Inspector, table: str) -> Iterator[tuple[str, list[str], str]]:
    key = inspector.get_pk_constraint(table)
    yield str(key["name"]), key["constrained_columns"], ""
    for unique in inspector.get_unique_constraints(table):
        yield str(unique["name"]), unique["column_names"], ""
    for index in inspector.get_indexes(table):
        if index["unique"]:
            where = index.get("dialect_options", {}).get("sqlite_where", "")
            yield str(index["name"]), cast(list[str], index["column_names"]), str(where)

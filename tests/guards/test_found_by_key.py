"""What grows with the years is found by its key, not by going through a whole hospital's rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from hospital_prepay.persistence.database import Database

# Tables that grow with every patient. The others hold a few rows a year.
GROWING: Final = frozenset(
    [
        "audit_event",
        "decision",
        "discharge",
        "idempotency_key",
        "ledger_account",
        "ledger_entry",
        "ledger_posting",
        "outpatient_account",
        "outpatient_claim",
        "outpatient_payout",
        "receipt",
        "refund_arrival",
        "settlement",
        "settlement_result",
        "stay",
        "stay_cap",
    ]
)
SEEKS: Final = frozenset({"SeekGE", "SeekGT", "SeekLT"})  # SeekLE finds the latest of all: one row is read
# Few in a hospital's life: grants of the restricted fund cleared or taken back, its payments that bounced, and files
# of accounts confirmed, each of which is counted whole.
SELDOM: Final = frozenset(
    {
        ("ledger_account", "fund_approval_withdrawn_empty"),
        ("ledger_account", "fund_grant_walk"),
        ("ledger_entry", "fund_request_agrees"),
        ("ledger_entry", "ledger_entry_restricted"),
        ("outpatient_account", "outpatient_import_walk"),
    }
)


def going_through(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    """Each growing table, and the trigger of SQLite that looks into it with nothing but the hospital's number."""
    stored = connection.exec_driver_sql("SELECT rootpage, tbl_name, name FROM sqlite_master WHERE rootpage > 0")
    roots = {root: (table, name) for root, table, name in stored}
    # What has no hospital's number in front of it is found by something else.
    others = {
        root
        for root, (_, name) in roots.items()
        if connection.exec_driver_sql(f"SELECT name FROM pragma_index_info('{name}')").scalars().first()
        not in (None, "institution_id")
    }
    tables = {table for table, name in roots.values() if table == name and not table.startswith("sqlite")}
    for table in sorted(tables):
        columns = connection.exec_driver_sql(f"SELECT name FROM pragma_table_info('{table}')").scalars().all()
        marks, sets = ", ".join("?" for _ in columns), ", ".join(f'"{column}" = ?' for column in columns)
        for act in (f"INSERT INTO {table} VALUES ({marks})", f"UPDATE {table} SET {sets}", f"DELETE FROM {table}"):
            steps = connection.exec_driver_sql(f"EXPLAIN {act}", tuple("1" for _ in range(act.count("?")))).all()
            trigger, cursors = "", dict[int, int]()
            for _, step, cursor, root, _, told, *_ in steps:
                if step == "Init":
                    trigger, cursors = str(told or "").removeprefix("-- TRIGGER "), {}
                elif step in ("OpenRead", "OpenWrite", "ReopenIdx"):
                    cursors[cursor] = root
                elif trigger and step in SEEKS and str(told) == "1":
                    found = cursors.get(cursor, 0)
                    if found not in others and roots.get(found, ("", ""))[0] in GROWING:
                        yield roots[found][0], trigger


def test_no_trigger_goes_through_what_grows(sqlite_database: Database) -> None:
    with sqlite_database.reading() as connection:
        found = set(going_through(connection))
    assert found <= SELDOM

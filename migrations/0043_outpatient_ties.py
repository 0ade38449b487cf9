"""A claim and a batch wait for each other, nothing young goes to the treasury, money that stands holds its claim, and
a receipt, a slip or an application stands for one movement."""

from __future__ import annotations

import re
import runpy
import unicodedata
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

KEYS = (
    ("outpatient_payout", "receipt_key", "receipt_key <> ''"),
    ("outpatient_advance_list", "slip_key", "slip_key <> ''"),
    ("outpatient_advance_list", "document_key", "document_key <> '' AND state <> 'refused'"),
)
# Their rows take no step any more, and are told their keys all the same.
WALKS = {
    "outpatient_payout": ("outpatient_payout_walk",),
    "outpatient_advance_list": ("outpatient_advance_list_walk", "outpatient_advance_list_submitted_by_not_made_by"),
}
# Made anew on SQLite, which replaces no trigger in its place.
REPLACED = ("outpatient_advance_list_walk", "outpatient_advance_line_walk", "outpatient_payout_walk")


def upgrade() -> None:
    """The keys with what older rows say, then what each database refuses by itself, from the file beside this one."""
    dialect = op.get_bind().dialect.name
    for table, column, _ in KEYS:
        op.add_column(table, sa.Column(column, sa.Text(), nullable=False, server_default=""))
    for table, triggers in WALKS.items():
        if dialect == "postgresql":
            _run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            _tell(table)
            _run(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        else:
            texts = [_query(f"SELECT sql FROM sqlite_master WHERE name = '{name}'")[0][0] for name in triggers]
            for name in triggers:
                _run(f"DROP TRIGGER {name}")
            _tell(table)
            for text in texts:
                _run(text)
    for table, column, where in KEYS:
        op.create_index(
            f"uq_{table}__{column.removesuffix('_key')}",
            table,
            ["institution_id", column],
            unique=True,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )
    text = (Path(__file__).parent / f"0043_outpatient_ties_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        return
    for name in REPLACED:
        _run(f"DROP TRIGGER {name}")
    text = runpy.run_path(str(Path(__file__).parent / "0038_outpatient_slips.py"))["_for_sqlite"](text)
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _query(statement: str) -> list[tuple[str, ...]]:
    return [tuple(row) for row in op.get_bind().exec_driver_sql(statement)]


def _tell(table: str) -> None:
    """Under which spelling they are compared; of two that are alike the first has it."""
    if table == "outpatient_payout":
        rows = _query(
            "SELECT institution_id, claim_id, attempt_no, bank_reference FROM outpatient_payout"
            " WHERE route = 'cash' ORDER BY sent_at, claim_id, attempt_no"
        )
        _tell_column(table, ("claim_id", "attempt_no"), "receipt_key", rows)
        return
    for column, typed, states in (
        ("slip_key", "bank_reference", "('reimbursed')"),
        ("document_key", "document", "('submitted', 'reimbursed')"),
    ):
        rows = _query(
            f"SELECT institution_id, list_no, {typed} FROM outpatient_advance_list WHERE state IN {states}"
            " ORDER BY list_no"
        )
        _tell_column(table, ("list_no",), column, rows)


def _tell_column(table: str, key: tuple[str, ...], column: str, rows: list[tuple[str, ...]]) -> None:
    taken: set[tuple[str, str]] = set()
    names = ("institution_id", *key, column)
    found = sa.table(table, *(sa.column(name) for name in names))
    for row in rows:
        plain = _words(row[-1]) if column == "document_key" else _plain(row[-1])
        if plain and (row[0], plain) not in taken:
            taken.add((row[0], plain))
            where = [found.c[name] == value for name, value in zip(names[:-1], row[:-1], strict=True)]
            op.get_bind().execute(sa.update(found).where(*where).values({column: plain}))


def _plain(text: str) -> str:
    narrow = unicodedata.normalize("NFKC", text).upper()
    return "".join(sign for sign in narrow if sign.isascii() and sign.isalnum())


def _words(text: str) -> str:
    narrow = unicodedata.normalize("NFKC", text).upper()
    return "|".join(part.lstrip("0") or "0" for part in re.findall(r"\d+|[^\W\d_]+", narrow))

"""Whoever had an account's holder corrected takes no part in paying it; a slip proves one account;
corrections are decided by who may, and not dated back."""

from __future__ import annotations

import runpy
import unicodedata
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

# Made anew on SQLite, which replaces no trigger in its place.
REPLACED = ("outpatient_claim_owner",)
PAPER = "outpatient_claim_paper"


def upgrade() -> None:
    """The key of slips with what older rows say, then what each database refuses by itself, from the file beside this
    one."""
    dialect = op.get_bind().dialect.name
    op.add_column(PAPER, sa.Column("slip_key", sa.Text(), nullable=False, server_default=""))
    _tell_slips(dialect)
    op.create_index(
        f"ix_{PAPER}__slip",
        PAPER,
        ["institution_id", "slip_key"],
        sqlite_where=sa.text("slip_key <> ''"),
        postgresql_where=sa.text("slip_key <> ''"),
    )
    text = (Path(__file__).parent / f"0048_outpatient_holders_{dialect}.sql").read_text("utf-8")
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


def _tell_slips(dialect: str) -> None:
    """Rows are never changed, and are told their keys all the same."""
    if dialect == "postgresql":
        _run(f"ALTER TABLE {PAPER} DISABLE TRIGGER USER")
        _tell()
        _run(f"ALTER TABLE {PAPER} ENABLE TRIGGER USER")
        return
    kept = f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{PAPER}'"
    triggers = [tuple(row) for row in op.get_bind().exec_driver_sql(kept)]
    for name, _ in triggers:
        _run(f"DROP TRIGGER {name}")
    _tell()
    for _, text in triggers:
        _run(text)


def _tell() -> None:
    names = ("institution_id", "claim_id", "paper_no", "reference", "kind", "slip_key")
    paper = sa.table(PAPER, *(sa.column(name) for name in names))
    for row in op.get_bind().execute(sa.select(paper).where(paper.c.kind == "slip")).all():
        key = _plain(row.reference)
        where = [paper.c[name] == getattr(row, name) for name in names[:3]]
        if key:
            op.get_bind().execute(sa.update(paper).where(*where).values(slip_key=key))


def _plain(text: str) -> str:
    narrow = unicodedata.normalize("NFKC", text).upper()
    return "".join(sign for sign in narrow if sign.isascii() and sign.isalnum())


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)

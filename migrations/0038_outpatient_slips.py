"""A batch's voucher and bank slip are held by its own row, each of them once; nothing of it goes before its day."""

from __future__ import annotations

import re
import runpy
import unicodedata
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

TABLE = "outpatient_batch"
CHECK = f"ck_{TABLE}__remitted_with_its_slip"
HELD = "state <> 'remitted' OR (length(trim(voucher_no)) > 0 AND length(trim(bank_reference)) > 0)"
IN_SUMMARY = re.compile("，银行回单 (.+)$")
# What an older batch says whose entry's summary is written otherwise.
ELSEWHERE = "见凭证摘要"


def upgrade() -> None:
    """The columns with what older entries say, then what each database refuses by itself, from the file beside this
    one."""
    dialect = op.get_bind().dialect.name
    op.add_column(TABLE, sa.Column("bank_reference", sa.Text(), nullable=False, server_default=""))
    op.add_column(TABLE, sa.Column("voucher_key", sa.Text(), nullable=False, server_default=""))
    if dialect == "postgresql":
        op.add_column(TABLE, sa.Column("slip_key", sa.Text(), nullable=False, server_default=""))
        # What was remitted takes no step any more, and is told its slip all the same.
        _run(f"ALTER TABLE {TABLE} DISABLE TRIGGER USER")
        _tell()
        _tell_keys()
        _run(f"ALTER TABLE {TABLE} ENABLE TRIGGER USER")
        op.create_check_constraint(op.f(CHECK), TABLE, HELD)
    else:
        walk = _query("SELECT sql FROM sqlite_master WHERE name = 'outpatient_batch_walk'")[0][0]
        _run("DROP TRIGGER outpatient_batch_walk")
        _tell()
        # SQLite adds a CHECK with a column alone; the line's end keeps it apart for who reads the table's text.
        _run(f"ALTER TABLE {TABLE} ADD COLUMN slip_key TEXT NOT NULL CONSTRAINT {CHECK} CHECK ({HELD})\nDEFAULT ''")
        _tell_keys()
        _run(walk)
    for name in ("voucher", "slip"):
        op.create_index(
            f"uq_{TABLE}__{name}",
            TABLE,
            ["institution_id", f"{name}_key"],
            unique=True,
            sqlite_where=sa.text(f"{name}_key <> ''"),
            postgresql_where=sa.text(f"{name}_key <> ''"),
        )
    text = (Path(__file__).parent / f"0038_outpatient_slips_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        return
    for statement in (part.strip() + "\nEND;" for part in _for_sqlite(text).split("\nEND;") if "CREATE" in part):
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


def _tell() -> None:
    """What stood in the entry's summary alone."""
    rows = _query(
        f"SELECT b.institution_id, b.batch_no, b.voucher_no, e.summary FROM {TABLE} b LEFT JOIN ledger_entry e"
        " ON e.institution_id = b.institution_id AND e.kind = 'outpatient_remittance'"
        " AND e.source = 'outpatient_batch:' || b.batch_no WHERE b.state = 'remitted'"
    )
    for institution_id, batch_no, voucher_no, summary in rows:
        found = IN_SUMMARY.search(summary or "")
        slip = found[1].strip() if found else ""
        _set(institution_id, batch_no, voucher_no=voucher_no.strip() or ELSEWHERE, bank_reference=slip or ELSEWHERE)


def _tell_keys() -> None:
    """Under which spelling they are compared; of two that are alike the first has it."""
    taken: set[tuple[str, str, str]] = set()
    rows = _query(
        f"SELECT institution_id, batch_no, voucher_no, bank_reference FROM {TABLE} WHERE state = 'remitted'"
        " ORDER BY institution_id, batch_no"
    )
    for institution_id, batch_no, voucher_no, bank_reference in rows:
        for column, typed in (("voucher_key", voucher_no), ("slip_key", bank_reference)):
            key = (institution_id, column, _plain(typed))
            if key[2] and key not in taken:
                taken.add(key)
                _set(institution_id, batch_no, **{column: key[2]})


def _plain(text: str) -> str:
    narrow = unicodedata.normalize("NFKC", text).upper()
    return "".join(sign for sign in narrow if sign.isascii() and sign.isalnum())


def _set(institution_id: str, batch_no: str, **values: str) -> None:
    table = sa.table(TABLE, *(sa.column(name) for name in ("institution_id", "batch_no", *values)))
    own = (table.c.institution_id == institution_id, table.c.batch_no == batch_no)
    op.get_bind().execute(sa.update(table).where(*own).values(**values))


def _for_sqlite(text: str) -> str:
    """The text with its patterns put in, as in 0036."""
    composed = runpy.run_path(str(Path(__file__).parent / "0036_fund_ties.py"))["COMPOSED"]
    ranges = " || ".join(f"char({low}) || '-' || char({high})" for low, high in composed)
    places = ", ".join(f"({one})" for one in range(8))
    unlike = rf"""(\1 NOT GLOB '*[' || {ranges} || ']*' AND \2 IS NOT (
      SELECT group_concat(p.plain, '') FROM (
        SELECT upper(CASE WHEN unicode(s.sign) BETWEEN 65281 AND 65374 THEN char(unicode(s.sign) - 65248)
          ELSE s.sign END) AS plain FROM (
          SELECT substr(\1, a.column1 * 8 + b.column1 + 1, 1) AS sign
          FROM (VALUES {places}) a, (VALUES {places}) b ORDER BY a.column1, b.column1) s) p
      WHERE p.plain GLOB '[A-Z0-9]'))"""
    return re.sub(r"UNLIKE\(([\w.]+), ([\w.]+)\)", lambda found: found.expand(unlike), text)

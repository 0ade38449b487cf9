"""A red letter is final, a grant is cleared and owed again on the day of its books, rows of members are numbered
without a gap, and an invoice, a ground or an application says what the service would let it say."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

# Made anew on SQLite, which replaces no trigger in its place.
REPLACED = ("fund_grant_owed_again", "fund_evidence_once")
# A number's letters A to Z and digits, narrow and in capitals; nothing where it has none of them.
PLAIN = r"""(SELECT group_concat(p.plain, '{between}') FROM (
        SELECT upper(CASE WHEN unicode(s.sign) BETWEEN 65281 AND 65374 THEN char(unicode(s.sign) - 65248)
          ELSE s.sign END) AS plain FROM (
          SELECT substr(\1, a.column1 * 8 + b.column1 + 1, 1) AS sign
          FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7)) a, (VALUES (0), (1), (2), (3), (4), (5), (6), (7)) b
          ORDER BY a.column1, b.column1) s) p
      WHERE p.plain GLOB '[A-Z0-9]')"""
# Signs take their time: they are worked out only of a number that has the other's letters and digits in their order, or
# full-width ones.
SAME = r"""CASE WHEN upper(\1) LIKE '%' || SPREAD(\2) || '%'
          OR \1 GLOB '*[' || char(65281) || '-' || char(65374) || ']*' THEN PLAIN(\1) = PLAIN(\2) ELSE 0 END"""
# What 0036 let pass by the time it was posted, which whoever posts it says: by its number it is known for good.
SLIP_DUE = """
CREATE VIEW fund_slip_due AS
  SELECT g.institution_id, g.grant_id, e.entry_no FROM fund_grant g
    JOIN ledger_posting l ON l.institution_id = g.institution_id
      AND l.account_id IN ('23050101:' || g.grant_id, '1218:distributed:' || g.grant_id)
    JOIN ledger_entry e ON e.institution_id = l.institution_id AND e.entry_no = l.entry_no
      AND e.kind IN ('fund_return', 'fund_distribution_return') AND ({after})
  WHERE NOT EXISTS (SELECT 1 FROM fund_bank_evidence b WHERE b.institution_id = e.institution_id
    AND b.entry_no = e.entry_no)
"""


def upgrade() -> None:
    """What each database refuses by itself, from the file beside this one."""
    # The day of a line that couldn't be taken, where it could be read.
    op.add_column("fund_statement_rejection", sa.Column("on_day", sa.Date(), nullable=True))
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0041_fund_red_letters_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        return
    _cut_by_number()
    for name in REPLACED:
        _run(f"DROP TRIGGER {name}")
    for_sqlite = runpy.run_path(str(Path(__file__).parent / "0036_fund_ties.py"))["_for_sqlite"]
    text = re.sub(r"SAME\(([\w.]+), ([\w.]+)\)", SAME, for_sqlite(text))
    for name, between in (("SPREAD", "%"), ("PLAIN", "")):
        text = re.sub(rf"{name}\(([\w.]+)\)", PLAIN.replace("{between}", between), text)
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _cut_by_number() -> None:
    bind = op.get_bind()
    view = str(bind.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'fund_slip_due'").scalar_one())
    found = re.search(r"posted_at > '([^']*)'", view)
    assert found is not None
    last = found[1]
    # The first entry behind 0036 is the first that was posted later than all before it.
    cuts = bind.exec_driver_sql(
        "SELECT institution_id, coalesce(min(CASE WHEN posted_at > ? THEN entry_no END), max(entry_no) + 1)"
        " FROM ledger_entry GROUP BY institution_id",
        (last,),
    ).all()
    late = [f"(e.institution_id = '{own}' AND e.entry_no < {int(first)})" for own, first in cuts if int(first) > 1]
    _run("DROP VIEW fund_slip_due")
    _run(SLIP_DUE.format(after=f"NOT ({' OR '.join(late)})" if late else "1"))


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)

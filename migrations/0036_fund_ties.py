"""Rows of members and the books are tied to each other; an application filed again is a first one's equal; grounds,
accounts and quiet months say something; a slip is kept under the number that was typed."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

# A member gave back or repaid where the books say so, too: the entry carries the row's number in its key, and nothing
# mirrored it. A repayment ends a debt, so that its slip has to stand as well.
ENTRY = """SELECT 1 FROM ledger_entry p WHERE p.institution_id = {row}.institution_id AND p.kind = '{kind}'
          AND p.idempotency_key = '{kind}:' || {row}.distribution_id || ':' || {row}.{number}
          AND NOT EXISTS (SELECT 1 FROM ledger_entry x WHERE x.institution_id = p.institution_id
            AND x.reverses_no = p.entry_no)"""
RETURNED = ENTRY.format(row="r", kind="fund_distribution_return", number="return_no")
REPAID = (
    ENTRY.format(row="c", kind="fund_claim_repaid", number="payment_no")
    + """
          AND EXISTS (SELECT 1 FROM fund_bank_evidence b WHERE b.institution_id = p.institution_id
            AND b.entry_no = p.entry_no)"""
)
SUMS = f"""
CREATE VIEW fund_distribution_sums AS
  SELECT d.institution_id, d.distribution_id, d.grant_id, d.state, d.amount_fen,
    (SELECT coalesce(sum(r.amount_fen), 0) FROM fund_distribution_return r
      WHERE r.institution_id = d.institution_id AND r.distribution_id = d.distribution_id
        AND EXISTS ({RETURNED})) AS returned_fen,
    (SELECT coalesce(sum(u.amount_fen), 0) FROM fund_distribution_use u
      WHERE u.institution_id = d.institution_id AND u.distribution_id = d.distribution_id
        AND NOT EXISTS (SELECT 1 FROM fund_use_withdrawn w WHERE w.institution_id = u.institution_id
          AND w.distribution_id = u.distribution_id AND w.use_no = u.use_no)) AS used_fen,
    (SELECT coalesce(sum(c.amount_fen), 0) FROM fund_claim_payment c
      WHERE c.institution_id = d.institution_id AND c.distribution_id = d.distribution_id
        AND EXISTS ({REPAID})) AS repaid_fen
  FROM fund_distribution d WHERE d.state = 'approved' AND EXISTS (
    SELECT 1 FROM ledger_entry e WHERE e.institution_id = d.institution_id AND e.kind = 'fund_distribution'
      AND e.source = 'fund_distribution:' || d.distribution_id)
"""
# SQLite looks at nothing when a transaction ends: there a return of the hospital or of a member has its slip before
# anything more is booked on its grant. Entries from before this migration may have none.
SLIP_DUE = """
CREATE VIEW fund_slip_due AS
  SELECT g.institution_id, g.grant_id, e.entry_no FROM fund_grant g
    JOIN ledger_posting l ON l.institution_id = g.institution_id
      AND l.account_id IN ('23050101:' || g.grant_id, '1218:distributed:' || g.grant_id)
    JOIN ledger_entry e ON e.institution_id = l.institution_id AND e.entry_no = l.entry_no
      AND e.kind IN ('fund_return', 'fund_distribution_return') AND e.posted_at > '{last}'
  WHERE NOT EXISTS (SELECT 1 FROM fund_bank_evidence b WHERE b.institution_id = e.institution_id
    AND b.entry_no = e.entry_no)
"""
# Made anew on SQLite, which replaces no trigger in its place.
REPLACED = ("fund_grant_walk", "fund_grant_filed_again")

# Blanks that are told from nothing by no eye; beside them what 0032 knows.
BLANK = "char(32, 160, 5760, 8192) || '-' || char(8202, 8239, 8287, 12288)"
# Signs that become letters A to Z or digits, or swallow one, when they are compared: superscripts, circled and
# mathematical letters, marks over a letter. SQLite can't work them out; whoever types one shows another number.
COMPOSED = (
    *((170, 170), (178, 846), (848, 879), (7468, 7615), (7830, 7834), (8304, 8591), (9312, 9450), (11388, 11389)),
    *((12880, 13311), (42994, 42996), (64256, 64262), (67493, 67493), (119808, 120831), (127232, 127376)),
    *((130032, 130041),),
)


def upgrade() -> None:
    """The view first, then what each database refuses by itself, from the file beside this one."""
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0036_fund_ties_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(SUMS.replace("CREATE VIEW", "CREATE OR REPLACE VIEW"))
        _run(text)
        return
    _run("DROP VIEW fund_distribution_sums")
    _run(SUMS)
    last = op.get_bind().exec_driver_sql("SELECT coalesce(max(posted_at), '') FROM ledger_entry").scalar_one()
    _run(SLIP_DUE.format(last=str(last).replace("'", "''")))
    for name in REPLACED:
        _run(f"DROP TRIGGER {name}")
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


def _for_sqlite(text: str) -> str:
    """The text with its patterns put in."""
    not_seen = runpy.run_path(str(Path(__file__).parent / "0032_fund_members.py"))["NOT_SEEN"].strip()
    seen = rf"(\1 GLOB '*[^' || {BLANK} || {not_seen} || ']*') IS NOT 1"
    text = re.sub(r"UNSEEN\(([\w.]+)\)", lambda found: found.expand(seen), text)
    ranges = " || ".join(f"char({low}) || '-' || char({high})" for low, high in COMPOSED)
    return text.replace("COMPOSED", ranges)

"""What the database holds of lending, second persons, and that books and requests agree; SQLite asks less per entry."""

from __future__ import annotations

import re
from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# The places whose notice names a lead hospital that hands a prepayment on, and those whose notice withholds what isn't
# paid out while a ground of recall stands. A test holds both to the rulebook; a new place is a migration of its own.
LEAD_HOSPITAL = ("weihai-prepay-2025",)
WITHHOLDING = ("xizang-prepay-2024", "zhejiang-prepay-2025")

# These become part of one trigger that looks only where an entry has a line of a grant: each of them added up the lines
# of every entry of the house.
TAKEN_IN = ("ledger_entry_fund", "ledger_entry_fund_touches")

# Requests whose grant's books are ahead of them: paid and still reserved, bounced and not ended. Both are few; each has
# an index of its own.
AHEAD = """
CREATE INDEX ix_fund_request__reserved ON fund_request (institution_id, grant_id) WHERE state = 'reserved';
CREATE INDEX ix_ledger_entry__bounced ON ledger_entry (institution_id, source) WHERE kind = 'fund_payment_bounced';
CREATE VIEW fund_not_walked AS
  SELECT r.institution_id, r.grant_id, 'fund_request:' || r.request_id AS source
  FROM fund_request r INDEXED(ix_fund_request__reserved)
  JOIN ledger_entry p ON p.institution_id = r.institution_id AND p.kind = 'fund_payment'
    AND p.source = 'fund_request:' || r.request_id
  WHERE r.state = 'reserved'
  UNION ALL
  SELECT b.institution_id, r.grant_id, b.source
  FROM ledger_entry b INDEXED(ix_ledger_entry__bounced)
  JOIN ledger_entry p ON p.institution_id = b.institution_id AND p.entry_no = b.reverses_no
    AND p.kind = 'fund_payment' AND p.source = b.source
  JOIN fund_request r ON r.institution_id = b.institution_id AND r.request_id = substr(b.source, 14)
  WHERE b.kind = 'fund_payment_bounced' AND r.state <> 'released'
"""
# The lines on grants as a kept total counts them (persistence/ledger/fund_totals.py): each once, and what was paid a
# second time by category.
LINES = """
CREATE VIEW fund_line AS
  SELECT p.institution_id, p.entry_no, p.account_id, e.kind, MONTH AS month, '' AS category,
    p.debit_fen, p.credit_fen
  FROM ledger_posting p
  JOIN ledger_account a ON a.institution_id = p.institution_id AND a.account_id = p.account_id AND a.fund <> ''
  JOIN ledger_entry e ON e.institution_id = p.institution_id AND e.entry_no = p.entry_no
  UNION ALL
  SELECT p.institution_id, p.entry_no, p.account_id, e.kind, MONTH AS month, l.category,
    CASE WHEN p.debit_fen > 0 THEN l.amount_fen ELSE 0 END, CASE WHEN p.credit_fen > 0 THEN l.amount_fen ELSE 0 END
  FROM ledger_posting p
  JOIN ledger_account a ON a.institution_id = p.institution_id AND a.account_id = p.account_id AND a.fund <> ''
    AND a.account_id = '1002:reserved:' || a.fund
  JOIN ledger_entry e ON e.institution_id = p.institution_id AND e.entry_no = p.entry_no
    AND e.kind IN ('fund_payment', 'fund_payment_bounced') AND e.source LIKE 'fund_request:%'
  JOIN fund_request_line l ON l.institution_id = p.institution_id AND l.request_id = substr(e.source, 14)
"""


def upgrade() -> None:
    """Indexes and view first, then the triggers of each database, from the file beside this one."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    dialect = op.get_bind().dialect.name
    month = "substr(e.effective_on, 1, 7)" if dialect == "sqlite" else "to_char(e.effective_on, 'YYYY-MM')"
    # Without a word SQLite reads all entries of the house by their key.
    by_index = r"INDEXED BY \1" if dialect == "sqlite" else ""
    for statement in f"{AHEAD};{LINES}".split(";"):
        driver.execute(re.sub(r"INDEXED\((\w+)\)", by_index, statement.replace("MONTH", month)))
    _put_totals_before_their_run(dialect)
    text = (Path(__file__).parent / f"0019_fund_guards_{dialect}.sql").read_text("utf-8")
    for name, regimes in (("LEAD_HOSPITAL", LEAD_HOSPITAL), ("WITHHOLDING", WITHHOLDING)):
        text = text.replace(f"'{name}'", ", ".join(f"'{one}'" for one in regimes))
    if dialect == "postgresql":
        driver.execute(text)
        return
    statements = [part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part]
    before = [_body_of(driver, name) for name in TAKEN_IN]
    for name in TAKEN_IN:
        driver.execute(f"DROP TRIGGER {name}")
    driver.execute(statements[0].removesuffix("END;") + "".join(before) + "END;")
    for statement in statements[1:]:
        driver.execute(statement)


def _put_totals_before_their_run(dialect: str) -> None:
    """The totals of a run come first and the run last, so that it can be held to them: their key is looked at when
    the transaction ends."""
    key = "fk_fund_total__fund_total_run"
    if dialect == "postgresql":
        op.execute(f"ALTER TABLE fund_total ALTER CONSTRAINT {key} DEFERRABLE INITIALLY DEFERRED")
        return
    # SQLite changes no key; a table that is dropped takes its triggers with it.
    triggers = op.get_bind().exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'fund_total'"
    )
    texts = list(triggers.scalars())
    [table] = op.get_bind().exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'fund_total'").scalars()
    op.rename_table("fund_total", "fund_total_0012")
    run = "REFERENCES fund_total_run (institution_id, through_no)"
    assert run in table
    op.execute(table.replace(run, f"{run} DEFERRABLE INITIALLY DEFERRED"))
    op.execute("INSERT INTO fund_total SELECT * FROM fund_total_0012")
    op.drop_table("fund_total_0012")
    for text in texts:
        op.execute(text)


def _body_of(driver: object, name: str) -> str:
    """What a trigger does, without its head and its last word."""
    query = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?"
    [text] = driver.execute(query, (name,)).fetchone()  # type: ignore[attr-defined]
    return str(text).partition(" BEGIN")[2].rpartition("END")[0]


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")

"""What the database holds of lending, second persons, and that books and requests agree; SQLite asks less per entry."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0017"
branch_labels = None
depends_on = None

# The places whose notice names a lead hospital that hands a prepayment on, and those whose notice withholds what isn't
# paid out while a ground of recall stands. A test holds both to the rulebook; a new place is a migration of its own.
LEAD_HOSPITAL = ("weihai-prepay-2025",)
WITHHOLDING = ("xizang-prepay-2024", "zhejiang-prepay-2025")

# The three that look at lines of grants are one from now on, and only where an entry has such a line: each of them
# added up the lines of every entry of the house.
RESTRICTED = ("ledger_entry_fund", "ledger_entry_fund_touches", "ledger_entry_fund_rises")


# Requests whose grant's books are ahead of them: paid and still reserved, bounced and not ended. Both are few; each has
# an index of its own.
AHEAD = """
CREATE INDEX ix_fund_request__reserved ON fund_request (institution_id, grant_id) WHERE state = 'reserved';
CREATE INDEX ix_ledger_entry__bounced ON ledger_entry (institution_id, source) WHERE kind = 'fund_payment_bounced';
CREATE VIEW fund_not_walked AS
  SELECT r.institution_id, r.grant_id, 'fund_request:' || r.request_id AS source
  FROM fund_request r JOIN ledger_entry p ON p.institution_id = r.institution_id AND p.kind = 'fund_payment'
    AND p.source = 'fund_request:' || r.request_id
  WHERE r.state = 'reserved'
  UNION ALL
  SELECT b.institution_id, r.grant_id, b.source
  FROM ledger_entry b
  JOIN ledger_entry p ON p.institution_id = b.institution_id AND p.entry_no = b.reverses_no
    AND p.kind = 'fund_payment' AND p.source = b.source
  JOIN fund_request r ON r.institution_id = b.institution_id AND r.request_id = substr(b.source, 14)
  WHERE b.kind = 'fund_payment_bounced' AND r.state <> 'released'
"""


def upgrade() -> None:
    """Indexes and view first, then the triggers of each database, from the file beside this one."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    for statement in AHEAD.split(";"):
        driver.execute(statement)
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0019_fund_guards_{dialect}.sql").read_text("utf-8")
    for name, regimes in (("LEAD_HOSPITAL", LEAD_HOSPITAL), ("WITHHOLDING", WITHHOLDING)):
        text = text.replace(f"'{name}'", ", ".join(f"'{one}'" for one in regimes))
    if dialect == "postgresql":
        driver.execute(text)
        return
    statements = [part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part]
    before = [_body_of(driver, name) for name in RESTRICTED]
    for name in RESTRICTED:
        driver.execute(f"DROP TRIGGER {name}")
    driver.execute(statements[0].removesuffix("END;") + "".join(before) + "END;")
    for statement in statements[1:]:
        driver.execute(statement)


def _body_of(driver: object, name: str) -> str:
    """What a trigger does, without its head and its last word."""
    query = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?"
    [text] = driver.execute(query, (name,)).fetchone()  # type: ignore[attr-defined]
    return str(text).partition(" BEGIN")[2].rpartition("END")[0]


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")

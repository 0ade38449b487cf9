"""What was typed wrongly: an invoice is withdrawn with a ground, a member's repayment is corrected by two people. The
rows themselves stay, and count no more."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
TABLE = "fund_evidence_withdrawn"
KEY = ("institution_id", "request_id", "line_no", "invoice_no", "attempt")
# What proves a line: the invoices that nobody withdrew.
STANDING = f"""
CREATE VIEW fund_evidence_standing AS
  SELECT v.institution_id, v.request_id, v.line_no, v.invoice_no, v.amount_fen FROM fund_evidence v
  WHERE NOT EXISTS (SELECT 1 FROM {TABLE} w WHERE {" AND ".join(f"w.{one} = v.{one}" for one in KEY)})
"""

# A repayment of a member whose entry was taken back is none. Its entry carries its number in its key.
REPAID = """(SELECT coalesce(sum(c.amount_fen), 0) FROM fund_claim_payment c
      WHERE c.institution_id = d.institution_id AND c.distribution_id = d.distribution_id
        AND NOT EXISTS (SELECT 1 FROM ledger_entry p JOIN ledger_entry r
          ON r.institution_id = p.institution_id AND r.reverses_no = p.entry_no
          WHERE p.institution_id = c.institution_id
            AND p.idempotency_key = 'fund_claim_repaid:' || c.distribution_id || ':' || c.payment_no))"""
SUMS = f"""
CREATE VIEW fund_distribution_sums AS
  SELECT d.institution_id, d.distribution_id, d.grant_id, d.state, d.amount_fen,
    (SELECT coalesce(sum(r.amount_fen), 0) FROM fund_distribution_return r
      WHERE r.institution_id = d.institution_id AND r.distribution_id = d.distribution_id) AS returned_fen,
    (SELECT coalesce(sum(u.amount_fen), 0) FROM fund_distribution_use u
      WHERE u.institution_id = d.institution_id AND u.distribution_id = d.distribution_id
        AND NOT EXISTS (SELECT 1 FROM fund_use_withdrawn w WHERE w.institution_id = u.institution_id
          AND w.distribution_id = u.distribution_id AND w.use_no = u.use_no)) AS used_fen,
    {REPAID} AS repaid_fen
  FROM fund_distribution d WHERE d.state = 'approved' AND EXISTS (
    SELECT 1 FROM ledger_entry e WHERE e.institution_id = d.institution_id AND e.kind = 'fund_distribution'
      AND e.source = 'fund_distribution:' || d.distribution_id)
"""
# Made anew on SQLite, which replaces no trigger in its place.
REPLACED = (
    "fund_correction_insert",
    "fund_request_walk",
    "fund_request_while_recalled",
    "ledger_entry_fund_corrects",
)


def upgrade() -> None:
    """The tables first, then what each database refuses by itself, from the file beside this one."""
    dialect = op.get_bind().dialect.name
    _number_attempts(dialect)
    _table()
    _run(STANDING)
    if dialect == "postgresql":
        _run(SUMS.replace("CREATE VIEW", "CREATE OR REPLACE VIEW"))
    else:
        _run("DROP VIEW fund_distribution_sums")
        _run(SUMS)
    text = (Path(__file__).parent / f"0035_fund_mistyped_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        _run(
            f"CREATE TRIGGER {TABLE}_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for name in REPLACED:
        _run(f"DROP TRIGGER {name}")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    for table in (TABLE, "fund_evidence"):
        for event in ("UPDATE", "DELETE"):
            _run(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, 'append_only: {table}'); END"
            )


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _number_attempts(dialect: str) -> None:
    """A number that was withdrawn may be recorded on its line again: the attempt joins the key."""
    if dialect == "postgresql":
        op.add_column("fund_evidence", sa.Column("attempt", sa.SmallInteger(), nullable=False, server_default="1"))
        op.drop_constraint("pk_fund_evidence", "fund_evidence", type_="primary")
        op.create_primary_key("pk_fund_evidence", "fund_evidence", list(KEY))
        op.create_check_constraint("ck_fund_evidence__attempt_above_zero", "fund_evidence", "attempt > 0")
        return
    # SQLite changes no key; a table that is dropped takes its triggers with it.
    op.rename_table("fund_evidence", "fund_evidence_0034")
    op.create_table(
        "fund_evidence",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("line_no", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("invoice_no", sa.String(length=40), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", sa.String(length=32), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), autoincrement=False, nullable=False, server_default="1"),
        sa.CheckConstraint("amount_fen > 0", name="ck_fund_evidence__amount_above_zero"),
        sa.CheckConstraint("attempt > 0", name="ck_fund_evidence__attempt_above_zero"),
        sa.ForeignKeyConstraint(
            ["institution_id", "request_id", "line_no"],
            ["fund_request_line.institution_id", "fund_request_line.request_id", "fund_request_line.line_no"],
            name="fk_fund_evidence__fund_request_line",
        ),
        sa.PrimaryKeyConstraint(*KEY, name="pk_fund_evidence"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO fund_evidence SELECT *, 1 FROM fund_evidence_0034")
    op.drop_table("fund_evidence_0034")


def _table() -> None:
    # Without a rowid there is no second key that INSERT OR REPLACE could name to push a row out past its triggers.
    op.create_table(
        TABLE,
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("line_no", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("invoice_no", sa.String(length=40), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=40), nullable=False),
        sa.Column("withdrawn_at", MOMENT, nullable=False),
        sa.CheckConstraint("length(trim(ground)) > 0", name=f"ck_{TABLE}__with_ground"),
        sa.ForeignKeyConstraint(KEY, [f"fund_evidence.{one}" for one in KEY], name=f"fk_{TABLE}__fund_evidence"),
        sa.PrimaryKeyConstraint(*KEY, name=f"pk_{TABLE}"),
        sqlite_with_rowid=False,
    )

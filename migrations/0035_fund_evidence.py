"""An invoice that was typed wrongly is withdrawn with a ground and proves nothing any more; the row itself stays."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0033"
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


def upgrade() -> None:
    """The tables first, then what each database refuses by itself, from the file beside this one."""
    dialect = op.get_bind().dialect.name
    _number_attempts(dialect)
    _table()
    _run(STANDING)
    text = (Path(__file__).parent / f"0035_fund_evidence_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        _run(
            f"CREATE TRIGGER {TABLE}_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for name in ("fund_request_walk", "fund_request_while_recalled"):
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

"""What the reports on the restricted fund keep: totals of the lines on grants, what the authority published,
and every purchase of drugs and consumables."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
# Each with its key: on SQLite INSERT OR REPLACE skips the delete triggers, so a key that is there is refused.
APPEND_ONLY = {
    "fund_total_run": "institution_id through_no",
    "fund_total": "institution_id through_no account_id kind month category",
    "fund_disclosure": "institution_id disclosure_id",
    "purchase_line": "institution_id line_key",
}


def upgrade() -> None:
    """Tables first, then what each database refuses by itself."""
    _tables()
    folder = Path(__file__).parent
    if op.get_bind().dialect.name == "postgresql":
        _run((folder / "0012_fund_reports_postgresql.sql").read_text("utf-8"))
        for table in APPEND_ONLY:
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    text = (folder / "0012_fund_reports_sqlite.sql").read_text("utf-8")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    for table, key in APPEND_ONLY.items():
        same = " AND ".join(f"x.{column} IS NEW.{column}" for column in key.split())
        _refuse(table, "no_update BEFORE UPDATE", "true")
        _refuse(table, "no_delete BEFORE DELETE", "true")
        _refuse(table, "no_replacement BEFORE INSERT", f"EXISTS (SELECT 1 FROM {table} x WHERE {same})")


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _refuse(table: str, event: str, when: str) -> None:
    _run(
        f"CREATE TRIGGER {table}_{event} ON {table} BEGIN "
        f"SELECT RAISE(ABORT, 'append_only: {table}') WHERE {when}; END"
    )


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _create_table(name: str, *parts: sa.schema.SchemaItem) -> None:
    # Without a rowid there is no second key that INSERT OR REPLACE could name to push a row out past its triggers.
    op.create_table(name, *parts, sqlite_with_rowid=False)


def _tables() -> None:
    _create_table(
        "fund_total_run",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("through_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("after_no", sa.BigInteger(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.CheckConstraint("after_no >= 0 AND through_no > after_no", name="ck_fund_total_run__goes_forward"),
        sa.PrimaryKeyConstraint("institution_id", "through_no", name="pk_fund_total_run"),
    )
    _create_table(
        "fund_total",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("through_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("debit_fen", sa.BigInteger(), nullable=False),
        sa.Column("credit_fen", sa.BigInteger(), nullable=False),
        sa.Column("line_count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["institution_id", "through_no"],
            ["fund_total_run.institution_id", "fund_total_run.through_no"],
            name="fk_fund_total__fund_total_run",
        ),
        sa.PrimaryKeyConstraint(
            "institution_id", "through_no", "account_id", "kind", "month", "category", name="pk_fund_total"
        ),
    )
    _create_table(
        "fund_disclosure",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("disclosure_id", sa.String(length=36), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("fund", sa.String(length=10), nullable=False),
        sa.Column("paid_out_fen", sa.BigInteger(), nullable=False),
        sa.Column("recovered_fen", sa.BigInteger(), nullable=False),
        sa.Column("balance_fen", sa.BigInteger(), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint("fund IN ('all', 'employee', 'resident')", name="ck_fund_disclosure__fund"),
        sa.CheckConstraint(
            "paid_out_fen >= 0 AND recovered_fen >= 0 AND balance_fen >= 0",
            name="ck_fund_disclosure__amounts_not_negative",
        ),
        sa.PrimaryKeyConstraint("institution_id", "disclosure_id", name="pk_fund_disclosure"),
    )
    _create_table(
        "purchase_line",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("line_key", sa.String(length=64), nullable=False),
        sa.Column("bought_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("order_no", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("imported_by", sa.String(length=40), nullable=False),
        sa.Column("imported_at", MOMENT, nullable=False),
        sa.CheckConstraint("kind IN ('drug', 'consumable')", name="ck_purchase_line__kind"),
        sa.CheckConstraint("amount_fen > 0", name="ck_purchase_line__amount_above_zero"),
        sa.PrimaryKeyConstraint("institution_id", "line_key", name="pk_purchase_line"),
    )
    op.create_index("ix_purchase_line__bought_on", "purchase_line", ["institution_id", "bought_on"], unique=False)

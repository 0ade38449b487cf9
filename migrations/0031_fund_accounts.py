"""Statements with their account; which account holds the prepayments; one look at both kinds of slips; plans once."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
APPEND_ONLY = ("fund_prepay_account", "fund_quiet_month")


def upgrade() -> None:
    """Columns and tables first, then what each database refuses by itself, from the file beside this one."""
    op.add_column("fund_statement", sa.Column("account", sa.String(length=40), nullable=False, server_default=""))
    for name in ("first_on", "last_on"):
        op.add_column("fund_statement", sa.Column(name, sa.Date(), nullable=True))
    op.add_column("fund_month", sa.Column("document_key", sa.Text(), nullable=False, server_default=""))
    _tables()
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0031_fund_accounts_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        for table in APPEND_ONLY:
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    for table in APPEND_ONLY:
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


def _tables() -> None:
    # Without a rowid there is no second key that INSERT OR REPLACE could name to push a row out past its triggers.
    op.create_table(
        "fund_prepay_account",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("step_no", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("named_by", sa.String(length=40), nullable=False),
        sa.Column("named_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "length(trim(account)) > 0 AND length(trim(ground)) > 0", name="ck_fund_prepay_account__with_a_ground"
        ),
        sa.PrimaryKeyConstraint("institution_id", "step_no", name="pk_fund_prepay_account"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "fund_quiet_month",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("step_no", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("quiet", sa.Boolean(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("said_by", sa.String(length=40), nullable=False),
        sa.Column("said_at", MOMENT, nullable=False),
        sa.CheckConstraint("kind IN ('agency', 'bank')", name="ck_fund_quiet_month__kind"),
        sa.CheckConstraint("length(trim(ground)) > 0", name="ck_fund_quiet_month__with_a_ground"),
        sa.PrimaryKeyConstraint("institution_id", "period", "kind", "step_no", name="pk_fund_quiet_month"),
        sqlite_with_rowid=False,
    )

"""What the database holds of the restricted fund beside its books: who made a row, and that nothing runs twice or late."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Whose name each row begins with. What files bring in and what the scheduler keeps are nobody's step.
MAKERS = {
    "fund_application": "applied_by",
    "fund_application_evidence": "recorded_by",
    "fund_bank_evidence": "recorded_by",
    "fund_counted": "said_by",
    "fund_disclosure": "recorded_by",
    "fund_distribution": "asked_by",
    "fund_distribution_return": "recorded_by",
    "fund_distribution_use": "recorded_by",
    "fund_duty_closure": "recorded_by",
    "fund_emergency": "recorded_by",
    "fund_evidence": "recorded_by",
    "fund_grant": "applied_by",
    "fund_incident": "recorded_by",
    "fund_match": "made_by",
    "fund_module_step": "recorded_by",
    "fund_month": "recorded_by",
    "fund_period_step": "taken_by",
    "fund_place": "proposed_by",
    "fund_procurement": "recorded_by",
    "fund_recall": "recorded_by",
    "fund_request": "asked_by",
    "fund_settlement": "recorded_by",
    "fund_write_off": "recorded_by",
}
# Another system may ask for a payment, too: the interface lets it.
BY_SYSTEMS = ("fund_request",)


def upgrade() -> None:
    """The triggers of each database, from the file beside this one."""
    offsets = sa.text("kind = 'fund_offset'")
    op.create_index(
        "ix_ledger_entry__fund_offset",
        "ledger_entry",
        ["institution_id", "summary"],
        sqlite_where=offsets,
        postgresql_where=offsets,
    )
    _take_returns()
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0018_fund_makers_{dialect}.sql").read_text("utf-8")
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    if dialect == "postgresql":
        driver.execute(text)
        for table, column in MAKERS.items():
            driver.execute(
                f"CREATE TRIGGER {table}_by_somebody BEFORE INSERT ON {table} "
                f"FOR EACH ROW EXECUTE FUNCTION fund_maker('{column}', '{table in BY_SYSTEMS}')"
            )
        return
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        driver.execute(statement)
    for table, column in MAKERS.items():
        known = [("staff_user", "user_id"), *([("api_client", "client_id")] if table in BY_SYSTEMS else [])]
        missing = " AND ".join(
            f"NOT EXISTS (SELECT 1 FROM {people} p WHERE p.institution_id = NEW.institution_id "
            f"AND p.{key} = NEW.{column})"
            for people, key in known
        )
        driver.execute(
            f"CREATE TRIGGER {table}_by_somebody BEFORE INSERT ON {table} BEGIN "
            f"SELECT RAISE(ABORT, 'maker: {table}') WHERE {missing}; END"
        )


def _take_returns() -> None:
    """A purchase given back to its supplier stands as a line below zero."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("ck_purchase_line__amount_above_zero", "purchase_line", type_="check")
        op.create_check_constraint("ck_purchase_line__amount_not_zero", "purchase_line", "amount_fen <> 0")
        return
    # SQLite changes no constraint; a table that is dropped takes its index and triggers with it.
    op.rename_table("purchase_line", "purchase_line_0012")
    op.create_table(
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
        sa.Column("imported_at", sa.String(length=32), nullable=False),
        sa.CheckConstraint("kind IN ('drug', 'consumable')", name="ck_purchase_line__kind"),
        sa.CheckConstraint("amount_fen <> 0", name="ck_purchase_line__amount_not_zero"),
        sa.PrimaryKeyConstraint("institution_id", "line_key", name="pk_purchase_line"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO purchase_line SELECT * FROM purchase_line_0012")
    op.drop_table("purchase_line_0012")
    op.create_index("ix_purchase_line__bought_on", "purchase_line", ["institution_id", "bought_on"], unique=False)
    key = "x.institution_id IS NEW.institution_id AND x.line_key IS NEW.line_key"
    same = f"EXISTS (SELECT 1 FROM purchase_line x WHERE {key})"
    for event, when in (
        ("no_update BEFORE UPDATE", "true"),
        ("no_delete BEFORE DELETE", "true"),
        ("no_replacement BEFORE INSERT", same),
    ):
        op.execute(
            f"CREATE TRIGGER purchase_line_{event} ON purchase_line BEGIN "
            f"SELECT RAISE(ABORT, 'append_only: purchase_line') WHERE {when}; END"
        )


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")

"""Applications of the restricted fund with their evidence; the platform module; procurement prepayment; members."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
MODULE_STEPS = "'submitted', 'accepted', 'first_review', 'second_review', 'paid_out', 'recovered', 'sent_back'"
# Appended to and never changed; the key by columns. Only a distribution walks: its triggers stand beside.
APPEND_ONLY = {
    "fund_emergency": ("emergency_id",),
    "fund_application": ("decision_id",),
    "fund_application_evidence": ("decision_id", "item"),
    "fund_module_step": ("grant_id", "step_no"),
    "fund_procurement": ("grant_id",),
    "fund_distribution_return": ("distribution_id", "return_no"),
    "fund_distribution_use": ("distribution_id", "use_no"),
}


def upgrade() -> None:
    """Tables first, then what each database refuses by itself."""
    _tables()
    op.add_column("fund_request_line", sa.Column("batch", sa.Text(), nullable=False, server_default=""))
    op.create_index(
        "uq_ledger_entry__fund_distribution",
        "ledger_entry",
        ["institution_id", "source"],
        unique=True,
        sqlite_where=sa.text("kind = 'fund_distribution'"),
        postgresql_where=sa.text("kind = 'fund_distribution'"),
    )
    folder = Path(__file__).parent
    if op.get_bind().dialect.name == "postgresql":
        for table in APPEND_ONLY:
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        _run((folder / "0010_fund_application_postgresql.sql").read_text("utf-8"))
        return
    for table, key in APPEND_ONLY.items():
        same = " AND ".join(f"t.{column} IS NEW.{column}" for column in ("institution_id", *key))
        _run(
            f"CREATE TRIGGER {table}_once BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'append_only: {table}') "
            f"WHERE EXISTS (SELECT 1 FROM {table} t WHERE {same}); END"
        )
        for event in ("UPDATE", "DELETE"):
            _run(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, 'append_only: {table}'); END"
            )
    for trigger in ("ledger_account_fund", "ledger_entry_fund"):
        _run(f"DROP TRIGGER {trigger}")
    text = (folder / "0010_fund_application_sqlite.sql").read_text("utf-8")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _create_table(name: str, *parts: sa.schema.SchemaItem) -> None:
    # Without a rowid there is no second key that INSERT OR REPLACE could name to push a row out past its triggers.
    op.create_table(name, *parts, sqlite_with_rowid=False)


def _of_grant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["institution_id", "grant_id"],
        ["fund_grant.institution_id", "fund_grant.grant_id"],
        name=f"fk_{table}__fund_grant",
    )


def _tables() -> None:
    _create_table(
        "fund_emergency",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("emergency_id", sa.String(length=36), nullable=False),
        sa.Column("regime", sa.String(length=40), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("adjusts", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint("length(document) > 0", name="ck_fund_emergency__document"),
        sa.PrimaryKeyConstraint("institution_id", "emergency_id", name="pk_fund_emergency"),
    )
    _create_table(
        "fund_application",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("regime", sa.String(length=40), nullable=False),
        sa.Column("pool_region", sa.Text(), nullable=False),
        sa.Column("fund", sa.String(length=10), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=9), nullable=False),
        sa.Column("base_fen", sa.BigInteger(), nullable=True),
        sa.Column("months", sa.String(length=20), nullable=True),
        sa.Column("quota_fen", sa.BigInteger(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("emergency_id", sa.String(length=36), nullable=True),
        sa.Column("applied_by", sa.String(length=40), nullable=False),
        sa.Column("applied_at", MOMENT, nullable=False),
        sa.CheckConstraint("fund IN ('all', 'employee', 'resident')", name="ck_fund_application__fund"),
        sa.CheckConstraint("outcome IN ('permitted', 'held', 'refused')", name="ck_fund_application__outcome"),
        sa.CheckConstraint("amount_fen > 0", name="ck_fund_application__amount_above_zero"),
        sa.ForeignKeyConstraint(
            ["institution_id", "emergency_id"],
            ["fund_emergency.institution_id", "fund_emergency.emergency_id"],
            name="fk_fund_application__fund_emergency",
        ),
        sa.PrimaryKeyConstraint("institution_id", "decision_id", name="pk_fund_application"),
    )
    _create_table(
        "fund_application_evidence",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("item", sa.String(length=40), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("recall_grounds", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint("length(document) > 0", name="ck_fund_application_evidence__document"),
        sa.CheckConstraint(
            "recall_grounds = '' OR item = 'agreement'", name="ck_fund_application_evidence__grounds_of_the_agreement"
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "decision_id"],
            ["fund_application.institution_id", "fund_application.decision_id"],
            name="fk_fund_application_evidence__fund_application",
        ),
        sa.PrimaryKeyConstraint("institution_id", "decision_id", "item", name="pk_fund_application_evidence"),
    )
    _create_table(
        "fund_module_step",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("grant_id", sa.String(length=36), nullable=False),
        sa.Column("step_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("module_no", sa.Text(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint(f"step IN ({MODULE_STEPS})", name="ck_fund_module_step__step"),
        sa.CheckConstraint("length(module_no) > 0", name="ck_fund_module_step__module_no"),
        _of_grant("fund_module_step"),
        sa.PrimaryKeyConstraint("institution_id", "grant_id", "step_no", name="pk_fund_module_step"),
    )
    _create_table(
        "fund_procurement",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("grant_id", sa.String(length=36), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("batch", sa.Text(), nullable=False),
        sa.Column("return_on", sa.Date(), nullable=True),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint("length(document) > 0", name="ck_fund_procurement__document"),
        _of_grant("fund_procurement"),
        sa.PrimaryKeyConstraint("institution_id", "grant_id", name="pk_fund_procurement"),
    )
    _create_table(
        "fund_distribution",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("distribution_id", sa.String(length=36), nullable=False),
        sa.Column("grant_id", sa.String(length=36), nullable=False),
        sa.Column("member_code", sa.String(length=12), nullable=False),
        sa.Column("member_name", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked_by", sa.String(length=40), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.CheckConstraint("amount_fen > 0", name="ck_fund_distribution__amount_above_zero"),
        sa.CheckConstraint("member_code <> institution_id", name="ck_fund_distribution__member_is_another"),
        sa.CheckConstraint("length(document) > 0", name="ck_fund_distribution__document"),
        sa.CheckConstraint("state IN ('asked', 'approved', 'rejected')", name="ck_fund_distribution__state"),
        sa.CheckConstraint(
            "state = 'asked' OR (decided_by IS NOT NULL AND decided_by <> asked_by)",
            name="ck_fund_distribution__second_person",
        ),
        _of_grant("fund_distribution"),
        sa.PrimaryKeyConstraint("institution_id", "distribution_id", name="pk_fund_distribution"),
    )
    _create_table(
        "fund_distribution_return",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("distribution_id", sa.String(length=36), nullable=False),
        sa.Column("return_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("bank_reference", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint("amount_fen > 0", name="ck_fund_distribution_return__amount_above_zero"),
        _of_distribution("fund_distribution_return"),
        sa.PrimaryKeyConstraint("institution_id", "distribution_id", "return_no", name="pk_fund_distribution_return"),
    )
    _create_table(
        "fund_distribution_use",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("distribution_id", sa.String(length=36), nullable=False),
        sa.Column("use_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("order_no", sa.String(length=80), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint("amount_fen > 0", name="ck_fund_distribution_use__amount_above_zero"),
        sa.CheckConstraint("category IN ('consumable', 'drug')", name="ck_fund_distribution_use__medical"),
        sa.CheckConstraint("length(document) > 0", name="ck_fund_distribution_use__document"),
        _of_distribution("fund_distribution_use"),
        sa.PrimaryKeyConstraint("institution_id", "distribution_id", "use_no", name="pk_fund_distribution_use"),
    )


def _of_distribution(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["institution_id", "distribution_id"],
        ["fund_distribution.institution_id", "fund_distribution.distribution_id"],
        name=f"fk_{table}__fund_distribution",
    )

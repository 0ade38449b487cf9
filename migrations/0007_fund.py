"""The restricted fund: grants, requests with their lines and evidence, and the books' own lock on its money."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
APPEND_ONLY = ("fund_evidence", "fund_request_line")
KEPT = ("fund_grant", "fund_request")
MEDICAL = "'consumable', 'drug'"
GREY = "'blood', 'outsourced_test', 'oxygen', 'reagent', 'supplier_arrears'"


def upgrade() -> None:
    """Tables first, then what each database refuses by itself."""
    _tables()
    op.add_column("ledger_account", sa.Column("fund", sa.String(length=60), nullable=False, server_default=""))
    op.create_index(
        "uq_ledger_entry__fund_payment",
        "ledger_entry",
        ["institution_id", "source"],
        unique=True,
        sqlite_where=sa.text("kind = 'fund_payment'"),
        postgresql_where=sa.text("kind = 'fund_payment'"),
    )
    folder = Path(__file__).parent
    if op.get_bind().dialect.name == "postgresql":
        _run((folder / "0007_fund_postgresql.sql").read_text("utf-8"))
        for table in (*APPEND_ONLY, *KEPT):
            events = "UPDATE OR DELETE OR TRUNCATE" if table in APPEND_ONLY else "DELETE OR TRUNCATE"
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE {events} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    text = (folder / "0007_fund_sqlite.sql").read_text("utf-8")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    for table in (*APPEND_ONLY, *KEPT):
        for event in ("UPDATE", "DELETE") if table in APPEND_ONLY else ("DELETE",):
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


def _create_table(name: str, *parts: sa.schema.SchemaItem) -> None:
    # Without a rowid there is no second key that INSERT OR REPLACE could name to push a row out past its triggers.
    op.create_table(name, *parts, sqlite_with_rowid=False)


def _tables() -> None:
    _create_table(
        "fund_grant",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("grant_id", sa.String(length=36), nullable=False),
        sa.Column("regime", sa.String(length=40), nullable=False),
        sa.Column("pool_region", sa.Text(), nullable=False),
        sa.Column("fund", sa.String(length=10), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("applied_fen", sa.BigInteger(), nullable=False),
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("applied_by", sa.String(length=40), nullable=False),
        sa.Column("applied_at", MOMENT, nullable=False),
        sa.Column("module_no", sa.Text(), nullable=False),
        sa.Column("approved_fen", sa.BigInteger(), nullable=True),
        sa.Column("approved_on", sa.Date(), nullable=True),
        sa.Column("approval_document", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=True),
        sa.Column("recorded_at", MOMENT, nullable=True),
        sa.Column("withheld_ground", sa.Text(), nullable=False),
        sa.Column("cleared_at", MOMENT, nullable=True),
        sa.CheckConstraint("fund IN ('all', 'employee', 'resident')", name="ck_fund_grant__fund"),
        sa.CheckConstraint("kind IN ('basic', 'procurement')", name="ck_fund_grant__kind"),
        sa.CheckConstraint(
            "state IN ('applied', 'approved', 'withheld', 'received', 'cleared', 'declined')",
            name="ck_fund_grant__state",
        ),
        sa.CheckConstraint("applied_fen > 0", name="ck_fund_grant__applied_above_zero"),
        sa.CheckConstraint(
            "state IN ('applied', 'declined') OR (approved_fen > 0 AND approved_on IS NOT NULL"
            " AND recorded_by IS NOT NULL)",
            name="ck_fund_grant__approved_with_evidence",
        ),
        sa.CheckConstraint("recorded_by IS NULL OR recorded_by <> applied_by", name="ck_fund_grant__second_person"),
        sa.PrimaryKeyConstraint("institution_id", "grant_id", name="pk_fund_grant"),
        sa.UniqueConstraint(
            "institution_id", "regime", "pool_region", "fund", "year", "kind", name="uq_fund_grant__one"
        ),
    )
    _create_table(
        "fund_request",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("grant_id", sa.String(length=36), nullable=False),
        sa.Column("payee_name", sa.Text(), nullable=False),
        sa.Column("payee_credit_code", sa.String(length=18), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("asked_by", sa.String(length=40), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("grounded_by", sa.String(length=40), nullable=True),
        sa.Column("department_by", sa.String(length=40), nullable=True),
        sa.Column("department_at", MOMENT, nullable=True),
        sa.Column("finance_by", sa.String(length=40), nullable=True),
        sa.Column("finance_at", MOMENT, nullable=True),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("paid_by", sa.String(length=40), nullable=True),
        sa.Column("paid_at", MOMENT, nullable=True),
        sa.Column("bank_reference", sa.Text(), nullable=False),
        sa.Column("ended_by", sa.String(length=40), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_ground", sa.Text(), nullable=False),
        sa.CheckConstraint("total_fen > 0", name="ck_fund_request__total_above_zero"),
        sa.CheckConstraint(
            "state IN ('refused', 'asked', 'department', 'reserved', 'paid', 'evidenced', 'rejected', 'released')",
            name="ck_fund_request__state",
        ),
        sa.CheckConstraint(
            "state NOT IN ('department', 'reserved', 'paid', 'evidenced') OR (department_by IS NOT NULL"
            " AND department_by <> asked_by)",
            name="ck_fund_request__department_is_another",
        ),
        sa.CheckConstraint(
            "state NOT IN ('reserved', 'paid', 'evidenced') OR (finance_by IS NOT NULL AND finance_by <> asked_by"
            " AND finance_by <> department_by)",
            name="ck_fund_request__finance_is_another",
        ),
        sa.CheckConstraint(
            "state NOT IN ('paid', 'evidenced') OR (paid_by IS NOT NULL AND paid_by <> finance_by"
            " AND length(bank_reference) > 0)",
            name="ck_fund_request__payer_is_another",
        ),
        sa.CheckConstraint(
            "NOT held OR state NOT IN ('department', 'reserved', 'paid', 'evidenced') OR (length(ground) > 0"
            " AND grounded_by IS NOT NULL AND grounded_by <> asked_by"
            " AND (finance_by IS NULL OR grounded_by <> finance_by))",
            name="ck_fund_request__held_needs_two_and_a_ground",
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "grant_id"],
            ["fund_grant.institution_id", "fund_grant.grant_id"],
            name="fk_fund_request__fund_grant",
        ),
        sa.PrimaryKeyConstraint("institution_id", "request_id", name="pk_fund_request"),
    )
    op.create_index("ix_fund_request__grant", "fund_request", ["institution_id", "grant_id", "state"], unique=False)
    _create_table(
        "fund_request_line",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("line_no", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("order_no", sa.String(length=80), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=9), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name="ck_fund_request_line__amount_above_zero"),
        sa.CheckConstraint("outcome IN ('permitted', 'held', 'refused')", name="ck_fund_request_line__outcome"),
        sa.CheckConstraint(
            f"outcome <> 'permitted' OR category IN ({MEDICAL})", name="ck_fund_request_line__permitted_is_medical"
        ),
        sa.CheckConstraint(
            f"outcome <> 'held' OR category IN ({MEDICAL}, {GREY})",
            name="ck_fund_request_line__held_is_medical_or_grey",
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "request_id"],
            ["fund_request.institution_id", "fund_request.request_id"],
            name="fk_fund_request_line__fund_request",
        ),
        sa.PrimaryKeyConstraint("institution_id", "request_id", "line_no", name="pk_fund_request_line"),
    )
    _create_table(
        "fund_evidence",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("line_no", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("invoice_no", sa.String(length=40), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint("amount_fen > 0", name="ck_fund_evidence__amount_above_zero"),
        sa.ForeignKeyConstraint(
            ["institution_id", "request_id", "line_no"],
            ["fund_request_line.institution_id", "fund_request_line.request_id", "fund_request_line.line_no"],
            name="fk_fund_evidence__fund_request_line",
        ),
        sa.PrimaryKeyConstraint("institution_id", "request_id", "line_no", "invoice_no", name="pk_fund_evidence"),
    )

"""The duties of the restricted fund: places, closures, reminders, the shared account's figure, calendars."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
APPEND_ONLY = ("fund_account_check", "fund_duty_closure", "fund_reminder")
KEPT = ("fund_calendar", "fund_place")


def upgrade() -> None:
    """Tables first, then what each database refuses by itself."""
    _tables()
    folder = Path(__file__).parent
    if op.get_bind().dialect.name == "postgresql":
        _run((folder / "0009_fund_duties_postgresql.sql").read_text("utf-8"))
        for table in (*APPEND_ONLY, *KEPT):
            events = "UPDATE OR DELETE OR TRUNCATE" if table in APPEND_ONLY else "DELETE OR TRUNCATE"
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE {events} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    text = (folder / "0009_fund_duties_sqlite.sql").read_text("utf-8")
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
        "fund_place",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("place_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("regime", sa.String(length=40), nullable=False),
        sa.Column("pool_region", sa.Text(), nullable=False),
        sa.Column("from_year", sa.Integer(), nullable=False),
        sa.Column("stands", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("proposed_by", sa.String(length=40), nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.CheckConstraint("state IN ('proposed', 'confirmed', 'declined')", name="ck_fund_place__state"),
        sa.CheckConstraint(
            "length(pool_region) > 0 AND from_year BETWEEN 2000 AND 2100", name="ck_fund_place__named"
        ),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_by IS NULL) AND (decided_by IS NULL OR decided_by <> proposed_by)",
            name="ck_fund_place__second_person",
        ),
        sa.PrimaryKeyConstraint("institution_id", "place_no", name="pk_fund_place"),
    )
    _create_table(
        "fund_duty_closure",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("duty_key", sa.Text(), nullable=False),
        sa.Column("step_no", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=14), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.String(length=36), nullable=True),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint("kind IN ('done', 'not_applicable', 'withdrawn')", name="ck_fund_duty_closure__kind"),
        sa.CheckConstraint(
            "step_no > 0 AND (kind = 'withdrawn') = (step_no % 2 = 0)", name="ck_fund_duty_closure__in_turn"
        ),
        sa.CheckConstraint(
            "(kind = 'done') = (done_on IS NOT NULL) AND length(words) > 0", name="ck_fund_duty_closure__evidenced"
        ),
        sa.CheckConstraint("(kind = 'withdrawn') = (decision_id IS NULL)", name="ck_fund_duty_closure__decided"),
        sa.PrimaryKeyConstraint("institution_id", "duty_key", "step_no", name="pk_fund_duty_closure"),
    )
    _create_table(
        "fund_reminder",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("duty_key", sa.Text(), nullable=False),
        sa.Column("stage", sa.String(length=12), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("reminded_on", sa.Date(), nullable=False),
        sa.Column("reminded_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "duty_key", "stage", name="pk_fund_reminder"),
    )
    _create_table(
        "fund_account_check",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("general_fen", sa.BigInteger(), nullable=False),
        sa.Column("restricted_fen", sa.BigInteger(), nullable=False),
        sa.Column("checked_at", MOMENT, nullable=False),
        sa.CheckConstraint("restricted_fen >= 0", name="ck_fund_account_check__restricted_from_zero"),
        sa.PrimaryKeyConstraint("institution_id", "business_date", name="pk_fund_account_check"),
    )
    _create_table(
        "fund_calendar",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("user_id", sa.String(length=40), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("institution_id", "token_hash", name="pk_fund_calendar"),
    )
    op.create_index(
        "uq_fund_calendar__one_live",
        "fund_calendar",
        ["institution_id", "user_id"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_index("ix_fund_calendar__token_hash", "fund_calendar", ["token_hash"], unique=False)

"""Beside the clocks: reasons and excuses, who was told of what, counts of other systems; indexes for reports."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
APPEND_ONLY = ("escalation", "channel_count")


def upgrade() -> None:
    """Tables first, then what each database refuses by itself."""
    _lateness()
    _escalation()
    _channel_count()
    _indexes()
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0059_watch_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        kept = [*((one, "UPDATE OR DELETE OR TRUNCATE") for one in APPEND_ONLY), ("lateness", "DELETE OR TRUNCATE")]
        for table, events in kept:
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE {events} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    both = [(one, event) for one in APPEND_ONLY for event in ("UPDATE", "DELETE")]
    for table, event in (*both, ("lateness", "DELETE")):
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


def _indexes() -> None:
    op.create_index(
        "ix_discharge__reported",
        "discharge",
        [
            "institution_id",
            "discharged_at",
            "stay_no",
            "ward",
            "insured_class",
            "due_on",
            "expected_on",
            "target_at",
            "settled_at",
        ],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_discharge__settled",
        "discharge",
        ["institution_id", "settled_at"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL AND settled_at IS NOT NULL"),
        postgresql_where=sa.text("ended_at IS NULL AND settled_at IS NOT NULL"),
    )


def _lateness() -> None:
    op.create_table(
        "lateness",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("discharged_at", MOMENT, nullable=False),
        sa.Column("lateness_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reason_code", sa.String(length=20), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("written_by", sa.String(length=40), nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.Column("excuse", sa.String(length=8), nullable=False),
        sa.Column("asked_by", sa.String(length=40), nullable=True),
        sa.Column("asked_at", MOMENT, nullable=True),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("decision_id", sa.String(length=36), nullable=True),
        sa.CheckConstraint(
            "(excuse = 'none') = (asked_by IS NULL) AND (asked_by IS NULL) = (asked_at IS NULL)",
            name=op.f("ck_lateness__asked"),
        ),
        sa.CheckConstraint(
            "(excuse IN ('accepted', 'refused')) = (decided_by IS NOT NULL) AND (decided_by IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_lateness__decided"),
        ),
        sa.CheckConstraint("excuse <> 'accepted' OR decision_id IS NOT NULL", name=op.f("ck_lateness__by_rule")),
        sa.CheckConstraint(
            "excuse <> 'refused' OR coalesce(length(answer), 0) > 0", name=op.f("ck_lateness__refused_in_words")
        ),
        sa.CheckConstraint("excuse IN ('none', 'asked', 'accepted', 'refused')", name=op.f("ck_lateness__excuse")),
        sa.CheckConstraint(
            "reason_code IN ('insurance_down', 'insurance_review', 'third_party_case', 'patient_absent', 'patient_papers', 'costs_disputed', 'own_records', 'own_billing', 'own_staff', 'own_system', 'other')",
            name=op.f("ck_lateness__reason"),
        ),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> asked_by", name=op.f("ck_lateness__second_person")),
        sa.CheckConstraint("length(words) > 0", name=op.f("ck_lateness__in_words")),
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no", "discharged_at"],
            ["discharge.institution_id", "discharge.stay_no", "discharge.discharged_at"],
            name="fk_lateness__discharge",
        ),
        sa.PrimaryKeyConstraint(
            "institution_id", "stay_no", "discharged_at", "lateness_no", name=op.f("pk_lateness")
        ),
    )
    op.create_index(
        "ix_lateness__asked",
        "lateness",
        ["institution_id", "asked_at"],
        unique=False,
        sqlite_where=sa.text("excuse = 'asked'"),
        postgresql_where=sa.text("excuse = 'asked'"),
    )


def _escalation() -> None:
    op.create_table(
        "escalation",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("discharged_at", MOMENT, nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("stage", sa.String(length=9), nullable=False),
        sa.Column("expected_on", sa.Date(), nullable=False),
        sa.Column("raised_on", sa.Date(), nullable=False),
        sa.Column("raised_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "level IN ('day_before', 'due_day', 'late', 'very_late')", name=op.f("ck_escalation__level")
        ),
        sa.CheckConstraint("stage IN ('ward', 'audit', 'insurance', 'cashier')", name=op.f("ck_escalation__stage")),
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no", "discharged_at"],
            ["discharge.institution_id", "discharge.stay_no", "discharge.discharged_at"],
            name="fk_escalation__discharge",
        ),
        sa.PrimaryKeyConstraint("institution_id", "stay_no", "discharged_at", "level", name=op.f("pk_escalation")),
    )


def _channel_count() -> None:
    op.create_table(
        "channel_count",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("service", sa.String(length=12), nullable=False),
        sa.Column("channel", sa.String(length=7), nullable=False),
        sa.Column("count_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("written_by", sa.String(length=40), nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.CheckConstraint("channel IN ('bedside', 'online', 'window')", name=op.f("ck_channel_count__channel")),
        sa.CheckConstraint(
            "service IN ('admission', 'registration', 'query')", name=op.f("ck_channel_count__service")
        ),
        sa.CheckConstraint("length(period) = 7", name=op.f("ck_channel_count__period")),
        sa.CheckConstraint("length(source) > 0", name=op.f("ck_channel_count__source")),
        sa.CheckConstraint("number >= 0", name=op.f("ck_channel_count__number")),
        sa.PrimaryKeyConstraint(
            "institution_id", "period", "service", "channel", "count_no", name=op.f("pk_channel_count")
        ),
    )

"""Discharges: the messages of visits, the clocks of article 19, and who must do what next."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
APPEND_ONLY = ("patient_merge", "discharge_clock", "discharge_step")
KEPT = ("visit_message", "discharge")
# Of a stay what nobody changes. Its patient's name and sex follow what was said of the visit: see the triggers.
FIXED = "institution_id, stay_no, admitted_at, registered_by, registered_at"


def upgrade() -> None:
    """Tables first, then what each database refuses by itself."""
    op.add_column("stay", sa.Column("cancelled_at", MOMENT, nullable=True))
    op.add_column("stay", sa.Column("patient_no", sa.String(length=80), nullable=True))
    _visit_message()
    _patient_merge()
    _discharge()
    _discharge_clock()
    _discharge_step()
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0055_settlement_{dialect}.sql").read_text("utf-8")
    _run("DROP TRIGGER stay_is_fixed" + (" ON stay" if dialect == "postgresql" else ""))
    if dialect == "postgresql":
        _run(text)
        _run(
            f"CREATE TRIGGER stay_is_fixed BEFORE UPDATE OF {FIXED} ON stay "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        kept = [*((one, "UPDATE OR DELETE OR TRUNCATE") for one in APPEND_ONLY)]
        for table, events in (*kept, *((one, "DELETE OR TRUNCATE") for one in KEPT)):
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE {events} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    _run(
        f"CREATE TRIGGER stay_is_fixed BEFORE UPDATE OF {FIXED} ON stay BEGIN "
        "SELECT RAISE(ABORT, 'append_only: stay'); END"
    )
    both = [(one, event) for one in APPEND_ONLY for event in ("UPDATE", "DELETE")]
    for table, event in (*both, *((one, "DELETE") for one in KEPT)):
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


def _visit_message() -> None:
    op.create_table(
        "visit_message",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=6), nullable=False),
        sa.Column("sender", sa.String(length=80), nullable=False),
        sa.Column("control_no", sa.String(length=80), nullable=False),
        sa.Column("sequence_no", sa.BigInteger(), nullable=True),
        sa.Column("event", sa.String(length=20), nullable=False),
        sa.Column("visit_no", sa.String(length=80), nullable=True),
        sa.Column("occurred_at", MOMENT, nullable=True),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("facts_enc", sa.Text(), nullable=True),
        sa.Column("raw_enc", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=11), nullable=False),
        sa.Column("reason_code", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("received_by", sa.String(length=40), nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "source IN ('mllp', 'folder', 'api', 'csv', 'hand')", name=op.f("ck_visit_message__source")
        ),
        sa.CheckConstraint(
            "state <> 'applied' OR (visit_no IS NOT NULL AND occurred_at IS NOT NULL AND sent_at IS NOT NULL AND facts_enc IS NOT NULL)",
            name=op.f("ck_visit_message__applied_says_what"),
        ),
        sa.CheckConstraint(
            "state <> 'quarantined' OR length(reason) > 0", name=op.f("ck_visit_message__aside_says_why")
        ),
        sa.CheckConstraint("state IN ('applied', 'quarantined', 'dropped')", name=op.f("ck_visit_message__state")),
        sa.PrimaryKeyConstraint("institution_id", "message_id", name=op.f("pk_visit_message")),
        sa.UniqueConstraint("institution_id", "digest", name=op.f("uq_visit_message__institution_id_digest")),
    )
    op.create_index(
        "ix_visit_message__aside",
        "visit_message",
        ["institution_id", "received_at"],
        unique=False,
        sqlite_where=sa.text("state = 'quarantined'"),
        postgresql_where=sa.text("state = 'quarantined'"),
    )
    op.create_index("ix_visit_message__received", "visit_message", ["institution_id", "received_at"], unique=False)
    op.create_index("ix_visit_message__visit", "visit_message", ["institution_id", "visit_no"], unique=False)


def _patient_merge() -> None:
    op.create_table(
        "patient_merge",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("from_no", sa.String(length=80), nullable=False),
        sa.Column("into_no", sa.String(length=80), nullable=False),
        sa.Column("occurred_at", MOMENT, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "digest", name=op.f("pk_patient_merge")),
    )


def _discharge() -> None:
    op.create_table(
        "discharge",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("discharged_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.String(length=20), nullable=True),
        sa.Column("disposition", sa.String(length=20), nullable=False),
        sa.Column("ward", sa.Text(), nullable=False),
        sa.Column("insured_class", sa.String(length=10), nullable=False),
        sa.Column("clock_no", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("target_at", MOMENT, nullable=True),
        sa.Column("stage", sa.String(length=9), nullable=False),
        sa.Column("stage_since", MOMENT, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("step_no", sa.Integer(), nullable=False),
        sa.Column("settled_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "insured_class IN ('employee', 'resident', 'self_pay')", name=op.f("ck_discharge__insured_class")
        ),
        sa.CheckConstraint(
            "stage IN ('ward', 'audit', 'insurance', 'cashier', 'invoice', 'done')", name=op.f("ck_discharge__stage")
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_discharge__ended_by_something")),
        sa.CheckConstraint("due_on IS NULL OR expected_on = due_on", name=op.f("ck_discharge__due_as_expected")),
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no"], ["stay.institution_id", "stay.stay_no"], name="fk_discharge__stay"
        ),
        sa.PrimaryKeyConstraint("institution_id", "stay_no", "discharged_at", name=op.f("pk_discharge")),
    )
    op.create_index("ix_discharge__discharged_at", "discharge", ["institution_id", "discharged_at"], unique=False)
    op.create_index(
        "ix_discharge__open",
        "discharge",
        ["institution_id", "expected_on", "discharged_at", "stay_no", "stage", "ward", "insured_class"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL AND settled_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL AND settled_at IS NULL"),
    )
    op.create_index(
        "uq_discharge__standing",
        "discharge",
        ["institution_id", "stay_no"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _discharge_clock() -> None:
    op.create_table(
        "discharge_clock",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("discharged_at", MOMENT, nullable=False),
        sa.Column("clock_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("target_at", MOMENT, nullable=True),
        sa.Column("working_days", sa.Integer(), nullable=True),
        sa.Column("target_hours", sa.Integer(), nullable=True),
        sa.Column("calendar_version", sa.String(length=64), nullable=False),
        sa.Column("rule_version", sa.String(length=40), nullable=False),
        sa.Column("moment_reading", sa.String(length=40), nullable=False),
        sa.Column("cause", sa.String(length=10), nullable=False),
        sa.Column("set_by", sa.String(length=40), nullable=False),
        sa.Column("set_at", MOMENT, nullable=False),
        sa.CheckConstraint("cause IN ('discharged', 'calendar', 'ordered')", name=op.f("ck_discharge_clock__cause")),
        sa.CheckConstraint(
            "due_on IS NULL OR expected_on = due_on", name=op.f("ck_discharge_clock__due_as_expected")
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no", "discharged_at"],
            ["discharge.institution_id", "discharge.stay_no", "discharge.discharged_at"],
            name="fk_discharge_clock__discharge",
        ),
        sa.PrimaryKeyConstraint(
            "institution_id", "stay_no", "discharged_at", "clock_no", name=op.f("pk_discharge_clock")
        ),
    )


def _discharge_step() -> None:
    op.create_table(
        "discharge_step",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("discharged_at", MOMENT, nullable=False),
        sa.Column("step_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("from_stage", sa.String(length=9), nullable=False),
        sa.Column("to_stage", sa.String(length=9), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("taken_by", sa.String(length=40), nullable=False),
        sa.Column("taken_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "from_stage IN ('ward', 'audit', 'insurance', 'cashier', 'invoice', 'done') AND to_stage IN ('ward', 'audit', 'insurance', 'cashier', 'invoice', 'done')",
            name=op.f("ck_discharge_step__stages"),
        ),
        sa.CheckConstraint(
            "from_stage <> to_stage OR length(note) > 0", name=op.f("ck_discharge_step__remark_with_words")
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no", "discharged_at"],
            ["discharge.institution_id", "discharge.stay_no", "discharge.discharged_at"],
            name="fk_discharge_step__discharge",
        ),
        sa.PrimaryKeyConstraint(
            "institution_id", "stay_no", "discharged_at", "step_no", name=op.f("pk_discharge_step")
        ),
    )

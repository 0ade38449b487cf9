"""Alarms on outpatient claims: what was noticed, why it was confirmed all the same, and the cards of staff."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
APPEND_ONLY = ("outpatient_alarm", "outpatient_alarm_answer")
CLAIM = ["outpatient_claim.institution_id", "outpatient_claim.claim_id"]


def upgrade() -> None:
    """Tables first, then what each database refuses by itself."""
    _outpatient_alarm()
    _outpatient_alarm_answer()
    _outpatient_staff_card()
    op.create_index(
        "ix_outpatient_claim__accepted", "outpatient_claim", ["institution_id", "accepted_by", "accepted_at"]
    )
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0025_outpatient_alarms_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        for table, events in (*((one, "UPDATE OR DELETE OR TRUNCATE") for one in APPEND_ONLY), (_CARD, _KEPT)):
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE {events} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    for table, event in (*((one, what) for one in APPEND_ONLY for what in ("UPDATE", "DELETE")), (_CARD, "DELETE")):
        _run(
            f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} BEGIN "
            f"SELECT RAISE(ABORT, 'append_only: {table}'); END"
        )


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


_CARD = "outpatient_staff_card"
_KEPT = "DELETE OR TRUNCATE"


def _run(statement: str) -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _outpatient_alarm() -> None:
    op.create_table(
        "outpatient_alarm",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("claim_id", sa.String(length=36), nullable=False),
        sa.Column("alarm_no", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("raised_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "kind IN ('same_card', 'staff_card', 'staff_name', 'hours', 'many', 'pair')",
            name=op.f("ck_outpatient_alarm__kind"),
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "claim_id"], CLAIM, name=op.f("fk_outpatient_alarm__outpatient_claim")
        ),
        sa.PrimaryKeyConstraint("institution_id", "claim_id", "alarm_no", name=op.f("pk_outpatient_alarm")),
    )
    op.create_index("ix_outpatient_alarm__raised", "outpatient_alarm", ["institution_id", "raised_at"])


def _outpatient_alarm_answer() -> None:
    op.create_table(
        "outpatient_alarm_answer",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("claim_id", sa.String(length=36), nullable=False),
        sa.Column("answer_no", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("alarms", sa.SmallInteger(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("answered_by", sa.String(length=40), nullable=False),
        sa.Column("answered_at", MOMENT, nullable=False),
        sa.CheckConstraint("length(trim(ground)) > 0", name=op.f("ck_outpatient_alarm_answer__a_ground")),
        sa.ForeignKeyConstraint(
            ["institution_id", "claim_id"], CLAIM, name=op.f("fk_outpatient_alarm_answer__outpatient_claim")
        ),
        sa.PrimaryKeyConstraint("institution_id", "claim_id", "answer_no", name=op.f("pk_outpatient_alarm_answer")),
    )


def _outpatient_staff_card() -> None:
    op.create_table(
        "outpatient_staff_card",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("card_id", sa.String(length=36), nullable=False),
        sa.Column("card_hash", sa.String(length=100), nullable=False),
        sa.Column("tail", sa.String(length=4), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("added_by", sa.String(length=40), nullable=False),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.Column("removed_by", sa.String(length=40), nullable=True),
        sa.Column("removed_at", MOMENT, nullable=True),
        sa.Column("ground", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "removed_at IS NULL OR (removed_by IS NOT NULL AND length(trim(ground)) > 0)",
            name=op.f("ck_outpatient_staff_card__removed_with_ground"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "card_id", name=op.f("pk_outpatient_staff_card")),
    )
    op.create_index(
        "uq_outpatient_staff_card__card",
        "outpatient_staff_card",
        ["institution_id", "card_hash"],
        unique=True,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )

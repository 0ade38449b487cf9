"""A late discharge is taken back by hand by two people; whether anybody named a discharge's insured class."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
# Where nobody named the class of an open discharge so far, somebody has to: a word too many is harmless.
_UNKNOWN = """UPDATE discharge SET class_known = false
WHERE ended_at IS NULL AND settled_at IS NULL AND insured_class = 'self_pay' AND EXISTS (SELECT 1 FROM stay_cap c
  WHERE c.institution_id = discharge.institution_id AND c.stay_no = discharge.stay_no
    AND c.circumstance = 'identity_unknown' AND c.version_no = (SELECT max(n.version_no) FROM stay_cap n
      WHERE n.institution_id = c.institution_id AND n.stay_no = c.stay_no))"""


def upgrade() -> None:
    """The table and the column first, then what each database refuses by itself."""
    op.add_column("discharge", sa.Column("class_known", sa.Boolean(), server_default=sa.true(), nullable=False))
    _run(_UNKNOWN)
    _take_back()
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0062_take_back_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        _run(
            "CREATE TRIGGER take_back_is_kept BEFORE DELETE OR TRUNCATE ON take_back "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    _run(
        "CREATE TRIGGER take_back_no_delete BEFORE DELETE ON take_back BEGIN "
        "SELECT RAISE(ABORT, 'append_only: take_back'); END"
    )


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _take_back() -> None:
    op.create_table(
        "take_back",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("discharged_at", MOMENT, nullable=False),
        sa.Column("ask_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(length=40), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("state", sa.String(length=7), nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'asked') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_take_back__decided"),
        ),
        sa.CheckConstraint(
            "state <> 'refused' OR coalesce(length(answer), 0) > 0", name=op.f("ck_take_back__refused_in_words")
        ),
        sa.CheckConstraint("state IN ('asked', 'agreed', 'refused')", name=op.f("ck_take_back__state")),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> asked_by", name=op.f("ck_take_back__second_person")),
        sa.CheckConstraint("length(ground) > 0", name=op.f("ck_take_back__ground")),
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no", "discharged_at"],
            ["discharge.institution_id", "discharge.stay_no", "discharge.discharged_at"],
            name="fk_take_back__discharge",
        ),
        sa.PrimaryKeyConstraint("institution_id", "stay_no", "discharged_at", "ask_no", name=op.f("pk_take_back")),
    )
    op.create_index(
        "uq_take_back__asked",
        "take_back",
        ["institution_id", "stay_no", "discharged_at"],
        unique=True,
        sqlite_where=sa.text("state = 'asked'"),
        postgresql_where=sa.text("state = 'asked'"),
    )

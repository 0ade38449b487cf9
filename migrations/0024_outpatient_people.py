"""Accounts that are likely one person's: pairs, and that no account changes its person without one that was joined."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    """The table, then what each database refuses by itself."""
    op.create_table(
        "outpatient_likeness",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("first_no", sa.String(length=40), nullable=False),
        sa.Column("second_no", sa.String(length=40), nullable=False),
        sa.Column("likeness", sa.String(length=14), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("proposed_by", sa.String(length=40), nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("ground", sa.Text(), server_default="", nullable=False),
        sa.Column("from_person", sa.String(length=40), nullable=True),
        sa.Column("to_person", sa.String(length=40), nullable=True),
        sa.CheckConstraint("first_no <> second_no", name=op.f("ck_outpatient_likeness__two_accounts")),
        sa.CheckConstraint(
            "likeness IN ('certificate', 'phone_and_name', 'patient_no')",
            name=op.f("ck_outpatient_likeness__likeness"),
        ),
        sa.CheckConstraint("state IN ('proposed', 'joined', 'apart')", name=op.f("ck_outpatient_likeness__state")),
        sa.CheckConstraint(
            "state = 'proposed' OR (decided_by IS NOT NULL AND decided_by <> proposed_by AND length(ground) > 0)",
            name=op.f("ck_outpatient_likeness__second_person"),
        ),
        sa.CheckConstraint(
            "(state = 'joined') = (from_person IS NOT NULL AND to_person IS NOT NULL)",
            name=op.f("ck_outpatient_likeness__joined_names_both"),
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "first_no"],
            ["outpatient_account.institution_id", "outpatient_account.account_no"],
            name="fk_outpatient_likeness__first",
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "second_no"],
            ["outpatient_account.institution_id", "outpatient_account.account_no"],
            name="fk_outpatient_likeness__second",
        ),
        sa.PrimaryKeyConstraint("institution_id", "first_no", "second_no", name=op.f("pk_outpatient_likeness")),
    )
    op.create_index(
        "ix_outpatient_likeness__second", "outpatient_likeness", ["institution_id", "second_no"], unique=False
    )
    op.create_index("ix_outpatient_likeness__state", "outpatient_likeness", ["institution_id", "state"], unique=False)
    folder = Path(__file__).parent
    if op.get_bind().dialect.name == "postgresql":
        _run((folder / "0024_outpatient_people_postgresql.sql").read_text("utf-8"))
        return
    text = (folder / "0024_outpatient_people_sqlite.sql").read_text("utf-8")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)

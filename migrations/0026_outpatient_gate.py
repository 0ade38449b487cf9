"""Which outpatient deposits are kept: the approved filing, where it is posted, and what the hospital holds to be none."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
IN_FORCE = "state = 'approved'"


def upgrade() -> None:
    """Tables first, then what each database refuses by itself."""
    _tables()
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0026_outpatient_gate_{dialect}.sql").read_text("utf-8")
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    if dialect == "postgresql":
        driver.execute(text)
        return
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        driver.execute(statement)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _tables() -> None:
    people = ("proposed", "decided")
    op.create_table(
        "outpatient_kept",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("filing_id", sa.String(length=36), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("filed_on", sa.Date(), nullable=False),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        *_people(*people),
        sa.Column("ended_by", sa.String(length=40)),
        sa.Column("ended_at", MOMENT),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'rejected', 'ended')", name=op.f("ck_outpatient_kept__state")
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'rejected') OR (decided_by IS NOT NULL AND decided_by <> proposed_by)",
            name=op.f("ck_outpatient_kept__second_person"),
        ),
        sa.CheckConstraint(
            "length(document) > 0 AND length(authority) > 0", name=op.f("ck_outpatient_kept__with_its_paper")
        ),
        sa.PrimaryKeyConstraint("institution_id", "filing_id", name=op.f("pk_outpatient_kept")),
    )
    op.create_index(
        "uq_outpatient_kept__in_force",
        "outpatient_kept",
        ["institution_id"],
        unique=True,
        sqlite_where=sa.text(IN_FORCE),
        postgresql_where=sa.text(IN_FORCE),
    )
    op.create_table(
        "outpatient_posting",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("filing_id", sa.String(length=36), nullable=False),
        sa.Column("place", sa.String(length=12), nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "place IN ('website', 'mini_program', 'screen')", name=op.f("ck_outpatient_posting__place")
        ),
        sa.CheckConstraint("length(proof) > 0", name=op.f("ck_outpatient_posting__with_proof")),
        sa.ForeignKeyConstraint(
            ["institution_id", "filing_id"],
            ["outpatient_kept.institution_id", "outpatient_kept.filing_id"],
            name=op.f("fk_outpatient_posting__outpatient_kept"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "filing_id", "place", name=op.f("pk_outpatient_posting")),
    )
    op.create_table(
        "outpatient_other_kind",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("kind_id", sa.String(length=36), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        *_people(*people),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'rejected')", name=op.f("ck_outpatient_other_kind__state")
        ),
        sa.CheckConstraint(
            "length(label) > 0 AND length(ground) > 0", name=op.f("ck_outpatient_other_kind__with_its_ground")
        ),
        sa.CheckConstraint(
            "state <> 'approved' OR (decided_by IS NOT NULL AND decided_by <> proposed_by)",
            name=op.f("ck_outpatient_other_kind__second_person"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "kind_id", name=op.f("pk_outpatient_other_kind")),
    )


def _people(first: str, second: str) -> list[sa.Column[object]]:
    return [
        sa.Column(f"{first}_by", sa.String(length=40), nullable=False),
        sa.Column(f"{first}_at", MOMENT, nullable=False),
        sa.Column(f"{second}_by", sa.String(length=40)),
        sa.Column(f"{second}_at", MOMENT),
    ]

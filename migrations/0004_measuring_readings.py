"""What the readings of measuring need: whose class is self-pay by choice, since when a standard was in force, and the
mean a cap rests on where it isn't the burdens by the cases.

The earlier standards are written over into a table with the longer key; those that stand there were in force since
ever, as far as anybody knows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SINCE_EVER = "0001-01-01"
REFUSALS = """
CREATE TRIGGER earlier_standard_no_{lower} BEFORE {upper} ON earlier_standard BEGIN
SELECT RAISE(ABORT, 'append_only: earlier_standard'); END"""


def upgrade() -> None:
    """Two columns and a longer key."""
    op.add_column("inpatient_case", sa.Column("self_pay_by_choice", sa.Boolean(), nullable=True))
    op.add_column("cap_row", sa.Column("mean_fen", sa.BigInteger(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        _lengthen_key()
    else:
        _write_over()


def _lengthen_key() -> None:
    column = sa.Column("in_force_from", sa.Date(), nullable=False, server_default=SINCE_EVER)
    op.add_column("earlier_standard", column)
    op.alter_column("earlier_standard", "in_force_from", server_default=None)
    op.drop_constraint("pk_earlier_standard", "earlier_standard", type_="primary")
    key = ["institution_id", "disease_code", "insured_class", "in_force_from"]
    op.create_primary_key("pk_earlier_standard", "earlier_standard", key)


def _write_over() -> None:
    # SQLite changes no key; a table that is dropped takes its triggers with it.
    op.rename_table("earlier_standard", "earlier_standard_0001")
    op.create_table(
        "earlier_standard",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("disease_code", sa.String(length=80), nullable=False),
        sa.Column("insured_class", sa.String(length=10), nullable=False),
        sa.Column("in_force_from", sa.Date(), nullable=False),
        sa.Column("standard_fen", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", sa.String(length=32), nullable=False),
        sa.CheckConstraint(
            "insured_class IN ('employee', 'resident', 'self_pay')", name="ck_earlier_standard__insured_class"
        ),
        sa.PrimaryKeyConstraint(
            "institution_id", "disease_code", "insured_class", "in_force_from", name="pk_earlier_standard"
        ),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO earlier_standard SELECT institution_id, disease_code, insured_class, "
        f"'{SINCE_EVER}', standard_fen, source, recorded_by, recorded_at FROM earlier_standard_0001"
    )
    op.drop_table("earlier_standard_0001")
    for event in ("UPDATE", "DELETE"):
        op.execute(REFUSALS.format(lower=event.lower(), upper=event))


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")

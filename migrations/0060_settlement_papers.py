"""A settlement has a token of its own, by which its paper can be checked; ways to what waits for its invoice, and to
what a merge of patients touches."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

_KEPT = """CREATE TRIGGER settlement_token_kept BEFORE UPDATE OF token ON settlement BEGIN
  SELECT RAISE(ABORT, 'append_only: settlement');
END"""


def upgrade() -> None:
    """Settlements made before get one too. On PostgreSQL the walk lets no column change that it doesn't know."""
    op.add_column("settlement", sa.Column("token", sa.String(length=40), nullable=True))
    connection = op.get_bind()
    is_postgresql = connection.dialect.name == "postgresql"
    if is_postgresql:
        connection.exec_driver_sql("ALTER TABLE settlement DISABLE TRIGGER USER")
    made = connection.execute(sa.text("SELECT institution_id, stay_no, settlement_no FROM settlement")).all()
    for institution_id, stay_no, settlement_no in made:
        connection.execute(
            sa.text(
                "UPDATE settlement SET token = :token WHERE institution_id = :institution_id "
                "AND stay_no = :stay_no AND settlement_no = :settlement_no"
            ),
            {
                "token": secrets.token_urlsafe(16),
                "institution_id": institution_id,
                "stay_no": stay_no,
                "settlement_no": settlement_no,
            },
        )
    if is_postgresql:
        connection.exec_driver_sql("ALTER TABLE settlement ENABLE TRIGGER USER")
    else:
        connection.exec_driver_sql(_KEPT)
    op.create_index("uq_settlement__token", "settlement", ["token"], unique=True)
    op.create_index("ix_patient_merge__from_no", "patient_merge", ["institution_id", "from_no"])
    for name, table, columns, which in (
        ("ix_stay__patient_no", "stay", ["institution_id", "patient_no"], "patient_no IS NOT NULL"),
        (
            "ix_discharge__invoice",
            "discharge",
            ["institution_id", "stage_since", "stay_no"],
            "ended_at IS NULL AND stage = 'invoice'",
        ),
    ):
        where = sa.text(which)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")

"""The ground of a similar disease that the counter named outside those found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty for every row there is, and the index of the few rows that fill it."""
    op.add_column("stay_cap", sa.Column("similar_ground", sa.Text(), nullable=False, server_default=""))
    op.create_index(
        "ix_stay_cap__named",
        "stay_cap",
        ["institution_id", "recorded_at"],
        unique=False,
        sqlite_where=sa.text("similar_ground <> ''"),
        postgresql_where=sa.text("similar_ground <> ''"),
    )

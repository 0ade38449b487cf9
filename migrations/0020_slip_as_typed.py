"""The number of a bank's slip as it was typed, to be shown; compared is the plain one beside it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column that older rows leave empty: what was typed then isn't known any more."""
    op.add_column("fund_bank_evidence", sa.Column("as_typed", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")

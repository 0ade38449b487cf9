"""More evidence: decisions keep the readings they were made under, rejected rows their column and original text.

What was stored before keeps ``NULL`` in the new columns, which is shown as unknown: history is never edited.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; triggers and grants of the tables hold for them as they stand."""
    op.add_column("decision", sa.Column("readings", sa.Text(), nullable=True))
    op.add_column("case_import_rejection", sa.Column("field", sa.String(length=40), nullable=True))
    op.add_column("case_import_rejection", sa.Column("original", sa.Text(), nullable=True))


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")

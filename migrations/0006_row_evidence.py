"""What a cap rests on beside its sums: its years, since when its earlier standard held, the disease it is referred to.

Rows from before keep ``NULL``: what was measured then is not worked out again from cases that came later.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; triggers and grants of the table hold for it as they stand."""
    op.add_column("cap_row", sa.Column("evidence", sa.Text(), nullable=True))


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")

"""A register of a million accounts is opened in a time that grows with it, not with its square."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


TABLE = "outpatient_account"


def upgrade() -> None:
    """Indexes of both databases; functions of PostgreSQL, from the file beside this one."""
    # The accounts of one import are found along the primary key: a census is booked once, and has most of them.
    op.drop_index(f"ix_{TABLE}__import", TABLE)
    # In the order in which the books have the accounts, with all that article 8 asks: no row is read for it.
    op.drop_index(f"ix_{TABLE}__state", TABLE)
    columns = ["institution_id", "state", "account_no", "last_movement_on", "filed_on"]
    not_open = sa.text("state <> 'open'")
    op.create_index(f"ix_{TABLE}__state", TABLE, columns, sqlite_where=not_open, postgresql_where=not_open)
    if op.get_bind().dialect.name == "postgresql":
        _run((Path(__file__).parent / "0039_outpatient_bulk_postgresql.sql").read_text("utf-8"))


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)

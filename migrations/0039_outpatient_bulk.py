"""A register of a million accounts is opened in a time that grows with it, not with its square."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Functions of PostgreSQL, from the file beside this one."""
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

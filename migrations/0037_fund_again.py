"""A grant that was cleared while a ground of recall stood isn't owed again without that ground."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0037"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What each database refuses by itself, from the file beside this one."""
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0037_fund_again_{dialect}.sql").read_text("utf-8")
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(text)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")

"""What the database holds of the restricted fund beside its books: who made a row, and that nothing runs twice or late."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The triggers of each database, from the file beside this one."""
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0018_fund_makers_{dialect}.sql").read_text("utf-8")
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

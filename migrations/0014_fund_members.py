"""Members of a community give back and use no more than they were handed; a recall waits for basic grants only."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The triggers of each database, from the file beside this one."""
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0014_fund_members_{dialect}.sql").read_text("utf-8")
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    if dialect == "postgresql":
        driver.execute(text)
        return
    for trigger in ("fund_recall_walk", "fund_distribution_return_sum", "fund_distribution_use_sum"):
        driver.execute(f"DROP TRIGGER {trigger}")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        driver.execute(statement)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")

"""What is owed falls only with money or a settlement; a grant is received only with its entry; offsets stand once."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The triggers of each database, from the file beside this one."""
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0030_fund_falls_{dialect}.sql").read_text("utf-8")
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    if dialect == "postgresql":
        driver.execute(text)
        return
    # What stands once is the settlement's document (0021); a corrected offset frees it, which this one didn't know.
    driver.execute("DROP TRIGGER fund_offset_once")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        driver.execute(statement)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")

"""What a payment, its refund and its entry say is one: no refund is free while the bank has its money on the way, and
a payment names an entry of its own refund. A frozen list isn't given up over accounts that stay frozen for it, and an
account's days are days."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What each database refuses by itself, from the file beside this one."""
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0067_outpatient_paid_once_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        return
    for statement in text.split("\n\n"):
        _run(statement)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)

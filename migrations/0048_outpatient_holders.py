"""Whoever had an account's holder corrected takes no part in paying it; corrections are decided by who may, not dated
back."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0048"
down_revision = "0046"
branch_labels = None
depends_on = None

# Made anew on SQLite, which replaces no trigger in its place.
REPLACED = ("outpatient_claim_owner",)


def upgrade() -> None:
    """What each database refuses by itself, from the file beside this one."""
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0048_outpatient_holders_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        return
    for name in REPLACED:
        _run(f"DROP TRIGGER {name}")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)

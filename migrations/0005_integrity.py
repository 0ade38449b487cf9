"""What the databases also refuse: a cap that its decision didn't give.

Rows that stand there are neither changed nor looked at again: what is wrong with them, the checks find. The triggers
and functions stand in the SQL files beside this one.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index, then the triggers and functions."""
    op.create_index("ix_stay_cap__decision", "stay_cap", ["institution_id", "decision_id"])
    folder = Path(__file__).parent
    if op.get_bind().dialect.name == "postgresql":
        _run((folder / "0005_postgresql.sql").read_text("utf-8"))
    else:
        for statement in _statements((folder / "0005_sqlite.sql").read_text("utf-8")):
            _run(statement)


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _statements(text: str) -> list[str]:
    """The triggers of the SQLite file, one by one: each ends with a line ``END;``."""
    return [part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part]


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")

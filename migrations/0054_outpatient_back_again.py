"""What comes back of a refund is taken in beside another that is owed, and what is paid ahead is as much as is left."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

_OPEN = "state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed')"


def upgrade() -> None:
    """The index that is a rule now, then what each database refuses by itself, from the file beside this one."""
    op.drop_index("uq_outpatient_claim__open", "outpatient_claim")
    op.create_index(
        "ix_outpatient_claim__open",
        "outpatient_claim",
        ["institution_id", "account_no"],
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    )
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0054_outpatient_back_again_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        return
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

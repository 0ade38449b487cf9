"""A grant that was cleared while a ground of recall stood isn't owed again without that ground; what couldn't be taken
of a statement is said to be nothing by somebody of the house."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
TABLE = "fund_rejection_explained"


def upgrade() -> None:
    """The table first, then what each database refuses by itself, from the file beside this one."""
    # Without a rowid there is no second key that INSERT OR REPLACE could name to push a row out past its triggers.
    op.create_table(
        TABLE,
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("statement_id", sa.String(length=36), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("said_by", sa.String(length=40), nullable=False),
        sa.Column("said_at", MOMENT, nullable=False),
        sa.CheckConstraint("length(trim(ground)) > 0", name=f"ck_{TABLE}__with_a_ground"),
        sa.ForeignKeyConstraint(
            ["institution_id", "statement_id"],
            ["fund_statement.institution_id", "fund_statement.statement_id"],
            name=f"fk_{TABLE}__fund_statement",
        ),
        sa.PrimaryKeyConstraint("institution_id", "statement_id", name=f"pk_{TABLE}"),
        sqlite_with_rowid=False,
    )
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0037_fund_again_{dialect}.sql").read_text("utf-8")
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

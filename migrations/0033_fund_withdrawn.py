"""An application that its hospital withdraws before anybody decided; a new one of the same year takes its place."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
TABLE = "fund_application_withdrawn"


def upgrade() -> None:
    """The table first, then what each database refuses by itself."""
    _table()
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0033_fund_withdrawn_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        _run(
            f"CREATE TRIGGER {TABLE}_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    _run("DROP TRIGGER fund_grant_walk")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    for event in ("UPDATE", "DELETE"):
        _run(
            f"CREATE TRIGGER {TABLE}_no_{event.lower()} BEFORE {event} ON {TABLE} BEGIN "
            f"SELECT RAISE(ABORT, 'append_only: {TABLE}'); END"
        )


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _table() -> None:
    # Without a rowid there is no second key that INSERT OR REPLACE could name to push a row out past its triggers.
    op.create_table(
        TABLE,
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("grant_id", sa.String(length=36), nullable=False),
        sa.Column("withdrawn_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("applied_fen", sa.BigInteger(), nullable=False),
        sa.Column("applied_by", sa.String(length=40), nullable=False),
        sa.Column("applied_at", MOMENT, nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=40), nullable=False),
        sa.Column("withdrawn_at", MOMENT, nullable=False),
        sa.CheckConstraint("length(ground) > 0", name="has_ground"),
        sa.ForeignKeyConstraint(
            ["institution_id", "grant_id"],
            ["fund_grant.institution_id", "fund_grant.grant_id"],
            name=f"fk_{TABLE}__fund_grant",
        ),
        sa.PrimaryKeyConstraint("institution_id", "grant_id", "withdrawn_no", name=f"pk_{TABLE}"),
        sqlite_with_rowid=False,
    )

"""The register of a lead hospital's members, kept by two people; only those in it are handed a prepayment."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
TABLE = "fund_member"
STANDS = "state IN ('proposed', 'confirmed')"


def upgrade() -> None:
    """The table first, then what each database refuses by itself."""
    _table()
    op.add_column("fund_distribution", sa.Column("member_no", sa.Integer(), nullable=True))
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0027_fund_members_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        _run(
            f"CREATE TRIGGER {TABLE}_is_kept BEFORE DELETE OR TRUNCATE ON {TABLE} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    _run(
        f"CREATE TRIGGER {TABLE}_no_delete BEFORE DELETE ON {TABLE} BEGIN "
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
        sa.Column("member_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member_code", sa.String(length=12), nullable=False),
        sa.Column("member_name", sa.Text(), nullable=False),
        sa.Column("account_no", sa.String(length=40), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("proposed_by", sa.String(length=40), nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("left_by", sa.String(length=40), nullable=True),
        sa.Column("left_at", MOMENT, nullable=True),
        sa.Column("left_ground", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('proposed', 'confirmed', 'declined', 'left')", name="state"),
        sa.CheckConstraint(
            "length(member_code) > 0 AND length(trim(member_name)) > 0 AND length(trim(account_no)) > 0"
            " AND length(trim(document)) > 0",
            name="named",
        ),
        sa.CheckConstraint("member_code <> institution_id", name="is_another"),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_by IS NULL) AND (decided_by IS NULL OR decided_by <> proposed_by)",
            name="second_person",
        ),
        sa.CheckConstraint(
            "(state = 'left') = (left_by IS NOT NULL) AND (state = 'left') = (length(trim(left_ground)) > 0)",
            name="left_with_ground",
        ),
        sa.PrimaryKeyConstraint("institution_id", "member_no", name=f"pk_{TABLE}"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        f"ix_{TABLE}__stands",
        TABLE,
        ["institution_id", "member_code"],
        unique=True,
        sqlite_where=sa.text(STANDS),
        postgresql_where=sa.text(STANDS),
    )

"""What people said of whether bank lines are to be explained: of one line, or of every line of a file."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
# Said in turns, counted from 1 without a hole: the newest row of a subject counts.
SQLITE = """
CREATE TRIGGER fund_counted_insert BEFORE INSERT ON fund_counted BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_counted') WHERE
    NEW.step_no IS NOT (SELECT 1 + count(*) FROM fund_counted c
      WHERE c.institution_id = NEW.institution_id AND c.subject = NEW.subject)
    OR EXISTS (SELECT 1 FROM fund_counted c WHERE c.institution_id = NEW.institution_id
      AND c.subject = NEW.subject AND c.step_no = NEW.step_no - 1 AND c.counts = NEW.counts);
END"""
POSTGRESQL = """
CREATE FUNCTION fund_counted_joins() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (NEW.step_no = 1 + (SELECT count(*) FROM fund_counted c WHERE c.institution_id = NEW.institution_id
      AND c.subject = NEW.subject)
    AND NOT EXISTS (SELECT 1 FROM fund_counted c WHERE c.institution_id = NEW.institution_id
      AND c.subject = NEW.subject AND c.step_no = NEW.step_no - 1 AND c.counts = NEW.counts)) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: fund_counted' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_counted_joins BEFORE INSERT ON fund_counted
  FOR EACH ROW EXECUTE FUNCTION fund_counted_joins();
CREATE TRIGGER fund_counted_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON fund_counted
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"""


def upgrade() -> None:
    """The table first, then what each database refuses by itself."""
    op.create_table(
        "fund_counted",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("step_no", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("said_by", sa.String(length=40), nullable=False),
        sa.Column("said_at", MOMENT, nullable=False),
        sa.CheckConstraint("length(ground) > 0", name="ck_fund_counted__with_a_ground"),
        sa.CheckConstraint("subject LIKE 'line:%' OR subject LIKE 'statement:%'", name="ck_fund_counted__subject"),
        sa.PrimaryKeyConstraint("institution_id", "subject", "step_no", name="pk_fund_counted"),
        # Without a rowid there is no second key that INSERT OR REPLACE could name to push a row out.
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":
        _run(POSTGRESQL)
        return
    _run(SQLITE)
    for event in ("UPDATE", "DELETE"):
        _run(
            f"CREATE TRIGGER fund_counted_no_{event.lower()} BEFORE {event} ON fund_counted BEGIN "
            "SELECT RAISE(ABORT, 'append_only: fund_counted'); END"
        )


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)

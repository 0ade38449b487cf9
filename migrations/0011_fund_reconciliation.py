"""Reconciliation of the restricted fund: statements, matches, closed months, settlements, Henan's month.

All of it is appended only, on both databases, whoever writes; a month is closed by two people, the second for exactly
what the first one saw.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
# Each table with the keys by which SQLite's INSERT OR REPLACE could push a row out past its triggers.
KEYS = {
    "fund_column_map": (("map_id",),),
    "fund_statement": (("statement_id",), ("kind", "file_sha256")),
    "fund_statement_line": (("line_id",),),
    "fund_statement_rejection": (("statement_id", "line_no"),),
    "fund_match": (("match_id",), ("undoes",)),
    "fund_period_step": (("period", "step_no"),),
    "fund_settlement": (
        ("settlement_id",),
        ("settles",),
        ("plan_id",),
        ("kind", "period", "fund", "cross_region", "bank_reference"),
    ),
    "fund_month": (("event_id",),),
    "fund_upload_day": (("on_day", "recorded_no"),),
}
# What must have been the last step of a month before each one.
STEP_SQLITE = """
CREATE TRIGGER fund_period_step_walk BEFORE INSERT ON fund_period_step BEGIN
  SELECT RAISE(ABORT, 'wrong_step: fund_period_step') WHERE
    NEW.step_no IS NOT (SELECT coalesce(max(s.step_no), 0) + 1 FROM fund_period_step s
      WHERE s.institution_id = NEW.institution_id AND s.period = NEW.period)
    OR (NEW.step = 'made' AND EXISTS (SELECT 1 FROM fund_period_step s
      WHERE s.institution_id = NEW.institution_id AND s.period = NEW.period AND s.step_no = NEW.step_no - 1
        AND s.step = 'checked'))
    OR (NEW.step = 'checked' AND NOT EXISTS (SELECT 1 FROM fund_period_step s
      WHERE s.institution_id = NEW.institution_id AND s.period = NEW.period AND s.step_no = NEW.step_no - 1
        AND s.step = 'made' AND s.digest = NEW.digest AND s.zero = NEW.zero AND s.taken_by <> NEW.taken_by))
    OR (NEW.step = 'reopened' AND NOT EXISTS (SELECT 1 FROM fund_period_step s
      WHERE s.institution_id = NEW.institution_id AND s.period = NEW.period AND s.step_no = NEW.step_no - 1
        AND s.step IN ('made', 'checked')));
END"""
STEP_POSTGRESQL = """
CREATE FUNCTION fund_period_step_walk() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  last record;
BEGIN
  SELECT s.step_no, s.step, s.digest, s.zero, s.taken_by INTO last FROM fund_period_step s
    WHERE s.institution_id = NEW.institution_id AND s.period = NEW.period ORDER BY s.step_no DESC LIMIT 1;
  IF (NEW.step_no = coalesce(last.step_no, 0) + 1 AND CASE NEW.step
      WHEN 'made' THEN coalesce(last.step, '') <> 'checked'
      WHEN 'checked' THEN last.step = 'made' AND last.digest = NEW.digest AND last.zero = NEW.zero
        AND last.taken_by <> NEW.taken_by
      WHEN 'reopened' THEN last.step IN ('made', 'checked') END) IS NOT TRUE THEN
    RAISE EXCEPTION 'wrong_step: fund_period_step' USING ERRCODE = 'HP006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fund_period_step_walk BEFORE INSERT ON fund_period_step
  FOR EACH ROW EXECUTE FUNCTION fund_period_step_walk()"""


def upgrade() -> None:
    """Tables first, then what each database refuses by itself."""
    _tables()
    if op.get_bind().dialect.name == "postgresql":
        _run(STEP_POSTGRESQL)
        for table in KEYS:
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    _run(STEP_SQLITE)
    for table, keys in KEYS.items():
        for event in ("UPDATE", "DELETE"):
            _run(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, 'append_only: {table}'); END"
            )
        same = " OR ".join(f"({' AND '.join(f't.{name} = NEW.{name}' for name in key)})" for key in keys)
        _run(
            f"CREATE TRIGGER {table}_insert BEFORE INSERT ON {table} BEGIN "
            f"SELECT RAISE(ABORT, 'append_only: {table}') WHERE EXISTS (SELECT 1 FROM {table} t "
            f"WHERE t.institution_id = NEW.institution_id AND ({same})); END"
        )


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _create_table(name: str, *parts: sa.schema.SchemaItem) -> None:
    # Without a rowid there is no second key that INSERT OR REPLACE could name to push a row out past its triggers.
    op.create_table(name, *parts, sqlite_with_rowid=False)


def _tables() -> None:
    _create_table(
        "fund_column_map",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("map_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("headings_digest", sa.String(length=64), nullable=False),
        sa.Column("headings", sa.Text(), nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.Column("dedicated", sa.Boolean(), nullable=False),
        sa.Column("mapped_by", sa.String(length=40), nullable=False),
        sa.Column("mapped_at", MOMENT, nullable=False),
        sa.CheckConstraint("kind IN ('agency', 'bank', 'totals')", name="ck_fund_column_map__kind"),
        sa.PrimaryKeyConstraint("institution_id", "map_id", name="pk_fund_column_map"),
    )
    op.create_index(
        "ix_fund_column_map__headings", "fund_column_map", ["institution_id", "kind", "headings_digest"], unique=False
    )
    _create_table(
        "fund_statement",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("statement_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.String(length=64), nullable=False),
        sa.Column("dedicated", sa.Boolean(), nullable=False),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("rows_taken", sa.Integer(), nullable=False),
        sa.Column("rows_known", sa.Integer(), nullable=False),
        sa.Column("rows_rejected", sa.Integer(), nullable=False),
        sa.Column("imported_by", sa.String(length=40), nullable=False),
        sa.Column("imported_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "rows_read = rows_taken + rows_known + rows_rejected", name="ck_fund_statement__every_row_told"
        ),
        sa.CheckConstraint("kind IN ('agency', 'bank', 'totals')", name="ck_fund_statement__kind"),
        sa.UniqueConstraint("institution_id", "kind", "file_sha256", name="uq_fund_statement__file"),
        sa.PrimaryKeyConstraint("institution_id", "statement_id", name="pk_fund_statement"),
    )
    _create_table(
        "fund_statement_line",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("line_id", sa.String(length=64), nullable=False),
        sa.Column("statement_id", sa.String(length=36), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("balance_fen", sa.BigInteger(), nullable=True),
        sa.Column("event", sa.String(length=10), nullable=False),
        sa.Column("fund", sa.String(length=10), nullable=False),
        sa.Column("item", sa.String(length=10), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("payee", sa.Text(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.CheckConstraint("kind = 'totals' OR amount_fen <> 0", name="ck_fund_statement_line__amount_not_zero"),
        sa.CheckConstraint(
            "event IN ('', 'grant', 'return', 'offset', 'settlement')", name="ck_fund_statement_line__event"
        ),
        sa.CheckConstraint("fund IN ('', 'all', 'employee', 'resident')", name="ck_fund_statement_line__fund"),
        sa.CheckConstraint("item IN ('', 'owed', 'earmark')", name="ck_fund_statement_line__item"),
        sa.ForeignKeyConstraint(
            ["institution_id", "statement_id"],
            ["fund_statement.institution_id", "fund_statement.statement_id"],
            name="fk_fund_statement_line__fund_statement",
        ),
        sa.PrimaryKeyConstraint("institution_id", "line_id", name="pk_fund_statement_line"),
    )
    op.create_index(
        "ix_fund_statement_line__day", "fund_statement_line", ["institution_id", "kind", "on_day"], unique=False
    )
    _create_table(
        "fund_statement_rejection",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("statement_id", sa.String(length=36), nullable=False),
        sa.Column("line_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("original", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["institution_id", "statement_id"],
            ["fund_statement.institution_id", "fund_statement.statement_id"],
            name="fk_fund_statement_rejection__fund_statement",
        ),
        sa.PrimaryKeyConstraint("institution_id", "statement_id", "line_no", name="pk_fund_statement_rejection"),
    )
    _create_table(
        "fund_match",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("match_id", sa.String(length=36), nullable=False),
        sa.Column("verb", sa.String(length=10), nullable=False),
        sa.Column("undoes", sa.String(length=36), nullable=True),
        sa.Column("ours", sa.Text(), nullable=False),
        sa.Column("theirs", sa.Text(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.CheckConstraint("(verb = 'undo') = (undoes IS NOT NULL)", name="ck_fund_match__undo_names_one"),
        sa.CheckConstraint("verb IN ('together', 'apart', 'undo')", name="ck_fund_match__verb"),
        sa.CheckConstraint("length(ground) > 0", name="ck_fund_match__with_a_ground"),
        sa.ForeignKeyConstraint(
            ["institution_id", "undoes"],
            ["fund_match.institution_id", "fund_match.match_id"],
            name="fk_fund_match__fund_match",
        ),
        sa.UniqueConstraint("institution_id", "undoes", name="uq_fund_match__undone_once"),
        sa.PrimaryKeyConstraint("institution_id", "match_id", name="pk_fund_match"),
    )
    _create_table(
        "fund_period_step",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("step_no", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("step", sa.String(length=10), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("zero", sa.Boolean(), nullable=False),
        sa.Column("decision_id", sa.String(length=36), nullable=True),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("taken_by", sa.String(length=40), nullable=False),
        sa.Column("taken_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "step <> 'reopened' OR length(ground) > 0", name="ck_fund_period_step__reopened_with_a_ground"
        ),
        sa.CheckConstraint("step IN ('made', 'checked', 'reopened')", name="ck_fund_period_step__step"),
        sa.PrimaryKeyConstraint("institution_id", "period", "step_no", name="pk_fund_period_step"),
    )
    _create_table(
        "fund_month",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("kind", sa.String(length=14), nullable=False),
        sa.Column("step", sa.String(length=30), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("fund", sa.String(length=10), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("settled_in", sa.String(length=7), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.String(length=36), nullable=True),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint("fund IN ('', 'all', 'employee', 'resident')", name="ck_fund_month__fund"),
        sa.CheckConstraint("kind IN ('applied', 'negative_plan', 'step')", name="ck_fund_month__kind"),
        sa.CheckConstraint(
            "kind <> 'applied' OR event_id = 'applied:' || period", name="ck_fund_month__applied_once"
        ),
        sa.CheckConstraint(
            "kind <> 'negative_plan' OR (amount_fen > 0 AND length(document) > 0)", name="ck_fund_month__plan"
        ),
        sa.PrimaryKeyConstraint("institution_id", "event_id", name="pk_fund_month"),
    )
    op.create_index("ix_fund_month__period", "fund_month", ["institution_id", "period"], unique=False)
    _create_table(
        "fund_settlement",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("settlement_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("fund", sa.String(length=10), nullable=False),
        sa.Column("cross_region", sa.Boolean(), nullable=False),
        sa.Column("settled_fen", sa.BigInteger(), nullable=False),
        sa.Column("moved_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("bank_reference", sa.String(length=80), nullable=False),
        sa.Column("payer", sa.Text(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("settles", sa.String(length=36), nullable=True),
        sa.Column("plan_id", sa.String(length=36), nullable=True),
        sa.Column("entry_no", sa.BigInteger(), nullable=True),
        sa.Column("decision_id", sa.String(length=36), nullable=True),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint("kind <> 'actual' OR settles IS NOT NULL", name="ck_fund_settlement__actual_settles"),
        sa.CheckConstraint("fund IN ('all', 'employee', 'resident')", name="ck_fund_settlement__fund"),
        sa.CheckConstraint(
            "kind IN ('settlement', 'fallback', 'actual', 'repayment')", name="ck_fund_settlement__kind"
        ),
        sa.CheckConstraint("(moved_fen = 0) = (entry_no IS NULL)", name="ck_fund_settlement__money_has_its_entry"),
        sa.CheckConstraint("kind = 'actual' OR moved_fen <> 0", name="ck_fund_settlement__money_moves"),
        sa.CheckConstraint(
            "kind <> 'repayment' OR (moved_fen < 0 AND length(document) > 0)", name="ck_fund_settlement__repaid"
        ),
        sa.CheckConstraint("settled_fen >= 0", name="ck_fund_settlement__settled_not_negative"),
        sa.ForeignKeyConstraint(
            ["institution_id", "plan_id"],
            ["fund_month.institution_id", "fund_month.event_id"],
            name="fk_fund_settlement__fund_month",
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "settles"],
            ["fund_settlement.institution_id", "fund_settlement.settlement_id"],
            name="fk_fund_settlement__fund_settlement",
        ),
        sa.UniqueConstraint(
            "institution_id",
            "kind",
            "period",
            "fund",
            "cross_region",
            "bank_reference",
            name="uq_fund_settlement__once",
        ),
        sa.UniqueConstraint("institution_id", "plan_id", name="uq_fund_settlement__repaid_once"),
        sa.UniqueConstraint("institution_id", "settles", name="uq_fund_settlement__settled_once"),
        sa.PrimaryKeyConstraint("institution_id", "settlement_id", name="pk_fund_settlement"),
    )
    _create_table(
        "fund_upload_day",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("recorded_no", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("in_house", sa.Integer(), nullable=False),
        sa.Column("uploaded", sa.Integer(), nullable=False),
        sa.Column("last_upload_at", MOMENT, nullable=True),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint("in_house >= 0 AND uploaded >= 0", name="ck_fund_upload_day__counts"),
        sa.CheckConstraint(
            "uploaded = 0 OR last_upload_at IS NOT NULL", name="ck_fund_upload_day__upload_has_its_time"
        ),
        sa.PrimaryKeyConstraint("institution_id", "on_day", "recorded_no", name="pk_fund_upload_day"),
    )

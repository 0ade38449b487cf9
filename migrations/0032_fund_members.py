"""Uses of members that were typed wrongly, and what members pay back of the claim on them; what isn't seen makes no
second region and no second slip."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
TABLES = ("fund_use_withdrawn", "fund_claim_payment")
# They add up what a member used without what was withdrawn.
REPLACED = ("fund_distribution_return_sum", "fund_distribution_use_sum")

# What isn't seen, between brackets of a pattern of SQLite: controls, what Unicode ignores by default, and the empty
# Braille cell.
NOT_SEEN = """
    char(1) || '-' || char(31) || char(127)
    || '-' || char(159, 173, 847, 1564, 4447, 4448, 6068, 6069, 6155) || '-' || char(6159, 8203) || '-' || char(8207, 8232)
    || '-' || char(8238, 8288) || '-' || char(8303, 10240, 12644, 57344) || '-' || char(63743, 65024) || '-'
    || char(65039, 65279, 65440, 65520) || '-' || char(65531, 113824) || '-' || char(113827, 119155) || '-'
    || char(119162, 917504) || '-' || char(921599, 983040) || '-' || char(1114109)
"""
# What a member gave back, used without what was withdrawn, and paid back of the claim on it, where the books handed its
# part on, too.
SUMS = """
CREATE VIEW fund_distribution_sums AS
  SELECT d.institution_id, d.distribution_id, d.grant_id, d.state, d.amount_fen,
    (SELECT coalesce(sum(r.amount_fen), 0) FROM fund_distribution_return r
      WHERE r.institution_id = d.institution_id AND r.distribution_id = d.distribution_id) AS returned_fen,
    (SELECT coalesce(sum(u.amount_fen), 0) FROM fund_distribution_use u
      WHERE u.institution_id = d.institution_id AND u.distribution_id = d.distribution_id
        AND NOT EXISTS (SELECT 1 FROM fund_use_withdrawn w WHERE w.institution_id = u.institution_id
          AND w.distribution_id = u.distribution_id AND w.use_no = u.use_no)) AS used_fen,
    (SELECT coalesce(sum(c.amount_fen), 0) FROM fund_claim_payment c
      WHERE c.institution_id = d.institution_id AND c.distribution_id = d.distribution_id) AS repaid_fen
  FROM fund_distribution d WHERE d.state = 'approved' AND EXISTS (
    SELECT 1 FROM ledger_entry e WHERE e.institution_id = d.institution_id AND e.kind = 'fund_distribution'
      AND e.source = 'fund_distribution:' || d.distribution_id)
"""


def upgrade() -> None:
    """The tables first, then what each database refuses by itself, from the file beside this one."""
    _tables()
    _run(SUMS)
    dialect = op.get_bind().dialect.name
    _let_returns_be_mirrored(dialect)
    text = (Path(__file__).parent / f"0032_fund_members_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        for table in TABLES:
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    text = text.replace("NOT_SEEN", NOT_SEEN.strip())
    for name in REPLACED:
        _run(f"DROP TRIGGER {name}")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    for table in TABLES:
        for event in ("UPDATE", "DELETE"):
            _run(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, 'append_only: {table}'); END"
            )


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _let_returns_be_mirrored(dialect: str) -> None:
    """The mirror of a return that stood in for a member hands its part on again: by the correction that two people
    made, as the distribution that it belongs to stands already."""
    bind = op.get_bind()
    if dialect == "postgresql":
        query = "SELECT pg_get_functiondef('fund_lines_match'::regproc)"
        text = str(bind.exec_driver_sql(query).scalar_one())
        clause = "(q.lent <= 0 OR (p_kind = 'fund_distribution'"
        allowed = "fund_is_correction(p_institution, p_kind, p_source, p_reverses)"
        assert text.count(clause) == 1
        _run(text.replace(clause, clause.replace("OR (", f"OR {allowed} OR (")))
        return
    clause = "(q.lent <= 0 OR (NEW.kind = 'fund_distribution'"
    allowed = (
        "EXISTS (SELECT 1 FROM fund_correction c WHERE c.institution_id = NEW.institution_id"
        " AND 'fund_correction:' || c.correction_id = NEW.source AND c.entry_no = NEW.reverses_no"
        " AND c.state = 'approved')"
    )
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND instr(sql, ?)"
    [(name, text)] = bind.exec_driver_sql(query, (clause,)).all()
    _run(f"DROP TRIGGER {name}")
    _run(str(text).replace(clause, clause.replace("OR (", f"OR {allowed} OR (")))


def _tables() -> None:
    # Without a rowid there is no second key that INSERT OR REPLACE could name to push a row out past its triggers.
    op.create_table(
        "fund_use_withdrawn",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("distribution_id", sa.String(length=36), nullable=False),
        sa.Column("use_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=40), nullable=False),
        sa.Column("withdrawn_at", MOMENT, nullable=False),
        sa.CheckConstraint("length(trim(ground)) > 0", name="ck_fund_use_withdrawn__with_ground"),
        sa.ForeignKeyConstraint(
            ["institution_id", "distribution_id", "use_no"],
            [f"fund_distribution_use.{name}" for name in ("institution_id", "distribution_id", "use_no")],
            name="fk_fund_use_withdrawn__fund_distribution_use",
        ),
        sa.PrimaryKeyConstraint("institution_id", "distribution_id", "use_no", name="pk_fund_use_withdrawn"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "fund_claim_payment",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("distribution_id", sa.String(length=36), nullable=False),
        sa.Column("payment_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("bank_reference", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "amount_fen > 0 AND length(trim(bank_reference)) > 0", name="ck_fund_claim_payment__by_bank"
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "distribution_id"],
            ["fund_distribution.institution_id", "fund_distribution.distribution_id"],
            name="fk_fund_claim_payment__fund_distribution",
        ),
        sa.PrimaryKeyConstraint("institution_id", "distribution_id", "payment_no", name="pk_fund_claim_payment"),
        sqlite_with_rowid=False,
    )

"""Applications without a second spelling or year; offsets, corrections and late slips that a second person confirms."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
KEPT = ("fund_correction", "fund_offset")
APPEND_ONLY = ("fund_slip_check",)


def upgrade() -> None:
    """Tables first, then what each database refuses by itself, from the file beside this one."""
    _tables()
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0021_fund_returns_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        op.drop_constraint("pk_fund_bank_evidence", "fund_bank_evidence", type_="primary")
        op.drop_constraint("uq_fund_bank_evidence__institution_id_entry_no", "fund_bank_evidence", type_="unique")
        op.create_primary_key("pk_fund_bank_evidence", "fund_bank_evidence", ["institution_id", "entry_no"])
        _slip_index()
        _run(text)
        for table in (*APPEND_ONLY, *KEPT):
            events = "UPDATE OR DELETE OR TRUNCATE" if table in APPEND_ONLY else "DELETE OR TRUNCATE"
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE {events} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    _make_slips_anew()
    _let_corrections_rise()
    for name in ("fund_bank_evidence_insert", "fund_grant_walk"):
        _run(f"DROP TRIGGER {name}")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    for table in (*APPEND_ONLY, *KEPT):
        for event in ("UPDATE", "DELETE") if table in APPEND_ONLY else ("DELETE",):
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


def _make_slips_anew() -> None:
    """A slip is known by its entry: the number of one that was typed wrongly is free again. SQLite changes no key, so
    the table is made anew; what hung on it (triggers, indexes) is put back as it was."""
    query = "SELECT sql FROM sqlite_master WHERE tbl_name = 'fund_bank_evidence' AND type <> 'table' AND sql <> ''"
    hung = [str(row[0]) for row in op.get_bind().exec_driver_sql(query)]
    columns = (
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("entry_no", sa.BigInteger(), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("as_typed", sa.String(length=64), nullable=True),
        sa.CheckConstraint("length(reference) > 0", name="ck_fund_bank_evidence__reference_given"),
        sa.ForeignKeyConstraint(
            ["institution_id", "entry_no"],
            ["ledger_entry.institution_id", "ledger_entry.entry_no"],
            name="fk_fund_bank_evidence__ledger_entry",
        ),
        sa.PrimaryKeyConstraint("institution_id", "entry_no", name="pk_fund_bank_evidence"),
    )
    op.create_table("fund_bank_evidence_anew", *columns, sqlite_with_rowid=False)
    names = "institution_id, kind, reference, entry_no, value_on, recorded_by, recorded_at, as_typed"
    op.execute(f"INSERT INTO fund_bank_evidence_anew ({names}) SELECT {names} FROM fund_bank_evidence")
    op.drop_table("fund_bank_evidence")
    op.rename_table("fund_bank_evidence_anew", "fund_bank_evidence")
    for statement in hung:
        _run(statement)
    _slip_index()


def _slip_index() -> None:
    op.create_index("ix_fund_bank_evidence__reference", "fund_bank_evidence", ["institution_id", "reference"])


def _let_corrections_rise() -> None:
    """What is owed rises by a receipt alone, and by the mirror of a fall that two people said was wrong."""
    query = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'ledger_entry_fund_rises'"
    text = str(op.get_bind().exec_driver_sql(query).scalar_one())
    head = "BEFORE INSERT ON ledger_entry BEGIN"
    assert head in text
    mirrored = (
        "BEFORE INSERT ON ledger_entry WHEN NOT EXISTS (SELECT 1 FROM fund_correction c "
        "WHERE c.institution_id = NEW.institution_id AND 'fund_correction:' || c.correction_id = NEW.source "
        "AND c.entry_no = NEW.reverses_no AND c.state = 'approved') BEGIN"
    )
    _run("DROP TRIGGER ledger_entry_fund_rises")
    _run(text.replace(head, mirrored))


def _create_table(name: str, *parts: sa.schema.SchemaItem) -> None:
    # Without a rowid there is no second key that INSERT OR REPLACE could name to push a row out past its triggers.
    op.create_table(name, *parts, sqlite_with_rowid=False)


def _of_grant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["institution_id", "grant_id"],
        ["fund_grant.institution_id", "fund_grant.grant_id"],
        name=f"fk_{table}__fund_grant",
    )


def _of_entry(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["institution_id", "entry_no"],
        ["ledger_entry.institution_id", "ledger_entry.entry_no"],
        name=f"fk_{table}__ledger_entry",
    )


def _decided(first: str) -> tuple[sa.Column[str], ...]:
    return (
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column(f"{first}_by", sa.String(length=40), nullable=False),
        sa.Column(f"{first}_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
    )


def _tables() -> None:
    _create_table(
        "fund_offset",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("offset_id", sa.String(length=36), nullable=False),
        sa.Column("grant_id", sa.String(length=36), nullable=False),
        sa.Column("settlement_fen", sa.BigInteger(), nullable=False),
        sa.Column("offset_fen", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("document_key", sa.Text(), nullable=False),
        sa.Column("bank_reference", sa.String(length=64), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=False),
        *_decided("recorded"),
        sa.CheckConstraint(
            "offset_fen > 0 AND offset_fen <= settlement_fen AND length(document_key) > 0"
            " AND (offset_fen = settlement_fen OR length(bank_reference) > 0)",
            name="ck_fund_offset__on_a_settlement",
        ),
        sa.CheckConstraint("state IN ('recorded', 'confirmed', 'rejected')", name="ck_fund_offset__state"),
        _of_grant("fund_offset"),
        sa.PrimaryKeyConstraint("institution_id", "offset_id", name="pk_fund_offset"),
    )
    op.create_index("ix_fund_offset__grant", "fund_offset", ["institution_id", "grant_id"])
    _create_table(
        "fund_correction",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("correction_id", sa.String(length=36), nullable=False),
        sa.Column("grant_id", sa.String(length=36), nullable=False),
        sa.Column("entry_no", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.String(length=10), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("bank_reference", sa.String(length=64), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=True),
        *_decided("asked"),
        sa.CheckConstraint(
            "length(ground) > 0 AND ((why = 'mistyped' AND value_on IS NULL)"
            " OR (why = 'sent_back' AND value_on IS NOT NULL AND length(bank_reference) > 0))",
            name="ck_fund_correction__with_ground",
        ),
        sa.CheckConstraint("state IN ('asked', 'approved', 'rejected')", name="ck_fund_correction__state"),
        _of_grant("fund_correction"),
        _of_entry("fund_correction"),
        sa.PrimaryKeyConstraint("institution_id", "correction_id", name="pk_fund_correction"),
    )
    op.create_index("ix_fund_correction__grant", "fund_correction", ["institution_id", "grant_id"])
    _create_table(
        "fund_slip_check",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("entry_no", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("checked_by", sa.String(length=40), nullable=False),
        sa.Column("checked_at", MOMENT, nullable=False),
        sa.CheckConstraint("length(document) > 0", name="ck_fund_slip_check__with_document"),
        _of_entry("fund_slip_check"),
        sa.PrimaryKeyConstraint("institution_id", "entry_no", name="pk_fund_slip_check"),
    )

"""Recall and clearing of the restricted fund: grounds, losses, the agency's write-offs, the bank slip of every entry."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
APPEND_ONLY = ("fund_bank_evidence", "fund_write_off")
KEPT = ("fund_incident", "fund_recall")


def upgrade() -> None:
    """Tables first, then what each database refuses by itself."""
    _tables()
    folder = Path(__file__).parent
    if op.get_bind().dialect.name == "postgresql":
        _run((folder / "0008_fund_recall_postgresql.sql").read_text("utf-8"))
        for table in (*APPEND_ONLY, *KEPT):
            events = "UPDATE OR DELETE OR TRUNCATE" if table in APPEND_ONLY else "DELETE OR TRUNCATE"
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE {events} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    text = (folder / "0008_fund_recall_sqlite.sql").read_text("utf-8")
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


def _create_table(name: str, *parts: sa.schema.SchemaItem) -> None:
    # Without a rowid there is no second key that INSERT OR REPLACE could name to push a row out past its triggers.
    op.create_table(name, *parts, sqlite_with_rowid=False)


def _tables() -> None:
    _recall()
    _incident()
    _create_table(
        "fund_write_off",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("grant_id", sa.String(length=36), nullable=False),
        sa.Column("document", sa.String(length=120), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("written_off_on", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint("amount_fen > 0", name="ck_fund_write_off__amount_above_zero"),
        _of_grant("fund_write_off"),
        sa.PrimaryKeyConstraint("institution_id", "grant_id", "document", name="pk_fund_write_off"),
    )
    _create_table(
        "fund_bank_evidence",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("entry_no", sa.BigInteger(), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint("length(reference) > 0", name="ck_fund_bank_evidence__reference_given"),
        sa.ForeignKeyConstraint(
            ["institution_id", "entry_no"],
            ["ledger_entry.institution_id", "ledger_entry.entry_no"],
            name="fk_fund_bank_evidence__ledger_entry",
        ),
        sa.PrimaryKeyConstraint("institution_id", "kind", "reference", name="pk_fund_bank_evidence"),
        sa.UniqueConstraint("institution_id", "entry_no", name="uq_fund_bank_evidence__institution_id_entry_no"),
    )


def _recall() -> None:
    _create_table(
        "fund_recall",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("recall_id", sa.String(length=36), nullable=False),
        sa.Column("regime", sa.String(length=40), nullable=False),
        sa.Column("ground", sa.SmallInteger(), nullable=True),
        sa.Column("clause", sa.String(length=60), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("since_on", sa.Date(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("urged_on", sa.Date(), nullable=True),
        sa.Column("urged_document", sa.Text(), nullable=False),
        sa.Column("urged_by", sa.String(length=40), nullable=True),
        sa.Column("urged_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.String(length=40), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_ground", sa.Text(), nullable=False),
        sa.Column("ended_document", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('standing', 'returned', 'lifted')", name="ck_fund_recall__state"),
        sa.CheckConstraint(
            "ground BETWEEN 1 AND 9 OR (ground IS NULL AND clause = '')", name="ck_fund_recall__ground"
        ),
        sa.CheckConstraint("length(what) > 0 AND length(document) > 0", name="ck_fund_recall__with_evidence"),
        sa.CheckConstraint(
            "urged_on IS NULL OR (urged_by IS NOT NULL AND urged_at IS NOT NULL AND length(urged_document) > 0)",
            name="ck_fund_recall__urged_with_evidence",
        ),
        sa.CheckConstraint(
            "state = 'standing' OR (ended_by IS NOT NULL AND ended_at IS NOT NULL)", name="ck_fund_recall__ended"
        ),
        sa.CheckConstraint(
            "state <> 'lifted' OR (ended_by <> recorded_by AND length(ended_ground) > 0"
            " AND length(ended_document) > 0)",
            name="ck_fund_recall__lifted_by_another",
        ),
        sa.PrimaryKeyConstraint("institution_id", "recall_id", name="pk_fund_recall"),
    )
    op.create_index("ix_fund_recall__regime", "fund_recall", ["institution_id", "regime", "state"], unique=False)


def _incident() -> None:
    _create_table(
        "fund_incident",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.Column("grant_id", sa.String(length=36), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("persons", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.CheckConstraint("amount_fen > 0", name="ck_fund_incident__amount_above_zero"),
        sa.CheckConstraint("state IN ('recorded', 'confirmed', 'rejected')", name="ck_fund_incident__state"),
        sa.CheckConstraint("length(what) > 0 AND length(persons) > 0", name="ck_fund_incident__with_evidence"),
        sa.CheckConstraint(
            "state = 'recorded' OR (decided_by IS NOT NULL AND decided_by <> recorded_by AND decided_at IS NOT NULL)",
            name="ck_fund_incident__decided_by_another",
        ),
        _of_grant("fund_incident"),
        sa.PrimaryKeyConstraint("institution_id", "incident_id", name="pk_fund_incident"),
    )
    op.create_index("ix_fund_incident__grant", "fund_incident", ["institution_id", "grant_id"], unique=False)


def _of_grant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["institution_id", "grant_id"],
        ["fund_grant.institution_id", "fund_grant.grant_id"],
        name=f"fk_{table}__fund_grant",
    )

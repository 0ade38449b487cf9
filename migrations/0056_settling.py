"""Settling: the insurance's result, the settlement of a stay, and what is paid or given back with it."""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
# The receipts' checks that allow more now, under the names that the first migration gave them.
CHECKS = {
    "kind": "kind IN ('deposit', 'refund', 'void', 'topup', 'return')",
    "second_person": (
        "kind IN ('deposit', 'topup', 'return') OR (approved_by IS NOT NULL AND approved_by <> issued_by)"
    ),
}
# Of these triggers the text is made anew below.
ANEW = ("receipt_insert", "ledger_account_ceiling", "stay_cap_ceiling", "discharge_walk", "discharge_step_insert")


def upgrade() -> None:
    """Tables first, then what each database refuses by itself."""
    _settlement_result()
    _settlement()
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0056_settling_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        for name, check in CHECKS.items():
            _run(f"ALTER TABLE receipt DROP CONSTRAINT {_named(name)}")
            _run(f"ALTER TABLE receipt ADD CONSTRAINT {_named(name)} CHECK ({check})")
        _run(text)
        for table, events in (
            ("settlement_result", "UPDATE OR DELETE OR TRUNCATE"),
            ("settlement", "DELETE OR TRUNCATE"),
        ):
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE {events} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    _loosen_checks()
    for name in ANEW:
        _run(f"DROP TRIGGER {name}")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    for table, event in (("settlement_result", "UPDATE"), ("settlement_result", "DELETE"), ("settlement", "DELETE")):
        _run(
            f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} BEGIN "
            f"SELECT RAISE(ABORT, 'append_only: {table}'); END"
        )


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _loosen_checks() -> None:
    """Let the receipts' checks allow more, the way SQLite's manual has it for checks: in the text of the table, which
    keeps its rows, indexes and triggers as they are."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    [(version,)] = driver.execute("PRAGMA schema_version").fetchall()
    [(text,)] = driver.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'receipt'").fetchall()
    for name, check in CHECKS.items():
        # One line each; its list may stand as a chain by now.
        text, found = re.subn(rf"(CONSTRAINT {_named(name)} CHECK )\(.*\)(,? *\n)", rf"\1({check})\2", text)
        assert found == 1, name
    driver.execute("PRAGMA writable_schema = ON")
    driver.execute("UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = 'receipt'", (text,))
    driver.execute(f"PRAGMA schema_version = {version + 1}")
    driver.execute("PRAGMA writable_schema = OFF")


def _named(check: str) -> str:
    return f"ck_receipt__ck_receipt__{check}"


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _settlement_result() -> None:
    op.create_table(
        "settlement_result",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("setl_id", sa.String(length=40), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("mdtrt_id", sa.String(length=40), nullable=False),
        sa.Column("psn_no", sa.String(length=40), nullable=False),
        sa.Column("certificate_hash", sa.String(length=120), nullable=True),
        sa.Column("insutype", sa.String(length=6), nullable=False),
        sa.Column("med_type", sa.String(length=6), nullable=False),
        sa.Column("setl_time", MOMENT, nullable=False),
        sa.Column("medfee_sumamt_fen", sa.BigInteger(), nullable=False),
        sa.Column("fund_pay_sumamt_fen", sa.BigInteger(), nullable=False),
        sa.Column("psn_part_amt_fen", sa.BigInteger(), nullable=False),
        sa.Column("acct_pay_fen", sa.BigInteger(), nullable=False),
        sa.Column("psn_cash_pay_fen", sa.BigInteger(), nullable=False),
        sa.Column("hosp_part_amt_fen", sa.BigInteger(), nullable=False),
        sa.Column("acct_mulaid_pay_fen", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=6), nullable=False),
        sa.Column("taken_by", sa.String(length=40), nullable=False),
        sa.Column("taken_at", MOMENT, nullable=False),
        sa.CheckConstraint("source IN ('api', 'csv', 'hand')", name=op.f("ck_settlement_result__source")),
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no"], ["stay.institution_id", "stay.stay_no"], name="fk_settlement_result__stay"
        ),
        sa.PrimaryKeyConstraint("institution_id", "setl_id", name=op.f("pk_settlement_result")),
    )
    op.create_index("ix_settlement_result__stay", "settlement_result", ["institution_id", "stay_no"], unique=False)


def _settlement() -> None:
    op.create_table(
        "settlement",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("settlement_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=9), nullable=False),
        sa.Column("discharged_at", MOMENT, nullable=True),
        sa.Column("setl_id", sa.String(length=40), nullable=True),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("fund_fen", sa.BigInteger(), nullable=False),
        sa.Column("account_fen", sa.BigInteger(), nullable=False),
        sa.Column("cash_fen", sa.BigInteger(), nullable=False),
        sa.Column("hospital_fen", sa.BigInteger(), nullable=False),
        sa.Column("held_fen", sa.BigInteger(), nullable=False),
        sa.Column("applied_fen", sa.BigInteger(), nullable=False),
        sa.Column("shortfall_fen", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(length=7), nullable=False),
        sa.Column("entry_no", sa.BigInteger(), nullable=True),
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("settled_by", sa.String(length=40), nullable=False),
        sa.Column("settled_at", MOMENT, nullable=False),
        sa.Column("invoice_no", sa.String(length=40), nullable=True),
        sa.Column("invoiced_by", sa.String(length=40), nullable=True),
        sa.Column("invoiced_at", MOMENT, nullable=True),
        sa.Column("recall_ground", sa.Text(), nullable=True),
        sa.Column("recall_asked_by", sa.String(length=40), nullable=True),
        sa.Column("recall_asked_at", MOMENT, nullable=True),
        sa.Column("recalled_by", sa.String(length=40), nullable=True),
        sa.Column("recalled_at", MOMENT, nullable=True),
        sa.Column("recall_entry_no", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(kind = 'interim') = (discharged_at IS NULL)", name=op.f("ck_settlement__interim_without_discharge")
        ),
        sa.CheckConstraint("channel IN ('bedside', 'online', 'window')", name=op.f("ck_settlement__channel")),
        sa.CheckConstraint("kind IN ('discharge', 'interim', 'no_charge')", name=op.f("ck_settlement__kind")),
        sa.CheckConstraint("(entry_no IS NULL) = (total_fen = 0)", name=op.f("ck_settlement__posted")),
        sa.CheckConstraint("cash_fen = applied_fen + shortfall_fen", name=op.f("ck_settlement__paid_or_owed")),
        sa.CheckConstraint(
            "fund_fen >= 0 AND account_fen >= 0 AND cash_fen >= 0 AND hospital_fen >= 0 AND applied_fen >= 0 AND shortfall_fen >= 0 AND applied_fen <= held_fen AND (shortfall_fen = 0 OR applied_fen = held_fen)",
            name=op.f("ck_settlement__amounts"),
        ),
        sa.CheckConstraint(
            "recalled_by IS NULL OR recalled_by <> recall_asked_by", name=op.f("ck_settlement__second_person")
        ),
        sa.CheckConstraint(
            "total_fen = fund_fen + account_fen + cash_fen + hospital_fen",
            name=op.f("ck_settlement__borne_by_somebody"),
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "entry_no"],
            ["ledger_entry.institution_id", "ledger_entry.entry_no"],
            name="fk_settlement__ledger_entry",
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "setl_id"],
            ["settlement_result.institution_id", "settlement_result.setl_id"],
            name="fk_settlement__settlement_result",
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no", "discharged_at"],
            ["discharge.institution_id", "discharge.stay_no", "discharge.discharged_at"],
            name="fk_settlement__discharge",
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no"], ["stay.institution_id", "stay.stay_no"], name="fk_settlement__stay"
        ),
        sa.PrimaryKeyConstraint("institution_id", "stay_no", "settlement_no", name=op.f("pk_settlement")),
    )
    op.create_index(
        "ix_settlement__to_recall",
        "settlement",
        ["institution_id", "recall_asked_at"],
        unique=False,
        sqlite_where=sa.text("recall_asked_at IS NOT NULL AND recalled_at IS NULL"),
        postgresql_where=sa.text("recall_asked_at IS NOT NULL AND recalled_at IS NULL"),
    )
    op.create_index(
        "uq_settlement__result",
        "settlement",
        ["institution_id", "setl_id"],
        unique=True,
        sqlite_where=sa.text("recalled_at IS NULL AND setl_id IS NOT NULL"),
        postgresql_where=sa.text("recalled_at IS NULL AND setl_id IS NOT NULL"),
    )
    op.create_index(
        "uq_settlement__standing",
        "settlement",
        ["institution_id", "stay_no", "discharged_at"],
        unique=True,
        sqlite_where=sa.text("recalled_at IS NULL AND discharged_at IS NOT NULL"),
        postgresql_where=sa.text("recalled_at IS NULL AND discharged_at IS NOT NULL"),
    )

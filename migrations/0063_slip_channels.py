"""Slips say where the money was taken or given; what is paid in cash on a second way has a slip of its own. A result
that was typed by hand gives way to another with its number as long as nothing that stands rests on it."""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
KIND = "kind IN ('deposit', 'refund', 'void', 'topup', 'return', 'again')"
CHANNEL = (
    "ALTER TABLE receipt ADD COLUMN channel VARCHAR(7) DEFAULT 'window' NOT NULL "
    "CONSTRAINT ck_receipt__channel CHECK (channel IN ('bedside', 'online', 'window'))"
)
# What other systems took counted as online until now, by who took it.
ONLINE = """
UPDATE receipt SET channel = 'online' WHERE EXISTS (SELECT 1 FROM api_client c
  WHERE c.institution_id = receipt.institution_id AND c.client_id = receipt.issued_by)
"""


def upgrade() -> None:
    """The column, what earlier slips say in it, the kind, and what each database refuses by itself."""
    _run(CHANNEL)
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0063_slip_channels_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run("ALTER TABLE receipt DISABLE TRIGGER USER")
        _run(ONLINE)
        _run("ALTER TABLE receipt ENABLE TRIGGER USER")
        _run("ALTER TABLE receipt DROP CONSTRAINT ck_receipt__ck_receipt__kind")
        _run(f"ALTER TABLE receipt ADD CONSTRAINT ck_receipt__ck_receipt__kind CHECK ({KIND})")
        _run(text)
        _typed_results(dialect)
        return
    _run("DROP TRIGGER receipt_no_update")
    _run(ONLINE)
    _run(
        "CREATE TRIGGER receipt_no_update BEFORE UPDATE ON receipt BEGIN "
        "SELECT RAISE(ABORT, 'append_only: receipt'); END"
    )
    _loosen_kind()
    _run("DROP TRIGGER receipt_insert")
    _run_each(text)
    _run("DROP TRIGGER settlement_result_no_update")
    _typed_results(dialect)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _typed_results(dialect: str) -> None:
    op.create_table(
        "replaced_result",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("setl_id", sa.String(length=40), nullable=False),
        sa.Column("replaced_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("replaced_by", sa.String(length=40), nullable=False),
        sa.Column("replaced_at", MOMENT, nullable=False),
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
        sa.CheckConstraint("source = 'hand'", name=op.f("ck_replaced_result__source")),
        sa.ForeignKeyConstraint(
            ["institution_id", "setl_id"],
            ["settlement_result.institution_id", "settlement_result.setl_id"],
            name="fk_replaced_result__settlement_result",
        ),
        sa.PrimaryKeyConstraint("institution_id", "setl_id", "replaced_no", name=op.f("pk_replaced_result")),
    )
    text = (Path(__file__).parent / f"0063_typed_results_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
    else:
        _run_each(text)


def _run_each(text: str) -> None:
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)


def _loosen_kind() -> None:
    """Let the receipts' check allow one more kind, in the text of the table as 0056 does."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    [(version,)] = driver.execute("PRAGMA schema_version").fetchall()
    [(text,)] = driver.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'receipt'").fetchall()
    # One line; its list may stand as a chain by now.
    named = "CONSTRAINT ck_receipt__ck_receipt__kind CHECK "
    text, found = re.subn(rf"({named})\(.*\)(,? *\n)", rf"\1({KIND})\2", text)
    assert found == 1
    driver.execute("PRAGMA writable_schema = ON")
    driver.execute("UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = 'receipt'", (text,))
    driver.execute(f"PRAGMA schema_version = {version + 1}")
    driver.execute("PRAGMA writable_schema = OFF")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)

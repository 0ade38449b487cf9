"""Slips say where the money was taken or given; what is paid in cash on a second way has a slip of its own."""

from __future__ import annotations

import re
from pathlib import Path

from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

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
        return
    _run("DROP TRIGGER receipt_no_update")
    _run(ONLINE)
    _run(
        "CREATE TRIGGER receipt_no_update BEFORE UPDATE ON receipt BEGIN "
        "SELECT RAISE(ABORT, 'append_only: receipt'); END"
    )
    _loosen_kind()
    _run("DROP TRIGGER receipt_insert")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


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

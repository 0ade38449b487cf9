"""An entry is found by what it was posted for, on both databases: a refund asked three times whether its entry stands,
and went through all entries of the hospital each time. The index holds all that is asked, so that SQLite takes it.

Of tables that grow with every patient SQLite is told how they are filled: without statistics it takes a hospital's rows
for ten, and goes through them all rather than look into an index."""

from __future__ import annotations

from typing import Final

from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None

# Table and index; how many rows it has, has of one hospital, and of one value of each column after that. The numbers
# are of no hospital: they say which columns tell rows apart.
_FILLED: Final = (
    ("audit_event", "sqlite_autoindex_audit_event_1", "1000000 1000000 1"),
    ("audit_event", "ix_audit_event__at", "1000000 1000000 2"),
    ("audit_event", "ix_audit_event__subject", "1000000 1000000 10"),
    ("ledger_account", "sqlite_autoindex_ledger_account_1", "1000000 1000000 1"),
    ("ledger_entry", "sqlite_autoindex_ledger_entry_1", "1000000 1000000 1"),
    ("ledger_entry", "sqlite_autoindex_ledger_entry_2", "1000000 1000000 1"),
    # Said to be wide, so that nobody goes through it for the hospital's last number: that is the end of the key.
    ("ledger_entry", "ix_ledger_entry__source", "1000000 1000000 2 2 sz=1000"),
    ("ledger_posting", "sqlite_autoindex_ledger_posting_1", "1000000 1000000 10 1"),
    ("ledger_posting", "ix_ledger_posting__account", "1000000 1000000 10 10"),
    ("receipt", "sqlite_autoindex_receipt_1", "1000000 1000000 100000 1"),
    ("receipt", "sqlite_autoindex_receipt_2", "1000000 1000000 1"),
    ("receipt", "sqlite_autoindex_receipt_3", "1000000 1"),
    ("receipt", "ix_receipt__stay", "1000000 1000000 4"),
    ("receipt", "uq_receipt__cancels", "10000 10000 1000 1"),
    ("refund_arrival", "sqlite_autoindex_refund_arrival_1", "1000000 1000000 100000 1 1"),
    ("refund_arrival", "ix_refund_arrival__waiting", "1000 1000 10"),
    ("refund_arrival", "uq_refund_arrival__back_entry", "10000 10000 1"),
    ("refund_arrival", "uq_refund_arrival__entry", "1000000 1000000 1"),
    ("refund_arrival", "uq_refund_arrival__open", "1000 1000 100 1"),
    ("settlement", "sqlite_autoindex_settlement_1", "1000000 1000000 2 1"),
    ("settlement", "ix_settlement__entry", "1000000 1000000 1"),
    ("settlement", "ix_settlement__to_recall", "1000 1000 1"),
    ("settlement", "uq_settlement__result", "1000000 1000000 1"),
    ("settlement", "uq_settlement__standing", "1000000 1000000 1"),
    ("settlement", "uq_settlement__token", "1000000 1"),
)
# Joined in this order: a grant's lines by its accounts, then their entries.
_SLIPS: Final = (
    ("JOIN ledger_posting l ON", "CROSS JOIN ledger_posting l ON"),
    ("JOIN ledger_entry e ON", "CROSS JOIN ledger_entry e ON"),
)


def upgrade() -> None:
    """Statistics that somebody had made of a table stay as they are."""
    op.create_index("ix_ledger_entry__source", "ledger_entry", ["institution_id", "source", "kind"])
    if op.get_bind().dialect.name == "postgresql":
        return
    _run("ANALYZE sqlite_schema")  # makes sqlite_stat1
    known = {str(row[0]) for row in op.get_bind().exec_driver_sql("SELECT DISTINCT tbl FROM sqlite_stat1")}
    for table, index, filled in _FILLED:
        if table not in known:
            _run(f"INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('{table}', '{index}', '{filled}')")
    query = "SELECT sql FROM sqlite_master WHERE type = 'view' AND name = 'fund_slip_due'"
    text = str(op.get_bind().exec_driver_sql(query).scalar_one())
    for before, now in _SLIPS:
        assert text.count(before) == 1
        text = text.replace(before, now)
    _run("DROP VIEW fund_slip_due")
    _run(text)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)

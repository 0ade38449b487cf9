"""On SQLite a receipt and a cap are found by their key: two triggers went through all receipts, and all caps, of a
hospital for each new one, because an OR of IS, or a text put together of a column, finds no index."""

from __future__ import annotations

from typing import Final

from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None

_RECEIPT: Final = (
    """    SELECT 1 FROM receipt r WHERE r.institution_id IS NEW.institution_id
      AND ((r.book IS NEW.book AND r.serial IS NEW.serial) OR r.entry_no IS NEW.entry_no
        OR (NEW.cancels_serial IS NOT NULL AND r.cancels_book IS NEW.cancels_book
            AND r.cancels_serial IS NEW.cancels_serial)))
""",
    """    SELECT 1 FROM receipt r WHERE r.institution_id = NEW.institution_id AND r.book = NEW.book
      AND r.serial = NEW.serial)
    OR EXISTS (SELECT 1 FROM receipt r WHERE r.institution_id = NEW.institution_id AND r.entry_no = NEW.entry_no)
    OR EXISTS (SELECT 1 FROM receipt r WHERE r.cancels_serial IS NOT NULL AND r.institution_id = NEW.institution_id
      AND r.cancels_book = NEW.cancels_book AND r.cancels_serial = NEW.cancels_serial)
""",
)
_CEILING: Final = (
    "AND '23050103:' || c.stay_no = NEW.account_id\n",
    "AND c.stay_no = substr(NEW.account_id, 10) AND substr(NEW.account_id, 1, 9) = '23050103:'\n",
)


def upgrade() -> None:
    """PostgreSQL asks the same by key already. Each trigger keeps its place among those of its table."""
    if op.get_bind().dialect.name == "postgresql":
        return
    _restate("receipt", "receipt_insert", *_RECEIPT)
    _restate("ledger_account", "ledger_account_ceiling", *_CEILING)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _restate(table: str, changed: str, before: str, now: str) -> None:
    """One trigger of a table with some of its words changed. All are made again in their order: of a row that is wrong
    twice the same one speaks as before."""
    query = f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}' ORDER BY rowid"
    stored = [(str(row[0]), str(row[1])) for row in op.get_bind().exec_driver_sql(query)]
    for name, text in stored:
        assert name != changed or text.count(before) == 1, name
        _run(f"DROP TRIGGER {name}")
    for name, text in stored:
        _run(text.replace(before, now) if name == changed else text)


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)

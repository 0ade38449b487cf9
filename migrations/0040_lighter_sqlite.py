"""SQLite looks once where it looked twice: what a row of the books or of a census must be asks each table once.

A key that is there already is refused by the triggers that repeat every key (``persistence/guards.py``), after every
upgrade; own triggers needn't look it up again. PostgreSQL stays as it is.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_MERGED = ("ledger_posting_insert", "ledger_posting_fund")
_OPENED = ("ledger_account_insert", "ledger_account_fund", "outpatient_account_opens")
_OTHERS = ("ledger_entry_fund_offset", "outpatient_account_insert")
# What an opening asked of each of its lines; the same in one question, and the import looked up once for all lines.
_EACH = """EXISTS (
          SELECT 1 FROM outpatient_account o JOIN outpatient_import i
            ON i.institution_id = o.institution_id AND i.import_no = o.import_no
          WHERE o.institution_id = NEW.institution_id
            AND o.account_no = substr(l.account_id, instr(l.account_id, ':') + 1) AND o.opening_fen = l.credit_fen
            AND 'outpatient_import:' || i.import_no = NEW.source AND i.state = 'confirmed') AND EXISTS (
          SELECT 1 FROM ledger_account a WHERE a.institution_id = NEW.institution_id
            AND a.account_id = l.account_id AND a.balance_fen = l.credit_fen)
"""
_ONCE = """EXISTS (
          SELECT 1 FROM outpatient_account o JOIN ledger_account a ON a.institution_id = o.institution_id
          WHERE o.institution_id = NEW.institution_id
            AND o.account_no = substr(l.account_id, instr(l.account_id, ':') + 1) AND o.opening_fen = l.credit_fen
            AND o.import_no = (SELECT i.import_no FROM outpatient_import i
              WHERE i.institution_id = NEW.institution_id AND i.state = 'confirmed'
                AND 'outpatient_import:' || i.import_no = NEW.source)
            AND a.account_id = l.account_id AND a.balance_fen = l.credit_fen)
"""


def upgrade() -> None:
    """Own triggers again, merged, from the file beside this one."""
    if op.get_bind().dialect.name == "postgresql":
        return
    for name in (*_MERGED, *_OPENED, *_OTHERS):
        _run(f"DROP TRIGGER {name}")
    text = (Path(__file__).parent / "0040_lighter_sqlite.sql").read_text("utf-8")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    _look_imports_up_once()


def _look_imports_up_once() -> None:
    query = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'outpatient_lines_stand'"
    text = str(op.get_bind().exec_driver_sql(query).scalar_one())
    assert text.count(_EACH) == 1
    _run("DROP TRIGGER outpatient_lines_stand")
    _run(text.replace(_EACH, _ONCE))


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)

"""On SQLite an account of the census costs less to open: its number tells what can't be restricted money, and its
subject stands in the number. Everything is refused that was refused before; PostgreSQL stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

# Accounts of restricted money have a fund, and the numbers of all of them come before this one (ledger_account_insert).
_LINE: Final = (
    "OR EXISTS (SELECT 1 FROM ledger_account a WHERE",
    "OR NEW.account_id < '23050101;' AND EXISTS (SELECT 1 FROM ledger_account a WHERE",
)
# What ledger_account_insert made sure of when the account was opened isn't asked again of each line of an opening.
_ENTRY: Final = (
    """      SELECT 1 FROM ledger_posting l JOIN ledger_account a
        ON a.institution_id = l.institution_id AND a.account_id = l.account_id
      WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no AND NOT CASE
""",
    """      SELECT 1 FROM ledger_posting l WHERE l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no
        AND NOT (NEW.kind = 'outpatient_opening' AND (
          (l.account_id >= '23050102:' AND l.account_id < '23050102;')
          OR (l.account_id >= '230502:' AND l.account_id < '230502;')))
        AND EXISTS (SELECT 1 FROM ledger_account a
      WHERE a.institution_id = l.institution_id AND a.account_id = l.account_id AND NOT CASE
""",
)
_ENTRY_END: Final = (
    "        ELSE 0 END)\n    OR (NEW.kind IN ('outpatient_refund', 'outpatient_advance')",
    "        ELSE 0 END))\n    OR (NEW.kind IN ('outpatient_refund', 'outpatient_advance')",
)


def upgrade() -> None:
    """Each trigger keeps its place among those of its table."""
    if op.get_bind().dialect.name == "postgresql":
        return
    account = (Path(__file__).parent / "0049_lighter_openings.sql").read_text("utf-8")
    _restate("ledger_account", {"ledger_account_insert": account[account.index("CREATE") :].rstrip().rstrip(";")})
    _restate("ledger_posting", {"ledger_posting_insert": _changed("ledger_posting_insert", _LINE)})
    _restate("ledger_entry", {"outpatient_entry_stands": _changed("outpatient_entry_stands", _ENTRY, _ENTRY_END)})


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _changed(name: str, *words: tuple[str, str]) -> str:
    """The stored text of a trigger with some of its words changed, each of them found once and free of lists, which an
    upgrade before this one may have stored as chains (ADR 14)."""
    query = f"SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = '{name}'"
    text = str(op.get_bind().exec_driver_sql(query).scalar_one())
    for before, now in words:
        assert text.count(before) == 1, name
        text = text.replace(before, now)
    return text


def _restate(table: str, texts: dict[str, str]) -> None:
    """Some triggers of a table anew. All are made again in their order: of a row that is wrong twice the same one
    speaks as before."""
    query = f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}' ORDER BY rowid"
    stored = [(str(row[0]), str(row[1])) for row in op.get_bind().exec_driver_sql(query)]
    for name, _ in stored:
        _run(f"DROP TRIGGER {name}")
    for name, text in stored:
        _run(texts.get(name, text))


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)

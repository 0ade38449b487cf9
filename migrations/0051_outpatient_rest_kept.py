"""An account stays remitted while the treasury has any of it; what comes back after its rest went there is owed; who
has the same certificate number is the same person."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

_LEFT: Final = """((SELECT coalesce(sum(l.balance_fen), 0) FROM outpatient_batch_line l
      JOIN outpatient_batch b ON b.institution_id = l.institution_id AND b.batch_no = l.batch_no
      WHERE l.institution_id = NEW.institution_id AND l.account_no = NEW.account_no
        AND (b.state = 'approved' OR b.state = 'booked' OR b.state = 'remitted'))
    - (SELECT coalesce(sum(p.debit_fen - p.credit_fen), 0) FROM outpatient_claim c
      JOIN ledger_posting p ON p.institution_id = c.institution_id AND p.account_id = '1218:advance:' || c.claim_id
      JOIN ledger_entry e ON e.institution_id = p.institution_id AND e.entry_no = p.entry_no
      WHERE c.institution_id = NEW.institution_id AND c.account_no = NEW.account_no AND c.remitted
        AND c.claim_id <> {} AND (e.kind = 'outpatient_advance' OR e.kind = 'outpatient_advance_returned')))"""
# Whether the account is another person's since a claim was accepted, as it was and as it is now.
_ANOTHERS: Final = """coalesce((SELECT CASE WHEN w.old_certno_hash <> '' THEN w.old_certno_hash <> t.certno_hash
            ELSE replace(replace(w.old_name, ' ', ''), '　', '')
              <> replace(replace(t.holder_name, ' ', ''), '　', '') END
          FROM outpatient_owner_change w
            JOIN outpatient_account t ON t.institution_id = w.institution_id AND t.account_no = w.account_no
          WHERE w.institution_id = {0}.institution_id AND w.account_no = {0}.account_no AND w.state = 'approved'
            AND julianday(w.decided_at) > julianday({0}.accepted_at) ORDER BY w.change_no LIMIT 1), 0)"""
# Of SQLite's triggers those that hold a claim by its account's holder, and how they name the claim.
_BY_HOLDER: Final = {"outpatient_payout_held": "a", "outpatient_batch_doubted": "c"}
_SINCE: Final = "julianday(c.accepted_at) > julianday(p.sent_at)"
_BEGINS: Final = "NOT EXISTS (SELECT 1 FROM outpatient_owner_change w"


def upgrade() -> None:
    """What each database refuses by itself, from the file beside this one."""
    op.drop_index("uq_outpatient_claim__remitted", "outpatient_claim")
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0051_outpatient_rest_kept_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        return
    for claim in ("''", "NEW.claim_id"):
        text = text.replace(f"{{left of {claim}}}", _LEFT.format(claim))
    now = {
        part[part.index("CREATE TRIGGER ") :].split()[2]: part[part.index("CREATE TRIGGER ") :].strip() + "\nEND;"
        for part in text.split("\nEND;")
        if "CREATE TRIGGER " in part
    }
    # Of an open refund, too, what was paid whoever had the account before is owed by its payee.
    was = _triggers("ledger_entry")["outpatient_overpaid_stands"]
    assert was.count(_SINCE) == 1
    now["outpatient_overpaid_stands"] = was.replace(_SINCE, f"({_SINCE} OR {_ANOTHERS.format('c')})")
    for table in ("outpatient_account", "outpatient_claim", "ledger_account", "ledger_entry"):
        _replace(table, now)
    for table in ("outpatient_payout", "outpatient_batch"):
        _replace(table, {name: _by_holder(name, old) for name, old in _triggers(table).items() if name in _BY_HOLDER})


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _by_holder(name: str, text: str) -> str:
    """A trigger of 0047 with its look at the holder's corrections made anew."""
    begins = text.index(_BEGINS)
    depth, at = 0, begins + len("NOT EXISTS ")
    while True:
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
        if not depth:
            break
    return f"{text[:begins]}NOT {_ANOTHERS.format(_BY_HOLDER[name])}{text[at:]}"


def _replace(table: str, now: dict[str, str]) -> None:
    """Of what is wrong twice the same trigger speaks first as before: SQLite asks the newest one first, so those after
    one that is made anew are, too."""
    there = _triggers(table)
    of_table = {name: text for name, text in now.items() if f" ON {table}" in text.split("BEGIN")[0]}
    first = next((at for at, name in enumerate(there) if name in of_table), len(there))
    later = list(there)[first:]
    for name in later:
        _run(f"DROP TRIGGER {name}")
    for name in later:
        _run(of_table.pop(name, there[name]))
    for text in of_table.values():
        _run(text)


def _triggers(table: str) -> dict[str, str]:
    """SQLite's triggers of a table, the oldest first."""
    query = f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}' ORDER BY rowid"
    return {str(row[0]): str(row[1]) for row in op.get_bind().exec_driver_sql(query)}


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)

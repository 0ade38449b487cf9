"""What an act of settlement says and what the books, the messages and the papers say is one: arrears move by an act,
a recall has its red letter, a discharge is settled when its document is, and ends by a message."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

# What each act moved on the arrears of its stay, in fen; what takes away is below zero.
MOVES = """
CREATE VIEW arrears_move AS
  SELECT t.institution_id, t.stay_no, t.entry_no, t.shortfall_fen AS moved_fen
    FROM settlement t WHERE t.entry_no IS NOT NULL
  UNION ALL SELECT t.institution_id, t.stay_no, t.recall_entry_no, -t.shortfall_fen
    FROM settlement t WHERE t.recall_entry_no IS NOT NULL
  UNION ALL SELECT r.institution_id, r.stay_no, r.entry_no, -r.amount_fen FROM receipt r WHERE r.kind = 'topup'
  UNION ALL SELECT v.institution_id, v.stay_no, v.entry_no, v.amount_fen
    FROM receipt v JOIN receipt r ON r.institution_id = v.institution_id AND r.book = v.cancels_book
      AND r.serial = v.cancels_serial AND r.stay_no = v.stay_no AND r.kind = 'topup'
    WHERE v.kind = 'void'
  UNION ALL SELECT x.institution_id, x.stay_no, x.entry_no,
      CASE x.kind WHEN 'write_off' THEN -x.amount_fen ELSE x.amount_fen END
    FROM arrears_act x WHERE x.state = 'done' AND x.kind IN ('write_off', 'reopen')
  UNION ALL SELECT f.institution_id, f.stay_no, f.entry_no, -f.received_fen
    FROM relief_application f WHERE f.entry_no IS NOT NULL
  UNION ALL SELECT f.institution_id, f.stay_no, f.return_entry_no, f.received_fen
    FROM relief_application f WHERE f.return_entry_no IS NOT NULL
"""
# Whether what an entry moved on arrears is something else than its acts say.
UNEXPLAINED = """EXISTS (SELECT 1 FROM ledger_posting p
    WHERE p.institution_id = {own} AND p.entry_no = {entry} AND p.account_id >= '12120203:'
      AND p.account_id < '12120203;'
    GROUP BY p.account_id HAVING sum(p.debit_fen - p.credit_fen) <> (
      SELECT coalesce(sum(m.moved_fen), 0) FROM arrears_move m WHERE m.institution_id = {own}
        AND m.stay_no = substr(p.account_id, 10) AND m.entry_no = {entry}))"""
# The writes that make an act out of an entry: table, event, when, and the entry's column.
ACTS = (
    ("settlement", "insert", "INSERT", "NEW.entry_no IS NOT NULL", "entry_no"),
    ("settlement", "recall", "UPDATE OF recall_entry_no", "NEW.recall_entry_no IS NOT NULL", "recall_entry_no"),
    ("receipt", "insert", "INSERT", "NEW.kind = 'topup' OR NEW.kind = 'void'", "entry_no"),
    ("arrears_act", "insert", "INSERT", "NEW.state = 'done'", "entry_no"),
    ("arrears_act", "walk", "UPDATE OF state", "NEW.state = 'done'", "entry_no"),
    ("relief_application", "receive", "UPDATE OF state", "NEW.state = 'received'", "entry_no"),
    ("relief_application", "return", "UPDATE OF state", "NEW.state = 'returned'", "return_entry_no"),
)


def upgrade() -> None:
    """The view and the index first, then what each database refuses by itself."""
    dialect = op.get_bind().dialect.name
    op.create_index("ix_settlement__entry", "settlement", ["institution_id", "entry_no"])
    text = (Path(__file__).parent / f"0061_settlement_ties_{dialect}.sql").read_text("utf-8")
    _run(MOVES)
    if dialect == "postgresql":
        _run(text.replace("{unexplained}", UNEXPLAINED.format(own="p_institution", entry="p_entry")))
        for table, name, event, when, column in ACTS:
            _run(
                f"CREATE TRIGGER arrears_{table}_{name} AFTER {event} ON {table} FOR EACH ROW WHEN ({when}) "
                f"EXECUTE FUNCTION arrears_act_explains('{column}')"
            )
        return
    text = text.replace("{unexplained}", UNEXPLAINED.format(own="NEW.institution_id", entry="NEW.entry_no"))
    table_text, _, triggers = text.partition("\n);\n")
    _run(table_text + "\n);")
    for statement in (part.strip() + "\nEND;" for part in triggers.split("\nEND;") if "CREATE" in part):
        _run(statement)
    for table, name, event, when, column in ACTS:
        unexplained = UNEXPLAINED.format(own="NEW.institution_id", entry=f"NEW.{column}")
        _run(
            f"CREATE TRIGGER arrears_{table}_{name} AFTER {event} ON {table} WHEN {when} BEGIN\n"
            f"  SELECT RAISE(ABORT, 'no_act: ledger_posting') WHERE {unexplained};\n"
            f"  UPDATE proof_due SET proved_no = entry_no WHERE institution_id = NEW.institution_id\n"
            f"    AND what = 'arrears' AND entry_no = NEW.{column} AND proved_no IS NULL;\nEND"
        )


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)

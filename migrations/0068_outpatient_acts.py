"""Every entry of an outpatient's money has the act that it was posted for, and every act its entry, when a transaction
ends; a refund stands as its payments do. What is taken back says by whom, when and why. No movement lies ahead of the
day on which it was read."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
# Until now the audit alone said who took these back: table, number, state, action, and the column of the ground.
TAKEN_BACK = (
    ("outpatient_filing", "filing_no", "withdrawn", "outpatient.withdraw_filing", "ended_ground"),
    ("outpatient_batch", "batch_no", "dropped", "outpatient.drop_batch", "ended_ground"),
    ("outpatient_advance_list", "list_no", "refused", "outpatient.refuse_advances", "ground"),
)
# PostgreSQL lists what a step may change.
WALKS = (
    ("outpatient_filing_walk", "'recorded_by', 'recorded_at'", ", 'ended_by', 'ended_at', 'ended_ground'"),
    ("outpatient_advance_list_walk", "'reimbursed_by', 'ground'", ", 'ended_by', 'ended_at'"),
    ("outpatient_campaign_walk", "'released_by', 'released_at', 'dropped_by', 'dropped_at'", ", 'dropped_ground'"),
)
# Who is named in a step of which no second person's name is looked at elsewhere: table and columns.
NAMED = (
    ("outpatient_import", "imported_by", "decided_by"),
    ("outpatient_correction", "asked_by"),
    ("outpatient_claim", "accepted_by"),
    ("outpatient_payout", "sent_by"),
    ("outpatient_filing", "made_by", "submitted_by"),
    ("outpatient_batch", "frozen_by"),
    ("outpatient_advance_list", "made_by", "reimbursed_by"),
    ("outpatient_kept", "ended_by"),
)
# A step that names nobody was nobody's: table, state and column.
NAMES = (
    ("outpatient_filing", "submitted", "submitted_by"),
    ("outpatient_advance_list", "reimbursed", "reimbursed_by"),
    ("outpatient_kept", "ended", "ended_by"),
)
# SQLite: how 0061 and 0063 wrote down what is due and what is proved, and how it is written now.
DUE = "INSERT INTO proof_due (institution_id, what, about)"
PROVED = re.compile(
    r"UPDATE proof_due SET proved_no = entry_no WHERE institution_id = NEW\.institution_id\s+AND what = '(\w+)'\s+"
    r"AND entry_no = NEW\.(\w+) AND proved_no IS NULL;"
)
PROVE = r"""INSERT INTO proof (institution_id, what, about) SELECT d.institution_id, d.what, d.about FROM proof_due d
    WHERE d.institution_id = NEW.institution_id AND d.what = '\1' AND d.about = CAST(NEW.\2 AS TEXT)
      AND NOT EXISTS (SELECT 1 FROM proof q WHERE q.institution_id = d.institution_id AND q.what = d.what
        AND q.about = d.about);"""
# Whether the act that an entry was posted for stands.
ACTED = """CASE
    WHEN {e}.kind IN ('outpatient_refund', 'outpatient_advance', 'outpatient_repaid')
      THEN EXISTS (SELECT 1 FROM outpatient_payout p WHERE p.institution_id = {e}.institution_id
        AND p.claim_id = substr({e}.source, 18) AND p.entry_no = {e}.entry_no)
    WHEN {e}.kind IN ('outpatient_refund_returned', 'outpatient_advance_returned')
      THEN EXISTS (SELECT 1 FROM outpatient_payout p WHERE p.institution_id = {e}.institution_id
        AND p.claim_id = substr({e}.source, 18) AND p.entry_no = {e}.reverses_no AND p.state = 'returned')
    WHEN {e}.kind = 'outpatient_owed'
      THEN NOT EXISTS (SELECT 1 FROM outpatient_payout p WHERE p.institution_id = {e}.institution_id
        AND p.claim_id = substr({e}.source, 18) AND p.state = 'arrived')
    WHEN {e}.kind = 'outpatient_overpaid'
      THEN EXISTS (SELECT 1 FROM outpatient_overpayment v WHERE v.institution_id = {e}.institution_id
        AND v.claim_id = substr({e}.source, 18) AND v.entry_no = {e}.entry_no)
    WHEN {e}.kind = 'outpatient_reimbursed'
      THEN EXISTS (SELECT 1 FROM outpatient_advance_list m WHERE m.institution_id = {e}.institution_id
        AND 'outpatient_advance_list:' || m.list_no = {e}.source AND m.state = 'reimbursed')
    WHEN {e}.kind = 'outpatient_remittance'
      THEN EXISTS (SELECT 1 FROM outpatient_batch b WHERE b.institution_id = {e}.institution_id
        AND 'outpatient_batch:' || b.batch_no = {e}.source AND b.state = 'remitted')
    ELSE TRUE END"""
KINDS = (
    "NEW.kind IN ('outpatient_refund', 'outpatient_advance', 'outpatient_repaid', 'outpatient_refund_returned',"
    " 'outpatient_advance_returned', 'outpatient_owed', 'outpatient_overpaid', 'outpatient_reimbursed',"
    " 'outpatient_remittance')"
)
# Whether a refund stands as its payments do.
IN_STEP = """EXISTS (SELECT 1 FROM outpatient_claim c WHERE c.institution_id = {own} AND c.claim_id = {claim}
    AND (c.state = 'sent') = EXISTS (SELECT 1 FROM outpatient_payout p
      WHERE p.institution_id = c.institution_id AND p.claim_id = c.claim_id AND p.state = 'sent')
    AND (c.state = 'arrived') = EXISTS (SELECT 1 FROM outpatient_payout p
      WHERE p.institution_id = c.institution_id AND p.claim_id = c.claim_id AND p.state = 'arrived'))"""
BLANKS = "' ' || char(9, 10, 11, 12, 13, 160, 12288)"
# SQLite: the writes by which an entry gets its act: table, event, when, and the entry's number.
_OF_CLAIM = (
    "(SELECT CAST(e.entry_no AS TEXT) FROM ledger_entry e WHERE e.institution_id = NEW.institution_id"
    " AND e.source = 'outpatient_claim:' || NEW.claim_id)"
)
PROOFS = (
    ("outpatient_payout", "insert", "INSERT", "NEW.entry_no IS NOT NULL", "(CAST(NEW.entry_no AS TEXT))"),
    ("outpatient_payout", "update", "UPDATE", "NEW.state IN ('arrived', 'returned')", _OF_CLAIM),
    ("outpatient_overpayment", "insert", "INSERT", "TRUE", "(CAST(NEW.entry_no AS TEXT))"),
    (
        "outpatient_advance_list",
        "update",
        "UPDATE",
        "NEW.state = 'reimbursed'",
        "(SELECT CAST(e.entry_no AS TEXT) FROM ledger_entry e WHERE e.institution_id = NEW.institution_id"
        " AND e.source = 'outpatient_advance_list:' || NEW.list_no)",
    ),
    (
        "outpatient_batch",
        "update",
        "UPDATE",
        "NEW.state = 'remitted'",
        "(SELECT CAST(e.entry_no AS TEXT) FROM ledger_entry e WHERE e.institution_id = NEW.institution_id"
        " AND e.source = 'outpatient_batch:' || NEW.batch_no AND e.kind = 'outpatient_remittance')",
    ),
)


def upgrade() -> None:
    """The columns, what the audit says of them, and what each database refuses by itself."""
    for table in ("outpatient_filing", "outpatient_batch", "outpatient_advance_list"):
        op.add_column(table, sa.Column("ended_by", sa.String(40), nullable=True))
        op.add_column(table, sa.Column("ended_at", MOMENT, nullable=True))
    for table, column, empty in (
        ("outpatient_filing", "ended_ground", ""),
        ("outpatient_campaign", "dropped_ground", ""),
        ("outpatient_return_file", "told", "[]"),
    ):
        op.add_column(table, sa.Column(column, sa.Text(), server_default=empty, nullable=False))
    dialect = op.get_bind().dialect.name
    _tell_what_was_taken_back(dialect)
    text = (Path(__file__).parent / f"0068_outpatient_acts_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        for name, there, more in WALKS:
            (walk,) = op.get_bind().exec_driver_sql(f"SELECT pg_get_functiondef('{name}'::regproc)").scalars()
            assert walk.count(there) == 1
            _run(walk.replace(there, there + more))
        text = text.replace("{acted}", ACTED.format(e="NEW")).replace("{kinds}", KINDS)
        _run(text.replace("{in_step}", IN_STEP.format(own="NEW.institution_id", claim="NEW.claim_id")))
        for table, *columns in NAMED:
            names = ", ".join(f"'{column}'" for column in columns)
            _run(
                f"CREATE TRIGGER {table}_named BEFORE INSERT OR UPDATE OF {', '.join(columns)} ON {table} FOR EACH ROW "
                f"EXECUTE FUNCTION outpatient_named({names})"
            )
        for table, state, column in NAMES:
            _run(
                f"CREATE TRIGGER {table}_{state}_by_somebody BEFORE UPDATE ON {table} FOR EACH ROW "
                f"WHEN (NEW.state = '{state}' AND NEW.{column} IS NULL) EXECUTE FUNCTION outpatient_by_nobody()"
            )
        return
    acted = ACTED.format(e="e")
    text = text.replace("{acted}", acted).replace("{kinds}", KINDS)
    text = text.replace("{in_step}", IN_STEP.format(own="NEW.institution_id", claim="NEW.about"))
    text = text.replace("{unexplained}", _unexplained()).replace("{blanks}", BLANKS)
    proving = _told_of_proofs()
    _run("DROP TABLE proof_due")
    for statement in text.split("\n\n"):
        _run(statement)
    for name, sql in proving:
        _run(f"DROP TRIGGER {name}")
        _run(sql)
    for table, *columns in NAMED:
        for event, column in itertools.product(("INSERT", "UPDATE"), columns):
            changed = f"NEW.{column} IS NOT OLD.{column} AND " if event == "UPDATE" else ""
            _run(
                f"CREATE TRIGGER {table}_{column}_named_{event.lower()} BEFORE {event} ON {table}\n"
                f"  WHEN {changed}NEW.{column} IS NOT NULL BEGIN\n"
                f"  SELECT RAISE(ABORT, 'second_person: {table}') WHERE NOT EXISTS (SELECT 1 FROM staff_user u\n"
                f"    WHERE u.institution_id = NEW.institution_id AND u.user_id = NEW.{column});\nEND"
            )
    for table, state, column in NAMES:
        _run(
            f"CREATE TRIGGER {table}_{state}_by_somebody BEFORE UPDATE ON {table} WHEN NEW.state = '{state}' BEGIN\n"
            f"  SELECT RAISE(ABORT, 'second_person: {table}') WHERE NEW.{column} IS NULL;\nEND"
        )
    for table, name, event, when, numbers in PROOFS:
        _run(
            f"CREATE TRIGGER outpatient_act_{table}_{name} AFTER {event} ON {table} WHEN {when} BEGIN\n"
            f"  INSERT INTO proof (institution_id, what, about) SELECT d.institution_id, d.what, d.about\n"
            f"  FROM proof_due d JOIN ledger_entry e ON e.institution_id = d.institution_id\n"
            f"    AND e.entry_no = CAST(d.about AS INTEGER)\n"
            f"  WHERE d.institution_id = NEW.institution_id AND d.what = 'act' AND d.about IN {numbers} AND {acted}\n"
            f"    AND NOT EXISTS (SELECT 1 FROM proof q WHERE q.institution_id = d.institution_id\n"
            f"      AND q.what = d.what AND q.about = d.about);\nEND"
        )
    for table, event in (
        ("outpatient_payout", "INSERT"),
        ("outpatient_payout", "UPDATE OF state"),
        ("outpatient_claim", "UPDATE OF state"),
    ):
        in_step = IN_STEP.format(own="NEW.institution_id", claim="NEW.claim_id")
        own = "institution_id = NEW.institution_id AND what = 'claim' AND about = NEW.claim_id"
        _run(
            f"CREATE TRIGGER {table}_in_step_{event.split()[0].lower()} AFTER {event} ON {table} BEGIN\n"
            f"  DELETE FROM proof WHERE {own} AND NOT {in_step};\n"
            f"  INSERT INTO proof_due (institution_id, what, about)\n"
            f"  SELECT NEW.institution_id, 'claim', NEW.claim_id WHERE NOT {in_step}\n"
            f"    AND NOT EXISTS (SELECT 1 FROM proof_due WHERE {own});\n"
            f"  INSERT INTO proof (institution_id, what, about)\n"
            f"  SELECT NEW.institution_id, 'claim', NEW.claim_id WHERE {in_step}\n"
            f"    AND EXISTS (SELECT 1 FROM proof_due WHERE {own}) AND NOT EXISTS (SELECT 1 FROM proof WHERE {own});\n"
            f"END"
        )


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _unexplained() -> str:
    """What 0061 asks of an entry that moved arrears, of the entry that a proof is about."""
    (walk,) = _driver().execute("SELECT sql FROM sqlite_master WHERE name = 'proof_due_walk'").fetchone()
    found = re.search(r"NEW\.what = 'arrears' AND (EXISTS \(.*?\n.*?\)\));\n", walk, re.DOTALL)
    assert found is not None
    return found[1].replace("NEW.entry_no", "CAST(NEW.about AS INTEGER)")


def _told_of_proofs() -> list[tuple[str, str]]:
    """The triggers of 0061 and 0063 that say what is due, and what is proved, as they say it now."""
    query = (
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name <> 'proof_due'"
        " AND sql LIKE '%proof_due%' ORDER BY rowid"
    )
    told = []
    for name, sql in _driver().execute(query).fetchall():
        text = sql.replace("INSERT INTO proof_due (institution_id, what, entry_no)", DUE)
        text = text.replace("d.entry_no = NEW.entry_no", "d.about = CAST(NEW.entry_no AS TEXT)")
        text = PROVED.sub(PROVE, text)
        assert text != sql
        assert "proved_no" not in text
        told.append((name, text))
    return told


def _tell_what_was_taken_back(dialect: str) -> None:
    said = "a.detail::json ->> 'ground'" if dialect == "postgresql" else "json_extract(a.detail, '$.ground')"
    for table, number, state, action, ground in TAKEN_BACK:
        event = (
            "FROM audit_event a WHERE a.institution_id = t.institution_id"
            f" AND a.subject = '{table}:' || t.{number} AND a.action = '{action}' AND a.outcome = 'done'"
            " ORDER BY a.at DESC LIMIT 1"
        )
        told = f"coalesce(nullif(t.{ground}, ''), (SELECT {said} {event}), '')"
        if dialect == "postgresql":
            _run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            _set(table, state, event, ground, told)
            _run(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            continue
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? ORDER BY rowid"
        kept = list(_driver().execute(query, (table,)))
        for name, _ in kept:
            _run(f"DROP TRIGGER {name}")
        _set(table, state, event, ground, told)
        for _, sql in kept:
            _run(sql)


def _set(table: str, state: str, event: str, ground: str, told: str) -> None:
    _run(
        f"UPDATE {table} AS t SET ended_by = (SELECT a.actor {event}), ended_at = (SELECT a.at {event}),"
        f" {ground} = {told} WHERE t.state = '{state}'"
    )


def _driver() -> Any:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    return driver


def _run(statement: str) -> None:
    _driver().execute(statement)

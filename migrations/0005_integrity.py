"""What the databases also refuse: caps that no decision gave, decisions and entries that can't be read, rows put in the
place of others, approvals by nobody.

Rows that stand there are neither changed nor looked at again: what is wrong with them, the checks find. The triggers
and functions stand in the SQL files beside this one.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Of SQLite's tables that are kept those whose own triggers don't refuse a key that is there yet: INSERT OR REPLACE
# skips the delete triggers, by whichever key pushes a row out.
KEYS = {
    "announced_year": ("institution_id year version_no",),
    "case_import": ("institution_id import_id", "institution_id file_sha256"),
    "case_import_rejection": ("institution_id import_id line",),
    "deposit_rules": ("institution_id version_no",),
    "earlier_standard": ("institution_id disease_code insured_class in_force_from",),
    "inpatient_case": ("institution_id case_no",),
    "institution": ("institution_id",),
    "setting_value": ("institution_id name version_no",),
    "staff_session": ("institution_id session_id", "session_id"),
    "staff_user": ("institution_id user_id", "login"),
    "stay": ("institution_id stay_no",),
}
# What no UPDATE names, neither to change it nor, with OR REPLACE, to push out the row that has that key.
FIXED = {
    "deposit_rules": "institution_id, version_no, text, effective_on, written_by, written_at",
    "institution": "institution_id",
    "receipt_book": "institution_id, book, holder, opened_at",
    "slip_request": (
        "institution_id, request_id, kind, source, stay_no, book, serial, amount_fen, tender, payment_reference,"
        " ground, requested_by, requested_at"
    ),
    "staff_session": "institution_id, session_id, user_id, started_at, address, agent",
    "staff_user": "institution_id, user_id, login, created_at",
    "stay": "institution_id, stay_no, patient_name, initials, sex, admitted_at, registered_by, registered_at",
}


def upgrade() -> None:
    """Make the index, then the triggers and functions."""
    op.create_index("ix_stay_cap__decision", "stay_cap", ["institution_id", "decision_id"])
    folder = Path(__file__).parent
    if op.get_bind().dialect.name == "postgresql":
        _run((folder / "0005_postgresql.sql").read_text("utf-8"))
        for table, columns in FIXED.items():
            _run(
                f"CREATE TRIGGER {table}_is_fixed BEFORE UPDATE OF {columns} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
    else:
        for statement in _statements((folder / "0005_sqlite.sql").read_text("utf-8")):
            _run(statement)
        for table, columns in FIXED.items():
            _run(_sqlite_refusal(f"{table}_is_fixed BEFORE UPDATE OF {columns}", table, "true"))
        for table, keys in KEYS.items():
            _run(_sqlite_refusal(f"{table}_no_replacement BEFORE INSERT", table, _is_there(table, keys)))


def _sqlite_refusal(event: str, table: str, when: str) -> str:
    return f"CREATE TRIGGER {event} ON {table} BEGIN SELECT RAISE(ABORT, 'append_only: {table}') WHERE {when}; END"


def _is_there(table: str, keys: tuple[str, ...]) -> str:
    same = (" AND ".join(f"x.{column} = NEW.{column}" for column in key.split()) for key in keys)
    return " OR ".join(f"EXISTS (SELECT 1 FROM {table} x WHERE {condition})" for condition in same)


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _statements(text: str) -> list[str]:
    """The triggers of the SQLite file, one by one: each ends with a line ``END;``."""
    return [part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part]


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")

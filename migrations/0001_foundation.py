"""The foundation: the books, access, publication, cases and caps, stays and receipts.

Tables are the same on both databases. What each database refuses by itself stands in the SQL file beside this one.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")

# Rows of these tables are added and never touched again.
APPEND_ONLY = (
    "announced_year",
    "audit_event",
    "cap_row",
    "case_import",
    "case_import_rejection",
    "decision",
    "earlier_standard",
    "idempotency_key",
    "inpatient_case",
    "ledger_block",
    "ledger_entry",
    "ledger_posting",
    "receipt",
    "setting_value",
    "stay_cap",
)
# Rows of these may change in the ways their own triggers allow, but never go.
KEPT = (
    "cap_table",
    "deposit_rules",
    "institution",
    "ledger_account",
    "receipt_book",
    "slip_request",
    "staff_session",
    "staff_user",
    "stay",
)

# INSERT OR REPLACE skips the delete triggers of SQLite: tables of evidence also refuse a key that is there. Those of
# the books do so in their own triggers.
EVIDENCE = {"audit_event": "event_id", "decision": "decision_id", "idempotency_key": "key"}


def upgrade() -> None:
    """Make the tables, then the triggers and functions."""
    _tables()
    bind = op.get_bind()
    folder = Path(__file__).parent
    if bind.dialect.name == "postgresql":
        _run((folder / "0001_postgresql.sql").read_text("utf-8"))
        for table in APPEND_ONLY:
            _run(_pg_refusal(table, "UPDATE OR DELETE OR TRUNCATE"))
        for table in KEPT:
            _run(_pg_refusal(table, "DELETE OR TRUNCATE"))
    else:
        for statement in _statements((folder / "0001_sqlite.sql").read_text("utf-8")):
            _run(statement)
        for table in APPEND_ONLY:
            _run(_sqlite_refusal(table, "UPDATE"))
            _run(_sqlite_refusal(table, "DELETE"))
        for table in KEPT:
            _run(_sqlite_refusal(table, "DELETE"))
        for table, key in EVIDENCE.items():
            _run(_sqlite_refuse_replacement(table, key))


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _statements(text: str) -> list[str]:
    """The triggers of the SQLite file, one by one: each ends with a line ``END;``."""
    return [part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part]


def _pg_refusal(table: str, events: str) -> str:
    return (
        f"CREATE TRIGGER {table}_is_kept BEFORE {events} ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _sqlite_refusal(table: str, event: str) -> str:
    return (
        f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} BEGIN "
        f"SELECT RAISE(ABORT, 'append_only: {table}'); END"
    )


def _sqlite_refuse_replacement(table: str, key: str) -> str:
    return (
        f"CREATE TRIGGER {table}_no_replacement BEFORE INSERT ON {table} BEGIN "
        f"SELECT RAISE(ABORT, 'append_only: {table}') WHERE EXISTS (SELECT 1 FROM {table} x "
        f'WHERE x.institution_id IS NEW.institution_id AND x."{key}" IS NEW."{key}"); END'
    )


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _create_table(name: str, *parts: sa.schema.SchemaItem) -> None:
    # Without a rowid there is no second key that INSERT OR REPLACE could name to push a row out past its triggers.
    op.create_table(name, *parts, sqlite_with_rowid=name not in (*APPEND_ONLY, *KEPT))


def _tables() -> None:
    _create_table(
        "announced_year",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("days", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("imported_by", sa.String(length=40), nullable=False),
        sa.Column("imported_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "year", "version_no", name="pk_announced_year"),
    )
    _create_table(
        "api_client",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("client_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=30), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "client_id", name="pk_api_client"),
        sa.UniqueConstraint("token_hash", name="uq_api_client__token_hash"),
    )
    _create_table(
        "audit_event",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("decision_id", sa.String(length=36), nullable=True),
        sa.Column("entry_no", sa.BigInteger(), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.CheckConstraint("outcome IN ('done', 'refused', 'failed')", name="ck_audit_event__outcome"),
        sa.PrimaryKeyConstraint("institution_id", "event_id", name="pk_audit_event"),
    )
    op.create_index("ix_audit_event__at", "audit_event", ["institution_id", "at"], unique=False)
    op.create_index("ix_audit_event__subject", "audit_event", ["institution_id", "subject"], unique=False)
    _create_table(
        "cap_table",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("table_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("version_no", sa.Integer(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("window_from", sa.Date(), nullable=False),
        sa.Column("window_to", sa.Date(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("cases_read", sa.Integer(), nullable=False),
        sa.Column("cases_used", sa.Integer(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("rule_version", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("measured_by", sa.String(length=40), nullable=False),
        sa.Column("measured_at", MOMENT, nullable=False),
        sa.Column("approved_by", sa.String(length=40), nullable=True),
        sa.Column("approved_at", MOMENT, nullable=True),
        sa.Column("rejected_by", sa.String(length=40), nullable=True),
        sa.Column("rejected_ground", sa.Text(), nullable=False),
        sa.Column("published_by", sa.String(length=40), nullable=True),
        sa.Column("published_at", MOMENT, nullable=True),
        sa.Column("effective_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "state <> 'published' OR (published_by IS NOT NULL AND published_at IS NOT NULL AND effective_on IS NOT NULL AND version_no IS NOT NULL)",
            name="ck_cap_table__published_with_version",
        ),
        sa.CheckConstraint("state IN ('draft', 'approved', 'rejected', 'published')", name="ck_cap_table__state"),
        sa.CheckConstraint(
            "state IN ('draft', 'rejected') OR (approved_by IS NOT NULL AND approved_at IS NOT NULL)",
            name="ck_cap_table__approved_before_published",
        ),
        sa.CheckConstraint("approved_by IS NULL OR approved_by <> measured_by", name="ck_cap_table__second_person"),
        sa.PrimaryKeyConstraint("institution_id", "table_id", name="pk_cap_table"),
        sa.UniqueConstraint("institution_id", "version_no", name="uq_cap_table__institution_id_version_no"),
    )
    _create_table(
        "case_import",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("import_id", sa.String(length=36), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.String(length=64), nullable=False),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("rows_accepted", sa.Integer(), nullable=False),
        sa.Column("rows_rejected", sa.Integer(), nullable=False),
        sa.Column("rows_known", sa.Integer(), nullable=False),
        sa.Column("imported_by", sa.String(length=40), nullable=False),
        sa.Column("imported_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "import_id", name="pk_case_import"),
        sa.UniqueConstraint("institution_id", "file_sha256", name="uq_case_import__institution_id_file_sha256"),
    )
    _create_table(
        "case_import_rejection",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("import_id", sa.String(length=36), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "import_id", "line", name="pk_case_import_rejection"),
    )
    _create_table(
        "decision",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=False),
        sa.Column("rule_version", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("decided_at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.CheckConstraint("outcome IN ('permitted', 'held', 'refused')", name="ck_decision__outcome"),
        sa.PrimaryKeyConstraint("institution_id", "decision_id", name="pk_decision"),
    )
    op.create_index("ix_decision__decided_at", "decision", ["institution_id", "decided_at"], unique=False)
    _create_table(
        "deposit_rules",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("version_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("written_by", sa.String(length=40), nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.Column("approved_by", sa.String(length=40), nullable=True),
        sa.Column("approved_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> written_by", name="ck_deposit_rules__second_person"
        ),
        sa.PrimaryKeyConstraint("institution_id", "version_no", name="pk_deposit_rules"),
    )
    _create_table(
        "disease",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("disease_code", sa.String(length=80), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("initials", sa.Text(), nullable=False),
        sa.Column("catalogue", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "disease_code", name="pk_disease"),
    )
    _create_table(
        "earlier_standard",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("disease_code", sa.String(length=80), nullable=False),
        sa.Column("insured_class", sa.String(length=10), nullable=False),
        sa.Column("standard_fen", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "insured_class IN ('employee', 'resident', 'self_pay')", name="ck_earlier_standard__insured_class"
        ),
        sa.PrimaryKeyConstraint("institution_id", "disease_code", "insured_class", name="pk_earlier_standard"),
    )
    _create_table(
        "idempotency_key",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("payload_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "key", name="pk_idempotency_key"),
    )
    _create_table(
        "inpatient_case",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("case_no", sa.String(length=80), nullable=False),
        sa.Column("discharged_on", sa.Date(), nullable=False),
        sa.Column("disease_code", sa.String(length=80), nullable=False),
        sa.Column("disease_name", sa.Text(), nullable=False),
        sa.Column("insured_class", sa.String(length=10), nullable=False),
        sa.Column("total_cost_fen", sa.BigInteger(), nullable=False),
        sa.Column("burden_fen", sa.BigInteger(), nullable=False),
        sa.Column("copayment_fen", sa.BigInteger(), nullable=True),
        sa.Column("import_id", sa.String(length=36), nullable=False),
        sa.CheckConstraint(
            "insured_class IN ('employee', 'resident', 'self_pay')", name="ck_inpatient_case__insured_class"
        ),
        sa.CheckConstraint("total_cost_fen >= 0 AND burden_fen >= 0", name="ck_inpatient_case__amounts_not_negative"),
        sa.PrimaryKeyConstraint("institution_id", "case_no", name="pk_inpatient_case"),
    )
    _create_table(
        "institution",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=True),
        sa.Column("ownership", sa.String(length=20), nullable=False),
        sa.Column("is_designated", sa.Boolean(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("changed_by", sa.String(length=40), nullable=False),
        sa.CheckConstraint("ownership IN ('public', 'private', 'military')", name="ck_institution__ownership"),
        sa.PrimaryKeyConstraint("institution_id", name="pk_institution"),
    )
    _create_table(
        "job_run",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("job", sa.String(length=60), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "job", "business_date", name="pk_job_run"),
    )
    _create_table(
        "ledger_account",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("account_id", sa.String(length=80), nullable=False),
        sa.Column("subject", sa.String(length=12), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("normal_side", sa.SmallInteger(), nullable=False),
        sa.Column("guarded", sa.Boolean(), nullable=False),
        sa.Column("balance_fen", sa.BigInteger(), nullable=False),
        sa.Column("ceiling_fen", sa.BigInteger(), nullable=True),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "subject <> '23050103' OR (guarded AND normal_side = -1 AND ceiling_fen IS NOT NULL)",
            name="ck_ledger_account__inpatient_deposits_are_guarded",
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("NOT guarded OR balance_fen >= 0", name="ck_ledger_account__balance_not_negative"),
        sa.CheckConstraint(
            "guarded OR balance_fen = 0", name="ck_ledger_account__only_guarded_accounts_carry_a_balance"
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "guarded OR ceiling_fen IS NULL", name="ck_ledger_account__only_guarded_accounts_have_a_ceiling"
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("normal_side IN (1, -1)", name="ck_ledger_account__normal_side").ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "account_id = subject OR substr(account_id, 1, length(subject) + 1) = subject || ':'",
            name="ck_ledger_account__named_by_its_subject",
        ).ddl_if(dialect="sqlite"),
        sa.PrimaryKeyConstraint("institution_id", "account_id", name="pk_ledger_account"),
    )
    _create_table(
        "ledger_block",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("block_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_no", sa.BigInteger(), nullable=False),
        sa.Column("last_no", sa.BigInteger(), nullable=False),
        sa.Column("entry_count", sa.BigInteger(), nullable=False),
        sa.Column("merkle_root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "block_no", name="pk_ledger_block"),
    )
    _create_table(
        "ledger_entry",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("entry_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("idempotency_key", sa.String(length=120), nullable=False),
        sa.Column("reverses_no", sa.BigInteger(), nullable=True),
        sa.Column("line_count", sa.SmallInteger(), nullable=False),
        sa.Column("occurred_at", MOMENT, nullable=False),
        sa.Column("posted_at", MOMENT, nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("posted_by", sa.String(length=40), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint("line_count >= 2", name="ck_ledger_entry__two_lines_at_least").ddl_if(dialect="sqlite"),
        sa.CheckConstraint("length(content_hash) = 32", name="ck_ledger_entry__hash_of_32_bytes").ddl_if(
            dialect="sqlite"
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "reverses_no"],
            ["ledger_entry.institution_id", "ledger_entry.entry_no"],
            name="fk_ledger_entry__reverses",
        ),
        sa.PrimaryKeyConstraint("institution_id", "entry_no", name="pk_ledger_entry"),
        sa.UniqueConstraint(
            "institution_id", "idempotency_key", name="uq_ledger_entry__institution_id_idempotency_key"
        ),
    )
    op.create_index(
        "uq_ledger_entry__reverses_no",
        "ledger_entry",
        ["institution_id", "reverses_no"],
        unique=True,
        sqlite_where=sa.text("reverses_no IS NOT NULL"),
        postgresql_where=sa.text("reverses_no IS NOT NULL"),
    )
    _create_table(
        "receipt_book",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("book", sa.String(length=12), nullable=False),
        sa.Column("holder", sa.String(length=40), nullable=False),
        sa.Column("last_serial", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("institution_id", "book", name="pk_receipt_book"),
    )
    _create_table(
        "setting_value",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("version_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.String(length=40), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "name", "version_no", name="pk_setting_value"),
    )
    _create_table(
        "similar_disease",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("disease_code", sa.String(length=80), nullable=False),
        sa.Column("similar_to", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "disease_code", "similar_to", name="pk_similar_disease"),
    )
    _create_table(
        "slip_request",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("book", sa.String(length=12), nullable=True),
        sa.Column("serial", sa.BigInteger(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("tender", sa.String(length=10), nullable=False),
        sa.Column("payment_reference", sa.Text(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.String(length=40), nullable=False),
        sa.Column("requested_at", MOMENT, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("receipt_book", sa.String(length=12), nullable=True),
        sa.Column("receipt_serial", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(state = 'waiting') = (decided_by IS NULL)", name="ck_slip_request__decided_by_somebody"),
        sa.CheckConstraint("kind IN ('refund', 'void')", name="ck_slip_request__kind"),
        sa.CheckConstraint("state IN ('waiting', 'approved', 'rejected')", name="ck_slip_request__state"),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> requested_by", name="ck_slip_request__second_person"),
        sa.PrimaryKeyConstraint("institution_id", "request_id", name="pk_slip_request"),
    )
    op.create_index(
        "uq_slip_request__open",
        "slip_request",
        ["institution_id", "source"],
        unique=True,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    _create_table(
        "staff_session",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("last_seen_at", MOMENT, nullable=False),
        sa.Column("second_factor_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.String(length=40), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "session_id", name="pk_staff_session"),
        sa.UniqueConstraint("session_id", name="uq_staff_session__session_id"),
    )
    op.create_index("ix_staff_session__user", "staff_session", ["institution_id", "user_id"], unique=False)
    _create_table(
        "staff_user",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("login", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("password_changed_at", MOMENT, nullable=False),
        sa.Column("totp_secret", sa.Text(), nullable=True),
        sa.Column("totp_last_step", sa.BigInteger(), nullable=False),
        sa.Column("failed_attempts", sa.Integer(), nullable=False),
        sa.Column("locked_until", MOMENT, nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "user_id", name="pk_staff_user"),
        sa.UniqueConstraint("login", name="uq_staff_user__login"),
    )
    _create_table(
        "stay",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("patient_name", sa.Text(), nullable=False),
        sa.Column("initials", sa.Text(), nullable=False),
        sa.Column("sex", sa.String(length=1), nullable=False),
        sa.Column("ward", sa.Text(), nullable=False),
        sa.Column("bed", sa.Text(), nullable=False),
        sa.Column("admitted_at", MOMENT, nullable=False),
        sa.Column("discharged_at", MOMENT, nullable=True),
        sa.Column("certificate_enc", sa.Text(), nullable=True),
        sa.Column("certificate_hash", sa.String(length=64), nullable=True),
        sa.Column("phone_enc", sa.Text(), nullable=True),
        sa.Column("phone_hash", sa.String(length=64), nullable=True),
        sa.Column("registered_by", sa.String(length=40), nullable=False),
        sa.Column("registered_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "stay_no", name="pk_stay"),
    )
    op.create_index("ix_stay__admitted_at", "stay", ["institution_id", "admitted_at"], unique=False)
    op.create_index("ix_stay__certificate_hash", "stay", ["institution_id", "certificate_hash"], unique=False)
    _create_table(
        "cap_row",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("table_id", sa.String(length=36), nullable=False),
        sa.Column("disease_code", sa.String(length=80), nullable=False),
        sa.Column("insured_class", sa.String(length=10), nullable=False),
        sa.Column("disease_name", sa.Text(), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("sum_cost_fen", sa.BigInteger(), nullable=False),
        sa.Column("sum_burden_fen", sa.BigInteger(), nullable=False),
        sa.Column("legacy_fen", sa.BigInteger(), nullable=True),
        sa.Column("cap_fen", sa.BigInteger(), nullable=True),
        sa.Column("basis", sa.String(length=12), nullable=False),
        sa.Column("clauses", sa.Text(), nullable=False),
        sa.Column("quantiles", sa.Text(), nullable=False),
        sa.Column("posted", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(basis = 'insufficient') = (cap_fen IS NULL)", name="ck_cap_row__cap_unless_insufficient"
        ),
        sa.CheckConstraint("basis IN ('mean', 'legacy', 'similar', 'insufficient')", name="ck_cap_row__basis"),
        sa.CheckConstraint("insured_class IN ('employee', 'resident', 'self_pay')", name="ck_cap_row__insured_class"),
        sa.ForeignKeyConstraint(
            ["institution_id", "table_id"],
            ["cap_table.institution_id", "cap_table.table_id"],
            name="fk_cap_row__cap_table",
        ),
        sa.PrimaryKeyConstraint("institution_id", "table_id", "disease_code", "insured_class", name="pk_cap_row"),
    )
    _create_table(
        "ledger_posting",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("entry_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("line_no", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.String(length=80), nullable=False),
        sa.Column("debit_fen", sa.BigInteger(), nullable=False),
        sa.Column("credit_fen", sa.BigInteger(), nullable=False),
        sa.Column("fund", sa.String(length=60), nullable=False),
        sa.CheckConstraint("(debit_fen = 0) <> (credit_fen = 0)", name="ck_ledger_posting__exactly_one_side").ddl_if(
            dialect="sqlite"
        ),
        sa.CheckConstraint("debit_fen >= 0 AND credit_fen >= 0", name="ck_ledger_posting__sides_not_negative").ddl_if(
            dialect="sqlite"
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "account_id"],
            ["ledger_account.institution_id", "ledger_account.account_id"],
            name="fk_ledger_posting__ledger_account",
        ).ddl_if(dialect="sqlite"),
        sa.ForeignKeyConstraint(
            ["institution_id", "entry_no"],
            ["ledger_entry.institution_id", "ledger_entry.entry_no"],
            name="fk_ledger_posting__ledger_entry",
            initially="DEFERRED",
            deferrable=True,
        ).ddl_if(dialect="sqlite"),
        sa.PrimaryKeyConstraint("institution_id", "entry_no", "line_no", name="pk_ledger_posting"),
    )
    op.create_index(
        "ix_ledger_posting__account", "ledger_posting", ["institution_id", "account_id", "entry_no"], unique=False
    )
    _create_table(
        "receipt",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("book", sa.String(length=12), nullable=False),
        sa.Column("serial", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("tender", sa.String(length=10), nullable=False),
        sa.Column("payment_reference", sa.Text(), nullable=False),
        sa.Column("payer", sa.Text(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("cancels_book", sa.String(length=12), nullable=True),
        sa.Column("cancels_serial", sa.BigInteger(), nullable=True),
        sa.Column("entry_no", sa.BigInteger(), nullable=False),
        sa.Column("decision_id", sa.String(length=36), nullable=True),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("issued_by", sa.String(length=40), nullable=False),
        sa.Column("approved_by", sa.String(length=40), nullable=True),
        sa.CheckConstraint("(kind = 'void') = (cancels_serial IS NOT NULL)", name="ck_receipt__void_names_its_slip"),
        sa.CheckConstraint(
            "kind = 'deposit' OR (approved_by IS NOT NULL AND approved_by <> issued_by)",
            name="ck_receipt__second_person",
        ),
        sa.CheckConstraint("kind IN ('deposit', 'refund', 'void')", name="ck_receipt__kind"),
        sa.CheckConstraint("tender IN ('cash', 'card', 'wechat', 'alipay', 'transfer')", name="ck_receipt__tender"),
        sa.CheckConstraint("amount_fen > 0", name="ck_receipt__amount_above_zero"),
        sa.ForeignKeyConstraint(
            ["institution_id", "entry_no"],
            ["ledger_entry.institution_id", "ledger_entry.entry_no"],
            name="fk_receipt__ledger_entry",
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no"], ["stay.institution_id", "stay.stay_no"], name="fk_receipt__stay"
        ),
        sa.PrimaryKeyConstraint("institution_id", "book", "serial", name="pk_receipt"),
        sa.UniqueConstraint("institution_id", "entry_no", name="uq_receipt__institution_id_entry_no"),
        sa.UniqueConstraint("token", name="uq_receipt__token"),
    )
    op.create_index("ix_receipt__stay", "receipt", ["institution_id", "stay_no"], unique=False)
    op.create_index(
        "uq_receipt__cancels",
        "receipt",
        ["institution_id", "cancels_book", "cancels_serial"],
        unique=True,
        sqlite_where=sa.text("cancels_serial IS NOT NULL"),
        postgresql_where=sa.text("cancels_serial IS NOT NULL"),
    )
    _create_table(
        "stay_cap",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("version_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("disease_code", sa.String(length=80), nullable=False),
        sa.Column("disease_name", sa.Text(), nullable=False),
        sa.Column("insured_class", sa.String(length=10), nullable=False),
        sa.Column("circumstance", sa.String(length=24), nullable=False),
        sa.Column("similar_code", sa.String(length=80), nullable=True),
        sa.Column("cap_fen", sa.BigInteger(), nullable=True),
        sa.Column("table_id", sa.String(length=36), nullable=True),
        sa.Column("talk", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "insured_class IN ('employee', 'resident', 'self_pay')", name="ck_stay_cap__insured_class"
        ),
        sa.CheckConstraint("cap_fen IS NULL OR cap_fen >= 0", name="ck_stay_cap__cap_not_negative"),
        sa.ForeignKeyConstraint(
            ["institution_id", "decision_id"],
            ["decision.institution_id", "decision.decision_id"],
            name="fk_stay_cap__decision",
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no"], ["stay.institution_id", "stay.stay_no"], name="fk_stay_cap__stay"
        ),
        sa.PrimaryKeyConstraint("institution_id", "stay_no", "version_no", name="pk_stay_cap"),
    )

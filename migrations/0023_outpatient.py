"""Outpatient deposits: accounts, claims, filings, batches for the treasury, and the books' own lock on their money."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
APPEND_ONLY = (
    "outpatient_bank_file",
    "outpatient_batch_review",
    "outpatient_claim_paper",
    "outpatient_filing_line",
    "outpatient_rejection",
    "outpatient_return_file",
    "outpatient_taken",
)
# On SQLite a row is replaced by its key without any trigger of deletion; the other tables' own triggers look.
REPLACED_BY = {
    "outpatient_bank_file": ("file_no",),
    "outpatient_claim_paper": ("claim_id", "paper_no"),
    "outpatient_rejection": ("import_no", "line"),
    "outpatient_return_file": ("sha256",),
    "outpatient_taken": ("taken_id",),
}
KEPT = (
    "outpatient_advance_line",
    "outpatient_advance_list",
    "outpatient_batch",
    "outpatient_claim",
    "outpatient_correction",
    "outpatient_filing",
    "outpatient_import",
    "outpatient_payout",
)


def upgrade() -> None:
    """Tables first, then what each database refuses by itself."""
    _outpatient_advance_list()
    _outpatient_bank_file()
    _outpatient_batch()
    _outpatient_filing()
    _outpatient_import()
    _outpatient_rejection()
    _outpatient_return_file()
    _outpatient_account()
    _outpatient_batch_review()
    _outpatient_batch_line()
    _outpatient_claim()
    _outpatient_correction()
    _outpatient_filing_line()
    _outpatient_taken()
    _outpatient_advance_line()
    _outpatient_claim_paper()
    _outpatient_payout()
    # A claim above what was remitted is the hospital's own cost; the budget may give back as income.
    for code, name, side in (("4001", "财政拨款收入", -1), ("5901", "其他费用", 1)):
        op.execute(
            "INSERT INTO ledger_account (institution_id, account_id, subject, name, normal_side, guarded, balance_fen,"
            f" opened_at, fund) SELECT institution_id, '{code}', '{code}', '{name}', {side}, guarded, 0, opened_at, ''"
            " FROM ledger_account a WHERE account_id = '1002' AND NOT EXISTS (SELECT 1 FROM ledger_account b"
            f" WHERE b.institution_id = a.institution_id AND b.account_id = '{code}')"
        )
    folder = Path(__file__).parent
    if op.get_bind().dialect.name == "postgresql":
        _run((folder / "0023_outpatient_postgresql.sql").read_text("utf-8"))
        for table in (*APPEND_ONLY, *KEPT):
            events = "UPDATE OR DELETE OR TRUNCATE" if table in APPEND_ONLY else "DELETE OR TRUNCATE"
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE {events} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        for table, events in (("outpatient_account", "TRUNCATE"), ("outpatient_batch_line", "UPDATE OR TRUNCATE")):
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE {events} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    text = (folder / "0023_outpatient_sqlite.sql").read_text("utf-8")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    for table, key in REPLACED_BY.items():
        same = " AND ".join(f"o.{name} IS NEW.{name}" for name in ("institution_id", *key))
        _run(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} BEGIN "
            f"SELECT RAISE(ABORT, 'append_only: {table}') WHERE EXISTS (SELECT 1 FROM {table} o WHERE {same}); END"
        )
    for table in (*APPEND_ONLY, *KEPT):
        for event in ("UPDATE", "DELETE") if table in APPEND_ONLY else ("DELETE",):
            _run(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, 'append_only: {table}'); END"
            )
    _run(
        "CREATE TRIGGER outpatient_batch_line_no_update BEFORE UPDATE ON outpatient_batch_line BEGIN "
        "SELECT RAISE(ABORT, 'append_only: outpatient_batch_line'); END"
    )


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _outpatient_advance_list() -> None:
    op.create_table(
        "outpatient_advance_list",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("list_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("budget_year", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("document", sa.Text(), server_default="", nullable=False),
        sa.Column("submitted_on", sa.Date(), nullable=True),
        sa.Column("submitted_by", sa.String(length=40), nullable=True),
        sa.Column("bank_reference", sa.Text(), server_default="", nullable=False),
        sa.Column("reimbursed_on", sa.Date(), nullable=True),
        sa.Column("reimbursed_by", sa.String(length=40), nullable=True),
        sa.Column("ground", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            (
                "state = 'made' OR state = 'refused' OR (length(document) > 0 AND submitted_on IS NOT NULL "
                "AND submitted_by IS NOT NULL AND submitted_by <> made_by)"
            ),
            name=op.f("ck_outpatient_advance_list__submitted_with_evidence"),
        ),
        sa.CheckConstraint(
            "state IN ('made', 'submitted', 'reimbursed', 'refused')", name=op.f("ck_outpatient_advance_list__state")
        ),
        sa.PrimaryKeyConstraint("institution_id", "list_no", name=op.f("pk_outpatient_advance_list")),
    )


def _outpatient_bank_file() -> None:
    op.create_table(
        "outpatient_bank_file",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("file_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("route", sa.String(length=8), nullable=False),
        sa.Column("payments", sa.Integer(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "file_no", name=op.f("pk_outpatient_bank_file")),
    )


def _outpatient_batch() -> None:
    op.create_table(
        "outpatient_batch",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("batch_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), server_default="", nullable=False),
        sa.Column("proposed_by", sa.String(length=40), nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("frozen_by", sa.String(length=40), nullable=True),
        sa.Column("frozen_at", MOMENT, nullable=True),
        sa.Column("approved_by", sa.String(length=40), nullable=True),
        sa.Column("approved_at", MOMENT, nullable=True),
        sa.Column("remitted_by", sa.String(length=40), nullable=True),
        sa.Column("remitted_at", MOMENT, nullable=True),
        sa.Column("remitted_on", sa.Date(), nullable=True),
        sa.Column("voucher_no", sa.Text(), server_default="", nullable=False),
        sa.Column("ended_ground", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            (
                "state <> 'remitted' OR (remitted_by IS NOT NULL AND remitted_by <> approved_by AND "
                "length(voucher_no) > 0 AND remitted_on IS NOT NULL)"
            ),
            name=op.f("ck_outpatient_batch__remitted_with_its_voucher"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'frozen', 'approved', 'booked', 'remitted', 'dropped')",
            name=op.f("ck_outpatient_batch__state"),
        ),
        sa.CheckConstraint(
            (
                "state NOT IN ('approved', 'booked', 'remitted') OR (approved_by IS NOT NULL AND "
                "approved_by <> frozen_by)"
            ),
            name=op.f("ck_outpatient_batch__approver_is_another"),
        ),
        sa.CheckConstraint(
            (
                "state NOT IN ('frozen', 'approved', 'booked', 'remitted') OR (frozen_by IS NOT NULL AND "
                "length(sha256) = 64)"
            ),
            name=op.f("ck_outpatient_batch__frozen_with_its_list"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "batch_no", name=op.f("pk_outpatient_batch")),
    )
    op.create_index(
        "uq_outpatient_batch__day",
        "outpatient_batch",
        ["institution_id", "on_day"],
        unique=True,
        sqlite_where=sa.text("state NOT IN ('dropped', 'remitted')"),
        postgresql_where=sa.text("state NOT IN ('dropped', 'remitted')"),
    )


def _outpatient_filing() -> None:
    op.create_table(
        "outpatient_filing",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("filing_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("risk_note", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("authority", sa.Text(), server_default="", nullable=False),
        sa.Column("submitted_on", sa.Date(), nullable=True),
        sa.Column("submitted_by", sa.String(length=40), nullable=True),
        sa.Column("acknowledgement_no", sa.Text(), server_default="", nullable=False),
        sa.Column("acknowledged_on", sa.Date(), nullable=True),
        sa.Column("recorded_by", sa.String(length=40), nullable=True),
        sa.Column("recorded_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            (
                "state <> 'acknowledged' OR (length(acknowledgement_no) > 0 AND acknowledged_on IS NOT NULL"
                " AND acknowledged_on >= submitted_on AND recorded_by IS NOT NULL AND recorded_by <> "
                "made_by)"
            ),
            name=op.f("ck_outpatient_filing__acknowledged_with_evidence"),
        ),
        sa.CheckConstraint(
            "state IN ('made', 'submitted', 'acknowledged', 'withdrawn')", name=op.f("ck_outpatient_filing__state")
        ),
        sa.CheckConstraint("length(risk_note) > 0", name=op.f("ck_outpatient_filing__with_a_risk_note")),
        sa.PrimaryKeyConstraint("institution_id", "filing_no", name=op.f("pk_outpatient_filing")),
    )


def _outpatient_import() -> None:
    op.create_table(
        "outpatient_import",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("import_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("balances_on", sa.Date(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("imported_by", sa.String(length=40), nullable=False),
        sa.Column("imported_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("booked_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "state IN ('counted', 'confirmed', 'booked', 'dropped')", name=op.f("ck_outpatient_import__state")
        ),
        sa.CheckConstraint(
            "state IN ('counted', 'dropped') OR (decided_by IS NOT NULL AND decided_by <> imported_by)",
            name=op.f("ck_outpatient_import__second_person"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "import_no", name=op.f("pk_outpatient_import")),
    )
    op.create_index(
        "uq_outpatient_import__file",
        "outpatient_import",
        ["institution_id", "sha256"],
        unique=True,
        sqlite_where=sa.text("state <> 'dropped'"),
        postgresql_where=sa.text("state <> 'dropped'"),
    )


def _outpatient_rejection() -> None:
    op.create_table(
        "outpatient_rejection",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("import_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "import_no", "line", name=op.f("pk_outpatient_rejection")),
    )


def _outpatient_return_file() -> None:
    op.create_table(
        "outpatient_return_file",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("arrived", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("unknown", sa.Integer(), nullable=False),
        sa.Column("imported_by", sa.String(length=40), nullable=False),
        sa.Column("imported_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "sha256", name=op.f("pk_outpatient_return_file")),
    )


def _outpatient_account() -> None:
    op.create_table(
        "outpatient_account",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("account_no", sa.String(length=40), nullable=False),
        sa.Column("import_no", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("holder_name", sa.Text(), nullable=False),
        sa.Column("personal", sa.Text(), nullable=False),
        sa.Column("certno_hash", sa.String(length=100), nullable=False),
        sa.Column("phone_hash", sa.String(length=100), nullable=False),
        sa.Column("reach", sa.String(length=8), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("patient_no", sa.String(length=80), nullable=False),
        sa.Column("opening_fen", sa.BigInteger(), nullable=False),
        sa.Column("last_movement_on", sa.Date(), nullable=True),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=11), nullable=False),
        sa.Column("unclearable_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("filed_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "channel IN ('cash', 'card', 'wechat', 'alipay', 'transfer', 'unknown')",
            name=op.f("ck_outpatient_account__channel"),
        ),
        sa.CheckConstraint(
            "kind = 'outpatient_deposit' OR state IN ('open', 'refunded')",
            name=op.f("ck_outpatient_account__only_deposits_are_filed"),
        ),
        sa.CheckConstraint(
            (
                "kind IN ('outpatient_deposit', 'registration_fee', 'treatment_course', 'group_checkup', "
                "'pre_surgery', 'special_disease', 'other_not_deposit')"
            ),
            name=op.f("ck_outpatient_account__kind"),
        ),
        sa.CheckConstraint(
            "reach IN ('phone', 'identity', 'name', 'none')", name=op.f("ck_outpatient_account__reach")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'refunded', 'unclearable', 'filed', 'frozen', 'remitted', 'reclaimed')",
            name=op.f("ck_outpatient_account__state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('filed', 'frozen', 'remitted', 'reclaimed') OR filed_on IS NOT NULL",
            name=op.f("ck_outpatient_account__filed_with_day"),
        ),
        sa.CheckConstraint(
            (
                "state NOT IN ('unclearable', 'filed', 'frozen', 'remitted', 'reclaimed') OR "
                "length(unclearable_reason) > 0"
            ),
            name=op.f("ck_outpatient_account__unclearable_with_reason"),
        ),
        sa.CheckConstraint("opening_fen >= 0", name=op.f("ck_outpatient_account__opening_not_negative")),
        sa.ForeignKeyConstraint(
            ["institution_id", "import_no"],
            ["outpatient_import.institution_id", "outpatient_import.import_no"],
            name=op.f("fk_outpatient_account__outpatient_import"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "account_no", name=op.f("pk_outpatient_account")),
    )
    op.create_index(
        "ix_outpatient_account__import", "outpatient_account", ["institution_id", "import_no", "account_no"]
    )
    for name, columns, which in (
        ("certno", ["certno_hash"], "certno_hash <> ''"),
        ("phone", ["phone_hash"], "phone_hash <> ''"),
        ("person", ["person_id"], "person_id <> account_no"),
        ("state", ["state", "last_movement_on"], "state <> 'open'"),
    ):
        op.create_index(
            f"ix_outpatient_account__{name}",
            "outpatient_account",
            ["institution_id", *columns],
            sqlite_where=sa.text(which),
            postgresql_where=sa.text(which),
        )


def _outpatient_batch_review() -> None:
    op.create_table(
        "outpatient_batch_review",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("batch_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("part", sa.String(length=8), nullable=False),
        sa.Column("reviewed_by", sa.String(length=40), nullable=False),
        sa.Column("reviewed_at", MOMENT, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("part IN ('books', 'contacts', 'filing')", name=op.f("ck_outpatient_batch_review__part")),
        sa.ForeignKeyConstraint(
            ["institution_id", "batch_no"],
            ["outpatient_batch.institution_id", "outpatient_batch.batch_no"],
            name=op.f("fk_outpatient_batch_review__outpatient_batch"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "batch_no", "part", name=op.f("pk_outpatient_batch_review")),
        sa.UniqueConstraint("institution_id", "batch_no", "reviewed_by", name="uq_outpatient_batch_review__person"),
    )


def _outpatient_batch_line() -> None:
    op.create_table(
        "outpatient_batch_line",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("batch_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account_no", sa.String(length=40), nullable=False),
        sa.Column("balance_fen", sa.BigInteger(), nullable=False),
        sa.Column("last_movement_on", sa.Date(), nullable=False),
        sa.CheckConstraint("balance_fen > 0", name=op.f("ck_outpatient_batch_line__balance_above_zero")),
        sa.ForeignKeyConstraint(
            ["institution_id", "account_no"],
            ["outpatient_account.institution_id", "outpatient_account.account_no"],
            name=op.f("fk_outpatient_batch_line__outpatient_account"),
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "batch_no"],
            ["outpatient_batch.institution_id", "outpatient_batch.batch_no"],
            name=op.f("fk_outpatient_batch_line__outpatient_batch"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "batch_no", "account_no", name=op.f("pk_outpatient_batch_line")),
    )
    op.create_index(
        "ix_outpatient_batch_line__account",
        "outpatient_batch_line",
        ["institution_id", "account_no", "batch_no"],
        unique=False,
    )


def _outpatient_claim() -> None:
    op.create_table(
        "outpatient_claim",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("claim_id", sa.String(length=36), nullable=False),
        sa.Column("refund_no", sa.String(length=24), nullable=False),
        sa.Column("account_no", sa.String(length=40), nullable=False),
        sa.Column("remitted", sa.Boolean(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("claimant", sa.String(length=5), nullable=False),
        sa.Column("card_lost", sa.Boolean(), nullable=False),
        sa.Column("claimant_name", sa.Text(), nullable=False),
        sa.Column("personal", sa.Text(), nullable=False),
        sa.Column("card_hash", sa.String(length=100), nullable=False),
        sa.Column("taken_at", sa.String(length=6), nullable=False),
        sa.Column("route", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("accepted_by", sa.String(length=40), nullable=False),
        sa.Column("accepted_at", MOMENT, nullable=False),
        sa.Column("reviewed_by", sa.String(length=40), nullable=True),
        sa.Column("reviewed_at", MOMENT, nullable=True),
        sa.Column("confirmed_by", sa.String(length=40), nullable=True),
        sa.Column("confirmed_at", MOMENT, nullable=True),
        sa.Column("paid_by", sa.String(length=40), nullable=True),
        sa.Column("paid_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.String(length=40), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ground", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("claimant IN ('self', 'proxy', 'heir')", name=op.f("ck_outpatient_claim__claimant")),
        sa.CheckConstraint("route IN ('original', 'bank', 'cash')", name=op.f("ck_outpatient_claim__route")),
        sa.CheckConstraint(
            ("state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed', 'arrived', 'rejected', 'withdrawn')"),
            name=op.f("ck_outpatient_claim__state"),
        ),
        sa.CheckConstraint(
            (
                "state NOT IN ('confirmed', 'sent', 'failed', 'arrived') OR (confirmed_by IS NOT NULL AND "
                "confirmed_by <> accepted_by AND confirmed_by <> reviewed_by)"
            ),
            name=op.f("ck_outpatient_claim__confirmer_is_a_third"),
        ),
        sa.CheckConstraint(
            (
                "state NOT IN ('reviewed', 'confirmed', 'sent', 'failed', 'arrived') OR (reviewed_by IS NOT"
                " NULL AND reviewed_by <> accepted_by)"
            ),
            name=op.f("ck_outpatient_claim__reviewer_is_another"),
        ),
        sa.CheckConstraint(
            (
                "state NOT IN ('sent', 'failed', 'arrived') OR (paid_by IS NOT NULL AND paid_by <> "
                "confirmed_by AND paid_by <> reviewed_by)"
            ),
            name=op.f("ck_outpatient_claim__payer_is_another"),
        ),
        sa.CheckConstraint("taken_at IN ('window', 'online')", name=op.f("ck_outpatient_claim__taken_at")),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_outpatient_claim__amount_above_zero")),
        sa.ForeignKeyConstraint(
            ["institution_id", "account_no"],
            ["outpatient_account.institution_id", "outpatient_account.account_no"],
            name=op.f("fk_outpatient_claim__outpatient_account"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "claim_id", name=op.f("pk_outpatient_claim")),
        sa.UniqueConstraint("institution_id", "refund_no", name="uq_outpatient_claim__refund_no"),
    )
    op.create_index(
        "ix_outpatient_claim__account", "outpatient_claim", ["institution_id", "account_no"], unique=False
    )
    op.create_index("ix_outpatient_claim__card", "outpatient_claim", ["institution_id", "card_hash"], unique=False)
    op.create_index("ix_outpatient_claim__state", "outpatient_claim", ["institution_id", "state"], unique=False)
    op.create_index(
        "uq_outpatient_claim__open",
        "outpatient_claim",
        ["institution_id", "account_no"],
        unique=True,
        sqlite_where=sa.text("state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed')"),
        postgresql_where=sa.text("state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed')"),
    )
    op.create_index(
        "uq_outpatient_claim__remitted",
        "outpatient_claim",
        ["institution_id", "account_no"],
        unique=True,
        sqlite_where=sa.text("remitted = 1 AND state NOT IN ('rejected', 'withdrawn')"),
        postgresql_where=sa.text("remitted AND state NOT IN ('rejected', 'withdrawn')"),
    )


def _outpatient_correction() -> None:
    op.create_table(
        "outpatient_correction",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("correction_id", sa.String(length=36), nullable=False),
        sa.Column("account_no", sa.String(length=40), nullable=False),
        sa.Column("change_fen", sa.BigInteger(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("asked_by", sa.String(length=40), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "state = 'asked' OR (decided_by IS NOT NULL AND decided_by <> asked_by)",
            name=op.f("ck_outpatient_correction__second_person"),
        ),
        sa.CheckConstraint(
            "state IN ('asked', 'approved', 'rejected')", name=op.f("ck_outpatient_correction__state")
        ),
        sa.CheckConstraint(
            "change_fen <> 0 AND length(ground) > 0", name=op.f("ck_outpatient_correction__a_change_with_its_ground")
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "account_no"],
            ["outpatient_account.institution_id", "outpatient_account.account_no"],
            name=op.f("fk_outpatient_correction__outpatient_account"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "correction_id", name=op.f("pk_outpatient_correction")),
    )


def _outpatient_filing_line() -> None:
    op.create_table(
        "outpatient_filing_line",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("filing_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account_no", sa.String(length=40), nullable=False),
        sa.Column("balance_fen", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["institution_id", "account_no"],
            ["outpatient_account.institution_id", "outpatient_account.account_no"],
            name=op.f("fk_outpatient_filing_line__outpatient_account"),
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "filing_no"],
            ["outpatient_filing.institution_id", "outpatient_filing.filing_no"],
            name=op.f("fk_outpatient_filing_line__outpatient_filing"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "filing_no", "account_no", name=op.f("pk_outpatient_filing_line")),
    )
    op.create_index(
        "ix_outpatient_filing_line__account",
        "outpatient_filing_line",
        ["institution_id", "account_no", "filing_no"],
        unique=False,
    )


def _outpatient_taken() -> None:
    op.create_table(
        "outpatient_taken",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("taken_id", sa.String(length=36), nullable=False),
        sa.Column("account_no", sa.String(length=40), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("tender", sa.String(length=8), nullable=False),
        sa.Column("kept_kind", sa.String(length=40), nullable=False),
        sa.Column("filing_id", sa.String(length=36), nullable=False),
        sa.Column("consent", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("taken_by", sa.String(length=40), nullable=False),
        sa.Column("taken_at", MOMENT, nullable=False),
        sa.CheckConstraint("amount_fen > 0 AND length(consent) > 0", name=op.f("ck_outpatient_taken__with_consent")),
        sa.ForeignKeyConstraint(
            ["institution_id", "account_no"],
            ["outpatient_account.institution_id", "outpatient_account.account_no"],
            name=op.f("fk_outpatient_taken__outpatient_account"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "taken_id", name=op.f("pk_outpatient_taken")),
    )
    op.create_index(
        "ix_outpatient_taken__account", "outpatient_taken", ["institution_id", "account_no"], unique=False
    )


def _outpatient_advance_line() -> None:
    op.create_table(
        "outpatient_advance_line",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("list_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("claim_id", sa.String(length=36), nullable=False),
        sa.Column("account_no", sa.String(length=40), nullable=False),
        sa.Column("applied_fen", sa.BigInteger(), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.CheckConstraint("applied_fen > 0", name=op.f("ck_outpatient_advance_line__applied_above_zero")),
        sa.ForeignKeyConstraint(
            ["institution_id", "claim_id"],
            ["outpatient_claim.institution_id", "outpatient_claim.claim_id"],
            name=op.f("fk_outpatient_advance_line__outpatient_claim"),
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "list_no"],
            ["outpatient_advance_list.institution_id", "outpatient_advance_list.list_no"],
            name=op.f("fk_outpatient_advance_line__outpatient_advance_list"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "list_no", "claim_id", name=op.f("pk_outpatient_advance_line")),
    )
    op.create_index(
        "ix_outpatient_advance_line__account",
        "outpatient_advance_line",
        ["institution_id", "account_no"],
        unique=False,
    )
    op.create_index(
        "uq_outpatient_advance_line__claim",
        "outpatient_advance_line",
        ["institution_id", "claim_id"],
        unique=True,
        sqlite_where=sa.text("counts = 1"),
        postgresql_where=sa.text("counts"),
    )


def _outpatient_claim_paper() -> None:
    op.create_table(
        "outpatient_claim_paper",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("claim_id", sa.String(length=36), nullable=False),
        sa.Column("paper_no", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["institution_id", "claim_id"],
            ["outpatient_claim.institution_id", "outpatient_claim.claim_id"],
            name=op.f("fk_outpatient_claim_paper__outpatient_claim"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "claim_id", "paper_no", name=op.f("pk_outpatient_claim_paper")),
    )


def _outpatient_payout() -> None:
    op.create_table(
        "outpatient_payout",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("claim_id", sa.String(length=36), nullable=False),
        sa.Column("attempt_no", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("route", sa.String(length=8), nullable=False),
        sa.Column("file_no", sa.Integer(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("sent_by", sa.String(length=40), nullable=False),
        sa.Column("sent_at", MOMENT, nullable=False),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.Column("bank_reference", sa.Text(), server_default="", nullable=False),
        sa.Column("failure", sa.Text(), server_default="", nullable=False),
        sa.Column("entry_no", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state <> 'arrived' OR entry_no IS NOT NULL", name=op.f("ck_outpatient_payout__arrived_is_booked")
        ),
        sa.CheckConstraint(
            "state IN ('sent', 'arrived', 'failed', 'returned')", name=op.f("ck_outpatient_payout__state")
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "claim_id"],
            ["outpatient_claim.institution_id", "outpatient_claim.claim_id"],
            name=op.f("fk_outpatient_payout__outpatient_claim"),
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "file_no"],
            ["outpatient_bank_file.institution_id", "outpatient_bank_file.file_no"],
            name=op.f("fk_outpatient_payout__outpatient_bank_file"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "claim_id", "attempt_no", name=op.f("pk_outpatient_payout")),
    )
    op.create_index("ix_outpatient_payout__file", "outpatient_payout", ["institution_id", "file_no"], unique=False)
    op.create_index(
        "uq_outpatient_payout__under_way",
        "outpatient_payout",
        ["institution_id", "claim_id"],
        unique=True,
        sqlite_where=sa.text("state = 'sent'"),
        postgresql_where=sa.text("state = 'sent'"),
    )

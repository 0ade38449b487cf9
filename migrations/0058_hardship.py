"""Arrears, provision and write-off, the emergency relief fund, groups that pay later, costs so far, assessments."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
# What is never changed at all, and what only takes its steps.
KEPT = ("arrears_promise", "arrears_contact", "stay_cost", "patient_group_list", "patient_group_member")
WALKING = ("arrears_act", "relief_application", "risk_assessment")


def upgrade() -> None:
    """Tables first, then what each database refuses by itself."""
    _arrears_act()
    _arrears_promise()
    _arrears_contact()
    _stay_cost()
    _relief_application()
    _risk_assessment()
    _patient_group_list()
    _patient_group_member()
    op.create_index(
        "ix_ledger_account__owed",
        "ledger_account",
        ["institution_id", "account_id"],
        sqlite_where=sa.text("subject = '12120203' AND balance_fen > 0"),
        postgresql_where=sa.text("subject = '12120203' AND balance_fen > 0"),
    )
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0058_hardship_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        for table in (*KEPT, *WALKING):
            events = "DELETE OR TRUNCATE" if table in WALKING else "UPDATE OR DELETE OR TRUNCATE"
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE {events} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    for table in (*KEPT, *WALKING):
        for event in ("DELETE",) if table in WALKING else ("UPDATE", "DELETE"):
            _run(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, 'append_only: {table}'); END"
            )


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _arrears_act() -> None:
    op.create_table(
        "arrears_act",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("act_id", sa.String(length=36), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=9), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=7), nullable=False),
        sa.Column("asked_by", sa.String(length=40), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("entry_no", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(state = 'done') = (entry_no IS NOT NULL)", name=op.f("ck_arrears_act__posted")),
        sa.CheckConstraint(
            "kind = 'reopen' OR (ground <> '' AND evidence <> '')", name=op.f("ck_arrears_act__grounded")
        ),
        sa.CheckConstraint(
            "kind IN ('provision', 'release', 'write_off', 'reopen')", name=op.f("ck_arrears_act__kind")
        ),
        sa.CheckConstraint("state IN ('waiting', 'done', 'refused')", name=op.f("ck_arrears_act__state")),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_arrears_act__amount")),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> asked_by", name=op.f("ck_arrears_act__second_person")
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "entry_no"],
            ["ledger_entry.institution_id", "ledger_entry.entry_no"],
            name="fk_arrears_act__ledger_entry",
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no"], ["stay.institution_id", "stay.stay_no"], name="fk_arrears_act__stay"
        ),
        sa.PrimaryKeyConstraint("institution_id", "act_id", name=op.f("pk_arrears_act")),
    )
    op.create_index("ix_arrears_act__stay", "arrears_act", ["institution_id", "stay_no"], unique=False)
    op.create_index("uq_arrears_act__entry", "arrears_act", ["institution_id", "entry_no"], unique=True)
    op.create_index(
        "uq_arrears_act__waiting",
        "arrears_act",
        ["institution_id", "stay_no"],
        unique=True,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )


def _arrears_promise() -> None:
    op.create_table(
        "arrears_promise",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("promise_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instalments", sa.Text(), nullable=False),
        sa.Column("owed_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_before_fen", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.CheckConstraint("owed_fen > 0", name=op.f("ck_arrears_promise__owed")),
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no"], ["stay.institution_id", "stay.stay_no"], name="fk_arrears_promise__stay"
        ),
        sa.PrimaryKeyConstraint("institution_id", "stay_no", "promise_no", name=op.f("pk_arrears_promise")),
    )


def _arrears_contact() -> None:
    op.create_table(
        "arrears_contact",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("contact_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("way", sa.String(length=6), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("owed_fen", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.CheckConstraint("way IN ('phone', 'sms', 'visit', 'letter')", name=op.f("ck_arrears_contact__way")),
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no"], ["stay.institution_id", "stay.stay_no"], name="fk_arrears_contact__stay"
        ),
        sa.PrimaryKeyConstraint("institution_id", "stay_no", "contact_no", name=op.f("pk_arrears_contact")),
    )


def _stay_cost() -> None:
    op.create_table(
        "stay_cost",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("as_of", MOMENT, nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("own_fen", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=4), nullable=False),
        sa.Column("taken_by", sa.String(length=40), nullable=False),
        sa.Column("taken_at", MOMENT, nullable=False),
        sa.CheckConstraint("source IN ('api', 'csv')", name=op.f("ck_stay_cost__source")),
        sa.CheckConstraint("own_fen >= 0 AND own_fen <= total_fen", name=op.f("ck_stay_cost__amounts")),
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no"], ["stay.institution_id", "stay.stay_no"], name="fk_stay_cost__stay"
        ),
        sa.PrimaryKeyConstraint("institution_id", "stay_no", "as_of", name=op.f("pk_stay_cost")),
    )


def _relief_application() -> None:
    op.create_table(
        "relief_application",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("application_id", sa.String(length=36), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("papers", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("submitted_by", sa.String(length=40), nullable=True),
        sa.Column("submitted_at", MOMENT, nullable=True),
        sa.Column("answered_by", sa.String(length=40), nullable=True),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.Column("granted_fen", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("received_by", sa.String(length=40), nullable=True),
        sa.Column("received_at", MOMENT, nullable=True),
        sa.Column("received_fen", sa.BigInteger(), nullable=True),
        sa.Column("bank_reference", sa.String(length=64), nullable=True),
        sa.Column("entry_no", sa.BigInteger(), nullable=True),
        sa.Column("returned_by", sa.String(length=40), nullable=True),
        sa.Column("returned_at", MOMENT, nullable=True),
        sa.Column("return_reference", sa.String(length=64), nullable=True),
        sa.Column("return_entry_no", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('received', 'returned')) = (entry_no IS NOT NULL)", name=op.f("ck_relief_application__posted")
        ),
        sa.CheckConstraint(
            "(state = 'returned') = (return_entry_no IS NOT NULL)", name=op.f("ck_relief_application__given_back")
        ),
        sa.CheckConstraint("ground <> '' AND papers <> ''", name=op.f("ck_relief_application__grounded")),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'granted', 'refused', 'received', 'returned')",
            name=op.f("ck_relief_application__state"),
        ),
        sa.CheckConstraint(
            "amount_fen > 0 AND (granted_fen IS NULL OR (granted_fen > 0 AND granted_fen <= amount_fen)) AND (received_fen IS NULL OR (received_fen > 0 AND received_fen <= granted_fen))",
            name=op.f("ck_relief_application__amounts"),
        ),
        sa.CheckConstraint(
            "submitted_by IS NULL OR submitted_by <> made_by", name=op.f("ck_relief_application__second_person")
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "entry_no"],
            ["ledger_entry.institution_id", "ledger_entry.entry_no"],
            name="fk_relief_application__ledger_entry",
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no"], ["stay.institution_id", "stay.stay_no"], name="fk_relief_application__stay"
        ),
        sa.PrimaryKeyConstraint("institution_id", "application_id", name=op.f("pk_relief_application")),
    )
    op.create_index(
        "uq_relief_application__bank", "relief_application", ["institution_id", "bank_reference"], unique=True
    )
    op.create_index("uq_relief_application__entry", "relief_application", ["institution_id", "entry_no"], unique=True)
    op.create_index(
        "uq_relief_application__open",
        "relief_application",
        ["institution_id", "stay_no"],
        unique=True,
        sqlite_where=sa.text("state IN ('draft', 'submitted', 'granted')"),
        postgresql_where=sa.text("state IN ('draft', 'submitted', 'granted')"),
    )


def _risk_assessment() -> None:
    op.create_table(
        "risk_assessment",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("assessment_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_to", sa.Date(), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("measures", sa.Text(), nullable=False),
        sa.Column("assessed_by", sa.String(length=40), nullable=False),
        sa.Column("assessed_at", MOMENT, nullable=False),
        sa.Column("approved_by", sa.String(length=40), nullable=True),
        sa.Column("approved_at", MOMENT, nullable=True),
        sa.CheckConstraint("findings <> '' AND measures <> ''", name=op.f("ck_risk_assessment__written")),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> assessed_by", name=op.f("ck_risk_assessment__second_person")
        ),
        sa.CheckConstraint("period_from <= period_to", name=op.f("ck_risk_assessment__period")),
        sa.PrimaryKeyConstraint("institution_id", "assessment_no", name=op.f("pk_risk_assessment")),
    )


def _patient_group_list() -> None:
    op.create_table(
        "patient_group_list",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("list_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("group_code", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=40), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("dated_on", sa.Date(), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("imported_by", sa.String(length=40), nullable=False),
        sa.Column("imported_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "group_code IN ('lifted', 'low_income', 'destitute', 'at_risk')",
            name=op.f("ck_patient_group_list__group_code"),
        ),
        sa.CheckConstraint("source <> '' AND members > 0", name=op.f("ck_patient_group_list__sourced")),
        sa.PrimaryKeyConstraint("institution_id", "list_no", name=op.f("pk_patient_group_list")),
    )


def _patient_group_member() -> None:
    op.create_table(
        "patient_group_member",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("list_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("certificate_hash", sa.String(length=120), nullable=False),
        sa.Column("certificate_enc", sa.Text(), nullable=False),
        sa.Column("name_enc", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "valid_from IS NULL OR valid_to IS NULL OR valid_from <= valid_to",
            name=op.f("ck_patient_group_member__valid"),
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "list_no"],
            ["patient_group_list.institution_id", "patient_group_list.list_no"],
            name="fk_patient_group_member__list",
        ),
        sa.PrimaryKeyConstraint("institution_id", "list_no", "line_no", name=op.f("pk_patient_group_member")),
    )
    op.create_index(
        "ix_patient_group_member__certificate",
        "patient_group_member",
        ["institution_id", "certificate_hash"],
        unique=False,
    )

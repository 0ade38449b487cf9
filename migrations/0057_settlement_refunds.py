"""Money after a settlement: refunds on their way and those that came back, and what nobody has fetched."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
TABLES = ("refund_arrival", "unclaimed_deposit")
# Refunds that left before this migration are on their way until somebody says otherwise.
ON_THE_WAY = """
INSERT INTO refund_arrival (institution_id, book, serial, attempt_no, route, state, sent_at, entry_no)
SELECT r.institution_id, r.book, r.serial, 1, r.tender, 'sent', r.issued_at, r.entry_no FROM receipt r
JOIN stay s ON s.institution_id = r.institution_id AND s.stay_no = r.stay_no
WHERE r.tender <> 'cash' AND (r.kind = 'return' OR (r.kind = 'refund' AND s.discharged_at IS NOT NULL))
  AND NOT EXISTS (SELECT 1 FROM receipt v WHERE v.institution_id = r.institution_id AND v.cancels_book = r.book
    AND v.cancels_serial = r.serial)
"""


def upgrade() -> None:
    """Tables first, then what each database refuses by itself, then the refunds that are on their way."""
    _refund_arrival()
    _unclaimed_deposit()
    _settled_once()
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0057_settlement_refunds_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        for table in TABLES:
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
    else:
        _run("DROP TRIGGER outpatient_owed_opens")
        for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
            _run(statement)
        for table in TABLES:
            _run(
                f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN "
                f"SELECT RAISE(ABORT, 'append_only: {table}'); END"
            )
    _run(ON_THE_WAY)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _settled_once() -> None:
    """Of a stay one settlement of a discharge stands at most, whichever discharge; those taken back are found."""
    op.drop_index("uq_settlement__standing", "settlement")
    op.create_index(
        "uq_settlement__standing",
        "settlement",
        ["institution_id", "stay_no"],
        unique=True,
        sqlite_where=sa.text("recalled_at IS NULL AND discharged_at IS NOT NULL"),
        postgresql_where=sa.text("recalled_at IS NULL AND discharged_at IS NOT NULL"),
    )
    op.create_index(
        "ix_discharge__ended",
        "discharge",
        ["institution_id", "ended_at"],
        sqlite_where=sa.text("ended_at IS NOT NULL"),
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )


def _refund_arrival() -> None:
    op.create_table(
        "refund_arrival",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("book", sa.String(length=12), nullable=False),
        sa.Column("serial", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("attempt_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("route", sa.String(length=10), nullable=False),
        sa.Column("account_enc", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("asked_by", sa.String(length=40), nullable=True),
        sa.Column("asked_at", MOMENT, nullable=True),
        sa.Column("sent_by", sa.String(length=40), nullable=True),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("entry_no", sa.BigInteger(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("known_by", sa.String(length=40), nullable=True),
        sa.Column("known_at", MOMENT, nullable=True),
        sa.Column("back_entry_no", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state = 'failed') = (back_entry_no IS NOT NULL)", name=op.f("ck_refund_arrival__failed_with_its_entry")
        ),
        sa.CheckConstraint(
            "(state IN ('asked', 'sent')) = (known_at IS NULL) AND (known_at IS NULL) = (known_by IS NULL) AND (known_at IS NULL OR length(evidence) > 0)",
            name=op.f("ck_refund_arrival__known_by_something"),
        ),
        sa.CheckConstraint(
            "route IN ('cash', 'card', 'wechat', 'alipay', 'transfer')", name=op.f("ck_refund_arrival__route")
        ),
        sa.CheckConstraint(
            "state IN ('asked', 'sent', 'arrived', 'failed', 'dropped')", name=op.f("ck_refund_arrival__state")
        ),
        sa.CheckConstraint(
            "state NOT IN ('sent', 'arrived', 'failed') OR sent_at IS NOT NULL", name=op.f("ck_refund_arrival__sent")
        ),
        sa.CheckConstraint(
            "(sent_at IS NULL) = (entry_no IS NULL)", name=op.f("ck_refund_arrival__sent_with_its_entry")
        ),
        sa.CheckConstraint(
            "attempt_no > 0 AND (attempt_no = 1) = (asked_by IS NULL)", name=op.f("ck_refund_arrival__asked_for")
        ),
        sa.CheckConstraint("sent_by IS NULL OR sent_by <> asked_by", name=op.f("ck_refund_arrival__second_person")),
        sa.ForeignKeyConstraint(
            ["institution_id", "book", "serial"],
            ["receipt.institution_id", "receipt.book", "receipt.serial"],
            name="fk_refund_arrival__receipt",
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "entry_no"],
            ["ledger_entry.institution_id", "ledger_entry.entry_no"],
            name="fk_refund_arrival__ledger_entry",
        ),
        sa.PrimaryKeyConstraint("institution_id", "book", "serial", "attempt_no", name=op.f("pk_refund_arrival")),
    )
    op.create_index(
        "ix_refund_arrival__waiting",
        "refund_arrival",
        ["institution_id", "sent_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('asked', 'sent', 'failed')"),
        postgresql_where=sa.text("state IN ('asked', 'sent', 'failed')"),
    )
    op.create_index(
        "uq_refund_arrival__back_entry",
        "refund_arrival",
        ["institution_id", "back_entry_no"],
        unique=True,
        sqlite_where=sa.text("back_entry_no IS NOT NULL"),
        postgresql_where=sa.text("back_entry_no IS NOT NULL"),
    )
    op.create_index(
        "uq_refund_arrival__entry",
        "refund_arrival",
        ["institution_id", "entry_no"],
        unique=True,
        sqlite_where=sa.text("entry_no IS NOT NULL"),
        postgresql_where=sa.text("entry_no IS NOT NULL"),
    )
    op.create_index(
        "uq_refund_arrival__open",
        "refund_arrival",
        ["institution_id", "book", "serial"],
        unique=True,
        sqlite_where=sa.text("state IN ('asked', 'sent', 'arrived')"),
        postgresql_where=sa.text("state IN ('asked', 'sent', 'arrived')"),
    )


def _unclaimed_deposit() -> None:
    op.create_table(
        "unclaimed_deposit",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("stay_no", sa.String(length=40), nullable=False),
        sa.Column("turn_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("noted_by", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=7), nullable=False),
        sa.Column("claimant", sa.String(length=7), nullable=True),
        sa.Column("relation", sa.String(length=40), nullable=True),
        sa.Column("claimant_enc", sa.Text(), nullable=True),
        sa.Column("tender", sa.String(length=10), nullable=True),
        sa.Column("asked_by", sa.String(length=40), nullable=True),
        sa.Column("asked_at", MOMENT, nullable=True),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("ground", sa.Text(), nullable=True),
        sa.Column("book", sa.String(length=12), nullable=True),
        sa.Column("serial", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state = 'ended') = (ground IS NOT NULL)", name=op.f("ck_unclaimed_deposit__ended_says_why")
        ),
        sa.CheckConstraint(
            "(state = 'paid') = (serial IS NOT NULL)", name=op.f("ck_unclaimed_deposit__paid_on_a_slip")
        ),
        sa.CheckConstraint(
            "(state IN ('paid', 'ended')) = (decided_by IS NOT NULL) AND (decided_by IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_unclaimed_deposit__decided"),
        ),
        sa.CheckConstraint("claimant IN ('patient', 'heir')", name=op.f("ck_unclaimed_deposit__claimant")),
        sa.CheckConstraint(
            "state <> 'paid' OR claimant = 'patient' OR decided_by <> asked_by",
            name=op.f("ck_unclaimed_deposit__second_person_for_an_heir"),
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'asked', 'paid', 'ended')", name=op.f("ck_unclaimed_deposit__state")
        ),
        sa.CheckConstraint(
            "state NOT IN ('asked', 'paid') OR asked_by IS NOT NULL", name=op.f("ck_unclaimed_deposit__somebody_came")
        ),
        sa.CheckConstraint("tender IN ('cash', 'transfer')", name=op.f("ck_unclaimed_deposit__tender")),
        sa.CheckConstraint(
            "(asked_by IS NULL) = (claimant IS NULL) AND (asked_by IS NULL) = (claimant_enc IS NULL) AND (asked_by IS NULL) = (relation IS NULL) AND (asked_by IS NULL) = (tender IS NULL) AND (asked_by IS NULL) = (asked_at IS NULL)",
            name=op.f("ck_unclaimed_deposit__asked_with_papers"),
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "book", "serial"],
            ["receipt.institution_id", "receipt.book", "receipt.serial"],
            name="fk_unclaimed_deposit__receipt",
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "stay_no"], ["stay.institution_id", "stay.stay_no"], name="fk_unclaimed_deposit__stay"
        ),
        sa.PrimaryKeyConstraint("institution_id", "stay_no", "turn_no", name=op.f("pk_unclaimed_deposit")),
    )
    op.create_index(
        "uq_unclaimed_deposit__open",
        "unclaimed_deposit",
        ["institution_id", "stay_no"],
        unique=True,
        sqlite_where=sa.text("state IN ('waiting', 'asked')"),
        postgresql_where=sa.text("state IN ('waiting', 'asked')"),
    )

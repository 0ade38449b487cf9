"""What patients read and ask on-line: the announcement, applications, and how often somebody tried."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
OWN_AND_WAITING = "state = 'asked' AND claimant = 'self'"
WITH_CLAIM = "claim_id IS NOT NULL"


def upgrade() -> None:
    """Tables first, then what each database refuses by itself."""
    _tables()
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0028_outpatient_public_{dialect}.sql").read_text("utf-8")
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    if dialect == "postgresql":
        driver.execute(text)
        return
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        driver.execute(statement)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _tables() -> None:
    op.create_table(
        "outpatient_notice",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("version_no", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("windows", sa.Text(), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("written_by", sa.String(length=40), nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.CheckConstraint("version_no > 0", name=op.f("ck_outpatient_notice__version_from_one")),
        sa.CheckConstraint(
            "length(steps) > 0 AND length(windows) > 0 AND length(hours) > 0 AND length(phone) > 0",
            name=op.f("ck_outpatient_notice__whole"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "version_no", name=op.f("pk_outpatient_notice")),
    )
    op.create_table(
        "outpatient_request",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("request_no", sa.String(length=24), nullable=False),
        sa.Column("account_no", sa.String(length=40)),
        sa.Column("claimant", sa.String(length=5), nullable=False),
        sa.Column("card_lost", sa.Boolean(), nullable=False),
        sa.Column("route", sa.String(length=8), nullable=False),
        sa.Column("personal", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.String(length=40)),
        sa.Column("decided_at", MOMENT),
        sa.Column("claim_id", sa.String(length=36)),
        sa.Column("ground", sa.Text(), nullable=False, server_default=""),
        sa.CheckConstraint("claimant IN ('self', 'proxy', 'heir')", name=op.f("ck_outpatient_request__claimant")),
        sa.CheckConstraint("route IN ('original', 'bank', 'cash')", name=op.f("ck_outpatient_request__route")),
        sa.CheckConstraint("state IN ('asked', 'taken', 'declined')", name=op.f("ck_outpatient_request__state")),
        sa.CheckConstraint(
            "claimant <> 'self' OR account_no IS NOT NULL", name=op.f("ck_outpatient_request__own_is_known")
        ),
        sa.CheckConstraint(
            "(state = 'taken') = (claim_id IS NOT NULL) AND (state <> 'taken' OR account_no IS NOT NULL)",
            name=op.f("ck_outpatient_request__taken_with_claim"),
        ),
        sa.CheckConstraint(
            "state = 'asked' OR (decided_by IS NOT NULL AND decided_at IS NOT NULL)",
            name=op.f("ck_outpatient_request__decided_by_somebody"),
        ),
        sa.CheckConstraint(
            "state <> 'declined' OR length(ground) > 0", name=op.f("ck_outpatient_request__declined_with_ground")
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "account_no"],
            ["outpatient_account.institution_id", "outpatient_account.account_no"],
            name=op.f("fk_outpatient_request__outpatient_account"),
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "claim_id"],
            ["outpatient_claim.institution_id", "outpatient_claim.claim_id"],
            name=op.f("fk_outpatient_request__outpatient_claim"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "request_id", name=op.f("pk_outpatient_request")),
        sa.UniqueConstraint("institution_id", "request_no", name=op.f("uq_outpatient_request__request_no")),
    )
    _unique("uq_outpatient_request__own", "account_no", OWN_AND_WAITING)
    _unique("uq_outpatient_request__claim", "claim_id", WITH_CLAIM)
    op.create_index(
        "ix_outpatient_request__state", "outpatient_request", ["institution_id", "state", "asked_at"], unique=False
    )
    op.create_table(
        "outpatient_attempt",
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("key_hash", sa.String(length=100), nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.CheckConstraint("attempts > 0", name=op.f("ck_outpatient_attempt__counted")),
        sa.PrimaryKeyConstraint("institution_id", "scope", "key_hash", name=op.f("pk_outpatient_attempt")),
    )
    op.create_index(
        "ix_outpatient_attempt__began", "outpatient_attempt", ["institution_id", "began_at"], unique=False
    )


def _unique(name: str, column: str, where: str) -> None:
    op.create_index(
        name,
        "outpatient_request",
        ["institution_id", column],
        unique=True,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )

"""Campaigns to find the owners of outpatient deposits: attempts, files, results and photos, which are kept."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
CAMPAIGN = ["outpatient_campaign.institution_id", "outpatient_campaign.campaign_no"]
OWN = ["institution_id", "campaign_no"]
WAYS = "channel IN ('sms', 'phone', 'wechat', 'board')"
APPEND_ONLY = tuple(f"outpatient_contact{one}" for one in ("", "_file", "_part", "_import", "_rejection", "_result"))
PROOF = "outpatient_contact_proof"


def upgrade() -> None:
    """Tables first, then what each database refuses by itself."""
    _campaign()
    _contact()
    _file()
    _import()
    _result()
    _proof()
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0029_outpatient_contact_{dialect}.sql").read_text("utf-8")
    kept = [*((one, "UPDATE OR DELETE OR TRUNCATE") for one in (*APPEND_ONLY, PROOF))]
    if dialect == "postgresql":
        _run(text)
        for table, events in (*kept, ("outpatient_campaign", "DELETE OR TRUNCATE")):
            _run(
                f"CREATE TRIGGER {table}_is_kept BEFORE {events} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    both = ((one, event) for one in (*APPEND_ONLY, PROOF) for event in ("UPDATE", "DELETE"))
    for table, event in (*both, ("outpatient_campaign", "DELETE")):
        _run(
            f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} BEGIN "
            f"SELECT RAISE(ABORT, 'append_only: {table}'); END"
        )


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _number(name: str, kind: type[sa.Integer] = sa.Integer) -> sa.Column[int]:
    return sa.Column(name, kind(), autoincrement=False, nullable=False)


def _campaign() -> None:
    op.create_table(
        "outpatient_campaign",
        _text("institution_id", 12),
        _number("campaign_no"),
        sa.Column("title", sa.Text(), nullable=False),
        _text("channel", 6),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("criteria", sa.Text(), nullable=False),
        _text("state", 8),
        sa.Column("chosen", sa.Integer(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        _text("proposed_by", 40),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("released_by", sa.String(length=40)),
        sa.Column("released_at", MOMENT),
        sa.Column("dropped_by", sa.String(length=40)),
        sa.Column("dropped_at", MOMENT),
        sa.CheckConstraint(WAYS, name=op.f("ck_outpatient_campaign__channel")),
        sa.CheckConstraint(
            "state IN ('proposed', 'released', 'dropped')", name=op.f("ck_outpatient_campaign__state")
        ),
        sa.CheckConstraint("length(title) > 0 AND length(text) > 0", name=op.f("ck_outpatient_campaign__with_words")),
        sa.CheckConstraint(
            "state <> 'released' OR (released_by IS NOT NULL AND released_by <> proposed_by AND chosen > 0)",
            name=op.f("ck_outpatient_campaign__second_person"),
        ),
        sa.PrimaryKeyConstraint(*OWN, name=op.f("pk_outpatient_campaign")),
    )


def _contact() -> None:
    op.create_table(
        "outpatient_contact",
        _text("institution_id", 12),
        _number("campaign_no"),
        _text("account_no", 40),
        _number("seq"),
        _text("channel", 6),
        _text("phone_hash", 100),
        sa.CheckConstraint(WAYS, name=op.f("ck_outpatient_contact__channel")),
        sa.ForeignKeyConstraint(OWN, CAMPAIGN, name=op.f("fk_outpatient_contact__outpatient_campaign")),
        sa.ForeignKeyConstraint(
            ["institution_id", "account_no"],
            ["outpatient_account.institution_id", "outpatient_account.account_no"],
            name=op.f("fk_outpatient_contact__outpatient_account"),
        ),
        sa.UniqueConstraint(*OWN, "seq", name="uq_outpatient_contact__seq"),
        sa.PrimaryKeyConstraint(*OWN, "account_no", name=op.f("pk_outpatient_contact")),
    )
    op.create_index("ix_outpatient_contact__account", "outpatient_contact", ["institution_id", "account_no"])


def _file() -> None:
    op.create_table(
        "outpatient_contact_file",
        _text("institution_id", 12),
        _number("campaign_no"),
        _text("form", 4),
        _number("lines"),
        _number("left_out"),
        _number("size", sa.BigInteger),
        _number("parts"),
        _text("sha256", 64),
        _text("made_by", 40),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "form IN ('csv', 'xlsx') AND lines > 0 AND parts > 0", name=op.f("ck_outpatient_contact_file__form")
        ),
        sa.ForeignKeyConstraint(OWN, CAMPAIGN, name=op.f("fk_outpatient_contact_file__outpatient_campaign")),
        sa.PrimaryKeyConstraint(*OWN, name=op.f("pk_outpatient_contact_file")),
    )
    op.create_table(
        "outpatient_contact_part",
        _text("institution_id", 12),
        _number("campaign_no"),
        _number("part_no"),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            OWN,
            ["outpatient_contact_file.institution_id", "outpatient_contact_file.campaign_no"],
            name=op.f("fk_outpatient_contact_part__outpatient_contact_file"),
        ),
        sa.PrimaryKeyConstraint(*OWN, "part_no", name=op.f("pk_outpatient_contact_part")),
    )


def _import() -> None:
    op.create_table(
        "outpatient_contact_import",
        _text("institution_id", 12),
        _number("import_no"),
        _number("campaign_no"),
        sa.Column("file_name", sa.Text(), nullable=False),
        _text("sha256", 64),
        _number("taken"),
        _number("known"),
        _number("rejected"),
        _text("imported_by", 40),
        sa.Column("imported_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(OWN, CAMPAIGN, name=op.f("fk_outpatient_contact_import__outpatient_campaign")),
        sa.UniqueConstraint(*OWN, "sha256", name="uq_outpatient_contact_import__file"),
        sa.PrimaryKeyConstraint("institution_id", "import_no", name=op.f("pk_outpatient_contact_import")),
    )
    op.create_table(
        "outpatient_contact_rejection",
        _text("institution_id", 12),
        _number("import_no"),
        _number("line", sa.BigInteger),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["institution_id", "import_no"],
            ["outpatient_contact_import.institution_id", "outpatient_contact_import.import_no"],
            name=op.f("fk_outpatient_contact_rejection__outpatient_contact_import"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "import_no", "line", name=op.f("pk_outpatient_contact_rejection")),
    )


def _result() -> None:
    op.create_table(
        "outpatient_contact_result",
        _text("institution_id", 12),
        _number("campaign_no"),
        _text("account_no", 40),
        _text("outcome", 12),
        _text("receipt", 80),
        sa.Column("happened_at", MOMENT, nullable=False),
        sa.Column("import_no", sa.Integer()),
        sa.CheckConstraint(
            "outcome IN ('sent', 'delivered', 'reached', 'no_answer', 'refused', 'wrong_number', 'dead_number',"
            " 'unsuited')",
            name=op.f("ck_outpatient_contact_result__outcome"),
        ),
        sa.CheckConstraint(
            "(outcome = 'unsuited') = (import_no IS NULL)", name=op.f("ck_outpatient_contact_result__from_a_file")
        ),
        sa.CheckConstraint("length(receipt) > 0", name=op.f("ck_outpatient_contact_result__with_proof")),
        sa.ForeignKeyConstraint(
            [*OWN, "account_no"],
            [f"outpatient_contact.{one}" for one in (*OWN, "account_no")],
            name=op.f("fk_outpatient_contact_result__outpatient_contact"),
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "import_no"],
            ["outpatient_contact_import.institution_id", "outpatient_contact_import.import_no"],
            name=op.f("fk_outpatient_contact_result__outpatient_contact_import"),
        ),
        sa.PrimaryKeyConstraint(*OWN, "account_no", "outcome", "receipt", name=op.f("pk_outpatient_contact_result")),
    )


def _proof() -> None:
    op.create_table(
        PROOF,
        _text("institution_id", 12),
        _number("campaign_no"),
        _number("proof_no", sa.SmallInteger),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        _text("media_type", 20),
        _number("size"),
        _text("sha256", 64),
        sa.Column("content", sa.Text(), nullable=False),
        _text("recorded_by", 40),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "media_type IN ('image/jpeg', 'image/png', 'application/pdf')",
            name=op.f("ck_outpatient_contact_proof__media_type"),
        ),
        sa.CheckConstraint(
            "size > 0 AND length(place) > 0", name=op.f("ck_outpatient_contact_proof__with_its_place")
        ),
        sa.ForeignKeyConstraint(OWN, CAMPAIGN, name=op.f("fk_outpatient_contact_proof__outpatient_campaign")),
        sa.UniqueConstraint(*OWN, "sha256", name="uq_outpatient_contact_proof__file"),
        sa.PrimaryKeyConstraint(*OWN, "proof_no", name=op.f("pk_outpatient_contact_proof")),
    )

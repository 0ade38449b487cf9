"""Finding the owners of outpatient deposits (7): campaigns, whom each was for, what went out, what came of it.

But for a campaign's own walk everything is appended: an attempt, its file, its results and its proofs never change.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId, JsonText
from hospital_prepay.persistence.models.outpatient import Person

WAYS = "channel IN ('sms', 'phone', 'wechat', 'board')"
OUTCOMES = (
    "outcome IN ('sent', 'delivered', 'reached', 'no_answer', 'refused', 'wrong_number', 'dead_number', 'unsuited')"
)
_CAMPAIGN = ["outpatient_campaign.institution_id", "outpatient_campaign.campaign_no"]
_OWN = ["institution_id", "campaign_no"]


class OutpatientCampaign(Base):
    """One campaign over one channel: proposed by one person, released by another, who thereby fixes whom it is for.

    ``criteria`` say who is chosen; ``chosen`` and ``total_fen`` are what they chose at the release.
    """

    __tablename__ = "outpatient_campaign"

    institution_id: Mapped[InstitutionId]
    campaign_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    title: Mapped[str]
    channel: Mapped[str] = mapped_column(sa.String(6))
    text: Mapped[str] = mapped_column(sa.Text)
    criteria: Mapped[dict[str, Any]] = mapped_column(JsonText)
    state: Mapped[str] = mapped_column(sa.String(8))
    chosen: Mapped[int]
    total_fen: Mapped[Fen]
    proposed_by: Mapped[str] = mapped_column(Person)
    proposed_at: Mapped[datetime]
    released_by: Mapped[str | None] = mapped_column(Person)
    released_at: Mapped[datetime | None]
    dropped_by: Mapped[str | None] = mapped_column(Person)
    dropped_at: Mapped[datetime | None]
    dropped_ground: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (
        sa.CheckConstraint(WAYS, name="channel"),
        sa.CheckConstraint("state IN ('proposed', 'released', 'dropped')", name="state"),
        sa.CheckConstraint("length(title) > 0 AND length(text) > 0", name="with_words"),
        sa.CheckConstraint(
            "state <> 'released' OR (released_by IS NOT NULL AND released_by <> proposed_by AND chosen > 0)",
            name="second_person",
        ),
    )


class OutpatientContact(Base):
    """One account that a campaign is for: an attempt. ``seq`` numbers them within the campaign; ``phone_hash`` is the
    number it was tried under, so that another number begins anew."""

    __tablename__ = "outpatient_contact"

    institution_id: Mapped[InstitutionId]
    campaign_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    seq: Mapped[int]
    channel: Mapped[str] = mapped_column(sa.String(6))
    phone_hash: Mapped[str] = mapped_column(sa.String(100))

    __table_args__ = (
        sa.ForeignKeyConstraint(_OWN, _CAMPAIGN),
        sa.ForeignKeyConstraint(
            ["institution_id", "account_no"], ["outpatient_account.institution_id", "outpatient_account.account_no"]
        ),
        sa.UniqueConstraint("institution_id", "campaign_no", "seq", name="uq_outpatient_contact__seq"),
        sa.Index("ix_outpatient_contact__account", "institution_id", "account_no"),
        sa.CheckConstraint(WAYS, name="channel"),
    )


class OutpatientContactFile(Base):
    """The file of a campaign for the system that sends, made once; its content lies in parts."""

    __tablename__ = "outpatient_contact_file"

    institution_id: Mapped[InstitutionId]
    campaign_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    form: Mapped[str] = mapped_column(sa.String(4))
    lines: Mapped[int]
    left_out: Mapped[int]
    size: Mapped[int] = mapped_column(sa.BigInteger)
    parts: Mapped[int]
    sha256: Mapped[str] = mapped_column(sa.String(64))
    made_by: Mapped[str] = mapped_column(Person)
    made_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(_OWN, _CAMPAIGN),
        sa.CheckConstraint("form IN ('csv', 'xlsx') AND lines > 0 AND parts > 0", name="form"),
    )


class OutpatientContactPart(Base):
    """A part of a campaign's file, encrypted."""

    __tablename__ = "outpatient_contact_part"

    institution_id: Mapped[InstitutionId]
    campaign_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    part_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[str] = mapped_column(sa.Text)

    __table_args__ = (
        sa.ForeignKeyConstraint(
            _OWN, ["outpatient_contact_file.institution_id", "outpatient_contact_file.campaign_no"]
        ),
    )


class OutpatientContactImport(Base):
    """A file of results, once by its content, taken in by another person than who proposed the campaign."""

    __tablename__ = "outpatient_contact_import"

    institution_id: Mapped[InstitutionId]
    import_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    campaign_no: Mapped[int]
    file_name: Mapped[str]
    sha256: Mapped[str] = mapped_column(sa.String(64))
    taken: Mapped[int]
    known: Mapped[int]
    rejected: Mapped[int]
    imported_by: Mapped[str] = mapped_column(Person)
    imported_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(_OWN, _CAMPAIGN),
        sa.UniqueConstraint("institution_id", "campaign_no", "sha256", name="uq_outpatient_contact_import__file"),
    )


class OutpatientContactRejection(Base):
    """A line of a file of results that couldn't be taken, and what to do about it."""

    __tablename__ = "outpatient_contact_rejection"

    institution_id: Mapped[InstitutionId]
    import_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    message: Mapped[str]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "import_no"],
            ["outpatient_contact_import.institution_id", "outpatient_contact_import.import_no"],
        ),
    )


class OutpatientContactResult(Base):
    """What came of an attempt, with its proof: the sending system's receipt or the number of the call record.

    Without an import it is the exporter's own finding that the number doesn't suit the channel.
    """

    __tablename__ = "outpatient_contact_result"

    institution_id: Mapped[InstitutionId]
    campaign_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    outcome: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    receipt: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    happened_at: Mapped[datetime]
    import_no: Mapped[int | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "campaign_no", "account_no"],
            [
                "outpatient_contact.institution_id",
                "outpatient_contact.campaign_no",
                "outpatient_contact.account_no",
            ],
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "import_no"],
            ["outpatient_contact_import.institution_id", "outpatient_contact_import.import_no"],
        ),
        sa.CheckConstraint(OUTCOMES, name="outcome"),
        sa.CheckConstraint("(outcome = 'unsuited') = (import_no IS NULL)", name="from_a_file"),
        sa.CheckConstraint("length(receipt) > 0", name="with_proof"),
    )


class OutpatientContactProof(Base):
    """A photo of the notice board, encrypted: the proof that a campaign on it was to be seen."""

    __tablename__ = "outpatient_contact_proof"

    institution_id: Mapped[InstitutionId]
    campaign_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    proof_no: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    place: Mapped[str]
    seen_at: Mapped[datetime]
    file_name: Mapped[str]
    media_type: Mapped[str] = mapped_column(sa.String(20))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(sa.String(64))
    content: Mapped[str] = mapped_column(sa.Text)
    recorded_by: Mapped[str] = mapped_column(Person)
    recorded_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(_OWN, _CAMPAIGN),
        sa.UniqueConstraint("institution_id", "campaign_no", "sha256", name="uq_outpatient_contact_proof__file"),
        sa.CheckConstraint("media_type IN ('image/jpeg', 'image/png', 'application/pdf')", name="media_type"),
        sa.CheckConstraint("size > 0 AND length(place) > 0", name="with_its_place"),
    )

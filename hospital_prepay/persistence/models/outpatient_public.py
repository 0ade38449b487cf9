"""What patients read and ask on-line: versions of the announcement, applications, and how often somebody tried."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, InstitutionId
from hospital_prepay.persistence.models.outpatient import Person

OWN_AND_WAITING = "state = 'asked' AND claimant = 'self'"
WITH_CLAIM = "claim_id IS NOT NULL"


class OutpatientNotice(Base):
    """One version of the announcement: the steps a line each, the windows, their hours and phone. Never changed."""

    __tablename__ = "outpatient_notice"

    institution_id: Mapped[InstitutionId]
    version_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    steps: Mapped[str]
    windows: Mapped[str]
    hours: Mapped[str]
    phone: Mapped[str]
    written_by: Mapped[str] = mapped_column(Person)
    written_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("version_no > 0", name="version_from_one"),
        sa.CheckConstraint(
            "length(steps) > 0 AND length(windows) > 0 AND length(hours) > 0 AND length(phone) > 0", name="whole"
        ),
    )


class OutpatientRequest(Base):
    """An application made on-line: asked, then taken up by a member of staff as a claim, or declined.

    ``account_no`` is empty where what a proxy or heir wrote fits no account; the counter finds it by the papers.
    ``personal`` holds everybody's names, numbers and bank card, encrypted.
    """

    __tablename__ = "outpatient_request"

    institution_id: Mapped[InstitutionId]
    request_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    request_no: Mapped[str] = mapped_column(sa.String(24))
    account_no: Mapped[str | None] = mapped_column(sa.String(40))
    claimant: Mapped[str] = mapped_column(sa.String(5))
    card_lost: Mapped[bool]
    route: Mapped[str] = mapped_column(sa.String(8))
    personal: Mapped[str] = mapped_column(sa.Text)
    state: Mapped[str] = mapped_column(sa.String(8))
    asked_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(Person)
    decided_at: Mapped[datetime | None]
    claim_id: Mapped[str | None] = mapped_column(sa.String(36))
    ground: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "account_no"], ["outpatient_account.institution_id", "outpatient_account.account_no"]
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "claim_id"], ["outpatient_claim.institution_id", "outpatient_claim.claim_id"]
        ),
        sa.UniqueConstraint("institution_id", "request_no", name="uq_outpatient_request__request_no"),
        sa.Index(
            "uq_outpatient_request__own",
            "institution_id",
            "account_no",
            unique=True,
            sqlite_where=sa.text(OWN_AND_WAITING),
            postgresql_where=sa.text(OWN_AND_WAITING),
        ),
        sa.Index(
            "uq_outpatient_request__claim",
            "institution_id",
            "claim_id",
            unique=True,
            sqlite_where=sa.text(WITH_CLAIM),
            postgresql_where=sa.text(WITH_CLAIM),
        ),
        sa.Index("ix_outpatient_request__state", "institution_id", "state", "asked_at"),
        sa.CheckConstraint("claimant IN ('self', 'proxy', 'heir')", name="claimant"),
        sa.CheckConstraint("route IN ('original', 'bank', 'cash')", name="route"),
        sa.CheckConstraint("state IN ('asked', 'taken', 'declined')", name="state"),
        sa.CheckConstraint("claimant <> 'self' OR account_no IS NOT NULL", name="own_is_known"),
        sa.CheckConstraint(
            "(state = 'taken') = (claim_id IS NOT NULL) AND (state <> 'taken' OR account_no IS NOT NULL)",
            name="taken_with_claim",
        ),
        sa.CheckConstraint(
            "state = 'asked' OR (decided_by IS NOT NULL AND decided_at IS NOT NULL)", name="decided_by_somebody"
        ),
        sa.CheckConstraint("state <> 'declined' OR length(ground) > 0", name="declined_with_ground"),
    )


class OutpatientAttempt(Base):
    """How often somebody tried since ``began_at``, by the keyed hash of an address or of a certificate number.

    A counter, no evidence: it begins anew when its time has passed, and is dropped two days later.
    """

    __tablename__ = "outpatient_attempt"

    institution_id: Mapped[InstitutionId]
    scope: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    key_hash: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    began_at: Mapped[datetime]
    attempts: Mapped[int]

    __table_args__ = (
        sa.Index("ix_outpatient_attempt__began", "institution_id", "began_at"),
        sa.CheckConstraint("attempts > 0", name="counted"),
    )

"""Claims on outpatient accounts: from the counter or the page to money that arrived, past three people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId
from hospital_prepay.persistence.models.outpatient import Person

OPEN = "state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed')"


class OutpatientClaim(Base):
    """One claim: who asks, what it is paid by, how far it is. ``remitted`` claims are on money that the treasury has.

    ``personal`` holds the claimant's certificate number, phone and bank card, encrypted; ``card_hash`` finds the card
    again. ``refund_no`` is the same on every attempt.
    """

    __tablename__ = "outpatient_claim"

    institution_id: Mapped[InstitutionId]
    claim_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    refund_no: Mapped[str] = mapped_column(sa.String(24))
    account_no: Mapped[str] = mapped_column(sa.String(40))
    remitted: Mapped[bool]
    amount_fen: Mapped[Fen]
    claimant: Mapped[str] = mapped_column(sa.String(5))
    card_lost: Mapped[bool]
    claimant_name: Mapped[str]
    personal: Mapped[str] = mapped_column(sa.Text)
    card_hash: Mapped[str] = mapped_column(sa.String(100))
    taken_at: Mapped[str] = mapped_column(sa.String(6))
    route: Mapped[str] = mapped_column(sa.String(8))
    state: Mapped[str] = mapped_column(sa.String(9))
    decision_id: Mapped[str] = mapped_column(sa.String(36))
    accepted_by: Mapped[str] = mapped_column(Person)
    accepted_at: Mapped[datetime]
    reviewed_by: Mapped[str | None] = mapped_column(Person)
    reviewed_at: Mapped[datetime | None]
    confirmed_by: Mapped[str | None] = mapped_column(Person)
    confirmed_at: Mapped[datetime | None]
    paid_by: Mapped[str | None] = mapped_column(Person)
    paid_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(Person)
    ended_at: Mapped[datetime | None]
    ground: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "account_no"], ["outpatient_account.institution_id", "outpatient_account.account_no"]
        ),
        sa.UniqueConstraint("institution_id", "refund_no", name="uq_outpatient_claim__refund_no"),
        sa.Index(
            "ix_outpatient_claim__open",
            "institution_id",
            "account_no",
            sqlite_where=sa.text(OPEN),
            postgresql_where=sa.text(OPEN),
        ),
        sa.Index("ix_outpatient_claim__account", "institution_id", "account_no"),
        sa.Index("ix_outpatient_claim__state", "institution_id", "state"),
        sa.Index("ix_outpatient_claim__card", "institution_id", "card_hash"),
        sa.Index("ix_outpatient_claim__accepted", "institution_id", "accepted_by", "accepted_at"),
        sa.CheckConstraint("amount_fen > 0", name="amount_above_zero"),
        sa.CheckConstraint("claimant IN ('self', 'proxy', 'heir')", name="claimant"),
        sa.CheckConstraint("taken_at IN ('window', 'online')", name="taken_at"),
        sa.CheckConstraint("route IN ('original', 'bank', 'cash')", name="route"),
        sa.CheckConstraint(
            "state IN ('accepted', 'reviewed', 'confirmed', 'sent', 'failed', 'arrived', 'rejected', 'withdrawn')",
            name="state",
        ),
        sa.CheckConstraint(
            "state NOT IN ('reviewed', 'confirmed', 'sent', 'failed', 'arrived') OR (reviewed_by IS NOT NULL"
            " AND reviewed_by <> accepted_by)",
            name="reviewer_is_another",
        ),
        sa.CheckConstraint(
            "state NOT IN ('confirmed', 'sent', 'failed', 'arrived') OR (confirmed_by IS NOT NULL"
            " AND confirmed_by <> accepted_by AND confirmed_by <> reviewed_by)",
            name="confirmer_is_a_third",
        ),
        sa.CheckConstraint(
            "state NOT IN ('sent', 'failed', 'arrived') OR (paid_by IS NOT NULL AND paid_by <> confirmed_by"
            " AND paid_by <> reviewed_by)",
            name="payer_is_another",
        ),
    )


class OutpatientClaimPaper(Base):
    """What was shown to prove a claim. Appended, never changed. ``slip_key`` is the number of a deposit's slip as it
    is compared; one slip proves one account."""

    __tablename__ = "outpatient_claim_paper"

    institution_id: Mapped[InstitutionId]
    claim_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    paper_no: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(24))
    reference: Mapped[str]
    recorded_by: Mapped[str] = mapped_column(Person)
    recorded_at: Mapped[datetime]
    slip_key: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "claim_id"], ["outpatient_claim.institution_id", "outpatient_claim.claim_id"]
        ),
        sa.Index(
            "ix_outpatient_claim_paper__slip",
            "institution_id",
            "slip_key",
            sqlite_where=sa.text("slip_key <> ''"),
            postgresql_where=sa.text("slip_key <> ''"),
        ),
    )


class OutpatientBankFile(Base):
    """A file of refunds for the bank or a payment platform; ``content`` is the file, encrypted."""

    __tablename__ = "outpatient_bank_file"

    institution_id: Mapped[InstitutionId]
    file_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    route: Mapped[str] = mapped_column(sa.String(8))
    payments: Mapped[int]
    total_fen: Mapped[Fen]
    sha256: Mapped[str] = mapped_column(sa.String(64))
    content: Mapped[str] = mapped_column(sa.Text)
    made_by: Mapped[str] = mapped_column(Person)
    made_at: Mapped[datetime]


class OutpatientReturnFile(Base):
    """What the bank answered, once by its content."""

    __tablename__ = "outpatient_return_file"

    institution_id: Mapped[InstitutionId]
    sha256: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    file_name: Mapped[str]
    arrived: Mapped[int]
    failed: Mapped[int]
    unknown: Mapped[int]
    imported_by: Mapped[str] = mapped_column(Person)
    imported_at: Mapped[datetime]
    # What came of each line: nothing in it says who a patient is.
    told: Mapped[list[Any]] = mapped_column(default=[], server_default="[]")


class OutpatientPayout(Base):
    """One attempt to pay a claim; its answer is written once."""

    __tablename__ = "outpatient_payout"

    institution_id: Mapped[InstitutionId]
    claim_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    attempt_no: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    route: Mapped[str] = mapped_column(sa.String(8))
    file_no: Mapped[int | None]
    amount_fen: Mapped[Fen]
    state: Mapped[str] = mapped_column(sa.String(8))
    sent_by: Mapped[str] = mapped_column(Person)
    sent_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    bank_reference: Mapped[str] = mapped_column(default="", server_default="")
    failure: Mapped[str] = mapped_column(default="", server_default="")
    entry_no: Mapped[int | None] = mapped_column(sa.BigInteger)
    # The receipt of cash as it is compared: it stands for one payment of the institution (migration 0043).
    receipt_key: Mapped[str] = mapped_column(default="", server_default="")
    # The bank's slip of a payment that came back, as typed and as compared (migration 0047).
    return_reference: Mapped[str] = mapped_column(default="", server_default="")
    return_key: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "claim_id"], ["outpatient_claim.institution_id", "outpatient_claim.claim_id"]
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "file_no"], ["outpatient_bank_file.institution_id", "outpatient_bank_file.file_no"]
        ),
        sa.Index(
            "uq_outpatient_payout__under_way",
            "institution_id",
            "claim_id",
            unique=True,
            sqlite_where=sa.text("state = 'sent'"),
            postgresql_where=sa.text("state = 'sent'"),
        ),
        sa.Index(
            "uq_outpatient_payout__receipt",
            "institution_id",
            "receipt_key",
            unique=True,
            sqlite_where=sa.text("receipt_key <> ''"),
            postgresql_where=sa.text("receipt_key <> ''"),
        ),
        sa.Index(
            "uq_outpatient_payout__return",
            "institution_id",
            "return_key",
            unique=True,
            sqlite_where=sa.text("return_key <> ''"),
            postgresql_where=sa.text("return_key <> ''"),
        ),
        sa.Index("ix_outpatient_payout__file", "institution_id", "file_no"),
        sa.CheckConstraint("state IN ('sent', 'arrived', 'failed', 'returned')", name="state"),
        sa.CheckConstraint("state <> 'arrived' OR entry_no IS NOT NULL", name="arrived_is_booked"),
    )

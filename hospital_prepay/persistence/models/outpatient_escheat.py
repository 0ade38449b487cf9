"""What can't be refunded: filed with the health authority, remitted to the treasury, and paid again when claimed."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId
from hospital_prepay.persistence.models.outpatient import Person

_ACCOUNT = ["outpatient_account.institution_id", "outpatient_account.account_no"]


class OutpatientFiling(Base):
    """A pack of accounts that can't be refunded, on its way to the health authority and acknowledged by it (8)."""

    __tablename__ = "outpatient_filing"

    institution_id: Mapped[InstitutionId]
    filing_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    accounts: Mapped[int]
    total_fen: Mapped[Fen]
    sha256: Mapped[str] = mapped_column(sa.String(64))
    risk_note: Mapped[str]
    state: Mapped[str] = mapped_column(sa.String(12))
    made_by: Mapped[str] = mapped_column(Person)
    made_at: Mapped[datetime]
    authority: Mapped[str] = mapped_column(default="", server_default="")
    submitted_on: Mapped[date | None]
    submitted_by: Mapped[str | None] = mapped_column(Person)
    acknowledgement_no: Mapped[str] = mapped_column(default="", server_default="")
    acknowledged_on: Mapped[date | None]
    recorded_by: Mapped[str | None] = mapped_column(Person)
    recorded_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(Person)
    ended_at: Mapped[datetime | None]
    ended_ground: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (
        sa.CheckConstraint("state IN ('made', 'submitted', 'acknowledged', 'withdrawn')", name="state"),
        sa.CheckConstraint("length(risk_note) > 0", name="with_a_risk_note"),
        sa.CheckConstraint(
            "state <> 'acknowledged' OR (length(acknowledgement_no) > 0 AND acknowledged_on IS NOT NULL"
            " AND acknowledged_on >= submitted_on AND recorded_by IS NOT NULL AND recorded_by <> made_by)",
            name="acknowledged_with_evidence",
        ),
    )


class OutpatientFilingLine(Base):
    """An account of a filing, with what it held and why it can't be refunded, as it was filed."""

    __tablename__ = "outpatient_filing_line"

    institution_id: Mapped[InstitutionId]
    filing_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    balance_fen: Mapped[Fen]
    reason: Mapped[str]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "filing_no"], ["outpatient_filing.institution_id", "outpatient_filing.filing_no"]
        ),
        sa.ForeignKeyConstraint(["institution_id", "account_no"], _ACCOUNT),
        sa.Index("ix_outpatient_filing_line__account", "institution_id", "account_no", "filing_no"),
    )


class OutpatientBatch(Base):
    """What goes to the treasury on a 31 December: proposed, frozen, reviewed, approved, booked, remitted."""

    __tablename__ = "outpatient_batch"

    institution_id: Mapped[InstitutionId]
    batch_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    on_day: Mapped[date]
    state: Mapped[str] = mapped_column(sa.String(8))
    accounts: Mapped[int]
    total_fen: Mapped[Fen]
    sha256: Mapped[str] = mapped_column(sa.String(64), default="", server_default="")
    proposed_by: Mapped[str] = mapped_column(Person)
    proposed_at: Mapped[datetime]
    frozen_by: Mapped[str | None] = mapped_column(Person)
    frozen_at: Mapped[datetime | None]
    approved_by: Mapped[str | None] = mapped_column(Person)
    approved_at: Mapped[datetime | None]
    remitted_by: Mapped[str | None] = mapped_column(Person)
    remitted_at: Mapped[datetime | None]
    remitted_on: Mapped[date | None]
    voucher_no: Mapped[str] = mapped_column(default="", server_default="")
    ended_ground: Mapped[str] = mapped_column(default="", server_default="")
    bank_reference: Mapped[str] = mapped_column(default="", server_default="")
    # Both as they are compared: each stands for one movement of the institution (migration 0038).
    voucher_key: Mapped[str] = mapped_column(default="", server_default="")
    slip_key: Mapped[str] = mapped_column(default="", server_default="")
    ended_by: Mapped[str | None] = mapped_column(Person)
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        sa.Index(
            "uq_outpatient_batch__day",
            "institution_id",
            "on_day",
            unique=True,
            sqlite_where=sa.text("state NOT IN ('dropped', 'remitted')"),
            postgresql_where=sa.text("state NOT IN ('dropped', 'remitted')"),
        ),
        *(
            sa.Index(
                f"uq_outpatient_batch__{name}",
                "institution_id",
                f"{name}_key",
                unique=True,
                sqlite_where=sa.text(f"{name}_key <> ''"),
                postgresql_where=sa.text(f"{name}_key <> ''"),
            )
            for name in ("voucher", "slip")
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'frozen', 'approved', 'booked', 'remitted', 'dropped')", name="state"
        ),
        sa.CheckConstraint(
            "state NOT IN ('frozen', 'approved', 'booked', 'remitted') OR (frozen_by IS NOT NULL"
            " AND length(sha256) = 64)",
            name="frozen_with_its_list",
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'booked', 'remitted') OR (approved_by IS NOT NULL"
            " AND approved_by <> frozen_by)",
            name="approver_is_another",
        ),
        sa.CheckConstraint(
            "state <> 'remitted' OR (remitted_by IS NOT NULL AND remitted_by <> approved_by"
            " AND length(voucher_no) > 0 AND remitted_on IS NOT NULL)",
            name="remitted_with_its_voucher",
        ),
        sa.CheckConstraint(
            "state <> 'remitted' OR (length(trim(voucher_no)) > 0 AND length(trim(bank_reference)) > 0)",
            name="remitted_with_its_slip",
        ),
    )


class OutpatientBatchReview(Base):
    """One of the three reviews of a batch, each by another person."""

    __tablename__ = "outpatient_batch_review"

    institution_id: Mapped[InstitutionId]
    batch_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    part: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    reviewed_by: Mapped[str] = mapped_column(Person)
    reviewed_at: Mapped[datetime]
    note: Mapped[str]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "batch_no"], ["outpatient_batch.institution_id", "outpatient_batch.batch_no"]
        ),
        sa.UniqueConstraint("institution_id", "batch_no", "reviewed_by", name="uq_outpatient_batch_review__person"),
        sa.CheckConstraint("part IN ('books', 'contacts', 'filing')", name="part"),
    )


class OutpatientBatchLine(Base):
    """An account of a batch, with what is remitted of it."""

    __tablename__ = "outpatient_batch_line"

    institution_id: Mapped[InstitutionId]
    batch_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    balance_fen: Mapped[Fen]
    last_movement_on: Mapped[date]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "batch_no"], ["outpatient_batch.institution_id", "outpatient_batch.batch_no"]
        ),
        sa.ForeignKeyConstraint(["institution_id", "account_no"], _ACCOUNT),
        sa.Index("ix_outpatient_batch_line__account", "institution_id", "account_no", "batch_no"),
        sa.CheckConstraint("balance_fen > 0", name="balance_above_zero"),
    )


class OutpatientAdvanceList(Base):
    """What the hospital asks to have in the next year's budget, for claims it paid ahead (8)."""

    __tablename__ = "outpatient_advance_list"

    institution_id: Mapped[InstitutionId]
    list_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    budget_year: Mapped[int]
    state: Mapped[str] = mapped_column(sa.String(10))
    claims: Mapped[int]
    total_fen: Mapped[Fen]
    made_by: Mapped[str] = mapped_column(Person)
    made_at: Mapped[datetime]
    document: Mapped[str] = mapped_column(default="", server_default="")
    submitted_on: Mapped[date | None]
    submitted_by: Mapped[str | None] = mapped_column(Person)
    bank_reference: Mapped[str] = mapped_column(default="", server_default="")
    reimbursed_on: Mapped[date | None]
    reimbursed_by: Mapped[str | None] = mapped_column(Person)
    ground: Mapped[str] = mapped_column(default="", server_default="")
    # As they are compared: an application is one list's, a slip one movement's (migration 0043).
    slip_key: Mapped[str] = mapped_column(default="", server_default="")
    document_key: Mapped[str] = mapped_column(default="", server_default="")
    ended_by: Mapped[str | None] = mapped_column(Person)
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        *(
            sa.Index(
                f"uq_outpatient_advance_list__{name}",
                "institution_id",
                f"{name}_key",
                unique=True,
                sqlite_where=sa.text(where),
                postgresql_where=sa.text(where),
            )
            for name, where in (
                ("slip", "slip_key <> ''"),
                ("document", "document_key <> '' AND state <> 'refused'"),
            )
        ),
        sa.CheckConstraint("state IN ('made', 'submitted', 'reimbursed', 'refused')", name="state"),
        sa.CheckConstraint(
            "state = 'made' OR state = 'refused' OR (length(document) > 0 AND submitted_on IS NOT NULL"
            " AND submitted_by IS NOT NULL AND submitted_by <> made_by)",
            name="submitted_with_evidence",
        ),
    )


class OutpatientAdvanceLine(Base):
    """A claim on a list: what is applied for of it, never more than was remitted of its account."""

    __tablename__ = "outpatient_advance_line"

    institution_id: Mapped[InstitutionId]
    list_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    claim_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    account_no: Mapped[str] = mapped_column(sa.String(40))
    applied_fen: Mapped[Fen]
    counts: Mapped[bool]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "list_no"],
            ["outpatient_advance_list.institution_id", "outpatient_advance_list.list_no"],
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "claim_id"], ["outpatient_claim.institution_id", "outpatient_claim.claim_id"]
        ),
        sa.Index(
            "uq_outpatient_advance_line__claim",
            "institution_id",
            "claim_id",
            unique=True,
            sqlite_where=sa.text("counts = 1"),
            postgresql_where=sa.text("counts"),
        ),
        sa.Index("ix_outpatient_advance_line__account", "institution_id", "account_no"),
        sa.CheckConstraint("applied_fen > 0", name="applied_above_zero"),
    )

"""What a second person confirms of giving back: offsets, corrections of a wrong entry, slips booked days later."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId


class FundOffset(Base):
    """A settlement from which the agency kept a part; booked from the confirmation on. ``document_key`` is the
    document's name without what spelling adds; no ``bank_reference`` where nothing reached the bank."""

    __tablename__ = "fund_offset"

    institution_id: Mapped[InstitutionId]
    offset_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    grant_id: Mapped[str] = mapped_column(sa.String(36))
    settlement_fen: Mapped[Fen]
    offset_fen: Mapped[Fen]
    document: Mapped[str]
    document_key: Mapped[str]
    bank_reference: Mapped[str] = mapped_column(sa.String(64))
    value_on: Mapped[date]
    state: Mapped[str] = mapped_column(sa.String(10))
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(sa.String(40))
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(["institution_id", "grant_id"], ["fund_grant.institution_id", "fund_grant.grant_id"]),
        sa.Index("ix_fund_offset__grant", "institution_id", "grant_id"),
        sa.CheckConstraint(
            "offset_fen > 0 AND offset_fen <= settlement_fen AND length(document_key) > 0"
            " AND (offset_fen = settlement_fen OR length(bank_reference) > 0)",
            name="on_a_settlement",
        ),
        sa.CheckConstraint("state IN ('recorded', 'confirmed', 'rejected')", name="state"),
    )


class FundCorrection(Base):
    """A receipt, return or offset to be mirrored: typed wrongly, or (a return) sent back by the bank on a day."""

    __tablename__ = "fund_correction"

    institution_id: Mapped[InstitutionId]
    correction_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    grant_id: Mapped[str] = mapped_column(sa.String(36))
    entry_no: Mapped[int] = mapped_column(sa.BigInteger)
    why: Mapped[str] = mapped_column(sa.String(10))
    ground: Mapped[str]
    bank_reference: Mapped[str] = mapped_column(sa.String(64))
    value_on: Mapped[date | None]
    state: Mapped[str] = mapped_column(sa.String(10))
    asked_by: Mapped[str] = mapped_column(sa.String(40))
    asked_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(sa.String(40))
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(["institution_id", "grant_id"], ["fund_grant.institution_id", "fund_grant.grant_id"]),
        sa.ForeignKeyConstraint(
            ["institution_id", "entry_no"], ["ledger_entry.institution_id", "ledger_entry.entry_no"]
        ),
        sa.Index("ix_fund_correction__grant", "institution_id", "grant_id"),
        sa.CheckConstraint(
            "length(ground) > 0 AND ((why = 'mistyped' AND value_on IS NULL)"
            " OR (why = 'sent_back' AND value_on IS NOT NULL AND length(bank_reference) > 0))",
            name="with_ground",
        ),
        sa.CheckConstraint("state IN ('asked', 'approved', 'rejected')", name="state"),
    )


class FundSlipCheck(Base):
    """A second person held the day of a return that was booked days later against the bank's slip."""

    __tablename__ = "fund_slip_check"

    institution_id: Mapped[InstitutionId]
    entry_no: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    document: Mapped[str]
    checked_by: Mapped[str] = mapped_column(sa.String(40))
    checked_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "entry_no"], ["ledger_entry.institution_id", "ledger_entry.entry_no"]
        ),
        sa.CheckConstraint("length(document) > 0", name="with_document"),
    )

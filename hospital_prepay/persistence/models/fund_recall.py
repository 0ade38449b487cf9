"""Recall and clearing of the restricted fund: grounds that stand, losses, what the agency wrote off, bank slips.

The database holds the walks, and stops spending while a ground stands (see ``migrations/0008_fund_recall_*.sql``).
"""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId


class FundRecall(Base):
    """A ground on which the money of one place is called back. ``ground`` is ``None`` where its notice names none and
    the agreement alone says so; ``clause`` is empty then."""

    __tablename__ = "fund_recall"

    institution_id: Mapped[InstitutionId]
    recall_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    regime: Mapped[str] = mapped_column(sa.String(40))
    ground: Mapped[int | None] = mapped_column(sa.SmallInteger)
    clause: Mapped[str] = mapped_column(sa.String(60))
    what: Mapped[str]
    since_on: Mapped[date]
    document: Mapped[str]
    state: Mapped[str] = mapped_column(sa.String(10))
    decision_id: Mapped[str] = mapped_column(sa.String(36))
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]
    urged_on: Mapped[date | None]
    urged_document: Mapped[str] = mapped_column(default="")
    urged_by: Mapped[str | None] = mapped_column(sa.String(40))
    urged_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(sa.String(40))
    ended_at: Mapped[datetime | None]
    ended_ground: Mapped[str] = mapped_column(default="")
    ended_document: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        sa.Index("ix_fund_recall__regime", "institution_id", "regime", "state"),
        sa.CheckConstraint("state IN ('standing', 'returned', 'lifted')", name="state"),
        sa.CheckConstraint("ground BETWEEN 1 AND 9 OR (ground IS NULL AND clause = '')", name="ground"),
        sa.CheckConstraint("length(what) > 0 AND length(document) > 0", name="with_evidence"),
        sa.CheckConstraint(
            "urged_on IS NULL OR (urged_by IS NOT NULL AND urged_at IS NOT NULL AND length(urged_document) > 0)",
            name="urged_with_evidence",
        ),
        sa.CheckConstraint("state = 'standing' OR (ended_by IS NOT NULL AND ended_at IS NOT NULL)", name="ended"),
        sa.CheckConstraint(
            "state <> 'lifted' OR (ended_by <> recorded_by AND length(ended_ground) > 0"
            " AND length(ended_document) > 0)",
            name="lifted_by_another",
        ),
    )


class FundIncident(Base):
    """A loss. The earmark never falls by it: the hospital's own money stands in from the confirmation on."""

    __tablename__ = "fund_incident"

    institution_id: Mapped[InstitutionId]
    incident_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    grant_id: Mapped[str] = mapped_column(sa.String(36))
    amount_fen: Mapped[Fen]
    found_on: Mapped[date]
    what: Mapped[str]
    persons: Mapped[str]
    document: Mapped[str]
    state: Mapped[str] = mapped_column(sa.String(10))
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(sa.String(40))
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(["institution_id", "grant_id"], ["fund_grant.institution_id", "fund_grant.grant_id"]),
        sa.Index("ix_fund_incident__grant", "institution_id", "grant_id"),
        sa.CheckConstraint("amount_fen > 0", name="amount_above_zero"),
        sa.CheckConstraint("state IN ('recorded', 'confirmed', 'rejected')", name="state"),
        sa.CheckConstraint("length(what) > 0 AND length(persons) > 0", name="with_evidence"),
        sa.CheckConstraint(
            "state = 'recorded' OR (decided_by IS NOT NULL AND decided_by <> recorded_by AND decided_at IS NOT NULL)",
            name="decided_by_another",
        ),
    )


class FundWriteOff(Base):
    """What the agency wrote off and keeps in its memorandum book: mirrored for reading, no entry of ours."""

    __tablename__ = "fund_write_off"

    institution_id: Mapped[InstitutionId]
    grant_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    document: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    amount_fen: Mapped[Fen]
    written_off_on: Mapped[date]
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(["institution_id", "grant_id"], ["fund_grant.institution_id", "fund_grant.grant_id"]),
        sa.CheckConstraint("amount_fen > 0", name="amount_above_zero"),
    )


class FundBankEvidence(Base):
    """The bank's slip behind an entry. ``kind`` is the entry's; a slip stands for one movement (migration 0021)."""

    __tablename__ = "fund_bank_evidence"

    institution_id: Mapped[InstitutionId]
    kind: Mapped[str] = mapped_column(sa.String(40))
    reference: Mapped[str] = mapped_column(sa.String(64))
    entry_no: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    value_on: Mapped[date]
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]
    as_typed: Mapped[str | None] = mapped_column(sa.String(64))

    __table_args__ = (
        sa.Index("ix_fund_bank_evidence__reference", "institution_id", "reference"),
        sa.ForeignKeyConstraint(
            ["institution_id", "entry_no"], ["ledger_entry.institution_id", "ledger_entry.entry_no"]
        ),
        sa.CheckConstraint("length(reference) > 0", name="reference_given"),
    )

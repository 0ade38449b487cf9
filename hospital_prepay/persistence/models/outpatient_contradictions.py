"""What the bank said of an attempt to pay against what it had said before, and what somebody decided of it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId
from hospital_prepay.persistence.models.outpatient import Person


class OutpatientContradiction(Base):
    """The bank said two things of one attempt; until somebody decided which it is, nothing more of the claim is paid
    (migration 0045)."""

    __tablename__ = "outpatient_contradiction"

    institution_id: Mapped[InstitutionId]
    claim_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    contradiction_no: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    attempt_no: Mapped[int] = mapped_column(sa.SmallInteger)
    told: Mapped[str] = mapped_column(sa.String(8))
    bank_reference: Mapped[str] = mapped_column(default="", server_default="")
    raised_by: Mapped[str] = mapped_column(Person)
    raised_at: Mapped[datetime]
    decision: Mapped[str] = mapped_column(sa.String(8), default="", server_default="")
    decided_by: Mapped[str | None] = mapped_column(Person)
    decided_at: Mapped[datetime | None]
    ground: Mapped[str] = mapped_column(default="", server_default="")
    # What the bank itself wrote beside the answer (migration 0047).
    words: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "claim_id", "attempt_no"],
            ["outpatient_payout.institution_id", "outpatient_payout.claim_id", "outpatient_payout.attempt_no"],
            name="fk_outpatient_contradiction__attempt",
        ),
        sa.Index(
            "uq_outpatient_contradiction__open",
            "institution_id",
            "claim_id",
            "attempt_no",
            unique=True,
            sqlite_where=sa.text("decision = ''"),
            postgresql_where=sa.text("decision = ''"),
        ),
        sa.CheckConstraint("told IN ('arrived', 'failed')", name="told"),
        sa.CheckConstraint("decision IN ('', 'paid', 'unpaid')", name="decision"),
        sa.CheckConstraint(
            "CASE WHEN decision = '' THEN decided_by IS NULL AND decided_at IS NULL ELSE decided_by IS NOT NULL"
            " AND decided_at IS NOT NULL AND decided_by <> raised_by AND length(trim(ground)) > 0 END",
            name="decided_by_another",
        ),
    )


class OutpatientOverpayment(Base):
    """An attempt that the bank paid beside another of the same money: what its payee owes until it came back
    (migration 0047). ``slip_key`` is the proof of that as it is compared."""

    __tablename__ = "outpatient_overpayment"

    institution_id: Mapped[InstitutionId]
    claim_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    attempt_no: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    amount_fen: Mapped[Fen]
    entry_no: Mapped[int] = mapped_column(sa.BigInteger)
    recorded_by: Mapped[str] = mapped_column(Person)
    recorded_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(sa.String(9))
    way: Mapped[str] = mapped_column(sa.String(4), default="", server_default="")
    reference: Mapped[str] = mapped_column(default="", server_default="")
    slip_key: Mapped[str] = mapped_column(default="", server_default="")
    recovered_by: Mapped[str | None] = mapped_column(Person)
    recovered_at: Mapped[datetime | None]
    back_entry_no: Mapped[int | None] = mapped_column(sa.BigInteger)

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "claim_id", "attempt_no"],
            ["outpatient_payout.institution_id", "outpatient_payout.claim_id", "outpatient_payout.attempt_no"],
            name="fk_outpatient_overpayment__attempt",
        ),
        sa.Index(
            "uq_outpatient_overpayment__slip",
            "institution_id",
            "slip_key",
            unique=True,
            sqlite_where=sa.text("slip_key <> ''"),
            postgresql_where=sa.text("slip_key <> ''"),
        ),
        sa.CheckConstraint("amount_fen > 0", name="amount_above_zero"),
        sa.CheckConstraint("state IN ('owed', 'recovered')", name="state"),
        sa.CheckConstraint("way IN ('', 'cash', 'bank')", name="way"),
    )

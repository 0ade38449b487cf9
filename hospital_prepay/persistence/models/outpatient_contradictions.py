"""What the bank said of an attempt to pay against what it had said before, and what somebody decided of it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, InstitutionId
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

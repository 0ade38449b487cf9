"""Applications and approvals of the restricted fund that were taken back. Only ever added to."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId


class FundApprovalWithdrawn(Base):
    """An approval as it was recorded, and who took it back and why."""

    __tablename__ = "fund_approval_withdrawn"

    institution_id: Mapped[InstitutionId]
    grant_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    withdrawn_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    approved_fen: Mapped[Fen]
    approved_on: Mapped[date]
    approval_document: Mapped[str]
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]
    ground: Mapped[str]
    withdrawn_by: Mapped[str] = mapped_column(sa.String(40))
    withdrawn_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(["institution_id", "grant_id"], ["fund_grant.institution_id", "fund_grant.grant_id"]),
        sa.CheckConstraint("withdrawn_by <> recorded_by", name="second_person"),
        sa.CheckConstraint("length(ground) > 0", name="has_ground"),
    )


class FundApplicationWithdrawn(Base):
    """An application as it was filed, and who withdrew it and why."""

    __tablename__ = "fund_application_withdrawn"

    institution_id: Mapped[InstitutionId]
    grant_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    withdrawn_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    decision_id: Mapped[str] = mapped_column(sa.String(36))
    applied_fen: Mapped[Fen]
    applied_by: Mapped[str] = mapped_column(sa.String(40))
    applied_at: Mapped[datetime]
    ground: Mapped[str]
    withdrawn_by: Mapped[str] = mapped_column(sa.String(40))
    withdrawn_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(["institution_id", "grant_id"], ["fund_grant.institution_id", "fund_grant.grant_id"]),
        sa.CheckConstraint("length(ground) > 0", name="has_ground"),
    )

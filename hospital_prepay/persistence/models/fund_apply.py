"""Applications of the restricted fund with what they rest on. All of it is appended and never changed.

An application is kept whether or not it was permitted, by the id of its decision; the grant that came of it names the
same decision.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId, JsonText

MODULE_STEPS = "'submitted', 'accepted', 'first_review', 'second_review', 'paid_out', 'recovered', 'sent_back'"


class FundApplication(Base):
    """What was applied for, and the facts as they were typed."""

    __tablename__ = "fund_application"

    institution_id: Mapped[InstitutionId]
    decision_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    regime: Mapped[str] = mapped_column(sa.String(40))
    pool_region: Mapped[str]
    fund: Mapped[str] = mapped_column(sa.String(10))
    year: Mapped[int]
    amount_fen: Mapped[Fen]
    outcome: Mapped[str] = mapped_column(sa.String(9))
    base_fen: Mapped[int | None] = mapped_column(sa.BigInteger)
    months: Mapped[str | None] = mapped_column(sa.String(20))
    quota_fen: Mapped[int | None] = mapped_column(sa.BigInteger)
    facts: Mapped[dict[str, Any]] = mapped_column(JsonText)
    emergency_id: Mapped[str | None] = mapped_column(sa.String(36))
    applied_by: Mapped[str] = mapped_column(sa.String(40))
    applied_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "emergency_id"], ["fund_emergency.institution_id", "fund_emergency.emergency_id"]
        ),
        sa.CheckConstraint("fund IN ('all', 'employee', 'resident')", name="fund"),
        sa.CheckConstraint("outcome IN ('permitted', 'held', 'refused')", name="outcome"),
        sa.CheckConstraint("amount_fen > 0", name="amount_above_zero"),
    )


class FundApplicationEvidence(Base):
    """The document behind one condition, or the agreement itself (``item`` agreement) with the further grounds of
    recall that it names."""

    __tablename__ = "fund_application_evidence"

    institution_id: Mapped[InstitutionId]
    decision_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    item: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    document: Mapped[str]
    number: Mapped[str]
    version: Mapped[str]
    issued_on: Mapped[date | None]
    recall_grounds: Mapped[str]
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "decision_id"], ["fund_application.institution_id", "fund_application.decision_id"]
        ),
        sa.CheckConstraint("length(document) > 0", name="document"),
        sa.CheckConstraint("recall_grounds = '' OR item = 'agreement'", name="grounds_of_the_agreement"),
    )


class FundEmergency(Base):
    """The authority's document in an emergency, recorded by one person and used by another."""

    __tablename__ = "fund_emergency"

    institution_id: Mapped[InstitutionId]
    emergency_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    regime: Mapped[str] = mapped_column(sa.String(40))
    year: Mapped[int]
    document: Mapped[str]
    issued_on: Mapped[date]
    adjusts: Mapped[list[Any]] = mapped_column(JsonText)
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("length(document) > 0", name="document"),)


class FundModuleStep(Base):
    """One state of a grant in the national platform's prepayment module, as a person read it there."""

    __tablename__ = "fund_module_step"

    institution_id: Mapped[InstitutionId]
    grant_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    step_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    step: Mapped[str] = mapped_column(sa.String(20))
    module_no: Mapped[str]
    on_day: Mapped[date]
    note: Mapped[str]
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(["institution_id", "grant_id"], ["fund_grant.institution_id", "fund_grant.grant_id"]),
        sa.CheckConstraint(f"step IN ({MODULE_STEPS})", name="step"),
        sa.CheckConstraint("length(module_no) > 0", name="module_no"),
    )


class FundProcurement(Base):
    """The document that a central-procurement prepayment rests on, with its own day of return."""

    __tablename__ = "fund_procurement"

    institution_id: Mapped[InstitutionId]
    grant_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    document: Mapped[str]
    issued_on: Mapped[date]
    batch: Mapped[str]
    return_on: Mapped[date | None]
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(["institution_id", "grant_id"], ["fund_grant.institution_id", "fund_grant.grant_id"]),
        sa.CheckConstraint("length(document) > 0", name="document"),
    )


class FundDistribution(Base):
    """What a lead hospital hands on of a grant to a member of its community: asked by one, approved by another.
    ``member_no`` is its row in the register; older ones have none."""

    __tablename__ = "fund_distribution"

    institution_id: Mapped[InstitutionId]
    distribution_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    grant_id: Mapped[str] = mapped_column(sa.String(36))
    member_code: Mapped[str] = mapped_column(sa.String(12))
    member_name: Mapped[str]
    member_no: Mapped[int | None]
    amount_fen: Mapped[Fen]
    document: Mapped[str]
    state: Mapped[str] = mapped_column(sa.String(10))
    asked_by: Mapped[str] = mapped_column(sa.String(40))
    asked_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(sa.String(40))
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(["institution_id", "grant_id"], ["fund_grant.institution_id", "fund_grant.grant_id"]),
        sa.CheckConstraint("amount_fen > 0", name="amount_above_zero"),
        sa.CheckConstraint("member_code <> institution_id", name="member_is_another"),
        sa.CheckConstraint("length(document) > 0", name="document"),
        sa.CheckConstraint("state IN ('asked', 'approved', 'rejected')", name="state"),
        sa.CheckConstraint(
            "state = 'asked' OR (decided_by IS NOT NULL AND decided_by <> asked_by)", name="second_person"
        ),
    )


class FundDistributionReturn(Base):
    """What came back from a member."""

    __tablename__ = "fund_distribution_return"

    institution_id: Mapped[InstitutionId]
    distribution_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    return_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    amount_fen: Mapped[Fen]
    bank_reference: Mapped[str]
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "distribution_id"],
            ["fund_distribution.institution_id", "fund_distribution.distribution_id"],
        ),
        sa.CheckConstraint("amount_fen > 0", name="amount_above_zero"),
    )


class FundDistributionUse(Base):
    """What a member paid with it, as the lead was shown: drugs and consumables only."""

    __tablename__ = "fund_distribution_use"

    institution_id: Mapped[InstitutionId]
    distribution_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    use_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    category: Mapped[str] = mapped_column(sa.String(40))
    name: Mapped[str]
    code: Mapped[str] = mapped_column(sa.String(40))
    order_no: Mapped[str] = mapped_column(sa.String(80))
    amount_fen: Mapped[Fen]
    document: Mapped[str]
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "distribution_id"],
            ["fund_distribution.institution_id", "fund_distribution.distribution_id"],
        ),
        sa.CheckConstraint("amount_fen > 0", name="amount_above_zero"),
        sa.CheckConstraint("category IN ('consumable', 'drug')", name="medical"),
        sa.CheckConstraint("length(document) > 0", name="document"),
    )

"""The register of a lead hospital's members: whom a prepayment may be handed on to, and from when to when."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId


class FundMember(Base):
    """A member of the community: written down by one, confirmed by another, ended with a ground. A member that
    changes its name or account leaves and is written down anew, so that every transfer keeps what was confirmed."""

    __tablename__ = "fund_member"

    institution_id: Mapped[InstitutionId]
    member_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_code: Mapped[str] = mapped_column(sa.String(12))
    member_name: Mapped[str]
    account_no: Mapped[str] = mapped_column(sa.String(40))
    document: Mapped[str]
    state: Mapped[str] = mapped_column(sa.String(9))
    proposed_by: Mapped[str] = mapped_column(sa.String(40))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(sa.String(40))
    decided_at: Mapped[datetime | None]
    left_by: Mapped[str | None] = mapped_column(sa.String(40))
    left_at: Mapped[datetime | None]
    left_ground: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        sa.CheckConstraint("state IN ('proposed', 'confirmed', 'declined', 'left')", name="state"),
        sa.CheckConstraint(
            "length(member_code) > 0 AND length(trim(member_name)) > 0 AND length(trim(account_no)) > 0"
            " AND length(trim(document)) > 0",
            name="named",
        ),
        sa.CheckConstraint("member_code <> institution_id", name="is_another"),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_by IS NULL) AND (decided_by IS NULL OR decided_by <> proposed_by)",
            name="second_person",
        ),
        sa.CheckConstraint(
            "(state = 'left') = (left_by IS NOT NULL) AND (state = 'left') = (length(trim(left_ground)) > 0)",
            name="left_with_ground",
        ),
        # A code is written down once at a time; who left may be written down again.
        sa.Index(
            "ix_fund_member__stands",
            "institution_id",
            "member_code",
            unique=True,
            sqlite_where=sa.text("state IN ('proposed', 'confirmed')"),
            postgresql_where=sa.text("state IN ('proposed', 'confirmed')"),
        ),
    )


class FundUseWithdrawn(Base):
    """A member's use that was typed wrongly, taken back by another person. The use itself stays."""

    __tablename__ = "fund_use_withdrawn"

    institution_id: Mapped[InstitutionId]
    distribution_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    use_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ground: Mapped[str]
    withdrawn_by: Mapped[str] = mapped_column(sa.String(40))
    withdrawn_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "distribution_id", "use_no"],
            [f"fund_distribution_use.{name}" for name in ("institution_id", "distribution_id", "use_no")],
        ),
        sa.CheckConstraint("length(trim(ground)) > 0", name="with_ground"),
        {"sqlite_with_rowid": False},
    )


class FundClaimPayment(Base):
    """What a member paid back of the claim that stands in place of what it used."""

    __tablename__ = "fund_claim_payment"

    institution_id: Mapped[InstitutionId]
    distribution_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    payment_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    amount_fen: Mapped[Fen]
    bank_reference: Mapped[str]
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "distribution_id"],
            ["fund_distribution.institution_id", "fund_distribution.distribution_id"],
        ),
        sa.CheckConstraint("amount_fen > 0 AND length(trim(bank_reference)) > 0", name="by_bank"),
        {"sqlite_with_rowid": False},
    )

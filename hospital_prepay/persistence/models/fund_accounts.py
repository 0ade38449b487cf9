"""Which bank account holds the prepayments, and months of which a person says that a statement has no line."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, InstitutionId


class FundPrepayAccount(Base):
    """The account that holds the prepayments from a day on. The newest word that reaches a day counts."""

    __tablename__ = "fund_prepay_account"

    institution_id: Mapped[InstitutionId]
    step_no: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    account: Mapped[str] = mapped_column(sa.String(40))
    from_on: Mapped[date]
    ground: Mapped[str]
    named_by: Mapped[str] = mapped_column(sa.String(40))
    named_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("length(trim(account)) > 0 AND length(trim(ground)) > 0", name="with_a_ground"),
    )


class FundQuietMonth(Base):
    """A month of which a person says that bank or agency have no line (``quiet``), or takes it back."""

    __tablename__ = "fund_quiet_month"

    institution_id: Mapped[InstitutionId]
    period: Mapped[str] = mapped_column(sa.String(7), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(10), primary_key=True)
    step_no: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    quiet: Mapped[bool]
    ground: Mapped[str]
    said_by: Mapped[str] = mapped_column(sa.String(40))
    said_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("kind IN ('agency', 'bank')", name="kind"),
        sa.CheckConstraint("length(trim(ground)) > 0", name="with_a_ground"),
    )

"""What the reports on the restricted fund keep beside the books. All of it is only ever added to."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId


class FundTotalRun(Base):
    """A run of sealed entries, from ``after_no`` to ``through_no``, whose lines on grants were added up."""

    __tablename__ = "fund_total_run"

    institution_id: Mapped[InstitutionId]
    through_no: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    after_no: Mapped[int] = mapped_column(sa.BigInteger)
    made_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("after_no >= 0 AND through_no > after_no", name="goes_forward"),)


class FundTotal(Base):
    """The sum of a run's lines of one account, kind and month; a second time by category for what was paid."""

    __tablename__ = "fund_total"

    institution_id: Mapped[InstitutionId]
    through_no: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    account_id: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    month: Mapped[str] = mapped_column(sa.String(7), primary_key=True)
    category: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    debit_fen: Mapped[Fen]
    credit_fen: Mapped[Fen]
    line_count: Mapped[Fen]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "through_no"],
            ["fund_total_run.institution_id", "fund_total_run.through_no"],
            deferrable=True,
            initially="DEFERRED",
        ),
    )


class FundDisclosure(Base):
    """What the authority published at the end of a year about one fund of the hospital. The newest row counts."""

    __tablename__ = "fund_disclosure"

    institution_id: Mapped[InstitutionId]
    disclosure_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    year: Mapped[int]
    fund: Mapped[str] = mapped_column(sa.String(10))
    paid_out_fen: Mapped[Fen]
    recovered_fen: Mapped[Fen]
    balance_fen: Mapped[Fen]
    published_on: Mapped[date]
    source: Mapped[str]
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("fund IN ('all', 'employee', 'resident')", name="fund"),
        sa.CheckConstraint(
            "paid_out_fen >= 0 AND recovered_fen >= 0 AND balance_fen >= 0", name="amounts_not_negative"
        ),
    )


class PurchaseLine(Base):
    """One line that the hospital's purchasing system told: drugs and consumables, however they were paid; what was
    given back to the supplier is below zero.

    ``line_key`` is the digest of the line's content and of which of equal lines of its file it is, so that a file
    taken in again adds nothing.
    """

    __tablename__ = "purchase_line"

    institution_id: Mapped[InstitutionId]
    line_key: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    bought_on: Mapped[date]
    kind: Mapped[str] = mapped_column(sa.String(10))
    name: Mapped[str]
    code: Mapped[str] = mapped_column(sa.String(40))
    amount_fen: Mapped[Fen]
    supplier: Mapped[str]
    order_no: Mapped[str] = mapped_column(sa.String(80))
    reason: Mapped[str]
    file_name: Mapped[str]
    imported_by: Mapped[str] = mapped_column(sa.String(40))
    imported_at: Mapped[datetime]

    __table_args__ = (
        sa.Index("ix_purchase_line__bought_on", "institution_id", "bought_on"),
        sa.CheckConstraint("kind IN ('drug', 'consumable')", name="kind"),
        sa.CheckConstraint("amount_fen <> 0", name="amount_not_zero"),
    )

"""Reconciliation of the restricted fund: statements, what people put together, closed months, settlements.

Everything here is appended and never changed: a mapping, a match or a month that no longer holds is followed by a row
that says so.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId, JsonText

_FUNDS = "fund IN ('', 'all', 'employee', 'resident')"


class FundColumnMap(Base):
    """Which heading of a file holds what, as a person said it; the newest row of a set of headings counts."""

    __tablename__ = "fund_column_map"

    institution_id: Mapped[InstitutionId]
    map_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(10))
    headings_digest: Mapped[str] = mapped_column(sa.String(64))
    headings: Mapped[list[Any]] = mapped_column(JsonText)
    columns: Mapped[dict[str, Any]] = mapped_column(JsonText)
    dedicated: Mapped[bool]
    mapped_by: Mapped[str] = mapped_column(sa.String(40))
    mapped_at: Mapped[datetime]

    __table_args__ = (
        sa.Index("ix_fund_column_map__headings", "institution_id", "kind", "headings_digest"),
        sa.CheckConstraint("kind IN ('agency', 'bank', 'totals')", name="kind"),
    )


class FundStatement(Base):
    """One imported file. ``dedicated`` when its bank account holds nothing but prepayments; ``account`` is that
    account (empty for other kinds, and on rows from before it was asked for). ``first_on`` and ``last_on`` are the
    days of all lines that the file holds, new or known."""

    __tablename__ = "fund_statement"

    institution_id: Mapped[InstitutionId]
    statement_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(10))
    period: Mapped[str] = mapped_column(sa.String(7))
    file_name: Mapped[str]
    file_sha256: Mapped[str] = mapped_column(sa.String(64))
    dedicated: Mapped[bool]
    account: Mapped[str] = mapped_column(sa.String(40), server_default="")
    first_on: Mapped[date | None]
    last_on: Mapped[date | None]
    rows_read: Mapped[int]
    rows_taken: Mapped[int]
    rows_known: Mapped[int]
    rows_rejected: Mapped[int]
    imported_by: Mapped[str] = mapped_column(sa.String(40))
    imported_at: Mapped[datetime]

    __table_args__ = (
        sa.UniqueConstraint("institution_id", "kind", "file_sha256", name="uq_fund_statement__file"),
        sa.CheckConstraint("kind IN ('agency', 'bank', 'totals')", name="kind"),
        sa.CheckConstraint("rows_read = rows_taken + rows_known + rows_rejected", name="every_row_told"),
    )


class FundStatementLine(Base):
    """One line of a statement. ``line_id`` follows from its content, so that the same line comes in once.

    Of the bank money in is above zero; of the agency ``event`` and ``fund`` say what it is; of totals ``item`` names
    a closing balance, the amount.
    """

    __tablename__ = "fund_statement_line"

    institution_id: Mapped[InstitutionId]
    line_id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    statement_id: Mapped[str] = mapped_column(sa.String(36))
    line_no: Mapped[int]
    kind: Mapped[str] = mapped_column(sa.String(10))
    on_day: Mapped[date]
    amount_fen: Mapped[Fen]
    balance_fen: Mapped[int | None] = mapped_column(sa.BigInteger)
    event: Mapped[str] = mapped_column(sa.String(10))
    fund: Mapped[str] = mapped_column(sa.String(10))
    item: Mapped[str] = mapped_column(sa.String(10))
    reference: Mapped[str] = mapped_column(sa.String(80))
    payee: Mapped[str]
    remark: Mapped[str]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "statement_id"], ["fund_statement.institution_id", "fund_statement.statement_id"]
        ),
        sa.Index("ix_fund_statement_line__day", "institution_id", "kind", "on_day"),
        sa.CheckConstraint(_FUNDS, name="fund"),
        sa.CheckConstraint("event IN ('', 'grant', 'return', 'offset', 'settlement')", name="event"),
        sa.CheckConstraint("item IN ('', 'owed', 'earmark')", name="item"),
        sa.CheckConstraint("kind = 'totals' OR amount_fen <> 0", name="amount_not_zero"),
    )


class FundStatementRejection(Base):
    """A line of a file that couldn't be taken, and why."""

    __tablename__ = "fund_statement_rejection"

    institution_id: Mapped[InstitutionId]
    statement_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    code: Mapped[str] = mapped_column(sa.String(40))
    message: Mapped[str]
    original: Mapped[str]
    on_day: Mapped[date | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "statement_id"], ["fund_statement.institution_id", "fund_statement.statement_id"]
        ),
    )


class FundStatementWithdrawn(Base):
    """A file that was imported by mistake: read with wrong columns, or of another account. It stays on record, and
    its lines count no longer."""

    __tablename__ = "fund_statement_withdrawn"

    institution_id: Mapped[InstitutionId]
    statement_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    ground: Mapped[str]
    withdrawn_by: Mapped[str] = mapped_column(sa.String(40))
    withdrawn_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "statement_id"], ["fund_statement.institution_id", "fund_statement.statement_id"]
        ),
        sa.CheckConstraint("length(trim(ground)) > 0", name="with_a_ground"),
    )


class FundRejectionExplained(Base):
    """What a person says of the lines of a file that couldn't be taken: until then they may hold anything."""

    __tablename__ = "fund_rejection_explained"

    institution_id: Mapped[InstitutionId]
    statement_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    ground: Mapped[str]
    said_by: Mapped[str] = mapped_column(sa.String(40))
    said_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "statement_id"], ["fund_statement.institution_id", "fund_statement.statement_id"]
        ),
        sa.CheckConstraint("length(trim(ground)) > 0", name="with_a_ground"),
    )


class FundMatch(Base):
    """What a person put together or apart, with the ground; a second row undoes it."""

    __tablename__ = "fund_match"

    institution_id: Mapped[InstitutionId]
    match_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    verb: Mapped[str] = mapped_column(sa.String(10))
    undoes: Mapped[str | None] = mapped_column(sa.String(36))
    ours: Mapped[list[Any]] = mapped_column(JsonText)
    theirs: Mapped[list[Any]] = mapped_column(JsonText)
    ground: Mapped[str]
    made_by: Mapped[str] = mapped_column(sa.String(40))
    made_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(["institution_id", "undoes"], ["fund_match.institution_id", "fund_match.match_id"]),
        sa.UniqueConstraint("institution_id", "undoes", name="uq_fund_match__undone_once"),
        sa.CheckConstraint("verb IN ('together', 'apart', 'undo')", name="verb"),
        sa.CheckConstraint("(verb = 'undo') = (undoes IS NOT NULL)", name="undo_names_one"),
        sa.CheckConstraint("length(ground) > 0", name="with_a_ground"),
    )


class FundPeriodStep(Base):
    """A month closed (made by one person, checked by another, of what the digest says) or opened again."""

    __tablename__ = "fund_period_step"

    institution_id: Mapped[InstitutionId]
    period: Mapped[str] = mapped_column(sa.String(7), primary_key=True)
    step_no: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    step: Mapped[str] = mapped_column(sa.String(10))
    digest: Mapped[str] = mapped_column(sa.String(64))
    zero: Mapped[bool]
    decision_id: Mapped[str | None] = mapped_column(sa.String(36))
    ground: Mapped[str]
    taken_by: Mapped[str] = mapped_column(sa.String(40))
    taken_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("step IN ('made', 'checked', 'reopened')", name="step"),
        sa.CheckConstraint("step <> 'reopened' OR length(ground) > 0", name="reopened_with_a_ground"),
    )


class FundSettlement(Base):
    """A settlement of the agency that isn't offset against a grant. ``settled_fen`` is what was settled for a month,
    ``moved_fen`` what came (below zero: went back) now. ``settles`` names the money paid ahead that it answers,
    ``plan_id`` the negative plan that it repays."""

    __tablename__ = "fund_settlement"

    institution_id: Mapped[InstitutionId]
    settlement_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(12))
    period: Mapped[str] = mapped_column(sa.String(7))
    fund: Mapped[str] = mapped_column(sa.String(10))
    cross_region: Mapped[bool]
    settled_fen: Mapped[Fen]
    moved_fen: Mapped[Fen]
    paid_on: Mapped[date]
    bank_reference: Mapped[str] = mapped_column(sa.String(80))
    payer: Mapped[str]
    remark: Mapped[str]
    document: Mapped[str]
    settles: Mapped[str | None] = mapped_column(sa.String(36))
    plan_id: Mapped[str | None] = mapped_column(sa.String(36))
    entry_no: Mapped[int | None] = mapped_column(sa.BigInteger)
    decision_id: Mapped[str | None] = mapped_column(sa.String(36))
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "settles"], ["fund_settlement.institution_id", "fund_settlement.settlement_id"]
        ),
        sa.ForeignKeyConstraint(["institution_id", "plan_id"], ["fund_month.institution_id", "fund_month.event_id"]),
        sa.UniqueConstraint("institution_id", "settles", name="uq_fund_settlement__settled_once"),
        sa.UniqueConstraint("institution_id", "plan_id", name="uq_fund_settlement__repaid_once"),
        sa.UniqueConstraint(
            "institution_id",
            "kind",
            "period",
            "fund",
            "cross_region",
            "bank_reference",
            name="uq_fund_settlement__once",
        ),
        sa.CheckConstraint("kind IN ('settlement', 'fallback', 'actual', 'repayment')", name="kind"),
        sa.CheckConstraint("fund IN ('all', 'employee', 'resident')", name="fund"),
        sa.CheckConstraint("settled_fen >= 0", name="settled_not_negative"),
        sa.CheckConstraint("(moved_fen = 0) = (entry_no IS NULL)", name="money_has_its_entry"),
        sa.CheckConstraint("kind = 'actual' OR moved_fen <> 0", name="money_moves"),
        sa.CheckConstraint("kind <> 'actual' OR settles IS NOT NULL", name="actual_settles"),
        sa.CheckConstraint("kind <> 'repayment' OR (moved_fen < 0 AND length(document) > 0)", name="repaid"),
    )


class FundMonth(Base):
    """An event of a month's settlement: the application, a negative plan, a step of the authority as reported."""

    __tablename__ = "fund_month"

    institution_id: Mapped[InstitutionId]
    event_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    period: Mapped[str] = mapped_column(sa.String(7))
    kind: Mapped[str] = mapped_column(sa.String(14))
    step: Mapped[str] = mapped_column(sa.String(30))
    on_day: Mapped[date]
    fund: Mapped[str] = mapped_column(sa.String(10))
    amount_fen: Mapped[int | None] = mapped_column(sa.BigInteger)
    due_on: Mapped[date | None]
    settled_in: Mapped[str] = mapped_column(sa.String(7))
    document: Mapped[str]
    document_key: Mapped[str] = mapped_column(server_default="")
    decision_id: Mapped[str | None] = mapped_column(sa.String(36))
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        sa.Index("ix_fund_month__period", "institution_id", "period"),
        sa.CheckConstraint("kind IN ('applied', 'negative_plan', 'step')", name="kind"),
        sa.CheckConstraint("kind <> 'applied' OR event_id = 'applied:' || period", name="applied_once"),
        sa.CheckConstraint(_FUNDS, name="fund"),
        sa.CheckConstraint("kind <> 'negative_plan' OR (amount_fen > 0 AND length(document) > 0)", name="plan"),
    )


class FundUploadDay(Base):
    """Inpatients of a day and the cost lists uploaded for it; a later row of the same day counts instead."""

    __tablename__ = "fund_upload_day"

    institution_id: Mapped[InstitutionId]
    on_day: Mapped[date] = mapped_column(primary_key=True)
    recorded_no: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    in_house: Mapped[int]
    uploaded: Mapped[int]
    last_upload_at: Mapped[datetime | None]
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("in_house >= 0 AND uploaded >= 0", name="counts"),
        sa.CheckConstraint("uploaded = 0 OR last_upload_at IS NOT NULL", name="upload_has_its_time"),
    )

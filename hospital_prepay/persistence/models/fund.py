"""The restricted fund: grants, and the requests to spend them. The database holds the walk of both.

A grant is one prepayment: place, pool region, insurance fund and year. Its money stands in three accounts of the
books that carry the grant's id as their fund (see ``ledger_account.fund``): the unspent earmark, what is reserved of
it, and what is owed back.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId, JsonText

# What may ever be paid from the fund, and what may be after two people decided. No pack says more: a test holds it.
MEDICAL = "'consumable', 'drug'"
GREY = "'blood', 'outsourced_test', 'oxygen', 'reagent', 'supplier_arrears'"


class FundGrant(Base):
    """One prepayment from application to zero."""

    __tablename__ = "fund_grant"

    institution_id: Mapped[InstitutionId]
    grant_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    regime: Mapped[str] = mapped_column(sa.String(40))
    pool_region: Mapped[str]
    fund: Mapped[str] = mapped_column(sa.String(10))
    year: Mapped[int]
    kind: Mapped[str] = mapped_column(sa.String(12))
    state: Mapped[str] = mapped_column(sa.String(10))
    applied_fen: Mapped[Fen]
    decision_id: Mapped[str] = mapped_column(sa.String(36))
    applied_by: Mapped[str] = mapped_column(sa.String(40))
    applied_at: Mapped[datetime]
    module_no: Mapped[str] = mapped_column(default="")
    approved_fen: Mapped[int | None] = mapped_column(sa.BigInteger)
    approved_on: Mapped[date | None]
    approval_document: Mapped[str] = mapped_column(default="")
    recorded_by: Mapped[str | None] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime | None]
    withheld_ground: Mapped[str] = mapped_column(default="")
    cleared_at: Mapped[datetime | None]

    __table_args__ = (
        sa.UniqueConstraint(
            "institution_id", "regime", "pool_region", "fund", "year", "kind", name="uq_fund_grant__one"
        ),
        sa.CheckConstraint("fund IN ('all', 'employee', 'resident')", name="fund"),
        sa.CheckConstraint("kind IN ('basic', 'procurement')", name="kind"),
        sa.CheckConstraint(
            "state IN ('applied', 'approved', 'withheld', 'received', 'cleared', 'declined')", name="state"
        ),
        sa.CheckConstraint("applied_fen > 0", name="applied_above_zero"),
        sa.CheckConstraint(
            "state IN ('applied', 'declined') OR (approved_fen > 0 AND approved_on IS NOT NULL"
            " AND recorded_by IS NOT NULL)",
            name="approved_with_evidence",
        ),
        sa.CheckConstraint("recorded_by IS NULL OR recorded_by <> applied_by", name="second_person"),
    )


class FundRequest(Base):
    """A request to pay a supplier from a grant. Refused ones are kept: an attempt is evidence."""

    __tablename__ = "fund_request"

    institution_id: Mapped[InstitutionId]
    request_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    grant_id: Mapped[str] = mapped_column(sa.String(36))
    payee_name: Mapped[str]
    payee_credit_code: Mapped[str] = mapped_column(sa.String(18))
    purpose: Mapped[str]
    total_fen: Mapped[Fen]
    state: Mapped[str] = mapped_column(sa.String(10))
    decision_id: Mapped[str] = mapped_column(sa.String(36))
    held: Mapped[bool]
    asked_by: Mapped[str] = mapped_column(sa.String(40))
    asked_at: Mapped[datetime]
    ground: Mapped[str] = mapped_column(default="")
    grounded_by: Mapped[str | None] = mapped_column(sa.String(40))
    department_by: Mapped[str | None] = mapped_column(sa.String(40))
    department_at: Mapped[datetime | None]
    finance_by: Mapped[str | None] = mapped_column(sa.String(40))
    finance_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    paid_by: Mapped[str | None] = mapped_column(sa.String(40))
    paid_at: Mapped[datetime | None]
    bank_reference: Mapped[str] = mapped_column(default="")
    ended_by: Mapped[str | None] = mapped_column(sa.String(40))
    ended_at: Mapped[datetime | None]
    ended_ground: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        sa.ForeignKeyConstraint(["institution_id", "grant_id"], ["fund_grant.institution_id", "fund_grant.grant_id"]),
        sa.Index("ix_fund_request__grant", "institution_id", "grant_id", "state"),
        sa.CheckConstraint("total_fen > 0", name="total_above_zero"),
        sa.CheckConstraint(
            "state IN ('refused', 'asked', 'department', 'reserved', 'paid', 'evidenced', 'rejected', 'released')",
            name="state",
        ),
        sa.CheckConstraint(
            "state NOT IN ('department', 'reserved', 'paid', 'evidenced') OR (department_by IS NOT NULL"
            " AND department_by <> asked_by)",
            name="department_is_another",
        ),
        sa.CheckConstraint(
            "state NOT IN ('reserved', 'paid', 'evidenced') OR (finance_by IS NOT NULL AND finance_by <> asked_by"
            " AND finance_by <> department_by)",
            name="finance_is_another",
        ),
        sa.CheckConstraint(
            "state NOT IN ('paid', 'evidenced') OR (paid_by IS NOT NULL AND paid_by <> finance_by"
            " AND length(bank_reference) > 0)",
            name="payer_is_another",
        ),
        # A grey line goes on only with a ground written by one of two people, the finance approver being the other.
        sa.CheckConstraint(
            "NOT held OR state NOT IN ('department', 'reserved', 'paid', 'evidenced') OR (length(ground) > 0"
            " AND grounded_by IS NOT NULL AND grounded_by <> asked_by"
            " AND (finance_by IS NULL OR grounded_by <> finance_by))",
            name="held_needs_two_and_a_ground",
        ),
    )


class FundRequestLine(Base):
    """One line of a request: what is paid for, under which code, order and batch of central procurement."""

    __tablename__ = "fund_request_line"

    institution_id: Mapped[InstitutionId]
    request_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    line_no: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    category: Mapped[str] = mapped_column(sa.String(40))
    name: Mapped[str]
    code: Mapped[str] = mapped_column(sa.String(40))
    order_no: Mapped[str] = mapped_column(sa.String(80))
    amount_fen: Mapped[Fen]
    outcome: Mapped[str] = mapped_column(sa.String(9))
    batch: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "request_id"], ["fund_request.institution_id", "fund_request.request_id"]
        ),
        sa.CheckConstraint("amount_fen > 0", name="amount_above_zero"),
        sa.CheckConstraint("outcome IN ('permitted', 'held', 'refused')", name="outcome"),
        sa.CheckConstraint(f"outcome <> 'permitted' OR category IN ({MEDICAL})", name="permitted_is_medical"),
        sa.CheckConstraint(f"outcome <> 'held' OR category IN ({MEDICAL}, {GREY})", name="held_is_medical_or_grey"),
    )


class FundEvidence(Base):
    """What proves a paid line: invoice, delivery, platform order. Appended, never changed; what was typed wrongly is
    withdrawn, and a number that was withdrawn comes again as its next attempt."""

    __tablename__ = "fund_evidence"

    institution_id: Mapped[InstitutionId]
    request_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    line_no: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    invoice_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    amount_fen: Mapped[Fen]
    detail: Mapped[dict[str, Any]] = mapped_column(JsonText)
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]
    attempt: Mapped[int] = mapped_column(
        sa.SmallInteger, primary_key=True, autoincrement=False, default=1, server_default="1"
    )

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "request_id", "line_no"],
            ["fund_request_line.institution_id", "fund_request_line.request_id", "fund_request_line.line_no"],
        ),
        sa.CheckConstraint("amount_fen > 0", name="amount_above_zero"),
        sa.CheckConstraint("attempt > 0", name="attempt_above_zero"),
    )


class FundEvidenceWithdrawn(Base):
    """An invoice that was typed wrongly and proves nothing any more. The invoice itself stays."""

    __tablename__ = "fund_evidence_withdrawn"

    institution_id: Mapped[InstitutionId]
    request_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    line_no: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    invoice_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    attempt: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    ground: Mapped[str]
    withdrawn_by: Mapped[str] = mapped_column(sa.String(40))
    withdrawn_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "request_id", "line_no", "invoice_no", "attempt"],
            [
                f"fund_evidence.{name}"
                for name in ("institution_id", "request_id", "line_no", "invoice_no", "attempt")
            ],
        ),
        sa.CheckConstraint("length(trim(ground)) > 0", name="with_ground"),
        {"sqlite_with_rowid": False},
    )

"""What was decided, what was done, and which request was answered how."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId


class DecisionRecord(Base):
    """A stored decision with the facts to give it again."""

    __tablename__ = "decision"

    institution_id: Mapped[InstitutionId]
    decision_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    rule: Mapped[str] = mapped_column(sa.String(80))
    rule_version: Mapped[str] = mapped_column(sa.String(40))
    outcome: Mapped[str] = mapped_column(sa.String(12))
    amount_fen: Mapped[Fen | None] = mapped_column(sa.BigInteger)
    reasons: Mapped[list[Any]]
    facts: Mapped[dict[str, Any]]
    readings: Mapped[dict[str, Any] | None]
    effective_on: Mapped[date]
    decided_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(40))

    __table_args__ = (
        sa.CheckConstraint("outcome IN ('permitted', 'held', 'refused')", name="outcome"),
        sa.Index("ix_decision__decided_at", "institution_id", "decided_at"),
    )


class AuditEvent(Base):
    """Somebody did something, or was refused it. Appended in the same transaction as the act."""

    __tablename__ = "audit_event"

    institution_id: Mapped[InstitutionId]
    event_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(40))
    actor_name: Mapped[str] = mapped_column(default="")
    action: Mapped[str] = mapped_column(sa.String(60))
    outcome: Mapped[str] = mapped_column(sa.String(12))
    subject: Mapped[str] = mapped_column(sa.String(120), default="")
    decision_id: Mapped[str | None] = mapped_column(sa.String(36))
    entry_no: Mapped[int | None] = mapped_column(sa.BigInteger)
    address: Mapped[str] = mapped_column(sa.String(64), default="")
    detail: Mapped[dict[str, Any]]

    __table_args__ = (
        sa.CheckConstraint("outcome IN ('done', 'refused', 'failed')", name="outcome"),
        sa.Index("ix_audit_event__at", "institution_id", "at"),
        sa.Index("ix_audit_event__subject", "institution_id", "subject"),
    )


class IdempotencyKey(Base):
    """The answer given to a request, so that the same request is answered the same."""

    __tablename__ = "idempotency_key"

    institution_id: Mapped[InstitutionId]
    key: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    action: Mapped[str] = mapped_column(sa.String(60))
    payload_hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32))
    answer: Mapped[dict[str, Any]]
    answered_at: Mapped[datetime]


class JobRun(Base):
    """A job ran for a business date; the key makes sure it runs once."""

    __tablename__ = "job_run"

    institution_id: Mapped[InstitutionId]
    job: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    business_date: Mapped[date] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(default="")

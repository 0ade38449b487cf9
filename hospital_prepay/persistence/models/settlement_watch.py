"""What stands beside the clocks of discharges: why one is late, whom it was brought to, what others counted."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, InstitutionId

_DISCHARGE = ["institution_id", "stay_no", "discharged_at"]
REASONS = (
    "('insurance_down', 'insurance_review', 'third_party_case', 'patient_absent', 'patient_papers', "
    "'costs_disputed', 'own_records', 'own_billing', 'own_staff', 'own_system', 'other')"
)


class Lateness(Base):
    """Why a discharge is late, and the excuse that was asked for it: asked by one person, decided by another.

    Nothing here is read by a clock. ``decision_id`` is what the rule said when an excuse was to be accepted.
    """

    __tablename__ = "lateness"

    institution_id: Mapped[InstitutionId]
    stay_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    discharged_at: Mapped[datetime] = mapped_column(primary_key=True)
    lateness_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reason_code: Mapped[str] = mapped_column(sa.String(20))
    words: Mapped[str]
    written_by: Mapped[str] = mapped_column(sa.String(40))
    written_at: Mapped[datetime]
    excuse: Mapped[str] = mapped_column(sa.String(8))
    asked_by: Mapped[str | None] = mapped_column(sa.String(40))
    asked_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(sa.String(40))
    decided_at: Mapped[datetime | None]
    answer: Mapped[str | None]
    decision_id: Mapped[str | None] = mapped_column(sa.String(36))

    __table_args__ = (
        sa.ForeignKeyConstraint(
            _DISCHARGE, [f"discharge.{one}" for one in _DISCHARGE], name="fk_lateness__discharge"
        ),
        sa.Index(
            "ix_lateness__asked",
            "institution_id",
            "asked_at",
            sqlite_where=sa.text("excuse = 'asked'"),
            postgresql_where=sa.text("excuse = 'asked'"),
        ),
        sa.CheckConstraint(f"reason_code IN {REASONS}", name="reason"),
        sa.CheckConstraint("length(words) > 0", name="in_words"),
        sa.CheckConstraint("excuse IN ('none', 'asked', 'accepted', 'refused')", name="excuse"),
        sa.CheckConstraint(
            "(excuse = 'none') = (asked_by IS NULL) AND (asked_by IS NULL) = (asked_at IS NULL)", name="asked"
        ),
        sa.CheckConstraint(
            "(excuse IN ('accepted', 'refused')) = (decided_by IS NOT NULL) "
            "AND (decided_by IS NULL) = (decided_at IS NULL)",
            name="decided",
        ),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> asked_by", name="second_person"),
        sa.CheckConstraint("excuse <> 'accepted' OR decision_id IS NOT NULL", name="by_rule"),
        sa.CheckConstraint("excuse <> 'refused' OR coalesce(length(answer), 0) > 0", name="refused_in_words"),
    )


class TakeBack(Base):
    """A late discharge that somebody asks to take back by hand: asked by one person, decided by another.

    Agreed to, it stands beside the message that takes the discharge back; the late one stays counted by it.
    """

    __tablename__ = "take_back"

    institution_id: Mapped[InstitutionId]
    stay_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    discharged_at: Mapped[datetime] = mapped_column(primary_key=True)
    ask_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ground: Mapped[str]
    asked_by: Mapped[str] = mapped_column(sa.String(40))
    asked_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(sa.String(7))
    decided_by: Mapped[str | None] = mapped_column(sa.String(40))
    decided_at: Mapped[datetime | None]
    answer: Mapped[str | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            _DISCHARGE, [f"discharge.{one}" for one in _DISCHARGE], name="fk_take_back__discharge"
        ),
        sa.Index(
            "uq_take_back__asked",
            *_DISCHARGE,
            unique=True,
            sqlite_where=sa.text("state = 'asked'"),
            postgresql_where=sa.text("state = 'asked'"),
        ),
        sa.CheckConstraint("length(ground) > 0", name="ground"),
        sa.CheckConstraint("state IN ('asked', 'agreed', 'refused')", name="state"),
        sa.CheckConstraint(
            "(state = 'asked') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)", name="decided"
        ),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> asked_by", name="second_person"),
        sa.CheckConstraint("state <> 'refused' OR coalesce(length(answer), 0) > 0", name="refused_in_words"),
    )


class Escalation(Base):
    """A discharge that was brought to whoever had to do the next step, once for each level."""

    __tablename__ = "escalation"

    institution_id: Mapped[InstitutionId]
    stay_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    discharged_at: Mapped[datetime] = mapped_column(primary_key=True)
    level: Mapped[str] = mapped_column(sa.String(10), primary_key=True)
    stage: Mapped[str] = mapped_column(sa.String(9))
    expected_on: Mapped[date]
    raised_on: Mapped[date]
    raised_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            _DISCHARGE, [f"discharge.{one}" for one in _DISCHARGE], name="fk_escalation__discharge"
        ),
        sa.CheckConstraint("level IN ('day_before', 'due_day', 'late', 'very_late')", name="level"),
        sa.CheckConstraint("stage IN ('ward', 'audit', 'insurance', 'cashier')", name="stage"),
    )


class ChannelCount(Base):
    """How often something was done in a month by a channel, as another system reports it; the newest of a month,
    service and channel holds."""

    __tablename__ = "channel_count"

    institution_id: Mapped[InstitutionId]
    period: Mapped[str] = mapped_column(sa.String(7), primary_key=True)
    service: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    channel: Mapped[str] = mapped_column(sa.String(7), primary_key=True)
    count_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
    source: Mapped[str]
    written_by: Mapped[str] = mapped_column(sa.String(40))
    written_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("length(period) = 7", name="period"),
        sa.CheckConstraint("service IN ('admission', 'registration', 'query')", name="service"),
        sa.CheckConstraint("channel IN ('bedside', 'online', 'window')", name="channel"),
        sa.CheckConstraint("number >= 0", name="number"),
        sa.CheckConstraint("length(source) > 0", name="source"),
    )

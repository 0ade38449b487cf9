"""Discharges and what leads to them: the messages of visits, the clocks, who must do what next."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, InstitutionId
from hospital_prepay.persistence.models.inpatient import CLASSES

STAGES = "('ward', 'audit', 'insurance', 'cashier', 'invoice', 'done')"
_STAY = ["institution_id", "stay_no"]
_DISCHARGE = [*_STAY, "discharged_at"]


class VisitMessage(Base):
    """One word of another system, or of a person, on a visit: read and applied, or kept aside with the reason.

    ``digest`` names it: the same bytes are the same message, however often they come. What it says is kept encrypted
    (``facts_enc``); its bytes (``raw_enc``) only as long as it stands aside.
    """

    __tablename__ = "visit_message"

    institution_id: Mapped[InstitutionId]
    message_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    source: Mapped[str] = mapped_column(sa.String(6))
    sender: Mapped[str] = mapped_column(sa.String(80))
    control_no: Mapped[str] = mapped_column(sa.String(80))
    sequence_no: Mapped[int | None] = mapped_column(sa.BigInteger)
    event: Mapped[str] = mapped_column(sa.String(20))
    visit_no: Mapped[str | None] = mapped_column(sa.String(80))
    occurred_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    digest: Mapped[str] = mapped_column(sa.String(64))
    facts_enc: Mapped[str | None]
    raw_enc: Mapped[str | None]
    state: Mapped[str] = mapped_column(sa.String(11))
    reason_code: Mapped[str] = mapped_column(sa.String(40))
    reason: Mapped[str]
    received_at: Mapped[datetime]
    received_by: Mapped[str] = mapped_column(sa.String(40))
    decided_by: Mapped[str | None] = mapped_column(sa.String(40))
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        sa.UniqueConstraint("institution_id", "digest"),
        sa.Index("ix_visit_message__visit", "institution_id", "visit_no"),
        sa.Index("ix_visit_message__received", "institution_id", "received_at"),
        sa.Index(
            "ix_visit_message__aside",
            "institution_id",
            "received_at",
            sqlite_where=sa.text("state = 'quarantined'"),
            postgresql_where=sa.text("state = 'quarantined'"),
        ),
        sa.CheckConstraint("source IN ('mllp', 'folder', 'api', 'csv', 'hand')", name="source"),
        sa.CheckConstraint("state IN ('applied', 'quarantined', 'dropped')", name="state"),
        sa.CheckConstraint(
            "state <> 'applied' OR (visit_no IS NOT NULL AND occurred_at IS NOT NULL AND sent_at IS NOT NULL "
            "AND facts_enc IS NOT NULL)",
            name="applied_says_what",
        ),
        sa.CheckConstraint("state <> 'quarantined' OR length(reason) > 0", name="aside_says_why"),
    )


class PatientMergeRow(Base):
    """A patient's number that goes on as another (A40)."""

    __tablename__ = "patient_merge"

    institution_id: Mapped[InstitutionId]
    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    from_no: Mapped[str] = mapped_column(sa.String(80))
    into_no: Mapped[str] = mapped_column(sa.String(80))
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]


class Discharge(Base):
    """One discharge of a stay and where its settlement stands: the board's row.

    ``due_on`` is ``NULL`` while it is provisional, and with ``expected_on`` where no rule was in force. ``ended_at``
    stands where the discharge was taken back; the row stays, as do its clocks and steps.
    """

    __tablename__ = "discharge"

    institution_id: Mapped[InstitutionId]
    stay_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    discharged_at: Mapped[datetime] = mapped_column(primary_key=True)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(sa.String(20))
    disposition: Mapped[str] = mapped_column(sa.String(20))
    ward: Mapped[str]
    insured_class: Mapped[str] = mapped_column(sa.String(10))
    clock_no: Mapped[int]
    due_on: Mapped[date | None]
    expected_on: Mapped[date | None]
    target_at: Mapped[datetime | None]
    stage: Mapped[str] = mapped_column(sa.String(9))
    stage_since: Mapped[datetime]
    note: Mapped[str]
    step_no: Mapped[int]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(_STAY, [f"stay.{one}" for one in _STAY], name="fk_discharge__stay"),
        sa.Index(
            "uq_discharge__standing",
            *_STAY,
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.Index(
            "ix_discharge__open",
            "institution_id",
            "expected_on",
            "discharged_at",
            "stay_no",
            "stage",
            "ward",
            "insured_class",
            sqlite_where=sa.text("ended_at IS NULL AND settled_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL AND settled_at IS NULL"),
        ),
        sa.Index("ix_discharge__discharged_at", "institution_id", "discharged_at"),
        sa.CheckConstraint(CLASSES, name="insured_class"),
        sa.CheckConstraint(f"stage IN {STAGES}", name="stage"),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_something"),
        sa.CheckConstraint("due_on IS NULL OR expected_on = due_on", name="due_as_expected"),
    )


class DischargeClock(Base):
    """When a discharge must be settled, as it was reckoned, and by what. A new verdict stands beside the old one."""

    __tablename__ = "discharge_clock"

    institution_id: Mapped[InstitutionId]
    stay_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    discharged_at: Mapped[datetime] = mapped_column(primary_key=True)
    clock_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    starts_at: Mapped[datetime]
    due_on: Mapped[date | None]
    expected_on: Mapped[date | None]
    target_at: Mapped[datetime | None]
    working_days: Mapped[int | None]
    target_hours: Mapped[int | None]
    calendar_version: Mapped[str] = mapped_column(sa.String(64))
    rule_version: Mapped[str] = mapped_column(sa.String(40))
    moment_reading: Mapped[str] = mapped_column(sa.String(40))
    cause: Mapped[str] = mapped_column(sa.String(10))
    set_by: Mapped[str] = mapped_column(sa.String(40))
    set_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            _DISCHARGE, [f"discharge.{one}" for one in _DISCHARGE], name="fk_discharge_clock__discharge"
        ),
        sa.CheckConstraint("cause IN ('discharged', 'calendar', 'ordered')", name="cause"),
        sa.CheckConstraint("due_on IS NULL OR expected_on = due_on", name="due_as_expected"),
    )


class DischargeStep(Base):
    """Who passed a discharge on to whom, sent it back, or wrote down what it waits for (``from_stage`` stays)."""

    __tablename__ = "discharge_step"

    institution_id: Mapped[InstitutionId]
    stay_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    discharged_at: Mapped[datetime] = mapped_column(primary_key=True)
    step_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    from_stage: Mapped[str] = mapped_column(sa.String(9))
    to_stage: Mapped[str] = mapped_column(sa.String(9))
    note: Mapped[str]
    taken_by: Mapped[str] = mapped_column(sa.String(40))
    taken_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            _DISCHARGE, [f"discharge.{one}" for one in _DISCHARGE], name="fk_discharge_step__discharge"
        ),
        sa.CheckConstraint(f"from_stage IN {STAGES} AND to_stage IN {STAGES}", name="stages"),
        sa.CheckConstraint("from_stage <> to_stage OR length(note) > 0", name="remark_with_words"),
    )

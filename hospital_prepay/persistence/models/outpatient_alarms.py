"""What was noticed about claims, what was answered to it, and the cards of staff."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, InstitutionId
from hospital_prepay.persistence.models.outpatient import Person

_CLAIM = ["outpatient_claim.institution_id", "outpatient_claim.claim_id"]


class OutpatientAlarm(Base):
    """One thing that was noticed about a claim. Appended, never changed."""

    __tablename__ = "outpatient_alarm"

    institution_id: Mapped[InstitutionId]
    claim_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    alarm_no: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(12))
    words: Mapped[str]
    raised_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(["institution_id", "claim_id"], _CLAIM),
        sa.Index("ix_outpatient_alarm__raised", "institution_id", "raised_at"),
        sa.CheckConstraint(
            "kind IN ('again', 'beyond', 'owner', 'unproven', 'same_card', 'staff_card', 'staff_name', 'hours',"
            " 'many', 'pair')",
            name="kind",
        ),
    )


class OutpatientAlarmAnswer(Base):
    """Why somebody confirmed a claim in spite of its alarms. Appended, never changed."""

    __tablename__ = "outpatient_alarm_answer"

    institution_id: Mapped[InstitutionId]
    claim_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    answer_no: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    alarms: Mapped[int] = mapped_column(sa.SmallInteger)
    ground: Mapped[str]
    answered_by: Mapped[str] = mapped_column(Person)
    answered_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(["institution_id", "claim_id"], _CLAIM),
        sa.CheckConstraint("length(trim(ground)) > 0", name="a_ground"),
    )


class OutpatientStaffCard(Base):
    """A bank card of a member of staff, known by its keyed hash alone; ``tail`` is its last four digits."""

    __tablename__ = "outpatient_staff_card"

    institution_id: Mapped[InstitutionId]
    card_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    card_hash: Mapped[str] = mapped_column(sa.String(100))
    tail: Mapped[str] = mapped_column(sa.String(4))
    holder: Mapped[str]
    added_by: Mapped[str] = mapped_column(Person)
    added_at: Mapped[datetime]
    removed_by: Mapped[str | None] = mapped_column(Person)
    removed_at: Mapped[datetime | None]
    ground: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (
        sa.Index(
            "uq_outpatient_staff_card__card",
            "institution_id",
            "card_hash",
            unique=True,
            sqlite_where=sa.text("removed_at IS NULL"),
            postgresql_where=sa.text("removed_at IS NULL"),
        ),
        sa.CheckConstraint(
            "removed_at IS NULL OR (removed_by IS NOT NULL AND length(trim(ground)) > 0)", name="removed_with_ground"
        ),
    )

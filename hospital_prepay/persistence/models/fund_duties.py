"""The duties of the restricted fund: where the hospital stands, what closed a duty, reminders, the shared account's
daily figure, and calendars that people subscribe to. Append-only; the database holds the walks."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, Fen, InstitutionId


class FundPlace(Base):
    """A word on a place: from a year on the hospital stands there, or no longer does. Counts once confirmed."""

    __tablename__ = "fund_place"

    institution_id: Mapped[InstitutionId]
    place_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    regime: Mapped[str] = mapped_column(sa.String(40))
    pool_region: Mapped[str]
    from_year: Mapped[int]
    stands: Mapped[bool]
    state: Mapped[str] = mapped_column(sa.String(9))
    proposed_by: Mapped[str] = mapped_column(sa.String(40))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(sa.String(40))
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('proposed', 'confirmed', 'declined')", name="state"),
        sa.CheckConstraint("length(pool_region) > 0 AND from_year BETWEEN 2000 AND 2100", name="named"),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_by IS NULL) AND (decided_by IS NULL OR decided_by <> proposed_by)",
            name="second_person",
        ),
    )


class FundDutyClosure(Base):
    """A step of a duty: odd ones close it, even ones withdraw what the step before said. The last one counts, so that
    a duty has one live closure or none."""

    __tablename__ = "fund_duty_closure"

    institution_id: Mapped[InstitutionId]
    duty_key: Mapped[str] = mapped_column(primary_key=True)
    step_no: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(14))
    done_on: Mapped[date | None]
    words: Mapped[str]
    decision_id: Mapped[str | None] = mapped_column(sa.String(36))
    recorded_by: Mapped[str] = mapped_column(sa.String(40))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("kind IN ('done', 'not_applicable', 'withdrawn')", name="kind"),
        sa.CheckConstraint("step_no > 0 AND (kind = 'withdrawn') = (step_no % 2 = 0)", name="in_turn"),
        sa.CheckConstraint("(kind = 'done') = (done_on IS NOT NULL) AND length(words) > 0", name="evidenced"),
        sa.CheckConstraint("(kind = 'withdrawn') = (decision_id IS NULL)", name="decided"),
    )


class FundReminder(Base):
    """A reminder that was given: one for each duty and stage."""

    __tablename__ = "fund_reminder"

    institution_id: Mapped[InstitutionId]
    duty_key: Mapped[str] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    words: Mapped[str]
    reminded_on: Mapped[date]
    reminded_at: Mapped[datetime]


class FundAccountCheck(Base):
    """The shared account in the books on one day: the hospital's own part, and what is restricted."""

    __tablename__ = "fund_account_check"

    institution_id: Mapped[InstitutionId]
    business_date: Mapped[date] = mapped_column(primary_key=True)
    general_fen: Mapped[Fen]
    restricted_fen: Mapped[Fen]
    checked_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("restricted_fen >= 0", name="restricted_from_zero"),)


class FundCalendar(Base):
    """A calendar that one person subscribed to, known by the keyed hash of the token in its address."""

    __tablename__ = "fund_calendar"

    institution_id: Mapped[InstitutionId]
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.String(40))
    made_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        sa.Index(
            "uq_fund_calendar__one_live",
            "institution_id",
            "user_id",
            unique=True,
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        ),
        sa.Index("ix_fund_calendar__token_hash", "token_hash"),
    )

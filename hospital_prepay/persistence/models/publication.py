"""The institution, its rules, its settings and the holiday schedules it has loaded."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, InstitutionId


class Institution(Base):
    """A medical institution, known by its 12-character insurance code."""

    __tablename__ = "institution"

    institution_id: Mapped[InstitutionId]
    name: Mapped[str]
    phone: Mapped[str] = mapped_column(default="")
    hours: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    level: Mapped[int | None] = mapped_column(sa.SmallInteger)
    ownership: Mapped[str] = mapped_column(sa.String(20), default="public")
    is_designated: Mapped[bool] = mapped_column(default=True)
    is_default: Mapped[bool] = mapped_column(default=False)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(sa.String(40))

    __table_args__ = (sa.CheckConstraint("ownership IN ('public', 'private', 'military')", name="ownership"),)


class DepositRules(Base):
    """The hospital's own deposit rules (article 4), every version with its approver."""

    __tablename__ = "deposit_rules"

    institution_id: Mapped[InstitutionId]
    version_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str]
    effective_on: Mapped[date]
    written_by: Mapped[str] = mapped_column(sa.String(40))
    written_at: Mapped[datetime]
    approved_by: Mapped[str | None] = mapped_column(sa.String(40))
    approved_at: Mapped[datetime | None]

    __table_args__ = (sa.CheckConstraint("approved_by IS NULL OR approved_by <> written_by", name="second_person"),)


class SettingValue(Base):
    """A named reading or setting as the hospital chose it; the newest row holds."""

    __tablename__ = "setting_value"

    institution_id: Mapped[InstitutionId]
    name: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    version_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    value: Mapped[str]
    ground: Mapped[str] = mapped_column(default="")
    changed_by: Mapped[str] = mapped_column(sa.String(40))
    changed_at: Mapped[datetime]


class AnnouncedYearRecord(Base):
    """A year's holiday schedule as imported from the State Council's notice."""

    __tablename__ = "announced_year"

    institution_id: Mapped[InstitutionId]
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    days: Mapped[dict[str, Any]]
    source: Mapped[str]
    imported_by: Mapped[str] = mapped_column(sa.String(40))
    imported_at: Mapped[datetime]

"""The lists of people whom article 21 names: treated first, paying later where the place has such a policy."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, InstitutionId

_LIST = ["institution_id", "list_no"]


class PatientGroupList(Base):
    """One list of one group of one region as its authority gave it; the newest of a group and region counts."""

    __tablename__ = "patient_group_list"

    institution_id: Mapped[InstitutionId]
    list_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    group_code: Mapped[str] = mapped_column(sa.String(12))
    region: Mapped[str] = mapped_column(sa.String(40))
    source: Mapped[str]
    dated_on: Mapped[date]
    members: Mapped[int]
    sha256: Mapped[str] = mapped_column(sa.String(64))
    imported_by: Mapped[str] = mapped_column(sa.String(40))
    imported_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("group_code IN ('lifted', 'low_income', 'destitute', 'at_risk')", name="group_code"),
        sa.CheckConstraint("source <> '' AND members > 0", name="sourced"),
    )


class PatientGroupMember(Base):
    """Somebody on a list: the certificate as keyed hash and encrypted, the name encrypted."""

    __tablename__ = "patient_group_member"

    institution_id: Mapped[InstitutionId]
    list_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    certificate_hash: Mapped[str] = mapped_column(sa.String(120))
    certificate_enc: Mapped[str]
    name_enc: Mapped[str]
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            _LIST, [f"patient_group_list.{one}" for one in _LIST], name="fk_patient_group_member__list"
        ),
        sa.Index("ix_patient_group_member__certificate", "institution_id", "certificate_hash"),
        sa.CheckConstraint("valid_from IS NULL OR valid_to IS NULL OR valid_from <= valid_to", name="valid"),
    )

"""What people said of whether bank lines are to be explained. Appended only; a later row of a subject counts."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, InstitutionId


class FundCounted(Base):
    """One word of a person: of a line (``line:…``), or of the account of a whole file (``statement:…``)."""

    __tablename__ = "fund_counted"

    institution_id: Mapped[InstitutionId]
    subject: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    step_no: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    counts: Mapped[bool]
    ground: Mapped[str]
    said_by: Mapped[str] = mapped_column(sa.String(40))
    said_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("length(ground) > 0", name="with_a_ground"),
        sa.CheckConstraint("subject LIKE 'line:%' OR subject LIKE 'statement:%'", name="subject"),
    )

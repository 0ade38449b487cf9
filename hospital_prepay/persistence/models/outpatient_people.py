"""Accounts that are likely one person's: proposed in pairs, joined by a decision of somebody else, never alone."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, InstitutionId

Person = sa.String(40)


class OutpatientLikeness(Base):
    """Two accounts that look like one person's. A pair that was joined names whose accounts became whose."""

    __tablename__ = "outpatient_likeness"

    institution_id: Mapped[InstitutionId]
    first_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    second_no: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    likeness: Mapped[str] = mapped_column(sa.String(14))
    state: Mapped[str] = mapped_column(sa.String(8))
    proposed_by: Mapped[str] = mapped_column(Person)
    proposed_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(Person)
    decided_at: Mapped[datetime | None]
    ground: Mapped[str] = mapped_column(default="", server_default="")
    from_person: Mapped[str | None] = mapped_column(Person)
    to_person: Mapped[str | None] = mapped_column(Person)

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "first_no"],
            ["outpatient_account.institution_id", "outpatient_account.account_no"],
            name="fk_outpatient_likeness__first",
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "second_no"],
            ["outpatient_account.institution_id", "outpatient_account.account_no"],
            name="fk_outpatient_likeness__second",
        ),
        sa.Index("ix_outpatient_likeness__second", "institution_id", "second_no"),
        sa.Index("ix_outpatient_likeness__state", "institution_id", "state"),
        sa.CheckConstraint("first_no <> second_no", name="two_accounts"),
        sa.CheckConstraint("likeness IN ('certificate', 'phone_and_name', 'patient_no')", name="likeness"),
        sa.CheckConstraint("state IN ('proposed', 'joined', 'apart')", name="state"),
        sa.CheckConstraint(
            "state = 'proposed' OR (decided_by IS NOT NULL AND decided_by <> proposed_by AND length(ground) > 0)",
            name="second_person",
        ),
        sa.CheckConstraint(
            "(state = 'joined') = (from_person IS NOT NULL AND to_person IS NOT NULL)", name="joined_names_both"
        ),
    )

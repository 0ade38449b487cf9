"""What stood wrong of an account's holder: corrected by two people, what stood before kept for ever."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, InstitutionId
from hospital_prepay.persistence.models.outpatient import Person


class OutpatientOwnerChange(Base):
    """A holder's name, certificate number or phone as it stood and as it should stand, with what proves it.

    The database writes it on the account when another person agrees, and refuses any other change of these columns.
    ``old_personal``, ``new_personal`` and ``paper`` are encrypted; ``answer`` says why it was turned down.
    """

    __tablename__ = "outpatient_owner_change"

    institution_id: Mapped[InstitutionId]
    change_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_no: Mapped[str] = mapped_column(sa.String(40))
    old_name: Mapped[str]
    new_name: Mapped[str]
    old_personal: Mapped[str]
    new_personal: Mapped[str]
    old_certno_hash: Mapped[str] = mapped_column(sa.String(100))
    new_certno_hash: Mapped[str] = mapped_column(sa.String(100))
    old_phone_hash: Mapped[str] = mapped_column(sa.String(100))
    new_phone_hash: Mapped[str] = mapped_column(sa.String(100))
    old_reach: Mapped[str] = mapped_column(sa.String(8))
    new_reach: Mapped[str] = mapped_column(sa.String(8))
    ground: Mapped[str]
    paper: Mapped[str]
    state: Mapped[str] = mapped_column(sa.String(9))
    asked_by: Mapped[str] = mapped_column(Person)
    asked_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(Person)
    decided_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "account_no"], ["outpatient_account.institution_id", "outpatient_account.account_no"]
        ),
        sa.Index("ix_outpatient_owner_change__account", "institution_id", "account_no", "change_no"),
        sa.Index(
            "uq_outpatient_owner_change__asked",
            "institution_id",
            "account_no",
            unique=True,
            sqlite_where=sa.text("state = 'asked'"),
            postgresql_where=sa.text("state = 'asked'"),
        ),
        sa.CheckConstraint("state IN ('asked', 'approved', 'rejected')", name="state"),
        sa.CheckConstraint(
            "(new_name <> old_name OR new_certno_hash <> old_certno_hash OR new_phone_hash <> old_phone_hash)"
            " AND length(trim(ground)) > 0 AND length(paper) > 0",
            name="a_change_with_its_ground",
        ),
        sa.CheckConstraint(
            "state = 'asked' OR (decided_by IS NOT NULL AND decided_at IS NOT NULL AND decided_by <> asked_by)",
            name="second_person",
        ),
        sa.CheckConstraint("state <> 'rejected' OR length(trim(answer)) > 0", name="turned_down_with_why"),
    )

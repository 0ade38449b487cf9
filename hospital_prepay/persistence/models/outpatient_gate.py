"""Which outpatient deposits are kept: the approved filing (6); and kinds of money held to be none (9)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, InstitutionId, JsonText
from hospital_prepay.persistence.models.outpatient import Person


class OutpatientKept(Base):
    """A filing of the kinds that are kept: proposed by one person with the authority's paper, approved by another,
    posted, ended. ``kinds`` is a list of code, label and whether it is for the elderly."""

    __tablename__ = "outpatient_kept"

    institution_id: Mapped[InstitutionId]
    filing_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    document: Mapped[str]
    authority: Mapped[str]
    filed_on: Mapped[date]
    kinds: Mapped[list[dict[str, Any]]] = mapped_column(JsonText)
    state: Mapped[str] = mapped_column(sa.String(8))
    proposed_by: Mapped[str] = mapped_column(Person)
    proposed_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(Person)
    decided_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(Person)
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        sa.Index(
            "uq_outpatient_kept__in_force",
            "institution_id",
            unique=True,
            sqlite_where=sa.text("state = 'approved'"),
            postgresql_where=sa.text("state = 'approved'"),
        ),
        sa.CheckConstraint("state IN ('proposed', 'approved', 'rejected', 'ended')", name="state"),
        sa.CheckConstraint(
            "state IN ('proposed', 'rejected') OR (decided_by IS NOT NULL AND decided_by <> proposed_by)",
            name="second_person",
        ),
        sa.CheckConstraint("length(document) > 0 AND length(authority) > 0", name="with_its_paper"),
    )


class OutpatientPosting(Base):
    """Where and since when a filing stands posted, with its address or a picture's name as proof."""

    __tablename__ = "outpatient_posting"

    institution_id: Mapped[InstitutionId]
    filing_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    place: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    posted_on: Mapped[date]
    proof: Mapped[str]
    recorded_by: Mapped[str] = mapped_column(Person)
    recorded_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["institution_id", "filing_id"], ["outpatient_kept.institution_id", "outpatient_kept.filing_id"]
        ),
        sa.CheckConstraint("place IN ('website', 'mini_program', 'screen')", name="place"),
        sa.CheckConstraint("length(proof) > 0", name="with_proof"),
    )


class OutpatientOtherKind(Base):
    """A kind of money that the hospital holds to be no outpatient deposit (9 leaves its list open): two people."""

    __tablename__ = "outpatient_other_kind"

    institution_id: Mapped[InstitutionId]
    kind_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    label: Mapped[str]
    ground: Mapped[str]
    state: Mapped[str] = mapped_column(sa.String(8))
    proposed_by: Mapped[str] = mapped_column(Person)
    proposed_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(Person)
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("state IN ('proposed', 'approved', 'rejected')", name="state"),
        sa.CheckConstraint("length(label) > 0 AND length(ground) > 0", name="with_its_ground"),
        sa.CheckConstraint(
            "state <> 'approved' OR (decided_by IS NOT NULL AND decided_by <> proposed_by)", name="second_person"
        ),
    )

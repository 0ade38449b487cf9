"""What a stay followed at a moment in the past: disease, class and cap as they were then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from hospital_prepay.persistence.models.inpatient import StayCap


@dataclass(frozen=True, slots=True)
class PastPlacement:
    """One version of what binds a stay; the cap in fen, ``None`` while something had to be done first."""

    version_no: int
    disease_code: str
    disease_name: str
    insured_class: str
    circumstance: str
    cap_fen: int | None


def placement_at(
    connection: sa.Connection, institution_id: str, stay_no: str, moment: datetime
) -> PastPlacement | None:
    """The newest version recorded at or before ``moment``."""
    row = connection.execute(
        sa.select(*(getattr(StayCap, name) for name in PastPlacement.__dataclass_fields__))
        .where(StayCap.institution_id == institution_id, StayCap.stay_no == stay_no, StayCap.recorded_at <= moment)
        .order_by(StayCap.version_no.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else PastPlacement(**row._mapping)

"""How long discharges lay from each stage to their settlement."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa

from hospital_prepay.persistence.models.settlement import Discharge, DischargeStep


def arrivals(
    connection: sa.Connection, institution_id: str, since: datetime, most: int
) -> Iterator[tuple[str, datetime, datetime]]:
    """Of the newest ``most`` discharges settled since then: a stage, when it came there, when it was settled. The
    ward has a discharge from the beginning; one that was sent back comes twice."""
    settled = (
        sa.select(Discharge.stay_no, Discharge.discharged_at, Discharge.settled_at)
        .where(
            Discharge.institution_id == institution_id,
            Discharge.ended_at.is_(None),
            Discharge.settled_at.is_not(None),
            Discharge.settled_at >= since,
        )
        .order_by(Discharge.settled_at.desc())
        .limit(most)
        .subquery()
    )
    for discharged_at, settled_at in connection.execute(sa.select(settled.c.discharged_at, settled.c.settled_at)):
        yield "ward", discharged_at, settled_at
    steps = (
        sa.select(DischargeStep.to_stage, DischargeStep.taken_at, settled.c.settled_at)
        .join(
            settled,
            sa.and_(
                DischargeStep.stay_no == settled.c.stay_no, DischargeStep.discharged_at == settled.c.discharged_at
            ),
        )
        .where(
            DischargeStep.institution_id == institution_id,
            DischargeStep.from_stage != DischargeStep.to_stage,
            DischargeStep.taken_at < settled.c.settled_at,
        )
    )
    yield from (tuple(row) for row in connection.execute(steps))

"""The forecast of breaches, from what settled discharges took."""

from __future__ import annotations

from datetime import datetime, timedelta

from hospital_prepay.clock import local
from hospital_prepay.domain.calendar import WorkingDayCalendar
from hospital_prepay.domain.rules.settlement.forecast import (
    LOOKS_BACK_DAYS,
    MOST_LOOKED_AT,
    Forecast,
    forecast,
    working_minutes,
)
from hospital_prepay.domain.rules.settlement.stages import Stage
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.queries.settlement_pace import arrivals


def forecast_within(
    connection: Connection, institution_id: str, now: datetime, calendar: WorkingDayCalendar
) -> Forecast:
    """The forecast of an institution at ``now``, on a connection that is open already."""
    since = now - timedelta(days=LOOKS_BACK_DAYS)
    taken = (
        (Stage(stage), working_minutes(local(came_at), local(settled_at), calendar))
        for stage, came_at, settled_at in arrivals(connection, institution_id, since, MOST_LOOKED_AT)
    )
    return forecast(taken, local(now), calendar)

"""The forecast of breaches, from what settled discharges took."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from weakref import WeakKeyDictionary

from hospital_prepay.clock import local
from hospital_prepay.domain.calendar import WorkingDayCalendar
from hospital_prepay.domain.rules.settlement.forecast import (
    LOOKS_BACK_DAYS,
    MOST_LOOKED_AT,
    Forecast,
    forecast,
    usual_minutes,
    working_minutes,
)
from hospital_prepay.domain.rules.settlement.stages import Stage
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.queries.settlement_pace import arrivals

# A median of ninety days is looked up once an hour by each worker for its database, not for each look at the board.
_KEPT_FOR: Final = timedelta(hours=1)
_kept: WeakKeyDictionary[object, dict[str, tuple[datetime, Mapping[Stage, int]]]] = WeakKeyDictionary()


def forecast_within(
    connection: Connection, institution_id: str, now: datetime, calendar: WorkingDayCalendar
) -> Forecast:
    """The forecast of an institution at ``now``, on a connection that is open already."""
    kept = _kept.setdefault(connection.engine, {})
    at, usual = kept.get(institution_id, (now - _KEPT_FOR, {}))
    if not timedelta() <= now - at < _KEPT_FOR:
        usual = _usual(connection, institution_id, now, calendar)
        kept[institution_id] = now, usual
    return forecast(usual, local(now), calendar)


def _usual(
    connection: Connection, institution_id: str, now: datetime, calendar: WorkingDayCalendar
) -> Mapping[Stage, int]:
    since = now - timedelta(days=LOOKS_BACK_DAYS)
    return usual_minutes(
        (Stage(stage), working_minutes(local(came_at), local(settled_at), calendar))
        for stage, came_at, settled_at in arrivals(connection, institution_id, since, MOST_LOOKED_AT)
    )

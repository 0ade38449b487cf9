"""What this server tells the hospital's monitoring: figures of the whole database, none of a patient."""

from __future__ import annotations

import hmac
from datetime import datetime, time

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.persistence.health import check_database
from hospital_prepay.persistence.queries import operations as queries
from hospital_prepay.persistence.queries.operations import Figures
from hospital_prepay.services.context import Context

__all__ = ["Figures"]


def read_figures(context: Context) -> list[Figures]:
    """Every institution's figures, decisions since midnight. Raises ``DatabaseFault`` within seconds."""
    check_database(context.database)
    since = datetime.combine(context.clock.today(), time(), SHANGHAI)
    with context.database.reading() as connection:
        return queries.figures(connection, since)


def is_monitor(context: Context, token: str) -> bool:
    """Whether ``token`` is the one that the settings give to monitoring."""
    expected = context.settings.metrics_token
    return bool(expected) and hmac.compare_digest(expected.encode(), token.encode())

"""Whether this server can do its work now."""

from __future__ import annotations

from hospital_prepay.domain.errors import DatabaseFault
from hospital_prepay.persistence.health import check_database
from hospital_prepay.services.context import Context


def obstacle(context: Context) -> str | None:
    """Why requests can't be answered now, in a sentence, or ``None`` when they can."""
    try:
        check_database(context.database)
    except DatabaseFault as error:
        return error.message
    return None

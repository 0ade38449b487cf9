"""Names of people for pages that show who did something."""

from __future__ import annotations

import sqlalchemy as sa

from hospital_prepay.persistence.models.access import ApiClient, User


def names(connection: sa.Connection, institution_id: str) -> dict[str, str]:
    """The names of everybody and every system of an institution, by id."""
    people = sa.select(User.user_id, User.name).where(User.institution_id == institution_id)
    systems = sa.select(ApiClient.client_id, ApiClient.name).where(ApiClient.institution_id == institution_id)
    return {key: name for query in (systems, people) for key, name in connection.execute(query)}

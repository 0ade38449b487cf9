"""Whose step is next: everybody who holds its permission, but who took an earlier one."""

from __future__ import annotations

from collections.abc import Iterable

from hospital_prepay.domain.access import GRANTS, Permission
from hospital_prepay.persistence import users
from hospital_prepay.persistence.database import Connection
from hospital_prepay.services.fund.review import Turn


def turn_of(
    connection: Connection, institution_id: str, permission: Permission | None, barred: Iterable[str | None] = ()
) -> Turn | None:
    """Who may take a step that needs ``permission``; ``None`` when there is no step left."""
    if permission is None:
        return None
    out = frozenset(one for one in barred if one)
    staff = users.all_of(connection, institution_id)
    able = [one for one in staff if one.is_active and any(permission in GRANTS[role] for role in one.roles)]
    return Turn(permission, tuple(one.user_id for one in able if one.user_id not in out), out)

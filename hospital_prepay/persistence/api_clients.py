"""Other systems that may call, each known by the hash of its bearer token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models.access import ApiClient
from hospital_prepay.persistence.query import Query
from hospital_prepay.persistence.sessions import id_of


@dataclass(frozen=True, slots=True)
class ClientRow:
    """One calling system."""

    institution_id: str
    client_id: str
    name: str
    role: Role
    is_active: bool
    created_at: datetime

    def actor(self, address: str = "") -> Actor:
        """The system as the one who acts."""
        return Actor(self.institution_id, self.client_id, self.name, frozenset({self.role}), address, is_system=True)


_COLUMNS: tuple[sa.ColumnElement[Any], ...] = (
    ApiClient.__table__.c.institution_id,
    ApiClient.__table__.c.client_id,
    ApiClient.__table__.c.name,
    ApiClient.__table__.c.role,
    ApiClient.__table__.c.is_active,
    ApiClient.__table__.c.created_at,
)

_BY_TOKEN = Query(sa.select(*_COLUMNS).where(ApiClient.token_hash == sa.bindparam("token_hash")))


def by_token(database: Database, token: str) -> ClientRow | None:
    """The system with this token, in use or not. Asked before every call."""
    row = database.look_up(_BY_TOKEN, token_hash=id_of(token))
    return None if row is None else _row(row)


def by_id(connection: sa.Connection, institution_id: str, client_id: str) -> ClientRow | None:
    """The system with this id."""
    query = sa.select(*_COLUMNS).where(ApiClient.institution_id == institution_id, ApiClient.client_id == client_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _row(row)


def all_of(connection: sa.Connection, institution_id: str) -> list[ClientRow]:
    """Every calling system of an institution, by name."""
    query = sa.select(*_COLUMNS).where(ApiClient.institution_id == institution_id).order_by(ApiClient.name)
    return [_row(row) for row in connection.execute(query)]


def add(connection: sa.Connection, client: ClientRow, token: str) -> None:
    """Store a new system with the hash of its token."""
    values = {name: getattr(client, name) for name in ClientRow.__dataclass_fields__}
    connection.execute(sa.insert(ApiClient).values(values | {"role": client.role.value, "token_hash": id_of(token)}))


def disable(connection: sa.Connection, client: ClientRow) -> None:
    """Refuse the system's token from now on."""
    connection.execute(
        sa.update(ApiClient)
        .where(ApiClient.institution_id == client.institution_id, ApiClient.client_id == client.client_id)
        .values(is_active=False)
    )


def _row(row: Sequence[Any]) -> ClientRow:
    institution_id, client_id, name, role, is_active, created_at = row
    return ClientRow(institution_id, client_id, name, Role(role), is_active, created_at)

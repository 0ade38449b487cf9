"""Signed-in browsers. A row is known by the hash of its token; ended rows stay."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from hospital_prepay.persistence import users
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models.access import StaffSession, User
from hospital_prepay.persistence.query import Query
from hospital_prepay.persistence.users import UserRow


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session as it stands."""

    institution_id: str
    session_id: str
    user_id: str
    started_at: datetime
    last_seen_at: datetime
    second_factor_at: datetime | None
    ended_at: datetime | None
    ended_by: str
    address: str
    agent: str


_FIELDS: Final = tuple(SessionRow.__dataclass_fields__)
# Asked for at every request.
_BY_TOKEN: Final = Query(
    sa.select(*(getattr(StaffSession, name) for name in _FIELDS), *users.COLUMNS)
    .join(User, sa.and_(User.institution_id == StaffSession.institution_id, User.user_id == StaffSession.user_id))
    .where(StaffSession.session_id == sa.bindparam("session_id"))
)


def id_of(token: str) -> str:
    """What is stored of a token: its SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()


def with_its_person(database: Database, token: str) -> tuple[SessionRow, UserRow] | None:
    """The session of a token, ended or not, and whose it is."""
    row = database.look_up(_BY_TOKEN, session_id=id_of(token))
    return None if row is None else (SessionRow(*row[: len(_FIELDS)]), users.row_of(row[len(_FIELDS) :]))


def by_id(connection: sa.Connection, institution_id: str, session_id: str) -> SessionRow | None:
    """The session with this id in this institution."""
    query = sa.select(StaffSession.__table__).where(
        StaffSession.institution_id == institution_id, StaffSession.session_id == session_id
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else SessionRow(**row._mapping)


def add(connection: sa.Connection, session: SessionRow) -> None:
    """Store a new session."""
    values = {name: getattr(session, name) for name in SessionRow.__dataclass_fields__}
    connection.execute(sa.insert(StaffSession).values(values))


def touch(connection: sa.Connection, session: SessionRow, moment: datetime) -> None:
    """Note that its person was there at ``moment``; never back in time."""
    connection.execute(
        sa.update(StaffSession)
        .where(
            StaffSession.institution_id == session.institution_id,
            StaffSession.session_id == session.session_id,
            StaffSession.last_seen_at < moment,
        )
        .values(last_seen_at=moment)
    )


def end(connection: sa.Connection, institution_id: str, session_id: str, moment: datetime, by: str) -> bool:
    """End one open session; whether there was one."""
    done = connection.execute(
        sa.update(StaffSession)
        .where(
            StaffSession.institution_id == institution_id,
            StaffSession.session_id == session_id,
            StaffSession.ended_at.is_(None),
        )
        .values(ended_at=moment, ended_by=by)
    )
    return done.rowcount == 1


def end_all(connection: sa.Connection, institution_id: str, user_id: str, moment: datetime, by: str) -> int:
    """End every open session of a person; how many there were."""
    done = connection.execute(
        sa.update(StaffSession)
        .where(
            StaffSession.institution_id == institution_id,
            StaffSession.user_id == user_id,
            StaffSession.ended_at.is_(None),
        )
        .values(ended_at=moment, ended_by=by)
    )
    return done.rowcount

"""Reads for the pages of access: who is signed in, who is locked out, what was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.access import Role
from hospital_prepay.persistence.models.access import ApiClient, StaffSession, User
from hospital_prepay.persistence.models.audit import AuditEvent
from hospital_prepay.persistence.models.publication import Institution

# Before an institution is entered there is nobody to sign in, but refused attempts still need a place.
NO_INSTITUTION: Final = "-"


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A browser that is signed in now."""

    session_id: str
    user_id: str
    name: str
    login: str
    roles: frozenset[Role]
    started_at: datetime
    last_seen_at: datetime
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class LastSignIn:
    """When and from where somebody signed in."""

    at: datetime
    address: str


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One event of the trail with the roles its person holds today."""

    event_id: str
    at: datetime
    actor: str
    actor_name: str
    roles: frozenset[Role]
    action: str
    outcome: str
    subject: str
    decision_id: str | None
    entry_no: int | None
    address: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events: words found in name, subject or number; an action; an outcome; moments from and before."""

    words: str = ""
    action: str = ""
    outcome: str = ""
    since: datetime | None = None
    before: datetime | None = None


def default_institution(connection: sa.Connection) -> str:
    """The institution that pages without sign-in speak of."""
    query = sa.select(Institution.institution_id).order_by(
        Institution.is_default.desc(), Institution.institution_id.asc()
    )
    return connection.scalar(query.limit(1)) or NO_INSTITUTION


def open_sessions(
    connection: sa.Connection, institution_id: str, *, seen_after: datetime, started_after: datetime
) -> list[OpenSession]:
    """Sessions that are neither ended nor lapsed, the latest first."""
    query = (
        sa.select(
            StaffSession.session_id,
            User.user_id,
            User.name,
            User.login,
            User.roles,
            StaffSession.started_at,
            StaffSession.last_seen_at,
            StaffSession.address,
            StaffSession.agent,
        )
        .join(User, sa.and_(User.institution_id == StaffSession.institution_id, User.user_id == StaffSession.user_id))
        .where(
            StaffSession.institution_id == institution_id,
            StaffSession.ended_at.is_(None),
            StaffSession.last_seen_at > seen_after,
            StaffSession.started_at > started_after,
            User.is_active,
        )
        .order_by(StaffSession.last_seen_at.desc())
    )
    return [OpenSession(**(dict(row._mapping) | {"roles": _roles(row.roles)})) for row in connection.execute(query)]


def last_sign_ins(connection: sa.Connection, institution_id: str) -> dict[str, LastSignIn]:
    """The latest sign-in of each person, by user id."""
    newest = (
        sa.select(StaffSession.user_id, sa.func.max(StaffSession.started_at).label("at"))
        .where(StaffSession.institution_id == institution_id)
        .group_by(StaffSession.user_id)
        .subquery()
    )
    query = sa.select(StaffSession.user_id, StaffSession.started_at, StaffSession.address).join(
        newest, sa.and_(newest.c.user_id == StaffSession.user_id, newest.c.at == StaffSession.started_at)
    )
    query = query.where(StaffSession.institution_id == institution_id)
    return {row.user_id: LastSignIn(row.started_at, row.address) for row in connection.execute(query)}


def previous_sign_in(
    connection: sa.Connection, institution_id: str, user_id: str, before: datetime
) -> LastSignIn | None:
    """The sign-in of a person before the present one."""
    query = (
        sa.select(StaffSession.started_at, StaffSession.address)
        .where(
            StaffSession.institution_id == institution_id,
            StaffSession.user_id == user_id,
            StaffSession.started_at < before,
        )
        .order_by(StaffSession.started_at.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else LastSignIn(row.started_at, row.address)


def last_done(connection: sa.Connection, institution_id: str, action: str, subject: str) -> datetime | None:
    """When ``action`` was last done to ``subject``."""
    return connection.scalar(
        sa.select(AuditEvent.at)
        .where(
            AuditEvent.institution_id == institution_id,
            AuditEvent.subject == subject,
            AuditEvent.action == action,
            AuditEvent.outcome == "done",
        )
        .order_by(AuditEvent.at.desc())
        .limit(1)
    )


def wrong_passwords(connection: sa.Connection, institution_id: str, subject: str, since: datetime) -> list[datetime]:
    """When a wrong password was given for ``subject``, in order; attempts during a lock don't count."""
    query = (
        sa.select(AuditEvent.at, AuditEvent.detail)
        .where(
            AuditEvent.institution_id == institution_id,
            AuditEvent.subject == subject,
            AuditEvent.action == "login.password",
            AuditEvent.outcome == "refused",
            AuditEvent.at >= since,
        )
        .order_by(AuditEvent.at)
    )
    return [row.at for row in connection.execute(query) if row.detail.get("reason") == "password"]


def last_refusal_address(connection: sa.Connection, institution_id: str, subject: str) -> str:
    """From where the last refused sign-in of ``subject`` came."""
    query = (
        sa.select(AuditEvent.address)
        .where(
            AuditEvent.institution_id == institution_id,
            AuditEvent.subject == subject,
            AuditEvent.action.in_(("login.password", "login.code")),
            AuditEvent.outcome == "refused",
        )
        .order_by(AuditEvent.at.desc())
        .limit(1)
    )
    return connection.scalar(query) or ""


def audit_events(
    connection: sa.Connection, institution_id: str, wanted: AuditFilter, *, first: int, size: int
) -> tuple[list[AuditRow], int]:
    """One page of the trail, newest first, and how many events fit."""
    fits = _fits(institution_id, wanted)
    total = connection.scalar(sa.select(sa.func.count()).select_from(AuditEvent).where(*fits)) or 0
    query = sa.select(AuditEvent.__table__).where(*fits).order_by(AuditEvent.at.desc(), AuditEvent.event_id.desc())
    rows = connection.execute(query.offset(first).limit(size)).all()
    roles = _roles_of(connection, institution_id, {row.actor for row in rows})
    events = [
        AuditRow(
            **{name: row._mapping[name] for name in AuditRow.__dataclass_fields__ if name != "roles"},
            roles=roles.get(row.actor, frozenset()),
        )
        for row in rows
    ]
    return events, total


def _fits(institution_id: str, wanted: AuditFilter) -> list[sa.ColumnElement[bool]]:
    fits = [AuditEvent.institution_id == institution_id]
    if wanted.words:
        found = [
            column.contains(wanted.words, autoescape=True)
            for column in (AuditEvent.actor_name, AuditEvent.subject, AuditEvent.decision_id, AuditEvent.address)
        ]
        fits.append(sa.or_(*found))
    if wanted.action:
        fits.append(AuditEvent.action == wanted.action)
    if wanted.outcome:
        fits.append(AuditEvent.outcome == wanted.outcome)
    if wanted.since is not None:
        fits.append(AuditEvent.at >= wanted.since)
    if wanted.before is not None:
        fits.append(AuditEvent.at < wanted.before)
    return fits


def _roles_of(connection: sa.Connection, institution_id: str, actors: set[str]) -> dict[str, frozenset[Role]]:
    people = sa.select(User.user_id, User.roles).where(
        User.institution_id == institution_id, User.user_id.in_(actors)
    )
    systems = sa.select(ApiClient.client_id, ApiClient.role).where(
        ApiClient.institution_id == institution_id, ApiClient.client_id.in_(actors)
    )
    found = {row.user_id: _roles(row.roles) for row in connection.execute(people)}
    return found | {row.client_id: _roles([row.role]) for row in connection.execute(systems)}


def _roles(names: Sequence[str]) -> frozenset[Role]:
    return frozenset(Role(name) for name in names)

"""Signed-in browsers: opening a session, finding it again by its token, ending it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from hospital_prepay.crypto import new_token
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.persistence import sessions
from hospital_prepay.persistence.queries import access as queries
from hospital_prepay.persistence.sessions import SessionRow
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.persistence.users import UserRow
from hospital_prepay.services.context import Context

IDLE: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(hours=12)
# Noting every click would make every page a write.
_TOUCH_EVERY: Final = timedelta(seconds=30)
_TOKEN_BITS: Final = 256
_AGENT_LENGTH: Final = 200


class Stage(StrEnum):
    """How far a sign-in has come, and so what is open to it."""

    CODE = "code"  # the password was right; the second factor is still to come
    ACCOUNT = "account"  # own password or second factor must be set up before anything else
    FULL = "full"


class Lapse(StrEnum):
    """Why a token opens nothing."""

    UNKNOWN = "unknown"
    ENDED = "ended"
    IDLE = "idle"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from."""

    address: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person at a browser."""

    session: SessionRow
    user: UserRow
    actor: Actor

    @property
    def stage(self) -> Stage:
        """What is open to this session now; a changed role or a reset counts at once."""
        if self.user.is_enrolled and self.session.second_factor_at is None:
            return Stage.CODE
        if self.user.must_change_password or (self.user.needs_second_factor and not self.user.is_enrolled):
            return Stage.ACCOUNT
        return Stage.FULL


def open_session(
    work: UnitOfWork, user: UserRow, origin: Origin, *, second_factor_at: datetime | None, started_at: datetime
) -> str:
    """Store a new session and return its token, which is kept nowhere else."""
    token = new_token(_TOKEN_BITS)
    sessions.add(
        work.connection,
        SessionRow(
            institution_id=user.institution_id,
            session_id=sessions.id_of(token),
            user_id=user.user_id,
            started_at=started_at,
            last_seen_at=work.now,
            second_factor_at=second_factor_at,
            ended_at=None,
            ended_by="",
            address=origin.address[:64],
            agent=origin.agent[:_AGENT_LENGTH],
        ),
    )
    return token


def resume(context: Context, token: str, address: str = "") -> SignedIn | Lapse:
    """Who a token stands for now, or why nobody. Notes that the person was there."""
    now = context.clock.now()
    found = sessions.with_its_person(context.database, token)
    if found is None:
        return Lapse.UNKNOWN
    session, user = found
    if session.ended_at is not None or not user.is_active:
        return Lapse.ENDED
    if now - session.last_seen_at >= IDLE:
        return Lapse.IDLE
    if now - session.started_at >= LONGEST:
        return Lapse.TOO_LONG
    actor = user.actor(address)
    if now - session.last_seen_at >= _TOUCH_EVERY:
        with context.work(actor, "session.seen") as work:
            sessions.touch(work.connection, session, work.now)
    return SignedIn(session, user, actor)


def sign_out(context: Context, signed_in: SignedIn) -> None:
    """End one's own session."""
    with context.work(signed_in.actor, "login.end") as work:
        session = signed_in.session
        if sessions.end(work.connection, session.institution_id, session.session_id, work.now, "self"):
            work.audit()


def list_open(context: Context, actor: Actor) -> list[queries.OpenSession]:
    """Everybody who is signed in now, the latest first. Needs ``sessions.manage``."""
    actor.require(Permission.SESSIONS_MANAGE)
    now = context.clock.now()
    with context.database.reading() as connection:
        return queries.open_sessions(
            connection, actor.institution_id, seen_after=now - IDLE, started_after=now - LONGEST
        )


def end_session(context: Context, actor: Actor, session_id: str) -> None:
    """End somebody's session at once. Needs ``sessions.manage``. Raises :class:`NotFound`, :class:`Conflict`."""
    with context.work(actor, "session.end", f"session:{session_id[:12]}") as work:
        actor.require(Permission.SESSIONS_MANAGE)
        session = sessions.by_id(work.connection, actor.institution_id, session_id)
        if session is None:
            raise NotFound("没有这个登录，可能已经退出。请刷新名单。")
        if not sessions.end(work.connection, actor.institution_id, session_id, work.now, actor.actor_id):
            raise Conflict("对方已经退出了，不用再办。")
        work.audit(detail={"user_id": session.user_id})

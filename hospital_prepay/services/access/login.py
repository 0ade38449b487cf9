"""Signing in: password, then the second factor.

Nothing here raises for a wrong password: the attempt is counted and kept, so the unit of work must commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.access import Actor
from hospital_prepay.persistence import sessions, users
from hospital_prepay.persistence.queries import access as queries
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.persistence.users import UserRow
from hospital_prepay.services.access import attempts
from hospital_prepay.services.access.passwords import verify_password
from hospital_prepay.services.access.second_factor import matching_step, unseal
from hospital_prepay.services.access.sessions import Origin, SignedIn, open_session
from hospital_prepay.services.context import Context

NOBODY: Final = "anonymous"
# How long wrong attempts at a name that nobody has are remembered.
_MEMORY: Final = timedelta(days=30)


class Outcome(StrEnum):
    """How an attempt went."""

    DONE = "done"
    WRONG = "wrong"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class SignIn:
    """User name and password as typed."""

    login: str
    password: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """The answer: a new session's token, or until when nothing more is taken."""

    outcome: Outcome
    token: str | None = None
    locked_until: datetime | None = None


def sign_in(context: Context, command: SignIn, origin: Origin) -> Attempt:
    """Check a password and open a session; what that session may do, its stage tells.

    An unknown user name takes as long, answers the same and locks the same as a known one.
    """
    login = command.login.strip().lower()
    with context.database.reading() as connection:
        known = users.by_login(connection, login)
        institution_id = known.institution_id if known else queries.default_institution(connection)
    # Outside the transaction: argon2 takes long on purpose, and nobody else should wait for it.
    fits = verify_password(command.password, known.password_hash if known else None)
    if known is None:
        return _unknown(context, institution_id, login, origin)
    with context.work(known.actor(origin.address), "login.password", f"user:{known.user_id}") as work:
        user = users.locked(work.connection, known.institution_id, known.user_id)
        assert user is not None, "accounts are never deleted"
        until = attempts.locked_until(user, work.now)
        if until is not None:
            work.audit(outcome="refused", detail={"reason": "locked"})
            return Attempt(Outcome.LOCKED, locked_until=until)
        if not fits or not user.is_active or user.password_hash != known.password_hash:
            return _failed(work, user, "password" if user.is_active else "disabled")
        if not user.needs_second_factor:
            # With a second factor the count goes on: a known password must not buy fresh guesses at the code.
            attempts.forget_failures(work, user)
        token = open_session(work, user, origin, second_factor_at=None, started_at=work.now)
        work.audit()
        return Attempt(Outcome.DONE, token)


def confirm_code(context: Context, signed_in: SignedIn, code: str, origin: Origin) -> Attempt:
    """Check the second factor; the session with the password alone ends and a new one takes its place."""
    with context.work(signed_in.actor, "login.code", f"user:{signed_in.user.user_id}") as work:
        session = signed_in.session
        user = users.locked(work.connection, session.institution_id, session.user_id)
        assert user is not None, "accounts are never deleted"
        until = attempts.locked_until(user, work.now)
        if until is not None:
            work.audit(outcome="refused", detail={"reason": "locked"})
            return Attempt(Outcome.LOCKED, locked_until=until)
        if user.totp_secret is None or not user.is_active:
            return _failed(work, user, "not enrolled")
        secret = unseal(context, user.institution_id, user.totp_secret)
        step = matching_step(secret, code, work.now, user.totp_last_step)
        if step is None:
            answer = _failed(work, user, "code")
            if answer.outcome is Outcome.LOCKED:
                sessions.end(work.connection, user.institution_id, session.session_id, work.now, "locked")
            return answer
        if not sessions.end(work.connection, user.institution_id, session.session_id, work.now, "second factor"):
            # Ended in the meantime, by its person or the security administrator.
            work.audit(outcome="refused", detail={"reason": "ended"})
            return Attempt(Outcome.WRONG)
        attempts.forget_failures(work, user)
        users.change(work.connection, user, totp_last_step=step)
        token = open_session(work, user, origin, second_factor_at=work.now, started_at=session.started_at)
        work.audit()
        return Attempt(Outcome.DONE, token)


def _failed(work: UnitOfWork, user: UserRow, reason: str) -> Attempt:
    until = attempts.note_failure(work, user)
    work.audit(outcome="refused", detail={"reason": reason})
    return Attempt(Outcome.LOCKED if until else Outcome.WRONG, locked_until=until)


def _unknown(context: Context, institution_id: str, login: str, origin: Origin) -> Attempt:
    # People type passwords into the wrong field: of a name that nobody has, only a keyed hash is kept.
    digest = context.keyed_hash.digest(login, institution=institution_id, field="login")[-32:]
    actor = Actor(institution_id, NOBODY, "", frozenset(), origin.address)
    with context.work(actor, "login.password", f"login:{digest}") as work:
        failures = queries.wrong_passwords(work.connection, institution_id, work.act.subject, work.now - _MEMORY)
        until = _lock_of(failures)
        locked = until is not None and work.now < until
        work.audit(outcome="refused", detail={"reason": "locked" if locked else "password"})
        if not locked:
            until = _lock_of([*failures, work.now])
        return Attempt(Outcome.LOCKED, locked_until=until) if until and work.now < until else Attempt(Outcome.WRONG)


def _lock_of(failures: Sequence[datetime]) -> datetime | None:
    """The end of the lock that the last failure began: every fifth one begins one, as for a known name."""
    if failures and len(failures) % attempts.ALLOWED == 0:
        return failures[-1] + attempts.LOCKED_FOR
    return None

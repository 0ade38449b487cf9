"""One's own account: the password, and setting up the second factor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hospital_prepay.crypto import FieldUnreadable
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.files.qr import qr_svg
from hospital_prepay.persistence import sessions, users
from hospital_prepay.persistence.queries import access as queries
from hospital_prepay.persistence.queries.access import LastSignIn
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.persistence.users import UserRow
from hospital_prepay.services.access import attempts, second_factor
from hospital_prepay.services.access.passwords import check_password, hash_password, verify_password
from hospital_prepay.services.access.sessions import Origin, SignedIn, open_session
from hospital_prepay.services.context import Context

_ENROL_WITHIN: Final = timedelta(minutes=10)


class WrongPassword(MalformedInput):
    """The present password doesn't fit."""

    code = "wrong_password"


class WrongCode(MalformedInput):
    """The six digits don't fit the new secret, or too much time has passed."""

    code = "wrong_code"


@dataclass(frozen=True, slots=True)
class NewPassword:
    """The present password and twice the new one."""

    current_password: str
    new_password: str


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A secret shown once: as a picture, as text, and sealed for the browser to bring back."""

    qr_svg: str
    secret: str
    sealed: str


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """What one's own page shows beside the account itself."""

    previous: LastSignIn | None
    enrolled_at: datetime | None


def own_account(context: Context, signed_in: SignedIn) -> OwnAccount:
    """The sign-in before this one, and since when the second factor stands."""
    user = signed_in.user
    with context.database.reading() as connection:
        previous = queries.previous_sign_in(
            connection, user.institution_id, user.user_id, signed_in.session.started_at
        )
        enrolled_at = queries.last_done(
            connection, user.institution_id, "account.second_factor", f"user:{user.user_id}"
        )
    return OwnAccount(previous, (enrolled_at or user.created_at) if user.is_enrolled else None)


def change_password(context: Context, signed_in: SignedIn, command: NewPassword, origin: Origin) -> str:
    """Set a new password; every session of the person ends, and the token of a new one is returned.

    Raises :class:`WrongPassword`, :class:`~hospital_prepay.services.access.passwords.WeakPassword`.
    """
    known = signed_in.user
    fits = verify_password(command.current_password, known.password_hash)
    if not fits:
        _refuse_wrong_password(context, signed_in)
    with context.work(signed_in.actor, "account.password", f"user:{known.user_id}") as work:
        user = _still_there(work, signed_in)
        if user.password_hash != known.password_hash:
            raise Conflict("密码刚刚在别处改过了。请用新密码重新登录。")
        check_password(command.new_password, user.login)
        if command.new_password == command.current_password:
            raise WrongPassword("新密码和现在的一样，请换一个。")
        users.change(
            work.connection,
            user,
            password_hash=hash_password(command.new_password),
            password_changed_at=max(work.now, user.created_at + timedelta(microseconds=1)),
        )
        token = _start_afresh(work, user, signed_in, origin, signed_in.session.second_factor_at)
        work.audit()
        return token


def begin_enrolment(context: Context, signed_in: SignedIn, hospital: str) -> Enrolment:
    """A fresh secret, not yet in force. Nothing is stored: the browser keeps it sealed until it is confirmed."""
    return _enrolment(signed_in, hospital, second_factor.new_secret(), context)


def resume_enrolment(context: Context, signed_in: SignedIn, hospital: str, sealed: str) -> Enrolment | None:
    """The same secret again, after a wrong code; ``None`` when it can't be used any more."""
    secret = _unsealed(context, signed_in, sealed)
    return None if secret is None else _enrolment(signed_in, hospital, secret, context)


def confirm_enrolment(context: Context, signed_in: SignedIn, sealed: str, code: str, origin: Origin) -> str:
    """Put the secret in force once its first code fits; returns the token of a new session. Others end.

    Raises :class:`WrongCode`.
    """
    secret = _unsealed(context, signed_in, sealed)
    with context.work(signed_in.actor, "account.second_factor", f"user:{signed_in.user.user_id}") as work:
        user = _still_there(work, signed_in)
        if secret is None:
            raise WrongCode("二维码已经过时。请重新开始，再扫一次。")
        step = second_factor.matching_step(secret, code, work.now, 0)
        if step is None:
            raise WrongCode("动态码不对。请看手机上现在显示的 6 位数字；手机时间要准。")
        users.change(
            work.connection,
            user,
            totp_secret=second_factor.seal(context, user.institution_id, secret),
            totp_last_step=max(step, user.totp_last_step),
        )
        token = _start_afresh(work, user, signed_in, origin, work.now)
        work.audit()
        return token


def _refuse_wrong_password(context: Context, signed_in: SignedIn) -> None:
    """Count the wrong guess as one at the login, so that a stolen session can't try passwords out."""
    with context.work(signed_in.actor, "account.password", f"user:{signed_in.user.user_id}") as work:
        user = _still_there(work, signed_in)
        if attempts.note_failure(work, user) is not None:
            sessions.end_all(work.connection, user.institution_id, user.user_id, work.now, "locked")
        work.audit(outcome="refused", detail={"reason": "password"})
    raise WrongPassword("现在的密码不对。连续输错会锁定账号。")


def _still_there(work: UnitOfWork, signed_in: SignedIn) -> UserRow:
    user = users.locked(work.connection, signed_in.user.institution_id, signed_in.user.user_id)
    assert user is not None, "accounts are never deleted"
    return user


def _start_afresh(
    work: UnitOfWork, user: UserRow, signed_in: SignedIn, origin: Origin, second_factor_at: datetime | None
) -> str:
    sessions.end_all(work.connection, user.institution_id, user.user_id, work.now, "self")
    started_at = signed_in.session.started_at
    return open_session(work, user, origin, second_factor_at=second_factor_at, started_at=started_at)


def _enrolment(signed_in: SignedIn, hospital: str, secret: str, context: Context) -> Enrolment:
    user = signed_in.user
    issued = int(context.clock.now().timestamp())
    sealed = context.cipher.encrypt(
        f"{secret} {issued}", institution=user.institution_id, field=_pending_field(signed_in)
    )
    groups = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return Enrolment(qr_svg(second_factor.address_for_phone(secret, user.login, hospital)), groups, sealed)


def _unsealed(context: Context, signed_in: SignedIn, sealed: str) -> str | None:
    try:
        text = context.cipher.decrypt(
            sealed, institution=signed_in.user.institution_id, field=_pending_field(signed_in)
        )
    except FieldUnreadable:
        return None
    secret, issued = text.split(" ")
    age = context.clock.now().timestamp() - int(issued)
    return secret if age <= _ENROL_WITHIN.total_seconds() else None


def _pending_field(signed_in: SignedIn) -> str:
    # Bound to the session: what one browser was shown, no other can confirm.
    return f"pending second factor {signed_in.session.session_id}"

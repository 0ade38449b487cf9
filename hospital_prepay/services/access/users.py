"""Accounts of staff, opened and changed by the system administrator, never by their own holder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from hospital_prepay.domain.access import Actor, Permission, Role, check_role_mix
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.persistence import sessions, users
from hospital_prepay.persistence.queries import access as queries
from hospital_prepay.persistence.queries.access import LastSignIn
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.persistence.users import UserRow as UserRow
from hospital_prepay.services.access import attempts, second_factor
from hospital_prepay.services.access.passwords import check_password, first_password, hash_password
from hospital_prepay.services.context import Context

_LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}", re.ASCII)
_LONGEST_NAME: Final = 64
_LONGEST_STATION: Final = 32
INSTALLER: Final = "installer"


@dataclass(frozen=True, slots=True)
class NewUser:
    """An account to open."""

    login: str
    name: str
    roles: frozenset[Role]
    station: str = ""


@dataclass(frozen=True, slots=True)
class ChangedUser:
    """What may be changed of an account; the user name stays."""

    name: str
    roles: frozenset[Role]
    station: str = ""


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A first password, shown once to whoever hands it over."""

    user_id: str
    login: str
    password: str


@dataclass(frozen=True, slots=True)
class Person:
    """An account with what a list shows beside it."""

    user: UserRow
    last_sign_in: LastSignIn | None


@dataclass(frozen=True, slots=True)
class Lockout:
    """An account that takes no sign-in for now."""

    user: UserRow
    address: str


def list_people(context: Context, actor: Actor) -> list[Person]:
    """Every account of the institution. Needs ``users.manage``."""
    actor.require(Permission.USERS_MANAGE)
    with context.database.reading() as connection:
        seen = queries.last_sign_ins(connection, actor.institution_id)
        return [Person(user, seen.get(user.user_id)) for user in users.all_of(connection, actor.institution_id)]


def find_person(context: Context, actor: Actor, user_id: str) -> UserRow:
    """One account. Needs ``users.manage``. Raises :class:`NotFound`."""
    actor.require(Permission.USERS_MANAGE)
    with context.database.reading() as connection:
        user = users.by_id(connection, actor.institution_id, user_id)
    if user is None:
        raise NotFound("没有这个人。请从人员名单里选。")
    return user


def list_lockouts(context: Context, actor: Actor) -> list[Lockout]:
    """Accounts locked now. Needs ``sessions.manage``."""
    actor.require(Permission.SESSIONS_MANAGE)
    now = context.clock.now()
    with context.database.reading() as connection:
        return [
            Lockout(user, queries.last_refusal_address(connection, user.institution_id, f"user:{user.user_id}"))
            for user in users.all_of(connection, actor.institution_id)
            if attempts.locked_until(user, now)
        ]


def create_user(context: Context, actor: Actor, command: NewUser) -> HandedOut:
    """Open an account with a first password that its holder must change.

    Needs ``users.manage``. Raises :class:`MalformedInput`, :class:`NotPermitted` for a mix of roles that must stay
    apart, :class:`Conflict` for a user name that is taken.
    """
    password = first_password()
    stored = hash_password(password)
    with context.work(actor, "user.create") as work:
        actor.require(Permission.USERS_MANAGE)
        user = _new(work, actor.institution_id, command, stored)
        return HandedOut(user.user_id, user.login, password)


def create_first_administrator(context: Context, institution_id: str, command: NewUser) -> HandedOut:
    """Open the account that opens all others, from the machine itself; only while there is none of its kind."""
    password = first_password()
    stored = hash_password(password)
    with context.work(_installer(institution_id), "user.create") as work:
        if _administrators(users.all_of(work.connection, institution_id)):
            raise Conflict("已经有系统管理员了。其他账号请由他在页面上开。")
        only = frozenset({Role.SYSTEM_ADMINISTRATOR})
        user = _new(work, institution_id, replace(command, roles=only), stored)
        return HandedOut(user.user_id, user.login, password)


def seed_demo_user(
    context: Context, institution_id: str, command: NewUser, *, password: str, secret: str | None
) -> str:
    """Open a ready account of the demonstration; returns its id. Raises :class:`Conflict` in production."""
    if not context.settings.is_demo:
        raise Conflict("演示账号只能建在演示环境里。")
    check_password(password, command.login)
    with context.work(_installer(institution_id), "user.create") as work:
        user = _new(work, institution_id, command, _printed_password(password))
        sealed = secret and second_factor.seal(context, institution_id, secret)
        users.change(work.connection, user, totp_secret=sealed, password_changed_at=_later(user))
        return user.user_id


@cache
def _printed_password(password: str) -> str:
    # One salt for all accounts of the demonstration: the password is printed anyway, and fourteen hashes take long.
    return hash_password(password)


def change_user(context: Context, actor: Actor, user_id: str, command: ChangedUser) -> None:
    """Change name, roles or station. Nobody changes their own account's roles."""
    with context.work(actor, "user.change", f"user:{user_id}") as work:
        user = _somebody_else(work, actor, user_id, "改账号")
        _check_words(command.name, command.station)
        check_role_mix(command.roles)
        _keep_an_administrator(work, user, command.roles)
        users.change(work.connection, user, name=command.name, roles=command.roles, station=command.station)
        if command.roles != user.roles:
            sessions.end_all(work.connection, user.institution_id, user_id, work.now, actor.actor_id)
        work.audit(detail={"login": user.login, "before": _names(user.roles), "after": _names(command.roles)})


def disable_user(context: Context, actor: Actor, user_id: str) -> None:
    """Close an account: its sessions end at once, its records stay."""
    with context.work(actor, "user.disable", f"user:{user_id}") as work:
        user = _somebody_else(work, actor, user_id, "停用账号")
        _keep_an_administrator(work, user, frozenset())
        users.change(work.connection, user, is_active=False)
        ended = sessions.end_all(work.connection, user.institution_id, user_id, work.now, actor.actor_id)
        work.audit(detail={"login": user.login, "sessions_ended": ended})


def enable_user(context: Context, actor: Actor, user_id: str) -> None:
    """Open a closed account again."""
    with context.work(actor, "user.enable", f"user:{user_id}") as work:
        user = _somebody_else(work, actor, user_id, "恢复账号")
        users.change(work.connection, user, is_active=True)
        work.audit(detail={"login": user.login})


def reset_password(context: Context, actor: Actor, user_id: str) -> HandedOut:
    """Hand out a new first password; the old one and all sessions end."""
    password = first_password()
    stored = hash_password(password)
    with context.work(actor, "user.password", f"user:{user_id}") as work:
        user = _somebody_else(work, actor, user_id, "重发密码")
        # Dated with the account itself: not its owner's own choice, so it must be changed at the next sign-in.
        users.change(work.connection, user, password_hash=stored, password_changed_at=user.created_at)
        sessions.end_all(work.connection, user.institution_id, user_id, work.now, actor.actor_id)
        work.audit(detail={"login": user.login})
        return HandedOut(user_id, user.login, password)


def reset_second_factor(context: Context, actor: Actor, login: str) -> None:
    """Take a lost second factor away after the person was verified; they enrol anew. Needs ``sessions.manage``."""
    with context.work(actor, "user.second_factor") as work:
        user = _by_login(work, actor, login, "重置动态码")
        if not user.is_enrolled:
            raise Conflict(f"{user.login} 没有启用动态码，不用重置。")
        users.change(work.connection, user, totp_secret=None)
        sessions.end_all(work.connection, user.institution_id, user.user_id, work.now, actor.actor_id)
        work.audit(subject=f"user:{user.user_id}", detail={"login": user.login})


def unlock(context: Context, actor: Actor, login: str) -> None:
    """Let a locked account sign in again. Needs ``sessions.manage``."""
    with context.work(actor, "user.unlock") as work:
        user = _by_login(work, actor, login, "解锁账号")
        attempts.forget_failures(work, user)
        work.audit(subject=f"user:{user.user_id}", detail={"login": user.login})


def _new(work: UnitOfWork, institution_id: str, command: NewUser, password_hash: str) -> UserRow:
    login = command.login.strip().lower()
    if not _LOGIN.fullmatch(login):
        raise MalformedInput("用户名用字母、数字，2 到 40 位，例如工号 A0312。")
    _check_words(command.name, command.station)
    check_role_mix(command.roles)
    user = UserRow(
        institution_id=institution_id,
        user_id=work.new_id(),
        login=login,
        name=command.name,
        roles=command.roles,
        station=command.station,
        password_hash=password_hash,
        password_changed_at=work.now,
        totp_secret=None,
        totp_last_step=0,
        failed_attempts=0,
        locked_until=None,
        is_active=True,
        created_at=work.now,
    )
    users.add(work.connection, user)
    work.audit(subject=f"user:{user.user_id}", detail={"login": login, "roles": _names(user.roles)})
    return user


def _somebody_else(
    work: UnitOfWork, actor: Actor, user_id: str, step: str, permission: Permission = Permission.USERS_MANAGE
) -> UserRow:
    actor.require(permission)
    actor.require_other_than(user_id, step)
    user = users.locked(work.connection, actor.institution_id, user_id)
    if user is None:
        raise NotFound("没有这个人。请从人员名单里选。")
    return user


def _by_login(work: UnitOfWork, actor: Actor, login: str, step: str) -> UserRow:
    actor.require(Permission.SESSIONS_MANAGE)
    found = users.by_login(work.connection, login.strip().lower())
    if found is None or found.institution_id != actor.institution_id:
        raise NotFound("没有这个用户名。请核对后再办。")
    return _somebody_else(work, actor, found.user_id, step, Permission.SESSIONS_MANAGE)


def _keep_an_administrator(work: UnitOfWork, user: UserRow, roles: frozenset[Role]) -> None:
    if Role.SYSTEM_ADMINISTRATOR in roles:
        return
    left = _administrators(users.all_of(work.connection, user.institution_id))
    if [one.user_id for one in left] == [user.user_id]:
        raise Conflict("这是最后一个系统管理员。请先给另一个人这个角色。")


def _administrators(people: Iterable[UserRow]) -> list[UserRow]:
    return [one for one in people if one.is_active and Role.SYSTEM_ADMINISTRATOR in one.roles]


def _check_words(name: str, station: str) -> None:
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise MalformedInput(f"姓名要填，最多 {_LONGEST_NAME} 个字。")
    if len(station) > _LONGEST_STATION:
        raise MalformedInput(f"窗口最多 {_LONGEST_STATION} 个字。")


def _installer(institution_id: str) -> Actor:
    return Actor(institution_id, INSTALLER, "安装程序", frozenset())


def _later(user: UserRow) -> datetime:
    return user.created_at + timedelta(microseconds=1)


def _names(roles: Iterable[Role]) -> list[str]:
    return sorted(role.value for role in roles)

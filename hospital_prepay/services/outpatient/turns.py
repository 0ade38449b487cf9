"""Whose step is next: everybody who holds its permission, but who took an earlier one."""

from __future__ import annotations

from collections.abc import Iterable

from hospital_prepay.domain.access import GRANTS, Actor, Permission
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.persistence import users
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.fund.review import Turn


def turn_of(
    connection: Connection, institution_id: str, permission: Permission | None, barred: Iterable[str | None] = ()
) -> Turn | None:
    """Who may take a step that needs ``permission``; ``None`` when there is no step left."""
    if permission is None:
        return None
    out = frozenset(one for one in barred if one)
    able = able_to(connection, institution_id, permission)
    return Turn(permission, tuple(one for one in able if one not in out), out)


def able_to(connection: Connection, institution_id: str, permission: Permission) -> dict[str, str]:
    """The names of everybody who holds ``permission`` today, by id."""
    staff = users.all_of(connection, institution_id)
    able = [one for one in staff if one.is_active and any(permission in GRANTS[role] for role in one.roles)]
    return {one.user_id: one.name for one in able}


def only_one_left(
    connection: Connection, institution_id: str, permission: Permission, barred: Iterable[str | None]
) -> str:
    """Who alone may still take a later step that needs ``permission``; empty while several may, or nobody."""
    left = set(able_to(connection, institution_id, permission)) - set(barred)
    return next(iter(left)) if len(left) == 1 else ""


def refuse_last(
    work: UnitOfWork,
    actor: Actor,
    step: tuple[Permission, str],
    later: tuple[Permission, str],
    barred: Iterable[str | None] = (),
) -> None:
    """Raise :class:`Conflict` where ``actor`` alone may still take the ``later`` step, and couldn't after this one:
    each a permission with its word. The words name who else could take this one."""
    own, took = (work.connection, work.institution_id), set(barred)
    if only_one_left(*own, later[0], took) != actor.actor_id:
        return
    others = [name for key, name in able_to(*own, step[0]).items() if key not in took | {actor.actor_id}]
    who = f"请由{'、'.join(others)}{step[1]}" if others else f"现在没有别人能{step[1]}，请系统管理开账号"
    raise Conflict(
        f"能{later[1]}的人只剩您一个，{step[1]}的人不能{later[1]}：您{step[1]}之后就没有人能{later[1]}了。"
        f"{who}；本次没有改动。"
    )

"""People who sign in: reading one, locking one, changing one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.persistence.models.access import User
from hospital_prepay.persistence.query import Query


@dataclass(frozen=True, slots=True)
class UserRow:
    """One account as it stands."""

    institution_id: str
    user_id: str
    login: str
    name: str
    roles: frozenset[Role]
    station: str
    password_hash: str
    password_changed_at: datetime
    totp_secret: str | None
    totp_last_step: int
    failed_attempts: int
    locked_until: datetime | None
    is_active: bool
    created_at: datetime

    @property
    def must_change_password(self) -> bool:
        """Whether a handed-out password still stands: only its owner's own choice is dated later than the account."""
        return self.password_changed_at <= self.created_at

    @property
    def is_enrolled(self) -> bool:
        """Whether a second factor is set up."""
        return self.totp_secret is not None

    @property
    def needs_second_factor(self) -> bool:
        """Whether signing in takes a second factor: by role, or because the person set one up."""
        return self.is_enrolled or any(role.needs_second_factor for role in self.roles)

    def actor(self, address: str = "") -> Actor:
        """The person as the one who acts."""
        return Actor(self.institution_id, self.user_id, self.name, self.roles, address)


COLUMNS: Final = tuple(getattr(User, name) for name in UserRow.__dataclass_fields__)
_BY_ID: Final = Query(
    sa.select(*COLUMNS).where(
        User.institution_id == sa.bindparam("institution"), User.user_id == sa.bindparam("user")
    )
)


def by_login(connection: sa.Connection, login: str) -> UserRow | None:
    """The account with this user name, of whatever institution."""
    return _one(connection, sa.select(*COLUMNS).where(User.login == login))


def by_id(connection: sa.Connection, institution_id: str, user_id: str) -> UserRow | None:
    """The account with this id."""
    row = _BY_ID.first(connection, institution=institution_id, user=user_id)
    return None if row is None else row_of(row)


def locked(connection: sa.Connection, institution_id: str, user_id: str) -> UserRow | None:
    """The account, kept from other transactions until this one ends: attempts are counted one by one."""
    query = sa.select(*COLUMNS).where(User.institution_id == institution_id, User.user_id == user_id)
    return _one(connection, query.with_for_update())


def all_of(connection: sa.Connection, institution_id: str) -> list[UserRow]:
    """Every account of an institution, by name."""
    query = sa.select(*COLUMNS).where(User.institution_id == institution_id).order_by(User.name, User.login)
    return [row_of(row) for row in connection.execute(query)]


def add(connection: sa.Connection, user: UserRow) -> None:
    """Open an account. Raises :class:`Conflict` when the user name is taken."""
    values = {name: getattr(user, name) for name in UserRow.__dataclass_fields__}
    values["roles"] = sorted(role.value for role in user.roles)
    try:
        connection.execute(sa.insert(User).values(values))
    except sa.exc.IntegrityError as error:
        raise Conflict(f"用户名 {user.login} 已经有人用了。请换一个，例如工号。") from error


def change(connection: sa.Connection, user: UserRow, **values: Any) -> None:
    """Write new values of an account."""
    if "roles" in values:
        values["roles"] = sorted(role.value for role in values["roles"])
    connection.execute(
        sa.update(User)
        .where(User.institution_id == user.institution_id, User.user_id == user.user_id)
        .values(**values)
    )


def _one(connection: sa.Connection, query: sa.Select[Any]) -> UserRow | None:
    row = connection.execute(query).one_or_none()
    return None if row is None else row_of(row)


def row_of(row: Sequence[Any]) -> UserRow:
    """The account whose columns, those of :data:`COLUMNS`, are ``row``."""
    values = dict(zip(UserRow.__dataclass_fields__, row, strict=True))
    values["roles"] = frozenset(Role(name) for name in values["roles"])
    return UserRow(**values)

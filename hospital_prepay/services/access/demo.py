"""The people of the synthetic hospital. Their passwords are printed on purpose; production refuses to have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.access import Role
from hospital_prepay.persistence import users
from hospital_prepay.services.access import second_factor
from hospital_prepay.services.access.users import NewUser, seed_demo_user
from hospital_prepay.services.context import Context

# Easy to read aloud in a training room.
PASSWORD: Final = "yanshi-yiyuan-2026"


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """One account of the demonstration."""

    login: str
    name: str
    role: Role
    station: str = ""


PEOPLE: Final = (
    DemoPerson("shoufei1", "周晓梅", Role.CASHIER, "1 号窗口"),
    DemoPerson("shoufei2", "罗建国", Role.CASHIER, "2 号窗口"),
    DemoPerson("caiwu", "陈静", Role.FINANCE_OFFICER),
    DemoPerson("shenpi", "吴涛", Role.FINANCE_APPROVER),
    DemoPerson("shenji", "杨敏", Role.AUDITOR),
    DemoPerson("xitong", "龙飞", Role.SYSTEM_ADMINISTRATOR),
    DemoPerson("keshi", "安志远", Role.DEPARTMENT_HEAD),
    DemoPerson("anquan", "石磊", Role.SECURITY_ADMINISTRATOR),
    DemoPerson("bingqu", "秦红", Role.WARD, "骨二病区"),
    DemoPerson("feishen", "向荣", Role.BILLING_AUDITOR),
    DemoPerson("yibao", "廖晴", Role.INSURANCE_CLERK),
)


def seed_demo_people(context: Context, institution_id: str, people: Sequence[DemoPerson] = PEOPLE) -> dict[str, str]:
    """Open the accounts that aren't open yet; returns user ids by user name.

    Raises :class:`Conflict` in production.
    """
    with context.database.reading() as connection:
        known = {user.login: user.user_id for user in users.all_of(connection, institution_id)}
    return {
        person.login: known.get(person.login)
        or seed_demo_user(
            context,
            institution_id,
            NewUser(person.login, person.name, frozenset({person.role}), person.station),
            password=PASSWORD,
            secret=second_factor.new_secret() if person.role.needs_second_factor else None,
        )
        for person in people
    }

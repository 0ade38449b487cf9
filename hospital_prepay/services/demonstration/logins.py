"""Who can sign in to the demonstration: printed when it starts, and shown where one signs in."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from hospital_prepay.persistence import users
from hospital_prepay.services.access.demo import PASSWORD, DemoPerson
from hospital_prepay.services.context import Context
from hospital_prepay.services.demonstration.houses import HOUSES


@dataclass(frozen=True, slots=True)
class HouseLogins:
    """The open accounts of one institution; the password is the same for all."""

    name: str
    remark: str
    password: str
    people: tuple[DemoPerson, ...]


def program() -> str:
    """How this program is called where it was started."""
    return short_path(Path(sys.executable).parent / "hospital-prepay")


def short_path(path: Path) -> str:
    """A path as somebody types it who stands where the program was started."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def house_logins(context: Context) -> list[HouseLogins]:
    """Every institution of the demonstration with the accounts that are still open; none in production."""
    if not context.settings.is_demo:
        return []
    found = []
    with context.database.reading() as connection:
        for house in HOUSES:
            open_ = {user.login for user in users.all_of(connection, house.code) if user.is_active}
            people = tuple(person for person in house.people if person.login in open_)
            if people:
                found.append(HouseLogins(house.name, house.remark, PASSWORD, people))
    return found

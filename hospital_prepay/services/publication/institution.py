"""Who the hospital is: what patients read on pages, receipts and posters, and which rules bind it (article 2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput, NotFound
from hospital_prepay.domain.rules.publication.scope import Ownership, Profile
from hospital_prepay.persistence import institutions
from hospital_prepay.persistence.institutions import InstitutionRow
from hospital_prepay.persistence.ledger import open_chart
from hospital_prepay.persistence.queries.access import default_institution
from hospital_prepay.services.access.users import INSTALLER
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.announcement import announce

_CODE: Final = re.compile(r"H[0-9]{11}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hospital:
    """The institution as pages show it."""

    code: str
    name: str
    phone: str
    hours: str
    place: str
    level: int | None
    profile: Profile

    @property
    def phone_href(self) -> str:
        """The number to dial from a page."""
        return "tel:" + re.sub(r"[^0-9+]", "", self.phone)


@dataclass(frozen=True, slots=True)
class ChangedInstitution:
    """What may be changed of an institution; its code stays, for every record is filed under it."""

    name: str
    phone: str
    hours: str
    place: str
    ownership: Ownership
    designated: bool


@dataclass(frozen=True, slots=True)
class NewInstitution:
    """An institution to enter, by its 12-character insurance code."""

    code: str
    details: ChangedInstitution
    level: int | None = None
    is_default: bool = False


# Pages that speak of no institution in particular, and those from before any was entered.
NAMELESS: Final = Hospital("", "本院", "", "", "", None, Profile(Ownership.PUBLIC, True))


def default_hospital(context: Context) -> Hospital:
    """The institution that public pages speak of; a nameless one before any was entered."""
    with context.database.reading() as connection:
        row = institutions.by_id(connection, default_institution(connection))
    return NAMELESS if row is None else _hospital(row)


def hospital_of(context: Context, institution_id: str) -> Hospital:
    """One institution. Raises :class:`NotFound`."""
    row = institutions.look_up(context.database, institution_id)
    if row is None:
        raise NotFound("没有这个机构。请核对机构代码。")
    return _hospital(row)


def open_institution(context: Context, command: NewInstitution) -> None:
    """Enter an institution with its chart of accounts, from the machine itself.

    Raises :class:`MalformedInput`, :class:`Conflict`.
    """
    if not _CODE.fullmatch(command.code):
        raise MalformedInput(
            f"“{command.code[:20]}”不是机构代码。请写医保的 12 位机构代码：字母 H 和 11 位数字，例如 H52010300125。"
        )
    actor = Actor(command.code, INSTALLER, "安装程序", frozenset())
    with context.work(actor, "institution.open", f"institution:{command.code}") as work:
        details = command.details
        institutions.add(
            work.connection,
            InstitutionRow(
                institution_id=command.code,
                name=details.name,
                phone=details.phone,
                hours=details.hours,
                address=details.place,
                level=command.level,
                ownership=details.ownership.value,
                is_designated=details.designated,
                is_default=command.is_default,
                changed_at=work.now,
                changed_by=INSTALLER,
            ),
        )
        open_chart(work.connection, command.code, work.now)
        work.audit(detail={"name": details.name})
    announce(context.settings.data_dir, command.code, "institution")


def change_institution(context: Context, actor: Actor, command: ChangedInstitution) -> None:
    """Change what patients read and what decides on the rules that bind. Needs ``institution.manage``."""
    with context.work(actor, "institution.change", f"institution:{actor.institution_id}") as work:
        actor.require(Permission.INSTITUTION_MANAGE)
        before = institutions.by_id(work.connection, actor.institution_id)
        if before is None:
            raise NotFound("没有这个机构。请联系系统管理员。")
        values = {
            "name": command.name,
            "phone": command.phone,
            "hours": command.hours,
            "address": command.place,
            "ownership": command.ownership.value,
            "is_designated": command.designated,
        }
        changed = {name: [getattr(before, name), new] for name, new in values.items() if getattr(before, name) != new}
        institutions.change(
            work.connection, actor.institution_id, **values, changed_at=work.now, changed_by=actor.actor_id
        )
        work.audit(detail={"changed": changed})
    announce(context.settings.data_dir, actor.institution_id, "institution")


def _hospital(row: InstitutionRow) -> Hospital:
    return Hospital(
        code=row.institution_id,
        name=row.name,
        phone=row.phone,
        hours=row.hours,
        place=row.address,
        level=row.level,
        profile=Profile(Ownership(row.ownership), row.is_designated),
    )

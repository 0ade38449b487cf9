"""Reading corrections for pages, of miscounts and of holders: names as the viewer may see them, numbers masked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.masking import mask_certificate, mask_numbers, mask_phone
from hospital_prepay.persistence import outpatient_corrections as miscounts
from hospital_prepay.persistence import outpatient_owners as owners
from hospital_prepay.persistence.outpatient_corrections import ListedCorrection
from hospital_prepay.persistence.outpatient_owners import FIELD_LABELS, OwnerChangeRow, fields_of
from hospital_prepay.persistence.queries import people
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.owners import PAPER, numbers
from hospital_prepay.services.outpatient.register import shown_name

__all__ = ["FIELD_LABELS", "ListedCorrection", "OwnerChangeRow"]

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Corrections:
    """A page of the corrections of miscounts, how many there are, and the names of people."""

    rows: list[ListedCorrection]
    count: int
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """What of a holder is to change: one of :data:`FIELD_LABELS`, as it stood and as it should stand."""

    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class OwnerChange:
    """The correction of a holder with what it changes, masked or in full, and the paper that proves it."""

    row: OwnerChangeRow
    differences: list[Difference]
    paper: str


@dataclass(frozen=True, slots=True)
class OwnerChanges:
    """A page of the corrections of holders, how many there are, and the names of people."""

    rows: list[OwnerChange]
    count: int
    names: Mapping[str, str]


def list_corrections(context: Context, actor: Actor, page: int) -> Corrections:
    """A page of the corrections of miscounts, those that wait first. Needs ``outpatient.view``."""
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        rows, count = miscounts.list_corrections(connection, own, (page - 1) * PAGE, PAGE)
        shown = [
            replace(one, holder_name=shown_name(actor, one.holder_name))
            for one in miscounts.with_balances(connection, own, rows)
        ]
        return Corrections(shown, count, people.names(connection, own))


def list_owner_changes(context: Context, actor: Actor, page: int) -> OwnerChanges:
    """A page of the corrections of holders, those that wait first. Needs ``outpatient.view``."""
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        rows, count = owners.list_changes(connection, own, (page - 1) * PAGE, PAGE)
        return OwnerChanges([masked(context, actor, one) for one in rows], count, people.names(connection, own))


def read_owner_change(context: Context, actor: Actor, change_no: int) -> tuple[OwnerChange, Mapping[str, str]]:
    """One correction of a holder, masked, and the names of people. Needs ``outpatient.view``. Raises
    :class:`NotFound`."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        found = _of(owners.find_change(connection, actor.institution_id, change_no))
        return masked(context, actor, found), people.names(connection, actor.institution_id)


def reveal_owner_change(context: Context, actor: Actor, change_no: int, ground: str) -> OwnerChange:
    """The same with nothing masked, for a written reason that the audit trail keeps."""
    actor.require(Permission.REVEAL_IDENTITY)
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.work(actor, "outpatient.reveal_owner", f"outpatient_owner_change:{change_no}") as work:
        found = _of(owners.find_change(work.connection, work.institution_id, change_no))
        work.audit(detail={"ground": ground})
    own = actor.institution_id
    paper = context.cipher.decrypt(found.paper, institution=own, field=PAPER)
    return OwnerChange(found, _differences(context, own, found), paper)


def masked(context: Context, actor: Actor, found: OwnerChangeRow) -> OwnerChange:
    """A correction as the viewer may see it: of the paper its end."""
    own = actor.institution_id
    hide = {"name": lambda name: shown_name(actor, name), "certno": mask_certificate, "phone": mask_phone}
    shown = [
        Difference(one.field, hide[one.field](one.old), hide[one.field](one.new))
        for one in _differences(context, own, found)
    ]
    paper = mask_numbers(context.cipher.decrypt(found.paper, institution=own, field=PAPER))
    return OwnerChange(found, shown, paper)


def _differences(context: Context, institution_id: str, found: OwnerChangeRow) -> list[Difference]:
    old = {"name": found.old_name, **numbers(context, institution_id, found.old_personal)}
    new = {"name": found.new_name, **numbers(context, institution_id, found.new_personal)}
    return [Difference(field, old[field], new[field]) for field in fields_of(found)]


def _of(found: OwnerChangeRow | None) -> OwnerChangeRow:
    if found is None:
        raise NotFound("没有这项更正。请从身份更正列表里打开。")
    return found

"""The hospital's own deposit rules (guizhou-deposit-2025/4): written by one person, approved by another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.rules.publication.own_rules import DatedVersion, version_in_force
from hospital_prepay.persistence import institutions
from hospital_prepay.persistence.institutions import RulesRow
from hospital_prepay.persistence.queries import people
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.announcement import announce

_LONGEST: Final = 60_000


class State(StrEnum):
    """Where a version stands on a day."""

    DRAFT = "draft"
    COMING = "coming"
    IN_FORCE = "in_force"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class NewRules:
    """A version to store."""

    title: str
    text: str
    effective_on: date


@dataclass(frozen=True, slots=True)
class RulesVersion:
    """One version with its people."""

    version_no: int
    title: str
    text: str
    effective_on: date
    state: State
    written_by: str
    written_by_id: str
    written_at: datetime
    approved_by: str | None
    approved_at: datetime | None


def list_rules(context: Context, institution_id: str) -> list[RulesVersion]:
    """Every version, newest first."""
    today = context.clock.today()
    with context.database.reading() as connection:
        rows = institutions.rules_of(connection, institution_id)
        names = people.names(connection, institution_id)
    holds = _in_force(rows, today)
    return [_version(row, names, _state(row, holds, today)) for row in rows]


def rules_in_force(context: Context, institution_id: str) -> RulesVersion | None:
    """The version that holds today, if any was approved."""
    return next((one for one in list_rules(context, institution_id) if one.state is State.IN_FORCE), None)


def write_rules(context: Context, actor: Actor, command: NewRules) -> int:
    """Store a draft; returns its version. Needs ``institution.manage``. Raises :class:`MalformedInput`."""
    with context.work(actor, "deposit_rules.write") as work:
        actor.require(Permission.INSTITUTION_MANAGE)
        if not command.title or "\n" in command.title or not command.text or len(command.text) > _LONGEST:
            raise MalformedInput(f"标题写一行，全文要填，最多 {_LONGEST // 10_000} 万字。")
        if command.effective_on < work.today:
            raise MalformedInput("执行日不能早于今天：过去的日子按当时的制度算。")
        known = institutions.rules_of(work.connection, actor.institution_id)
        version_no = known[0].version_no + 1 if known else 1
        institutions.add_rules(
            work.connection,
            RulesRow(
                institution_id=actor.institution_id,
                version_no=version_no,
                # One text column: the title is its first line.
                text=f"{command.title}\n{command.text}",
                effective_on=command.effective_on,
                written_by=actor.actor_id,
                written_at=work.now,
                approved_by=None,
                approved_at=None,
            ),
        )
        work.audit(subject=f"deposit_rules:{version_no}", detail={"effective_on": command.effective_on.isoformat()})
        return version_no


def approve_rules(context: Context, actor: Actor, version_no: int) -> None:
    """Approve a draft that another person wrote. Needs ``deposit_rules.approve``.

    Raises :class:`NotFound`, :class:`~hospital_prepay.domain.errors.SecondPersonRequired`, :class:`Conflict`.
    """
    with context.work(actor, "deposit_rules.approve", f"deposit_rules:{version_no}") as work:
        actor.require(Permission.RULES_APPROVE)
        rows = institutions.rules_of(work.connection, actor.institution_id)
        row = next((one for one in rows if one.version_no == version_no), None)
        if row is None:
            raise NotFound(f"没有第 {version_no} 版。请刷新后再看。")
        actor.require_other_than(row.written_by, "批准本院制度")
        if not institutions.approve_rules(work.connection, row, actor.actor_id, work.now):
            raise Conflict(f"第 {version_no} 版已经批准过了，不用再办。")
        work.audit(detail={"written_by": row.written_by})
    announce(context.settings.data_dir, actor.institution_id, f"rules {version_no}")


def _in_force(rows: list[RulesRow], today: date) -> RulesRow | None:
    versions = (DatedVersion(row.version_no, row.effective_on, row.approved_by is not None) for row in rows)
    number = version_in_force(versions, today)
    return next((row for row in rows if row.version_no == number), None)


def _state(row: RulesRow, holds: RulesRow | None, today: date) -> State:
    if row.approved_by is None:
        return State.DRAFT
    if row == holds:
        return State.IN_FORCE
    return State.COMING if row.effective_on > today else State.REPLACED


def _version(row: RulesRow, names: dict[str, str], state: State) -> RulesVersion:
    title, _, text = row.text.partition("\n")
    return RulesVersion(
        version_no=row.version_no,
        title=title,
        text=text,
        effective_on=row.effective_on,
        state=state,
        written_by=names.get(row.written_by, row.written_by),
        written_by_id=row.written_by,
        written_at=row.written_at,
        approved_by=None if row.approved_by is None else names.get(row.approved_by, row.approved_by),
        approved_at=row.approved_at,
    )

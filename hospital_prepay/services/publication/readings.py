"""Named readings: the questions the notices leave open, and how this hospital answers them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.rules.fund.readings import AssessmentReadings, HolidayRoll
from hospital_prepay.persistence import choices
from hospital_prepay.persistence.choices import SettingRow
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.rulebook.model import Reading
from hospital_prepay.services.context import Context

Value = str | int | date
_LONGEST_GROUND: Final = 200
# Where answers are asked for by now; the other places of the rulebook are still to be built.
_FOLLOWED: Final = frozenset(
    {
        *("inpatient.measure", "inpatient.desk", "inpatient.publish"),
        *("fund.assess", "fund.duties", "fund.recall"),
        *("inpatient.ask", "settlement.risks", "settlement.relief", "settlement.assessment"),
        *("outpatient.gate", "outpatient.claim", "outpatient.escheat"),
        *("settlement.board", "settlement.late", "settlement.refunds"),
    }
)
_WHOLE: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ChosenReading:
    """A question with the answer that holds; ``chosen`` is ``None`` while the default does."""

    reading: Reading
    value: Value
    chosen: SettingRow | None
    changed_by: str | None

    @property
    def is_followed(self) -> bool:
        """Whether anything asks this question yet."""
        return not _FOLLOWED.isdisjoint(self.reading.used_in)


@dataclass(frozen=True, slots=True)
class NewChoice:
    """Another answer and why."""

    value: str
    reason: str


def list_readings(context: Context, institution_id: str) -> list[ChosenReading]:
    """Every question in the order of the rulebook, with the answer that holds."""
    with context.database.reading() as connection:
        chosen = choices.newest_settings(connection, institution_id)
        names = people.names(connection, institution_id)
    found = []
    for name, reading in load_rulebook().readings.items():
        row = _offered(reading, chosen.get(name))
        by = None if row is None else names.get(row.changed_by, row.changed_by)
        found.append(ChosenReading(reading, _in_force(reading, row), row, by))
    return found


def chosen_readings(context: Context, institution_id: str) -> dict[str, Value]:
    """The answer that holds for every question, to hand to rules."""
    return {one.reading.name: one.value for one in list_readings(context, institution_id)}


def readings_of(place: str, chosen: Mapping[str, str]) -> dict[str, str]:
    """The answers in force to the questions that ``place`` asks (``inpatient.desk``), to keep with its decisions.

    ``chosen`` are the stored values by name; a question without one is answered by the default.
    """
    asked = [one for one in load_rulebook().readings.values() if place in one.used_in]
    return {one.name: _answer(one, chosen.get(one.name)) for one in asked}


def readings_within(work: UnitOfWork, place: str) -> dict[str, str]:
    """The same for an act whose facts don't bring the stored values along."""
    chosen = choices.newest_settings(work.connection, work.institution_id)
    return readings_of(place, {name: row.value for name, row in chosen.items()})


def reading_in_force(connection: Connection, institution_id: str, name: str) -> Value:
    """The answer to one question, on a connection that is open already."""
    reading = load_rulebook().readings[name]
    return _in_force(reading, _offered(reading, choices.newest_settings(connection, institution_id).get(name)))


def assessment_readings(connection: Connection, institution_id: str) -> AssessmentReadings:
    """The answers in force to what an assessment of the fund asks."""
    chosen = {name: row.value for name, row in choices.newest_settings(connection, institution_id).items()}
    return AssessmentReadings.of(readings_of("fund.assess", chosen))


def holiday_roll(connection: Connection, institution_id: str) -> HolidayRoll:
    """The answer in force to which days move a day of the fund's duties."""
    return HolidayRoll(str(reading_in_force(connection, institution_id, "holiday_roll")))


def change_reading(context: Context, actor: Actor, name: str, command: NewChoice) -> None:
    """Answer a question anew, from the next decision on. Needs ``settings.manage``.

    Raises :class:`NotFound`, :class:`MalformedInput`, and :class:`Conflict` when the answer holds already.
    """
    with context.work(actor, "setting.change", f"setting:{name}"[:120]) as work:
        actor.require(Permission.SETTINGS_MANAGE)
        reading = load_rulebook().readings.get(name)
        if reading is None:
            raise NotFound("没有这一项。请从列表里选。")
        if not 1 <= len(command.reason) <= _LONGEST_GROUND:
            raise MalformedInput(f"请写理由，最多 {_LONGEST_GROUND} 个字。")
        value = reading.chosen(read_answer(reading, command.value))
        row = choices.newest_settings(work.connection, actor.institution_id).get(name)
        before = _in_force(reading, _offered(reading, row))
        if value == before:
            raise Conflict("现在就是这样读的，不用改。")
        version_no = 1 if row is None else row.version_no + 1
        choices.add_setting(
            work.connection,
            actor.institution_id,
            SettingRow(name, version_no, str(value), command.reason, actor.actor_id, work.now),
        )
        work.audit(detail={"before": str(before), "after": str(value), "reason": command.reason})


def _in_force(reading: Reading, row: SettingRow | None) -> Value:
    return reading.default if row is None else reading.chosen(read_answer(reading, row.value))


def _offered(reading: Reading, row: SettingRow | None) -> SettingRow | None:
    # An answer that is offered no longer was refused wherever it mattered, so the default held all the while.
    return row if row is not None and reading.allows(read_answer(reading, row.value)) else None


def _answer(reading: Reading, text: str | None) -> str:
    return text if text is not None and reading.allows(read_answer(reading, text)) else str(reading.default)


def read_answer(reading: Reading, text: str) -> Value:
    """``text`` as a day, a number or a code, whichever the reading asks for. Raises :class:`MalformedInput`."""
    match reading.default:
        case date():
            try:
                return date.fromisoformat(text)
            except ValueError:
                raise MalformedInput(f"“{text[:20]}”不是日期，请写成 2025-06-30 这样。") from None
        case int():
            if not _WHOLE.fullmatch(text):
                raise MalformedInput(f"“{text[:20]}”不是整数，请写成 10 这样。")
            return int(text)
    return text

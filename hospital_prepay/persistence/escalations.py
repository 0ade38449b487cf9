"""What was brought to whom of open discharges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import sqlalchemy as sa

from hospital_prepay.domain.rules.settlement.escalation import Level
from hospital_prepay.domain.rules.settlement.stages import Stage
from hospital_prepay.persistence.models.settlement import Discharge
from hospital_prepay.persistence.models.settlement_watch import Escalation, Lateness
from hospital_prepay.persistence.queries.waiting import Pile

STAGES: Final = (Stage.WARD, Stage.AUDIT, Stage.INSURANCE, Stage.CASHIER)


@dataclass(frozen=True, slots=True)
class PressingRow:
    """An open discharge that may have to be brought to somebody."""

    stay_no: str
    discharged_at: datetime
    stage: str
    expected_on: date


@dataclass(frozen=True, slots=True)
class EscalationRow:
    """One escalation of a discharge."""

    discharged_at: datetime
    level: str
    stage: str
    expected_on: date
    raised_at: datetime


def pressing(connection: sa.Connection, institution_id: str, through: date) -> list[PressingRow]:
    """Open discharges that are due by ``through``, locked: none is settled or passed on meanwhile."""
    rows = connection.execute(
        sa.select(Discharge.stay_no, Discharge.discharged_at, Discharge.stage, Discharge.expected_on)
        .where(*_open(institution_id), Discharge.expected_on <= through)
        .order_by(Discharge.stay_no)
        .with_for_update()
    )
    return [
        PressingRow(stay_no, discharged_at, stage, expected_on)
        for stay_no, discharged_at, stage, expected_on in rows
        if expected_on is not None
    ]


def given(connection: sa.Connection, institution_id: str, through: date) -> set[tuple[str, datetime, str]]:
    """Stay, discharge and level of every escalation of a discharge that is open and due by ``through``."""
    rows = connection.execute(
        sa.select(Escalation.stay_no, Escalation.discharged_at, Escalation.level)
        .join(Discharge, sa.and_(*_same(Escalation)))
        .where(*_open(institution_id), Discharge.expected_on <= through)
    )
    return {(stay_no, discharged_at, level) for stay_no, discharged_at, level in rows}


def add_all(connection: sa.Connection, rows: Sequence[dict[str, object]]) -> None:
    """Write down escalations."""
    if rows:
        connection.execute(sa.insert(Escalation), rows)


def of_stay(connection: sa.Connection, institution_id: str, stay_no: str) -> list[EscalationRow]:
    """Every escalation of a stay, the first one first."""
    rows = connection.execute(
        sa.select(*(getattr(Escalation, name) for name in EscalationRow.__dataclass_fields__))
        .where(Escalation.institution_id == institution_id, Escalation.stay_no == stay_no)
        .order_by(Escalation.raised_at, Escalation.level)
    )
    return [EscalationRow(*row) for row in rows]


def lying_with(stage: Stage) -> Callable[[sa.Connection, str, str], Pile]:
    """How to count the open discharges that lie with a stage and were brought to it; the first by its due day."""

    def count(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
        return _pile(connection, institution_id, Discharge.stage == stage.value)

    return count


def very_late(connection: sa.Connection, institution_id: str, _person: str) -> Pile:
    """Open discharges that were brought to the head of finance."""
    return _pile(connection, institution_id, Escalation.level == Level.VERY_LATE.value)


def excuses_of_others(connection: sa.Connection, institution_id: str, person: str) -> Pile:
    """Excuses that somebody else asked for and nobody decided on."""
    count, since = connection.execute(
        sa.select(sa.func.count(), sa.func.min(Lateness.asked_at, type_=Lateness.asked_at.type)).where(
            Lateness.institution_id == institution_id, Lateness.excuse == "asked", Lateness.asked_by != person
        )
    ).one()
    return Pile(count, since)


def _pile(connection: sa.Connection, institution_id: str, which: sa.ColumnElement[bool]) -> Pile:
    query = sa.select(
        sa.func.count(sa.distinct(Discharge.stay_no)),
        sa.func.min(Discharge.expected_on, type_=Discharge.expected_on.type),
    ).join(Escalation, sa.and_(*_same(Escalation)))
    return Pile(*connection.execute(query.where(*_open(institution_id), which)).one())


def _open(institution_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (Discharge.institution_id == institution_id, Discharge.ended_at.is_(None), Discharge.settled_at.is_(None))


def _same(table: type[Escalation]) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        table.institution_id == Discharge.institution_id,
        table.stay_no == Discharge.stay_no,
        table.discharged_at == Discharge.discharged_at,
    )

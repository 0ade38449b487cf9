"""The board of discharges: how many lie with whom, and those of one list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.persistence.models.inpatient import Stay
from hospital_prepay.persistence.models.settlement import Discharge, DischargeClock, DischargeStep


@dataclass(frozen=True, slots=True)
class BoardFilter:
    """Which discharges a list holds; empty where all are meant. ``due_from`` and ``due_to`` count themselves;
    ``risky`` holds stages, each with the last due day that is meant."""

    wards: tuple[str, ...] = ()
    insured_class: str = ""
    stage: str = ""
    due_from: date | None = None
    due_to: date | None = None
    is_ruled: bool = True
    risky: tuple[tuple[str, date], ...] | None = None


@dataclass(frozen=True, slots=True)
class OpenCount:
    """How many open discharges lie with a stage and are due on a day (``None``: no rule was in force)."""

    stage: str
    expected_on: date | None
    number: int


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One discharge as the board shows it; ``clock_no`` 0 can't be."""

    stay_no: str
    discharged_at: datetime
    patient_name: str
    patient_no: str | None
    ward: str
    insured_class: str
    class_known: bool
    disposition: str
    due_on: date | None
    expected_on: date | None
    target_at: datetime | None
    stage: str
    stage_since: datetime
    note: str
    step_no: int
    settled_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None

    @property
    def insured(self) -> InsuredClass | None:
        """The insured class; ``None`` where nobody named it."""
        return InsuredClass(self.insured_class) if self.class_known else None


@dataclass(frozen=True, slots=True)
class ClockRow:
    """One verdict on when a discharge is due."""

    clock_no: int
    starts_at: datetime
    due_on: date | None
    expected_on: date | None
    target_at: datetime | None
    working_days: int | None
    target_hours: int | None
    calendar_version: str
    moment_reading: str
    cause: str
    set_by: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step, or remark, of a discharge."""

    step_no: int
    from_stage: str
    to_stage: str
    note: str
    taken_by: str
    taken_at: datetime


def open_counts(connection: sa.Connection, institution_id: str, chosen: BoardFilter) -> list[OpenCount]:
    """Open discharges by stage and due day, of the wards and class chosen. One pass over an index of open ones."""
    rows = connection.execute(
        sa.select(Discharge.stage, Discharge.expected_on, sa.func.count())
        .where(*_open(institution_id), *_of(chosen))
        .group_by(Discharge.stage, Discharge.expected_on)
    )
    return [OpenCount(*row) for row in rows]


def invoice_count(connection: sa.Connection, institution_id: str, chosen: BoardFilter) -> int:
    """How many are settled and wait for the number of their invoice."""
    query = sa.select(sa.func.count()).where(*_invoicing(institution_id), *_of(chosen))
    return int(connection.scalar(query) or 0)


def invoice_rows(
    connection: sa.Connection, institution_id: str, chosen: BoardFilter, *, limit: int, offset: int = 0
) -> list[BoardRow]:
    """Those that are settled and wait for the number of their invoice, the oldest first."""
    rows = connection.execute(
        _board_rows()
        .where(*_invoicing(institution_id), *_of(chosen))
        .order_by(Discharge.stage_since, Discharge.stay_no)
        .limit(limit)
        .offset(offset)
    )
    return [BoardRow(*row) for row in rows]


def open_wards(connection: sa.Connection, institution_id: str) -> list[str]:
    """The wards that have open discharges, sorted."""
    wards = sa.select(Discharge.ward).where(*_open(institution_id)).distinct().order_by(Discharge.ward)
    return list(connection.scalars(wards))


def open_rows(
    connection: sa.Connection, institution_id: str, chosen: BoardFilter, *, limit: int, offset: int = 0
) -> list[BoardRow]:
    """Open discharges, those due first before others; those without a rule last."""
    conditions = [*_open(institution_id), *_of(chosen), *_due(chosen)]
    if chosen.stage:
        conditions.append(Discharge.stage == chosen.stage)
    # The page is found in the index alone, and only its rows are looked up.
    page = (
        sa.select(Discharge.stay_no, Discharge.discharged_at)
        .where(*conditions)
        .order_by(Discharge.expected_on, Discharge.discharged_at, Discharge.stay_no)
        .limit(limit)
        .offset(offset)
        .subquery()
    )
    rows = connection.execute(
        _board_rows()
        .join(
            page,
            sa.and_(page.c.stay_no == Discharge.stay_no, page.c.discharged_at == Discharge.discharged_at),
        )
        .where(Discharge.institution_id == institution_id)
        .order_by(Discharge.expected_on, Discharge.discharged_at, Discharge.stay_no)
    )
    return [BoardRow(*row) for row in rows]


def discharges_of(connection: sa.Connection, institution_id: str, stay_no: str) -> list[BoardRow]:
    """Every discharge of a stay, newest first."""
    rows = connection.execute(
        _board_rows()
        .where(Discharge.institution_id == institution_id, Discharge.stay_no == stay_no)
        .order_by(Discharge.discharged_at.desc())
    )
    return [BoardRow(*row) for row in rows]


def clocks_of(
    connection: sa.Connection, institution_id: str, stay_no: str, discharged_at: datetime
) -> list[ClockRow]:
    """Every verdict on one discharge, the first one first."""
    return _history(connection, DischargeClock, ClockRow, "clock_no", institution_id, stay_no, discharged_at)


def steps_of(connection: sa.Connection, institution_id: str, stay_no: str, discharged_at: datetime) -> list[StepRow]:
    """Every step and remark of one discharge, the first one first."""
    return _history(connection, DischargeStep, StepRow, "step_no", institution_id, stay_no, discharged_at)


def _history(
    connection: sa.Connection,
    table: Any,
    row_type: Any,
    key: str,
    institution_id: str,
    stay_no: str,
    discharged_at: datetime,
) -> list[Any]:
    rows = connection.execute(
        sa.select(*(getattr(table, name) for name in row_type.__dataclass_fields__))
        .where(
            table.institution_id == institution_id,
            table.stay_no == stay_no,
            table.discharged_at == discharged_at,
        )
        .order_by(getattr(table, key))
    )
    return [row_type(*row) for row in rows]


def _board_rows() -> sa.Select[Any]:
    of_stay = {"patient_name", "patient_no"}
    columns = (getattr(Stay if name in of_stay else Discharge, name) for name in BoardRow.__dataclass_fields__)
    return sa.select(*columns).join(
        Stay, sa.and_(Stay.institution_id == Discharge.institution_id, Stay.stay_no == Discharge.stay_no)
    )


def _open(institution_id: str) -> Sequence[sa.ColumnElement[bool]]:
    return (Discharge.institution_id == institution_id, Discharge.ended_at.is_(None), Discharge.settled_at.is_(None))


def _invoicing(institution_id: str) -> Sequence[sa.ColumnElement[bool]]:
    # Said so that the index of everything settled isn't tempting: the one of those in this stage is small.
    return (
        Discharge.institution_id == institution_id,
        Discharge.ended_at.is_(None),
        Discharge.stage == sa.literal_column("'invoice'"),
        sa.func.coalesce(Discharge.settled_at, sa.null()).is_not(None),
    )


def _of(chosen: BoardFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if chosen.wards:
        conditions.append(Discharge.ward.in_(chosen.wards))
    if chosen.insured_class:
        conditions.append(Discharge.insured_class == chosen.insured_class)
    if chosen.risky is not None:
        each = [sa.and_(Discharge.stage == stage, Discharge.expected_on <= day) for stage, day in chosen.risky]
        conditions.append(sa.or_(sa.false(), *each))
    return conditions


def _due(chosen: BoardFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if not chosen.is_ruled:
        conditions.append(Discharge.expected_on.is_(None))
    if chosen.due_from is not None:
        conditions.append(Discharge.expected_on >= chosen.due_from)
    if chosen.due_to is not None:
        conditions.append(Discharge.expected_on <= chosen.due_to)
    return conditions

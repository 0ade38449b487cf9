"""The board of discharges: how many lie with whom, and those of one list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.persistence.models.inpatient import Stay
from hospital_prepay.persistence.models.settlement import Discharge, DischargeClock, DischargeStep
from hospital_prepay.persistence.query import Query
from hospital_prepay.persistence.take_backs import asked

UNNAMED: Final = "unknown"


@dataclass(frozen=True, slots=True)
class BoardFilter:
    """Which discharges a list holds; empty where all are meant, ``UNNAMED`` of the class where nobody named it.
    ``due_from`` and ``due_to`` count themselves; ``risky`` holds stages, each with the last due day that is meant."""

    ward: str = ""
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
    """One discharge as the board shows it. ``take_back_asked``: somebody asks to take it back, and nobody decided."""

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
    take_back_asked: bool

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
    rows = _open_counts(_filled(chosen)).all(connection, institution=institution_id, **_values(chosen))
    return [OpenCount(*row) for row in rows]


def invoice_count(connection: sa.Connection, institution_id: str, chosen: BoardFilter) -> int:
    """How many are settled and wait for the number of their invoice."""
    ((number,),) = _invoice_count(_filled(chosen)).all(connection, institution=institution_id, **_values(chosen))
    return int(number)


def invoice_rows(
    connection: sa.Connection, institution_id: str, chosen: BoardFilter, *, limit: int, offset: int = 0
) -> list[BoardRow]:
    """Those that are settled and wait for the number of their invoice, the oldest first."""
    page = {"institution": institution_id, "rows": limit, "skipped": offset}
    return [BoardRow(*row) for row in _invoice_rows(_filled(chosen)).all(connection, **page, **_values(chosen))]


def open_wards(connection: sa.Connection, institution_id: str) -> list[str]:
    """The wards that have open discharges, sorted."""
    return [ward for (ward,) in _OPEN_WARDS.all(connection, institution=institution_id)]


def open_rows(
    connection: sa.Connection, institution_id: str, chosen: BoardFilter, *, limit: int, offset: int = 0
) -> list[BoardRow]:
    """Open discharges, those due first before others; those without a rule last."""
    page = {"institution": institution_id, "rows": limit, "skipped": offset}
    return [BoardRow(*row) for row in _open_rows(_filled(chosen)).all(connection, **page, **_values(chosen))]


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
    names = tuple(BoardRow.__dataclass_fields__)[:-1]
    columns = (getattr(Stay if name in of_stay else Discharge, name) for name in names)
    return sa.select(*columns, asked().label("take_back_asked")).join(
        Stay, sa.and_(Stay.institution_id == Discharge.institution_id, Stay.stay_no == Discharge.stay_no)
    )


# The board is looked at by many, all the time: each kind of question it asks is put together once. What is filled in
# of a filter says which conditions there are; ``risky`` counts by its stages.
_Filled = tuple[frozenset[str], tuple[str, ...]]
_OWN: Final = Discharge.institution_id == sa.bindparam("institution")
_OPEN: Final = (_OWN, Discharge.ended_at.is_(None), Discharge.settled_at.is_(None))
# Said so that the index of everything settled isn't tempting: the one of those in this stage is small.
_INVOICING: Final = (
    _OWN,
    Discharge.ended_at.is_(None),
    Discharge.stage == sa.literal_column("'invoice'"),
    sa.func.coalesce(Discharge.settled_at, sa.null()).is_not(None),
)
_OPEN_WARDS: Final = Query(sa.select(Discharge.ward).where(*_OPEN).distinct().order_by(Discharge.ward))
_WHOSE: Final = ("ward", "insured_class", "unnamed")
_DUE: Final = ("stage", "due_from", "due_to", "unruled")
_CONDITIONS: Final = {
    "ward": Discharge.ward == sa.bindparam("ward"),
    "insured_class": Discharge.insured_class == sa.bindparam("insured_class"),
    # What isn't known is taken for self-pay: said so, the index finds it.
    "unnamed": sa.and_(Discharge.insured_class == InsuredClass.SELF_PAY.value, Discharge.class_known.is_(False)),
    "stage": Discharge.stage == sa.bindparam("stage"),
    "due_from": Discharge.expected_on >= sa.bindparam("due_from"),
    "due_to": Discharge.expected_on <= sa.bindparam("due_to"),
    "unruled": Discharge.expected_on.is_(None),
}


def _filled(chosen: BoardFilter) -> _Filled:
    names = {name for name in ("ward", "insured_class", "stage", "due_from", "due_to") if getattr(chosen, name)}
    if chosen.insured_class == UNNAMED:
        names = names - {"insured_class"} | {"unnamed"}
    if not chosen.is_ruled:
        names.add("unruled")
    if chosen.risky is not None:
        names.add("risky")
    return frozenset(names), tuple(stage for stage, _ in chosen.risky or ())


def _values(chosen: BoardFilter) -> dict[str, Any]:
    names = ("ward", "insured_class", "stage", "due_from", "due_to")
    told = {name: value for name in names if (value := getattr(chosen, name)) and value != UNNAMED}
    return told | {f"risky_{stage}": day for stage, day in chosen.risky or ()}


def _where(filled: _Filled, *kinds: Sequence[str]) -> list[sa.ColumnElement[bool]]:
    names, stages = filled
    conditions = [_CONDITIONS[name] for kind in kinds for name in kind if name in names]
    if "risky" in names:
        each = [
            sa.and_(Discharge.stage == stage, Discharge.expected_on <= sa.bindparam(f"risky_{stage}"))
            for stage in stages
        ]
        conditions.append(sa.or_(sa.false(), *each))
    return conditions


@lru_cache(maxsize=32)
def _open_counts(filled: _Filled) -> Query:
    columns = (Discharge.stage, Discharge.expected_on)
    query = sa.select(*columns, sa.func.count()).where(*_OPEN, *_where(filled, _WHOSE)).group_by(*columns)
    return Query(query)


@lru_cache(maxsize=32)
def _invoice_count(filled: _Filled) -> Query:
    return Query(sa.select(sa.func.count()).where(*_INVOICING, *_where(filled, _WHOSE)))


@lru_cache(maxsize=32)
def _invoice_rows(filled: _Filled) -> Query:
    return Query(
        _board_rows()
        .where(*_INVOICING, *_where(filled, _WHOSE))
        .order_by(Discharge.stage_since, Discharge.stay_no)
        .limit(sa.bindparam("rows"))
        .offset(sa.bindparam("skipped"))
    )


@lru_cache(maxsize=128)
def _open_rows(filled: _Filled) -> Query:
    order = (Discharge.expected_on, Discharge.discharged_at, Discharge.stay_no)
    # The page is found in the index alone, and only its rows are looked up.
    page = (
        sa.select(Discharge.stay_no, Discharge.discharged_at)
        .where(*_OPEN, *_where(filled, _WHOSE, _DUE))
        .order_by(*order)
        .limit(sa.bindparam("rows"))
        .offset(sa.bindparam("skipped"))
        .subquery()
    )
    of_page = sa.and_(page.c.stay_no == Discharge.stay_no, page.c.discharged_at == Discharge.discharged_at)
    return Query(_board_rows().join(page, of_page).where(_OWN).order_by(*order))

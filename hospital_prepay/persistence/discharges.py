"""Discharges of stays: their clocks, their steps, and where each stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.persistence.models.inpatient import Stay
from hospital_prepay.persistence.models.settlement import Discharge, DischargeClock, DischargeStep


@dataclass(frozen=True, slots=True)
class DischargeRow:
    """One discharge as it stands."""

    stay_no: str
    discharged_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    disposition: str
    ward: str
    insured_class: str
    class_known: bool
    clock_no: int
    due_on: date | None
    expected_on: date | None
    target_at: datetime | None
    stage: str
    stage_since: datetime
    note: str
    step_no: int
    settled_at: datetime | None

    @property
    def insured(self) -> InsuredClass | None:
        """The insured class; ``None`` where nobody named it."""
        return InsuredClass(self.insured_class) if self.class_known else None


_COLUMNS = tuple(getattr(Discharge, name) for name in DischargeRow.__dataclass_fields__)


def of_stay(connection: sa.Connection, institution_id: str, stay_no: str) -> list[DischargeRow]:
    """Every discharge of a stay, by time of discharge."""
    rows = connection.execute(
        sa.select(*_COLUMNS)
        .where(Discharge.institution_id == institution_id, Discharge.stay_no == stay_no)
        .order_by(Discharge.discharged_at)
    )
    return [DischargeRow(*row) for row in rows]


def lock_standing(connection: sa.Connection, institution_id: str, stay_no: str) -> DischargeRow:
    """The discharge of a stay that stands, locked. Raises :class:`NotFound`."""
    row = connection.execute(
        sa.select(*_COLUMNS)
        .where(Discharge.institution_id == institution_id, Discharge.stay_no == stay_no, Discharge.ended_at.is_(None))
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound(f"住院号 {stay_no} 现在没有出院记录：没有登记过出院，或者出院已取消。请先登记出院。")
    return DischargeRow(*row)


def add(connection: sa.Connection, institution_id: str, values: dict[str, Any]) -> None:
    """Write down a discharge; it begins at the ward, without a clock."""
    connection.execute(
        sa.insert(Discharge).values(
            institution_id=institution_id, clock_no=0, step_no=0, stage="ward", note="", **values
        )
    )


def change(connection: sa.Connection, institution_id: str, row: DischargeRow, values: dict[str, Any]) -> None:
    """Change columns of a discharge; the database holds those of its clock and stage to the newest of each."""
    connection.execute(
        sa.update(Discharge)
        .where(
            Discharge.institution_id == institution_id,
            Discharge.stay_no == row.stay_no,
            Discharge.discharged_at == row.discharged_at,
        )
        .values(**values)
    )


def know_class(connection: sa.Connection, institution_id: str, stay_no: str, insured_class: str) -> None:
    """Let the standing discharge of a stay, if its class wasn't known, have the one that the counter registered."""
    connection.execute(
        sa.update(Discharge)
        .where(
            Discharge.institution_id == institution_id,
            Discharge.stay_no == stay_no,
            Discharge.ended_at.is_(None),
            Discharge.class_known.is_(False),
        )
        .values(insured_class=insured_class, class_known=True)
    )


def add_clock(connection: sa.Connection, institution_id: str, row: DischargeRow, values: dict[str, Any]) -> None:
    """Set a new clock beside those a discharge has, and let the board show it."""
    clock_no = row.clock_no + 1
    connection.execute(
        sa.insert(DischargeClock).values(
            institution_id=institution_id,
            stay_no=row.stay_no,
            discharged_at=row.discharged_at,
            clock_no=clock_no,
            **values,
        )
    )
    shown = {name: values[name] for name in ("due_on", "expected_on", "target_at")}
    change(connection, institution_id, row, {"clock_no": clock_no, **shown})


def clock_start(connection: sa.Connection, institution_id: str, row: DischargeRow) -> datetime | None:
    """From when the newest clock of a discharge counts."""
    return connection.scalar(
        sa.select(DischargeClock.starts_at).where(
            DischargeClock.institution_id == institution_id,
            DischargeClock.stay_no == row.stay_no,
            DischargeClock.discharged_at == row.discharged_at,
            DischargeClock.clock_no == row.clock_no,
        )
    )


@dataclass(frozen=True, slots=True)
class SetClock:
    """The clock that a discharge has, as far as it matters for setting it anew."""

    starts_at: datetime
    due_on: date | None
    expected_on: date | None
    calendar_version: str


def open_with_clock(connection: sa.Connection, institution_id: str) -> list[tuple[DischargeRow, SetClock]]:
    """Every open discharge with its newest clock, locked."""
    clock = tuple(getattr(DischargeClock, name) for name in SetClock.__dataclass_fields__)
    rows = connection.execute(
        sa.select(*_COLUMNS, *(column.label(f"of_{column.key}") for column in clock))
        .join(
            DischargeClock,
            sa.and_(
                DischargeClock.institution_id == Discharge.institution_id,
                DischargeClock.stay_no == Discharge.stay_no,
                DischargeClock.discharged_at == Discharge.discharged_at,
                DischargeClock.clock_no == Discharge.clock_no,
            ),
        )
        .where(
            Discharge.institution_id == institution_id, Discharge.ended_at.is_(None), Discharge.settled_at.is_(None)
        )
        .order_by(Discharge.stay_no)
        .with_for_update(of=Discharge)
    )
    return [(DischargeRow(*row[: len(_COLUMNS)]), SetClock(*row[len(_COLUMNS) :])) for row in rows]


def add_step(
    connection: sa.Connection, institution_id: str, row: DischargeRow, to_stage: str, note: str, by: str, at: datetime
) -> None:
    """Pass a discharge on, send it back, or write down what it waits for."""
    step_no = row.step_no + 1
    connection.execute(
        sa.insert(DischargeStep).values(
            institution_id=institution_id,
            stay_no=row.stay_no,
            discharged_at=row.discharged_at,
            step_no=step_no,
            from_stage=row.stage,
            to_stage=to_stage,
            note=note,
            taken_by=by,
            taken_at=at,
        )
    )
    since = row.stage_since if row.stage == to_stage else at
    change(
        connection,
        institution_id,
        row,
        {"stage": to_stage, "stage_since": since, "note": note, "step_no": step_no},
    )


@dataclass(frozen=True, slots=True)
class StayRow:
    """Of a stay what messages may change."""

    patient_name: str
    sex: str
    ward: str
    bed: str
    admitted_at: datetime
    discharged_at: datetime | None
    cancelled_at: datetime | None
    patient_no: str | None
    certificate_hash: str | None
    phone_hash: str | None


def find_stay(connection: sa.Connection, institution_id: str, stay_no: str) -> StayRow | None:
    """A stay; ``None`` where none has this number."""
    row = connection.execute(_stay(institution_id, stay_no)).one_or_none()
    return None if row is None else StayRow(*row)


def lock_stay(connection: sa.Connection, institution_id: str, stay_no: str) -> StayRow | None:
    """The same, locked."""
    row = connection.execute(_stay(institution_id, stay_no).with_for_update()).one_or_none()
    return None if row is None else StayRow(*row)


def _stay(institution_id: str, stay_no: str) -> sa.Select[Any]:
    columns = (getattr(Stay, name) for name in StayRow.__dataclass_fields__)
    return sa.select(*columns).where(Stay.institution_id == institution_id, Stay.stay_no == stay_no)


def change_stay(connection: sa.Connection, institution_id: str, stay_no: str, values: dict[str, Any]) -> None:
    """Follow what was said of a stay."""
    connection.execute(
        sa.update(Stay).where(Stay.institution_id == institution_id, Stay.stay_no == stay_no).values(**values)
    )

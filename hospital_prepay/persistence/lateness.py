"""Why discharges are late, and the excuses asked for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.persistence.models.settlement import Discharge
from hospital_prepay.persistence.models.settlement_watch import Lateness
from hospital_prepay.persistence.take_backs import stands, taken_back_late
from hospital_prepay.persistence.wall_time import EndOf


@dataclass(frozen=True, slots=True)
class LateRow:
    """One reason as it stands; ``excuse`` is none, asked, accepted or refused."""

    stay_no: str
    discharged_at: datetime
    lateness_no: int
    reason_code: str
    words: str
    written_by: str
    written_at: datetime
    excuse: str
    asked_by: str | None
    asked_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    answer: str | None
    decision_id: str | None


@dataclass(frozen=True, slots=True)
class WardMonth:
    """Of a ward's discharges of a month how many there are, and how many of these are late."""

    discharged: int
    late: int


_COLUMNS = tuple(getattr(Lateness, name) for name in LateRow.__dataclass_fields__)


def is_late(today: date) -> sa.ColumnElement[bool]:
    """Settled behind its due day, or open behind it; a due day that is an estimate makes nobody late."""
    return sa.and_(
        Discharge.due_on.is_not(None),
        sa.case(
            (Discharge.settled_at.is_(None), Discharge.due_on < today),
            else_=Discharge.settled_at >= EndOf(Discharge.due_on),
        ),
    )


def of_stay(connection: sa.Connection, institution_id: str, stay_no: str) -> list[LateRow]:
    """Every reason of a stay, the first one first."""
    rows = connection.execute(
        sa.select(*_COLUMNS)
        .where(Lateness.institution_id == institution_id, Lateness.stay_no == stay_no)
        .order_by(Lateness.discharged_at, Lateness.lateness_no)
    )
    return [LateRow(*row) for row in rows]


def find(
    connection: sa.Connection, institution_id: str, stay_no: str, discharged_at: datetime, lateness_no: int
) -> LateRow:
    """One reason of the discharge that stands. Raises :class:`NotFound`."""
    for one in of_stay(connection, institution_id, stay_no):
        if (one.discharged_at, one.lateness_no) == (discharged_at, lateness_no):
            return one
    raise NotFound("没有这一条逾期原因。请刷新后再办。")


def add(connection: sa.Connection, institution_id: str, values: dict[str, Any]) -> None:
    """Write down a reason."""
    connection.execute(sa.insert(Lateness).values(institution_id=institution_id, **values))


def change(connection: sa.Connection, institution_id: str, row: LateRow, values: dict[str, Any]) -> None:
    """Take a step of its excuse."""
    connection.execute(
        sa.update(Lateness)
        .where(
            Lateness.institution_id == institution_id,
            Lateness.stay_no == row.stay_no,
            Lateness.discharged_at == row.discharged_at,
            Lateness.lateness_no == row.lateness_no,
        )
        .values(**values)
    )


def ward_month(
    connection: sa.Connection, institution_id: str, ward: str, span: tuple[datetime, datetime], today: date
) -> WardMonth:
    """A ward's discharges between two moments; of those that were taken back only the late ones count."""
    discharged, late = connection.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(sa.case((is_late(today), 1), else_=0)), 0)).where(
            Discharge.institution_id == institution_id,
            sa.or_(stands(), taken_back_late()),
            Discharge.ward == ward,
            Discharge.discharged_at >= span[0],
            Discharge.discharged_at < span[1],
        )
    ).one()
    return WardMonth(discharged, int(late))

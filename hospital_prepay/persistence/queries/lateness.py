"""The lists of late discharges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from hospital_prepay.persistence.lateness import is_late
from hospital_prepay.persistence.models.inpatient import Stay
from hospital_prepay.persistence.models.settlement import Discharge
from hospital_prepay.persistence.models.settlement_watch import Lateness, TakeBack
from hospital_prepay.persistence.take_backs import of_discharge, stands, taken_back_late

_NO_GROUND: Final = sa.literal("")


@dataclass(frozen=True, slots=True)
class LateLine:
    """A late discharge in a list, with the newest of its reasons; ``excuse`` is empty where it has none.
    ``ground`` is why somebody takes, or took, it back."""

    stay_no: str
    discharged_at: datetime
    patient_name: str
    ward: str
    insured_class: str
    due_on: date | None
    stage: str
    settled_at: datetime | None
    lateness_no: int | None
    reason_code: str
    words: str
    excuse: str
    asked_by: str | None
    asked_at: datetime | None
    ground: str = ""


def open_late(
    connection: sa.Connection, institution_id: str, today: date, limit: int, offset: int
) -> tuple[int, list[LateLine]]:
    """Late and not settled, those that are latest first."""
    chosen = [
        *_standing(institution_id),
        Discharge.settled_at.is_(None),
        Discharge.due_on.is_not(None),
        Discharge.expected_on < today,
    ]
    return _page(connection, chosen, limit, offset, Discharge.expected_on)


def settled_without_reason(
    connection: sa.Connection, institution_id: str, since: datetime, today: date, limit: int, offset: int
) -> tuple[int, list[LateLine]]:
    """Discharged since then, settled late, and nobody wrote why; the newest first."""
    chosen = [
        *_standing(institution_id),
        Discharge.discharged_at >= since,
        Discharge.settled_at.is_not(None),
        is_late(today),
        ~sa.exists().where(*_of_discharge(aliased(Lateness))).correlate(Discharge),
    ]
    return _page(connection, chosen, limit, offset, Discharge.discharged_at.desc())


def excuses_asked(
    connection: sa.Connection, institution_id: str, limit: int, offset: int
) -> tuple[int, list[LateLine]]:
    """Excuses that wait, the oldest first."""
    chosen = [*_standing(institution_id), Lateness.institution_id == institution_id, Lateness.excuse == "asked"]
    query = _lines().join(Lateness, sa.and_(*_of_discharge(Lateness))).where(*chosen)
    number = connection.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    rows = connection.execute(query.order_by(Lateness.asked_at).limit(limit).offset(offset))
    return number, [LateLine(*row) for row in rows]


def take_backs_asked(
    connection: sa.Connection, institution_id: str, limit: int, offset: int
) -> tuple[int, list[LateLine]]:
    """Late discharges that somebody asks to take back, the oldest request first."""
    chosen = [*_standing(institution_id), TakeBack.state == "asked"]
    asked = _lines(TakeBack.ground, TakeBack).join(TakeBack, sa.and_(*of_discharge()))
    query = asked.outerjoin(Lateness, _newest()).where(*chosen)
    number = connection.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    rows = connection.execute(query.order_by(TakeBack.asked_at).limit(limit).offset(offset))
    return number, [LateLine(*row) for row in rows]


def late_between(
    connection: sa.Connection, institution_id: str, since: datetime, until: datetime, today: date
) -> list[LateLine]:
    """Every late discharge between two moments with the newest of its reasons, by time of discharge; those that two
    people took back with the ground."""
    chosen = [
        Discharge.institution_id == institution_id,
        Discharge.discharged_at >= since,
        Discharge.discharged_at < until,
    ]
    agreed = sa.select(sa.func.max(TakeBack.ground)).where(*of_discharge(), TakeBack.state == "agreed")
    found = list[LateLine]()
    for kept, ground in ((stands(), _NO_GROUND), (taken_back_late(), agreed.scalar_subquery())):
        query = _lines(ground).outerjoin(Lateness, _newest()).where(*chosen, kept, is_late(today))
        found += [LateLine(*row) for row in connection.execute(query)]
    return sorted(found, key=lambda one: (one.discharged_at, one.stay_no))


def _page(
    connection: sa.Connection, chosen: list[Any], limit: int, offset: int, order: Any
) -> tuple[int, list[LateLine]]:
    number = connection.scalar(sa.select(sa.func.count()).select_from(Discharge).where(*chosen)) or 0
    query = _lines().outerjoin(Lateness, _newest()).where(*chosen)
    rows = connection.execute(query.order_by(order, Discharge.stay_no).limit(limit).offset(offset))
    return number, [LateLine(*row) for row in rows]


def _lines(ground: Any = _NO_GROUND, asked: type[Lateness | TakeBack] = Lateness) -> sa.Select[Any]:
    sources = {"patient_name": Stay} | dict.fromkeys(("asked_by", "asked_at"), asked)
    sources |= dict.fromkeys(("lateness_no", "reason_code", "words", "excuse"), Lateness)
    columns: list[Any] = []
    for name in tuple(LateLine.__dataclass_fields__)[:-1]:
        column = getattr(sources.get(name, Discharge), name)
        columns.append(sa.func.coalesce(column, "") if name in ("reason_code", "words", "excuse") else column)
    return sa.select(*columns, ground).join(
        Stay, sa.and_(Stay.institution_id == Discharge.institution_id, Stay.stay_no == Discharge.stay_no)
    )


def _standing(institution_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (Discharge.institution_id == institution_id, Discharge.ended_at.is_(None))


def _of_discharge(table: Any) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        table.institution_id == Discharge.institution_id,
        table.stay_no == Discharge.stay_no,
        table.discharged_at == Discharge.discharged_at,
    )


def _newest() -> sa.ColumnElement[bool]:
    """The newest reason; an excuse that was accepted stays in sight before a later remark."""
    other = aliased(Lateness)
    rank = sa.case((other.excuse == "accepted", 1), else_=0).desc()
    newest = (
        sa.select(other.lateness_no)
        .where(*_of_discharge(other))
        .order_by(rank, other.lateness_no.desc())
        .limit(1)
        .correlate(Discharge)
        .scalar_subquery()
    )
    return sa.and_(*_of_discharge(Lateness), Lateness.lateness_no == newest)

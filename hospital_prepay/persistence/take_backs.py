"""Late discharges that somebody asked to take back, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.persistence.discharges import DischargeRow
from hospital_prepay.persistence.models.settlement import Discharge
from hospital_prepay.persistence.models.settlement_watch import TakeBack


@dataclass(frozen=True, slots=True)
class TakeBackRow:
    """One request as it stands; ``state`` is asked, agreed or refused."""

    stay_no: str
    discharged_at: datetime
    ask_no: int
    ground: str
    asked_by: str
    asked_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    answer: str | None


_COLUMNS = tuple(getattr(TakeBack, name) for name in TakeBackRow.__dataclass_fields__)


def of_discharge() -> tuple[sa.ColumnElement[bool], ...]:
    """Requests of the discharge at hand."""
    return (
        TakeBack.institution_id == Discharge.institution_id,
        TakeBack.stay_no == Discharge.stay_no,
        TakeBack.discharged_at == Discharge.discharged_at,
    )


def stands() -> sa.ColumnElement[bool]:
    """A discharge that wasn't taken back."""
    return Discharge.ended_at.is_(None)


def asked() -> sa.ColumnElement[bool]:
    """Whether somebody asks to take the discharge back, and nobody decided so far."""
    waits = sa.exists().where(*of_discharge(), TakeBack.state == "asked").correlate(Discharge)
    return sa.and_(stands(), waits)


def taken_back_late() -> sa.ColumnElement[bool]:
    """A discharge that two people took back when it was late: it stays counted, as late."""
    agreed = sa.exists().where(*of_discharge(), TakeBack.state == "agreed").correlate(Discharge)
    return sa.and_(Discharge.ended_at.is_not(None), agreed)


def of_stay(connection: sa.Connection, institution_id: str, stay_no: str) -> list[TakeBackRow]:
    """Every request of a stay, the first one first."""
    rows = connection.execute(
        sa.select(*_COLUMNS)
        .where(TakeBack.institution_id == institution_id, TakeBack.stay_no == stay_no)
        .order_by(TakeBack.discharged_at, TakeBack.ask_no)
    )
    return [TakeBackRow(*row) for row in rows]


def find(connection: sa.Connection, institution_id: str, row: DischargeRow, ask_no: int) -> TakeBackRow:
    """One request of the discharge that stands. Raises :class:`NotFound`."""
    for one in of_stay(connection, institution_id, row.stay_no):
        if (one.discharged_at, one.ask_no) == (row.discharged_at, ask_no):
            return one
    raise NotFound("没有这一条取消出院的申请。请刷新后再办。")


def add(connection: sa.Connection, institution_id: str, values: dict[str, Any]) -> None:
    """Write down a request."""
    connection.execute(sa.insert(TakeBack).values(institution_id=institution_id, state="asked", **values))


def change(connection: sa.Connection, institution_id: str, one: TakeBackRow, values: dict[str, Any]) -> None:
    """Decide a request."""
    connection.execute(
        sa.update(TakeBack)
        .where(
            TakeBack.institution_id == institution_id,
            TakeBack.stay_no == one.stay_no,
            TakeBack.discharged_at == one.discharged_at,
            TakeBack.ask_no == one.ask_no,
        )
        .values(**values)
    )

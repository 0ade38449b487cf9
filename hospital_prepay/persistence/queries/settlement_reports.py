"""How soon discharges were settled: one pass over an index for a span of months, folded by the services.

A discharge counts in the month, by Shanghai's wall, in which it was discharged. One that was taken back doesn't,
unless two people did so when it was late: it stays counted, as late.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.persistence.lateness import is_late
from hospital_prepay.persistence.models.settlement import Discharge, SettlementRow
from hospital_prepay.persistence.models.settlement_watch import Lateness
from hospital_prepay.persistence.take_backs import stands, taken_back_late
from hospital_prepay.persistence.wall_time import EndOf, HoursBetween, MonthOf

# The upper ends, in hours, of the parts of the distribution; beyond the last is one more.
HOURS: Final = (2, 4, 8, 12, 24, 48, 72, 168)


@dataclass(frozen=True, slots=True)
class ReportCell:
    """Of the discharges of a month, ward, class and channel: how many there are, how many have no rule of their day,
    how many may be judged by the due day and by the target (settled, or behind it), how many kept each, how many of
    the judged rest on an estimated due day, and how many are late by a firm one."""

    month: str
    ward: str
    insured_class: str
    channel: str | None
    discharged: int
    unruled: int
    by_day: int
    kept_day: int
    by_target: int
    kept_target: int
    provisional: int
    late: int


@dataclass(frozen=True, slots=True)
class ReasonCell:
    """How many late discharges have a reason, by whose it is in the list, and how far its excuse came."""

    reason_code: str
    excuse: str
    number: int


def cells(
    connection: sa.Connection, institution_id: str, since: datetime, until: datetime, now: datetime, today: date
) -> list[ReportCell]:
    """The discharges between two moments, added up."""
    settled, one = Discharge.settled_at.is_not(None), Discharge
    by_day = sa.and_(one.expected_on.is_not(None), sa.or_(settled, one.expected_on < today))
    by_target = sa.and_(one.target_at.is_not(None), sa.or_(settled, one.target_at < now))
    sums = (
        sa.func.count(),
        _number(one.expected_on.is_(None)),
        _number(by_day),
        _number(sa.and_(one.expected_on.is_not(None), settled, one.settled_at < EndOf(one.expected_on))),
        _number(by_target),
        _number(sa.and_(settled, one.settled_at <= one.target_at)),
        _number(sa.and_(by_day, one.due_on.is_(None))),
        _number(is_late(today)),
    )
    # Two passes: what stands is read in its own index, what was taken back late is a handful.
    found: list[Any] = []
    for kept in (stands(), taken_back_late()):
        found += connection.execute(_cells(sums, _between(institution_id, since, until, kept)))
    return [ReportCell(*row) for row in found]


def taken_back(connection: sa.Connection, institution_id: str, since: datetime, until: datetime) -> int:
    """How many of the discharges between two moments were taken back late."""
    of = _between(institution_id, since, until, taken_back_late())
    return connection.scalar(sa.select(sa.func.count()).select_from(Discharge).where(*of)) or 0


def _cells(sums: tuple[Any, ...], conditions: tuple[sa.ColumnElement[bool], ...]) -> sa.Select[Any]:
    one = Discharge
    # The month is grouped by its place: PostgreSQL wouldn't know the same expression with other parameters again.
    return (
        sa.select(
            MonthOf(one.discharged_at).label("month"), one.ward, one.insured_class, SettlementRow.channel, *sums
        )
        .outerjoin(SettlementRow, _settlement())
        .where(*conditions)
        .group_by(sa.text("1"), one.ward, one.insured_class, SettlementRow.channel)
    )


def hours(connection: sa.Connection, institution_id: str, since: datetime, until: datetime) -> list[int]:
    """How many settled discharges, of those that stand, took up to each of :data:`HOURS`, and longer."""
    took = HoursBetween(Discharge.discharged_at, Discharge.settled_at)
    part = sa.case(*((took < end, place) for place, end in enumerate(HOURS)), else_=len(HOURS))
    query = (
        sa.select(part.label("part"), sa.func.count().label("number"))
        .where(*_between(institution_id, since, until), Discharge.settled_at.is_not(None))
        .group_by(sa.text("1"))
    )
    found = {row.part: row.number for row in connection.execute(query)}
    return [found.get(place, 0) for place in range(len(HOURS) + 1)]


def reasons(
    connection: sa.Connection, institution_id: str, since: datetime, until: datetime, today: date
) -> tuple[list[ReasonCell], int, int]:
    """The reasons of late discharges that stand; how many have one at all, and how many an accepted excuse."""
    late = sa.and_(*_between(institution_id, since, until), is_late(today))
    same = sa.and_(
        Lateness.institution_id == Discharge.institution_id,
        Lateness.stay_no == Discharge.stay_no,
        Lateness.discharged_at == Discharge.discharged_at,
    )
    each = sa.select(Lateness.reason_code, Lateness.excuse, sa.func.count()).select_from(Discharge)
    rows = connection.execute(each.join(Lateness, same).where(late).group_by(Lateness.reason_code, Lateness.excuse))
    having = sa.exists().where(same).correlate(Discharge)
    explained, excused = connection.execute(
        sa.select(_number(having), _number(having.where(Lateness.excuse == "accepted")))
        .select_from(Discharge)
        .where(late)
    ).one()
    return [ReasonCell(*row) for row in rows], explained, excused


def _number(condition: Any) -> sa.ColumnElement[int]:
    return sa.func.count().filter(condition)


def _between(
    institution_id: str, since: datetime, until: datetime, kept: sa.ColumnElement[bool] | None = None
) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        Discharge.institution_id == institution_id,
        stands() if kept is None else kept,
        Discharge.discharged_at >= since,
        Discharge.discharged_at < until,
    )


def _settlement() -> sa.ColumnElement[bool]:
    return sa.and_(
        SettlementRow.institution_id == Discharge.institution_id,
        SettlementRow.stay_no == Discharge.stay_no,
        SettlementRow.discharged_at == Discharge.discharged_at,
        SettlementRow.recalled_at.is_(None),
    )

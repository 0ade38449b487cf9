"""The board of discharges: who must do what next, by the time that is left."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.calendar import WorkingDayCalendar, weekday_after
from hospital_prepay.domain.rules.settlement.forecast import Forecast
from hospital_prepay.domain.rules.settlement.stages import Stage
from hospital_prepay.persistence import settlements
from hospital_prepay.persistence.queries import discharges as queries
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.discharges import (
    UNNAMED,
    BoardFilter,
    BoardRow,
    ClockRow,
    OpenCount,
    StepRow,
)
from hospital_prepay.persistence.visits import aside_count, said_by
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.holidays import calendar_within
from hospital_prepay.services.settlement.forecasting import forecast_within

# Frozen rows that pages show, under the service's own name: pages know no tables.
__all__ = ["UNNAMED", "BoardRow", "ClockRow", "StepRow"]
A_PAGE: Final = 50
A_GROUP: Final = 8


class Bucket(StrEnum):
    """The lists of the board, by the time that is left."""

    LATE = "late"
    TODAY = "today"
    NEXT = "next"
    LATER = "later"
    UNRULED = "unruled"
    INVOICE = "invoice"

    @property
    def label(self) -> str:
        """The words on screens."""
        return BUCKET_LABELS[self]


BUCKET_LABELS: Final = {
    Bucket.LATE: "已逾期",
    Bucket.TODAY: "今天到期",
    Bucket.NEXT: "下个工作日到期",
    Bucket.LATER: "以后到期",
    Bucket.UNRULED: "当时没有规定",
    Bucket.INVOICE: "已结算，等开电子票据",
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What of the board somebody wants to see; empty where all is meant. ``at_risk``: only what will probably be
    late."""

    bucket: Bucket | None = None
    ward: str = ""
    insured_class: str = ""
    stage: str = ""
    page: int = 1
    at_risk: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """One list of the board: how many it holds and the first of them."""

    bucket: Bucket
    number: int
    rows: tuple[BoardRow, ...]


@dataclass(frozen=True, slots=True)
class Lying:
    """How many lie with a stage, and how many of these are late or due today."""

    stage: Stage
    number: int
    pressing: int


@dataclass(frozen=True, slots=True)
class Board:
    """The board on one day. ``next_day`` is the next working day; ``calendar`` tells the time that is left; ``aside``
    messages of visits couldn't be read; ``to_recall`` settlements stand though their discharge was taken back;
    ``at_risk`` aren't late and, by ``forecast``, probably will be."""

    today: date
    next_day: date
    calendar: WorkingDayCalendar
    stages: tuple[Lying, ...]
    counts: dict[Bucket, int]
    groups: tuple[Group, ...]
    wards: tuple[str, ...]
    aside: int
    to_recall: int
    forecast: Forecast
    at_risk: int

    @property
    def number(self) -> int:
        """How many aren't settled, of those chosen."""
        return sum(number for bucket, number in self.counts.items() if bucket is not Bucket.INVOICE)


def board(context: Context, actor: Actor, chosen: Chosen) -> Board:
    """The board, of the wards and class chosen: the beginning of every list, or a page of one."""
    actor.require(Permission.SETTLEMENT_VIEW)
    with context.database.reading() as connection:
        calendar = calendar_within(connection, actor.institution_id)
        today = local(context.clock.now()).date()
        next_day = next_working_day(calendar, today)
        of = BoardFilter(chosen.ward, insured_class=chosen.insured_class)
        told = queries.open_counts(connection, actor.institution_id, of)
        invoices = queries.invoice_count(connection, actor.institution_id, of)
        forecast = forecast_within(connection, actor.institution_id, context.clock.now(), calendar)
        listed = [one for one in told if chosen.stage in ("", one.stage)]
        risky = [one for one in listed if forecast.is_at_risk(one.stage, one.expected_on)]
        counts = _counts(risky if chosen.at_risk else listed, today, next_day)
        if chosen.stage in ("", Stage.INVOICE) and not chosen.at_risk:
            counts[Bucket.INVOICE] = invoices
        groups = []
        for bucket in Bucket if chosen.bucket is None else (chosen.bucket,):
            if not counts[bucket]:
                continue
            limit, offset = (A_GROUP, 0) if chosen.bucket is None else (A_PAGE, (chosen.page - 1) * A_PAGE)
            if bucket is Bucket.INVOICE:
                waiting = queries.invoice_rows(connection, actor.institution_id, of, limit=limit, offset=offset)
                groups.append(Group(bucket, invoices, tuple(waiting)))
                continue
            span = _span(bucket, chosen, today, next_day)
            if chosen.at_risk:
                span = replace(span, risky=tuple((stage.value, day) for stage, day in forecast.until.items()))
            rows = queries.open_rows(connection, actor.institution_id, span, limit=limit, offset=offset)
            groups.append(Group(bucket, counts[bucket], tuple(rows)))
        every_ward = queries.open_wards(connection, actor.institution_id)
        aside = aside_count(connection, actor.institution_id)
        to_recall = settlements.to_recall_count(connection, actor.institution_id)
    return Board(
        today,
        next_day,
        calendar,
        _stages(told, invoices, today),
        counts,
        tuple(groups),
        tuple(every_ward),
        aside,
        to_recall,
        forecast,
        sum(one.number for one in risky),
    )


@dataclass(frozen=True, slots=True)
class DischargeRecord:
    """One discharge with all its clocks and steps. ``ended_through`` is who took it back: a person, or nothing where
    another system did, or it stands."""

    row: BoardRow
    clocks: tuple[ClockRow, ...]
    steps: tuple[StepRow, ...]
    ended_through: str


@dataclass(frozen=True, slots=True)
class StayDischarges:
    """All discharges of a stay, newest first: one of them stands at most."""

    stay_no: str
    records: tuple[DischargeRecord, ...]
    calendar: WorkingDayCalendar
    today: date
    names: dict[str, str]


def discharges_of(context: Context, actor: Actor, stay_no: str) -> StayDischarges:
    """Everything that is on record about a stay's discharges; nothing while it goes on."""
    actor.require(Permission.SETTLEMENT_VIEW)
    institution = actor.institution_id
    with context.database.reading() as connection:
        rows = queries.discharges_of(connection, institution, stay_no)
        records = tuple(
            DischargeRecord(
                row,
                tuple(queries.clocks_of(connection, institution, stay_no, row.discharged_at)),
                tuple(queries.steps_of(connection, institution, stay_no, row.discharged_at)),
                said_by(connection, institution, stay_no, row.ended_at) if row.ended_at else "",
            )
            for row in rows
        )
        today = local(context.clock.now()).date()
        names = dict(people.names(connection, institution))
        return StayDischarges(stay_no, records, calendar_within(connection, institution), today, names)


def next_working_day(calendar: WorkingDayCalendar, today: date) -> date:
    """The next day on which something can be due; an estimate beyond the announced years."""
    if calendar.covers(today):
        return calendar.due(today, 1).expected_on
    return weekday_after(today, 1)


def _bucket(expected_on: date | None, today: date, next_day: date) -> Bucket:
    if expected_on is None:
        return Bucket.UNRULED
    if expected_on < today:
        return Bucket.LATE
    if expected_on == today:
        return Bucket.TODAY
    return Bucket.NEXT if expected_on <= next_day else Bucket.LATER


def _counts(told: list[OpenCount], today: date, next_day: date) -> dict[Bucket, int]:
    counts = dict.fromkeys(Bucket, 0)
    for one in told:
        counts[_bucket(one.expected_on, today, next_day)] += one.number
    return counts


def _stages(told: list[OpenCount], invoices: int, today: date) -> tuple[Lying, ...]:
    numbers, pressing = Counter[str](), Counter[str]()
    for one in told:
        numbers[one.stage] += one.number
        if one.expected_on is not None and one.expected_on <= today:
            pressing[one.stage] += one.number
    numbers[Stage.INVOICE.value] += invoices
    stages = [stage for stage in Stage if stage is not Stage.DONE]
    return tuple(Lying(stage, numbers[stage.value], pressing[stage.value]) for stage in stages)


def _span(bucket: Bucket, chosen: Chosen, today: date, next_day: date) -> BoardFilter:
    day = timedelta(days=1)
    due_from, due_to = {
        Bucket.LATE: (None, today - day),
        Bucket.TODAY: (today, today),
        Bucket.NEXT: (today + day, next_day),
        Bucket.LATER: (next_day + day, None),
        Bucket.UNRULED: (None, None),
    }[bucket]
    return BoardFilter(
        chosen.ward, chosen.insured_class, chosen.stage, due_from, due_to, bucket is not Bucket.UNRULED
    )

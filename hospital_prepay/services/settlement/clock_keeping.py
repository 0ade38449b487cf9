"""Setting the clocks of discharges, and setting them anew when a holiday notice says something else."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.calendar import WorkingDayCalendar
from hospital_prepay.domain.errors import NoRuleInForce
from hospital_prepay.domain.rules.settlement.clocks import Clocks, ClockValues, clocks_before_the_notice, clocks_of
from hospital_prepay.persistence import discharges as store
from hospital_prepay.persistence.discharges import DischargeRow
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.publication.holidays import calendar_within
from hospital_prepay.services.publication.readings import reading_in_force
from hospital_prepay.services.settlement.due import values_on

BY_ORDER: Final = "discharge_order"


def set_clock(work: UnitOfWork, row: DischargeRow, ordered_at: datetime | None, cause: str) -> None:
    """Set a clock for a discharge by the calendar and the values of its day.

    ``ordered_at`` is when the discharge was ordered; it starts the clock where the hospital reads article 19 so, and
    no later than the patient left: an order that was written down afterwards gains no time. A discharge from before
    the rules gets a clock that says that there is nothing to keep.
    """
    calendar = calendar_within(work.connection, work.institution_id)
    reading = str(reading_in_force(work.connection, work.institution_id, "discharge_moment"))
    starts_at = row.discharged_at
    if reading == BY_ORDER and ordered_at is not None:
        starts_at = min(ordered_at, starts_at)
    values, clocks = reckon(local(starts_at), calendar)
    store.add_clock(
        work.connection,
        work.institution_id,
        row,
        {
            "starts_at": starts_at,
            "due_on": clocks and clocks.due.due_on,
            "expected_on": clocks and clocks.due.expected_on,
            "target_at": clocks and clocks.target_at,
            "working_days": values and values.working_days,
            "target_hours": values and values.target_hours,
            "calendar_version": calendar.version,
            "rule_version": work.rule_version,
            "moment_reading": reading,
            "cause": cause,
            "set_by": work.act.actor.actor_id,
            "set_at": work.now,
        },
    )


def follow_order(work: UnitOfWork, row: DischargeRow, ordered_at: datetime | None) -> None:
    """Set a new clock where the hospital counts from the physician's order, and that came to be known, or to be
    another, after the discharge."""
    if ordered_at is None:
        return
    if str(reading_in_force(work.connection, work.institution_id, "discharge_moment")) != BY_ORDER:
        return
    if store.clock_start(work.connection, work.institution_id, row) != min(ordered_at, row.discharged_at):
        set_clock(work, row, ordered_at, "ordered")


def recompute_clocks(work: UnitOfWork) -> None:
    """Set a new clock for each open discharge whose due day the calendar of today says differently; the clocks before
    it stay on record. What is settled keeps the day it was held to."""
    calendar = calendar_within(work.connection, work.institution_id)
    for row, clock in store.open_with_clock(work.connection, work.institution_id):
        if clock.calendar_version == calendar.version or clock.expected_on is None:
            continue
        _, clocks = reckon(local(clock.starts_at), calendar)
        if clocks is not None and (clocks.due.due_on, clocks.due.expected_on) != (clock.due_on, clock.expected_on):
            ordered_at = clock.starts_at if clock.starts_at != row.discharged_at else None
            set_clock(work, row, ordered_at, "calendar")
            said = {"due_on": _day(clocks.due.due_on), "before": _day(clock.due_on)}
            work.audit(subject=row.stay_no, detail={"clock": "calendar", **said})


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def reckon(starts_at: datetime, calendar: WorkingDayCalendar) -> tuple[ClockValues | None, Clocks | None]:
    """The values and the clocks of a discharge at ``starts_at`` (Shanghai's time); both ``None`` where no rule was in
    force. One in a year that isn't announced is as provisional as one whose due day lies there."""
    try:
        values = values_on(starts_at.date())
    except NoRuleInForce:
        return None, None
    if calendar.covers(starts_at.date()):
        return values, clocks_of(starts_at, values, calendar)
    return values, clocks_before_the_notice(starts_at, values)

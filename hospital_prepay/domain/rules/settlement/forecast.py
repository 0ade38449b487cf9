"""Which open discharges will probably be late: what is left until the due day's end against what others usually took.

A house rule, made to be explained: working hours are counted from 8 to 18 o'clock on working days, on both sides of
the comparison, and the usual is the median of those settled lately, from the same stage on. It refuses nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import median_low
from typing import Final

from hospital_prepay.domain.calendar import WorkingDayCalendar
from hospital_prepay.domain.clauses import house_rule
from hospital_prepay.domain.rules.settlement.stages import Stage

OPENS: Final = time(8)
CLOSES: Final = time(18)
# House settings: how far back settled discharges are looked at, how many of them, and how many a stage needs.
LOOKS_BACK_DAYS: Final = 90
MOST_LOOKED_AT: Final = 200
LEAST_TAKEN: Final = 5
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
_FURTHEST: Final = 60


@dataclass(frozen=True, slots=True)
class Forecast:
    """At ``now`` (Shanghai's time): the usual working minutes from a stage to the settlement, and up to which due day
    a discharge there will probably be late. A stage that is missing has too few behind it, or time enough."""

    now: datetime
    calendar: WorkingDayCalendar
    usual: Mapping[Stage, int]
    until: Mapping[Stage, date]

    def is_at_risk(self, stage: str, expected_on: date | None) -> bool:
        """Whether a discharge that isn't late yet will probably be."""
        last = self.until.get(Stage(stage))
        return last is not None and expected_on is not None and self.now.date() <= expected_on <= last

    def left(self, due_on: date) -> int:
        """The working minutes until the end of a day."""
        return working_minutes(self.now, _closing(due_on, self.now), self.calendar)


@house_rule
def working_minutes(start: datetime, end: datetime, calendar: WorkingDayCalendar) -> int:
    """The minutes between two moments, wall time of the hospital, that lie in working hours."""
    if end <= start:
        return 0
    if start.date() == end.date():
        return _within(start, end, calendar)
    first = _within(start, _closing(start.date(), start), calendar)
    last = _within(datetime.combine(end.date(), OPENS, end.tzinfo), end, calendar)
    between, day = 0, start.date() + _DAY
    while day < end.date():
        between += calendar.is_probably_working(day)
        day += _DAY
    return first + between * ((CLOSES.hour - OPENS.hour) * 60) + last


@house_rule
def usual_minutes(taken: Iterable[tuple[Stage, int]]) -> dict[Stage, int]:
    """The median of what settled discharges took: a stage, and the working minutes from there to the settlement."""
    by_stage = defaultdict[Stage, list[int]](list)
    for stage, minutes in taken:
        by_stage[stage].append(minutes)
    return {stage: median_low(found) for stage, found in by_stage.items() if len(found) >= LEAST_TAKEN}


@house_rule
def forecast(usual: Mapping[Stage, int], now: datetime, calendar: WorkingDayCalendar) -> Forecast:
    """The forecast at ``now`` by the usual working minutes from each stage."""
    until: dict[Stage, date] = {}
    for stage, minutes in usual.items():
        day = now.date()
        for _ in range(_FURTHEST):
            if working_minutes(now, _closing(day, now), calendar) >= minutes:
                break
            until[stage] = day
            day += _DAY
    return Forecast(now, calendar, usual, until)


def _within(start: datetime, end: datetime, calendar: WorkingDayCalendar) -> int:
    """The part of one day."""
    if not calendar.is_probably_working(start.date()):
        return 0
    opens, closes = datetime.combine(start.date(), OPENS, start.tzinfo), _closing(start.date(), start)
    return max(0, (min(end, closes) - max(start, opens)) // _MINUTE)


def _closing(day: date, like: datetime) -> datetime:
    return datetime.combine(day, CLOSES, like.tzinfo)

"""Which discharges the synthetic hospital had: a week across the last long holiday, and those of these days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random
from typing import Final

from hospital_prepay.clock import SHANGHAI, local
from hospital_prepay.domain.calendar import WorkingDayCalendar, weekday_after
from hospital_prepay.domain.errors import CalendarUnknown
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.rules.settlement.settling import Channel
from hospital_prepay.domain.visits import Disposition
from hospital_prepay.services.demonstration.stays import DemonstrationStay, demonstration_stays

Do = Callable[[datetime], None]
Act = tuple[datetime, Do]
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_LONG: Final = 5
_WEEK_SEED, _NOW_SEED = 1001, 1124
# Numbers of stays at the desk begin at 1 each day.
_WEEK_FIRST, _NOW_FIRST = 501, 701
_OPENS, _CLOSES = time(8, 30), time(17, 30)

# How a discharge goes, by turns: mostly the same day, some on the next working day or the last one, few late.
_PACES: Final = ("same", "same", "next", "same", "due", "same", "next", "same", "late", "same", "same", "next")
# Of those of the last days many still wait, two of them with the insurance for longer than they may.
_NOW_PACES: Final = ("stuck", "due", "stuck", "next", "due", "same", "due", "next")
_DEPOSITS: Final = (60, 80, 100, 50, 90, 70)
_OWN: Final = (45, 70, 85, 75, 40, 95, 60)
_CHANNELS: Final = (Channel.WINDOW, Channel.BEDSIDE, Channel.ONLINE, Channel.WINDOW, Channel.BEDSIDE)
# Somebody died, somebody went to another hospital, somebody left and wasn't seen again.
_DISPOSITIONS: Final = {4: Disposition.DIED, 9: Disposition.TRANSFERRED, 14: Disposition.AGAINST_ADVICE}
_TENDERS: Final = (Tender.WECHAT, Tender.CASH, Tender.ALIPAY, Tender.CARD)


@dataclass(frozen=True, slots=True)
class PlannedDischarge:
    """A fictional inpatient who went home. ``deposit`` and ``own`` are hundredths of the cap: what was paid ahead,
    and what the patient bears in the end. ``settled_at`` is when the cashier had everything."""

    index: int
    stay: DemonstrationStay
    discharged_at: datetime
    settled_at: datetime
    pace: str
    deposit: int
    own: int
    tender: Tender
    channel: Channel
    disposition: Disposition = Disposition.ORDERED

    def between(self, part: float) -> datetime:
        """A moment in office hours on the way from the discharge to its settlement."""
        moment = self.discharged_at + (self.settled_at - self.discharged_at) * part
        return min(max(in_office(moment), self.discharged_at), self.settled_at)


def planned_discharges(begun: datetime, week: int, now: int, calendar: WorkingDayCalendar) -> list[PlannedDischarge]:
    """``week`` discharges around the last long holiday before ``begun``, and ``now`` of its last days."""
    first, last = last_long_holiday(begun, calendar)
    from_, to = first - 4 * _DAY, last + 2 * _DAY
    return [
        *_spread(week, from_, to, calendar, _WEEK_SEED, _WEEK_FIRST, _PACES),
        *_spread(now, begun - 6 * _DAY, begun, calendar, _NOW_SEED, _NOW_FIRST, _NOW_PACES),
    ]


def last_long_holiday(begun: datetime, calendar: WorkingDayCalendar) -> tuple[datetime, datetime]:
    """The first and the last day of the newest holiday of five days or more that had ended two weeks before."""
    day = min(local(begun).date() - 14 * _DAY, calendar.last_day)
    run = 0
    while day > calendar.first_day:
        run = 0 if calendar.is_working_day(day) else run + 1
        if run >= _LONG and calendar.is_working_day(day - _DAY):
            first = datetime.combine(day, _OPENS, SHANGHAI)
            return first, first + (run - 1) * _DAY
        day -= _DAY
    raise CalendarUnknown("放假安排里没有长假，演示没有出院的一周。")


def in_office(moment: datetime) -> datetime:
    """The moment, or the nearest one of the same day at which offices work."""
    at = local(moment)
    return datetime.combine(at.date(), min(max(at.time(), _OPENS), _CLOSES), SHANGHAI)


def _spread(
    number: int,
    from_: datetime,
    to: datetime,
    calendar: WorkingDayCalendar,
    seed: int,
    first: int,
    paces: Sequence[str],
) -> list[PlannedDischarge]:
    rng = Random(seed)
    planned = []
    for index, stay in enumerate(demonstration_stays(number, to - 3 * _DAY, seed, first)):
        span = (to - from_) * (index + rng.random()) / number
        discharged_at = in_office(max(from_ + span, stay.admitted_at + 2 * _DAY)).replace(second=0, microsecond=0)
        pace = paces[index % len(paces)]
        settled_at = _settled_at(discharged_at, pace, calendar, rng)
        planned.append(
            PlannedDischarge(
                first + index,
                stay,
                discharged_at,
                settled_at,
                pace,
                _DEPOSITS[index % len(_DEPOSITS)],
                _OWN[index % len(_OWN)],
                _TENDERS[index % len(_TENDERS)],
                _CHANNELS[index % len(_CHANNELS)],
                _DISPOSITIONS.get(index, Disposition.ORDERED),
            )
        )
    return planned


def _settled_at(discharged_at: datetime, pace: str, calendar: WorkingDayCalendar, rng: Random) -> datetime:
    """When everything was there: the same day also on holidays, else as working days come."""
    day = local(discharged_at).date()
    if pace == "same":
        return discharged_at + _HOUR * (2 + rng.random() * 3)
    days = {"next": 1, "due": 3, "late": 4 + rng.randrange(2), "stuck": 12}[pace]
    on = calendar.due(day, days).expected_on if calendar.covers(day) else weekday_after(day, days)
    return datetime.combine(on, time(10 + rng.randrange(5), rng.randrange(60)), SHANGHAI)

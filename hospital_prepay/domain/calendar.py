"""Working days, counted only where the State Council has announced them.

Each year's notice moves holidays and make-up weekends, so nothing is guessed: a day of a year without a notice is
unknown, and a deadline that needs one is provisional. The calendar is a value built from the announced years; one
byte a day makes counting cheap, and a table per number of working days answers a million deadlines at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Final

from hospital_prepay.domain.errors import CalendarUnknown, MalformedInput

# Forty years of working days: beyond any deadline, short of the end of the date type.
MAX_WORKING_DAYS: Final = 10_000
# From 2025 on these days are off by law in every year; a notice without one of them is cut short.
_ALWAYS_OFF: Final = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))
_ALWAYS_OFF_SINCE: Final = 2025
_SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)


class WrongSchedule(MalformedInput):
    """A holiday schedule contradicts itself or is cut short."""

    code = "wrong_schedule"


@dataclass(frozen=True, slots=True)
class AnnouncedYear:
    """One year's notice: holidays off and make-up working days, each with the name of its festival.

    A notice may reach back into the last December days of the year before, when New Year's Day makes a long weekend
    (2018-12-29 was a working Saturday by the notice for 2019). Raises :class:`WrongSchedule`.
    """

    year: int
    off: Mapping[date, str]
    work: Mapping[date, str]
    source: str

    def __post_init__(self) -> None:
        for day in (*self.off, *self.work):
            if not self.speaks_of(self.year, day):
                raise WrongSchedule(f"{day} 不在 {self.year} 年的安排之内，请核对年份。")
        for day in self.work:
            if day in self.off:
                raise WrongSchedule(f"{day} 既是放假又是上班，请只保留一种。")
            if day.weekday() < _SATURDAY:
                raise WrongSchedule(f"{day} 不是周末，不会是调休上班日，请核对。")
        self._check_complete()

    @staticmethod
    def speaks_of(year: int, day: date) -> bool:
        """Whether the notice for ``year`` can speak of ``day``."""
        return day.year == year or (day.year == year - 1 and day.month == 12)

    def _check_complete(self) -> None:
        if self.year >= _ALWAYS_OFF_SINCE:
            for month, day_of_month in _ALWAYS_OFF:
                day = date(self.year, month, day_of_month)
                if day not in self.off:
                    raise WrongSchedule(f"缺少 {day}：这一天依法放假，请补全全年安排。")
        if len(self.work) > sum(day.weekday() < _SATURDAY for day in self.off):
            raise WrongSchedule(f"{self.year} 年调休上班的日子多于放假的工作日，请核对。")


@dataclass(frozen=True, slots=True)
class DueDay:
    """The N-th working day after a day, which itself is day 0.

    ``provisional`` when a day on the way lies in an unannounced year: then ``due_on`` is ``None``, ``working_days``
    holds the known ones, and ``expected_on`` is an estimate from weekdays that must be called one wherever it shows.
    """

    from_: date
    due_on: date | None
    provisional: bool
    expected_on: date
    working_days: tuple[date, ...]


@dataclass(frozen=True, eq=False)
class WorkingDayCalendar:
    """Working days of consecutive announced years. Raises :class:`WrongSchedule` when a year between is missing."""

    years: Mapping[int, AnnouncedYear]
    _due_tables: dict[int, list[int]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.years:
            raise WrongSchedule("还没有放假安排，请先导入一年的安排。")
        for year in range(min(self.years), max(self.years)):
            if year not in self.years:
                raise WrongSchedule(f"缺少 {year} 年的放假安排，请先导入这一年。")
        for year, announced in self.years.items():
            if year != announced.year:
                raise WrongSchedule(f"{announced.year} 年的放假安排放在了 {year} 年，请核对年份。")

    @cached_property
    def first_day(self) -> date:
        """The first day that is known."""
        return date(min(self.years), 1, 1)

    @cached_property
    def last_day(self) -> date:
        """The last day that is known; late December is firm only until the next notice comes."""
        return date(max(self.years), 12, 31)

    @cached_property
    def version(self) -> str:
        """SHA-256 over every announced day: two calendars with the same version count alike."""
        rows = [f"year {year}" for year in sorted(self.years)]
        for year in sorted(self.years):
            rows += sorted(f"{day} off" for day in self.years[year].off)
            rows += sorted(f"{day} work" for day in self.years[year].work)
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()

    @cached_property
    def _table(self) -> bytes:
        """One byte a day from the first known one: 1 for a working day."""
        base = self.first_day.toordinal()
        ordinals = range(base, self.last_day.toordinal() + 1)
        table = bytearray(date.fromordinal(ordinal).weekday() < _SATURDAY for ordinal in ordinals)
        for year in sorted(self.years):
            announced = self.years[year]
            for days, flag in ((announced.off, 0), (announced.work, 1)):
                for day in days:
                    if day >= self.first_day:
                        table[day.toordinal() - base] = flag
        return bytes(table)

    def covers(self, day: date) -> bool:
        """Whether ``day`` lies in an announced year."""
        return self.first_day <= day <= self.last_day

    def is_working_day(self, day: date) -> bool:
        """Whether offices work on ``day``. Raises :class:`CalendarUnknown` outside the announced years."""
        if not self.covers(day):
            raise self._unknown(day)
        return bool(self._table[(day - self.first_day).days])

    def is_probably_working(self, day: date) -> bool:
        """The same with an estimate, Monday to Friday, outside the announced years."""
        return self.is_working_day(day) if self.covers(day) else day.weekday() < _SATURDAY

    def is_holiday(self, day: date) -> bool:
        """Whether a notice gives ``day`` off; an ordinary weekend isn't one. Raises as
        :meth:`is_working_day` does."""
        return not self.is_working_day(day) and self.name_of(day) is not None

    def name_of(self, day: date) -> str | None:
        """The festival that makes ``day`` a holiday or a make-up working day, or ``None`` on any other day."""
        for year in (day.year + 1, day.year):
            announced = self.years.get(year)
            if announced and day in announced.off:
                return announced.off[day]
            if announced and day in announced.work:
                return announced.work[day]
        return None

    def due(self, from_day: date, working_days: int) -> DueDay:
        """The ``working_days``-th working day after ``from_day``.

        Raises :class:`CalendarUnknown` when ``from_day`` isn't known, :class:`MalformedInput` for a number below 1
        or above :data:`MAX_WORKING_DAYS`.
        """
        _check_number(working_days)
        if not self.covers(from_day):
            raise self._unknown(from_day)
        known: list[date] = []
        day = from_day
        while len(known) < working_days and day < self.last_day:
            day += _DAY
            if self.is_working_day(day):
                known.append(day)
        if len(known) == working_days:
            return DueDay(from_day, day, False, day, tuple(known))
        return DueDay(from_day, None, True, weekday_after(day, working_days - len(known)), tuple(known))

    def count_working_days(self, after: date, through: date) -> int:
        """How many working days there are after ``after`` up to ``through``, which counts; 0 when it isn't later.

        Raises :class:`CalendarUnknown` where a day between isn't known.
        """
        if through <= after:
            return 0
        for edge in (after, through):
            if not self.covers(edge):
                raise self._unknown(edge)
        base = self.first_day
        return sum(self._table[(after - base).days + 1 : (through - base).days + 1])

    def due_many(self, from_ordinals: Sequence[int], working_days: int) -> list[int]:
        """Proleptic ordinals of the due days of many days at once; 0 stands for a provisional one.

        Raises as :meth:`due` does. The cost of a day is one look-up in a table made once for each ``working_days``.
        """
        _check_number(working_days)
        if not from_ordinals:
            return []
        base = self.first_day.toordinal()
        # Checked as a whole first: a day before the first one would silently read the table from its end.
        for edge in (min(from_ordinals), max(from_ordinals)):
            if not 0 <= edge - base < len(self._table):
                raise self._unknown(date.fromordinal(edge))
        table = self._due_table(working_days)
        return [table[ordinal - base] for ordinal in from_ordinals]

    def _due_table(self, working_days: int) -> list[int]:
        table = self._due_tables.get(working_days)
        if table is None:
            base = self.first_day.toordinal()
            working = [base + index for index, flag in enumerate(self._table) if flag]
            table, passed = [], 0
            for flag in self._table:
                passed += flag
                due_index = passed + working_days - 1
                table.append(working[due_index] if due_index < len(working) else 0)
            self._due_tables[working_days] = table
        return table

    def _unknown(self, day: date) -> CalendarUnknown:
        return CalendarUnknown(
            f"没有 {day.year} 年的放假安排，算不出工作日。已有 {self.first_day.year}–{self.last_day.year} 年。",
            details={"day": day.isoformat()},
        )


def calendar_of(years: Iterable[AnnouncedYear]) -> WorkingDayCalendar:
    """The calendar of these notices; of two for the same year the later one counts."""
    return WorkingDayCalendar({announced.year: announced for announced in years})


def _check_number(working_days: int) -> None:
    if not 1 <= working_days <= MAX_WORKING_DAYS:
        raise MalformedInput(f"工作日数应在 1 到 {MAX_WORKING_DAYS} 之间，例如 3。")


def weekday_after(day: date, number: int) -> date:
    """The ``number``-th Monday-to-Friday day after ``day``: an estimate, no holiday is known there."""
    while number:
        day += _DAY
        number -= day.weekday() < _SATURDAY
    return day

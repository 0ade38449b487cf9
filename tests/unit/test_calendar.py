from __future__ import annotations

from datetime import date, timedelta

import chinese_calendar
import pytest
from chinese_calendar import constants

from hospital_prepay.domain.calendar import (
    MAX_WORKING_DAYS,
    AnnouncedYear,
    WorkingDayCalendar,
    WrongSchedule,
    calendar_of,
)
from hospital_prepay.domain.errors import CalendarUnknown, MalformedInput
from hospital_prepay.rulebook.holidays import announced_years, working_day_calendar

CALENDAR = working_day_calendar()
EVERY_DAY = [date(2025, 1, 1) + timedelta(days=index) for index in range(730)]


def scan(day: date, working_days: int) -> date:
    """The slow way: day by day with another library's data."""
    while working_days:
        day += timedelta(days=1)
        working_days -= chinese_calendar.is_workday(day)
    return day


def test_every_day_of_2025_and_2026_agrees_with_chinesecalendar() -> None:
    assert EVERY_DAY[-1] == date(2026, 12, 31)
    assert [day for day in EVERY_DAY if CALENDAR.is_working_day(day) is not chinese_calendar.is_workday(day)] == []


def test_names_are_the_festivals_of_the_notice() -> None:
    assert CALENDAR.name_of(date(2025, 10, 6)) == "中秋节"
    assert CALENDAR.name_of(date(2026, 2, 14)) == "春节"
    assert CALENDAR.name_of(date(2026, 3, 2)) is None


@pytest.mark.parametrize(
    ("from_day", "due_on"),
    [
        ("2025-09-26", "2025-09-30"),
        ("2025-09-27", "2025-09-30"),
        ("2025-09-30", "2025-10-11"),
        ("2025-10-01", "2025-10-11"),
        ("2025-12-31", "2026-01-06"),
        ("2026-02-13", "2026-02-25"),
        ("2026-02-14", "2026-02-26"),
        ("2026-04-03", "2026-04-09"),
        ("2026-09-30", "2026-10-10"),
        ("2026-12-28", "2026-12-31"),
    ],
)
def test_the_third_working_day_after_a_discharge(from_day: str, due_on: str) -> None:
    answer = CALENDAR.due(date.fromisoformat(from_day), 3)
    assert answer.due_on == answer.expected_on == date.fromisoformat(due_on)
    assert not answer.provisional
    assert answer.working_days[-1] == answer.due_on
    assert len(answer.working_days) == 3
    assert answer.from_ not in answer.working_days


def test_a_deadline_that_needs_an_unannounced_year_is_provisional() -> None:
    answer = CALENDAR.due(date(2026, 12, 29), 3)
    assert answer.provisional
    assert answer.due_on is None
    assert answer.working_days == (date(2026, 12, 30), date(2026, 12, 31))
    assert answer.expected_on == date(2027, 1, 1)


def test_the_estimate_leaves_out_weekends() -> None:
    answer = CALENDAR.due(date(2026, 12, 31), 3)
    assert answer.working_days == ()
    assert answer.expected_on == date(2027, 1, 5)


def test_a_provisional_deadline_is_firm_once_the_notice_is_loaded() -> None:
    with_2027 = calendar_of([*announced_years().values(), year_2027()])
    assert with_2027.due(date(2026, 12, 29), 3).due_on == date(2027, 1, 4)
    assert with_2027.version != CALENDAR.version


@pytest.mark.parametrize("day", [date(2024, 12, 31), date(2027, 1, 1)])
def test_a_day_outside_the_announced_years_is_an_error(day: date) -> None:
    with pytest.raises(CalendarUnknown, match=str(day.year)):
        CALENDAR.is_working_day(day)
    with pytest.raises(CalendarUnknown):
        CALENDAR.due(day, 3)
    with pytest.raises(CalendarUnknown):
        CALENDAR.due_many([date(2025, 6, 1).toordinal(), day.toordinal()], 3)


@pytest.mark.parametrize("working_days", [0, -1, MAX_WORKING_DAYS + 1])
def test_a_number_of_working_days_out_of_range_is_an_error(working_days: int) -> None:
    with pytest.raises(MalformedInput):
        CALENDAR.due(date(2025, 1, 1), working_days)
    with pytest.raises(MalformedInput):
        CALENDAR.due_many([], working_days)


@pytest.mark.parametrize("working_days", [1, 3, 5, 40])
def test_counting_in_bulk_gives_what_counting_day_by_day_gives(working_days: int) -> None:
    bulk = CALENDAR.due_many([day.toordinal() for day in EVERY_DAY], working_days)
    single = [CALENDAR.due(day, working_days).due_on for day in EVERY_DAY]
    assert bulk == [0 if due_on is None else due_on.toordinal() for due_on in single]
    assert single[:600] == [scan(day, working_days) for day in EVERY_DAY[:600]]
    assert single[-1] is None


def test_the_version_depends_on_the_days_and_on_nothing_else() -> None:
    reordered = calendar_of(reversed(announced_years().values()))
    assert reordered.version == CALENDAR.version
    only_2026 = calendar_of([announced_years()[2026]])
    assert only_2026.version != CALENDAR.version


def test_a_missing_year_between_is_an_error() -> None:
    with pytest.raises(WrongSchedule, match="2026"):
        calendar_of([announced_years()[2025], year_2027()])
    with pytest.raises(WrongSchedule):
        WorkingDayCalendar({})
    with pytest.raises(WrongSchedule, match="2025"):
        WorkingDayCalendar({2024: announced_years()[2025]})


def test_a_notice_may_move_the_last_december_days_of_the_year_before() -> None:
    old = {year: notice_of(year) for year in (2018, 2019)}
    saturday, monday = date(2018, 12, 29), date(2018, 12, 31)
    before = calendar_of([old[2018]])
    assert (before.is_working_day(saturday), before.is_working_day(monday)) == (False, True)
    both = calendar_of(old.values())
    assert (both.is_working_day(saturday), both.is_working_day(monday)) == (True, False)
    assert both.name_of(saturday)
    for index in range(730):
        day = date(2018, 1, 1) + timedelta(days=index)
        assert both.is_working_day(day) is chinese_calendar.is_workday(day), day


@pytest.mark.parametrize(
    ("off", "work", "message"),
    [
        ({date(2028, 1, 1): "元旦"}, {}, "不在 2027"),
        ({date(2026, 11, 30): "元旦"}, {}, "不在 2027"),
        ({}, {date(2027, 1, 2): "元旦"}, "既是放假又是上班"),
        ({}, {date(2027, 3, 1): "元旦"}, "不是周末"),
        ({date(2027, 10, 3): None}, {}, "缺少 2027-10-03"),
    ],
)
def test_a_schedule_that_contradicts_itself_is_refused(
    off: dict[date, str | None], work: dict[date, str], message: str
) -> None:
    days = {**year_2027().off, **off}
    with pytest.raises(WrongSchedule, match=message):
        AnnouncedYear(2027, {day: name for day, name in days.items() if name}, work, "synthetic")


def test_more_make_up_days_than_days_off_are_refused() -> None:
    weekends = [date(2027, 3, 6) + timedelta(weeks=index) for index in range(7)]
    with pytest.raises(WrongSchedule, match="多于"):
        AnnouncedYear(2027, year_2027().off, dict.fromkeys(weekends, "春节"), "synthetic")


def year_2027() -> AnnouncedYear:
    """A synthetic notice: 1 to 3 January, the first days of May and October."""
    days = [(1, 1), (1, 2), (1, 3), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)]
    return AnnouncedYear(2027, {date(2027, *day): "节日" for day in days}, {}, "synthetic")


def notice_of(year: int) -> AnnouncedYear:
    """What chinesecalendar knows of a year; the days from 29 December on came with the next year's notice."""

    def of_the_year(days: dict[date, str]) -> dict[date, str]:
        return {d: n for d, n in days.items() if date(year - 1, 12, 29) <= d < date(year, 12, 29)}

    return AnnouncedYear(year, of_the_year(constants.holidays), of_the_year(constants.workdays), "chinesecalendar")

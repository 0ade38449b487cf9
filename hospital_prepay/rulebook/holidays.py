"""The State Council's holiday schedules that come with the program.

A file ``calendar/cn-YYYY.yaml`` holds one notice: ``year``, ``source`` and ``holidays``, each with a ``name``, the
first and last day off (``from``, ``to``) and, where there are some, the make-up working days (``work``). Any other
key, a key given twice and a day given twice stop loading.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from hospital_prepay.domain.calendar import AnnouncedYear, WorkingDayCalendar, WrongSchedule, calendar_of
from hospital_prepay.domain.errors import RulebookFault

_YEAR_KEYS = {"year", "source", "holidays"}
_HOLIDAY_KEYS = {"name", "from", "to"}
_LONGEST_HOLIDAY = 15


class _StrictLoader(yaml.SafeLoader):
    """Plain YAML would let the second of two equal keys win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


@cache
def announced_years() -> Mapping[int, AnnouncedYear]:
    """The notices that come with the program, by year. Raises :class:`RulebookFault`."""
    found: dict[int, AnnouncedYear] = {}
    folder = files("hospital_prepay.rulebook") / "calendar"
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".yaml"):
            announced = read_announced_year(entry.read_text("utf-8"), entry.name)
            if entry.name != f"cn-{announced.year}.yaml":
                raise _fault(entry.name, "the name and the year differ")
            found[announced.year] = announced
    return found


@cache
def working_day_calendar() -> WorkingDayCalendar:
    """The calendar of :func:`announced_years`."""
    return calendar_of(announced_years().values())


def read_announced_year(text: str, file_name: str) -> AnnouncedYear:
    """Read one file. Raises :class:`RulebookFault` that names it."""
    try:
        # The loader derives from SafeLoader: it builds plain values only.
        content = yaml.load(text, _StrictLoader)
    except yaml.YAMLError as error:
        raise _fault(file_name, str(error)) from error
    _check_keys(content, _YEAR_KEYS, _YEAR_KEYS, file_name)
    year, source, holidays = content["year"], content["source"], content["holidays"]
    if not (type(year) is int and isinstance(source, str) and source and isinstance(holidays, list)):
        raise _fault(file_name, "year, source and holidays are a number, a text and a list")
    off: dict[date, str] = {}
    work: dict[date, str] = {}
    for holiday in holidays:
        _check_keys(holiday, _HOLIDAY_KEYS, _HOLIDAY_KEYS | {"work"}, file_name)
        _add_once(off, _days_off(holiday, file_name), holiday["name"], file_name)
        _add_once(work, _days_at_work(holiday, file_name), holiday["name"], file_name)
    try:
        return AnnouncedYear(year, off, work, source)
    except WrongSchedule as error:
        raise _fault(file_name, error.message) from error


def _check_keys(content: object, required: set[str], allowed: set[str], file_name: str) -> None:
    if not isinstance(content, dict) or not required <= content.keys() <= allowed:
        raise _fault(file_name, f"expected the keys {', '.join(sorted(allowed))}")


def _days_off(holiday: Mapping[str, Any], file_name: str) -> Iterator[date]:
    first, last = holiday["from"], holiday["to"]
    if not (_is_day(first) and _is_day(last) and 0 <= (last - first).days < _LONGEST_HOLIDAY):
        raise _fault(file_name, f"{first} to {last} is no holiday")
    return (first + timedelta(days=index) for index in range((last - first).days + 1))


def _days_at_work(holiday: Mapping[str, Any], file_name: str) -> list[date]:
    days = holiday.get("work", [])
    if not isinstance(days, list) or not all(map(_is_day, days)):
        raise _fault(file_name, "work is a list of days")
    return days


def _add_once(days: dict[date, str], new: Iterator[date] | list[date], name: object, file_name: str) -> None:
    if not isinstance(name, str) or not name:
        raise _fault(file_name, "a holiday has a name")
    for day in new:
        if day in days:
            raise _fault(file_name, f"{day} stands twice")
        days[day] = name


def _is_day(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _fault(file_name: str, problem: str) -> RulebookFault:
    # The sentence is for people; what is wrong with the file is for whoever edits it.
    return RulebookFault(
        "放假安排文件有误，请联系系统管理员。", details={"file": f"calendar/{file_name}", "problem": problem}
    )

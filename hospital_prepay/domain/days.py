"""Days as files write them.

Hospital systems write the same day in many ways; all of them are read here, and nothing that isn't a day of the
calendar passes.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from typing import Final

from hospital_prepay.domain.errors import MalformedInput

# China has kept one offset without summer time since 1991.
_SHANGHAI: Final = timezone(timedelta(hours=8))

_DAY = r"(?P<y>[0-9]{4})(?:-(?P<m1>[0-9]{1,2})-(?P<d1>[0-9]{1,2})|/(?P<m2>[0-9]{1,2})/(?P<d2>[0-9]{1,2})"
_DAY += r"|年(?P<m3>[0-9]{1,2})月(?P<d3>[0-9]{1,2})日|(?P<m4>[0-9]{2})(?P<d4>[0-9]{2}))"
_TIME = r"(?P<H>[0-9]{1,2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:\.[0-9]{1,9})?)?"
_OFFSET = r"(?: ?(?P<utc>[Zz])| ?(?P<sign>[+-])(?P<oh>[0-9]{2}):?(?P<om>[0-9]{2}))?"
_TEXT = re.compile(rf"{_DAY}(?:(?:[Tt]| ?){_TIME}{_OFFSET})?", re.ASCII)
_COMPACT = re.compile(
    r"(?P<y>[0-9]{4})(?P<m4>[0-9]{2})(?P<d4>[0-9]{2})[Tt]?(?P<H>[0-9]{2})(?P<M>[0-9]{2})(?P<S>[0-9]{2})?", re.ASCII
)

# The code of a row of a file that was taken although a day of it can't be read.
UNREADABLE_DAY: Final = "unreadable_day"


class NotADate(MalformedInput):
    """The text is no day of the calendar."""

    code = "not_a_date"


# The first and the last year of the calendar whose every moment exists in every time zone.
_FIRST_YEAR, _LAST_YEAR = 2, 9998


def day_of(text: str) -> date:
    """The day in Shanghai that ``text`` names, with or without a time of day and an offset.

    Reads ``2024-01-02``, ``2024/1/2``, ``2024年1月2日``, ``20240102`` and each of them with a time. A time without
    an offset is Shanghai's. Raises :class:`NotADate`, also for days and times that don't exist.
    """
    return _read(text).date()


def moment_of(text: str) -> datetime:
    """The moment in Shanghai's time that ``text`` names, midnight where it has no time of day. Reads what
    :func:`day_of` reads, and raises what it raises; also for the calendar's first and last year, whose every moment
    doesn't exist in every time zone."""
    moment = _read(text)
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise _not_a_date(text)
    return moment


def _read(text: str) -> datetime:
    key = text.strip()
    match = _COMPACT.fullmatch(key) or _TEXT.fullmatch(key)
    if match:
        try:
            return _moment(match.groupdict())
        except (ValueError, OverflowError):
            pass
    raise _not_a_date(text)


def _not_a_date(text: str) -> NotADate:
    return NotADate(f"“{text.strip()[:40]}”不是有效的日期。请写成 2024-01-02 这样的日期。")


def has_time(text: str) -> bool:
    """Whether ``text`` names a time of day beside its day."""
    key = text.strip()
    match = _TEXT.fullmatch(key)
    return _COMPACT.fullmatch(key) is not None or (match is not None and match["H"] is not None)


def years_after(day: date, years: int) -> date:
    """The same day ``years`` later; 28 February where there is no 29th. The last day there is, past the calendar."""
    year = day.year + years
    if year > date.max.year:
        return date.max
    return date(year, 2, 28) if (day.month, day.day) == (2, 29) else day.replace(year=year)


def _moment(part: dict[str, str | None]) -> datetime:
    month, day = next((part[f"m{i}"], part[f"d{i}"]) for i in "1234" if part.get(f"m{i}"))
    moment = datetime(  # noqa: DTZ001 - the offset is added below, when the text carries one
        int(part["y"] or 0),
        int(month or 0),
        int(day or 0),
        int(part["H"] or 0),
        int(part["M"] or 0),
        int(part["S"] or 0),
    )
    return moment.replace(tzinfo=_offset(part) or _SHANGHAI).astimezone(_SHANGHAI)


def _offset(part: dict[str, str | None]) -> timezone | None:
    if part.get("utc"):
        return timezone(timedelta(0))
    if not part.get("sign"):
        return None
    hours, minutes = int(part["oh"] or 0), int(part["om"] or 0)
    if minutes > 59:
        raise ValueError("an offset has at most 59 minutes")
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if part["sign"] == "-" else span)

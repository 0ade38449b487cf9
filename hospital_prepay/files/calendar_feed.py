"""All-day events as iCalendar (RFC 5545), for the calendars that people have on their telephones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from icalendar import Alarm, Calendar, Event


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event. ``uid`` stays the same as long as it is the same thing; ``tentative`` where the day isn't firm;
    ``alarms`` so many days before."""

    uid: str
    on: date
    title: str
    text: str
    tentative: bool
    alarms: tuple[int, ...]


def calendar_feed(name: str, events: Iterable[FeedEvent], stamped_at: datetime) -> bytes:
    """The calendar as bytes. ``stamped_at`` is aware."""
    calendar = Calendar()
    calendar.add("prodid", "-//hospital-prepay//fund duties//ZH")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    for one in events:
        calendar.add_component(_event(one, stamped_at))
    content: bytes = calendar.to_ical()
    return content


def _event(one: FeedEvent, stamped_at: datetime) -> Event:
    event = Event()
    event.add("uid", one.uid)
    event.add("dtstamp", stamped_at)
    event.add("dtstart", one.on)
    event.add("dtend", one.on + timedelta(days=1))
    event.add("summary", one.title)
    event.add("description", one.text)
    event.add("status", "TENTATIVE" if one.tentative else "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    for days in one.alarms:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", one.title)
        alarm.add("trigger", timedelta(days=-days))
        event.add_component(alarm)
    return event

"""The working-day calendar of a hospital: the notices that come with the program, and those it imported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.calendar import AnnouncedYear, WorkingDayCalendar, calendar_of
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.files.holiday_notice import read_holiday_notice
from hospital_prepay.persistence import choices
from hospital_prepay.persistence.choices import ImportedYear
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.rulebook.holidays import announced_years, working_day_calendar
from hospital_prepay.services.context import Context


@dataclass(frozen=True, slots=True)
class KnownYear:
    """A year whose days are known; nobody is named for those that come with the program."""

    announced: AnnouncedYear
    imported_by: str | None
    imported_at: datetime | None


def known_years(context: Context, institution_id: str) -> dict[int, KnownYear]:
    """Every year that is known; an imported notice counts before the one that comes with the program."""
    with context.database.reading() as connection:
        imported = choices.imported_years(connection, institution_id)
        names = people.names(connection, institution_id)
    shipped = {year: KnownYear(announced, None, None) for year, announced in announced_years().items()}
    own = {
        year: KnownYear(one.announced, names.get(one.imported_by, one.imported_by), one.imported_at)
        for year, one in imported.items()
    }
    return dict(sorted((shipped | own).items()))


def working_days(context: Context, institution_id: str) -> WorkingDayCalendar:
    """The calendar by which this hospital's deadlines are counted."""
    return calendar_of(one.announced for one in known_years(context, institution_id).values())


def calendar_within(connection: Connection, institution_id: str) -> WorkingDayCalendar:
    """The same calendar, on a connection that is open already."""
    imported = choices.imported_years(connection, institution_id)
    if not imported:
        return working_day_calendar()
    return calendar_of({**announced_years(), **{year: one.announced for year, one in imported.items()}}.values())


def check_notice(context: Context, actor: Actor, content: bytes, source: str) -> AnnouncedYear:
    """Read a notice without storing it, and see that the calendar holds together with it.

    Raises what :func:`~hospital_prepay.files.holiday_notice.read_holiday_notice` raises, and
    :class:`~hospital_prepay.domain.calendar.WrongSchedule` when a year between would be missing.
    """
    actor.require(Permission.CALENDAR_MANAGE)
    announced = read_holiday_notice(content, source)
    calendar_of([*(one.announced for one in known_years(context, actor.institution_id).values()), announced])
    return announced


def import_year(context: Context, actor: Actor, announced: AnnouncedYear, then: Callable[[UnitOfWork], None]) -> None:
    """Store a checked notice. Needs ``calendar.manage``. Raises :class:`Conflict` when it is known already.

    Deadlines that waited for the year are recomputed from then on, those that are kept by ``then`` in the same act;
    decisions already taken stay as they are.
    """
    with context.work(actor, "calendar.import", f"year:{announced.year}") as work:
        actor.require(Permission.CALENDAR_MANAGE)
        imported = choices.imported_years(work.connection, actor.institution_id)
        known = {year: one.announced for year, one in imported.items()}
        calendar_of([*{**announced_years(), **known}.values(), announced])
        if known.get(announced.year) == announced:
            raise Conflict(f"{announced.year} 年的安排已经导入过了，内容一样。")
        newest = imported[announced.year].version_no if announced.year in imported else 0
        year = ImportedYear(announced, newest + 1, actor.actor_id, work.now)
        choices.add_year(work.connection, actor.institution_id, year)
        work.audit(detail={"source": announced.source, "off": len(announced.off), "work": len(announced.work)})
        then(work)

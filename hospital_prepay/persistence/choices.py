"""What the hospital chose: named readings, and the holiday schedules it imported. Rows are only ever added."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy import orm

from hospital_prepay.domain.calendar import AnnouncedYear
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.persistence.models.publication import AnnouncedYearRecord, SettingValue
from hospital_prepay.persistence.query import Query


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting as last chosen."""

    name: str
    version_no: int
    value: str
    ground: str
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class ImportedYear:
    """A year's schedule with who imported it."""

    announced: AnnouncedYear
    version_no: int
    imported_by: str
    imported_at: datetime


def newest_settings(connection: sa.Connection, institution_id: str) -> dict[str, SettingRow]:
    """The choice that holds for each setting that was ever changed."""
    table = SettingValue.__table__
    names = tuple(SettingRow.__dataclass_fields__)
    query = (
        sa.select(*(table.c[name] for name in names))
        .where(table.c.institution_id == institution_id)
        .order_by(table.c.version_no)
    )
    return {row.name: SettingRow(**row._mapping) for row in connection.execute(query)}


def chosen_settings(institution_id: sa.ColumnElement[str]) -> sa.ScalarSelect[str | None]:
    """The same as a column of a statement that reads facts anyway; :func:`values_of` reads it."""
    newer = orm.aliased(SettingValue)
    overtaken = sa.exists().where(
        newer.institution_id == SettingValue.institution_id,
        newer.name == SettingValue.name,
        newer.version_no > SettingValue.version_no,
    )
    lines = sa.func.aggregate_strings(SettingValue.name + "=" + SettingValue.value, "\n")
    return sa.select(lines).where(SettingValue.institution_id == institution_id, ~overtaken).scalar_subquery()


def values_of(chosen: str | None) -> dict[str, str]:
    """What :func:`chosen_settings` found: the value by name."""
    return dict(line.split("=", 1) for line in (chosen or "").splitlines())


def add_setting(connection: sa.Connection, institution_id: str, row: SettingRow) -> None:
    """Store a choice. Raises :class:`Conflict` when somebody chose at the same moment."""
    values = {name: getattr(row, name) for name in SettingRow.__dataclass_fields__}
    try:
        connection.execute(sa.insert(SettingValue).values(values | {"institution_id": institution_id}))
    except sa.exc.IntegrityError as error:
        raise Conflict("另一个人刚改了这一项。请刷新后再看。") from error


def imported_years(connection: sa.Connection, institution_id: str) -> dict[int, ImportedYear]:
    """The schedule that holds for each year that was ever imported."""
    found = {}
    for year, days, source, *imported in _IMPORTED_YEARS.all(connection, institution=institution_id):
        off, work = ({date.fromisoformat(day): name for day, name in days[kind].items()} for kind in ("off", "work"))
        found[year] = ImportedYear(AnnouncedYear(year, off, work, source), *imported)
    return found


_IMPORTED_YEARS: Final = Query(
    sa.select(
        AnnouncedYearRecord.year,
        AnnouncedYearRecord.days,
        AnnouncedYearRecord.source,
        AnnouncedYearRecord.version_no,
        AnnouncedYearRecord.imported_by,
        AnnouncedYearRecord.imported_at,
    )
    .where(AnnouncedYearRecord.institution_id == sa.bindparam("institution"))
    .order_by(AnnouncedYearRecord.version_no)
)


def add_year(connection: sa.Connection, institution_id: str, year: ImportedYear) -> None:
    """Store a schedule. Raises :class:`Conflict` when somebody imported the same year at the same moment."""
    announced = year.announced
    days = {
        kind: {day.isoformat(): name for day, name in found.items()}
        for kind, found in (("off", announced.off), ("work", announced.work))
    }
    values = {
        "institution_id": institution_id,
        "year": announced.year,
        "version_no": year.version_no,
        "days": days,
        "source": announced.source,
        "imported_by": year.imported_by,
        "imported_at": year.imported_at,
    }
    try:
        connection.execute(sa.insert(AnnouncedYearRecord).values(values))
    except sa.exc.IntegrityError as error:
        raise Conflict("另一个人刚导入了这一年。请刷新后再看。") from error

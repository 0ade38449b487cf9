"""What the pages of cap tables and imports read: frozen rows, no locks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
import sqlalchemy.orm

from hospital_prepay.domain.rules.inpatient.evidence import YearCount
from hospital_prepay.persistence.cap_tables import TableHead
from hospital_prepay.persistence.models.access import User
from hospital_prepay.persistence.models.inpatient import (
    CapRow,
    CapTable,
    CaseImport,
    Disease,
    EarlierStandard,
    InpatientCase,
    RejectedRow,
    SimilarDisease,
)
from hospital_prepay.persistence.models.publication import Institution

_HEAD = [getattr(CapTable, name) for name in TableHead.__dataclass_fields__]


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One import of cases."""

    import_id: str
    file_name: str
    file_sha256: str
    rows_accepted: int
    rows_rejected: int
    rows_known: int
    imported_by: str
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row kept aside. ``field`` and ``original`` are empty when the whole row is at fault, ``None`` if unknown."""

    line: int
    code: str
    message: str
    field: str | None
    original: str | None


@dataclass(frozen=True, slots=True)
class Discharges:
    """The days and years that an import's accepted cases lie in."""

    first: date | None
    last: date | None
    years: tuple[YearCount, ...]


_IMPORT = [getattr(CaseImport, name) for name in ImportRow.__dataclass_fields__]


def imports(connection: sa.Connection, institution_id: str) -> list[ImportRow]:
    """Every import of an institution, newest first."""
    rows = connection.execute(
        sa.select(*_IMPORT)
        .where(CaseImport.institution_id == institution_id)
        .order_by(CaseImport.imported_at.desc(), CaseImport.import_id.desc())
    )
    return [ImportRow(**row._mapping) for row in rows]


def one_import(connection: sa.Connection, institution_id: str, import_id: str) -> ImportRow | None:
    """One import, or ``None``."""
    row = connection.execute(
        sa.select(*_IMPORT).where(CaseImport.institution_id == institution_id, CaseImport.import_id == import_id)
    ).one_or_none()
    return None if row is None else ImportRow(**row._mapping)


def rejections(
    connection: sa.Connection, institution_id: str, import_id: str, code: str, first: int, size: int | None
) -> list[Rejection]:
    """Rows kept aside, in the order of the file, of one ``code`` or of all."""
    found = (
        sa.select(*(getattr(RejectedRow, name) for name in Rejection.__dataclass_fields__))
        .where(_rejected(institution_id, import_id))
        .order_by(RejectedRow.line)
        .offset(first)
    )
    if code:
        found = found.where(RejectedRow.code == code)
    if size is not None:
        found = found.limit(size)
    return [Rejection(**row._mapping) for row in connection.execute(found)]


def rejections_by_code(connection: sa.Connection, institution_id: str, import_id: str) -> dict[str, int]:
    """How many rows were kept aside for each reason, the most frequent first."""
    count = sa.func.count()
    rows = connection.execute(
        sa.select(RejectedRow.code, count)
        .where(_rejected(institution_id, import_id))
        .group_by(RejectedRow.code)
        .order_by(count.desc(), RejectedRow.code)
    )
    return {row[0]: row[1] for row in rows}


def discharges(connection: sa.Connection, institution_id: str, import_id: str) -> Discharges:
    """When the cases of one import were discharged."""
    mine = sa.and_(InpatientCase.institution_id == institution_id, InpatientCase.import_id == import_id)
    year = sa.extract("year", InpatientCase.discharged_on)
    day = InpatientCase.discharged_on
    rows = connection.execute(
        sa.select(
            year.label("year"),
            sa.func.count().label("cases"),
            sa.func.count(sa.distinct(InpatientCase.disease_code)).label("diseases"),
            sa.func.min(day, type_=day.type).label("first"),
            sa.func.max(day, type_=day.type).label("last"),
        )
        .where(mine)
        .group_by(year)
        .order_by(year)
    ).all()
    if not rows:
        return Discharges(None, None, ())
    years = tuple(YearCount(int(row.year), row.cases, row.diseases) for row in rows)
    return Discharges(rows[0].first, rows[-1].last, years)


def shared_names(connection: sa.Connection, institution_id: str, import_id: str) -> list[tuple[str, str, str]]:
    """Name, code and other code of the diseases of an import whose name another known code has as well."""
    mine, other = sa.orm.aliased(Disease), sa.orm.aliased(Disease)
    imported = sa.select(InpatientCase.disease_code).where(
        InpatientCase.institution_id == institution_id, InpatientCase.import_id == import_id
    )
    rows = connection.execute(
        sa.select(mine.name, mine.disease_code, other.disease_code)
        .join(other, sa.and_(other.institution_id == mine.institution_id, other.name == mine.name))
        .where(
            mine.institution_id == institution_id,
            mine.disease_code.in_(imported),
            other.disease_code != mine.disease_code,
        )
        .order_by(mine.name, mine.disease_code, other.disease_code)
    )
    return [(name, code, another) for name, code, another in rows]


def posted_diseases(connection: sa.Connection, institution_id: str) -> dict[str, int]:
    """How many diseases each table posts."""
    rows = connection.execute(
        sa.select(CapRow.table_id, sa.func.count(sa.distinct(CapRow.disease_code)))
        .where(CapRow.institution_id == institution_id, CapRow.posted)
        .group_by(CapRow.table_id)
    )
    return {row[0]: row[1] for row in rows}


def catalogue(connection: sa.Connection, institution_id: str) -> dict[str, tuple[str, str]]:
    """Of each disease the catalogue it comes from and its search key."""
    rows = connection.execute(
        sa.select(Disease.disease_code, Disease.catalogue, Disease.initials).where(
            Disease.institution_id == institution_id
        )
    )
    return {code: (name, initials) for code, name, initials in rows}


def published_versions(connection: sa.Connection, institution_id: str) -> list[TableHead]:
    """Every published table, newest first."""
    rows = connection.execute(
        sa.select(*_HEAD)
        .where(CapTable.institution_id == institution_id, CapTable.state == "published")
        .order_by(CapTable.version_no.desc())
    )
    return [TableHead(**row._mapping) for row in rows]


def table_by_serial(connection: sa.Connection, version_no: int, digest_start: str) -> tuple[str, int] | None:
    """Institution and version of the published table whose digest begins so."""
    row = connection.execute(
        sa.select(CapTable.institution_id, CapTable.version_no)
        .where(
            CapTable.state == "published",
            CapTable.version_no == version_no,
            CapTable.digest.startswith(digest_start, autoescape=True),
        )
        .order_by(CapTable.institution_id)
        .limit(1)
    ).one_or_none()
    return None if row is None else (row.institution_id, row.version_no)


def institutions_with_tables(connection: sa.Connection) -> list[tuple[str, str]]:
    """Code and name of every institution that has published a table, the default one first."""
    rows = connection.execute(
        sa.select(Institution.institution_id, Institution.name)
        .where(
            sa.exists().where(CapTable.institution_id == Institution.institution_id, CapTable.state == "published")
        )
        .order_by(Institution.is_default.desc(), Institution.institution_id)
    )
    return [(code, name) for code, name in rows]


def standards_held(connection: sa.Connection, institution_id: str) -> tuple[int, int]:
    """How many earlier standards and how many pairs of similar diseases an institution has."""
    standards = sa.select(sa.func.count()).select_from(EarlierStandard)
    similar = sa.select(sa.func.count()).select_from(SimilarDisease)
    return (
        connection.scalar(standards.where(EarlierStandard.institution_id == institution_id)) or 0,
        connection.scalar(similar.where(SimilarDisease.institution_id == institution_id)) or 0,
    )


def holders_of(connection: sa.Connection, institution_id: str, role: str) -> list[str]:
    """The names of active people who hold a role."""
    rows = connection.execute(
        sa.select(User.name, User.roles).where(User.institution_id == institution_id, User.is_active)
    )
    return sorted(row.name for row in rows if role in row.roles)


def _rejected(institution_id: str, import_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(RejectedRow.institution_id == institution_id, RejectedRow.import_id == import_id)


def disease_name(connection: sa.Connection, institution_id: str, code: str) -> str | None:
    """What the catalogue calls a disease."""
    return connection.scalar(
        sa.select(Disease.name).where(Disease.institution_id == institution_id, Disease.disease_code == code)
    )


def disease_codes(connection: sa.Connection, institution_id: str) -> list[str]:
    """Every code of the institution's catalogue."""
    return list(connection.scalars(sa.select(Disease.disease_code).where(Disease.institution_id == institution_id)))

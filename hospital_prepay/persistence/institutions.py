"""Institutions and their own deposit rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models.publication import DepositRules, Institution
from hospital_prepay.persistence.query import Query


@dataclass(frozen=True, slots=True)
class InstitutionRow:
    """One institution as it stands."""

    institution_id: str
    name: str
    phone: str
    hours: str
    address: str
    level: int | None
    ownership: str
    is_designated: bool
    is_default: bool
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class RulesRow:
    """One version of an institution's own deposit rules."""

    institution_id: str
    version_no: int
    text: str
    effective_on: date
    written_by: str
    written_at: datetime
    approved_by: str | None
    approved_at: datetime | None


_BY_ID: Final = Query(
    sa.select(*(getattr(Institution, name) for name in InstitutionRow.__dataclass_fields__)).where(
        Institution.institution_id == sa.bindparam("institution")
    )
)


def by_id(connection: sa.Connection, institution_id: str) -> InstitutionRow | None:
    """The institution with this code."""
    row = _BY_ID.first(connection, institution=institution_id)
    return None if row is None else InstitutionRow(*row)


def look_up(database: Database, institution_id: str) -> InstitutionRow | None:
    """The same where nothing is asked around it, as on each page."""
    row = database.look_up(_BY_ID, institution=institution_id)
    return None if row is None else InstitutionRow(*row)


def add(connection: sa.Connection, institution: InstitutionRow) -> None:
    """Enter an institution. Raises :class:`Conflict` when it is known."""
    values = {name: getattr(institution, name) for name in InstitutionRow.__dataclass_fields__}
    try:
        connection.execute(sa.insert(Institution).values(values))
    except sa.exc.IntegrityError as error:
        raise Conflict(f"机构 {institution.institution_id} 已经建过了。") from error


def change(connection: sa.Connection, institution_id: str, **values: Any) -> None:
    """Write new values of an institution; its code stays."""
    connection.execute(sa.update(Institution).where(Institution.institution_id == institution_id).values(**values))


def rules_of(connection: sa.Connection, institution_id: str) -> list[RulesRow]:
    """Every version of the institution's own rules, newest first."""
    query = (
        sa.select(DepositRules.__table__)
        .where(DepositRules.institution_id == institution_id)
        .order_by(DepositRules.version_no.desc())
    )
    return [RulesRow(**row._mapping) for row in connection.execute(query)]


def add_rules(connection: sa.Connection, rules: RulesRow) -> None:
    """Store a new version. Raises :class:`Conflict` when somebody wrote the same number first."""
    values = {name: getattr(rules, name) for name in RulesRow.__dataclass_fields__}
    try:
        connection.execute(sa.insert(DepositRules).values(values))
    except sa.exc.IntegrityError as error:
        raise Conflict("另一个人刚存了一版。请刷新后再存。") from error


def approve_rules(connection: sa.Connection, rules: RulesRow, by: str, at: datetime) -> bool:
    """Mark a version approved; whether it still waited for that."""
    done = connection.execute(
        sa.update(DepositRules)
        .where(
            DepositRules.institution_id == rules.institution_id,
            DepositRules.version_no == rules.version_no,
            DepositRules.approved_by.is_(None),
        )
        .values(approved_by=by, approved_at=at)
    )
    return done.rowcount == 1


def any_institution(connection: sa.Connection) -> bool:
    """Whether any institution was entered."""
    return connection.scalar(sa.select(sa.exists().select_from(Institution))) is True

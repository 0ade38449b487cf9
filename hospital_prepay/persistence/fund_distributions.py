"""What a lead hospital handed on to its members, what came back, and what they showed of its use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.persistence.models.fund_apply import (
    FundDistribution,
    FundDistributionReturn,
    FundDistributionUse,
)
from hospital_prepay.persistence.outages import is_outage

_NOT_NOW = "这一步现在不能办：别人刚办过，或者金额超过了。请刷新后再看；本次没有改动。"


@dataclass(frozen=True, slots=True)
class DistributionRow:
    """One distribution with what came back and what was shown of it, in fen."""

    distribution_id: str
    grant_id: str
    member_code: str
    member_name: str
    member_no: int | None
    amount_fen: int
    document: str
    state: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    returned_fen: int
    returns: int
    used_fen: int
    uses: int

    @property
    def in_hand_fen(self) -> int:
        """What the member holds: handed on, neither given back nor shown in use."""
        return self.amount_fen - self.returned_fen - self.used_fen if self.state == "approved" else 0


@dataclass(frozen=True, slots=True)
class UseRow:
    """One line that a member paid, as it was shown."""

    member_name: str
    category: str
    name: str
    code: str
    order_no: str
    amount_fen: int
    document: str
    recorded_by: str
    recorded_at: datetime


def add(connection: sa.Connection, table: type[Any], values: Mapping[str, Any]) -> None:
    """Append a distribution, a return or a use; :class:`Conflict` where the database refuses it."""
    _held(connection, sa.insert(table).values(**values))


def walk(connection: sa.Connection, institution_id: str, distribution_id: str, **values: Any) -> None:
    """Decide a distribution; :class:`Conflict` when it was decided or more than the grant would be handed on."""
    which = (FundDistribution.institution_id == institution_id, FundDistribution.distribution_id == distribution_id)
    _held(connection, sa.update(FundDistribution).where(*which).values(**values))


def of_grant(connection: sa.Connection, institution_id: str, grant_id: str) -> list[DistributionRow]:
    """The distributions of a grant, newest first."""
    return _rows(connection, institution_id, FundDistribution.grant_id == grant_id)


def in_hand(connection: sa.Connection, institution_id: str, grant_id: str) -> int:
    """What all members of a grant hold, in fen."""
    return sum(one.in_hand_fen for one in of_grant(connection, institution_id, grant_id))


def uses_of_grant(connection: sa.Connection, institution_id: str, grant_id: str) -> list[UseRow]:
    """Every use that members showed of a grant, newest first."""
    use, handed = FundDistributionUse, FundDistribution
    columns = [getattr(use, name) for name in UseRow.__dataclass_fields__ if hasattr(use, name)]
    same = sa.and_(use.institution_id == handed.institution_id, use.distribution_id == handed.distribution_id)
    rows = connection.execute(
        sa.select(handed.member_name, *columns)
        .join(handed, same)
        .where(use.institution_id == institution_id, handed.grant_id == grant_id)
        .order_by(use.recorded_at.desc(), use.distribution_id, use.use_no.desc())
    )
    return [UseRow(*row) for row in rows]


def find(connection: sa.Connection, institution_id: str, distribution_id: str) -> DistributionRow:
    """One of them. Raises :class:`NotFound`."""
    found = _rows(connection, institution_id, FundDistribution.distribution_id == distribution_id)
    if not found:
        raise NotFound("没有这份分配。请回到预付金查看。")
    return found[0]


def _rows(connection: sa.Connection, institution_id: str, where: sa.ColumnElement[bool]) -> list[DistributionRow]:
    own = [name for name in DistributionRow.__dataclass_fields__ if hasattr(FundDistribution, name)]
    sums = [part for table in (FundDistributionReturn, FundDistributionUse) for part in _sums(table)]
    rows = connection.execute(
        sa.select(*(getattr(FundDistribution, name) for name in own), *sums)
        .where(FundDistribution.institution_id == institution_id, where)
        .order_by(FundDistribution.asked_at.desc(), FundDistribution.distribution_id)
    )
    return [DistributionRow(*row[:-4], *(int(part) for part in row[-4:])) for row in rows]


def _sums(table: type[Any]) -> tuple[sa.ColumnElement[int], sa.ColumnElement[int]]:
    same = (
        table.institution_id == FundDistribution.institution_id,
        table.distribution_id == FundDistribution.distribution_id,
    )
    total = sa.select(sa.func.coalesce(sa.func.sum(table.amount_fen), 0)).where(*same).scalar_subquery()
    return total, sa.select(sa.func.count()).select_from(table).where(*same).scalar_subquery()


def _held(connection: sa.Connection, statement: sa.Executable) -> None:
    try:
        with connection.begin_nested():
            connection.execute(statement)
    except sa.exc.DBAPIError as error:
        if is_outage(error):
            raise
        raise Conflict(_NOT_NOW) from error

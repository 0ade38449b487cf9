"""The usage report's figures, and the entries behind each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.ledger.grant_usage import (
    BY_CATEGORY,
    KINDS,
    PAYMENTS,
    Balance,
    Column,
    Movement,
    Turnover,
    accounts_in,
    kinds_of,
)
from hospital_prepay.persistence.funds import GrantState, grants, read_grant
from hospital_prepay.persistence.ledger.fund_totals import grant_turnovers, stored_turnovers
from hospital_prepay.persistence.models.fund import FundRequest, FundRequestLine
from hospital_prepay.persistence.models.fund_apply import FundDistribution, FundDistributionUse
from hospital_prepay.persistence.models.fund_members import FundUseWithdrawn
from hospital_prepay.persistence.models.ledger import LedgerEntry, LedgerPosting

_SOURCE: Final = "fund_request:"


@dataclass(frozen=True, slots=True)
class UsageEntry:
    """One entry behind a figure. ``fen`` is what it did to the balance."""

    entry_no: int
    kind: str
    summary: str
    source: str
    effective_on: date
    posted_at: datetime
    fen: int

    @property
    def request_id(self) -> str | None:
        """The request that the entry stands for."""
        return self.source.removeprefix(_SOURCE) if self.source.startswith(_SOURCE) else None


@dataclass(frozen=True, slots=True)
class MemberUse:
    """One line that a member paid with what was handed on to it, as it was shown to the lead hospital."""

    grant_id: str
    recorded_at: datetime
    category: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of a request that was refused: nothing was paid."""

    request_id: str
    grant_id: str
    asked_at: datetime
    category: str
    amount_fen: int


def turnovers(connection: sa.Connection, institution_id: str) -> list[Turnover]:
    """Everything that ever moved a grant: the kept totals, and the lines behind them."""
    through, kept = stored_turnovers(connection, institution_id)
    return kept + grant_turnovers(connection, institution_id, after=through)


def grants_asked(
    connection: sa.Connection, institution_id: str, grant_id: str | None, kind: str | None = None
) -> list[GrantState]:
    """The grant of a report, or every one (of a kind). Raises :class:`NotFound`."""
    if grant_id is not None:
        return [read_grant(connection, institution_id, grant_id)]
    return [one for one in grants(connection, institution_id) if kind in (None, one.kind)]


def refused_lines(connection: sa.Connection, institution_id: str, grant_ids: Sequence[str]) -> list[Attempt]:
    """The lines of every refused request to spend one of the grants, oldest first."""
    columns = (FundRequest.request_id, FundRequest.grant_id, FundRequest.asked_at)
    rows = connection.execute(
        sa.select(*columns, FundRequestLine.category, FundRequestLine.amount_fen)
        .join(
            FundRequestLine,
            sa.and_(
                FundRequestLine.institution_id == FundRequest.institution_id,
                FundRequestLine.request_id == FundRequest.request_id,
            ),
        )
        .where(
            FundRequest.institution_id == institution_id,
            FundRequest.grant_id.in_(grant_ids),
            FundRequest.state == "refused",
        )
        .order_by(FundRequest.asked_at, FundRequest.request_id, FundRequestLine.line_no)
    )
    return [Attempt(*row) for row in rows]


def member_uses(connection: sa.Connection, institution_id: str, grant_ids: Sequence[str]) -> list[MemberUse]:
    """What members showed of their part of these grants and nobody withdrew, oldest first."""
    use, gone = FundDistributionUse, FundUseWithdrawn
    withdrawn = sa.exists().where(
        gone.institution_id == use.institution_id,
        gone.distribution_id == use.distribution_id,
        gone.use_no == use.use_no,
    )
    rows = connection.execute(
        sa.select(FundDistribution.grant_id, use.recorded_at, use.category, use.amount_fen)
        .join(
            FundDistribution,
            sa.and_(
                FundDistribution.institution_id == use.institution_id,
                FundDistribution.distribution_id == use.distribution_id,
            ),
        )
        .where(use.institution_id == institution_id, FundDistribution.grant_id.in_(grant_ids), ~withdrawn)
        .order_by(use.recorded_at, use.distribution_id, use.use_no)
    )
    return [MemberUse(*row) for row in rows]


def entries_behind(
    connection: sa.Connection,
    institution_id: str,
    grant_ids: Sequence[str],
    balance: Balance,
    column: Column | None,
    days: tuple[date, date],
    *,
    first: int,
    size: int,
) -> tuple[list[UsageEntry], int, int]:
    """One page of the entries behind a figure (without ``column`` of all that moved the balance), oldest first; how
    many there are, and their sum in fen."""
    found = _behind(institution_id, grant_ids, balance, column, days).subquery()
    count, total = connection.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(found.c.fen), 0)).select_from(found)
    ).one()
    names = tuple(UsageEntry.__dataclass_fields__)
    rows = connection.execute(
        sa.select(*(found.c[name] for name in names)).order_by(found.c.entry_no).offset(first).limit(size)
    )
    return [UsageEntry(**{**row._mapping, "fen": int(row.fen)}) for row in rows], count, int(total)


def _behind(
    institution_id: str, grant_ids: Sequence[str], balance: Balance, column: Column | None, days: tuple[date, date]
) -> sa.Select[*tuple[Any, ...]]:
    line, entry = LedgerPosting, LedgerEntry
    sides = {name: side for grant_id in grant_ids for name, side in accounts_in(balance, grant_id).items()}
    side = next(iter(sides.values()), 1)
    moved = sa.func.sum(side * (line.debit_fen - line.credit_fen))
    if column is not None and column.movement is Movement.USED and balance in BY_CATEGORY:
        uses = _uses(institution_id, column.category)
        change = _sign(moved) * uses if column.category else moved - _sign(moved) * uses
    else:
        change = moved
    head = (entry.entry_no, entry.kind, entry.summary, entry.source, entry.effective_on, entry.posted_at)
    return (
        sa.select(*head, change.label("fen"))
        .join(line, sa.and_(line.institution_id == entry.institution_id, line.entry_no == entry.entry_no))
        .where(
            entry.institution_id == institution_id,
            entry.effective_on.between(*days),
            line.account_id.in_(list(sides)),
            *([_kinds(balance, column.movement)] if column else []),
            *_directed(column, side),
        )
        .group_by(*head)
        .having(change != 0)
    )


def _kinds(balance: Balance, movement: Movement) -> sa.ColumnElement[bool]:
    if movement is Movement.OTHER:
        return LedgerEntry.kind.not_in(list(KINDS[balance]))
    return LedgerEntry.kind.in_(kinds_of(balance, movement))


def _directed(column: Column | None, side: int) -> tuple[sa.ColumnElement[bool], ...]:
    """The lines of a netting by their direction: one entry takes from one grant and gives to another."""
    grew = side * (LedgerPosting.debit_fen - LedgerPosting.credit_fen)
    if column is None or column.movement not in (Movement.NETTED, Movement.NETTED_OUT):
        return ()
    return (grew > 0 if column.movement is Movement.NETTED else grew < 0,)


def _sign(moved: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return sa.case((moved < 0, -1), else_=1)


def _uses(institution_id: str, category: str) -> sa.ColumnElement[int]:
    """What the lines of the entry's request come to, of one category or of all."""
    of_category = [FundRequestLine.category == category] if category else []
    query = sa.select(sa.func.coalesce(sa.func.sum(FundRequestLine.amount_fen), 0)).where(
        FundRequestLine.institution_id == institution_id,
        FundRequestLine.request_id == sa.func.substr(LedgerEntry.source, len(_SOURCE) + 1),
        LedgerEntry.kind.in_(PAYMENTS),
        *of_category,
    )
    return query.correlate(LedgerEntry).scalar_subquery()

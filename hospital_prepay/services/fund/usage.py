"""The usage report: what came in, what it was used for and what is left of each grant, by month, quarter or year.

What is owed and what is unspent stand apart and are never added. A report ends with the present month: later ones
have no figures yet.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from hospital_prepay.clock import Clock, local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput, NotFound
from hospital_prepay.domain.ledger.grant_usage import (
    Balance,
    Column,
    Moves,
    Period,
    PeriodLine,
    added,
    is_of_grant,
    month_of,
    moves,
    period_lines,
    periods_between,
)
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.persistence.queries import fund_usage as queries
from hospital_prepay.persistence.queries.fund_usage import Attempt, MemberUse, UsageEntry
from hospital_prepay.persistence.queries.ledger import institution_ids
from hospital_prepay.services.context import Context

ENTRIES_A_PAGE = 50
FIRST_MONTH = "2000-01"


class Step(StrEnum):
    """How long each period of a report is."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    @property
    def months(self) -> int:
        """Its length."""
        return {Step.MONTH: 1, Step.QUARTER: 3, Step.YEAR: 12}[self]


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Which months (``2026-01``, both in), by which step, of one grant or of all of one ``kind``: prepayments and
    central-procurement prepayments go by documents of their own and are never added."""

    first: str
    last: str
    step: Step = Step.MONTH
    grant_id: str | None = None
    kind: str = "basic"


@dataclass(frozen=True, slots=True)
class ByCategory:
    """What is counted beside the books in one period: how many, and their lines' amounts by category. ``fen`` is the
    sum of these."""

    period: Period
    count: int
    by_category: Mapping[str, int]

    @property
    def fen(self) -> int:
        """All of them together."""
        return sum(self.by_category.values())


@dataclass(frozen=True, slots=True)
class GrantUsage:
    """One grant, or all of them (``grant`` is ``None``): each balance period by period, the requests that were
    refused, and what members used of their part, by the day on which it was shown."""

    grant: GrantState | None
    balances: Mapping[Balance, list[PeriodLine]]
    blocked: list[ByCategory]
    members: list[ByCategory]


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Every grant that was asked for, the newest year first, and all of them together."""

    institution_id: str
    query: UsageQuery
    periods: list[Period]
    grants: list[GrantUsage]
    total: GrantUsage


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a report: of which grants, balance and movement, over which months; without a column the balance
    itself at the end of the last month, which everything until then made."""

    query: UsageQuery
    balance: Balance
    column: Column | None


@dataclass(frozen=True, slots=True)
class FigureEntries:
    """One page of the entries behind a figure; ``fen`` is the sum of all of them, which is the figure."""

    figure: Figure
    entries: list[UsageEntry]
    count: int
    fen: int


def read_usage(context: Context, actor: Actor, query: UsageQuery) -> UsageReport:
    """The report of the actor's institution. Needs ``fund.view``. Raises as :func:`usage_report`."""
    actor.require(Permission.FUND_VIEW)
    return usage_report(context.database, context.clock, actor.institution_id, query)


def usage_report(database: Database, clock: Clock, institution_id: str, query: UsageQuery) -> UsageReport:
    """The report of an institution. Raises :class:`MalformedInput` for months out of order, :class:`NotFound`."""
    if query.first > query.last:
        raise MalformedInput("开始月份不能晚于结束月份，请核对。", details={"field": "first"})
    last = max(min(query.last, month_of(clock.today())), query.first)
    periods = periods_between(query.first, last, query.step.months)
    with database.reading() as connection:
        found = queries.grants_asked(connection, institution_id, query.grant_id, query.kind)
        moved = moves(queries.turnovers(connection, institution_id))
        known = [one.grant_id for one in found]
        attempts = queries.refused_lines(connection, institution_id, known)
        uses = queries.member_uses(connection, institution_id, known)
    each = [
        _usage(
            one,
            moved.get(one.grant_id, {}),
            [each for each in attempts if each.grant_id == one.grant_id],
            [each for each in uses if each.grant_id == one.grant_id],
            periods,
        )
        for one in found
    ]
    whole = added(moved[grant_id] for grant_id in known if grant_id in moved)
    return UsageReport(institution_id, query, periods, each, _usage(None, whole, attempts, uses, periods))


def last_year_moved(context: Context, actor: Actor) -> int:
    """The last year in which a grant moved, this year where none did yet. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        found = queries.turnovers(connection, actor.institution_id)
    months = [one.month for one in found if is_of_grant(one.account_id)]
    return int(max(months)[:4]) if months else context.clock.today().year


def usage_of_books(database: Database, clock: Clock, institution_id: str, query: UsageQuery) -> UsageReport:
    """The same for whoever has the database itself. Raises :class:`NotFound` for an institution without books."""
    with database.reading() as connection:
        if institution_id not in institution_ids(connection):
            raise NotFound("账本里没有这家机构，请核对机构代码。")
    return usage_report(database, clock, institution_id, query)


def read_figure(context: Context, actor: Actor, figure: Figure, page: int) -> FigureEntries:
    """Page ``page`` (from 1) of the entries behind one figure. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        grants = [
            one.grant_id for one in queries.grants_asked(connection, own, figure.query.grant_id, figure.query.kind)
        ]
        entries, count, fen = queries.entries_behind(
            connection,
            own,
            grants,
            figure.balance,
            figure.column,
            days_of(figure.query.first if figure.column else FIRST_MONTH, figure.query.last),
            first=(max(page, 1) - 1) * ENTRIES_A_PAGE,
            size=ENTRIES_A_PAGE,
        )
    return FigureEntries(figure, entries, count, fen)


def days_of(first: str, last: str) -> tuple[date, date]:
    """The first day of one month and the last day of another."""
    begin, end = date.fromisoformat(f"{first}-01"), date.fromisoformat(f"{last}-01")
    return begin, end.replace(day=calendar.monthrange(end.year, end.month)[1])


def _usage(
    grant: GrantState | None,
    moved: Moves,
    attempts: Sequence[Attempt],
    uses: Sequence[MemberUse],
    periods: Sequence[Period],
) -> GrantUsage:
    shown = [one for one in Balance if one is not Balance.DISTRIBUTED or one in moved]
    balances = {one: period_lines(moved.get(one, {}), periods) for one in shown}
    return GrantUsage(
        grant,
        balances,
        [_blocked(attempts, period) for period in periods],
        [_by_members(uses, period) for period in periods],
    )


def _blocked(attempts: Sequence[Attempt], period: Period) -> ByCategory:
    within = [one for one in attempts if period.holds(local(one.asked_at).date())]
    return ByCategory(period, len({one.request_id for one in within}), _added_up(within))


def _by_members(uses: Sequence[MemberUse], period: Period) -> ByCategory:
    within = [one for one in uses if period.holds(local(one.recorded_at).date())]
    return ByCategory(period, len(within), _added_up(within))


def _added_up(lines: Iterable[Attempt | MemberUse]) -> dict[str, int]:
    by_category: dict[str, int] = defaultdict(int)
    for one in lines:
        by_category[one.category] += one.amount_fen
    return dict(by_category)


def report_as_json(report: UsageReport) -> dict[str, Any]:
    """The report for programs: amounts in fen, movements by name, uses as ``used.drug``."""
    return {
        "institution_id": report.institution_id,
        "from": report.query.first,
        "to": report.query.last,
        "by": report.query.step.value,
        "kind": report.query.kind,
        "grants": [
            {
                "grant_id": one.grant.grant_id,
                "regime": one.grant.regime,
                "pool_region": one.grant.pool_region,
                "fund": one.grant.fund,
                "year": one.grant.year,
                "kind": one.grant.kind,
                **_as_json(one),
            }
            for one in report.grants
            if one.grant is not None
        ],
        "total": _as_json(report.total),
    }


def _as_json(usage: GrantUsage) -> dict[str, Any]:
    return {
        "balances": {balance.value: [_line(one) for one in lines] for balance, lines in usage.balances.items()},
        "blocked": [_counted(one, "requests") for one in usage.blocked],
        "members": [_counted(one, "lines") for one in usage.members if one.count],
    }


def _counted(one: ByCategory, what: str) -> dict[str, Any]:
    return {**_period(one.period), what: one.count, "fen": one.fen, "by_category": dict(one.by_category)}


def _line(one: PeriodLine) -> dict[str, Any]:
    moved = {
        f"{column.movement.value}.{column.category}" if column.category else column.movement.value: fen
        for column, fen in sorted(one.moved.items(), key=lambda item: (item[0].movement, item[0].category))
    }
    return {
        **_period(one.period),
        "opening_fen": one.opening_fen,
        "moved_fen": moved,
        "closing_fen": one.closing_fen,
    }


def _period(period: Period) -> dict[str, str]:
    return {"from": period.first, "to": period.last}

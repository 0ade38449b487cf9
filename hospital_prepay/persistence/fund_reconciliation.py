"""What people matched, which months are closed, and settlements of the restricted fund. Rows are appended only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.rules.fund.matching import Hand
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.models.fund_apply import FundApplication
from hospital_prepay.persistence.models.fund_reconciliation import (
    FundMatch,
    FundMonth,
    FundPeriodStep,
    FundSettlement,
    FundUploadDay,
)
from hospital_prepay.persistence.models.ledger import LedgerEntry, LedgerPosting
from hospital_prepay.persistence.rows import refusing, rows_of


@dataclass(frozen=True, slots=True)
class Match:
    """What a person put together or apart."""

    match_id: str
    verb: str
    undoes: str | None
    ours: list[str]
    theirs: list[str]
    ground: str
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class PeriodStep:
    """A step of a month: made, checked or reopened."""

    period: str
    step_no: int
    step: str
    digest: str
    zero: bool
    decision_id: str | None
    ground: str
    taken_by: str
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class Settlement:
    """A settlement without offset."""

    settlement_id: str
    kind: str
    period: str
    fund: str
    cross_region: bool
    settled_fen: int
    moved_fen: int
    paid_on: date
    bank_reference: str
    payer: str
    remark: str
    document: str
    settles: str | None
    plan_id: str | None
    entry_no: int | None
    decision_id: str | None
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class MonthEvent:
    """An application, a negative plan, or a reported step of the authority."""

    event_id: str
    period: str
    kind: str
    step: str
    on_day: date
    fund: str
    amount_fen: int | None
    due_on: date | None
    settled_in: str
    document: str
    decision_id: str | None
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class UploadDay:
    """The newest count of a day."""

    on_day: date
    recorded_no: int
    in_house: int
    uploaded: int
    last_upload_at: datetime | None
    recorded_by: str
    recorded_at: datetime


def lock_reconciliation(connection: sa.Connection, institution_id: str) -> None:
    """One person at a time imports, matches or closes: there is no row of the institution's yet to lock."""
    lock_name(connection, f"fund-reconciliation:{institution_id}")


def add_match(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Put items together or apart, or undo that; :class:`Conflict` when it is undone already."""
    with refusing("这一条已经撤销过。请刷新后再看；本次没有改动。"), connection.begin_nested():
        connection.execute(sa.insert(FundMatch).values(**values))


def matches(connection: sa.Connection, institution_id: str) -> list[Match]:
    """Everything that people put together, apart, or undid; oldest first."""
    return rows_of(connection, FundMatch, Match, institution_id, order=(FundMatch.made_at, FundMatch.match_id))


def standing(found: Sequence[Match]) -> list[Match]:
    """What of it still holds."""
    undone = {one.undoes for one in found}
    return [one for one in found if one.verb != "undo" and one.match_id not in undone]


def hands(found: Sequence[Match]) -> list[Hand]:
    """What still holds, as the rule takes it."""
    return [
        Hand(one.match_id, one.verb == "together", tuple(one.ours), tuple(one.theirs), one.made_by)
        for one in standing(found)
    ]


def add_step(connection: sa.Connection, values: dict[str, Any]) -> None:
    """A month's next step; :class:`Conflict` when the one before doesn't allow it."""
    words = "这一步现在不能办：别人刚办过，或内容变了。请刷新后再看；本次没有改动。"
    with refusing(words), connection.begin_nested():
        connection.execute(sa.insert(FundPeriodStep).values(**values))


def period_steps(connection: sa.Connection, institution_id: str, *periods: str) -> list[PeriodStep]:
    """The steps of these months (of all, when none is named), in their order."""
    table = FundPeriodStep
    where = [table.period.in_(periods)] if periods else []
    return rows_of(connection, table, PeriodStep, institution_id, *where, order=(table.period, table.step_no))


def add_settlement(connection: sa.Connection, values: dict[str, Any]) -> None:
    """A settlement; :class:`Conflict` when it is recorded already."""
    words = "这张回单已经登记过，一张回单只登记一次。请核对；本次没有入账。"
    with refusing(words), connection.begin_nested():
        connection.execute(sa.insert(FundSettlement).values(**values))


def largest_settled_fen(connection: sa.Connection, institution_id: str) -> int:
    """The largest settlement in the books by what the receivable from the insurance fell, in fen; 0 without one."""
    line, entry = LedgerPosting, LedgerEntry
    one = (
        sa.select(sa.func.sum(line.credit_fen).label("fen"))
        .join(entry, sa.and_(entry.institution_id == line.institution_id, entry.entry_no == line.entry_no))
        .where(
            line.institution_id == institution_id,
            line.account_id == "12120201",
            entry.kind.in_(("fund_settlement", "fund_offset")),
        )
        .group_by(line.entry_no)
        .subquery()
    )
    return int(connection.scalar(sa.select(sa.func.max(one.c.fen))) or 0)


def yearly_paid_fen(connection: sa.Connection, institution_id: str) -> list[int]:
    """What the applications said that the insurance paid in a year, of one fund each, in fen."""
    facts = connection.scalars(
        sa.select(FundApplication.facts).where(FundApplication.institution_id == institution_id)
    )
    return [int(paid["amount"]) for one in facts for paid in one.get("paid", ())]


def settlements(connection: sa.Connection, institution_id: str) -> list[Settlement]:
    """Every settlement, by month and day."""
    table = FundSettlement
    order = (table.period, table.paid_on, table.settlement_id)
    return rows_of(connection, table, Settlement, institution_id, order=order)


def add_month_event(
    connection: sa.Connection,
    values: dict[str, Any],
    stands: str = "这个月的对账申请已经登记过。请刷新后再看；本次没有改动。",
) -> None:
    """An event of a month; :class:`Conflict` in the words of ``stands`` for what may be there once only."""
    with refusing(stands), connection.begin_nested():
        connection.execute(sa.insert(FundMonth).values(**values))


def month_events(connection: sa.Connection, institution_id: str, *periods: str) -> list[MonthEvent]:
    """What happened to these months, in the order in which it was recorded."""
    table = FundMonth
    where = [table.period.in_(periods)] if periods else []
    return rows_of(connection, table, MonthEvent, institution_id, *where, order=(table.recorded_at, table.event_id))


def add_upload_days(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Counts of days; a day that was counted before gets its next number."""
    if not rows:
        return
    table = FundUploadDay
    institution_id = rows[0]["institution_id"]
    counted = connection.execute(
        sa.select(table.on_day, sa.func.max(table.recorded_no))
        .where(table.institution_id == institution_id)
        .group_by(table.on_day)
    )
    last = {day: int(number) for day, number in counted}
    connection.execute(sa.insert(table), [{**row, "recorded_no": last.get(row["on_day"], 0) + 1} for row in rows])


def upload_days(connection: sa.Connection, institution_id: str, first: date, last: date) -> list[UploadDay]:
    """The newest count of each day between."""
    table = FundUploadDay
    rows = rows_of(
        connection,
        table,
        UploadDay,
        institution_id,
        table.on_day.between(first, last),
        order=(table.on_day, table.recorded_no),
    )
    return list({row.on_day: row for row in rows}.values())

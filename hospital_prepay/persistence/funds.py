"""Grants, requests to spend them, and what is left of each. The database holds the walks (see migration 0007)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.ledger.chart import distributed_account, earmark_account, owed_account, reserved_account
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.models.fund import FundGrant, FundRequest, FundRequestLine
from hospital_prepay.persistence.models.ledger import LedgerAccount, LedgerEntry
from hospital_prepay.persistence.rows import refusing

# Of which nothing comes any more: the authority said no, or the hospital withdrew its application.
ENDED: Final = frozenset({"declined", "withdrawn"})


@dataclass(frozen=True, slots=True)
class GrantState:
    """A grant, locked where an act asked for it. Amounts in fen; what is unspent is free, what is reserved waits."""

    grant_id: str
    regime: str
    pool_region: str
    fund: str
    year: int
    kind: str
    state: str
    applied_fen: int
    decision_id: str
    applied_by: str
    applied_at: datetime
    module_no: str
    approved_fen: int | None
    approved_on: date | None
    approval_document: str
    recorded_by: str | None
    recorded_at: datetime | None
    withheld_ground: str
    cleared_at: datetime | None
    unspent_fen: int
    reserved_fen: int
    owed_fen: int
    distributed_fen: int = 0

    @property
    def unspent(self) -> Money:
        """What is free to be reserved."""
        return Money(self.unspent_fen)


@dataclass(frozen=True, slots=True)
class RequestState:
    """A request as it stands."""

    request_id: str
    grant_id: str
    payee_name: str
    payee_credit_code: str
    purpose: str
    total_fen: int
    state: str
    decision_id: str
    held: bool
    asked_by: str
    asked_at: datetime
    ground: str
    department_by: str | None
    department_at: datetime | None
    finance_by: str | None
    finance_at: datetime | None
    expires_at: datetime | None
    paid_by: str | None
    paid_at: datetime | None
    bank_reference: str
    ended_by: str | None
    ended_at: datetime | None
    ended_ground: str


@dataclass(frozen=True, slots=True)
class LineState:
    """A line of a request."""

    line_no: int
    category: str
    name: str
    code: str
    order_no: str
    amount_fen: int
    outcome: str
    batch: str = ""


def add_grant(connection: sa.Connection, values: dict[str, Any]) -> None:
    """A new application; :class:`Conflict` when this fund has one for the year already."""
    with refusing("这个基金今年已经申请过预付金。请在列表里打开那一笔，不要重复申请。"), connection.begin_nested():
        connection.execute(sa.insert(FundGrant).values(**values))


def lock_grant(connection: sa.Connection, institution_id: str, grant_id: str) -> GrantState:
    """Lock a grant and read what is left of it. Raises :class:`NotFound`."""
    lock = sa.select(FundGrant.grant_id).where(
        FundGrant.institution_id == institution_id, FundGrant.grant_id == grant_id
    )
    if connection.execute(lock.with_for_update()).one_or_none() is None:
        raise NotFound("没有这笔预付金。请回到预付金列表查看。")
    return read_grant(connection, institution_id, grant_id)


def read_grant(connection: sa.Connection, institution_id: str, grant_id: str) -> GrantState:
    """The same without the lock."""
    found = grants(connection, institution_id, FundGrant.grant_id == grant_id)
    if not found:
        raise NotFound("没有这笔预付金。请回到预付金列表查看。")
    return found[0]


def grants(connection: sa.Connection, institution_id: str, *where: sa.ColumnElement[bool]) -> list[GrantState]:
    """Grants with their three balances, newest year first."""
    balances = [
        sa.func.coalesce(
            sa.select(LedgerAccount.balance_fen)
            .where(
                LedgerAccount.institution_id == FundGrant.institution_id,
                LedgerAccount.account_id == sa.literal(prefix) + FundGrant.grant_id,
            )
            .scalar_subquery(),
            0,
        )
        for prefix in (earmark_account(""), reserved_account(""), owed_account(""), distributed_account(""))
    ]
    names = [
        name
        for name in GrantState.__dataclass_fields__
        if not name.endswith(("spent_fen", "reserved_fen", "owed_fen", "distributed_fen"))
    ]
    columns = [getattr(FundGrant, name) for name in names]
    rows = connection.execute(
        sa.select(*columns, *balances)
        .where(FundGrant.institution_id == institution_id, *where)
        .order_by(FundGrant.year.desc(), FundGrant.fund, FundGrant.grant_id)
    )
    found = [GrantState(*row) for row in rows]
    # Declined by nobody: the hospital withdrew it (see migration 0033).
    return [
        replace(one, state="withdrawn") if one.state == "declined" and one.recorded_by is None else one
        for one in found
    ]


def walk_grant(connection: sa.Connection, institution_id: str, grant_id: str, **values: Any) -> None:
    """Take a grant's next step; :class:`Conflict` when its state doesn't allow it."""
    _walk(connection, FundGrant, institution_id, FundGrant.grant_id == grant_id, values)


def add_request(connection: sa.Connection, values: dict[str, Any], lines: Sequence[dict[str, Any]]) -> None:
    """A request with its lines."""
    connection.execute(sa.insert(FundRequest).values(**values))
    key = {"institution_id": values["institution_id"], "request_id": values["request_id"]}
    connection.execute(sa.insert(FundRequestLine), [{**key, **line} for line in lines])


def grant_of_request(connection: sa.Connection, institution_id: str, request_id: str) -> str:
    """Which grant a request is about: every act locks that first. Raises :class:`NotFound`."""
    grant_id = connection.scalar(
        sa.select(FundRequest.grant_id).where(
            FundRequest.institution_id == institution_id, FundRequest.request_id == request_id
        )
    )
    if grant_id is None:
        raise NotFound("没有这份用款申请。请回到申请列表查看。")
    return str(grant_id)


def read_request(connection: sa.Connection, institution_id: str, request_id: str) -> RequestState:
    """A request. Raises :class:`NotFound`."""
    found = requests(connection, institution_id, FundRequest.request_id == request_id)
    if not found:
        raise NotFound("没有这份用款申请。请回到申请列表查看。")
    return found[0]


def requests(connection: sa.Connection, institution_id: str, *where: sa.ColumnElement[bool]) -> list[RequestState]:
    """Requests, newest first; the refused among them."""
    columns = [getattr(FundRequest, name) for name in RequestState.__dataclass_fields__]
    rows = connection.execute(
        sa.select(*columns)
        .where(FundRequest.institution_id == institution_id, *where)
        .order_by(FundRequest.asked_at.desc(), FundRequest.request_id.desc())
    )
    return [RequestState(*row) for row in rows]


def lines_of(connection: sa.Connection, institution_id: str, request_id: str) -> list[LineState]:
    """The lines of a request in their order."""
    columns = [getattr(FundRequestLine, name) for name in LineState.__dataclass_fields__]
    rows = connection.execute(
        sa.select(*columns)
        .where(FundRequestLine.institution_id == institution_id, FundRequestLine.request_id == request_id)
        .order_by(FundRequestLine.line_no)
    )
    return [LineState(*row) for row in rows]


def walk_request(connection: sa.Connection, institution_id: str, request_id: str, **values: Any) -> None:
    """Take a request's next step; :class:`Conflict` when its state doesn't allow it."""
    _walk(connection, FundRequest, institution_id, FundRequest.request_id == request_id, values)


def has_entry(connection: sa.Connection, institution_id: str, kind: str, summary: str) -> bool:
    """Whether an entry of this kind and summary was booked, for whatever grant."""
    found = sa.select(LedgerEntry.entry_no).where(
        LedgerEntry.institution_id == institution_id,
        LedgerEntry.kind == kind,
        LedgerEntry.summary == summary,
    )
    return connection.scalar(found.limit(1)) is not None


def payment_entry_no(connection: sa.Connection, institution_id: str, request_id: str) -> int:
    """The entry that paid a request. There is one at most."""
    number = connection.scalar(
        sa.select(LedgerEntry.entry_no).where(
            LedgerEntry.institution_id == institution_id,
            LedgerEntry.source == f"fund_request:{request_id}",
            LedgerEntry.kind == "fund_payment",
        )
    )
    if number is None:
        raise NotFound("这份申请还没有付款。请回到申请列表查看。")
    return int(number)


def expired(connection: sa.Connection, institution_id: str, now: datetime) -> list[str]:
    """Requests whose reservation ran out, longest first."""
    rows = connection.scalars(
        sa.select(FundRequest.request_id)
        .where(
            FundRequest.institution_id == institution_id,
            FundRequest.state == "reserved",
            FundRequest.expires_at <= now,
        )
        .order_by(FundRequest.expires_at, FundRequest.request_id)
    )
    return list(rows)


def _walk(
    connection: sa.Connection,
    table: type[FundGrant] | type[FundRequest],
    institution_id: str,
    which: sa.ColumnElement[bool],
    values: dict[str, Any],
) -> None:
    words = "这一步现在不能办：别人刚办过，或者前面的步骤还没有办完。请刷新后再看。"
    with refusing(words), connection.begin_nested():
        connection.execute(sa.update(table).where(table.institution_id == institution_id, which).values(**values))

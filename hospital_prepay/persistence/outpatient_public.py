"""Versions of the announcement, and applications that were made on-line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.persistence.models.outpatient_public import OutpatientNotice, OutpatientRequest
from hospital_prepay.persistence.rows import refusing, rows_of

_STALE: Final = "这份网上申请刚被别人办了。请刷新后再看；本次没有改动。"


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One version of the announcement."""

    version_no: int
    steps: str
    windows: str
    hours: str
    phone: str
    written_by: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class RequestRow:
    """An application as it stands; ``personal`` is encrypted."""

    request_id: str
    request_no: str
    account_no: str | None
    claimant: str
    card_lost: bool
    route: str
    personal: str
    state: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    claim_id: str | None
    ground: str


def notices(connection: sa.Connection, institution_id: str) -> list[NoticeRow]:
    """Every version, the newest first."""
    order = (OutpatientNotice.version_no.desc(),)
    return rows_of(connection, OutpatientNotice, NoticeRow, institution_id, order=order)


def latest_notice(connection: sa.Connection, institution_id: str) -> NoticeRow | None:
    """The version that patients read, ``None`` before the first."""
    columns = [getattr(OutpatientNotice, name) for name in NoticeRow.__dataclass_fields__]
    query = sa.select(*columns).where(OutpatientNotice.institution_id == institution_id)
    row = connection.execute(query.order_by(OutpatientNotice.version_no.desc()).limit(1)).first()
    return None if row is None else NoticeRow(*row)


def add_notice(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Write the next version down. Raises :class:`Conflict` when somebody wrote it at the same time."""
    with refusing("公告刚被别人改过。请刷新后再改；本次没有改动。"):
        connection.execute(sa.insert(OutpatientNotice).values(**values))


def requests_in(
    connection: sa.Connection, institution_id: str, states: Sequence[str], *, start: int = 0, size: int = 50
) -> list[RequestRow]:
    """One page of the applications in ``states``, the oldest first."""
    columns = [getattr(OutpatientRequest, name) for name in RequestRow.__dataclass_fields__]
    query = (
        sa.select(*columns)
        .where(OutpatientRequest.institution_id == institution_id, OutpatientRequest.state.in_(states))
        .order_by(OutpatientRequest.asked_at, OutpatientRequest.request_id)
        .offset(start)
        .limit(size)
    )
    return [RequestRow(*row) for row in connection.execute(query)]


def count_requests(connection: sa.Connection, institution_id: str) -> dict[str, int]:
    """How many applications stand in each state."""
    rows = connection.execute(
        sa.select(OutpatientRequest.state, sa.func.count())
        .where(OutpatientRequest.institution_id == institution_id)
        .group_by(OutpatientRequest.state)
    )
    return {state: int(count) for state, count in rows}


def read_request(connection: sa.Connection, institution_id: str, request_id: str) -> RequestRow:
    """The application as it stands. Raises :class:`NotFound`."""
    found = rows_of(
        connection, OutpatientRequest, RequestRow, institution_id, OutpatientRequest.request_id == request_id
    )
    if not found:
        raise NotFound("没有这份网上申请。请从列表里打开。")
    return found[0]


def request_of_no(connection: sa.Connection, institution_id: str, request_no: str) -> RequestRow | None:
    """The application with this number, ``None`` when there is none."""
    where = OutpatientRequest.request_no == request_no
    return next(iter(rows_of(connection, OutpatientRequest, RequestRow, institution_id, where)), None)


def next_request_no(connection: sa.Connection, institution_id: str, day: date) -> str:
    """``SQ`` with the day and a number that counts on within it; ask under the lock of ``outpatient_request_no``."""
    head = f"SQ{day:%Y%m%d}"
    last = connection.scalar(
        sa.select(sa.func.max(OutpatientRequest.request_no)).where(
            OutpatientRequest.institution_id == institution_id, OutpatientRequest.request_no.like(f"{head}%")
        )
    )
    return f"{head}{int(last[len(head) :]) + 1 if last else 1:06d}"


def add_request(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Write an application down. Raises :class:`Conflict` when the account's owner has one that waits."""
    with refusing("这个账户已经有一份申请在等受理，不用再交。"):
        connection.execute(sa.insert(OutpatientRequest).values(**values))


def walk_request(connection: sa.Connection, institution_id: str, request_id: str, **values: Any) -> None:
    """Let a waiting application go its next step; the database refuses any other (:class:`Conflict`)."""
    with refusing(_STALE):
        done = connection.execute(
            sa.update(OutpatientRequest)
            .where(
                OutpatientRequest.institution_id == institution_id,
                OutpatientRequest.request_id == request_id,
                OutpatientRequest.state == "asked",
            )
            .values(**values)
        )
    if done.rowcount != 1:
        raise Conflict(_STALE)


def waiting_request_no(connection: sa.Connection, institution_id: str, account_no: str) -> str | None:
    """The number of an application on the account that waits for the counter, ``None`` where none does."""
    query = sa.select(OutpatientRequest.request_no).where(
        OutpatientRequest.institution_id == institution_id,
        OutpatientRequest.account_no == account_no,
        OutpatientRequest.state == "asked",
    )
    return connection.scalar(query.order_by(OutpatientRequest.request_no).limit(1))


def waiting_requests(connection: sa.Connection, institution_id: str, account_no: str) -> list[RequestRow]:
    """The applications on the account that wait for the counter, whoever made them, the oldest first."""
    where = (OutpatientRequest.account_no == account_no, OutpatientRequest.state == "asked")
    order = (OutpatientRequest.request_no,)
    return rows_of(connection, OutpatientRequest, RequestRow, institution_id, *where, order=order)


def latest_own_request(
    connection: sa.Connection, institution_id: str, account_no: str, since: datetime | None
) -> RequestRow | None:
    """The newest application that the owner of an account made after ``since``, ``None`` before the first."""
    where = [OutpatientRequest.account_no == account_no, OutpatientRequest.claimant == "self"]
    if since is not None:
        where.append(OutpatientRequest.asked_at > since)
    order = (OutpatientRequest.asked_at.desc(), OutpatientRequest.request_id.desc())
    return next(iter(rows_of(connection, OutpatientRequest, RequestRow, institution_id, *where, order=order)), None)

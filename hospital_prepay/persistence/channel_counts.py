"""How often something was done by which channel: settlements and payments of the books, the rest as reported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from hospital_prepay.persistence.fund_duties import add_once
from hospital_prepay.persistence.models.inpatient import Receipt
from hospital_prepay.persistence.models.settlement import Discharge, SettlementRow
from hospital_prepay.persistence.models.settlement_watch import ChannelCount


@dataclass(frozen=True, slots=True)
class CountRow:
    """The newest count of a month, service and channel."""

    period: str
    service: str
    channel: str
    count_no: int
    number: int
    source: str
    written_by: str
    written_at: datetime


def settlements(connection: sa.Connection, institution_id: str, since: datetime, until: datetime) -> dict[str, int]:
    """Discharges settled between two moments by channel; none that was recalled."""
    query = (
        sa.select(SettlementRow.channel, sa.func.count())
        .select_from(Discharge)
        .join(
            SettlementRow,
            sa.and_(
                SettlementRow.institution_id == Discharge.institution_id,
                SettlementRow.stay_no == Discharge.stay_no,
                SettlementRow.discharged_at == Discharge.discharged_at,
                SettlementRow.recalled_at.is_(None),
            ),
        )
        .where(
            Discharge.institution_id == institution_id,
            Discharge.ended_at.is_(None),
            Discharge.settled_at.is_not(None),
            Discharge.settled_at >= since,
            Discharge.settled_at < until,
        )
        .group_by(SettlementRow.channel)
    )
    return _by_channel(connection, query)


def payments(connection: sa.Connection, institution_id: str, since: datetime, until: datetime) -> dict[str, int]:
    """Deposits and payments towards settlements by the channel on their slips; none that was voided."""
    undone = aliased(Receipt)
    voided = sa.exists().where(
        undone.institution_id == Receipt.institution_id,
        undone.cancels_book == Receipt.book,
        undone.cancels_serial == Receipt.serial,
    )
    query = (
        sa.select(Receipt.channel, sa.func.count())
        .where(
            Receipt.institution_id == institution_id,
            Receipt.kind.in_(("deposit", "topup")),
            Receipt.issued_at >= since,
            Receipt.issued_at < until,
            ~voided,
        )
        .group_by(Receipt.channel)
    )
    return _by_channel(connection, query)


def newest(connection: sa.Connection, institution_id: str, first: str, last: str) -> list[CountRow]:
    """The counts that hold from month to month, both counting."""
    later = aliased(ChannelCount)
    replaced = sa.exists().where(
        later.institution_id == ChannelCount.institution_id,
        later.period == ChannelCount.period,
        later.service == ChannelCount.service,
        later.channel == ChannelCount.channel,
        later.count_no > ChannelCount.count_no,
    )
    rows = connection.execute(
        sa.select(*(getattr(ChannelCount, name) for name in CountRow.__dataclass_fields__))
        .where(
            ChannelCount.institution_id == institution_id,
            ChannelCount.period >= first,
            ChannelCount.period <= last,
            ~replaced,
        )
        .order_by(ChannelCount.period.desc(), ChannelCount.service, ChannelCount.channel)
    )
    return [CountRow(*row) for row in rows]


def add(connection: sa.Connection, institution_id: str, values: dict[str, Any]) -> None:
    """Write down a count. Raises :class:`~hospital_prepay.domain.errors.Conflict` where another came first."""
    words = "刚有别人登记过同一项。请刷新后再登记。"
    add_once(connection, ChannelCount, {"institution_id": institution_id, **values}, words)


def _by_channel(connection: sa.Connection, query: sa.Select[str, int]) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.execute(query)}

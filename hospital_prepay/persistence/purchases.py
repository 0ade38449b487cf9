"""Purchases of drugs and consumables as the purchasing system told them: added once each, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.rules.fund.purchases import Bought
from hospital_prepay.persistence.models.fund_reports import PurchaseLine

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Purchase:
    """One line."""

    line_key: str
    bought_on: date
    kind: str
    name: str
    code: str
    amount_fen: int
    supplier: str
    order_no: str
    reason: str


@dataclass(frozen=True, slots=True)
class BoughtFrom:
    """What was bought on one day from one supplier."""

    bought_on: date
    supplier: str
    sums: Bought


def add_purchases(
    connection: sa.Connection, institution_id: str, lines: Sequence[Purchase], file_name: str, by: str, now: datetime
) -> int:
    """Add the lines that aren't there yet; returns how many those were."""
    own = {"institution_id": institution_id, "file_name": file_name, "imported_by": by, "imported_at": now}
    added = 0
    for start in range(0, len(lines), _AT_ONCE):
        part = lines[start : start + _AT_ONCE]
        held = set(
            connection.scalars(
                sa.select(PurchaseLine.line_key).where(
                    PurchaseLine.institution_id == institution_id,
                    PurchaseLine.line_key.in_([one.line_key for one in part]),
                )
            )
        )
        names = Purchase.__dataclass_fields__
        fresh: list[dict[str, Any]] = [
            {**own, **{name: getattr(one, name) for name in names}} for one in part if one.line_key not in held
        ]
        if fresh:
            connection.execute(sa.insert(PurchaseLine), fresh)
        added += len(fresh)
    return added


def bought_by_day(connection: sa.Connection, institution_id: str, first: date, last: date) -> list[BoughtFrom]:
    """Sums by day and supplier between two days, both in."""
    off = PurchaseLine.order_no == ""
    amount = PurchaseLine.amount_fen
    rows = connection.execute(
        sa.select(
            PurchaseLine.bought_on,
            PurchaseLine.supplier,
            sa.func.count(),
            sa.func.sum(amount),
            sa.func.sum(sa.case((off, 1), else_=0)),
            sa.func.sum(sa.case((off, amount), else_=0)),
        )
        .where(PurchaseLine.institution_id == institution_id, PurchaseLine.bought_on.between(first, last))
        .group_by(PurchaseLine.bought_on, PurchaseLine.supplier)
    )
    return [BoughtFrom(day, supplier, Bought(*(int(one) for one in sums))) for day, supplier, *sums in rows]


def off_platform_lines(
    connection: sa.Connection,
    institution_id: str,
    first: date,
    last: date,
    supplier: str,
    *,
    start: int,
    size: int,
) -> list[Purchase]:
    """One page of the lines without an order number, the largest first; of one supplier or of all."""
    columns = [getattr(PurchaseLine, name) for name in Purchase.__dataclass_fields__]
    query = sa.select(*columns).where(
        PurchaseLine.institution_id == institution_id,
        PurchaseLine.bought_on.between(first, last),
        PurchaseLine.order_no == "",
    )
    if supplier:
        query = query.where(PurchaseLine.supplier == supplier)
    order = (PurchaseLine.amount_fen.desc(), PurchaseLine.bought_on, PurchaseLine.line_key)
    rows = connection.execute(query.order_by(*order).offset(start).limit(size))
    return [Purchase(*row) for row in rows]

"""Where each fen of a grant went: grant, request, line, order, invoice.

Lineage follows the grant (place, fund and year). What one grant paid never counts towards another, and no drug is
attributed to employee or resident patients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.ledger.grant_usage import Balance, Movement, Moves, moves
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.persistence.queries import fund_lineage as queries
from hospital_prepay.persistence.queries import fund_usage, people
from hospital_prepay.persistence.queries.fund_lineage import LineageSums, PaidLine
from hospital_prepay.services.context import Context

__all__ = ["LineageSums", "PaidLine"]
LINES_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class Lineage:
    """One page of paid lines with the sums of all that fit. ``booked_fen`` is what the books say was paid from the
    grants that were asked for, bounced payments taken off; ``None`` where only some lines were looked for."""

    lines: list[PaidLine]
    sums: LineageSums
    booked_fen: int | None
    grants: list[GrantState]
    names: Mapping[str, str]


def read_lineage(context: Context, actor: Actor, grant_id: str | None, words: str, page: int) -> Lineage:
    """Page ``page`` (from 1) of the lines that a grant paid, or that carry ``words`` as invoice, order number or
    national code. Needs ``fund.view``. Raises :class:`NotFound`."""
    actor.require(Permission.FUND_VIEW)
    own = actor.institution_id
    first = (max(page, 1) - 1) * LINES_A_PAGE
    with context.database.reading() as connection:
        asked = fund_usage.grants_asked(connection, own, grant_id)
        booked = moves(fund_usage.turnovers(connection, own)) if not words else None
        return Lineage(
            lines=queries.paid_lines(connection, own, grant_id, words, first=first, size=LINES_A_PAGE),
            sums=queries.lineage_sums(connection, own, grant_id, words),
            booked_fen=None if booked is None else -sum(_used(booked.get(one.grant_id, {})) for one in asked),
            grants=fund_usage.grants_asked(connection, own, None),
            names=people.names(connection, own),
        )


def _used(moved: Moves) -> int:
    months = moved.get(Balance.CASH, {}).values()
    return sum(fen for columns in months for column, fen in columns.items() if column.movement is Movement.USED)

"""What the office's screen shows: counts by stage, the most urgent, the shares of the month. No names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.persistence.queries import discharges as queries
from hospital_prepay.services.context import Context
from hospital_prepay.services.settlement.board import Board, BoardRow, Chosen, board
from hospital_prepay.services.settlement.reports import Line, month_so_far

MOST_URGENT: Final = 10


@dataclass(frozen=True, slots=True)
class Wall:
    """The screen at a moment."""

    now: datetime
    board: Board
    urgent: tuple[BoardRow, ...]
    month: Line


def read_wall(context: Context, actor: Actor) -> Wall:
    """The screen. Needs ``settlement.view``."""
    actor.require(Permission.SETTLEMENT_VIEW)
    whole, now = board(context, actor, Chosen()), context.clock.now()
    with context.database.reading() as connection:
        ruled = queries.BoardFilter(due_to=date.max)
        urgent = queries.open_rows(connection, actor.institution_id, ruled, limit=MOST_URGENT)
        month = month_so_far(connection, actor.institution_id, now)
    return Wall(now, whole, tuple(urgent), month)

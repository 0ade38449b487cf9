"""A settlement on paper: what it cost, who bears it, what was paid and given back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.persistence import settlements as store
from hospital_prepay.persistence import unclaimed
from hospital_prepay.persistence.queries import inpatient as queries
from hospital_prepay.persistence.settlements import Settlement
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient import lookup
from hospital_prepay.services.inpatient.lookup import Slip, StayCard
from hospital_prepay.services.settlement.results import BY_HAND


@dataclass(frozen=True, slots=True)
class SettlementPaper:
    """A settlement with everything its paper says. ``slips`` of what was paid towards it, or given back, stand;
    ``unclaimed_fen`` waits for somebody to fetch it; ``is_by_hand`` where the insurance's result was typed."""

    one: Settlement
    card: StayCard
    slips: tuple[Slip, ...]
    owed_fen: int
    unclaimed_fen: int
    is_by_hand: bool
    cashier: str
    station: str
    printed_at: datetime


def settlement_paper(context: Context, actor: Actor, stay_no: str, settlement_no: int) -> SettlementPaper:
    """A settlement as it is printed. Raises :class:`~hospital_prepay.domain.errors.NotFound`.

    Whoever collects prints it for the patient, with the full name; to everybody else names are masked.
    """
    actor.require(Permission.DESK_VIEW)
    card = lookup.find_stay(context, actor, stay_no)
    of_money = [
        one
        for one in lookup.slips_of_stay(context, actor, stay_no)
        if one.kind in ("topup", "return") and one.cancelled_by is None
    ]
    with context.database.reading() as connection:
        one = store.find(connection, actor.institution_id, stay_no, settlement_no)
        owed = store.owed_fen(connection, actor.institution_id, stay_no)
        left = sum(
            row.held_fen
            for row in unclaimed.of_stay(connection, actor.institution_id, stay_no)
            if row.state in ("waiting", "asked")
        )
        known = store.find_result(connection, actor.institution_id, one.setl_id) if one.setl_id else None
        cashier, station = queries.staff_name(connection, actor.institution_id, one.settled_by)
    by_hand = known is not None and known.source == BY_HAND
    slips = [slip for slip in reversed(of_money) if slip.issued_at >= one.settled_at]
    return SettlementPaper(one, card, tuple(slips), owed, left, by_hand, cashier, station, context.clock.now())

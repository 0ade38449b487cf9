"""What a second person looks at before a void or a refund: the receipts, the stay then and now, the decision."""

from __future__ import annotations

from dataclasses import dataclass

from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.persistence import receipts as books
from hospital_prepay.persistence.queries.placements import PastPlacement, placement_at
from hospital_prepay.persistence.queries.slip_requests import decision_of_request
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient import lookup
from hospital_prepay.services.inpatient.lookup import Slip, StayCard, WaitingRequest

# The frozen row that adapters show, under the service's own name: adapters know no tables.
__all__ = ["PastPlacement", "Review", "review_request"]


@dataclass(frozen=True, slots=True)
class Review:
    """A waiting request with what it is about. ``receipts`` are the slip to be voided or the receipts that stand;
    ``before`` is what the stay followed when the newest of them was issued, ``None`` where there is none.
    """

    request: WaitingRequest
    card: StayCard
    receipts: tuple[Slip, ...]
    before: PastPlacement | None
    decision_id: str | None


def review_request(context: Context, actor: Actor, request_id: str) -> Review:
    """A request that waits. Raises :class:`NotFound`, and :class:`Conflict` when it was decided already."""
    waiting = lookup.waiting_requests(context, actor)
    request = next((one for one in waiting if one.request_id == request_id), None)
    if request is None:
        with context.database.reading() as connection:
            books.stay_of_request(connection, actor.institution_id, request_id)
        raise Conflict("这份申请已经有人办理过了。请回到列表看结果。")
    slips = lookup.slips_of_stay(context, actor, request.stay_no)
    receipts = tuple(one for one in slips if _is_about(request, one))
    source = f"{request.kind}:{request.number or request.stay_no}"
    with context.database.reading() as connection:
        place = connection, actor.institution_id
        before = placement_at(*place, request.stay_no, receipts[0].issued_at) if receipts else None
        decision_id = decision_of_request(*place, source, request.requested_at)
    return Review(request, lookup.find_stay(context, actor, request.stay_no), receipts, before, decision_id)


def _is_about(request: WaitingRequest, slip: Slip) -> bool:
    if request.number:
        return slip.number == request.number
    return slip.kind == "deposit" and not slip.cancelled_by

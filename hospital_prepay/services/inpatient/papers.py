"""A slip on paper: what was issued, whatever happened to the stay since, and what became of the slip itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.slips import MONEY_IN
from hospital_prepay.persistence import decisions
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.queries import inpatient as queries
from hospital_prepay.persistence.queries.placements import placement_at
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient import lookup
from hospital_prepay.services.inpatient.lookup import Slip
from hospital_prepay.services.inpatient.stay_caps import Placement

# A print so long after the slip was issued isn't the first one.
_FIRST_PRINT: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Paper:
    """A slip with everything its paper says. ``cap`` and ``held`` are those of the moment of issue, ``None`` where
    no decision was kept; ``originals`` are the receipts that the money of a void or refund came from.
    """

    slip: Slip
    patient_name: str
    ward: str
    placement: Placement
    cap: Money | None
    held: Money | None
    originals: tuple[str, ...]
    cashier: str
    station: str
    approver: str
    printed_at: datetime

    @property
    def room(self) -> Money | None:
        """What could still be collected after the slip."""
        if self.cap is None or self.held is None:
            return None
        return Money(max(0, self.cap.fen - self.held.fen))

    @property
    def is_reprint(self) -> bool:
        """Whether it is printed again, well after it was issued."""
        return self.printed_at - self.slip.issued_at > _FIRST_PRINT


def issued_paper(context: Context, actor: Actor, number: str) -> Paper:
    """A slip as it was issued. Raises :class:`NotFound`.

    Whoever collects prints it for the patient, with the full name; to everybody else names are masked.
    """
    slip = lookup.find_slip(context, actor, number)
    card = lookup.find_stay(context, actor, slip.stay_no)
    slips = lookup.slips_of_stay(context, actor, slip.stay_no)
    with context.database.reading() as connection:
        past = placement_at(connection, actor.institution_id, slip.stay_no, slip.issued_at)
        facts = _facts(connection, actor, slip)
        cashier, station = queries.staff_name(connection, actor.institution_id, slip.issued_by)
        approver = slip.approved_by and queries.staff_name(connection, actor.institution_id, slip.approved_by)[0]
    then = past or card
    cap_fen = facts.get("cap_fen", then.cap_fen) if slip.kind == "deposit" else then.cap_fen
    return Paper(
        slip=slip,
        patient_name=card.patient_name,
        ward=card.ward,
        placement=Placement(then.disease_code, then.disease_name, then.insured_class, then.circumstance),
        cap=None if cap_fen is None else Money(cap_fen),
        held=_held_after(slip, facts),
        originals=_originals(slip, slips),
        cashier=cashier,
        station=station,
        approver=approver or "",
        printed_at=context.clock.now(),
    )


def _facts(connection: Connection, actor: Actor, slip: Slip) -> Mapping[str, Any]:
    if slip.decision_id is None:
        return {}
    return decisions.find(connection, actor.institution_id, slip.decision_id)[0].facts


def _held_after(slip: Slip, facts: Mapping[str, Any]) -> Money | None:
    """What the stay's deposits held once the slip was booked, from the facts of its decision."""
    if not facts:
        return None
    if slip.kind == "deposit":
        return Money(facts["collected_fen"] + facts["amount_fen"])
    came_back = slip.kind == "void" and facts["kind"] in ("refund", "return")
    return Money(facts["balance_fen"] + (slip.amount_fen if came_back else -slip.amount_fen))


def _originals(slip: Slip, slips: list[Slip]) -> tuple[str, ...]:
    """The slip that a void undid; of a refund the receipts that stood when it was made, oldest first."""
    if slip.kind == "void":
        return (slip.cancels,) if slip.cancels else ()
    if slip.kind in MONEY_IN:
        return ()
    undone = {one.cancels for one in slips if one.kind == "void" and one.issued_at <= slip.issued_at}
    stood = [one for one in slips if one.kind == "deposit" and one.issued_at <= slip.issued_at]
    return tuple(one.number for one in reversed(stood) if one.number not in undone)

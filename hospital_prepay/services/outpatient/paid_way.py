"""How a refund was really paid, for whoever reads it.

Where the bank's word changes after the refund was given another way, what arrives is the earlier attempt: it went by
the way, and rested on the review and the confirmation, that stood when it was sent.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hospital_prepay.persistence.outpatient_claims import ClaimRow, PayoutRow
from hospital_prepay.services.outpatient.claim_record import RecordEvent

_REVIEWS: Final = ("outpatient.review", "outpatient.redirect")
_CONFIRMS: Final = ("outpatient.confirm_claim",)
_PAID_STATES: Final = ("sent", "failed", "arrived")
Done = tuple[str | None, datetime | None]


@dataclass(frozen=True, slots=True)
class PaidWay:
    """By which ``route`` a refund was paid, or is to be. ``file_no`` is the bank file that says to which card, where
    the claim has named another way since; ``reviewed`` and ``confirmed`` tell who and when, as its payment had it."""

    route: str
    file_no: int | None
    reviewed: Done
    confirmed: Done


def paid_way(claim: ClaimRow, payouts: Sequence[PayoutRow], record: Sequence[RecordEvent]) -> PaidWay:
    """How ``claim`` was paid, by its attempts and what was done on it; as it stands, while nothing arrived."""
    arrived = arrived_attempt(claim, payouts)
    was = claim.reviewed_at is not None and claim.paid_at is not None and claim.reviewed_at > claim.paid_at
    is_before = claim.state in _PAID_STATES and was
    reviewed = _before(record, _REVIEWS, claim.paid_at) if is_before else (claim.reviewed_by, claim.reviewed_at)
    confirmed = _before(record, _CONFIRMS, claim.paid_at) if is_before else (claim.confirmed_by, claim.confirmed_at)
    if arrived is None:
        return PaidWay(claim.route, None, reviewed, confirmed)
    is_other = arrived.route != claim.route or is_before
    return PaidWay(arrived.route, arrived.file_no if is_other else None, reviewed, confirmed)


def arrived_attempt(claim: ClaimRow, payouts: Sequence[PayoutRow]) -> PayoutRow | None:
    """The attempt by which a refund arrived."""
    if claim.state != "arrived":
        return None
    return next((one for one in reversed(payouts) if one.state == "arrived"), None)


def _before(record: Sequence[RecordEvent], actions: Collection[str], moment: datetime | None) -> Done:
    """The last of these acts up to ``moment``."""
    found = [one for one in record if one.action in actions and moment is not None and one.at <= moment]
    return (found[-1].actor, found[-1].at) if found else (None, None)

"""What was done on a claim, as the audit trail holds it: no later step rewrites an earlier one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hospital_prepay.domain.masking import mask_within
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.outpatient_claims import ClaimRow, PayoutRow
from hospital_prepay.persistence.outpatient_contradictions import ContradictionRow
from hospital_prepay.persistence.queries import outpatient_record as queries
from hospital_prepay.persistence.queries.outpatient_record import RecordEvent

__all__ = ["RecordEvent", "record_on"]


def record_on(
    connection: Connection,
    institution_id: str,
    claim: ClaimRow,
    payouts: Sequence[PayoutRow],
    told: Sequence[ContradictionRow],
) -> list[RecordEvent]:
    """Every act on ``claim``, the first first; numbers of persons in what was written then are masked."""
    moments = [one.answered_at for one in payouts if one.answered_at is not None]
    found = queries.record_of(
        connection,
        institution_id,
        claim.claim_id,
        claim.refund_no,
        claim.account_no,
        [*moments, *(one.raised_at for one in told)],
    )
    return [replace(one, detail={name: _masked(value) for name, value in one.detail.items()}) for one in found]


def _masked(value: object) -> object:
    if isinstance(value, list):
        return [_masked(one) for one in value]
    return mask_within(value) if isinstance(value, str) else value

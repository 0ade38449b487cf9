"""Whether a lead hospital may hand a prepayment on to the members of its community."""

from __future__ import annotations

from hospital_prepay.domain.clauses import implements


@implements("weihai-prepay-2025/2.3")
def may_distribute(instrument: str) -> bool:
    """Only Weihai pays the lead hospital of a close community for all of it; anywhere else handing money on would be
    lending it, which the notices forbid."""
    return instrument == "weihai-prepay-2025"

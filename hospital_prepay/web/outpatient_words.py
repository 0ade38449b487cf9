"""What the pages of outpatient refunds share: marks of states, the ways of payment in words."""

from __future__ import annotations

from typing import Any, Final

from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.domain.rules.outpatient.life import AccountState, ClaimState

_ACCOUNT_KINDS: Final = {
    AccountState.OPEN: "wait",
    AccountState.REFUNDED: "ok",
    AccountState.UNCLEARABLE: "held",
    AccountState.FILED: "held",
    AccountState.FROZEN: "held",
    AccountState.REMITTED: "info",
    AccountState.RECLAIMED: "ok",
}
_CLAIM_KINDS: Final = {
    ClaimState.ACCEPTED: "wait",
    ClaimState.REVIEWED: "wait",
    ClaimState.CONFIRMED: "wait",
    ClaimState.SENT: "info",
    ClaimState.FAILED: "stop",
    ClaimState.ARRIVED: "ok",
    ClaimState.REJECTED: "idle",
    ClaimState.WITHDRAWN: "idle",
}
ACCOUNT_MARKS: Final = {state: {"kind": kind, "word": state.label} for state, kind in _ACCOUNT_KINDS.items()}
CLAIM_MARKS: Final = {state: {"kind": kind, "word": state.label} for state, kind in _CLAIM_KINDS.items()}


def way_lines(ways: tuple[tuple[Route, str], ...], chosen: str = "") -> list[dict[str, Any]]:
    """Every way of payment with its mark: chosen, possible, or not and why."""
    return [
        {
            "value": way.value,
            "label": way.label,
            "why_not": why,
            "mark": {"kind": "ok", "word": "选用"}
            if way == chosen
            else {"kind": "idle", "word": "不可用" if why else "备选"},
        }
        for way, why in ways
    ]

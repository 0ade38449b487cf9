"""The scheduler's daily step for discharges: it tells, people settle."""

from __future__ import annotations

from typing import Final

from hospital_prepay.jobs.daily import daily
from hospital_prepay.services.settlement import escalating

ESCALATE: Final = "settlement_escalate"


def escalate_discharges() -> dict[str, str]:
    """Bring what is pressing to whoever must do the next step; ``escalated`` or ``nothing`` by institution."""
    return daily(ESCALATE, escalating.escalate)

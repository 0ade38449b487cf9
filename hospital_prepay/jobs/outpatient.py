"""The scheduler's daily step for outpatient deposits: it proposes, people move money."""

from __future__ import annotations

from typing import Final

from hospital_prepay.jobs.daily import daily
from hospital_prepay.services.outpatient import proposals

PROPOSE: Final = "outpatient_propose"


def propose_remittance() -> dict[str, str]:
    """On a 31 December, or as soon after as a scheduler runs, propose what goes to the treasury; returns
    ``proposed`` or ``nothing`` by institution. Moves no money."""
    return daily(PROPOSE, proposals.propose_for_the_year)

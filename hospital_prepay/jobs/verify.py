"""The scheduler's daily check of the books."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from typing import Final

from hospital_prepay.clock import Clock, local
from hospital_prepay.domain.ledger.verification import Verification
from hospital_prepay.services.context import Context
from hospital_prepay.services.job_runs import run_for_each
from hospital_prepay.services.ledger.opening import opened_books
from hospital_prepay.services.ledger.seals import require_intact, verify_ledger
from hospital_prepay.settings import Settings

JOB: Final = "ledger_verify"
# The quiet hour: the check reads every entry.
HOUR: Final = 2


def verify_books() -> dict[str, str]:
    """Check seals, content and balances once a business date; returns what was found by institution.

    Takes nothing, so that a job row holds no object. Asked again on the same day it does nothing. Raises
    :class:`~hospital_prepay.services.ledger.seals.LedgerAltered` after writing down what is ``altered``.
    """
    settings, clock = Settings.from_environment(), Clock()
    with opened_books(settings, direct=True) as database:

        @cache
        def found() -> Verification:
            return verify_ledger(database, settings.data_dir, clock)

        def work(institution_id: str) -> str:
            broken = {finding.institution_id for finding in found().findings}
            return "altered" if institution_id in broken else "intact"

        outcomes = run_for_each(Context(settings, database, clock), JOB, business_date(clock.now()), work)
        if outcomes:
            require_intact(found())
        return outcomes


def business_date(moment: datetime) -> date:
    """The day whose check is due at ``moment``: a new one from two in the morning, Shanghai time."""
    return (local(moment) - timedelta(hours=HOUR)).date()

"""A step of the scheduler that each institution takes once a day of Shanghai."""

from __future__ import annotations

from collections.abc import Callable

from hospital_prepay.clock import Clock
from hospital_prepay.services.context import Context
from hospital_prepay.services.job_runs import run_for_each
from hospital_prepay.services.ledger.opening import opened_books
from hospital_prepay.settings import Settings


def daily(job: str, work: Callable[[Context, str], str]) -> dict[str, str]:
    """Takes nothing from the scheduler, so that a job row holds no object. Asked again on the same day it does
    nothing; raises what ``work`` raised for an institution, after the others had theirs."""
    settings, clock = Settings.from_environment(), Clock()
    with opened_books(settings, direct=True) as database:
        context = Context(settings, database, clock)
        return run_for_each(context, job, clock.today(), lambda institution_id: work(context, institution_id))

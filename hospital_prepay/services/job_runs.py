"""Dated jobs: each runs once a business date for each institution, whichever process asks how often."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import PrepayError
from hospital_prepay.persistence import job_runs
from hospital_prepay.persistence.queries.ledger import institution_ids
from hospital_prepay.services.context import Context

FAILED: Final = "failed"


def run_for_each(context: Context, job: str, business_date: date, work: Callable[[str], str]) -> dict[str, str]:
    """Run ``work(institution_id)`` for every institution with books for which ``job`` hasn't ended that day.

    Returns the outcomes by institution and keeps each in the audit trail. What ``work`` raises for one institution
    ends its run as ``failed``; the others have theirs, and then the first error goes on to the caller. A run that was
    broken off (the power failed) is begun again, so ``work`` must come to the same when it is repeated. Only the
    leading scheduler calls this.
    """
    with context.database.reading() as connection:
        known = institution_ids(connection)
    outcomes, failed = {}, list[PrepayError]()
    for institution_id in known:
        if _begin(context, institution_id, job, business_date):
            try:
                outcomes[institution_id] = _run(context, institution_id, job, business_date, work)
            except PrepayError as error:
                failed.append(error)
    if failed:
        raise failed[0]
    return outcomes


def _begin(context: Context, institution_id: str, job: str, business_date: date) -> bool:
    with context.database.writing() as connection:
        return job_runs.begin(connection, institution_id, job, business_date, context.clock.now())


def _run(context: Context, institution_id: str, job: str, business_date: date, work: Callable[[str], str]) -> str:
    try:
        outcome = work(institution_id)
    except PrepayError as error:
        _finish(context, institution_id, job, business_date, FAILED, error.reason)
        raise
    _finish(context, institution_id, job, business_date, outcome, outcome)
    return outcome


def _finish(context: Context, institution_id: str, job: str, business_date: date, outcome: str, reason: str) -> None:
    scheduler = Actor(institution_id, "scheduler", "定时任务", frozenset())
    with context.work(scheduler, f"job.{job}", business_date.isoformat()) as work:
        job_runs.finish(work.connection, institution_id, job, business_date, work.now, outcome)
        work.audit(outcome="failed" if outcome == FAILED else "done", detail={"outcome": reason})

"""The scheduler's daily steps for the restricted fund, each once a day of Shanghai and institution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hospital_prepay.clock import Clock
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund import reminders
from hospital_prepay.services.job_runs import run_for_each
from hospital_prepay.services.ledger.opening import opened_books
from hospital_prepay.settings import Settings

DUTIES: Final = "fund_duties"
RELEASE: Final = "fund_release"
ACCOUNT: Final = "fund_account"


def remind_duties() -> dict[str, str]:
    """Remind of what is due; returns ``reminded`` or ``nothing`` by institution. Moves no money."""
    return _daily(DUTIES, reminders.remind)


def release_reservations() -> dict[str, str]:
    """Give back what ran out, within its grant; returns ``released`` or ``nothing`` by institution."""
    return _daily(RELEASE, reminders.give_back_expired)


def check_shared_account() -> dict[str, str]:
    """Keep the day's figure of the shared account; returns ``covered`` or ``short`` by institution."""
    return _daily(ACCOUNT, reminders.check_shared_account)


def _daily(job: str, work: Callable[[Context, str], str]) -> dict[str, str]:
    """Takes nothing from the scheduler, so that a job row holds no object. Asked again on the same day it does
    nothing; raises what ``work`` raised for an institution, after the others had theirs."""
    settings, clock = Settings.from_environment(), Clock()
    with opened_books(settings, direct=True) as database:
        context = Context(settings, database, clock)
        return run_for_each(context, job, clock.today(), lambda institution_id: work(context, institution_id))

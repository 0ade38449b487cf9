"""Closed months that rest on what changed elsewhere: a balance of an earlier month, a file over several."""

from __future__ import annotations

from hospital_prepay.persistence.fund_reconciliation import period_steps
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.fund.months import is_shut, months_from, reopen_for
from hospital_prepay.services.fund.reconciliation import month_on


def changed_since(work: UnitOfWork, period: str) -> list[str]:
    """Closed months from ``period`` on that no longer hold what was closed."""
    own = work.institution_id
    shut = [one for one in sorted(months_from(work, period)) if is_shut(period_steps(work.connection, own, one))]
    return [one for one in shut if month_on(work.connection, own, one, work.today).changed]


def reopen_changed(work: UnitOfWork, period: str, ground: str) -> tuple[str, ...]:
    """Open them again, with the ground; returns which."""
    return reopen_for(work, changed_since(work, period), ground)

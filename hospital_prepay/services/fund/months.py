"""Months of reconciliation: their days, their state, and opening a closed one again for what is new in it."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.persistence import fund_reconciliation as store
from hospital_prepay.persistence.fund_reconciliation import PeriodStep
from hospital_prepay.persistence.unit_of_work import UnitOfWork

_PERIOD: Final = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])", re.ASCII)


def first_and_last(period: str) -> tuple[date, date]:
    """The days of a month such as ``2026-03``. Raises :class:`MalformedInput`."""
    found = _PERIOD.fullmatch(period)
    if not found:
        words = f"“{period[:20]}”不是月份，请写成 2026-03 这样。"
        raise MalformedInput(words, code="not_a_month", details={"field": "period"})
    year, month = int(found[1]), int(found[2])
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def month_of(day: date) -> str:
    """``2026-03``."""
    return day.isoformat()[:7]


def last_step(steps: Sequence[PeriodStep]) -> PeriodStep | None:
    """Where a month stands: ``made``, ``checked``, ``reopened`` or nothing yet."""
    return steps[-1] if steps else None


def is_shut(steps: Sequence[PeriodStep]) -> bool:
    """Whether a month was closed, by one person or by both."""
    last = last_step(steps)
    return last is not None and last.step != "reopened"


def months_from(work: UnitOfWork, period: str) -> set[str]:
    """Months from ``period`` on of which a step was ever taken."""
    steps = store.period_steps(work.connection, work.institution_id)
    return {one.period for one in steps if one.period >= period}


def reopen_for(work: UnitOfWork, periods: Iterable[str], ground: str) -> tuple[str, ...]:
    """Open those of ``periods`` again that were closed, with the ground; returns which."""
    reopened = []
    for period in sorted(set(periods)):
        steps = store.period_steps(work.connection, work.institution_id, period)
        if is_shut(steps):
            add_step(work, steps, period, "reopened", digest=steps[-1].digest, zero=False, ground=ground)
            work.audit(subject=f"month:{period}", detail={"reopened": period, "ground": ground})
            reopened.append(period)
    return tuple(reopened)


def add_step(work: UnitOfWork, steps: Sequence[PeriodStep], period: str, step: str, **values: Any) -> None:
    """Append the next step of a month."""
    store.add_step(
        work.connection,
        {
            "institution_id": work.institution_id,
            "period": period,
            "step_no": steps[-1].step_no + 1 if steps else 1,
            "step": step,
            "decision_id": None,
            "taken_by": work.act.actor.actor_id,
            "taken_at": work.now,
            **values,
        },
    )

"""The bank's slip behind an entry: its number and value day stand in a row, and no slip is booked twice."""

from __future__ import annotations

from datetime import date

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.persistence import fund_recalls as store
from hospital_prepay.persistence.unit_of_work import UnitOfWork


def keep_slip(work: UnitOfWork, kind: str, entry_no: int, reference: str, value_on: date) -> None:
    """Write it down with the entry of ``kind``. Raises :class:`Conflict` for a slip used before."""
    store.add_slip(
        work.connection,
        {
            "institution_id": work.institution_id,
            "kind": kind,
            "reference": reference.strip(),
            "entry_no": entry_no,
            "value_on": value_on,
            "recorded_by": work.act.actor.actor_id,
            "recorded_at": work.now,
        },
    )


def require_past(day: date, today: date, field: str) -> None:
    """Raise :class:`MalformedInput` for a day that hasn't come."""
    if day > today:
        words = f"{day} 还没有到，不能提前登记。请填今天（{today}）或之前的日期。"
        raise MalformedInput(words, code="day_ahead", details={"field": field})

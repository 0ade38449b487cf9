"""The bank's slip behind an entry: its number and value day stand in a row, and no slip is booked twice."""

from __future__ import annotations

from datetime import date

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.references import payment_reference
from hospital_prepay.persistence import fund_recalls as store
from hospital_prepay.persistence.unit_of_work import UnitOfWork


def keep_slip(work: UnitOfWork, kind: str, entry_no: int, reference: str, value_on: date) -> None:
    """Write it down with the entry of ``kind``. Raises :class:`Conflict` for a slip used before."""
    store.add_slip(
        work.connection,
        {
            "institution_id": work.institution_id,
            "kind": kind,
            "reference": payment_reference(reference),
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


def require_not_before(day: date, earliest: date | None, what: str, field: str) -> None:
    """Raise :class:`MalformedInput` for a day before the step that it follows."""
    if earliest is not None and day < earliest:
        words = f"{day} 早于{what}（{earliest}），不会是这一天。请核对回单上的日期。"
        raise MalformedInput(words, code="day_too_early", details={"field": field})

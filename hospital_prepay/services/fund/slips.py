"""The bank's slip behind an entry: its number and value day stand in a row, and it stands for one movement."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from hospital_prepay.domain.clauses import house_rule
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.references import payment_reference, slip_number
from hospital_prepay.persistence import fund_recalls as store
from hospital_prepay.persistence import fund_returns as returns
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.fund_reconciliation import lock_reconciliation
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.fund.months import month_of, months_from, reopen_for

FEW_DAYS: Final = timedelta(days=5)


def keep_slip(work: UnitOfWork, kind: str, entry_no: int, reference: str, value_on: date) -> None:
    """Write it down with the entry of ``kind``: as it was typed to be shown, and plain to be compared.

    Raises :class:`MalformedInput` for a number without a letter or digit, :class:`Conflict` for a slip that stands
    for another movement; a mirror may repeat that of its entry.
    """
    plain = _plain(reference)
    _require_not_settled(work.connection, work.institution_id, reference)
    if not kind.endswith(("_undone", "_bounced")):
        _require_no_slip(work.connection, work.institution_id, reference, but=entry_no)
    store.add_slip(
        work.connection,
        {
            "institution_id": work.institution_id,
            "kind": kind,
            "reference": plain,
            "as_typed": reference.strip(),
            "entry_no": entry_no,
            "value_on": value_on,
            "recorded_by": work.act.actor.actor_id,
            "recorded_at": work.now,
        },
    )


def require_new_slip(connection: Connection, institution_id: str, reference: str) -> None:
    """Raise as :func:`keep_slip` would for a new movement, before there is an entry."""
    _plain(reference)
    _require_not_settled(connection, institution_id, reference)
    _require_no_slip(connection, institution_id, reference)


def require_arrived_by(connection: Connection, institution_id: str, grant: GrantState, day: date, field: str) -> None:
    """Raise :class:`MalformedInput` for a day before the grant's money arrived."""
    arrived = store.arrived_on(connection, institution_id, grant.grant_id)
    require_not_before(day, arrived or grant.approved_on, "到账日" if arrived else "批复日", field)


def reopen_past_month(work: UnitOfWork, value_on: date, what: str) -> None:
    """Open every closed month from that of ``value_on`` on: it is about to get an entry, and those behind it another
    closing balance. Asked before the entry is posted, so that a closing and this wait for each other always in the
    same order."""
    period = month_of(value_on)
    if period < month_of(work.today):
        lock_reconciliation(work.connection, work.institution_id)
        reopen_for(work, months_from(work, period), f"登记了 {value_on} 的{what}")


@house_rule
def is_late_slip(value_on: date, booked_on: date) -> bool:
    """Whether a slip was booked so long after its day that one person's word for that day isn't enough."""
    return booked_on - value_on > FEW_DAYS


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


def _plain(reference: str) -> str:
    plain = payment_reference(reference)
    if not plain:
        words = "银行回单号里没有数字或字母，请照回单填写，例如 HD20260115001。"
        raise MalformedInput(words, details={"field": "bank_reference"})
    return plain


def _require_not_settled(connection: Connection, institution_id: str, reference: str) -> None:
    number = slip_number(reference)
    if any(slip_number(one) == number for one in returns.settlement_references(connection, institution_id)):
        raise Conflict(store.SLIP_USED)


def _require_no_slip(connection: Connection, institution_id: str, reference: str, but: int | None = None) -> None:
    """Without the word before a number, as outpatients' slips are compared; the numbers of before 0032 may have
    letters of other scripts."""
    number = slip_number(reference)
    free = returns.mistaken(connection, institution_id) | {but}
    for one in store.slips(connection, institution_id).values():
        if slip_number(one.as_typed or one.reference) == number and one.entry_no not in free:
            raise Conflict(store.SLIP_USED)

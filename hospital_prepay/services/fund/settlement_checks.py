"""What every settlement is looked at for: its paper stands once, and its size is like that of other months."""

from __future__ import annotations

from datetime import date
from typing import Final

from hospital_prepay.domain.clauses import house_rule
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.references import payment_reference
from hospital_prepay.domain.rules.fund.henan_month import month_after
from hospital_prepay.persistence import fund_reconciliation as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.fund_reconciliation import Settlement
from hospital_prepay.services.fund import slips
from hospital_prepay.services.fund.months import first_and_last

# House rule: a slip of the pen is seen by the zero that is too many.
TIMES_USUAL: Final = 10
_MONTHS: Final = 12
# House rule: an agency settles late, but nobody saw it settle a month more than two years after it.
MONTHS_AFTER: Final = 24


def largest_month(connection: Connection, institution_id: str) -> Money | None:
    """The most that the hospital is known to have been paid for a month: by a settlement in the books, or by what
    its applications said of a whole year; ``None`` when neither is known."""
    settled = store.largest_settled_fen(connection, institution_id)
    yearly = store.yearly_paid_fen(connection, institution_id)
    known = [fen for fen in (settled, *(one // _MONTHS for one in yearly)) if fen]
    return Money(max(known)) if known else None


def last_actual_fen(settlements: list[Settlement], period: str, fund: str, cross_region: bool) -> int | None:
    """What was actually settled for the cycle before ``period``, ``None`` while that isn't known."""
    before = month_after(period, -1)
    found = [
        one.settled_fen
        for one in settlements
        if (one.period, one.fund, one.cross_region) == (before, fund, cross_region)
        and one.kind in ("settlement", "actual")
    ]
    return sum(found) if found else None


def require_usual(connection: Connection, institution_id: str, amount: Money, confirmed: bool) -> None:
    """Raise :class:`MalformedInput` for a settlement far beyond other months that nobody confirmed."""
    usual = largest_month(connection, institution_id)
    if usual is not None and amount.fen > TIMES_USUAL * usual.fen and not confirmed:
        words = f"数额比往月大得多，请核对后勾选确认。往月最多约 {usual} 元，这次 {amount} 元。"
        raise MalformedInput(words, code="unusual_amount", details={"field": "unusual"})


@house_rule
def require_near_its_month(period: str, paid_on: date) -> None:
    """Raise :class:`MalformedInput` for a day before the month of the costs, or more than two years after it."""
    first, _ = first_and_last(period)
    until = first_and_last(month_after(period, MONTHS_AFTER))[1]
    if not first <= paid_on <= until:
        words = f"{period} 的费用，到账或付出的日子要在 {first} 到 {until} 之间；填的是 {paid_on}。请核对。"
        raise MalformedInput(words, code="day_far_outside", details={"field": "paid_on"})


def require_new_slip(connection: Connection, institution_id: str, reference: str) -> None:
    """Raise :class:`MalformedInput` for a number without a letter or digit, :class:`Conflict` for a slip that a
    settlement of any month or fund, or another movement of a grant, stands on already, however it is spelled."""
    plain = payment_reference(reference)
    if not plain:
        words = "银行回单号里没有数字或字母，请照回单填写，例如 HD20260115001。"
        raise MalformedInput(words, details={"field": "bank_reference"})
    for one in store.settlements(connection, institution_id):
        if one.bank_reference and payment_reference(one.bank_reference) == plain:
            raise Conflict(f"这张回单已经登记在 {one.period} 的结算款上。请核对回单号；本次没有入账。")
    slips.require_new_slip(connection, institution_id, reference)

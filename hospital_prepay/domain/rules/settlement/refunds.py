"""Money after a settlement: when a refund has arrived, by which way it goes again, who may fetch what is left.

Settled and arrived are two clocks: article 19 gives the first its days, the second has the hospital's own limit only.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.calendar import WorkingDayCalendar
from hospital_prepay.domain.clauses import house_rule, implements
from hospital_prepay.domain.errors import CalendarUnknown
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.rules.settlement.clocks import SETTLED_IN_TIME
from hospital_prepay.domain.rules.settlement.settling import Rest
from hospital_prepay.domain.visits import Disposition


class Complete(StrEnum):
    """The answers to when a settlement is complete: reading ``settlement_complete``."""

    ORDERED = "result_document_refund_order"
    DOCUMENT = "result_and_document"
    ARRIVED = "refund_arrived"


class Claimant(StrEnum):
    """Who comes for what was left."""

    PATIENT = "patient"
    HEIR = "heir"

    @property
    def label(self) -> str:
        """The words on screens."""
        return CLAIMANT_LABELS[self]


CLAIMANT_LABELS: Final = {Claimant.PATIENT: "患者本人", Claimant.HEIR: "继承人或家属"}
# Nobody may be there: the patient died, or left without a word.
_NOBODY_THERE: Final = frozenset({Disposition.DIED, Disposition.AGAINST_ADVICE})


@implements(SETTLED_IN_TIME)
def is_complete(reading: Complete, *, is_refund_awaited: bool) -> bool:
    """Whether a discharge counts as settled now that its document stands and what goes back was ordered.

    Only the strictest reading waits until the money is with the patient. What nobody has come to fetch is ordered to
    nobody, and holds no clock.
    """
    return reading is not Complete.ARRIVED or not is_refund_awaited


@house_rule
def usual_rest(disposition: str) -> Rest:
    """What is proposed: given back at once, but where nobody may be there to take it."""
    return Rest.LEFT if disposition in _NOBODY_THERE else Rest.BACK


@house_rule
def ways_again(first: Tender) -> tuple[Tender, ...]:
    """By which ways a refund goes that came back: the same again under the same number, the patient's own bank
    account, cash at the window."""
    return tuple(dict.fromkeys((first, Tender.TRANSFER, Tender.CASH)))


@house_rule
def days_on_the_way(sent_on: date, today: date, calendar: WorkingDayCalendar) -> int:
    """Working days since a refund was sent; days where the holidays of the year aren't announced."""
    try:
        return calendar.count_working_days(sent_on, today)
    except CalendarUnknown:
        return (today - sent_on).days


@house_rule
def is_overdue(days: int, limit: int) -> bool:
    """Whether a refund should have arrived: the hospital's own limit, which itself is still in time."""
    return days > limit


@house_rule
def needs_second(claimant: Claimant) -> bool:
    """Whether another person confirms who fetches what was left: for everybody but the patient."""
    return claimant is not Claimant.PATIENT

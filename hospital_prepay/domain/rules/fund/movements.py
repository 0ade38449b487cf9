"""What is held side by side in a reconciliation: legs of our own entries, and lines of the bank and of the agency.

An entry is classified by the accounts it moves, never by its kind: a kind that comes later is read the same way.
Amounts are signed fen. At the bank money in is above zero; at the agency a grant, return or offset is above zero, and
a settlement below it when the hospital pays back.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.clauses import house_rule


class Side(StrEnum):
    """With whom an item is compared."""

    BANK = "bank"
    AGENCY = "agency"


class Event(StrEnum):
    """What moved, by accounts: a payment is money to a supplier, or money of one that came back; a member's is handed
    on within a grant, or came back from there; a claim's is the hospital's own money that a member or a person
    responsible pays back to it."""

    GRANT = "grant"
    RETURN = "return"
    OFFSET = "offset"
    SETTLEMENT = "settlement"
    PAYMENT = "payment"
    MEMBER = "member"
    CLAIM = "claim"


AGENCY_EVENTS: Final = (Event.GRANT, Event.RETURN, Event.OFFSET, Event.SETTLEMENT)
# Words by which a line of a shared account is taken for insurance money.
_INSURANCE: Final = ("医保", "医疗保障", "医疗保险", "社会保险", "社保", "预付金", "预拨")
# Insurance money that comes through the treasury bears the treasury's name; then less of a remark is enough.
_TREASURY: Final = "财政"
_THROUGH_TREASURY: Final = ("医保", "预付")


@dataclass(frozen=True, slots=True)
class OwedChange:
    """What an entry did to the debt of one grant: above zero when more is owed. ``fund`` is the grant's."""

    grant_id: str
    fund: str
    fen: int


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry of our books with its net effect on bank (1002), receivable (12120201) and what is owed (23050101).

    It belongs to ``day``; the books took it on ``booked_on``. ``restricted`` when a line of it belongs to a grant.
    Reference and payee are empty while nobody recorded them;
    ``fund`` is that of a settlement, ``to_member`` tells that what members hold of a grant changed, ``on_claim`` that
    the bank's slip of a claim that came out of a grant stands beside the entry.
    """

    entry_no: int
    day: date
    summary: str
    bank_fen: int
    receivable_fen: int
    owed: tuple[OwedChange, ...]
    restricted: bool
    reference: str = ""
    payee: str = ""
    fund: str = ""
    to_member: bool = False
    on_claim: bool = False
    booked_on: date | None = None

    @property
    def booked_later(self) -> bool:
        """Whether the books took it only after the month to which it belongs."""
        return self.booked_on is not None and self.booked_on.isoformat()[:7] > self.day.isoformat()[:7]


@dataclass(frozen=True, slots=True)
class Leg:
    """The part of an entry that one side must show, too. ``counts`` is false for ordinary money of the hospital,
    which may be on whatever account: it explains a line of the bank, and asks for none."""

    key: str
    side: Side
    event: Event
    entry_no: int
    day: date
    amount_fen: int
    summary: str
    reference: str = ""
    payee: str = ""
    fund: str = ""
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a statement. ``event`` and ``fund`` are the agency's word, unknown at the bank; ``counts`` is false
    for a line of a shared account that has nothing to do with the insurance."""

    key: str
    side: Side
    day: date
    amount_fen: int
    event: Event | None = None
    reference: str = ""
    payee: str = ""
    remark: str = ""
    fund: str = ""
    counts: bool = True


def legs_of(movement: Movement) -> tuple[Leg, ...]:
    """What bank and agency must show of an entry; nothing of one that is neither restricted nor a settlement, and of
    what is paid on a claim what the bank may show.

    A settlement moves bank and receivable against each other, so that a patient's top-up at discharge is none.
    """
    settled = movement.bank_fen * movement.receivable_fen < 0
    if not (movement.restricted or settled):
        paid = movement.on_claim and movement.bank_fen
        return (replace(_leg(movement, Side.BANK, Event.CLAIM, paid), counts=False),) if paid else ()
    legs = []
    if movement.bank_fen:
        legs.append(_leg(movement, Side.BANK, _bank_event(movement, settled), movement.bank_fen))
    for change in sorted(movement.owed, key=lambda one: one.grant_id):
        if change.fen:
            legs.append(_leg(movement, Side.AGENCY, _owed_event(movement, change), abs(change.fen), change))
    if settled:
        legs.append(_leg(movement, Side.AGENCY, Event.SETTLEMENT, movement.bank_fen))
    return tuple(legs)


@house_rule
def counts_for_the_fund(payee: str, remark: str, suppliers: frozenset[str], *, dedicated: bool) -> bool:
    """Whether a bank line must be explained: each one of a dedicated account; of a shared one those of the insurance,
    of the treasury for it, and of suppliers that were paid from a grant. ``suppliers`` are plain names
    (:func:`plain_name`)."""
    if dedicated or plain_name(payee) in suppliers:
        return True
    if _TREASURY in payee and any(word in remark for word in _THROUGH_TREASURY):
        return True
    return any(word in payee or word in remark for word in _INSURANCE)


def plain_name(text: str) -> str:
    """A name as it is compared: narrow, without spaces and brackets' width."""
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


def _leg(movement: Movement, side: Side, event: Event, fen: int, change: OwedChange | None = None) -> Leg:
    part = f":{change.grant_id}" if change else f":{event.value}"
    return Leg(
        key=f"{side.value}:{movement.entry_no}{part}",
        side=side,
        event=event,
        entry_no=movement.entry_no,
        day=movement.day,
        amount_fen=fen,
        summary=movement.summary,
        reference=movement.reference,
        payee=movement.payee,
        fund=change.fund if change else movement.fund,
    )


def _bank_event(movement: Movement, settled: bool) -> Event:
    if settled:
        return Event.SETTLEMENT
    if not any(change.fen for change in movement.owed):
        return Event.MEMBER if movement.to_member else Event.PAYMENT
    return Event.GRANT if movement.bank_fen > 0 else Event.RETURN


def _owed_event(movement: Movement, change: OwedChange) -> Event:
    if change.fen > 0:
        return Event.GRANT
    netted = any(one.fen > 0 for one in movement.owed)
    return Event.RETURN if movement.bank_fen < 0 and not netted else Event.OFFSET

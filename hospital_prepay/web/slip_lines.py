"""A slip in a list: what it put into the drawer, what is to be known of it, what may be done with it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.channels import usual_channel
from hospital_prepay.domain.rules.settlement.settling import Channel
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.services.inpatient.lookup import Slip, StayCard
from hospital_prepay.services.inpatient.slips import void_objections

_WORDS: Final = {"refund": "退款", "return": "结算退款", "topup": "补交结算款", "again": "改退现金"}


def slip_state(slip: Slip, waiting: Collection[str]) -> dict[str, str] | None:
    """What is to be known of a slip at a glance; ``waiting`` are those whose void waits for a second person."""
    if slip.cancelled_by:
        return {"kind": "stop", "word": "已作废"}
    if slip.number in waiting:
        return {"kind": "held", "word": "作废待复核"}
    if slip.kind == "void":
        return {"kind": "idle", "word": f"红字，冲 {slip.cancels}"}
    return {"kind": "wait", "word": _WORDS[slip.kind]} if slip.kind in _WORDS else None


def offers(slip: Slip, card: StayCard, waiting: Collection[str]) -> dict[str, str | None]:
    """What may be done with a slip now, and nothing that must fail: its void, or for a receipt of an earlier day
    the refund of money that the stay still holds. ``card`` is the slip's stay."""
    today = current_context().clock.today()
    asks = current_actor().may(Permission.SLIP_REQUEST)
    free = asks and slip.number not in waiting
    is_on_its_way = slip.kind == "return" and slip.tender != Tender.CASH
    may_void = free and not is_on_its_way and not void_objections(slip, card.collected_fen, card.cap_fen, today)
    earlier = slip.kind == "deposit" and not slip.cancelled_by and local(slip.issued_at).date() < today
    return {
        "void_href": f"/desk/receipts/{slip.number}/void" if may_void else None,
        "refund_href": f"/desk/stays/{slip.stay_no}/refund" if free and earlier and card.collected_fen else None,
    }


def receipt_line(slip: Slip, waiting: Collection[str]) -> dict[str, Any]:
    """A slip in a list, without what may be done with it."""
    return {
        "at": slip.issued_at,
        "receipt_no": slip.number,
        "tender_label": Tender(slip.tender).label,
        "amount_fen": slip.moved_fen,
        "voided": slip.cancelled_by is not None,
        "state": slip_state(slip, waiting),
        "print_href": f"/desk/receipts/{slip.number}/print",
    }


def channel_choices(said: str = "") -> list[dict[str, Any]]:
    """Where money is taken, the window first; what was said is chosen, or what is usual for who acts."""
    chosen = said or usual_channel(current_actor()).value
    order = (Channel.WINDOW, Channel.BEDSIDE, Channel.ONLINE)
    return [{"value": one.value, "label": one.label, "is_chosen": one.value == chosen} for one in order]


def short_words(amount: Money) -> str:
    """Capital numerals without the currency in front."""
    return amount.in_words().removeprefix("人民币")

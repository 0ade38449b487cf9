"""Today's slips of one cashier: what they come to by way of paying, and what should lie in the drawer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.http.current import current_actor
from hospital_prepay.http.forms import Form
from hospital_prepay.services.inpatient.lookup import Slip, StayCard
from hospital_prepay.web.slip_lines import offers, slip_state


def shift_page(slips: list[Slip], cards: Mapping[str, StayCard], waiting: Collection[str]) -> dict[str, Any]:
    """Today's slips, newest first, and what they come to by way of paying. Refunds that somebody else approved are
    no act of this shift: they stand apart as 代退. Cash of both went through one drawer (``drawer``)."""
    drawer = _drawer(slips)
    paid = [slip for slip in slips if slip.kind == "refund"]
    slips = [slip for slip in slips if slip.kind != "refund"]
    totals = [_total(tender, [slip for slip in slips if slip.tender == tender.value]) for tender in Tender]
    used = [total for total in totals if total["count"]]
    last, first = (slips[0], slips[-1]) if slips else (None, None)
    summed = {key: sum(total[key] for total in used) for key in ("count", "in_fen", "out_fen", "net_fen")}
    shift = None
    if last and first:
        shift = {
            "name": "今日",
            "book": last.book,
            "opened_at": first.issued_at,
            "first_no": first.number,
            "last_no": last.number,
            "count": len(slips),
            "total_fen": summed["net_fen"],
        }
    return {
        "shift": shift,
        "totals": used,
        "sum": summed,
        "drawer": drawer,
        "receipts": [_shift_line(slip, cards[slip.stay_no], waiting) for slip in slips],
        "paid_out": [_shift_line(slip, cards[slip.stay_no], waiting) for slip in paid],
        "paid_out_fen": sum(slip.amount_fen for slip in paid),
        "page": {
            "first": min(1, len(slips)),
            "last": len(slips),
            "total": len(slips),
            "unit": "张",
            "previous_href": None,
            "next_href": None,
        },
        "form": Form(),
        "may_close": False,
        "idempotency_key": "",
        "pending_voids": len(waiting),
    }


def _drawer(slips: list[Slip]) -> dict[str, int] | None:
    """What should have come into the drawer today, in fen, less what went out: every slip of cash, 代退 too."""
    cash = [slip for slip in slips if slip.tender == Tender.CASH]
    if not cash:
        return None
    amounts = [slip.moved_fen for slip in cash]
    in_fen = sum(amount for amount in amounts if amount > 0)
    return {"in_fen": in_fen, "out_fen": in_fen - sum(amounts), "net_fen": sum(amounts)}


def _total(tender: Tender, mine: list[Slip]) -> dict[str, Any]:
    amounts = [slip.moved_fen for slip in mine]
    return {
        "tender_label": tender.label,
        "count": len(mine),
        "in_fen": sum(amount for amount in amounts if amount > 0),
        "out_fen": -sum(amount for amount in amounts if amount < 0),
        "net_fen": sum(amounts),
    }


def _shift_line(slip: Slip, card: StayCard, waiting: Collection[str]) -> dict[str, Any]:
    return {
        "receipt_no": slip.number,
        "at": local(slip.issued_at),
        "kind": slip_state(slip, waiting) or {"kind": "info", "word": "收款"},
        "voided": slip.cancelled_by is not None,
        "name": card.patient_name,
        "stay_no": slip.stay_no,
        "tender_label": Tender(slip.tender).label,
        "amount_fen": slip.moved_fen,
        "entry_no": str(slip.entry_no),
        "entry_href": f"/finance/ledger/{slip.entry_no}" if current_actor().may(Permission.LEDGER_VIEW) else None,
        "print_href": f"/desk/receipts/{slip.number}/print",
        **offers(slip, card, waiting),
    }

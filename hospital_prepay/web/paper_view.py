"""A slip on paper, and what a second person reads before there is one: the words for both."""

from __future__ import annotations

from typing import Any, Final

from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.rules.settlement.settling import Channel
from hospital_prepay.http.current import current_actor
from hospital_prepay.services.inpatient.papers import Paper
from hospital_prepay.services.inpatient.request_review import Review
from hospital_prepay.services.inpatient.stays import Placement
from hospital_prepay.web import slips_view
from hospital_prepay.web.decision_view import decision_href, decision_number
from hospital_prepay.web.desk_view import class_label

_TITLES: Final = {
    "deposit": "住院预交金收据",
    "void": "住院预交金红字收据",
    "refund": "住院预交金退款凭据",
    "topup": "出院结算补交款收据",
    "return": "出院结算退款凭据",
    "again": "退款改退现金凭据",
}
_WORDS: Final = {
    "deposit": "",
    "void": "红字",
    "refund": "退款",
    "topup": "补交",
    "return": "退款",
    "again": "退款",
}


def receipt(paper: Paper) -> dict[str, Any]:
    """What the template of a slip shows."""
    slip = paper.slip
    return {
        "title": _TITLES[slip.kind],
        "receipt_no": slip.number,
        "kind": slip.kind,
        "at": slip.issued_at,
        "name": paper.patient_name,
        "stay_no": slip.stay_no,
        "ward": paper.ward,
        "tender_label": Tender(slip.tender).label,
        "channel_label": None if slip.channel == Channel.WINDOW else Channel(slip.channel).label,
        "reference_tail": slip.payment_reference[-4:] or None,
        "payer": slip.payer or "—",
        "amount_word": _WORDS[slip.kind],
        "amount_fen": slip.amount_fen,
        "words": slip.amount.in_words(),
        "ground": slip.ground,
        "disease_name": paper.placement.disease_name,
        "class_label": class_label(paper.placement),
        "cap_fen": None if paper.cap is None else paper.cap.fen,
        "total_fen": None if paper.held is None else paper.held.fen,
        "room_fen": None if paper.room is None else paper.room.fen,
        "cashier": paper.cashier,
        "station": paper.station or None,
        "approver": paper.approver,
        "original_no": "、".join(paper.originals),
        "cancelled_by": slip.cancelled_by,
        "printed_at": paper.printed_at,
        "reprint": paper.is_reprint,
        "for_patient": current_actor().calls_patients,
    }


def review(found: Review) -> dict[str, Any]:
    """A waiting request with what it is about."""
    card, before = found.card, found.before
    now = Placement(card.disease_code, card.disease_name, card.insured_class, card.circumstance)
    then = None
    if before is not None:
        then = Placement(before.disease_code, before.disease_name, before.insured_class, before.circumstance)
    changed = before is not None and before.version_no != card.cap_version
    return {
        "request": slips_view.waiting(found.request, current_actor()),
        "receipts": [
            {
                "receipt_no": one.number,
                "at": one.issued_at,
                "tender_label": Tender(one.tender).label,
                "amount_fen": one.amount_fen,
                "print_href": f"/desk/receipts/{one.number}/print",
            }
            for one in found.receipts
        ],
        **slips_view.paid_out(found.receipts[0] if found.request.number and found.receipts else None),
        "before": _followed(then, before.cap_fen) if changed and then and before else None,
        "now": _followed(now, card.cap_fen),
        "held_fen": card.collected_fen,
        "decision": None
        if found.decision_id is None
        else {"number": decision_number(found.decision_id), "href": decision_href(found.decision_id)},
    }


def _followed(placement: Placement, cap_fen: int | None) -> dict[str, Any]:
    return {
        "disease": f"{placement.disease_name} {placement.disease_code}",
        "class_label": class_label(placement),
        "cap_fen": cap_fen,
    }

"""A slip on paper: the words for what was issued."""

from __future__ import annotations

from typing import Any, Final

from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.http.current import current_actor
from hospital_prepay.services.inpatient.papers import Paper
from hospital_prepay.web.desk_view import class_label

_TITLES: Final = {"deposit": "住院预交金收据", "void": "住院预交金红字收据", "refund": "住院预交金退款凭据"}
_WORDS: Final = {"deposit": "", "void": "红字", "refund": "退款"}


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

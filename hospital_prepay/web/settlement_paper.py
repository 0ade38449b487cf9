"""``/settlement/stays/<no>/settlements/<n>/print``: a settlement on paper, with its QR code."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, render_template
from markupsafe import Markup

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.rules.settlement.settling import Channel, SettlementKind
from hospital_prepay.files.qr import qr_svg
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.permission import requires
from hospital_prepay.services.inpatient import lookup
from hospital_prepay.services.settlement.papers import SettlementPaper, settlement_paper
from hospital_prepay.web.settlement_words import PARTS

_SLIPS: Final = {"topup": "补交", "return": "退款"}
blueprint = Blueprint("settlement_paper", __name__, url_prefix="/settlement/stays")


@blueprint.get("/<stay_no>/settlements/<int:settlement_no>/print")
@requires(Permission.DESK_VIEW)
def print_settlement(stay_no: str, settlement_no: int) -> str:
    """A settlement for 80 mm paper."""
    found = settlement_paper(current_context(), current_actor(), stay_no, settlement_no)
    url = lookup.verify_url(current_context(), found.one.token)
    return render_template(
        "print/settlement.html",
        paper=_paper(found),
        verify_url=url,
        qr_svg=Markup(qr_svg(url)),
        back_href=f"/settlement/stays/{stay_no}",
    )


def _paper(found: SettlementPaper) -> dict[str, Any]:
    one, card = found.one, found.card
    kind = SettlementKind(one.kind)
    return {
        "title": f"{kind.label}结算单" if kind is SettlementKind.INTERIM else "出院结算单",
        "number": one.number,
        "at": one.settled_at,
        "name": card.patient_name,
        "stay_no": card.stay_no,
        "ward": card.ward or "—",
        "class_label": InsuredClass(card.insured_class).label,
        "discharged_at": one.discharged_at,
        "channel": Channel(one.channel).label,
        "parts": [(label, getattr(one, f"{name}_fen")) for name, label in PARTS],
        "applied_fen": one.applied_fen,
        "slips": [
            {
                "label": _SLIPS[slip.kind],
                "number": slip.number,
                "tender": Tender(slip.tender).label,
                "amount_fen": slip.amount_fen,
            }
            for slip in found.slips
        ],
        "owed_fen": found.owed_fen,
        "unclaimed_fen": found.unclaimed_fen,
        "by_hand": found.is_by_hand,
        "invoice_no": one.invoice_no,
        "recalled_at": one.recalled_at,
        "cashier": found.cashier,
        "station": found.station or None,
        "printed_at": found.printed_at,
        "for_patient": current_actor().calls_patients,
    }

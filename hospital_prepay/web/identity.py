"""``/desk/stays/…/identity``: what is masked of a patient, in full for a written reason that the trail keeps."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form, WrongForm, read_form
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.desk import RevealSchema
from hospital_prepay.services.inpatient import lookup

blueprint = Blueprint("identity", __name__, url_prefix="/desk")
_REASONS: Final = ("与证件核对身份", "给患者打电话", "开具证明或办理退款", "审计或复核要核对", "其他")


@blueprint.get("/stays/<stay_no>/identity")
@requires(Permission.REVEAL_IDENTITY)
def ask(stay_no: str) -> str:
    """The form that asks why."""
    return _page(stay_no, Form(), None)


@blueprint.post("/stays/<stay_no>/identity")
@requires(Permission.REVEAL_IDENTITY)
def reveal(stay_no: str) -> Any:
    """Show what was asked for, once: nothing is kept in the address or the browser's cache."""
    try:
        ground = read_form(RevealSchema()).ground
    except WrongForm as wrong:
        return _page(stay_no, wrong.form, None), 422
    found = lookup.reveal(current_context(), current_actor(), stay_no, ground)
    return _page(stay_no, Form(), _revealed(found, ground))


def _revealed(found: lookup.Revealed, ground: str) -> dict[str, Any]:
    card = found.card
    return {
        "name": card.patient_name,
        "certificate": card.certificate or None,
        "phone": card.phone or None,
        "slips": [
            {"receipt_no": one.number, "payer": one.payer or "—", "reference": one.payment_reference or "—"}
            for one in reversed(found.slips)
        ],
        "ground": ground,
    }


def _page(stay_no: str, form: Form, shown: dict[str, Any] | None) -> str:
    card = lookup.find_stay(current_context(), current_actor(), stay_no)
    return render_template(
        "pages/inpatient/identity.html",
        stay={
            "stay_no": stay_no,
            "name": card.patient_name,
            "ward": card.ward,
            "certificate_masked": card.certificate or None,
            "phone_masked": card.phone or None,
        },
        form=form,
        reasons=[{"value": words, "label": words, "note": None} for words in _REASONS],
        shown=shown,
    )

"""``/desk/stays/…/identity``: certificate and phone in full, for a written reason that the audit trail keeps."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.masking import mask_certificate, mask_phone
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form, WrongForm, read_form
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.desk import RevealSchema
from hospital_prepay.services.inpatient import desk as service

blueprint = Blueprint("identity", __name__, url_prefix="/desk")
_REASONS: Final = ("与证件核对身份", "给患者打电话", "开具证明或办理退款", "其他")


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
    certificate, phone = service.reveal_identity(current_context(), current_actor(), stay_no, ground)
    return _page(stay_no, Form(), {"certificate": certificate or None, "phone": phone or None, "ground": ground})


def _page(stay_no: str, form: Form, shown: dict[str, str | None] | None) -> str:
    found = service.desk_stay(current_context(), current_actor(), stay_no)
    return render_template(
        "pages/inpatient/identity.html",
        stay={
            "stay_no": stay_no,
            "name": found.card.patient_name,
            "ward": found.card.ward,
            "certificate_masked": mask_certificate(found.certificate) if found.certificate else None,
            "phone_masked": mask_phone(found.phone) if found.phone else None,
        },
        form=form,
        reasons=[{"value": words, "label": words, "note": None} for words in _REASONS],
        shown=shown,
    )

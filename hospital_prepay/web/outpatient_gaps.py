"""What is missing in the form of a refund, all of it at once, and nothing that can't be on record."""

from __future__ import annotations

from typing import Final

from hospital_prepay.domain.decision import Reason
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, needed_papers
from hospital_prepay.http.forms import Form
from hospital_prepay.schemas.outpatient_claims import PAPER
from hospital_prepay.services.outpatient.claim_review import Owner

_ONLY_SLIP: Final = (
    "账户没有登记证件号，也没有登记手机号，只凭证件认不出是谁的钱。请交预交金凭条；"
    "没有凭条的，请财务凭缴费记录先办身份更正。"
)
_ONLY_SLIP_FOR_SIGNS: Final = (
    "账户登记的姓名只有符号，也没有登记手机号，认不出是谁的钱。请交预交金凭条；没有凭条的，请财务先办身份更正。"
)
# As they stand in the form.
_FIELDS: Final = (
    *("claimant_name", "certno", "phone", "patient_name", "patient_certno", "patient_phone"),
    *("papers", "route", "bank", "card_no", "taken_over_for", "beyond", "ground"),
)


def told(owner: Owner, reason: Reason) -> str:
    """The rule's words; a phone isn't asked for where none is on record that it could be compared with."""
    if reason.code == "missing_proof" and not owner.has_phone:
        return _ONLY_SLIP if owner.unregistered else _ONLY_SLIP_FOR_SIGNS
    return reason.message


def with_gaps(owner: Owner, claimant: Claimant, form: Form) -> Form:
    """A form that came back, with everything else that is missing: who fills it in again sees it at once. The rule
    and the service look at it all the same."""
    gaps: dict[str, str] = {}
    if claimant is not Claimant.SELF and not owner.unregistered and not form.entered.get("patient_certno"):
        gaps["patient_certno"] = "请填患者证件号，照患者的证件写（人已去世的，照死亡证明或户口簿）。"
    if papers := _missing_papers(owner, claimant, form):
        gaps["papers"] = papers
    errors = {**gaps, **form.errors}
    return Form(form.entered, {name: errors[name] for name in sorted(errors, key=_place)})


def _missing_papers(owner: Owner, claimant: Claimant, form: Form) -> str:
    entered = form.entered
    needed = needed_papers(claimant, card_lost=bool(entered.get("card_lost")))
    missing = [f"还缺{paper.label}。" for paper in needed if not entered.get(f"{PAPER}{paper.value}")]
    has_slip = bool(entered.get(f"{PAPER}{Paper.SLIP.value}"))
    if entered.get("beyond") and not has_slip:
        missing.append("比上缴的多要退，还缺预交金凭条。")
    elif owner.unregistered and not has_slip:
        if not owner.has_phone:
            missing.append("还缺预交金凭条。")
        elif not (entered.get("phone") or entered.get("patient_phone")):
            missing.append("请交预交金凭条，或填账户登记的手机号。")
    return "".join(missing)


def _place(name: str) -> int:
    return _FIELDS.index(name) if name in _FIELDS else len(_FIELDS)

"""``/finance/outpatient/alarms``: what was noticed about refunds, and the bank cards of staff."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.rules.outpatient.alarms import AlarmKind
from hospital_prepay.domain.rules.outpatient.life import ClaimState
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.fund_forms import WrittenGroundSchema
from hospital_prepay.schemas.outpatient_claims import StaffCardSchema
from hospital_prepay.services.outpatient import alarms
from hospital_prepay.web.outpatient_words import CLAIM_MARKS

ROOT: Final = "/finance/outpatient/alarms"
blueprint = Blueprint("outpatient_alarms", __name__, url_prefix=ROOT)
_A_PAGE: Final = 50


@blueprint.get("")
@requires(Permission.OUTPATIENT_VIEW)
def show() -> str:
    """Every alarm, the newest first; one kind by its tab."""
    kind = request.args.get("kind", "")
    kind = kind if kind in list(AlarmKind) else ""
    start = (page_number() - 1) * _A_PAGE
    found = alarms.list_alarms(current_context(), current_actor(), kind, start=start, size=_A_PAGE)
    total = found.counts.get(kind, 0) if kind else sum(found.counts.values())
    return render_template(
        "pages/outpatient/alarms.html",
        tabs=[
            {"label": "全部", "href": ROOT, "current": not kind, "count": sum(found.counts.values())},
            *(
                {
                    "label": one.label,
                    "href": f"{ROOT}?kind={one.value}",
                    "current": kind == one,
                    "count": found.counts.get(one.value, 0),
                }
                for one in AlarmKind
            ),
        ],
        alarms=[
            {
                "label": AlarmKind(one.kind).label,
                "words": one.words,
                "at": one.raised_at,
                "refund_no": one.refund_no,
                "href": f"/desk/refunds/claims/{one.claim_id}",
                "amount_fen": one.amount_fen,
                "maker": found.names.get(one.accepted_by, one.accepted_by),
                "state": CLAIM_MARKS[ClaimState(one.state)],
            }
            for one in found.alarms
        ],
        page=page_of(len(found.alarms), total, "条", _A_PAGE),
        may_keep=current_actor().may(Permission.OUTPATIENT_APPROVE),
    )


@blueprint.get("/staff")
@requires(Permission.OUTPATIENT_APPROVE)
def show_staff() -> str:
    """The register of staff's bank cards."""
    return _staff_page(Form())


@blueprint.post("/staff")
@requires(Permission.OUTPATIENT_APPROVE)
def add_card() -> Any:
    """Enter a card."""
    try:
        said = read_form(StaffCardSchema(), "card_no")
        alarms.add_staff_card(current_context(), current_actor(), said.holder, said.card_no)
    except WrongForm as wrong:
        return _staff_page(wrong.form), 422
    except MalformedInput as error:
        return _staff_page(typed("card_no").with_error(error, error.details.get("field", ""))), 422
    except Conflict as error:
        return _staff_page(typed("card_no").with_error(error, "card_no")), 409
    say("ok", f"已登记{said.holder}的卡，患者的钱不再退到这张卡上。")
    return redirect(f"{ROOT}/staff", 303)


@blueprint.post("/staff/<card_id>/end")
@requires(Permission.OUTPATIENT_APPROVE)
def end_card(card_id: str) -> Any:
    """Let a card count no more."""
    try:
        alarms.remove_staff_card(current_context(), current_actor(), card_id, read_form(WrittenGroundSchema()).ground)
    except WrongForm as wrong:
        return _staff_page(Form({}, {"ground": next(iter(wrong.form.errors.values()))})), 422
    say("ok", "这张卡已停用，登记还留着。")
    return redirect(f"{ROOT}/staff", 303)


def _staff_page(form: Form) -> str:
    cards, names = alarms.list_staff_cards(current_context(), current_actor())
    return render_template(
        "pages/outpatient/staff_cards.html",
        form=form,
        cards=[
            {
                "id": one.card_id,
                "holder": one.holder,
                "tail": one.tail,
                "added": f"{names.get(one.added_by, one.added_by)}",
                "added_at": one.added_at,
                "counts": one.removed_at is None,
                "removed": names.get(one.removed_by or "", one.removed_by),
                "removed_at": one.removed_at,
                "ground": one.ground,
            }
            for one in cards
        ],
    )

"""``/desk``'s papers: receipts to print, voids and refunds with a second person, today's slips, changes in a stay."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, redirect, render_template, request
from markupsafe import Markup

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.slips import MONEY_OUT
from hospital_prepay.files.qr import qr_svg
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.decisions import require_permitted
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.desk import ChangeSchema, GroundSchema, RefundSchema
from hospital_prepay.services.inpatient import desk as service
from hospital_prepay.services.inpatient import lookup
from hospital_prepay.services.inpatient.papers import issued_paper
from hospital_prepay.services.inpatient.request_review import review_request
from hospital_prepay.services.inpatient.slips import (
    EXCESS_GROUND,
    DecideRequest,
    RequestRefund,
    RequestVoid,
    decide_request,
    request_refund,
    request_void,
    void_objections,
)
from hospital_prepay.services.inpatient.stays import ChangePlacement, change_placement
from hospital_prepay.web import desk_view as view
from hospital_prepay.web import paper_view, slips_view
from hospital_prepay.web.cap_words import source_words
from hospital_prepay.web.desk_collect import refused
from hospital_prepay.web.shift_view import shift_page
from hospital_prepay.web.slip_lines import short_words

blueprint = Blueprint("desk_slips", __name__, url_prefix="/desk")
# The field that a refused change lacks; the stay stands as it was.
_MISSING: Final = {"talk_missing": "talk", "similar_missing": "similar_other", "ground_missing": "similar_ground"}
_REASONS: Final = ("金额录错", "收错患者", "付款方式录错", "患者要求取消")
_REASONS_OUT: Final = ("金额录错", "付错患者", "付款方式录错", "患者要求取消")


@blueprint.get("/receipts/<number>/print")
@requires(Permission.DESK_VIEW)
def print_receipt(number: str) -> str:
    """A slip as it was issued, for 80 mm paper, with its QR code."""
    paper = issued_paper(current_context(), current_actor(), number)
    url = lookup.verify_url(current_context(), paper.slip.token)
    return render_template(
        "print/receipt.html",
        receipt=paper_view.receipt(paper),
        verify_url=url,
        qr_svg=Markup(qr_svg(url)),
        back_href=f"/desk/stays/{paper.slip.stay_no}",
    )


@blueprint.get("/decisions/<decision_id>/print")
@requires(Permission.DESK_VIEW)
def print_explanation(decision_id: str) -> str:
    """A refusal on paper for the patient."""
    context, actor = current_context(), current_actor()
    found = service.desk_stay(context, actor, request.args.get("stay", ""))
    decision, at = service.decision_of_stay(context, actor, found.card.stay_no, decision_id)
    amount = decision.facts.get("amount_fen")
    shown = refused(found, decision, decision_id, None if amount is None else Money(amount))
    return render_template(
        "print/explanation.html",
        decision=shown,
        at=at,
        name=found.card.patient_name,
        stay_no=found.card.stay_no,
        disease_name=found.placement.disease_name,
        class_label=view.class_label(found.placement),
        cap_fen=found.cap.fen if found.cap else None,
        taken_fen=found.taken.fen,
        room_fen=found.room.fen,
        source_words=source_words(found),
        back_href=f"/desk/stays/{found.card.stay_no}",
    )


@blueprint.get("/shift")
@requires(Permission.DEPOSIT_COLLECT)
def show_shift() -> str:
    """Today's slips of my book, and what they come to by way of paying."""
    context, actor = current_context(), current_actor()
    slips = lookup.slips_today(context, actor)
    cards = {slip.stay_no: lookup.find_stay(context, actor, slip.stay_no) for slip in slips}
    every = lookup.waiting_requests(context, actor)
    waiting = {one.number for one in every if one.number and one.requested_by == actor.actor_id}
    return render_template("pages/inpatient/shift.html", **shift_page(slips, cards, waiting))


@blueprint.get("/receipts/<number>/void")
@requires(Permission.SLIP_REQUEST)
def ask_void(number: str) -> str:
    """The form that asks for a slip to be voided."""
    return _void_form(number, Form())


@blueprint.post("/receipts/<number>/void")
@requires(Permission.SLIP_REQUEST)
def void(number: str) -> Any:
    """Ask for a slip to be voided; somebody else decides."""
    try:
        ground = read_form(GroundSchema()).reason
        asked = request_void(current_context(), current_actor(), RequestVoid(number, ground))
    except WrongForm as wrong:
        return _void_form(number, wrong.form), 422
    except Conflict as error:
        return _void_form(number, typed().with_error(error)), 409
    if not asked.request_id:
        message = "".join(reason.message for reason in asked.decision.reasons)
        return _void_form(number, typed(), blocked=message), 422
    say("wait", f"{number} 的作废已交复核，办完会出红字票据。")
    return redirect(f"/desk/stays/{lookup.find_slip(current_context(), current_actor(), number).stay_no}", 303)


@blueprint.get("/voids")
@requires(Permission.DESK_VIEW)
def show_voids() -> str:
    """Voids and refunds that wait for a second person."""
    context, actor = current_context(), current_actor()
    waiting = lookup.waiting_requests(context, actor)
    return render_template(
        "pages/inpatient/voids.html",
        voids=[slips_view.waiting(one, actor) for one in waiting],
        done=[slips_view.decided(one) for one in lookup.requests_decided(context, actor, lookup.midnight(context))],
    )


@blueprint.get("/voids/<request_id>")
@requires(Permission.DESK_VIEW)
def show_request(request_id: str) -> str:
    """One request with what it is about, before it is approved or turned down."""
    return _review(request_id, Form())


@blueprint.post("/voids/<request_id>/confirm")
@requires(Permission.SLIP_APPROVE)
def confirm(request_id: str) -> Any:
    """Approve: the red or refund slip is made at once."""
    done = decide_request(current_context(), current_actor(), DecideRequest(request_id, approve=True))
    if done.receipt_no is None and done.decision is not None:
        require_permitted(done.decision, request_id)
    slip = lookup.find_slip(current_context(), current_actor(), str(done.receipt_no))
    back = slip.moved_fen > 0 and slip.tender == Tender.CASH
    say(
        "ok",
        f"已办理 {done.amount} 元，票号 {done.receipt_no}。"
        + (f"向患者收回的 {done.amount} 元现金放进申请人的钱箱。" if back else "")
        + "凭据由申请的收费员打印，交患者签字。",
        href=f"/desk/receipts/{done.receipt_no}/print",
        link_label="看凭据",
    )
    return redirect("/desk/voids", 303)


@blueprint.post("/voids/<request_id>/decline")
@requires(Permission.SLIP_APPROVE)
def decline(request_id: str) -> Any:
    """Turn a request down with a reason; nothing is booked."""
    try:
        ground = read_form(GroundSchema()).reason
    except WrongForm as wrong:
        return _review(request_id, wrong.form), 422
    decide_request(current_context(), current_actor(), DecideRequest(request_id, approve=False, ground=ground))
    say("info", "这份申请已退回，没有动账。申请的人会看到原因。")
    return redirect("/desk/voids", 303)


@blueprint.get("/stays/<stay_no>/refund")
@requires(Permission.SLIP_REQUEST)
def ask_refund(stay_no: str) -> str:
    """The form that asks for money to be given back, at first the excess if there is one."""
    return _refund_form(stay_no, Form())


@blueprint.post("/stays/<stay_no>/refund")
@requires(Permission.SLIP_REQUEST)
def refund(stay_no: str) -> Any:
    """Ask for money of the stay to be given back; somebody else decides."""
    context, actor = current_context(), current_actor()
    found = service.desk_stay(context, actor, stay_no)
    try:
        said = read_form(RefundSchema())
        tender = slips_view.tender_of(said.route, found)
        command = RequestRefund(stay_no, said.amount, tender, said.ground, said.account)
        asked = request_refund(context, actor, command)
    except WrongForm as wrong:
        return _refund_form(stay_no, wrong.form), 422
    except MalformedInput as error:
        return _refund_form(stay_no, typed().with_error(error, "route")), 422
    except Conflict as error:
        return _refund_form(stay_no, typed().with_error(error)), 409
    if not asked.request_id:
        message = "".join(reason.message for reason in asked.decision.reasons)
        return _refund_form(stay_no, Form(typed().entered, {"amount": message})), 422
    say("wait", f"{command.amount} 元的退款已交复核。")
    return redirect(f"/desk/stays/{stay_no}", 303)


@blueprint.get("/stays/<stay_no>/change")
@requires(Permission.STAY_REGISTER)
def ask_change(stay_no: str) -> str:
    """The form of a special case (17.1–17.3) or a change in the stay, with what it would do."""
    now = local(current_context().clock.now())
    return _change_form(stay_no, Form({"talked_at": f"{now:%Y-%m-%dT%H:%M}", **request.args.to_dict()}))


@blueprint.post("/stays/<stay_no>/change")
@requires(Permission.STAY_REGISTER)
def change(stay_no: str) -> Any:
    """Register the change; the cap follows at once."""
    context, actor = current_context(), current_actor()
    try:
        said = read_form(ChangeSchema())
        found = service.desk_stay(context, actor, stay_no)
        placement = slips_view.changed_placement(found.placement, request.form.get("case", ""), said, _name_of)
        placed = change_placement(
            context, actor, ChangePlacement(stay_no, placement, _seen_version(found.card.cap_version))
        )
    except WrongForm as wrong:
        return _change_form(stay_no, wrong.form), 422
    except Conflict as error:
        return _change_form(stay_no, typed().with_error(error)), 409
    missing = None if placed.decision.permitted else _MISSING.get(placed.decision.reasons[0].code)
    if missing is not None:
        return _change_form(stay_no, Form(typed().entered, {missing: placed.decision.reasons[0].message})), 422
    if not placed.decision.permitted:
        say("stop", placed.decision.reasons[0].message)
    elif placed.excess:
        say(
            "wait",
            f"已登记，额度 {placed.cap} 元；多收的 {placed.excess} 元已交复核退款。",
            href="/desk/voids",
            link_label="看复核",
        )
    else:
        say("ok", f"已登记，额度 {placed.cap} 元。")
    return redirect(f"/desk/stays/{stay_no}", 303)


def _seen_version(now: int) -> int:
    """The version that the form was shown with; a form that doesn't say is taken to have seen the present one."""
    text = request.form.get("seen_version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else now


def _name_of(code: str) -> str:
    return service.disease_name(current_context(), current_actor(), code) or code


def _void_form(number: str, form: Form, blocked: str | None = None) -> str:
    context, actor = current_context(), current_actor()
    slip = lookup.find_slip(context, actor, number)
    if slip.kind == "void":
        raise NotPermitted("作废单本身不能再作废，请重新收款或退款。")
    card = lookup.find_stay(context, actor, slip.stay_no)
    today = context.clock.today()
    objections = void_objections(slip, card.collected_fen, card.cap_fen, today)
    if slip.cancelled_by:
        objections = (f"这张票已经由 {slip.cancelled_by} 作废。",)
    return render_template(
        "pages/inpatient/void_form.html",
        receipt={
            "receipt_no": slip.number,
            "at": slip.issued_at,
            "stay_no": slip.stay_no,
            "name": card.patient_name,
            "amount_fen": slip.amount_fen,
            "words": short_words(Money(slip.amount_fen)),
            "tender_label": Tender(slip.tender).label,
            **slips_view.paid_out(slip),
        },
        form=form,
        reasons=[
            {"value": words, "label": words, "note": None}
            for words in (_REASONS_OUT if slip.kind in MONEY_OUT else _REASONS)
        ],
        confirmers=service.confirmers(context, actor),
        idempotency_key="",
        blocked=blocked or "".join(objections) or None,
        refund_href=None if local(slip.issued_at).date() == today else f"/desk/stays/{slip.stay_no}/refund",
    )


def _review(request_id: str, form: Form) -> str:
    context, actor = current_context(), current_actor()
    review = review_request(context, actor, request_id)
    return render_template("pages/inpatient/request.html", form=form, **paper_view.review(review))


def _refund_form(stay_no: str, form: Form) -> str:
    found = service.desk_stay(current_context(), current_actor(), stay_no)
    if not form.entered and found.excess:
        form = Form({"amount": found.excess.plain(), "ground": EXCESS_GROUND})
    return render_template("pages/inpatient/refund_form.html", form=form, **slips_view.refund_page(found))


def _change_form(stay_no: str, form: Form) -> str:
    context, actor = current_context(), current_actor()
    found = service.desk_stay(context, actor, stay_no)
    case = request.values.get("case", "disease")
    similar = service.similar_choices(context, actor, found.card)
    diseases = service.common_diseases(context, actor, 400)
    effect = slips_view.effect(context, actor, found, case, form, _name_of)
    return render_template(
        "pages/inpatient/change_form.html",
        form=form,
        classes=[{"value": one.value, "label": one.label, "note": None} for one in InsuredClass],
        **slips_view.change_page(found, case, similar, diseases, effect),
    )

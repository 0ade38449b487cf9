"""``/desk``: find or register a stay, see what may be collected, collect, print, ask for a void or a refund."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.deposits import Circumstance
from hospital_prepay.http.current import current_actor, current_context, is_partial
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.desk import NewStaySchema, Payment, PaymentSchema
from hospital_prepay.services.inpatient import desk as service
from hospital_prepay.services.inpatient import lookup
from hospital_prepay.services.inpatient.deposits import CollectDeposit, collect_deposit, preview_deposit
from hospital_prepay.services.inpatient.stays import (
    Placement,
    register_stay,
)
from hospital_prepay.web import desk_view as view

blueprint = Blueprint("desk", __name__, url_prefix="/desk")
_STAGE_MISSING: Final = "分阶段收款，请写明这一次是哪个诊疗阶段。"
_PAGE: Final = "pages/inpatient/desk.html"


@blueprint.get("")
@requires(Permission.DESK_VIEW)
def show_desk() -> str:
    """The counter with nobody chosen."""
    return render_template(_PAGE, **view.frame(), **view.nobody())


@blueprint.get("/stays")
@requires(Permission.DESK_VIEW)
def find_stays() -> str:
    """Stays by number, name or initials."""
    q = request.args.get("q", "")[:80]
    found = view.nobody(q, lookup.find_stays(current_context(), current_actor(), q) if q.strip() else None)
    if is_partial():
        return render_template("partials/inpatient/_stay_results.html", **found)
    return render_template(_PAGE, **view.frame(), **found)


@blueprint.get("/stays/new")
@requires(Permission.STAY_REGISTER)
def new_stay() -> str:
    """The form of an admission."""
    now = current_context().clock.now()
    return _stay_form(Form({"admitted_at": f"{local(now):%Y-%m-%dT%H:%M}"}))


@blueprint.post("/stays")
@requires(Permission.STAY_REGISTER)
def register() -> Any:
    """Register an admission and go on to collect."""
    context, actor = current_context(), current_actor()
    try:
        command = read_form(NewStaySchema())
        command = replace(command, placement=_with_disease(command.placement))
        register_stay(context, actor, command)
    except WrongForm as wrong:
        return _stay_form(wrong.form), 422
    except MalformedInput as error:
        return _stay_form(typed().with_error(error, "admitted_at")), 422
    except Conflict as error:
        return _stay_form(typed().with_error(error, "stay_no")), 409
    return redirect(f"/desk/stays/{command.stay_no}", 303)


def _with_disease(placement: Placement) -> Placement:
    """Code and name of what was typed. A code no catalogue knows is registered as it is; a name that could be
    several diseases is asked about, or the stay would follow a disease that has no cap.
    """
    context, actor = current_context(), current_actor()
    typed_text = placement.disease_code
    name = service.disease_name(context, actor, typed_text)
    if name:
        return replace(placement, disease_name=name)
    named = service.diseases_named(context, actor, typed_text)
    same = [hit for hit in named if hit.name == typed_text]
    if len(same) == 1:
        return replace(placement, disease_code=same[0].disease_code, disease_name=same[0].name)
    if named:
        some = "、".join(f"{hit.disease_code}（{hit.name}）" for hit in named[:3])
        raise WrongForm(
            Form(typed().entered, {"disease": f"这里填编码。名称里有“{typed_text}”的是 {some}，请选一个。"})
        )
    return placement


@blueprint.get("/stays/<stay_no>")
@requires(Permission.DESK_VIEW)
def show_stay(stay_no: str) -> str:
    """One stay at the counter."""
    return _answer(view.counter(_stay(stay_no)))


@blueprint.get("/diseases")
@requires(Permission.DESK_VIEW)
def find_diseases() -> str:
    """Diseases by name, code or initials, with their cap in the stay's class."""
    stay_no, q = request.args.get("stay", ""), request.args.get("q", "")[:80]
    found = _stay(stay_no)
    hits = service.find_diseases(
        current_context(), current_actor(), q, found.card.admitted_at, found.placement.insured_class
    )
    listed = [view.disease_hit(stay_no, hit, found) for hit in hits] if q.strip() else None
    shown = view.counter(found, diseases=listed, disease_q=q)
    if is_partial():
        return render_template("partials/inpatient/_disease_results.html", **shown)
    return render_template(_PAGE, **view.frame(), **shown)


@blueprint.post("/stays/<stay_no>/preview")
@requires(Permission.DEPOSIT_COLLECT)
def preview(stay_no: str) -> Any:
    """What a collection would decide now; no money moves. 改收 comes here too, with the amount to go on with: a
    cashier's rhythm is Enter, Enter, so the key that answers a refusal may only fill and preview."""
    live = request.args.get("live") == "1"
    instead = request.form.get("instead")
    changes = {"amount": instead} if instead else {}
    form = Form({**typed().entered, **changes})
    found = _stay(stay_no, _chosen(request.form))
    try:
        payment = read_form(PaymentSchema(), **changes)
    except WrongForm as wrong:
        if live:
            amount = _amount_or_none(request.form.get("amount", ""))
            return _previewed(found, form, amount, live)
        return _part(view.counter(found, form=wrong.form), 422)
    if found.placement.circumstance == Circumstance.STAGED.value and not payment.stage:
        if live:
            return _previewed(found, form, None, live)
        return _part(view.counter(found, form=Form(form.entered, {"stage": _STAGE_MISSING})), 422)
    return _previewed(found, form, payment.amount, live, payment.stage)


@blueprint.post("/stays/<stay_no>/deposits")
@requires(Permission.DEPOSIT_COLLECT)
def collect(stay_no: str) -> Any:
    """Collect what the button said."""
    return _take(stay_no, request.form.get("collect", ""))


def _take(stay_no: str, said: str) -> Any:
    """Collect ``said``, the amount on the button; another amount in the field is previewed first."""
    context, actor = current_context(), current_actor()
    choice = _chosen(request.form)
    try:
        payment = read_form(PaymentSchema())
        amount = Money.of_yuan(said)
    except WrongForm as wrong:
        return _answer(view.counter(_stay(stay_no, choice), form=wrong.form)), 422
    except MalformedInput as error:
        form = typed().with_error(error, "amount")
        return _answer(view.counter(_stay(stay_no, choice), form=form)), 422
    if amount != payment.amount:
        found = _stay(stay_no, choice)
        decision = preview_deposit(context, actor, stay_no, payment.amount, payment.stage)
        return _answer(view.counter(found, form=typed(), now=payment.amount, decision=decision))
    try:
        picked = service.desk_stay(context, actor, stay_no, _chosen_in(payment))
        answer = collect_deposit(context, actor, _command(picked, payment, amount))
    except Conflict as error:
        shown = view.counter(
            _stay(stay_no), form=typed(), changed={"words": error.message, "href": None, "label": None}
        )
        return _answer(shown), 409
    found = _stay(stay_no)
    if answer.receipt_no is None:
        form = Form({**typed().entered, "amount": str(amount)})
        shown = view.counter(found, form=form, now=amount, decision=answer.decision, decision_id=answer.decision_id)
        return _answer(shown), 422
    return _answer(view.counter(found, done=view.done_words(found, amount, answer.receipt_no)))


def _chosen_in(payment: Payment) -> service.Choice:
    return service.Choice(payment.disease, payment.insured_class.value)


def _command(found: service.DeskStay, payment: Payment, amount: Money) -> CollectDeposit:
    """Before the first receipt the disease and class picked at the counter become the stay's; so does a cap that a
    stay without one has been given since, for finance has filled the table of similar diseases."""
    return CollectDeposit(
        stay_no=found.card.stay_no,
        amount=amount,
        tender=payment.tender,
        idempotency_key=payment.idempotency_key,
        payment_reference=payment.payment_reference,
        payer=payment.payer,
        stage=payment.stage,
        placement=None if found.locked else found.placement,
        channel=payment.channel,
    )


def _previewed(found: service.DeskStay, form: Form, amount: Money | None, live: bool, stage: str = "") -> Any:
    if not amount:
        return _part(view.counter(found, form=form, live=live), 200, live)
    decision = found.cap_decision
    if decision.permitted:
        # The choice on the screen may not be stored yet: decide with the cap that is shown.
        decision = preview_deposit(
            current_context(), current_actor(), found.card.stay_no, amount, stage, cap=found.cap
        )
    shown = view.counter(found, form=form, now=amount, decision=decision, live=live)
    return _part(shown, 200, live)


def _part(shown: dict[str, Any], status: int, live: bool = False) -> Any:
    if not is_partial():
        return render_template(_PAGE, **view.frame(), **shown), status
    name = "_preview" if live else "_collect"
    part = render_template(f"partials/inpatient/{name}.html", **shown)
    if shown["cap"]:
        part += render_template("partials/inpatient/_cap.html", oob=True, **shown)
    return part, status


def _answer(shown: dict[str, Any]) -> str:
    frame = view.frame()
    if not is_partial():
        return render_template(_PAGE, **frame, **shown)
    return render_template("partials/inpatient/_desk.html", **frame, **shown) + render_template(
        "partials/inpatient/_shift_facts.html", oob=True, **frame
    )


def _stay(stay_no: str, choice: service.Choice | None = None) -> service.DeskStay:
    return service.desk_stay(current_context(), current_actor(), stay_no, choice or _chosen(request.args))


def _chosen(given: Any) -> service.Choice | None:
    code, insured = given.get("disease", ""), given.get("insured_class", "")
    if not code or insured not in list(InsuredClass):
        return None
    return service.Choice(code[:80], insured)


def _amount_or_none(text: str) -> Money | None:
    try:
        return Money.of_yuan(text)
    except MalformedInput:
        return None


def _stay_form(form: Form) -> str:
    context, actor = current_context(), current_actor()
    return render_template(
        "pages/inpatient/stay_form.html",
        form=form,
        classes=view.class_choices(),
        diseases=[{"code": hit.disease_code, "name": hit.name} for hit in service.common_diseases(context, actor)],
        wards=service.known_wards(context, actor),
    )

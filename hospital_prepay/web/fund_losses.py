"""``/finance/fund/recall/losses`` and ``…/memorandum``: what was lost, and the agency's book for reading."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import InsufficientFund, MalformedInput
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form, read_form
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas import fund_recall_forms as schemas
from hospital_prepay.services.fund import incidents, recall_review
from hospital_prepay.web import fund_losses_view as view
from hospital_prepay.web.fund_recall import act

blueprint = Blueprint("fund_losses", __name__, url_prefix="/finance/fund/recall")
_LOSSES = "/finance/fund/recall/losses"
_MEMORANDUM = "/finance/fund/recall/memorandum"


@blueprint.get("/losses")
@requires(Permission.LEDGER_VIEW)
def show_losses() -> str:
    """Every loss, and the forms of the viewer's role."""
    return _losses_page("", None)


@blueprint.post("/losses")
@requires(Permission.FUND_RETURN)
def record_loss() -> Any:
    """Write down a loss; nothing is booked yet."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.LossFormSchema())
        command = incidents.RecordLoss(
            said.grant_id,
            said.amount,
            said.found_on,
            said.what,
            said.persons,
            said.document,
            said.idempotency_key,
        )
        incidents.record_loss(current_context(), current_actor(), command)
        return f"已登记损失 {said.amount} 元，还没有入账。下一步：财务审批确认，另一个人办。", _LOSSES

    return act("loss", _losses_page, do)


@blueprint.post("/losses/<incident_id>/confirm")
@requires(Permission.FUND_RECORD)
def confirm_loss(incident_id: str) -> Any:
    """Confirm a loss: the hospital's own money stands in; asked once more with the amount."""
    if request.form.get("confirmed") != "yes":
        return _losses_page("", None, confirms=incident_id)

    def do() -> tuple[str, str]:
        incidents.decide_loss(current_context(), current_actor(), incident_id, confirmed=True)
        return "已确认，自有资金已垫补，专款没有减少。下一步：追回的赔偿记在这里。", _LOSSES

    return act("decide", _losses_page, do)


@blueprint.post("/losses/<incident_id>/reject")
@requires(Permission.FUND_RECORD)
def reject_loss(incident_id: str) -> Any:
    """Turn a loss down: nothing is booked."""

    def do() -> tuple[str, str]:
        incidents.decide_loss(current_context(), current_actor(), incident_id, confirmed=False)
        return "已退回，没有入账。", _LOSSES

    return act("decide", _losses_page, do)


@blueprint.post("/losses/<incident_id>/compensate")
@requires(Permission.FUND_RETURN)
def compensate(incident_id: str) -> Any:
    """Book what came back of a loss."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.CompensationFormSchema())
        command = incidents.RecordCompensation(
            incident_id, said.amount, said.bank_reference, said.received_on, said.idempotency_key
        )
        try:
            incidents.record_compensation(current_context(), current_actor(), command)
        except InsufficientFund as error:
            raise MalformedInput("比还没追回的多，请核对金额。", details={"field": "amount"}) from error
        return f"已入账赔偿 {said.amount} 元。", _LOSSES

    return act(f"compensate-{incident_id}", _losses_page, do)


@blueprint.get("/memorandum")
@requires(Permission.FUND_VIEW)
def show_memorandum() -> str:
    """The agency's book as ours makes it out: for reading and for reconciliation."""
    return _memorandum_page("", None)


@blueprint.post("/memorandum")
@requires(Permission.FUND_RECORD)
def record_write_off() -> Any:
    """Mirror what the agency wrote off."""

    def do() -> tuple[str, str]:
        said = read_form(schemas.WriteOffFormSchema())
        command = incidents.RecordWriteOff(said.grant_id, said.amount, said.written_off_on, said.document)
        incidents.record_write_off(current_context(), current_actor(), command)
        return f"已登记医保方核销 {said.amount} 元。本院的账没有变。", _MEMORANDUM

    return act("write_off", _memorandum_page, do)


def _losses_page(name: str, form: Form | None, confirms: str = "") -> str:
    context, actor = current_context(), current_actor()
    found, overview = recall_review.losses(context, actor), recall_review.recall_overview(context, actor)
    asked = view.Asked(name, form, confirms)
    shown = view.losses_page(found, overview, context.clock.today(), asked)
    return render_template("pages/fund/losses.html", **shown)


def _memorandum_page(_name: str, form: Form | None) -> str:
    context, actor = current_context(), current_actor()
    found = recall_review.memorandum(context, actor)
    return render_template("pages/fund/memorandum.html", **view.memorandum_page(found, context.clock.today(), form))

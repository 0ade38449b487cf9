"""``/settlement/stays/<no>/unclaimed``: who comes for what a settlement left, and the second person's word."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.settlement_refunds import ClaimSchema, DecidedSchema
from hospital_prepay.services.settlement import refund_list, unclaimed
from hospital_prepay.services.settlement.arrivals import BankAccount
from hospital_prepay.services.settlement.unclaimed import Claim, Papers
from hospital_prepay.web import settlement_refunds_view as view
from hospital_prepay.web.fund_words import keyed

blueprint = Blueprint("settlement_unclaimed", __name__, url_prefix="/settlement/stays")


@blueprint.get("/<stay_no>/unclaimed")
@requires(Permission.SETTLEMENT_VIEW)
def show_unclaimed(stay_no: str) -> str:
    """What lies there, who came, and what may be done."""
    return _page(stay_no, Form())


@blueprint.post("/<stay_no>/unclaimed")
@requires(Permission.SETTLEMENT_SETTLE)
def claim(stay_no: str) -> Any:
    """Somebody comes for it."""
    try:
        said = read_form(ClaimSchema())
        papers = Papers(said.name, said.paper_kind, said.paper_no)
        account = BankAccount(said.bank, said.card_no) if said.card_no or said.bank else None
        command = Claim(stay_no, said.claimant, said.relation, papers, said.tender, said.idempotency_key, account)
        number = unclaimed.claim(current_context(), current_actor(), command)
    except WrongForm as wrong:
        return _page(stay_no, wrong.form), 422
    except MalformedInput as error:
        return _page(stay_no, typed().with_error(error, str(error.details.get("field", "")))), 422
    except (Conflict, NotFound) as error:
        return _page(stay_no, typed().with_error(error)), 409
    if number is None:
        say("wait", "已登记领款人，等财务里另一个人看过证件后确认付款。")
    else:
        say("ok", f"已付，票据 {number}，请交患者。")
    return redirect(f"/settlement/stays/{stay_no}/unclaimed", 303)


@blueprint.post("/<stay_no>/unclaimed/decide")
@requires(Permission.SETTLEMENT_MANAGE)
def decide(stay_no: str) -> Any:
    """Give it to the heir, or turn them away."""
    approve = request.form.get("act") == "approve"
    try:
        said = read_form(DecidedSchema())
        number = unclaimed.decide_claim(
            current_context(), current_actor(), stay_no, said.turn_no, approve=approve, ground=said.ground
        )
    except WrongForm as wrong:
        return _page(stay_no, wrong.form), 422
    except MalformedInput as error:
        return _page(stay_no, typed().with_error(error, "ground")), 422
    except (Conflict, NotFound) as error:
        return _page(stay_no, typed().with_error(error)), 409
    say("ok", f"已确认付款，票据 {number}。" if number else "没有同意，钱还留着待领。")
    return redirect(f"/settlement/stays/{stay_no}/unclaimed", 303)


def _page(stay_no: str, form: Form) -> str:
    context, actor = current_context(), current_actor()
    _, turns = refund_list.refunds_of_stay(context, actor, stay_no)
    if not turns:
        raise NotFound(f"住院号 {stay_no} 没有待领的钱。请核对住院号。")
    page = view.unclaimed_page(stay_no, turns, context, actor)
    return render_template("pages/settlement/unclaimed.html", form=keyed(form), **page)

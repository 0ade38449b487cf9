"""``/desk/refunds/requests``: what patients asked on-line, taken up by the counter as any claim is."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.paging import page_number
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.desk import RevealSchema
from hospital_prepay.schemas.outpatient_public import DeclinedSchema, TakeUpSchema
from hospital_prepay.services.outpatient import requests
from hospital_prepay.services.outpatient.claims import AcceptedClaim
from hospital_prepay.web import outpatient_request_view as view

ROOT: Final = "/desk/refunds/requests"
blueprint = Blueprint("outpatient_requests", __name__, url_prefix=ROOT)


@blueprint.get("")
@requires(Permission.OUTPATIENT_VIEW)
def show() -> str:
    """Applications that wait, or those that ended."""
    ended = request.args.get("tab") == "ended"
    found, counts = requests.list_requests(
        current_context(),
        current_actor(),
        requests.ENDED if ended else requests.WAITING,
        start=(page_number() - 1) * view.A_PAGE,
        size=view.A_PAGE,
    )
    return render_template("pages/outpatient/requests.html", **view.list_page(found, counts, ended=ended))


@blueprint.get("/<request_id>")
@requires(Permission.OUTPATIENT_VIEW)
def show_request(request_id: str) -> str:
    """One application, and the form to take it up."""
    return _page(request_id)


@blueprint.post("/<request_id>/accept")
@requires(Permission.OUTPATIENT_ACCEPT)
def accept(request_id: str) -> Any:
    """Take it up: the first of three people, by the same rule as at the counter."""
    try:
        command = read_form(TakeUpSchema())
        answer = requests.take_up(current_context(), current_actor(), request_id, command)
    except WrongForm as wrong:
        return _page(request_id, wrong.form), 422
    except MalformedInput as error:
        return _page(request_id, typed().with_error(error, error.details.get("field", ""))), 422
    except NotFound as error:
        return _page(request_id, typed().with_error(error, "account_no")), 422
    except Conflict as error:
        return _page(request_id, typed("idempotency_key").with_error(error)), 409
    if answer.claim_id is None:
        return _page(request_id, typed("idempotency_key"), answer), 422
    say("ok", f"已受理，退款单号 {answer.refund_no}。下一步：审核，另一个人办。")
    return redirect(f"/desk/refunds/claims/{answer.claim_id}", 303)


@blueprint.post("/<request_id>/decline")
@requires(Permission.OUTPATIENT_ACCEPT)
def decline(request_id: str) -> Any:
    """Turn it down with the ground that its owner reads."""
    try:
        requests.decline(current_context(), current_actor(), request_id, read_form(DeclinedSchema()).ground)
    except WrongForm as wrong:
        return _page(request_id, wrong.form), 422
    except MalformedInput as error:
        return _page(request_id, typed().with_error(error, "ground")), 422
    except Conflict as error:
        return _page(request_id, typed().with_error(error)), 409
    say("info", "没有受理，申请人再查询时会看到原因；可以随时再申请。")
    return redirect(ROOT, 303)


@blueprint.get("/<request_id>/identity")
@requires(Permission.REVEAL_IDENTITY)
def ask_identity(request_id: str) -> str:
    """The form that asks why somebody wants to see everything."""
    return _identity(request_id, Form(), None)


@blueprint.post("/<request_id>/identity")
@requires(Permission.REVEAL_IDENTITY)
def reveal(request_id: str) -> Any:
    """Show what was asked for, once."""
    try:
        ground = read_form(RevealSchema()).ground
    except WrongForm as wrong:
        return _identity(request_id, wrong.form, None), 422
    found = requests.reveal(current_context(), current_actor(), request_id, ground)
    return _identity(request_id, Form(), {"people": found, "ground": ground})


def _page(request_id: str, form: Form | None = None, refused: AcceptedClaim | None = None) -> str:
    found = requests.read_request(current_context(), current_actor(), request_id)
    return render_template("pages/outpatient/request.html", **view.request_page(found, form or Form(), refused))


def _identity(request_id: str, form: Form, shown: dict[str, Any] | None) -> str:
    found = requests.read_request(current_context(), current_actor(), request_id)
    return render_template("pages/outpatient/request_identity.html", **view.identity_page(found, form, shown))

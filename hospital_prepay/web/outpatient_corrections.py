"""``/finance/outpatient/corrections``: miscounts, asked by one person and decided by another."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, redirect, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.outpatient_forms import CorrectionFormSchema, TurnedDownSchema
from hospital_prepay.services.outpatient import correction_review, corrections
from hospital_prepay.web import outpatient_view as view
from hospital_prepay.web.outpatient_account_view import account_page
from hospital_prepay.web.outpatient_correction_view import correction

_ROOT: Final = "/finance/outpatient/corrections"
blueprint = Blueprint("outpatient_corrections", __name__, url_prefix=_ROOT)


@blueprint.get("")
@requires(Permission.OUTPATIENT_VIEW)
def list_corrections() -> str:
    """Every correction, those that wait first."""
    return _page()


@blueprint.post("/of/<path:account_no>")
@requires(Permission.OUTPATIENT_IMPORT)
def ask_correction(account_no: str) -> Any:
    """Ask that a miscount be corrected."""
    try:
        said = read_form(CorrectionFormSchema())
        command = corrections.AskCorrection(
            account_no, said.right_total, said.ground, said.idempotency_key, said.again
        )
        corrections.ask_correction(current_context(), current_actor(), command)
    except WrongForm as wrong:
        return account_page(account_no, wrong.form), 422
    except MalformedInput as error:
        return account_page(account_no, typed().with_error(error, error.details.get("field", ""))), 422
    except Conflict as error:
        return account_page(account_no, view.fresh_form(typed()).with_error(error)), 409
    say("ok", "已申请更正，账上没有变。下一步：另一个人核对后批准。")
    return redirect(view.account_href(account_no), 303)


@blueprint.post("/<correction_id>/approve")
@requires(Permission.OUTPATIENT_CONFIRM)
def approve_correction(correction_id: str) -> Any:
    """Agree to a correction; it is booked at once."""
    entry_no = corrections.approve_correction(current_context(), current_actor(), correction_id)
    say("ok", f"已批准，入账凭证 {entry_no}。")
    return redirect(_ROOT, 303)


@blueprint.post("/<correction_id>/reject")
@requires(Permission.OUTPATIENT_CONFIRM)
def reject_correction(correction_id: str) -> Any:
    """Turn a correction down, with why."""
    try:
        answer = read_form(TurnedDownSchema()).answer
        corrections.reject_correction(current_context(), current_actor(), correction_id, answer)
    except WrongForm as wrong:
        return _page(correction_id, wrong.form), 422
    say("info", "已退回，账上没有变。申请的人能看到原因。")
    return redirect(_ROOT, 303)


def _page(opened: str = "", form: Form | None = None) -> str:
    found = correction_review.list_corrections(current_context(), current_actor(), page_number())
    return render_template(
        "pages/outpatient/corrections.html",
        corrections=[correction(one, found.names) for one in found.rows],
        page=page_of(len(found.rows), found.count, "项", correction_review.PAGE),
        opened=opened,
        form=form or Form(),
    )

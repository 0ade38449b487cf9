"""``/finance/outpatient/owners``: a holder's name or numbers that stand wrong, corrected by two people."""

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
from hospital_prepay.schemas.desk import RevealSchema
from hospital_prepay.schemas.outpatient_forms import OwnerFormSchema, TurnedDownSchema
from hospital_prepay.services.outpatient import correction_review as review
from hospital_prepay.services.outpatient import owners, register
from hospital_prepay.web import outpatient_view as view
from hospital_prepay.web.outpatient_correction_view import owner_change

_ROOT: Final = "/finance/outpatient/owners"
blueprint = Blueprint("outpatient_owners", __name__, url_prefix=_ROOT)
_REASONS: Final = ("核对身份更正和证明材料", "审计或复核要核对", "其他")
_ASKED: Final = "已申请更正，登记的内容没有变。下一步：另一个人看证明材料后批准。"


@blueprint.get("")
@requires(Permission.OUTPATIENT_VIEW)
def list_changes() -> str:
    """Every correction of a holder, those that wait first."""
    found = review.list_owner_changes(current_context(), current_actor(), page_number())
    return render_template(
        "pages/outpatient/owners.html",
        changes=[owner_change(one, found.names) for one in found.rows],
        page=page_of(len(found.rows), found.count, "项", review.PAGE),
    )


@blueprint.get("/of/<path:account_no>")
@requires(Permission.OUTPATIENT_IMPORT)
def ask_form(account_no: str) -> str:
    """The form that asks for a correction of an account's holder."""
    return _ask_page(account_no, view.fresh_form())


@blueprint.post("/of/<path:account_no>")
@requires(Permission.OUTPATIENT_IMPORT)
def ask(account_no: str) -> Any:
    """Ask for it."""
    try:
        said = read_form(OwnerFormSchema())
        command = owners.AskOwnerChange(
            account_no, said.name, said.certno, said.phone, said.ground, said.paper, said.idempotency_key
        )
        change_no = owners.ask_owner_change(current_context(), current_actor(), command)
    except WrongForm as wrong:
        return _ask_page(account_no, wrong.form), 422
    except MalformedInput as error:
        return _ask_page(account_no, typed().with_error(error, error.details.get("field", ""))), 422
    except Conflict as error:
        return _ask_page(account_no, view.fresh_form(typed()).with_error(error)), 409
    say("ok", _ASKED)
    return redirect(f"{_ROOT}/{change_no}", 303)


@blueprint.get("/<int:change_no>")
@requires(Permission.OUTPATIENT_VIEW)
def show_change(change_no: int) -> str:
    """One correction: what stood, what should stand, and what proves it."""
    return _page(change_no, Form())


@blueprint.post("/<int:change_no>/approve")
@requires(Permission.OUTPATIENT_CONFIRM)
def approve(change_no: int) -> Any:
    """Agree to it; it stands on record at once."""
    try:
        owners.approve_owner_change(current_context(), current_actor(), change_no)
    except Conflict as error:
        return _page(change_no, Form().with_error(error)), 409
    say("ok", "已批准，登记的内容已经更正，原来的留在这一项里。申请和批准的人不再审核、确认这个账户的退款。")
    return redirect(f"{_ROOT}/{change_no}", 303)


@blueprint.post("/<int:change_no>/reject")
@requires(Permission.OUTPATIENT_CONFIRM)
def reject(change_no: int) -> Any:
    """Turn it down, with why."""
    try:
        answer = read_form(TurnedDownSchema()).answer
        owners.reject_owner_change(current_context(), current_actor(), change_no, answer)
    except WrongForm as wrong:
        return _page(change_no, wrong.form), 422
    except Conflict as error:
        return _page(change_no, Form().with_error(error)), 409
    say("info", "已退回，登记的内容没有变。申请的人能看到原因。")
    return redirect(f"{_ROOT}/{change_no}", 303)


@blueprint.get("/<int:change_no>/identity")
@requires(Permission.REVEAL_IDENTITY)
def ask_identity(change_no: int) -> str:
    """The form that asks why somebody wants to see everything."""
    return _identity_page(change_no, Form(), None)


@blueprint.post("/<int:change_no>/identity")
@requires(Permission.REVEAL_IDENTITY)
def reveal(change_no: int) -> Any:
    """Show it, once: nothing is kept in the address or the browser's cache."""
    try:
        ground = read_form(RevealSchema()).ground
    except WrongForm as wrong:
        return _identity_page(change_no, wrong.form, None), 422
    found = review.reveal_owner_change(current_context(), current_actor(), change_no, ground)
    return _identity_page(change_no, Form(), {**owner_change(found, {}), "why": ground})


def _ask_page(account_no: str, form: Form) -> str:
    card = register.account_card(current_context(), current_actor(), account_no)
    why_not = owners.why_not_now(current_context(), current_actor(), account_no)
    return render_template("pages/outpatient/owner_ask.html", account=view.head(card), form=form, why_not=why_not)


def _page(change_no: int, form: Form) -> str:
    found, names = review.read_owner_change(current_context(), current_actor(), change_no)
    may_reveal = current_actor().may(Permission.REVEAL_IDENTITY)
    shown = owner_change(found, names)
    return render_template("pages/outpatient/owner.html", change=shown, form=form, may_reveal=may_reveal)


def _identity_page(change_no: int, form: Form, shown: dict[str, Any] | None) -> str:
    found, names = review.read_owner_change(current_context(), current_actor(), change_no)
    return render_template(
        "pages/outpatient/owner_identity.html",
        change=owner_change(found, names),
        form=form,
        reasons=[{"value": words, "label": words, "note": None} for words in _REASONS],
        shown=shown,
    )

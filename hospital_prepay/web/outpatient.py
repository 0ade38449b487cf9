"""``/finance/outpatient``: outpatients' money added up, the register (清退台账), and one account's whole life."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, redirect, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form, WrongForm, read_form
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.desk import RevealSchema
from hospital_prepay.services.access.home import outpatient_tasks
from hospital_prepay.services.fund.reminders import OUTPATIENT_DUTIES, duty_tasks
from hospital_prepay.services.outpatient import register
from hospital_prepay.services.outpatient.list_papers import printable
from hospital_prepay.web import outpatient_filters as filters
from hospital_prepay.web import outpatient_view as view
from hospital_prepay.web.home import shown
from hospital_prepay.web.outpatient_account_view import account_page
from hospital_prepay.web.outpatient_campaign_view import told_choices

blueprint = Blueprint("outpatient", __name__, url_prefix="/finance/outpatient")
_REASONS: Final = ("与证件核对身份", "给患者打电话", "办理退款", "审计或复核要核对", "其他")


@blueprint.get("")
@requires(Permission.OUTPATIENT_VIEW)
def show_overview() -> str:
    """Totals by state, year of the last movement, channel and reach; each figure opens its list."""
    context, actor = current_context(), current_actor()
    found = register.overview(context, actor)
    duties = [task for task in duty_tasks(context, actor) if task.kind == OUTPATIENT_DUTIES]
    todo = [shown(task) for task in (*duties, *outpatient_tasks(context, actor))]
    may_see_duties = actor.may(Permission.FUND_VIEW)
    return render_template(
        "pages/outpatient/overview.html", todo=todo, may_see_duties=may_see_duties, **view.overview_page(found)
    )


@blueprint.get("/accounts")
@requires(Permission.OUTPATIENT_VIEW)
def list_accounts() -> str:
    """The register, narrowed and searched."""
    given = filters.asked_filters()
    found = register.search(current_context(), current_actor(), filters.narrowed(given), page_number())
    return render_template(
        "pages/outpatient/accounts.html",
        rows=[view.listed(row, contact) for row, contact in found.rows],
        accounts=found.accounts,
        balance_fen=found.balance_fen,
        form=Form(given),
        is_narrowed=any(given.values()),
        files=filters.register_files(given, found.accounts),
        no_pdf=printable(found.accounts),
        page=page_of(len(found.rows), found.accounts, "个", register.PAGE),
        **view.choices(given["year"]),
        tolds=told_choices(),
    )


@blueprint.post("/accounts")
@requires(Permission.OUTPATIENT_VIEW)
def search_accounts() -> Any:
    """Look for accounts and narrow the list; the address of the answer shows nothing of what was typed."""
    return redirect(filters.address_of_form(), 303)


@blueprint.get("/accounts/<path:account_no>")
@requires(Permission.OUTPATIENT_VIEW)
def show_account(account_no: str) -> str:
    """One account."""
    return account_page(account_no, view.fresh_form())


@blueprint.get("/identity/<path:account_no>")
@requires(Permission.REVEAL_IDENTITY)
def ask_identity(account_no: str) -> str:
    """The form that asks why somebody's numbers are to be seen."""
    return _identity_page(account_no, Form(), None)


@blueprint.post("/identity/<path:account_no>")
@requires(Permission.REVEAL_IDENTITY)
def reveal_identity(account_no: str) -> Any:
    """Show them, once: nothing is kept in the address or the browser's cache."""
    try:
        ground = read_form(RevealSchema()).ground
    except WrongForm as wrong:
        return _identity_page(account_no, wrong.form, None), 422
    name, contact = register.reveal(current_context(), current_actor(), account_no, ground)
    shown = {"name": name, "certificate": contact.certno, "phone": contact.phone, "ground": ground}
    return _identity_page(account_no, Form(), shown)


def _identity_page(account_no: str, form: Form, shown: dict[str, Any] | None) -> str:
    card = register.account_card(current_context(), current_actor(), account_no)
    return render_template(
        "pages/outpatient/identity.html",
        account=view.head(card),
        href=f"/finance/outpatient/identity/{view.quoted(account_no)}",
        form=form,
        reasons=[{"value": words, "label": words, "note": None} for words in _REASONS],
        shown=shown,
    )

"""``/finance/fund/apply``: what was applied for, and a new application with its evidence."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from flask import Blueprint, Response, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, SecondPersonRequired
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.fund_apply import ApplicationSchema, EmergencySchema, ProcurementSchema
from hospital_prepay.schemas.fund_forms import WrittenGroundSchema
from hospital_prepay.services.fund.application_command import Applied, ApplyForFunds
from hospital_prepay.services.fund.application_review import application_overview, read_application
from hospital_prepay.services.fund.applications import apply_for_funds, preview_funds
from hospital_prepay.services.fund.clearing import last_year_in_books
from hospital_prepay.services.fund.emergencies import RecordEmergency, record_emergency
from hospital_prepay.services.fund.module import export_csv, export_xlsx
from hospital_prepay.services.fund.procurement import RecordProcurement, record_procurement
from hospital_prepay.services.fund.withdrawals import withdraw_application
from hospital_prepay.web import fund_apply_form as form_view
from hospital_prepay.web import fund_apply_view as view
from hospital_prepay.web.fund_recall import act

blueprint = Blueprint("fund_apply", __name__, url_prefix="/finance/fund/apply")
_EASED: Final = {
    "regime": "eased_regime",
    "year": "eased_year",
    "issued_on": "eased_on",
    "document": "eased_document",
}
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@blueprint.get("")
@requires(Permission.FUND_VIEW)
def show_applications() -> str:
    """Every application, filed or refused, and what may be begun here."""
    return _list()


@blueprint.get("/new")
@requires(Permission.FUND_APPLY)
def show_form() -> str:
    """The form for one place and year."""
    given = {name: request.args[name] for name in ("regime", "year") if request.args.get(name)}
    return _form(Form(given))


@blueprint.post("/new")
@requires(Permission.FUND_APPLY)
def apply() -> Any:
    """Change the place, look at the answer, or file; from the calculator it opens with what was typed there."""
    if request.form.get("do") not in ("check", "file"):
        return _form(typed())
    try:
        command = read_form(ApplicationSchema())
        if request.form.get("do") == "check":
            decisions = preview_funds(current_context(), current_actor(), command)
            return _form(typed(), command, [Applied(one, "", None) for one in decisions])
        answers = apply_for_funds(current_context(), current_actor(), command)
    except WrongForm as wrong:
        return _form(wrong.form), 422
    except MalformedInput as error:
        field = "year" if error.reason == "no_rule_in_force" else str(error.details.get("field", "regime"))
        return _form(typed().with_error(error, field)), 422
    except SecondPersonRequired as error:
        return _form(typed().with_error(error, "emergency")), 403
    except Conflict as error:
        return _form(typed("idempotency_key").with_error(error)), 409
    return _answered(command, answers)


@blueprint.post("/procurement")
@requires(Permission.FUND_APPLY)
def add_procurement() -> Any:
    """Write down a central-procurement prepayment from its document."""
    try:
        said = read_form(ProcurementSchema())
        given = {**{name: getattr(said, name) for name in said.__slots__}, "fund": said.fund.value}
        grant_id = record_procurement(current_context(), current_actor(), RecordProcurement(**given))
    except WrongForm as wrong:
        return _list("procurement", wrong.form), 422
    except MalformedInput as error:
        field = "year" if error.reason == "no_rule_in_force" else str(error.details.get("field", "regime"))
        return _list("procurement", typed().with_error(error, field)), 422
    except Conflict as error:
        return _list("procurement", typed("idempotency_key").with_error(error)), 409
    say("ok", "已登记集采专项预付。下一步：由财务审批登记批复，再记到账；它单独核算，不和预付金混用。")
    return redirect(f"/finance/fund/grants/{grant_id}", 303)


@blueprint.get("/module.csv")
@requires(Permission.FUND_VIEW)
def module_csv() -> Response:
    """Every grant in the fields of the platform's module, as CSV."""
    text = export_csv(current_context(), current_actor())
    return Response(text, mimetype="text/csv", headers=_named("csv"))


@blueprint.get("/module.xlsx")
@requires(Permission.FUND_VIEW)
def module_xlsx() -> Response:
    """The same as a workbook."""
    content = export_xlsx(current_context(), current_actor())
    return Response(content, mimetype=_XLSX, headers=_named("xlsx"))


@blueprint.get("/<decision_id>")
@requires(Permission.FUND_VIEW)
def show_application(decision_id: str) -> str:
    """One application with its conditions, evidence and papers."""
    found = read_application(current_context(), current_actor(), decision_id)
    return render_template("pages/fund/application.html", **view.application_page(found))


@blueprint.post("/<decision_id>/withdraw")
@requires(Permission.FUND_APPLY)
def withdraw(decision_id: str) -> Any:
    """Take an application back with a ground."""

    def show(_name: str, form: Form | None) -> str:
        found = read_application(current_context(), current_actor(), decision_id)
        return render_template("pages/fund/application.html", **view.application_page(found, form))

    def do() -> tuple[str, str]:
        said = read_form(WrittenGroundSchema())
        withdraw_application(current_context(), current_actor(), decision_id, said.ground)
        words = "申请已撤回，原来的留着备查。已经报送的，请通知医保部门；要的话可以重新申请。"
        return words, f"/finance/fund/apply/{decision_id}"

    return act("withdraw", show, do)


@blueprint.post("/emergency")
@requires(Permission.FUND_RECORD)
def add_emergency() -> Any:
    """Write down the authority's document in an emergency."""
    try:
        said = read_form(EmergencySchema())
        command = RecordEmergency(said.regime, said.year, said.document, said.issued_on, said.adjusts)
        record_emergency(current_context(), current_actor(), command)
    except WrongForm as wrong:
        return _list("emergency", wrong.form), 422
    except MalformedInput as error:
        field = "year" if error.reason == "no_rule_in_force" else str(error.details.get("field", "regime"))
        return _list("emergency", typed().with_error(error, _EASED.get(field, field))), 422
    say("ok", f"已登记 {said.document}。申请人在申请时选它，批复时由您选它。")
    return redirect("/finance/fund/apply", 303)


def _named(ending: str) -> dict[str, str]:
    name = f"预付金应用模块 {current_context().clock.today()}.{ending}"
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}


def _answered(command: ApplyForFunds, answers: tuple[Applied, ...]) -> Any:
    if any(not one.decision_id for one in answers):
        return _form(typed(), command, list(answers)), 422
    filed = [one for one in answers if one.grant_id]
    if len(filed) < len(answers):
        return _form(typed("idempotency_key"), command, list(answers)), 422
    say("ok", f"已递交 {len(filed)} 份申请。下一步：打印申请材料盖章报送，批复后由财务审批登记。")
    where = f"/{filed[0].decision_id}" if len(filed) == 1 else ""
    return redirect(f"/finance/fund/apply{where}", 303)


def _list(opened: str = "", form: Form | None = None) -> str:
    found = application_overview(current_context(), current_actor())
    today = current_context().clock.today()
    return render_template("pages/fund/applications.html", **view.overview_page(found, today, opened, form))


def _form(form: Form, command: ApplyForFunds | None = None, answers: list[Applied] | None = None) -> str:
    found = application_overview(current_context(), current_actor())
    today = current_context().clock.today()
    books = None
    if command is not None:
        where = (command.regime, command.facts.year)
        books = last_year_in_books(current_context(), current_actor(), *where)
    page = form_view.form_page(found, today, form, form_view.Answered(command, answers or [], books))
    return render_template("pages/fund/application_form.html", **page)

"""``/finance/fund/reconcile/import``: a file of bank, agency or totals; its columns are named once by a person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.plain_text import spelled_out
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.fund_forms import WrittenGroundSchema
from hospital_prepay.schemas.fund_reconciliation import ColumnsForm, ColumnsSchema, StatementSchema
from hospital_prepay.services.fund.held_files import drop_file, held_file, hold_file
from hospital_prepay.services.fund.rejected_lines import explain_rejected
from hospital_prepay.services.fund.statement_columns import FIELDS, StatementKind
from hospital_prepay.services.fund.statements import (
    Imported,
    ImportStatement,
    Look,
    import_statement,
    look_at,
    review_statement,
)
from hospital_prepay.services.fund.withdrawn_files import withdraw_statement
from hospital_prepay.services.fund.words import CLOSINGS, EVENTS
from hospital_prepay.web.fund_reconcile import ROOT, asked_month
from hospital_prepay.web.fund_reconcile_view import rooms

blueprint = Blueprint("fund_statements", __name__, url_prefix=f"{ROOT}")
_LONGEST_NAME: Final = 120
_SHOWN: Final = 200


@blueprint.get("/import")
@requires(Permission.FUND_RECONCILE)
def choose_file() -> str:
    """The form of an upload."""
    return _form(Form({"kind": request.args.get("kind", "bank"), "period": asked_month()}))


@blueprint.post("/import")
@requires(Permission.FUND_RECONCILE, takes_file=True)
def upload() -> Any:
    """Take the file in; when its headings are new, ask first what they mean."""
    context, actor = current_context(), current_actor()
    try:
        said = read_form(StatementSchema())
    except WrongForm as wrong:
        return _form(wrong.form), 422
    given = request.files.get("file")
    if given is None or not given.filename:
        return _form(Form(typed().entered, {"file": "请选一个 CSV 或 XLSX 文件。"})), 422
    name = spelled_out(given.filename)[:_LONGEST_NAME]
    token = hold_file(context, actor, given.stream)
    try:
        look = look_at(context, actor, said.kind, held_file(context, actor, token))
        held = ColumnsForm(
            said.kind, said.period, token, name, look.dedicated, said.account or look.account, look.columns
        )
        if not look.known or request.form.get("again") == "yes":
            return _columns(held, look, Form())
        path = held_file(context, actor, token)
        command = ImportStatement(said.kind, said.period, path, name, account=said.account)
        done = import_statement(context, actor, command)
    except MalformedInput as error:
        drop_file(context, actor, token)
        return _form(typed().with_error(error, _field(error))), 422
    drop_file(context, actor, token)
    return _done(done)


@blueprint.post("/import/columns")
@requires(Permission.FUND_RECONCILE)
def name_columns() -> Any:
    """Keep what a person says of the columns, and take the held file in by it."""
    context, actor = current_context(), current_actor()
    try:
        said = read_form(ColumnsSchema())
        path = held_file(context, actor, said.token)
    except WrongForm as wrong:
        return _form(wrong.form), 422
    except MalformedInput as error:
        return _form(typed().with_error(error, "file")), 422
    command = ImportStatement(said.kind, said.period, path, said.file_name, said.columns, said.dedicated)
    command = replace(command, account=said.account)
    try:
        done = import_statement(context, actor, command)
    except MalformedInput as error:
        look = look_at(context, actor, said.kind, path)
        return _columns(said, look, Form({}, {str(error.details.get("field", "")): error.message})), 422
    drop_file(context, actor, said.token)
    return _done(done)


@blueprint.get("/statements/<statement_id>")
@requires(Permission.FUND_VIEW)
def show_statement(statement_id: str) -> str:
    """What came of a file: its lines, and every rejected one with its reason."""
    return _statement(statement_id)


@blueprint.post("/statements/<statement_id>/withdraw")
@requires(Permission.FUND_RECONCILE)
def withdraw(statement_id: str) -> Any:
    """Take a file out that was imported by mistake."""
    context, actor = current_context(), current_actor()
    try:
        reopened = withdraw_statement(context, actor, statement_id, read_form(WrittenGroundSchema()).ground)
    except WrongForm as wrong:
        return _statement(statement_id, wrong.form), 422
    except MalformedInput as error:
        return _statement(statement_id, typed().with_error(error, "ground")), 422
    except Conflict as error:
        return _statement(statement_id, typed().with_error(error)), 409
    say("ok", "这份文件作废了，它的明细不再对账。改好后可以再导入。")
    for period in reopened:
        say("wait", f"{period} 已结过账，对账内容变了，这个月重开了。请核对后重新结账。")
    return redirect(f"{ROOT}/statements/{statement_id}", 303)


@blueprint.post("/statements/<statement_id>/explain")
@requires(Permission.FUND_RECONCILE)
def explain(statement_id: str) -> Any:
    """Say what the lines are that couldn't be taken."""
    context, actor = current_context(), current_actor()
    try:
        explain_rejected(context, actor, statement_id, read_form(WrittenGroundSchema()).ground)
    except WrongForm as wrong:
        return _statement(statement_id, explained=wrong.form), 422
    except MalformedInput as error:
        return _statement(statement_id, explained=typed().with_error(error, "ground")), 422
    except Conflict as error:
        return _statement(statement_id, explained=typed().with_error(error)), 409
    say("ok", "已记下这些行是什么。")
    return redirect(f"{ROOT}/statements/{statement_id}", 303)


def _statement(statement_id: str, form: Form | None = None, explained: Form | None = None) -> str:
    found = review_statement(current_context(), current_actor(), statement_id)
    return render_template(
        "pages/fund/statement.html",
        statement=found.statement,
        kind=StatementKind(found.statement.kind).label,
        lines=[_line(one) for one in found.lines[:_SHOWN]],
        more=max(0, len(found.lines) - _SHOWN),
        rejected=found.rejected,
        withdrawal=found.withdrawal,
        explained=found.explained,
        names=found.names,
        may_withdraw=found.withdrawal is None and current_actor().may(Permission.FUND_RECONCILE),
        form=form or Form(),
        explain_form=explained or Form(),
        rooms=rooms("/import", found.statement.period),
    )


def _line(one: Any) -> dict[str, Any]:
    words = CLOSINGS[one.item] if one.item and not one.remark else EVENTS[one.event] if one.event else ""
    parts = (words, one.payee, one.remark)
    return {
        "no": one.line_no,
        "day": one.on_day,
        "words": "，".join(part for part in parts if part),
        "reference": one.reference,
        "fen": one.amount_fen,
    }


def _done(done: Imported) -> Any:
    statement = done.statement
    if done.recounted:
        say("ok", "账户的说明改了：以前收下的明细也按新的说明对。")
    if done.already_known:
        say("info", "这个文件以前导入过，没有新明细。" if done.recounted else "这个文件以前导入过，什么也没有改。")
    else:
        known = f"，{statement.rows_known} 行以前就有" if statement.rows_known else ""
        wrong = f"，{statement.rows_rejected} 行没有收下，见下表" if statement.rows_rejected else ""
        say("wait" if statement.rows_rejected else "ok", f"收下 {statement.rows_taken} 行{known}{wrong}。")
    if done.held_by:
        words = f"这份流水是账户 {statement.account} 的，预付金存放在账户 {done.held_by}，这份不算在对账里。"
        say("wait", f"{words}账号填错了，请作废后重导；换了账户，请财务审批在对账页登记。")
    for period in done.reopened:
        say("wait", f"{period} 已结过账，对账内容变了，这个月重开了。请核对后重新结账。")
    return redirect(f"{ROOT}/statements/{statement.statement_id}", 303)


def _form(form: Form) -> str:
    period = str(form.entered.get("period", ""))
    kinds = [{"value": kind.value, "label": kind.label, "note": _NOTES[kind]} for kind in StatementKind]
    return render_template("pages/fund/reconcile_import.html", form=form, kinds=kinds, rooms=rooms("/import", period))


def _columns(held: ColumnsForm, look: Look, form: Form) -> str:
    chosen = {f"column-{name}": heading for name, heading in held.columns.items()}
    return render_template(
        "pages/fund/reconcile_columns.html",
        held=held,
        kind=held.kind.label,
        bank=held.kind is StatementKind.BANK,
        look=look,
        fields=[
            {"name": f"column-{name}", "label": one.label, "required": one.required}
            for name, one in FIELDS[held.kind].items()
        ],
        headings=[{"value": heading, "label": heading} for heading in look.headings if heading],
        form=Form({**chosen, "account": held.account, "dedicated": "yes" if held.dedicated else ""}, form.errors),
        rooms=rooms("/import", held.period),
    )


def _field(error: MalformedInput) -> str:
    field = str(error.details.get("field"))
    return field if field in ("period", "account") else "file"


_NOTES: Final = {
    StatementKind.BANK: "网银导出的明细",
    StatementKind.AGENCY: "医保经办机构给的拨付、收回、冲抵、结算明细",
    StatementKind.TOTALS: "总账的月末余额：应还医保、专款未用",
}

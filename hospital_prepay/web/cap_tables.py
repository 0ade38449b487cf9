"""``/finance/caps/<table>``: look through a cap table, approve, send back, publish."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.http.current import current_actor, current_context, is_partial
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.http.public_paths import public_path
from hospital_prepay.schemas.inpatient_caps import PublishSchema, RejectSchema
from hospital_prepay.services.inpatient.cap_review import ReviewedTable, review_table, table_csv
from hospital_prepay.services.inpatient.cap_tables import PublishTable, approve_table, publish_table, reject_table
from hospital_prepay.web.cap_rows import rows_of
from hospital_prepay.web.cap_summary import action_of, changes_words, checks_of, facts_of, notices_of, tiles_of

blueprint = Blueprint("cap_table_pages", __name__, url_prefix="/finance/caps")
_CONFIRMED: Final = frozenset({"publish", "reject"})


@blueprint.get("/<table_id>")
@requires(Permission.CAPS_VIEW)
def show_table(table_id: str) -> str:
    """The table; asked by htmx, its rows alone."""
    if is_partial():
        table = review_table(current_context(), current_actor(), table_id)
        return render_template("partials/inpatient/_cap_rows.html", table=facts_of(table), **rows_of(table))
    return _table_page(table_id, request.args.get("confirm"))


@blueprint.get("/<table_id>.csv")
@requires(Permission.CAPS_VIEW)
def export_table(table_id: str) -> Response:
    """Every row for a spreadsheet."""
    table = review_table(current_context(), current_actor(), table_id)
    headers = {"Content-Disposition": f'attachment; filename="caps-{table.head.as_of}.csv"'}
    return Response(table_csv(table), mimetype="text/csv", headers=headers)


@blueprint.post("/<table_id>/approve")
@requires(Permission.CAPS_APPROVE)
def approve(table_id: str) -> Any:
    """Approve a draft that another person measured."""
    approve_table(current_context(), current_actor(), table_id)
    say("ok", "已批准。发布后才对外执行。")
    return redirect(f"/finance/caps/{table_id}", 303)


@blueprint.post("/<table_id>/reject")
@requires(Permission.CAPS_APPROVE)
def reject(table_id: str) -> Any:
    """Send a draft back with a ground."""
    try:
        reject_table(current_context(), current_actor(), table_id, read_form(RejectSchema()).reason)
    except WrongForm as wrong:
        return _table_page(table_id, "reject", wrong.form), 422
    say("ok", "已退回，测算的人会看到原因。")
    return redirect(f"/finance/caps/{table_id}", 303)


@blueprint.post("/<table_id>/publish")
@requires(Permission.CAPS_PUBLISH)
def publish(table_id: str) -> Any:
    """Put an approved table in force."""
    try:
        command = PublishTable(table_id, read_form(PublishSchema()).effective_on)
        version = publish_table(current_context(), current_actor(), command)
    except WrongForm as wrong:
        return _table_page(table_id, "publish", wrong.form), 422
    except MalformedInput as error:
        return _table_page(table_id, "publish", typed().with_error(error, "effective_on")), 422
    say(
        "ok",
        f"第 {version} 版已发布，{command.effective_on} 起执行。",
        href=public_path("deposits", current_actor().institution_id),
        link_label="看患者看到的页面",
    )
    return redirect(f"/finance/caps/{table_id}", 303)


def _table_page(table_id: str, confirm: str | None, form: Form | None = None) -> str:
    table = review_table(current_context(), current_actor(), table_id)
    action = action_of(table)
    allowed = {"publish": action["name"] == "publish", "reject": action["may_reject"]}
    return render_template(
        "pages/inpatient/cap_table.html",
        table=facts_of(table),
        tiles=tiles_of(table),
        checks=checks_of(table),
        notices=notices_of(table),
        action=action,
        confirm=confirm if confirm in _CONFIRMED and allowed[confirm] else None,
        form=form or Form({"effective_on": _first_day(table)}),
        changes_words=changes_words(table),
        **rows_of(table),
    )


def _first_day(table: ReviewedTable) -> str:
    """The day proposed: today, or the one on the sheet that the table was taken over from."""
    return (table.head.as_of if table.source else current_context().clock.today()).isoformat()

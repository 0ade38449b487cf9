"""``/finance/caps/standards``: earlier standards, similar diseases, and sheets that were posted before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, redirect, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, PrepayError
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.errors import status_of
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.http.uploads import uploaded
from hospital_prepay.schemas.inpatient_caps import SheetForm, SheetSchema
from hospital_prepay.services.inpatient.cap_review import overview
from hospital_prepay.services.inpatient.posted_import import TakenOver, TakeOver, kept_mapping, take_over_sheet
from hospital_prepay.services.inpatient.posted_sheet import ColumnMapping, proposed_mapping, read_header
from hospital_prepay.services.inpatient.standards_import import Added, import_similar, import_standards
from hospital_prepay.web.case_imports import look_alike_words

blueprint = Blueprint("standards", __name__, url_prefix="/finance/caps/standards")


@blueprint.get("")
@requires(Permission.CAPS_VIEW)
def show_standards() -> str:
    """How many there are, and the forms to take in more."""
    return _page()


@blueprint.post("/legacy")
@requires(Permission.CASES_IMPORT, takes_file=True)
def take_in_standards() -> Any:
    """Take in earlier standards."""
    try:
        with uploaded("legacy") as (path, name):
            added = import_standards(current_context(), current_actor(), path, name)
    except (MalformedInput, Conflict) as error:
        return _page(standards_form=typed().with_error(error, "legacy")), status_of(error)
    return _added(added, "原标准", "项")


@blueprint.post("/similar")
@requires(Permission.CASES_IMPORT, takes_file=True)
def take_in_similar() -> Any:
    """Take in similar diseases."""
    try:
        with uploaded("similar") as (path, name):
            added = import_similar(current_context(), current_actor(), path, name)
    except (MalformedInput, Conflict) as error:
        return _page(similar_form=typed().with_error(error, "similar")), status_of(error)
    return _added(added, "相似病种", "对")


@blueprint.post("/posted")
@requires(Permission.CASES_IMPORT, takes_file=True)
def take_over() -> Any:
    """Take a posted sheet over."""
    try:
        form = read_form(SheetSchema())
        with uploaded("sheet") as (path, _):
            command = TakeOver(_mapping(form, path), form.source, form.effective_on, form.as_standards, form.as_table)
            done = take_over_sheet(current_context(), current_actor(), path, command)
    except WrongForm as wrong:
        return _page(sheet_form=wrong.form), 422
    except (MalformedInput, Conflict) as error:
        return _page(sheet_form=typed().with_error(error, _field_of(error))), status_of(error)
    return _taken_over(done)


def _mapping(form: SheetForm, path: Path) -> ColumnMapping:
    """What was typed; nothing typed, what the headings suggest."""
    typed_in = {insured: getattr(form, insured.value) for insured in InsuredClass}
    classes = {insured: heading for insured, heading in typed_in.items() if heading}
    if form.name and classes:
        return ColumnMapping(form.name, classes, form.code or None, form.catalogue)
    header = read_header(path)
    proposed = proposed_mapping(header)
    if proposed is None:
        shown = "、".join(f"“{heading}”" for heading in header if heading)
        words = f"看不出哪一列是病种、哪一列是金额。表头有：{shown}。请在下面写明。"
        raise MalformedInput(words, code="missing_column")
    return proposed


def _field_of(error: PrepayError) -> str:
    return "name" if error.reason == "missing_column" else "sheet"


def _added(added: Added, what: str, unit: str) -> Any:
    known = f"，{added.known} {unit}以前就有" if added.known else ""
    say("ok", f"{what}收下 {added.new} {unit}{known}。")
    if added.look_alike:
        say("wait", look_alike_words(added.look_alike))
    return redirect("/finance/caps/standards", 303)


def _taken_over(done: TakenOver) -> Any:
    parts = [f"读到 {done.diseases} 个病种"]
    if done.standards is not None:
        parts.append(f"原标准收下 {done.standards.new} 项")
    if done.table_id is None:
        say("ok", "，".join(parts) + "。")
        return redirect("/finance/caps/standards", 303)
    say("ok", "，".join(parts) + "；已存为草稿，请另一个人核对后批准。")
    return redirect(f"/finance/caps/{done.table_id}", 303)


def _page(
    standards_form: Form | None = None, similar_form: Form | None = None, sheet_form: Form | None = None
) -> str:
    context, actor = current_context(), current_actor()
    found = overview(context, actor)
    return render_template(
        "pages/inpatient/standards.html",
        standards=found.standards,
        similar=found.similar,
        standards_form=standards_form or Form(),
        similar_form=similar_form or Form(),
        sheet_form=sheet_form or Form(_kept_sheet()),
        may_import=actor.may(Permission.CASES_IMPORT),
    )


def _kept_sheet() -> dict[str, str]:
    """The columns that the institution named last time."""
    kept = kept_mapping(current_context(), current_actor().institution_id)
    ticked = {"as_standards": "yes", "as_table": "yes"}
    if kept is None:
        return ticked
    classes = {insured.value: heading for insured, heading in kept.classes.items()}
    return {**ticked, "name": kept.name, "code": kept.code or "", "catalogue": kept.catalogue, **classes}

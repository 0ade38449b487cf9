"""``/settlement/tables``: events of visits, and results of the insurance, from a table."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, make_response, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.files.tables import Column
from hospital_prepay.http.current import current_actor, current_context, is_partial
from hospital_prepay.http.forms import Form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.services.import_runs import Importer, ImportRun, State
from hospital_prepay.services.settlement import result_file, visit_file
from hospital_prepay.services.settlement.table_runs import EVENTS, RESULTS
from hospital_prepay.web.settlement_view import ROOT as BOARD

ROOT: Final = f"{BOARD}/tables"
blueprint = Blueprint("settlement_tables", __name__, url_prefix=ROOT)
# How long an answer waits for the end: most files are through by then and need no progress bar.
_PATIENCE: Final = 2.0
_KINDS: Final[dict[str, tuple[str, Importer, Any]]] = {
    "events": ("出入院事件", EVENTS, visit_file.COLUMNS),
    "results": ("医保结算结果", RESULTS, result_file.COLUMNS),
}


@blueprint.get("")
@requires(Permission.SETTLEMENT_VIEW)
def show_tables() -> str:
    """What can be taken in, the columns of each, and the runs at work."""
    return _page(Form())


@blueprint.post("")
@requires(Permission.SETTLEMENT_VIEW, takes_file=True)
def take_in() -> Any:
    """Begin to take in a file."""
    kind, upload = request.form.get("kind", ""), request.files.get("file")
    errors = {} if kind in _KINDS else {"kind": "请选导入的是什么。"}
    if upload is None or not upload.filename:
        errors["file"] = "请选一个 CSV 或 XLSX 文件。"
    if errors or upload is None:
        return _page(Form(dict(typed().entered), errors)), 422
    context, actor = current_context(), current_actor()
    run = _importer(kind).start(context, actor, upload.stream, upload.filename or "", patience=_PATIENCE)
    return redirect(f"{ROOT}/{kind}/{run.run_id}", 303)


@blueprint.get("/<kind>/<run_id>")
@requires(Permission.SETTLEMENT_VIEW)
def show_run(kind: str, run_id: str) -> str:
    """How far a run is, or what became of its file."""
    run = _importer(kind).read(current_context(), current_actor(), run_id)
    return render_template(
        "pages/settlement/table_run.html",
        label=_KINDS[kind][0],
        run=run,
        running=_running(kind, run) if run.state is State.RUNNING else None,
        resume_href=f"{ROOT}/{kind}/{run.run_id}/resume",
    )


@blueprint.get("/<kind>/<run_id>/progress")
@requires(Permission.SETTLEMENT_VIEW)
def show_progress(kind: str, run_id: str) -> Any:
    """The progress alone; when the run has ended, the way to its page."""
    run = _importer(kind).read(current_context(), current_actor(), run_id)
    if not is_partial():
        return redirect(f"{ROOT}/{kind}/{run_id}", 303)
    if run.state is State.RUNNING:
        return render_template("partials/outpatient/_import_progress.html", running=_running(kind, run))
    response = make_response("")
    response.headers["HX-Redirect"] = f"{ROOT}/{kind}/{run_id}"
    return response


@blueprint.post("/<kind>/<run_id>/resume")
@requires(Permission.SETTLEMENT_VIEW)
def resume(kind: str, run_id: str) -> Any:
    """Take in a file again whose process died: what was taken is known and isn't taken twice."""
    _importer(kind).resume(current_context(), current_actor(), run_id, patience=_PATIENCE)
    return redirect(f"{ROOT}/{kind}/{run_id}", 303)


def _importer(kind: str) -> Importer:
    if kind not in _KINDS:
        raise NotFound("没有这次导入。请回到导入表格查看。")
    return _KINDS[kind][1]


def _page(form: Form) -> str:
    context, actor = current_context(), current_actor()
    mine = {kind: one for kind, one in _KINDS.items() if actor.may(one[1].may_start)}
    runs = [(kind, run) for kind, (_, importer, _) in mine.items() for run in importer.open_runs(context, actor)]
    return render_template(
        "pages/settlement/tables.html",
        form=form if form.entered else Form({"kind": next(iter(mine), "")}),
        kinds=[{"value": kind, "label": label, "note": None} for kind, (label, _, _) in mine.items()],
        columns=[_columns(label, columns) for label, _, columns in mine.values()],
        runs=[{"file_name": run.file_name, "href": f"{ROOT}/{kind}/{run.run_id}"} for kind, run in runs],
    )


def _columns(label: str, columns: dict[str, Column]) -> dict[str, Any]:
    needed = [one.label for one in columns.values() if one.required]
    others = [one.label for one in columns.values() if not one.required]
    return {"label": label, "needed": "、".join(needed), "others": "、".join(others)}


def _running(kind: str, run: ImportRun) -> dict[str, Any]:
    href = f"{ROOT}/{kind}/{run.run_id}"
    words = f"已办 {run.rows:,} 行" if run.rows else "正在读文件"
    return {"file_name": run.file_name, "words": words, "href": href, "poll_href": f"{href}/progress"}

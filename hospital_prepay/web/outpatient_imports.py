"""``/finance/outpatient/imports``: take in a file of accounts, look at what was set aside, confirm or drop it."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

from flask import Blueprint, Response, make_response, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import MalformedInput, NotFound
from hospital_prepay.http.current import current_actor, current_context, is_partial
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.fund_forms import WrittenGroundSchema
from hospital_prepay.schemas.outpatient_forms import CountFormSchema
from hospital_prepay.services.import_runs import Importer, ImportRun, State
from hospital_prepay.services.outpatient import register
from hospital_prepay.services.outpatient.census import drop_import, refuse_import
from hospital_prepay.services.outpatient.import_runs import BOOKINGS, COUNTS
from hospital_prepay.web import outpatient_view as view
from hospital_prepay.web.outpatient_steps import attachment

blueprint = Blueprint("outpatient_imports", __name__, url_prefix="/finance/outpatient/imports")
_ROOT: Final = "/finance/outpatient/imports"
# How long an answer waits for the end: most files are through by then and need no progress bar.
_PATIENCE: Final = 2.0
_IMPORTERS: Final = {"count": COUNTS, "book": BOOKINGS}


@blueprint.get("")
@requires(Permission.OUTPATIENT_VIEW)
def list_imports() -> str:
    """Every import, the runs at work, and the form of the next one."""
    return _page(Form({"balances_on": current_context().clock.today().isoformat()}))


@blueprint.post("")
@requires(Permission.OUTPATIENT_IMPORT, takes_file=True)
def take_in() -> Any:
    """Begin to count a file."""
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        return _page(Form(dict(typed().entered), {"file": "请选一个 CSV 或 XLSX 文件。"})), 422
    try:
        day = read_form(CountFormSchema()).balances_on
    except WrongForm as wrong:
        return _page(wrong.form), 422
    context, actor = current_context(), current_actor()
    options = {"balances_on": day.isoformat()}
    run = COUNTS.start(context, actor, upload.stream, upload.filename, options=options, patience=_PATIENCE)
    return _after("count", run)


@blueprint.get("/<int:import_no>")
@requires(Permission.OUTPATIENT_VIEW)
def show_import(import_no: int) -> str:
    """One import with the rows that were set aside."""
    return _import_page(import_no, Form())


@blueprint.get("/<int:import_no>/rejected.<kind>")
@requires(Permission.OUTPATIENT_VIEW)
def download_rejected(import_no: int, kind: str) -> Response:
    """Every row that was set aside."""
    made = register.rejected_file(current_context(), current_actor(), import_no, kind)
    return attachment(made, f"清查导入第{import_no}次另放的行", kind)


@blueprint.post("/<int:import_no>/confirm")
@requires(Permission.OUTPATIENT_CONFIRM)
def confirm(import_no: int) -> Any:
    """Confirm and book, or go on with a booking that was cut short."""
    context, actor = current_context(), current_actor()
    head = register.review_import(context, actor, import_no, 1).head
    if head.state == "counted":
        actor.require_other_than(head.imported_by, "核对确认")
    options = {"import_no": str(import_no)}
    run = BOOKINGS.start(context, actor, BytesIO(), head.file_name, options=options, patience=_PATIENCE)
    return _after("book", run)


@blueprint.post("/<int:import_no>/drop")
@requires(Permission.OUTPATIENT_IMPORT)
def drop(import_no: int) -> Any:
    """Take back an import that nobody confirmed."""
    try:
        ground = read_form(WrittenGroundSchema()).ground
        drop_import(current_context(), current_actor(), import_no, ground)
    except WrongForm as wrong:
        return _import_page(import_no, wrong.form), 422
    except MalformedInput as error:
        return _import_page(import_no, typed().with_error(error, "ground")), 422
    say("info", "已作废，账户都收回了。改好的文件可以重新导入。")
    return redirect(f"{_ROOT}/{import_no}", 303)


@blueprint.post("/<int:import_no>/refuse")
@requires(Permission.OUTPATIENT_CONFIRM)
def refuse(import_no: int) -> Any:
    """Turn down an import that somebody else took in."""
    try:
        ground = read_form(WrittenGroundSchema()).ground
        refuse_import(current_context(), current_actor(), import_no, ground)
    except WrongForm as wrong:
        return _import_page(import_no, wrong.form), 422
    except MalformedInput as error:
        return _import_page(import_no, typed().with_error(error, "ground")), 422
    say("info", "已退回，没有入账，账户都收回了。导入的人改好文件可以重新导入。")
    return redirect(f"{_ROOT}/{import_no}", 303)


@blueprint.get("/runs/<kind>/<run_id>")
@requires(Permission.OUTPATIENT_VIEW)
def show_run(kind: str, run_id: str) -> Any:
    """A run at work, failed or interrupted; one that is done leads to its import."""
    run = _importer(kind).read(current_context(), current_actor(), run_id)
    return redirect(f"{_ROOT}/{run.import_id}", 303) if run.state is State.DONE else _run_page(kind, run)


@blueprint.get("/runs/<kind>/<run_id>/progress")
@requires(Permission.OUTPATIENT_VIEW)
def show_progress(kind: str, run_id: str) -> Any:
    """The progress bar alone; when the run has ended, the way to its page."""
    run = _importer(kind).read(current_context(), current_actor(), run_id)
    if not is_partial():
        return redirect(_href(kind, run), 303)
    if run.state is State.RUNNING:
        return render_template("partials/outpatient/_import_progress.html", running=_running(kind, run))
    response = make_response("")
    response.headers["HX-Redirect"] = _href(kind, run)
    return response


@blueprint.post("/runs/count/<run_id>/resume")
@requires(Permission.OUTPATIENT_IMPORT)
def resume_count(run_id: str) -> Any:
    """Count an upload again whose process died."""
    return _after("count", COUNTS.resume(current_context(), current_actor(), run_id, patience=_PATIENCE))


@blueprint.post("/runs/book/<run_id>/resume")
@requires(Permission.OUTPATIENT_CONFIRM)
def resume_booking(run_id: str) -> Any:
    """Go on with a booking whose process died."""
    return _after("book", BOOKINGS.resume(current_context(), current_actor(), run_id, patience=_PATIENCE))


def _importer(kind: str) -> Importer:
    if kind not in _IMPORTERS:
        raise NotFound("没有这次导入。请回到清查导入页查看。")
    return _IMPORTERS[kind]


def _href(kind: str, run: ImportRun) -> str:
    return f"{_ROOT}/runs/{kind}/{run.run_id}"


def _after(kind: str, run: ImportRun) -> Any:
    if run.state is State.FAILED:
        return _run_page(kind, run), 422
    if run.state is not State.DONE:
        return redirect(_href(kind, run), 303)
    if kind == "book":
        say("ok", "已确认，期初余额都已入账。")
    else:
        found = register.review_import(current_context(), current_actor(), int(run.import_id or 0), 1)
        days = f"有 {found.doubts:,} 行的日期读不出来，按不详收下，见“请核对”。" if found.doubts else ""
        look = f"{days}{view.doubted_words(found.doubted)}"
        say("ok", f"数完了，还没有入账。{look}下一步：另一个人核对后确认。")
    return redirect(f"{_ROOT}/{run.import_id}", 303)


def _running(kind: str, run: ImportRun) -> dict[str, Any]:
    rows = f"{run.rows:,}"
    if kind == "book":
        words = f"正在入账，已办 {rows} 个账户"
    else:
        words = f"正在检查每一行，已读 {rows} 行" if run.rows else "正在读文件"
    return {
        "file_name": run.file_name,
        "words": words,
        "href": _href(kind, run),
        "poll_href": f"{_href(kind, run)}/progress",
    }


def _run_page(kind: str, run: ImportRun) -> str:
    mark, word = {
        State.RUNNING: ("wait", "正在入账" if kind == "book" else "正在导入"),
        State.FAILED: ("stop", "没有办成"),
        State.INTERRUPTED: ("warn", "中断了"),
    }[run.state]
    permission = Permission.OUTPATIENT_CONFIRM if kind == "book" else Permission.OUTPATIENT_IMPORT
    return render_template(
        "pages/outpatient/import_run.html",
        run={
            "file_name": run.file_name,
            "state": {"kind": mark, "word": word},
            "message": run.message,
            "lines": run.lines,
            "is_booking": kind == "book",
            "resume_href": f"{_href(kind, run)}/resume",
            "back_href": f"{_ROOT}/{run.options['import_no']}" if kind == "book" else _ROOT,
        },
        running=_running(kind, run) if run.state is State.RUNNING else None,
        interrupted=run.state is State.INTERRUPTED,
        may_resume=current_actor().may(permission),
    )


def _page(form: Form) -> str:
    context, actor = current_context(), current_actor()
    found, names = register.list_imports(context, actor)
    runs = [(kind, run) for kind, importer in _IMPORTERS.items() for run in importer.open_runs(context, actor)]
    return render_template(
        "pages/outpatient/imports.html",
        imports=[view.import_line(one, names) for one in found],
        runs=[
            {
                "file_name": run.file_name,
                "href": _href(kind, run),
                "words": "正在办" if run.state is State.RUNNING else "中断了，可以接着办",
            }
            for kind, run in runs
        ],
        form=form,
        may_import=actor.may(Permission.OUTPATIENT_IMPORT),
    )


def _import_page(import_no: int, form: Form) -> str:
    actor = current_actor()
    found = register.review_import(current_context(), actor, import_no, page_number(), page_number("look"))
    head = found.head
    return render_template(
        "pages/outpatient/import.html",
        batch=view.import_line(head, found.names),
        rejected=found.rejected,
        page=page_of(len(found.rejected), head.rejected, "行", register.PAGE),
        doubtful=found.doubtful,
        doubts=page_of(len(found.doubtful), found.doubts, "行", register.PAGE, "look"),
        doubted=found.doubted,
        form=form,
        may_confirm=actor.may(Permission.OUTPATIENT_CONFIRM)
        and (head.state == "confirmed" or (head.state == "counted" and actor.actor_id != head.imported_by)),
        may_refuse=actor.may(Permission.OUTPATIENT_CONFIRM)
        and head.state == "counted"
        and actor.actor_id != head.imported_by,
        dropped_for=found.dropped_for,
        may_drop=actor.may(Permission.OUTPATIENT_IMPORT) and head.state == "counted",
        confirmers="、".join(found.confirmers),
        is_mine=actor.actor_id == head.imported_by,
    )

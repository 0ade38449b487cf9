"""``/finance/caps/imports``: take in a file of cases, see how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

from flask import Blueprint, Response, make_response, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.http.current import current_actor, current_context, is_partial
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.http.permission import requires
from hospital_prepay.services.import_runs import ImportRun, State
from hospital_prepay.services.inpatient import import_review
from hospital_prepay.services.inpatient.import_review import ReviewedImport
from hospital_prepay.services.inpatient.import_runs import CASES
from hospital_prepay.web.caps import caps_page, running_of

blueprint = Blueprint("case_imports", __name__, url_prefix="/finance/caps/imports")
_PAGE: Final = 50
_SHOWN_NAMES: Final = 5
_GROUPS_SHOWN: Final = 10
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# How long the answer to an upload waits for its end: most files are through by then and need no progress bar.
_PATIENCE: Final = 2.0


@blueprint.post("")
@requires(Permission.CASES_IMPORT, takes_file=True)
def take_in() -> Any:
    """Begin an import."""
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        return caps_page(import_form=Form({}, {"file": "请选一个 CSV 或 XLSX 文件。"})), 422
    context, actor = current_context(), current_actor()
    run = CASES.start(context, actor, upload.stream, upload.filename, patience=_PATIENCE)
    return _after(run)


@blueprint.post("/<import_id>/resume")
@requires(Permission.CASES_IMPORT)
def resume(import_id: str) -> Any:
    """Take an interrupted import up again."""
    return _after(CASES.resume(current_context(), current_actor(), import_id, patience=_PATIENCE))


@blueprint.get("/<import_id>")
@requires(Permission.CAPS_VIEW)
def show_import(import_id: str) -> Any:
    """An import, or a run that leads to one."""
    try:
        run = CASES.read(current_context(), current_actor(), import_id)
    except NotFound:
        return _reviewed(import_id)
    return _after(run) if run.state is State.DONE else _run_page(run)


@blueprint.get("/<import_id>/progress")
@requires(Permission.CAPS_VIEW)
def show_progress(import_id: str) -> Any:
    """The progress bar alone; when the run has ended, the way to its page."""
    run = CASES.read(current_context(), current_actor(), import_id)
    if not is_partial():
        return redirect(f"/finance/caps/imports/{run.run_id}", 303)
    if run.state is State.RUNNING:
        return render_template("partials/inpatient/_import_progress.html", running=running_of(run))
    response = make_response("")
    response.headers["HX-Redirect"] = f"/finance/caps/imports/{run.run_id}"
    return response


@blueprint.get("/<import_id>/rejected.csv")
@requires(Permission.CAPS_VIEW)
def export_rejected(import_id: str) -> Response:
    """Every rejected row for a spreadsheet."""
    text = import_review.rejected_csv(current_context(), current_actor(), import_id)
    headers = {"Content-Disposition": 'attachment; filename="rejected-rows.csv"'}
    return Response(text, mimetype="text/csv", headers=headers)


@blueprint.get("/<import_id>/rejected.xlsx")
@requires(Permission.CAPS_VIEW)
def export_rejected_workbook(import_id: str) -> Response:
    """The same as a workbook."""
    content = import_review.rejected_xlsx(current_context(), current_actor(), import_id)
    headers = {"Content-Disposition": 'attachment; filename="rejected-rows.xlsx"'}
    return Response(content, mimetype=_XLSX, headers=headers)


def _after(run: ImportRun) -> Any:
    if run.state is State.FAILED:
        return _run_page(run), 422
    if run.state is State.DONE:
        known = "这个文件以前导入过，没有重复收。" if run.already_known else "病例已收下。"
        say("info" if run.already_known else "ok", known)
        return redirect(_done(run), 303)
    return redirect(f"/finance/caps/imports/{run.run_id}", 303)


def _done(run: ImportRun) -> str:
    return f"/finance/caps/imports/{run.import_id}"


def _run_page(run: ImportRun) -> str:
    kind, word = {
        State.RUNNING: ("wait", "正在导入"),
        State.FAILED: ("stop", "没有收下"),
        State.INTERRUPTED: ("warn", "中断了"),
    }[run.state]
    return render_template(
        "pages/inpatient/import_run.html",
        run={
            "file_name": run.file_name,
            "size_words": _size(run.size),
            "state": {"kind": kind, "word": word},
            "message": run.message,
            "lines": run.lines,
            "resume_href": f"/finance/caps/imports/{run.run_id}/resume",
        },
        running=running_of(run) if run.state is State.RUNNING else None,
        interrupted=run.state is State.INTERRUPTED,
        may_import=current_actor().may(Permission.CASES_IMPORT),
    )


def _reviewed(import_id: str) -> str:
    code = request.args.get("kind", "")
    code = code if code in import_review.KINDS else ""
    first = (page_number() - 1) * _PAGE
    actor = current_actor()
    found = import_review.review_import(current_context(), actor, import_id, code=code, first=first, size=_PAGE)
    total = found.by_code.get(code, 0) if code else found.head.rows_rejected
    return render_template(
        "pages/inpatient/import.html",
        batch=_batch(found),
        years=found.discharges.years,
        rejected=found.rejected,
        by_kind=_kinds(found, code),
        page=page_of(len(found.rejected), total, "行", _PAGE),
        may_measure=actor.may(Permission.CAPS_MEASURE),
    )


def _batch(found: ReviewedImport) -> dict[str, Any]:
    head, days = found.head, found.discharges
    return {
        "id": head.import_id,
        "file_name": head.file_name,
        "digest": f"{head.file_sha256[:4]} … {head.file_sha256[-4:]}",
        "at": head.imported_at,
        "by": found.imported_by,
        "accepted": head.rows_accepted,
        "rejected": head.rows_rejected,
        "repeated": head.rows_known,
        "first_discharge": days.first,
        "last_discharge": days.last,
        "state": {"kind": "ok", "word": "已收下"},
        "look_alike_words": look_alike_words(found.look_alike) if found.look_alike else None,
        "thin_words": thin_words(f"{days.years[-1].year} 年", days.years[-1].cases) if found.is_thin else None,
        "shared_words": shared_words(found.shared_names) if found.shared_names else None,
    }


def shared_words(names: Mapping[str, tuple[str, ...]]) -> str:
    """Which names stand for more than one code: mostly one disease that was coded in two ways."""
    shown = "；".join(f"{name}（{'、'.join(codes)}）" for name, codes in islice(names.items(), _SHOWN_NAMES))
    more = "等，" if len(names) > _SHOWN_NAMES else "。"
    return f"{len(names)} 个病名有不止一个编码：{shown}{more}请核对是不是同一个病种，分开编码会分开测算。"


def look_alike_words(groups: Sequence[Sequence[str]]) -> str:
    """Which codes differ only by case or width, and what to do; of many groups the first."""
    shown = "；".join("、".join(group) for group in groups[:_GROUPS_SHOWN])
    rest = f"，等 {len(groups)} 组" if len(groups) > _GROUPS_SHOWN else ""
    fix = "现在各算一个病种，没有合并；是同一病种的，请在来源系统统一写法。"
    return f"这些病种编码只差大小写或全半角：{shown}{rest}。{fix}"


def thin_words(year: str, cases: int) -> str:
    """That the last year has few cases, and what to do."""
    many = f"只有 {cases:,} 例，不到前几年平均的一半" if cases else "一例也没有"
    return f"{year}{many}。请核对是否导全，再测算。"


def _kinds(found: ReviewedImport, chosen: str) -> list[dict[str, Any]]:
    address = f"/finance/caps/imports/{found.head.import_id}"
    whole = {"label": "全部", "href": address, "current": not chosen, "count": found.head.rows_rejected}
    return [
        whole,
        *(
            {
                "label": import_review.KINDS.get(code, "其他"),
                "href": f"{address}?kind={code}",
                "current": code == chosen,
                "count": count,
            }
            for code, count in found.by_code.items()
        ),
    ]


def _size(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 100_000 else f"{max(size // 1000, 1)} KB"

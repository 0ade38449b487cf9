"""Reports of outpatients' deposits: how far refunding has come on a day, and the lists as files."""

from __future__ import annotations

from datetime import date
from typing import Final

from flask import Blueprint, Response, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form
from hospital_prepay.http.permission import requires
from hospital_prepay.services.outpatient import advance_papers, progress, register_papers
from hospital_prepay.web.outpatient_filters import asked_filters, narrowed
from hospital_prepay.web.outpatient_steps import attachment

blueprint = Blueprint("outpatient_reports", __name__, url_prefix="/finance/outpatient")
_NO_DAY: Final = "请填日期，例如 2025-12-31。"


@blueprint.get("/progress")
@requires(Permission.OUTPATIENT_VIEW)
def show_progress() -> tuple[str, int]:
    """Totals on a day."""
    context, actor = current_context(), current_actor()
    asked, form = request.args.get("on", "").strip()[:10], Form()
    try:
        found, status = progress.read_progress(context, actor, _day(asked)), 200
        form = Form({"on": found.on.isoformat()})
    except MalformedInput as error:
        found, status = progress.read_progress(context, actor, None), 422
        form = Form({"on": asked}).with_error(error, "on")
    page = render_template(
        "pages/outpatient/progress.html", found=found, form=form, notes=(progress.NOTE, progress.TOTAL)
    )
    return page, status


@blueprint.get("/progress.<kind>")
@requires(Permission.OUTPATIENT_VIEW)
def download_progress(kind: str) -> Response:
    """The same as a file."""
    day = _day(request.args.get("on", "").strip())
    made = progress.progress_file(current_context(), current_actor(), day, kind)
    return attachment(made, f"门诊预交金清退进度{day or current_context().clock.today()}", kind)


@blueprint.get("/register.<kind>")
@requires(Permission.OUTPATIENT_VIEW)
def download_register(kind: str) -> Response:
    """The register as a file, narrowed like its page."""
    asked = narrowed(asked_filters(for_file=True))
    made = register_papers.register_file(current_context(), current_actor(), asked, kind)
    return attachment(made, "门诊预交金清退台账", kind)


@blueprint.get("/advances.<kind>")
@requires(Permission.OUTPATIENT_VIEW)
def download_advances(kind: str) -> Response:
    """Everything that was paid ahead."""
    made = advance_papers.advances_file(current_context(), current_actor(), kind)
    return attachment(made, "门诊预交金先垫后补台账", kind)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise MalformedInput(_NO_DAY, details={"field": "on"}) from error

"""``/settlement/reports``: how soon discharges were settled, and what was late; ``/settlement/wall``: the screen."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, render_template, request

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.rules.settlement.stages import Stage
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form
from hospital_prepay.http.permission import requires
from hospital_prepay.services.settlement import reports as service
from hospital_prepay.services.settlement.wall import read_wall
from hospital_prepay.web.outpatient_steps import attachment
from hospital_prepay.web.settlement_words import due_badge, waited

ROOT: Final = "/settlement"
blueprint = Blueprint("settlement_reports", __name__, url_prefix=ROOT)
_SECONDS: Final = 60


@blueprint.get("/reports")
@requires(Permission.SETTLEMENT_VIEW)
def show_reports() -> tuple[str, int]:
    """The report of months."""
    context, actor, (first, last) = current_context(), current_actor(), _asked()
    try:
        found, status, form = service.read_report(context, actor, first, last), 200, Form()
    except MalformedInput as error:
        found, status = service.read_report(context, actor), 422
        form = Form().with_error(error, "first")
    entered = {"first": first or found.first, "last": last or found.last}
    page = render_template(
        "pages/settlement/reports.html",
        found=found,
        form=Form(entered, form.errors),
        query=f"first={found.first}&last={found.last}",
        chart=_chart(found),
        definitions=service.DEFINITIONS,
    )
    return page, status


@blueprint.get("/reports.<kind>")
@requires(Permission.SETTLEMENT_VIEW)
def download_report(kind: str) -> Response:
    """The same as a file."""
    made = service.report_file(current_context(), current_actor(), *_asked(), kind)
    return attachment(made, "出院结算及时率", kind)


@blueprint.get("/late.<kind>")
@requires(Permission.SETTLEMENT_VIEW)
def download_late(kind: str) -> Response:
    """Every late case, as a file."""
    made = service.late_file(current_context(), current_actor(), *_asked(), kind)
    return attachment(made, "逾期结算明细", kind)


@blueprint.get("/wall")
@requires(Permission.SETTLEMENT_VIEW)
def show_wall() -> str:
    """The screen in the office; fetches itself again."""
    found = read_wall(current_context(), current_actor())
    board = found.board
    return render_template(
        "pages/settlement/wall.html",
        seconds=_SECONDS,
        now=local(found.now),
        stages=board.stages,
        number=board.number,
        counts=[(bucket.label, board.counts[bucket], bucket.value) for bucket in list(board.counts)[:3]],
        at_risk=board.at_risk,
        urgent=[
            {
                "stay_no": row.stay_no,
                "ward": row.ward or "没有病区",
                "stage": Stage(row.stage).label,
                "due": due_badge(row, board.calendar, board.today),
                "waited": waited(row.stage_since, found.now),
            }
            for row in found.urgent
        ],
        month=found.month,
    )


def _asked() -> tuple[str, str]:
    return request.args.get("first", "").strip()[:7], request.args.get("last", "").strip()[:7]


def _chart(found: service.Report) -> list[dict[str, Any]]:
    """The columns of the chart, the oldest month first: heights in a hundredth."""
    return [
        {
            "label": line.label[2:] if len(found.tables["按出院月份"]) > 6 else line.label,
            "day": 100 * line.kept_day // line.by_day if line.by_day else 0,
            "target": 100 * line.kept_target // line.by_target if line.by_target else 0,
            "says": f"{line.label}：3 个工作日内 {line.day_share}，24 小时内 {line.target_share}",
        }
        for line in reversed(found.tables["按出院月份"])
    ]

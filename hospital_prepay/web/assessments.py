"""``/settlement/assessments``: the periodic risk assessment of article 25."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, redirect, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.rules.settlement.arrears import ActKind, Band
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.arrears import AssessSchema
from hospital_prepay.services.settlement import assessments as service
from hospital_prepay.services.settlement.assessments import Assess
from hospital_prepay.web.fund_words import keyed

ROOT: Final = "/settlement/assessments"
blueprint = Blueprint("assessments", __name__, url_prefix=ROOT)


@blueprint.get("")
@requires(Permission.SETTLEMENT_VIEW)
def show() -> str:
    """Every assessment and the next one."""
    return _page(Form())


@blueprint.post("")
@requires(Permission.SETTLEMENT_MANAGE)
def write() -> Any:
    """Write the next one down."""
    try:
        said = read_form(AssessSchema())
        command = Assess(said.findings, said.measures, said.idempotency_key)
        service.assess(current_context(), current_actor(), command)
    except WrongForm as wrong:
        return _page(wrong.form), 422
    except MalformedInput as error:
        return _page(typed().with_error(error, str(error.details.get("field", "")))), 422
    except Conflict as error:
        return _page(typed("idempotency_key").with_error(error)), 409
    say("ok", "评估已写好，请财务里另一个人批准。")
    return redirect(ROOT, 303)


@blueprint.post("/<int:assessment_no>/approve")
@requires(Permission.SETTLEMENT_MANAGE)
def approve(assessment_no: int) -> Any:
    """Approve what another person wrote."""
    try:
        service.approve(current_context(), current_actor(), assessment_no)
        say("ok", f"第 {assessment_no} 次评估已批准。")
    except Conflict as error:
        say("stop", error.message)
    return redirect(ROOT, 303)


def _page(form: Form) -> str:
    actor = current_actor()
    found = service.list_assessments(current_context(), actor)
    may = actor.may(Permission.SETTLEMENT_MANAGE)
    waits = bool(found.rows) and found.rows[0].approved_at is None
    return render_template(
        "pages/settlement/assessments.html",
        found=found,
        figures=_figures(found.figures),
        rows=[
            {
                "one": row,
                "figures": _figures(row.figures),
                "assessed_by": found.names.get(row.assessed_by, row.assessed_by),
                "approved_by": found.names.get(row.approved_by or "", row.approved_by),
                "may_approve": may and row.approved_at is None and row.assessed_by != actor.actor_id,
            }
            for row in found.rows
        ],
        may_write=may and found.has_ended and not waits,
        form=keyed(form),
    )


def _figures(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures with their words: a count, or an amount in fen."""
    counts = [
        ("本期结算（次）", figures["settled"]),
        ("超过期限结算（次）", figures["late"]),
        ("留下欠费（次）", figures["left_owing"]),
        (f"{figures['on']} 有欠费（次）", figures["owing"]),
        ("在院费用预警（人）", figures["warned"]),
    ]
    amounts = [
        ("本期留下欠费", figures["left_owing_fen"]),
        (f"{figures['on']} 欠费", figures["owed_fen"]),
        *((f"其中 {band.label}", figures["bands"][band.value]) for band in Band),
        ("坏账准备余额", figures["provided_fen"]),
        *((f"本期{kind.label}", figures["acts"][kind.value]) for kind in ActKind),
        ("在院预警差额", figures["gap_fen"]),
    ]
    return [
        *({"label": label, "count": count, "fen": None} for label, count in counts),
        *({"label": label, "count": None, "fen": fen} for label, fen in amounts),
    ]

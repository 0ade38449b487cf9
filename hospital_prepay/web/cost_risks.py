"""``/settlement/risks``: stays in hospital whose costs run ahead of their deposit."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.masking import mask_name
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form
from hospital_prepay.http.permission import requires
from hospital_prepay.http.uploads import uploaded
from hospital_prepay.services.settlement import costs as service

ROOT: Final = "/settlement/risks"
blueprint = Blueprint("cost_risks", __name__, url_prefix=ROOT)
_TOLD: Final = 20


@blueprint.get("")
@requires(Permission.SETTLEMENT_VIEW)
def show_warnings() -> str:
    """The warnings."""
    return _page(Form())


@blueprint.post("")
@requires(Permission.SETTLEMENT_MANAGE, takes_file=True)
def take_costs() -> Any:
    """Take a table of costs in."""
    try:
        with uploaded("file") as (path, _):
            taken = service.take_cost_file(current_context(), current_actor(), path)
    except MalformedInput as error:
        return _page(Form().with_error(error, "file")), 422
    say("ok" if taken.applied else "wait", f"收下 {taken.applied} 行费用。")
    if taken.rejected:
        lines = "".join(f"第 {one.line} 行：{one.message}" for one in taken.rejected[:_TOLD])
        say("stop", f"{len(taken.rejected)} 行没有收下。{lines}")
    return redirect(ROOT, 303)


def _page(form: Form) -> str:
    actor, ward = current_actor(), request.args.get("ward", "")[:80]
    found = service.warnings(current_context(), actor, ward)
    return render_template(
        "pages/settlement/risks.html",
        found=found,
        ward=ward,
        rows=[
            {
                "one": one,
                "name": one.row.patient_name if actor.calls_patients else mask_name(one.row.patient_name),
                "class": InsuredClass(one.row.insured_class).label,
                "href": f"/desk/stays/{one.row.stay_no}" if actor.may(Permission.DESK_VIEW) else None,
            }
            for one in found.rows
        ],
        form=form,
        may_manage=actor.may(Permission.SETTLEMENT_MANAGE),
    )

"""``/finance/caps/standards/named``: similar diseases that the counter named by itself."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.permission import requires
from hospital_prepay.services.inpatient.named_similar import NamedSimilar, add_pair, list_named
from hospital_prepay.web.decision_view import decision_href, decision_number

blueprint = Blueprint("named_similar", __name__, url_prefix="/finance/caps/standards/named")


@blueprint.get("")
@requires(Permission.CAPS_VIEW)
def show_named() -> str:
    """The stays, with the doctor's ground."""
    actor = current_actor()
    return render_template(
        "pages/inpatient/named_similar.html",
        stays=[_shown(one) for one in list_named(current_context(), actor)],
        may_add=actor.may(Permission.CASES_IMPORT),
    )


@blueprint.post("/<stay_no>")
@requires(Permission.CASES_IMPORT)
def add(stay_no: str) -> Any:
    """Add the pair to the hospital's table."""
    one = add_pair(current_context(), current_actor(), stay_no)
    say("ok", f"相似病种表已补进：{one.disease_name} 参照 {one.similar_name or one.similar_code}。")
    return redirect("/finance/caps/standards/named", 303)


def _shown(one: NamedSimilar) -> dict[str, Any]:
    return {
        "stay_no": one.stay_no,
        "stay_href": f"/desk/stays/{one.stay_no}",
        "disease_name": one.disease_name,
        "disease_code": one.disease_code,
        "similar_name": one.similar_name or one.similar_code,
        "similar_code": one.similar_code,
        "cap_fen": one.cap_fen,
        "ground": one.similar_ground,
        "by": one.recorded_by_name or one.recorded_by,
        "at": one.recorded_at,
        "number": decision_number(one.decision_id),
        "number_href": decision_href(one.decision_id),
    }

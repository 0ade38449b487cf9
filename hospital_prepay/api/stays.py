"""``/api/v1/stays``: registering, finding and changing stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, TypeVar

from hospital_prepay.api.requests import part_of_api
from hospital_prepay.domain.access import Permission
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.stays import (
    ChangePlacementIn,
    PlacedOut,
    RegisterStayIn,
    StayDetail,
    StayList,
    StaySearch,
)
from hospital_prepay.services.inpatient import lookup
from hospital_prepay.services.inpatient.stay_caps import named_as_catalogued
from hospital_prepay.services.inpatient.stays import (
    ChangePlacement,
    Placed,
    RegisterStay,
    change_placement,
    register_stay,
)

blueprint = part_of_api("stays", "住院")
LONGEST_LIST: Final = 20
_Command = TypeVar("_Command", RegisterStay, ChangePlacement)


@blueprint.post("/stays")
@requires(Permission.STAY_REGISTER)
@blueprint.input(RegisterStayIn)
@blueprint.output(PlacedOut, status_code=201, description="已登记")
@blueprint.doc(
    summary="登记住院",
    description="登记一次住院并定额度。还定不出额度时照样登记，cap_fen 为 null，decision 说明先要做什么。",
    responses=[409],
)
def register(json_data: dict[str, Any]) -> Any:
    """Register a stay and determine its cap."""
    command = _catalogued(RegisterStayIn().command(json_data))
    placed = register_stay(current_context(), current_actor(), command)
    return _placed(placed), {"Location": f"/api/v1/stays/{command.stay_no}"}


@blueprint.get("/stays")
@requires(Permission.DESK_VIEW)
@blueprint.input(StaySearch, location="query")
@blueprint.output(StayList, description="找到的住院，新的在前，最多 20 次")
@blueprint.doc(summary="查找住院", description="按住院号开头、姓名、首字母，或完整的证件号、电话查找。")
def search(query_data: dict[str, Any]) -> Any:
    """Find stays."""
    return {"stays": lookup.find_stays(current_context(), current_actor(), query_data["q"], LONGEST_LIST)}


@blueprint.get("/stays/<word:stay_no>")
@requires(Permission.DESK_VIEW)
@blueprint.output(StayDetail, description="住院和它的额度")
@blueprint.doc(summary="查看住院", description="额度、已收、还可收。姓名、证件号、电话已遮盖。", responses=[404])
def show(stay_no: str) -> Any:
    """Show a stay."""
    return lookup.find_stay(current_context(), current_actor(), stay_no)


@blueprint.post("/stays/<word:stay_no>/placement")
@requires(Permission.STAY_REGISTER)
@blueprint.input(ChangePlacementIn)
@blueprint.output(PlacedOut, description="已改，附新额度")
@blueprint.doc(
    summary="改病种、参保类型或情形",
    description="额度升高时可补收到新额度；降低时超出部分提请退款（excess_fen）。缺沟通记录、相似病种或医生的依据时 "
    "decision 为 refused，住院不变。seen_version 已过时是 409。",
    responses=[404, 409],
)
def place(stay_no: str, json_data: dict[str, Any]) -> Any:
    """Follow a change of disease, class or circumstance."""
    command = _catalogued(ChangePlacementIn().command(stay_no, json_data))
    return _placed(change_placement(current_context(), current_actor(), command))


def _catalogued(command: _Command) -> _Command:
    institution_id = current_actor().institution_id
    return replace(command, placement=named_as_catalogued(current_context(), institution_id, command.placement))


def _placed(placed: Placed) -> dict[str, Any]:
    return {
        "stay": lookup.find_stay(current_context(), current_actor(), placed.stay_no),
        "excess_fen": placed.excess,
        "decision": placed.decision,
        "decision_id": placed.decision_id,
    }

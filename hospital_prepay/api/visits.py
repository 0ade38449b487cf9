"""``/api/v1/visits``: admissions and discharges as other systems tell of them, in whatever order; and what the
insurance answered to a settlement, and what a stay has cost so far."""

from __future__ import annotations

from typing import Any

from hospital_prepay.api.requests import part_of_api
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.visits import VisitEventKind
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.costs import CostsIn, CostsOut
from hospital_prepay.schemas.settlement_results import ResultIn, ResultOut
from hospital_prepay.schemas.visits import VisitEventIn, VisitTakenOut
from hospital_prepay.services.settlement.costs import Costs, record_costs
from hospital_prepay.services.settlement.intake import take_said
from hospital_prepay.services.settlement.results import record_result

blueprint = part_of_api("visits", "出入院")


@blueprint.post("/visits")
@requires(Permission.STAY_REGISTER)
@blueprint.input(VisitEventIn)
@blueprint.output(VisitTakenOut, description="收下，或收到过")
@blueprint.doc(
    summary="报一件出入院的事",
    description="入院、转科、出院、变更、取消。同样的内容发几次都只算一次；先后颠倒、中间缺了再补，结果一样。"
    "出院随即计结算期限和 24 小时目标。",
    responses=[409],
)
def tell(json_data: dict[str, Any]) -> Any:
    """Take in one event of a visit."""
    taken = take_said(
        current_context(),
        current_actor(),
        VisitEventKind(json_data["event"]),
        json_data["stay_no"],
        json_data["occurred_at"],
        VisitEventIn.facts(json_data),
        "api",
    )
    return {"outcome": taken.outcome.value, "stay_no": json_data["stay_no"]}


@blueprint.post("/stays/<word:stay_no>/settlement-results")
@requires(Permission.SETTLEMENT_INSURANCE)
@blueprint.input(ResultIn)
@blueprint.output(ResultOut, status_code=201, description="已收下")
@blueprint.doc(
    summary="报医保结算结果",
    description="接口 2304 的结果，收费结算时用。两个等式对不平的也收下，faults 说明差在哪里；"
    "同一流水号内容不一样是 409。",
    responses=[404, 409],
)
def tell_result(stay_no: str, json_data: dict[str, Any]) -> Any:
    """Keep a result of the insurance."""
    return record_result(current_context(), current_actor(), stay_no, ResultIn.result(json_data), "api")


@blueprint.post("/stays/<word:stay_no>/costs")
@requires(Permission.STAY_REGISTER)
@blueprint.input(CostsIn)
@blueprint.output(CostsOut, status_code=201, description="已收下")
@blueprint.doc(
    summary="报在院费用",
    description="到某个时间为止的费用总额和预计个人负担，费用风险预警用。同一时间只收一次，金额不一样是 409；"
    "费用多少都不改变预交金额度。",
    responses=[404, 409],
)
def tell_costs(stay_no: str, json_data: dict[str, Any]) -> Any:
    """Keep the costs of a stay so far."""
    costs = Costs(stay_no, json_data["as_of"], json_data["total_fen"], json_data["own_fen"])
    record_costs(current_context(), current_actor(), costs)
    return {"stay_no": stay_no}

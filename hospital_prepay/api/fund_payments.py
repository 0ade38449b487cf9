"""``/api/v1/fund``: a purchasing system reads the grants and asks for a payment; people agree, reserve and pay."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hospital_prepay.api.requests import keyed_post, namespaced, part_of_api
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.decision import Outcome
from hospital_prepay.domain.money import Money
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.decisions import require_permitted
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.fund_api import AskedPaymentOut, GrantList, PaymentRequestIn, PaymentRequestOut
from hospital_prepay.services.fund.review import fund_overview
from hospital_prepay.services.fund.spending import AskedPayment, ask_payment, find_request

blueprint = part_of_api("fund_payments", "医保预付金")


@blueprint.get("/fund/grants")
@requires(Permission.FUND_VIEW)
@blueprint.output(GrantList, description="各笔预付金，年度新的在前")
@blueprint.doc(summary="查看预付金", description="每笔的应还医保和专款未用。两个数各是一本账，不能相加。")
def list_grants() -> Any:
    """List the grants."""
    return {"grants": fund_overview(current_context(), current_actor()).grants}


@keyed_post(
    blueprint,
    "/fund/grants/<word:grant_id>/requests",
    Permission.FUND_ASK,
    PaymentRequestIn,
    AskedPaymentOut,
    answer="已申请，等科室同意",
    summary="申请用款",
    description="逐行检查用途。有一行不是医疗费用周转就整份被拒（422），谁也不能放行；通知没有点名的须两人书面决定"
    "（decision 为 held）。同意、审批、付款由不同的人在页面上办理，没有接口。",
)
def ask(grant_id: str, headers_data: dict[str, Any], json_data: dict[str, Any]) -> Any:
    """Ask for a payment."""
    command = PaymentRequestIn.command(grant_id, namespaced(headers_data["key"]), json_data)
    return _asked(ask_payment(current_context(), current_actor(), command))


@blueprint.get("/fund/requests/<word:request_id>")
@requires(Permission.FUND_VIEW)
@blueprint.output(PaymentRequestOut, description="这份用款申请")
@blueprint.doc(summary="查看用款申请", description="办到哪一步，每一行的用途得到什么答复。", responses=[404])
def show_request(request_id: str) -> Any:
    """Show a request with its lines."""
    request, lines = find_request(current_context(), current_actor(), request_id)
    return {**asdict(request), "total": Money(request.total_fen), "lines": lines}


def _asked(asked: AskedPayment) -> AskedPayment:
    # What may go on is held for people: only a refusal is an error.
    if asked.decision.outcome is Outcome.REFUSED:
        require_permitted(asked.decision, asked.decision_id)
    return asked

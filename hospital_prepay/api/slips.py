"""Voids and refunds: a system may ask for them, a person decides."""

from __future__ import annotations

from typing import Any

from hospital_prepay.api.requests import keyed_post, namespaced, part_of_api
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.decision import Outcome
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.decisions import require_permitted
from hospital_prepay.schemas.slips import AskedOut, RefundIn, VoidIn
from hospital_prepay.services.inpatient.slips import (
    Asked,
    RequestRefund,
    RequestVoid,
    request_refund,
    request_void,
)

blueprint = part_of_api("slips", "退款和作废")


@keyed_post(
    blueprint,
    "/stays/<word:stay_no>/refund-requests",
    Permission.SLIP_REQUEST,
    RefundIn,
    AskedOut,
    answer="已申请，等另一个人复核",
    summary="申请退款",
    description="最多退这次住院预交金的余额。同一次住院已有申请在等复核时是 409。",
)
def ask_refund(stay_no: str, headers_data: dict[str, Any], json_data: dict[str, Any]) -> Any:
    """Ask for money to be given back."""
    command = RequestRefund(
        stay_no=stay_no,
        amount=json_data["amount_fen"],
        tender=json_data["tender"],
        ground=json_data["ground"],
        payment_reference=json_data["payment_reference"],
        idempotency_key=namespaced(headers_data["key"]),
    )
    return _asked(request_refund(current_context(), current_actor(), command))


@keyed_post(
    blueprint,
    "/receipts/<word:receipt_no>/void-requests",
    Permission.SLIP_REQUEST,
    VoidIn,
    AskedOut,
    answer="已申请，等另一个人复核",
    summary="申请作废",
    description="只能作废当天的票，由另一个人复核后红字冲销（本院规定）。",
)
def ask_void(receipt_no: str, headers_data: dict[str, Any], json_data: dict[str, Any]) -> Any:
    """Ask for a slip to be undone."""
    command = RequestVoid(receipt_no, json_data["ground"], namespaced(headers_data["key"]))
    return _asked(request_void(current_context(), current_actor(), command))


def _asked(asked: Asked) -> Asked:
    # An allowed request is held for the second person: only a refusal is an error.
    if asked.decision.outcome is Outcome.REFUSED:
        require_permitted(asked.decision, asked.decision_id)
    return asked

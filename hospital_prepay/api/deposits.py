"""``/api/v1/stays/…/deposits`` and ``/api/v1/receipts``: collecting, and what was collected."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hospital_prepay.api.requests import keyed_post, namespaced, part_of_api
from hospital_prepay.domain.access import Permission
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.decisions import require_permitted
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.deposits import (
    CollectedOut,
    CollectIn,
    DepositList,
    PreviewIn,
    PreviewOut,
    ReceiptOut,
)
from hospital_prepay.services.inpatient import lookup
from hospital_prepay.services.inpatient.deposits import collect_deposit, preview_deposit

blueprint = part_of_api("deposits", "预交金")


@keyed_post(
    blueprint,
    "/stays/<word:stay_no>/deposits",
    Permission.DEPOSIT_COLLECT,
    CollectIn,
    CollectedOut,
    answer="已收款，附票号",
    summary="收预交金",
    description="在额度以内收一笔并出票。超过额度的被拒绝（422），写明条款、还可收多少和决定编号。",
)
def collect(stay_no: str, headers_data: dict[str, Any], json_data: dict[str, Any]) -> Any:
    """Collect a deposit."""
    context = current_context()
    command = CollectIn.command(stay_no, namespaced(headers_data["key"]), json_data)
    done = collect_deposit(context, current_actor(), command)
    require_permitted(done.decision, done.decision_id)
    return {
        "receipt_no": done.receipt_no,
        "verify_url": lookup.verify_url(context, done.token or ""),
        "entry_no": done.entry_no,
        "cap": done.cap,
        "collected": done.collected,
        "room": done.room,
        "decision": done.decision,
        "decision_id": done.decision_id,
    }


@blueprint.post("/stays/<word:stay_no>/deposits/preview")
@requires(Permission.DESK_VIEW)
@blueprint.input(PreviewIn)
@blueprint.output(PreviewOut, description="现在收会怎样")
@blueprint.doc(summary="试算一笔收款", description="只答复能不能收、还可收多少；什么都不保存。", responses=[404])
def preview(stay_no: str, json_data: dict[str, Any]) -> Any:
    """Say what collecting would come to."""
    context, actor = current_context(), current_actor()
    stay = lookup.find_stay(context, actor, stay_no)
    decision = preview_deposit(context, actor, stay_no, json_data["amount_fen"], json_data["stage"])
    return {"decision": decision, "cap": stay.cap, "collected": stay.collected, "room": stay.room}


@blueprint.get("/stays/<word:stay_no>/deposits")
@requires(Permission.DESK_VIEW)
@blueprint.output(DepositList, description="这次住院的全部票据")
@blueprint.doc(summary="查看一次住院的票据", description="收款、退款、作废，新的在前。", responses=[404])
def list_deposits(stay_no: str) -> Any:
    """List a stay's slips."""
    context, actor = current_context(), current_actor()
    stay = lookup.find_stay(context, actor, stay_no)
    slips = lookup.slips_of_stay(context, actor, stay_no)
    standing = {"cap": stay.cap, "collected": stay.collected, "room": stay.room}
    return {"stay_no": stay_no, **standing, "receipts": [_receipt(one) for one in slips]}


@blueprint.get("/receipts/<word:receipt_no>")
@requires(Permission.DESK_VIEW)
@blueprint.output(ReceiptOut, description="这张票据")
@blueprint.doc(summary="查看票据", description="按票号查一张票据，例如 A03-000412。", responses=[404])
def show_receipt(receipt_no: str) -> Any:
    """Show a receipt."""
    return _receipt(lookup.find_slip(current_context(), current_actor(), receipt_no))


def _receipt(slip: lookup.Slip) -> dict[str, Any]:
    url = lookup.verify_url(current_context(), slip.token)
    return {**asdict(slip), "number": slip.number, "amount": slip.amount, "verify_url": url}

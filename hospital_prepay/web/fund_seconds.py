"""``/finance/fund/grants/…``: what a second person confirms of an offset, a correction, or the day of a late slip."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from hospital_prepay.domain.access import Permission
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form, read_form
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.fund_seconds import CheckedSchema, CorrectionSchema
from hospital_prepay.services.fund import corrections, offsets
from hospital_prepay.web.fund_grant_view import left_words
from hospital_prepay.web.fund_grants import grant_html
from hospital_prepay.web.fund_recall import Show, act

blueprint = Blueprint("fund_seconds", __name__, url_prefix="/finance/fund/grants/<grant_id>")


@blueprint.post("/offsets/<offset_id>/confirm")
@requires(Permission.FUND_RECORD)
def confirm_offset(grant_id: str, offset_id: str) -> Any:
    """Confirm an offset: it is booked."""
    offsets.require_offset_of(current_context(), current_actor(), grant_id, offset_id)

    def do() -> tuple[str, str]:
        found = offsets.decide_offset(current_context(), current_actor(), offset_id, confirmed=True)
        return f"已确认并入账。{left_words(found)}", _href(grant_id)

    return act("decide", _page(grant_id), do)


@blueprint.post("/offsets/<offset_id>/reject")
@requires(Permission.FUND_RECORD)
def reject_offset(grant_id: str, offset_id: str) -> Any:
    """Turn an offset down: nothing is booked."""
    offsets.require_offset_of(current_context(), current_actor(), grant_id, offset_id)

    def do() -> tuple[str, str]:
        offsets.decide_offset(current_context(), current_actor(), offset_id, confirmed=False)
        return "已退回，没有入账。", _href(grant_id)

    return act("decide", _page(grant_id), do)


@blueprint.post("/corrections")
@requires(Permission.FUND_RETURN)
def ask_correction(grant_id: str) -> Any:
    """Ask for a red-letter entry; nothing is booked yet."""

    def do() -> tuple[str, str]:
        said = read_form(CorrectionSchema())
        command = corrections.AskCorrection(
            grant_id, said.entry_no, said.why, said.ground, said.idempotency_key, said.bank_reference, said.value_on
        )
        corrections.ask_correction(current_context(), current_actor(), command)
        return "已申请更正，还没有入账。下一步：财务审批批准，另一个人办。", _href(grant_id)

    return act("correction", _page(grant_id), do)


@blueprint.post("/corrections/<correction_id>/confirm")
@requires(Permission.FUND_RECORD)
def confirm_correction(grant_id: str, correction_id: str) -> Any:
    """Approve a correction: the mirror of its entry is booked."""
    corrections.require_correction_of(current_context(), current_actor(), grant_id, correction_id)

    def do() -> tuple[str, str]:
        found = corrections.decide_correction(current_context(), current_actor(), correction_id, approved=True)
        return f"已红字冲销。{_after(found)}", _href(grant_id)

    return act("decide", _page(grant_id), do)


@blueprint.post("/corrections/<correction_id>/reject")
@requires(Permission.FUND_RECORD)
def reject_correction(grant_id: str, correction_id: str) -> Any:
    """Turn a correction down: nothing is booked."""
    corrections.require_correction_of(current_context(), current_actor(), grant_id, correction_id)

    def do() -> tuple[str, str]:
        corrections.decide_correction(current_context(), current_actor(), correction_id, approved=False)
        return "已退回，没有入账。", _href(grant_id)

    return act("decide", _page(grant_id), do)


@blueprint.post("/slips/<int:entry_no>/check")
@requires(Permission.FUND_RECORD)
def check_slip(grant_id: str, entry_no: int) -> Any:
    """Vouch for the day of a return that was booked days later."""

    def do() -> tuple[str, str]:
        said = read_form(CheckedSchema())
        command = corrections.CheckSlip(grant_id, entry_no, said.document)
        corrections.check_slip(current_context(), current_actor(), command)
        return "已核对：这笔交回按回单那天算。", _href(grant_id)

    return act("check", _page(grant_id), do)


def _after(found: corrections.Decided) -> str:
    """What is to be done about it now."""
    if found.kind == "fund_claim_repaid":
        return "成员单位的这笔还款不算了，应还本院的加回去。下一步：照回单重新记还款。"
    if found.kind == "fund_receipt":
        return "到账要重新记。"
    again = "收回情形随之恢复，预付金暂停。下一步：交回。" if found.stands_again else ""
    return f"{left_words(found.grant)}{again}"


def _href(grant_id: str) -> str:
    return f"/finance/fund/grants/{grant_id}"


def _page(grant_id: str) -> Show:
    def show(name: str, form: Form | None) -> str:
        return grant_html(grant_id, name, form)

    return show

"""What the page of a grant shows of the things that two people do: offsets, corrections, late slips."""

from __future__ import annotations

from typing import Any, Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.money import Money
from hospital_prepay.http.current import current_actor
from hospital_prepay.http.forms import Form
from hospital_prepay.services.fund.corrections import KINDS
from hospital_prepay.services.fund.seconds import CorrectionState, GrantEntry, OffsetState, Seconds
from hospital_prepay.web.fund_words import keyed

OFFSET_STATES: Final = {"recorded": ("wait", "等确认"), "confirmed": ("ok", "已入账"), "rejected": ("idle", "已退回")}
CORRECTION_STATES: Final = {"asked": ("wait", "等批准"), "approved": ("ok", "已冲销"), "rejected": ("idle", "已退回")}
LABELS: Final = {
    "entry_no": "凭证",
    "why": "原因",
    "ground": "依据",
    "bank_reference": "银行回单号",
    "value_on": "退回日",
    "idempotency_key": "这一页",
}


def seconds_panel(found: Seconds, name: str, form: Form | None) -> dict[str, Any]:
    """Everything of a grant that took or takes a second person; ``name`` is the form that came back."""
    actor = current_actor()
    decides, opened = actor.may(Permission.FUND_RECORD), name == "correction"
    return {
        "offsets": [_offset(one, found) for one in found.offsets],
        "corrections": [_correction(one, found) for one in found.corrections],
        "late": [
            {
                "entry_no": one.entry_no,
                "title": f"交回凭证 {one.entry_no}，回单 {one.reference}，{one.value_on}",
                "may_check": decides and one.recorded_by != actor.actor_id,
                "why_not": decides and one.recorded_by == actor.actor_id,
            }
            for one in found.late
        ],
        "entries": [_entry(one) for one in found.correctable] if actor.may(Permission.FUND_RETURN) else [],
        "form": keyed(form if opened else None, why="mistyped"),
        "check_form": form if name == "check" and form else Form(),
        "opened": opened,
        "labels": LABELS,
    }


def _offset(one: OffsetState, found: Seconds) -> dict[str, Any]:
    offset, rest = Money(one.offset_fen), Money(one.settlement_fen - one.offset_fen)
    came = f"其余 {rest} 元到账，回单 {one.bank_reference}" if rest else "银行没有到账"
    lines = (f"{one.document}，{one.value_on}，结算 {Money(one.settlement_fen)} 元；{came}。",)
    return {
        "id": one.offset_id,
        "title": f"结算冲抵 {offset} 元",
        "lines": (*lines, *_people(one.recorded_by, one.decided_by, found)),
        "mark": OFFSET_STATES[one.state],
        "button": f"确认冲抵 {offset} 元",
        **_decides(one.state == "recorded", one.recorded_by),
    }


def _correction(one: CorrectionState, found: Seconds) -> dict[str, Any]:
    sent = f"银行 {one.value_on} 退回，回单 {one.bank_reference}；" if one.value_on else ""
    return {
        "id": one.correction_id,
        "title": f"更正凭证 {one.entry_no}",
        "lines": (f"{sent}{one.ground}", *_people(one.asked_by, one.decided_by, found)),
        "mark": CORRECTION_STATES[one.state],
        "button": f"批准，红字冲销凭证 {one.entry_no}",
        **_decides(one.state == "asked", one.asked_by),
    }


def _decides(waits: bool, maker: str) -> dict[str, bool]:
    actor = current_actor()
    may = waits and actor.may(Permission.FUND_RECORD)
    return {"may_decide": may and maker != actor.actor_id, "why_not": may and maker == actor.actor_id}


def _people(maker: str, decider: str | None, found: Seconds) -> tuple[str, ...]:
    names = found.names
    decided = f"；{names.get(decider, decider)}核对" if decider else ""
    return (f"{names.get(maker, maker)}登记{decided}",)


def _entry(one: GrantEntry) -> dict[str, str]:
    amount = Money(abs(one.owed_fen))
    return {"value": str(one.entry_no), "label": f"凭证 {one.entry_no}：{KINDS[one.kind]} {amount} 元"}

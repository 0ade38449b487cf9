"""The panel where money is collected: amount, tender, what would happen, and a rule's "no" with what is possible."""

from __future__ import annotations

import uuid
from typing import Any, Final

from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.forms import Form
from hospital_prepay.services.inpatient.desk import DeskStay
from hospital_prepay.web.cap_words import refusal_words
from hospital_prepay.web.decision_view import decision_href, decision_number
from hospital_prepay.web.slip_lines import channel_choices, short_words

_REFERENCES: Final = {
    Tender.CASH: "",
    Tender.CARD: "银行卡流水号",
    Tender.WECHAT: "微信支付单号",
    Tender.ALIPAY: "支付宝交易号",
    Tender.TRANSFER: "转账回单号",
}
_KEYS: Final = {Tender.CASH: "X", Tender.CARD: "K", Tender.WECHAT: "W", Tender.ALIPAY: "Z", Tender.TRANSFER: "H"}
_QUICK: Final = (Money(100000), Money(50000))
_CASES: Final = (
    ("disease", "医生已改诊断：登记新病种，补收到新病种的额度", "第十七条（三）", "登记病种变更"),
    ("unclear", "诊断不明、病情复杂：参照相似病种，或分阶段收", "第十七条（二）", "选相似病种"),
    ("identity", "医保身份未定、第三方纠纷：沟通后按自费标准收", "第十七条（一）", "记录沟通"),
)


def payment_panel(
    view: DeskStay, form: Form, now: Money | None, decision: Decision | None, decision_id: str | None, live: bool
) -> dict[str, Any]:
    tender = Tender(form.entered["tender"]) if form.entered.get("tender") in list(Tender) else None
    told = decision or (None if view.cap_decision.permitted else view.cap_decision)
    state = "empty" if told is None or form.errors else ("permitted" if told.permitted else "refused")
    return {
        "form": form,
        "idempotency_key": str(uuid.uuid4()),
        "fills": _fills(view),
        "tenders": [
            {
                "value": t.value,
                "label": t.label,
                "key": _KEYS[t],
                "code": f"Key{_KEYS[t]}",
                "reference_label": _REFERENCES[t],
            }
            for t in Tender
        ],
        "reference_label": _REFERENCES[tender] if tender else "",
        "channels": channel_choices(str(form.entered.get("channel") or "")),
        "state": state,
        "live": live,
        "full": view.cap is not None and not view.room,
        "most_words": f"最多 {view.room} 元" if view.cap else "",
        "how_words": _how(tender, form),
        "preview": _preview(view, now) if state == "permitted" and now else None,
        "decision": refused(view, told, decision_id, now) if state == "refused" and told else None,
    }


def _how(tender: Tender | None, form: Form) -> str:
    """The rest of the payment in a line, beside a refused amount."""
    reference = str(form.entered.get("payment_reference") or "")
    parts = [tender.label if tender else "", str(form.entered.get("payer") or "")]
    return " · ".join([part for part in parts if part] + ([f"单号尾 {reference[-4:]}"] if reference else []))


def _preview(view: DeskStay, now: Money) -> dict[str, Any]:
    return {
        "amount_fen": now.fen,
        "amount": now.plain(),
        "total_after_fen": (view.taken + now).fen,
        "room_after_fen": (view.room - now).fen,
        "words": short_words(now),
    }


def _fills(view: DeskStay) -> list[dict[str, str]]:
    room, asked = view.room, view.asked
    fills = [] if not asked else [{"label": f"{'收满' if asked == room else '收'} {asked}", "value": asked.plain()}]
    return fills + [{"label": str(quick), "value": quick.plain()} for quick in _QUICK if quick < room]


def refused(
    view: DeskStay, decision: Decision, decision_id: str | None, amount: Money | None = None
) -> dict[str, Any]:
    """A rule's "no" as the panel shows it: what, why, that nothing was lost, and what can be done now."""
    stay_no = view.card.stay_no
    options: list[dict[str, Any]] = []
    room = view.room
    over = amount is not None and view.cap is not None and amount > room
    if over and room and not view.card.state_words:
        options.append(_instead(room))
    options += [_link(stay_no, *case) for case in _CASES] if not view.card.state_words else []
    grounds = [chip(reason.clause, reason.message) for reason in decision.reasons]
    if amount is not None and over:
        title = f"不能收 {amount} 元：超过额度 {amount - room} 元"
    else:
        first = decision.reasons[0]
        capless = decision is view.cap_decision or first.code == "no_cap"
        title = f"还不能收：{refusal_words(view) if capless else first.message.rstrip('。')}"
        grounds[0] = chip(first.clause)  # its words stand in the title
    number = None if decision_id is None else decision_number(decision_id)
    return {
        "title": title,
        "lines": ["没有入账，没有占用票号；填写的内容都还在。"],
        "clauses": grounds,
        "options": options,
        "number": number,
        "number_href": decision_href(decision_id),
        "rule_version": f"贵州细则 2025-06-30 版 {decision.rule_version}",
        "print_href": None if decision_id is None else f"/desk/decisions/{decision_id}/print?stay={stay_no}",
    }


def _instead(room: Money) -> dict[str, Any]:
    return {
        "amount_words": f"改收 {room} 元",
        "words": "先填好、预览，再收；收后正好到额度",
        "clause": None,
        "button": f"改成 {room} 元",
        "kind": "submit",
        "name": "instead",
        "value": room.plain(),
        "href": None,
        "key": "Enter",
    }


def _link(stay_no: str, case: str, words: str, clause: str, button: str) -> dict[str, Any]:
    return {
        "amount_words": None,
        "words": words,
        "clause": clause,
        "button": button,
        "kind": "link",
        "href": f"/desk/stays/{stay_no}/change?case={case}",
        "name": None,
        "value": None,
        "key": None,
    }

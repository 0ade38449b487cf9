"""What the counter's templates show: from services' results to the words on the screen."""

from __future__ import annotations

import uuid
from typing import Any, Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.masking import mask_certificate
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.deposits import Circumstance
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.filters import weekday
from hospital_prepay.http.forms import Form
from hospital_prepay.http.public_paths import public_path
from hospital_prepay.services.inpatient.desk import DeskStay, DiseaseHit, Slip, StayCard, book_today
from hospital_prepay.web.decision_view import decision_href, decision_number

_REFERENCES: Final = {
    Tender.CASH: "",
    Tender.CARD: "银行卡流水号",
    Tender.WECHAT: "微信支付单号",
    Tender.ALIPAY: "支付宝交易号",
    Tender.TRANSFER: "转账回单号",
}
_KEYS: Final = {Tender.CASH: "X", Tender.CARD: "K", Tender.WECHAT: "W", Tender.ALIPAY: "Z", Tender.TRANSFER: "H"}
_SEXES: Final = {"F": "女", "M": "男"}
_BASES: Final = {"mean": "取均值", "legacy": "取原标准", "similar": "参照相似病种", "insufficient": "例数不足"}
_QUICK: Final = (Money(100000), Money(50000))
_CASES: Final = (
    ("disease", "医生已改诊断：登记新病种，补收到新病种的额度", "第十七条（三）", "登记病种变更"),
    ("unclear", "诊断不明、病情复杂：参照相似病种，或分阶段收", "第十七条（二）", "选相似病种"),
    ("identity", "医保身份未定、第三方纠纷：沟通后按自费标准收", "第十七条（一）", "记录沟通"),
)
EMPTY: Final = Form({"tender": Tender.CASH.value, "payer": "本人"})


def frame() -> dict[str, Any]:
    """The facts beside the heading: the moment, the book, what it took today."""
    context, actor = current_context(), current_actor()
    now = local(context.clock.now())
    day = book_today(context, actor)
    shift = None
    if day.book:
        shift = {"name": "今日", "book": day.book, "count": day.slips, "total_fen": day.net_fen}
    return {"clock": {"day": now.date(), "weekday": weekday(now.date()), "time": f"{now:%H:%M}"}, "shift": shift}


def nobody(q: str = "", results: list[StayCard] | None = None) -> dict[str, Any]:
    """The counter with no stay chosen."""
    found = None if results is None else [result(card) for card in results]
    nothing = dict.fromkeys(("stay", "basis", "cap", "collect", "done", "refund_due", "changed"))
    return {**nothing, "q": q, "results": found, "receipts": [], "classes": [], "may": _may()}


def result(card: StayCard) -> dict[str, Any]:
    """A stay in the list of those found."""
    return {
        "stay_no": card.stay_no,
        "name": card.patient_name,
        "name_initials": "",
        "ward": card.ward,
        "bed": card.bed or None,
        "admitted_at": card.admitted_at,
        "state": None if card.discharged_at is None else "已出院",
        "href": f"/desk/stays/{card.stay_no}",
    }


def counter(
    view: DeskStay,
    *,
    form: Form = EMPTY,
    now: Money | None = None,
    decision: Decision | None = None,
    decision_id: str | None = None,
    done: dict[str, Any] | None = None,
    changed: dict[str, Any] | None = None,
    diseases: list[dict[str, Any]] | None = None,
    disease_q: str = "",
    live: bool = False,
) -> dict[str, Any]:
    """The whole counter for one stay. ``decision`` is about ``now``, the amount previewed or refused."""
    return {
        "q": view.card.stay_no,
        "results": None,
        "stay": _stay(view),
        "basis": _basis(view, diseases, disease_q),
        "classes": _classes(view),
        "cap": _cap(view, now if decision else None),
        "collect": _collect(view, form, now, decision, decision_id, live) if _may()["collect"] else None,
        "done": done,
        "receipts": [receipt_line(slip, view.slips) for slip in reversed(view.slips)],
        "refund_due": _refund_due(view),
        "changed": changed,
        "may": _may(),
    }


def done_words(view: DeskStay, amount: Money, number: str) -> dict[str, Any]:
    """What stands after a collection."""
    return {
        "amount_fen": amount.fen,
        "receipt_no": number,
        "print_href": f"/desk/receipts/{number}/print",
        "void_href": f"/desk/receipts/{number}/void",
        "room_fen": view.room.fen,
        "words": short_words(amount),
    }


def short_words(amount: Money) -> str:
    """Capital numerals without the currency in front."""
    return amount.in_words().removeprefix("人民币")


def disease_hit(stay_no: str, hit: DiseaseHit, view: DeskStay) -> dict[str, Any]:
    """A disease in the list of those found."""
    same = hit.disease_code == view.card.disease_code
    remark = "诊断相符" if same else (None if hit.posted else "未公示")
    insured = view.placement.insured_class
    return {
        "code": hit.disease_code,
        "name": hit.name,
        "remark": remark,
        "cap_fen": hit.cap_fen,
        "cap_words": "参照相似病种",
        "href": f"/desk/stays/{stay_no}?disease={hit.disease_code}&insured_class={insured}",
    }


def refused(
    view: DeskStay, decision: Decision, decision_id: str | None, amount: Money | None = None
) -> dict[str, Any]:
    """A rule's "no" as the panel shows it: what, why, that nothing was lost, and what can be done now."""
    stay_no = view.card.stay_no
    options: list[dict[str, Any]] = []
    room = view.room
    over = amount is not None and view.cap is not None and amount > room
    if over and room and not view.card.discharged_at:
        options.append(_instead(room))
    options += [_link(stay_no, *case) for case in _CASES] if not view.card.discharged_at else []
    if amount is not None and over:
        title = f"不能收 {amount} 元：超过额度 {amount - room} 元"
    else:
        title = f"还不能收：{decision.reasons[0].message.rstrip('。')}"
    grounds = [chip(reason.clause, reason.message) for reason in decision.reasons]
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


def signed(slip: Slip, slips: list[Slip]) -> int:
    """What a slip put into the drawer, in fen: below zero when it took out."""
    if slip.kind == "deposit":
        return slip.amount_fen
    if slip.kind == "refund":
        return -slip.amount_fen
    cancelled = next((one for one in slips if one.number == slip.cancels), None)
    return slip.amount_fen if cancelled and cancelled.kind == "refund" else -slip.amount_fen


def receipt_line(slip: Slip, slips: list[Slip]) -> dict[str, Any]:
    """A slip in the list of the stay."""
    state = None
    if slip.cancelled_by:
        state = {"kind": "stop", "word": "已作废"}
    elif slip.kind != "deposit":
        state = {"kind": "wait", "word": {"void": "红字", "refund": "退款"}[slip.kind]}
    today = current_context().clock.today()
    may_void = slip.kind != "void" and not slip.cancelled_by and local(slip.issued_at).date() == today
    return {
        "at": slip.issued_at,
        "receipt_no": slip.number,
        "tender_label": Tender(slip.tender).label,
        "amount_fen": signed(slip, slips),
        "kind": slip.kind,
        "state": state,
        "print_href": f"/desk/receipts/{slip.number}/print",
        "void_href": f"/desk/receipts/{slip.number}/void" if may_void and _may()["request"] else None,
    }


def class_choices() -> list[dict[str, Any]]:
    """The three classes for a form."""
    return [{"value": one.value, "label": one.label, "note": None} for one in InsuredClass]


def class_label(view: DeskStay) -> str:
    """The class whose cap applies, in words."""
    if Circumstance(view.placement.circumstance).takes_self_pay:
        return "按自费标准"
    return InsuredClass(view.placement.insured_class).label


def source_words(view: DeskStay) -> str:
    """Where the cap comes from, in one sentence."""
    source = view.source
    if source is None:
        return view.cap_decision.reasons[0].message
    words = f"{source.window_from.year}–{source.window_to.year} 年 {source.cases} 例"
    if source.cases:
        mean = source.sum_burden_fen // source.cases if source.mean_fen is None else source.mean_fen
        words += f"，个人负担均值 {Money(mean)} 元"
    if source.legacy_fen is not None:
        words += f"，原标准 {Money(source.legacy_fen)} 元"
    return f"{words}，{_BASES[source.basis]}，向下取整。"


def _may() -> dict[str, bool]:
    """What the person may do here: finance and audit look on, and are offered no step of the cashier's."""
    actor = current_actor()
    return {
        "register": actor.may(Permission.STAY_REGISTER),
        "collect": actor.may(Permission.DEPOSIT_COLLECT),
        "request": actor.may(Permission.SLIP_REQUEST),
    }


def _stay(view: DeskStay) -> dict[str, Any]:
    card = view.card
    circumstance = Circumstance(card.circumstance)
    special = []
    if circumstance is not Circumstance.PLAIN:
        special = [chip(reason.clause, reason.message) for reason in view.cap_decision.reasons[1:]]
    return {
        "stay_no": card.stay_no,
        "name": card.patient_name,
        "sex": _SEXES.get(card.sex),
        "age": None,
        "ward": card.ward,
        "bed": card.bed or None,
        "admitted_at": card.admitted_at,
        "diagnosis": card.disease_name,
        "diagnosis_code": card.disease_code,
        "certificate_masked": mask_certificate(view.certificate) if view.certificate else None,
        "reveal_href": _reveal_href(view),
        "state": None if card.discharged_at is None else {"kind": "idle", "word": "已出院"},
        "special": special,
    }


def _reveal_href(view: DeskStay) -> str | None:
    if not (view.certificate or view.phone) or not current_actor().may(Permission.REVEAL_IDENTITY):
        return None
    return f"/desk/stays/{view.card.stay_no}/identity"


def _basis(view: DeskStay, diseases: list[dict[str, Any]] | None, q: str) -> dict[str, Any]:
    placement = view.placement
    posted = not view.card.unposted if placement.disease_code == view.card.disease_code else True
    return {
        "locked": view.locked,
        "disease": {"code": placement.disease_code, "name": placement.disease_name, "posted": posted},
        "disease_q": q,
        "insured_class": placement.insured_class,
        "similar": {"code": placement.similar_code, "name": placement.similar_code}
        if placement.similar_code
        else None,
        "diseases": diseases,
        "list_label": f"匹配的病种，额度按{InsuredClass(placement.insured_class).label}",
        "staged": placement.circumstance == Circumstance.STAGED.value,
    }


def _classes(view: DeskStay) -> list[dict[str, Any]]:
    return [
        {
            "value": one.value,
            "label": one.label,
            "cap_fen": None if cap is None else cap.fen,
            "cap_words": "还没有额度",
        }
        for one, cap in view.class_caps.items()
    ]


def _cap(view: DeskStay, now: Money | None) -> dict[str, Any] | None:
    cap = view.cap
    if cap is None:
        return None
    amount = now or Money(0)
    over = max(0, amount.fen - view.room.fen)
    says = f"额度 {cap} 元，已收 {view.collected} 元"
    if amount:
        tail = f"超过额度 {Money(over)} 元" if over else f"收后还可收 {view.room - amount} 元"
        says += f"，本次 {amount} 元，{tail}"
    version = view.source.version_no if view.source else None
    standing = [slip for slip in view.slips if slip.kind == "deposit" and not slip.cancelled_by]
    warning = next(
        (r.message for r in view.cap_decision.reasons if r.code in ("unposted", "similar", "staged")), None
    )
    return {
        "title": f"{view.placement.disease_name} · {class_label(view)}",
        "cap_fen": cap.fen,
        "taken_fen": view.collected.fen,
        "taken_count": len(standing),
        "room_fen": view.room.fen,
        "now_fen": amount.fen,
        "over_fen": over,
        "says": says,
        "clause": chip("guizhou-deposit-2025/17", "多次收取合计不超过额度"),
        "source_label": f"公示表第 {version} 版" if version else "公示表",
        "source_href": public_path("deposits", current_actor().institution_id, version),
        "source_words": source_words(view),
        "warning": f"{warning.rstrip('。')}，请向患者说明" if warning else None,
    }


def _collect(
    view: DeskStay, form: Form, now: Money | None, decision: Decision | None, decision_id: str | None, live: bool
) -> dict[str, Any]:
    tender = Tender(form.entered["tender"]) if form.entered.get("tender") in list(Tender) else None
    told = decision or (None if view.cap_decision.permitted else view.cap_decision)
    state = "empty" if told is None or form.errors else ("permitted" if told.permitted else "refused")
    return {
        "form": form,
        "idempotency_key": str(uuid.uuid4()),
        "fills": _fills(view.room),
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
        "state": state,
        "live": live,
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
        "total_after_fen": (view.collected + now).fen,
        "room_after_fen": (view.room - now).fen,
        "words": short_words(now),
    }


def _fills(room: Money) -> list[dict[str, str]]:
    fills = [{"label": f"收满 {room}", "value": room.plain()}] if room else []
    return fills + [{"label": str(quick), "value": quick.plain()} for quick in _QUICK if quick < room]


def _refund_due(view: DeskStay) -> dict[str, Any] | None:
    if not view.excess or view.locked is False:
        return None
    asks = not view.waiting_refund and _may()["request"]
    return {
        "amount_fen": view.excess.fen,
        "href": _refund_href(view) if asks else "/desk/voids",
        "waiting": view.waiting_refund,
    }


def _refund_href(view: DeskStay) -> str:
    return f"/desk/stays/{view.card.stay_no}/refund"


def _instead(room: Money) -> dict[str, Any]:
    return {
        "amount_words": f"改收 {room} 元",
        "words": "收后正好到额度",
        "clause": None,
        "button": f"改收 {room} 元",
        "kind": "submit",
        "name": "collect_instead",
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

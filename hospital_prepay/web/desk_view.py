"""What the counter's templates show: from services' results to the words on the screen."""

from __future__ import annotations

from typing import Any, Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.deposits import Circumstance, excess
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.filters import weekday
from hospital_prepay.http.forms import Form
from hospital_prepay.http.public_paths import public_path
from hospital_prepay.services.hardship.asking import Recognised
from hospital_prepay.services.inpatient import lookup
from hospital_prepay.services.inpatient.desk import DeskStay, DiseaseHit, book_today
from hospital_prepay.services.inpatient.lookup import DecidedRequest, Slip, StayCard
from hospital_prepay.services.inpatient.stays import Placement
from hospital_prepay.web.cap_words import FEW_CASES, source_words, warning_words
from hospital_prepay.web.desk_collect import payment_panel
from hospital_prepay.web.slip_lines import offers, receipt_line, short_words

_SEXES: Final = {"F": "女", "M": "男"}
_RECENT: Final = 8
EMPTY: Final = Form({"tender": Tender.CASH.value, "payer": "本人"})


def frame() -> dict[str, Any]:
    """The facts beside the heading: the moment, the book, what it took today."""
    context, actor = current_context(), current_actor()
    now = local(context.clock.now())
    day = book_today(context, actor)
    shift = None
    if day.book:
        shift = {"name": "今日", "book": day.book, "count": day.slips, "total_fen": day.net_fen}
        shift |= {"paid_out": day.paid_out, "paid_out_fen": day.paid_out_fen}
    return {"clock": {"day": now.date(), "weekday": weekday(now.date()), "time": f"{now:%H:%M}"}, "shift": shift}


def nobody(q: str = "", results: list[StayCard] | None = None) -> dict[str, Any]:
    """The counter with no stay chosen."""
    found = None if results is None else [result(card) for card in results]
    nothing = dict.fromkeys(("stay", "basis", "cap", "collect", "done", "refund_due", "refund_href", "changed"))
    return {
        **nothing,
        "q": q,
        "results": found,
        "recent": _recent(),
        "receipts": [],
        "classes": [],
        "may": _may(),
        "declined": _declined(),
    }


def _declined() -> list[dict[str, Any]]:
    """What this person asked for and was turned down today."""
    context, actor = current_context(), current_actor()
    decided = lookup.requests_decided(context, actor, lookup.midnight(context))
    return [_turned_down(one) for one in decided if not one.approved and one.requested_by == actor.actor_id]


def _turned_down(one: DecidedRequest) -> dict[str, Any]:
    what = f"{one.number} 的作废" if one.number else f"住院号 {one.stay_no} 退款 {Money(one.amount_fen)} 元"
    return {"what": what, "ground": one.ground, "by": one.decided_by or "—", "at": one.decided_at}


def _recent() -> list[dict[str, Any]]:
    """The newest slips of the person's book today: what is asked for again most often."""
    if not _may()["collect"]:
        return []
    context, actor = current_context(), current_actor()
    slips = lookup.slips_today(context, actor)
    waiting = {one.number for one in lookup.waiting_requests(context, actor) if one.number}
    return [
        {**receipt_line(slip, waiting), "stay_no": slip.stay_no, "href": f"/desk/stays/{slip.stay_no}"}
        for slip in slips[:_RECENT]
    ]


def result(card: StayCard) -> dict[str, Any]:
    """A stay in the list of those found."""
    return {
        "stay_no": card.stay_no,
        "name": card.patient_name,
        "name_initials": "",
        "ward": card.ward,
        "bed": card.bed or None,
        "admitted_at": card.admitted_at,
        "state": card.state_words,
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
        "collect": payment_panel(view, form, now, decision, decision_id, live) if _may()["collect"] else None,
        "done": done,
        "receipts": [_receipt(slip, view) for slip in reversed(view.slips)],
        "refund_href": _refund_href(view) if _may_refund(view) else None,
        "refund_due": _refund_due(view),
        "declined": [_turned_down(one) for one in view.declined],
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


def disease_hit(stay_no: str, hit: DiseaseHit, view: DeskStay) -> dict[str, Any]:
    """A disease in the list of those found."""
    same = hit.disease_code == view.card.disease_code
    few = FEW_CASES if hit.cap_fen is None else None
    remark = "诊断相符" if same else (few if hit.posted else "未公示")
    insured = view.placement.insured_class
    return {
        "code": hit.disease_code,
        "name": hit.name,
        "remark": remark,
        "cap_fen": hit.cap_fen,
        "cap_words": "参照相似病种",
        "href": f"/desk/stays/{stay_no}?disease={hit.disease_code}&insured_class={insured}",
    }


def class_choices() -> list[dict[str, Any]]:
    """The three classes for a form."""
    return [{"value": one.value, "label": one.label, "note": None} for one in InsuredClass]


def class_label(placement: Placement) -> str:
    """The class whose cap applies, in words."""
    if Circumstance(placement.circumstance).takes_self_pay:
        return "按自费标准"
    return InsuredClass(placement.insured_class).label


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
    # Of an ordinary stay only the hospital's own rules stand here; what its cap rests on stands beneath the meter.
    own_rules = circumstance is Circumstance.PLAIN
    reasons = [reason for reason in view.cap_decision.reasons[1:] if not own_rules or reason.clause is None]
    special = [chip(reason.clause, reason.message) for reason in reasons]
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
        "certificate_masked": card.certificate or None,
        "reveal_href": _reveal_href(view),
        "masked": not current_actor().calls_patients,
        "state": card.state_words and {"kind": "idle", "word": card.state_words},
        "special": special,
        "settlement": _settlement(card),
        "later": [_recognised(one) for one in view.asking.groups],
        "grade": view.asking.grade and f"{view.asking.grade.label}：{view.asking.grade_words}",
        "asks": None if view.cap is None or view.asked == view.room else view.asked,
    }


def _settlement(card: StayCard) -> dict[str, str] | None:
    """The way to the settlement of a stay that ended, and to an interim one while it goes on."""
    actor = current_actor()
    if card.cancelled_at is not None or not actor.may(Permission.SETTLEMENT_VIEW):
        return None
    if card.discharged_at is not None:
        return {"label": "看出院结算", "href": f"/settlement/stays/{card.stay_no}"}
    if not actor.may(Permission.SETTLEMENT_SETTLE):
        return None
    return {"label": "中途结算", "href": f"/settlement/stays/{card.stay_no}/settle"}


def _recognised(one: Recognised) -> dict[str, Any]:
    """A group somebody belongs to by its list."""
    words = f"{one.region} {one.dated_on} 名单（{one.source}）"
    if not one.same_name:
        words += "；名单上的姓名与登记的不一样，请核对证件"
    return {"label": one.group.label, "words": words, "followed": one.is_followed, "policy": one.policy}


def _reveal_href(view: DeskStay) -> str | None:
    actor = current_actor()
    masked = view.card.certificate or view.card.phone or not actor.calls_patients
    if not masked or not actor.may(Permission.REVEAL_IDENTITY):
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
        "similar": {"code": placement.picked, "name": placement.picked} if placement.picked else None,
        "diseases": diseases,
        "list_label": f"匹配的病种，额度按{InsuredClass(placement.insured_class).label}",
        "staged": placement.circumstance == Circumstance.STAGED.value,
    }


def _classes(view: DeskStay) -> list[dict[str, Any]]:
    """The three classes with their caps; while the self-pay standard stands in for all, none shows one of its own."""
    by_self_pay = Circumstance(view.placement.circumstance).takes_self_pay
    return [
        {
            "value": one.value,
            "label": one.label,
            "cap_fen": None if cap is None or by_self_pay else cap.fen,
            "cap_words": "按自费" if by_self_pay else "还没有额度",
        }
        for one, cap in view.class_caps.items()
    ]


def _cap(view: DeskStay, now: Money | None) -> dict[str, Any] | None:
    cap = view.cap
    if cap is None:
        return None
    amount = now or Money(0)
    over = max(0, amount.fen - view.room.fen) if amount else excess(cap.fen, view.collected.fen).fen
    says = f"额度 {cap} 元，已收 {view.taken} 元"
    if amount:
        tail = f"超过额度 {Money(over)} 元" if over else f"收后还可收 {view.room - amount} 元"
        says += f"，本次 {amount} 元，{tail}"
    elif over:
        says += f"，多收 {Money(over)} 元"
    version = view.source.version_no if view.source else None
    standing = [slip for slip in view.slips if slip.kind == "deposit" and not slip.cancelled_by]
    return {
        "title": f"{view.placement.disease_name} · {class_label(view.placement)}",
        "cap_fen": cap.fen,
        "taken_fen": view.taken.fen,
        "taken_count": len(standing),
        "room_fen": view.room.fen,
        "now_fen": amount.fen,
        "over_fen": over,
        "says": says,
        "clause": chip("guizhou-deposit-2025/17", "多次收取合计不超过额度"),
        "source_label": f"公示表第 {version} 版" if version else "公示表",
        "source_href": public_path("deposits", current_actor().institution_id, version),
        "source_words": source_words(view),
        "warning": warning_words(view),
    }


def _refund_due(view: DeskStay) -> dict[str, Any] | None:
    if not (view.excess or view.waiting_refund) or view.locked is False:
        return None
    asks = not view.waiting_refund and _may()["request"]
    return {
        "amount_fen": view.excess.fen,
        "href": _refund_href(view) if asks else "/desk/voids",
        "waiting": view.waiting_refund,
    }


def _receipt(slip: Slip, view: DeskStay) -> dict[str, Any]:
    line = receipt_line(slip, view.waiting_voids)
    return {**line, **offers(slip, view.card, view.waiting_voids)}


def _may_refund(view: DeskStay) -> bool:
    return _may()["request"] and bool(view.collected) and not view.waiting_refund


def _refund_href(view: DeskStay) -> str:
    return f"/desk/stays/{view.card.stay_no}/refund"

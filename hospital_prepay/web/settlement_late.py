"""``/settlement/late``: late discharges, why, and excuses that wait; and the same beside the clocks of one stay."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, SecondPersonRequired
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.masking import mask_name
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.escalation import Level
from hospital_prepay.domain.rules.settlement.lateness import LateReason
from hospital_prepay.domain.rules.settlement.stages import Stage
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import WrongForm, read_form
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.settlement_watch import AnswerSchema, LateReasonSchema
from hospital_prepay.services.settlement import lateness as service
from hospital_prepay.services.settlement import take_backs
from hospital_prepay.services.settlement.lateness import LateLine, LateList, LateRow, TakeBackRow, WriteReason
from hospital_prepay.services.settlement.preview import money_of
from hospital_prepay.services.settlement.refund_list import refunds_of_stay
from hospital_prepay.web.decision_view import decision_href

ROOT: Final = "/settlement/late"
STAYS: Final = "/settlement/stays"
blueprint = Blueprint("settlement_late", __name__)
_TABS: Final = {
    "open": "逾期，还没结",
    "unexplained": "逾期结算，没写原因",
    "excuses": "等决定的容错",
    "take_backs": "等决定的取消出院",
}
_EXCUSES: Final = {
    "": ("idle", "没写原因"),
    "none": ("idle", "没申请容错"),
    "asked": ("held", "容错待另一个人决定"),
    "accepted": ("info", "逾期，已容错"),
    "refused": ("stop", "没有同意容错"),
}


_FIELDS: Final = {"reason": "为什么逾期", "words": "具体情况", "answer": "答复"}
_TAKE_BACKS: Final = {
    "asked": ("held", "取消出院，待另一个人决定"),
    "agreed": ("idle", "已同意，出院取消了"),
    "refused": ("stop", "没有同意取消"),
}


@blueprint.get(ROOT)
@requires(Permission.SETTLEMENT_VIEW)
def show_late() -> str:
    """One of the four lists."""
    which = request.args.get("list", "open")
    which = which if which in _TABS else "open"
    found = service.late_list(current_context(), current_actor(), which, page_number())
    return render_template(
        "pages/settlement/late.html",
        tabs=[
            {
                "label": label,
                "href": f"{ROOT}?list={name}",
                "current": name == which,
                "count": found.counts[name],
            }
            for name, label in _TABS.items()
        ],
        which=which,
        today=found.today,
        rows=[_line(one, found) for one in found.rows],
        page=page_of(len(found.rows), found.counts[which], "人", service.A_PAGE),
    )


@blueprint.post(f"{STAYS}/<stay_no>/late")
@requires(Permission.SETTLEMENT_VIEW)
def write_reason(stay_no: str) -> Any:
    """Write down why it is late."""

    def act() -> str:
        said = read_form(LateReasonSchema())
        command = WriteReason(stay_no, said.reason, said.words, said.idempotency_key, said.asks_excuse)
        service.write_reason(current_context(), current_actor(), command)
        return "原因已记下" + ("，容错等财务里另一个人决定。" if said.asks_excuse else "。时钟照走。")

    return _done(stay_no, act)


@blueprint.post(f"{STAYS}/<stay_no>/late/<int:lateness_no>/ask")
@requires(Permission.SETTLEMENT_VIEW)
def ask_excuse(stay_no: str, lateness_no: int) -> Any:
    """Ask for a delay to be excused."""

    def act() -> str:
        service.ask_excuse(current_context(), current_actor(), stay_no, lateness_no)
        return "已申请容错，等财务里另一个人决定。"

    return _done(stay_no, act)


@blueprint.post(f"{STAYS}/<stay_no>/late/<int:lateness_no>/decide")
@requires(Permission.SETTLEMENT_MANAGE)
def decide_excuse(stay_no: str, lateness_no: int) -> Any:
    """Accept an excuse, or turn it down."""
    accept = request.form.get("act") == "accept"

    def act() -> str:
        answer = read_form(AnswerSchema()).answer
        context, actor = current_context(), current_actor()
        found = service.decide_excuse(context, actor, stay_no, lateness_no, accept=accept, answer=answer)
        if found.decision is not None and not found.accepted:
            raise Conflict("".join(reason.message for reason in found.decision.reasons))
        return "已容错：仍算逾期，报表里另外计。" if found.accepted else "没有同意，已写明。"

    return _done(stay_no, act)


@blueprint.post(f"{STAYS}/<stay_no>/take_back/<int:ask_no>/decide")
@requires(Permission.SETTLEMENT_MANAGE)
def decide_take_back(stay_no: str, ask_no: int) -> Any:
    """Take a late discharge back, or turn the request down."""
    agree = request.form.get("act") == "agree"

    def act() -> str:
        answer = read_form(AnswerSchema()).answer
        take_backs.decide_take_back(current_context(), current_actor(), stay_no, ask_no, agree=agree, answer=answer)
        stands = _what_stands(stay_no) if agree else ""
        if stands:
            say("wait", f"{stands}，请到“召回”办理。", href="/settlement/recalls", link_label="去召回")
        return "出院已取消；这一次在报表里仍算逾期。" if agree else "没有同意，已写明。"

    return _done(stay_no, act)


def late_part(stay_no: str) -> dict[str, Any]:
    """What the page of a stay shows beside its clocks."""
    context, actor = current_context(), current_actor()
    found = service.beside(context, actor, stay_no)
    return {
        "rows": [_row(one, found) for one in found.rows],
        "told": [
            {"level": Level(one.level).label, "stage": Stage(one.stage).label, "at": one.raised_at}
            for one in found.escalations
        ],
        "take_backs": [_take_back(one, found) for one in found.take_backs],
        "stands": _what_stands(stay_no) if any(one.state == "asked" for one in found.take_backs) else "",
        "is_late": found.is_late,
        "may_write": service.may_write(actor) and found.is_late,
        "reasons": [{"value": one.value, "label": f"{one.side.label}：{one.label}"} for one in LateReason],
        "key": str(uuid.uuid4()),
    }


def _what_stands(stay_no: str) -> str:
    """In words, which settlements of discharges stand and what of their refunds is on its way."""
    context, actor = current_context(), current_actor()
    documents = money_of(context, actor, stay_no).settlements
    numbers = [one.number for one in documents if one.recalled_at is None and one.discharged_at is not None]
    if not numbers:
        return ""
    attempts, _ = refunds_of_stay(context, actor, stay_no)
    sent = Money(sum(one.amount_fen for one in attempts if one.state == "sent"))
    return f"结算单 {'、'.join(numbers)} 还有效" + (f"，退款 {sent} 元已发出、没到账" if sent else "")


def _row(one: LateRow, found: service.Beside) -> dict[str, Any]:
    reason, actor = LateReason(one.reason_code), current_actor()
    kind, word = _EXCUSES[one.excuse]
    preview = found.previews.get(one.lateness_no)
    asked = one.excuse == "asked"
    return {
        "one": one,
        "reason": reason.label,
        "side": reason.side.label,
        "by": found.names.get(one.written_by, one.written_by),
        "asked_by": found.names.get(one.asked_by or "", one.asked_by),
        "decided_by": found.names.get(one.decided_by or "", one.decided_by),
        "state": {"kind": kind, "word": word},
        "decision_href": decision_href(one.decision_id),
        "may_ask": one.excuse == "none" and service.may_write(actor),
        "may_decide": asked and actor.may(Permission.SETTLEMENT_MANAGE) and actor.actor_id != one.asked_by,
        "may_accept": preview is not None and preview.permitted,
        "said": [] if preview is None else [reason.message for reason in preview.reasons],
    }


def _take_back(one: TakeBackRow, found: service.Beside) -> dict[str, Any]:
    actor = current_actor()
    kind, word = _TAKE_BACKS[one.state]
    return {
        "one": one,
        "asked_by": found.names.get(one.asked_by, one.asked_by),
        "decided_by": found.names.get(one.decided_by or "", one.decided_by),
        "state": {"kind": kind, "word": word},
        "asked": one.state == "asked",
        "may_decide": one.state == "asked"
        and actor.may(Permission.SETTLEMENT_MANAGE)
        and actor.actor_id != one.asked_by,
    }


def _line(one: LateLine, found: LateList) -> dict[str, Any]:
    actor = current_actor()
    kind, word = _EXCUSES[one.excuse]
    reason = LateReason(one.reason_code) if one.reason_code else None
    return {
        "one": one,
        "href": f"{STAYS}/{one.stay_no}",
        "name": one.patient_name if actor.calls_patients else mask_name(one.patient_name),
        "ward": one.ward or "没有病区",
        "class": InsuredClass(one.insured_class).label,
        "stage": Stage(one.stage).label,
        "settled_on": one.settled_at and local(one.settled_at).date(),
        "reason": f"{reason.side.label}：{reason.label}" if reason else "",
        "state": {"kind": kind, "word": word},
        "asked_by": found.names.get(one.asked_by or "", one.asked_by),
        "may_decide": actor.may(Permission.SETTLEMENT_MANAGE) and actor.actor_id != one.asked_by,
    }


def _done(stay_no: str, act: Callable[[], str]) -> Any:
    """Do it and show the stay again, with what came of it."""
    try:
        say("ok", act())
    except WrongForm as wrong:
        named = (
            f"{_FIELDS[name]}：{words}" if name in _FIELDS else words for name, words in wrong.form.errors.items()
        )
        say("stop", "".join(named) or wrong.message)
    except (MalformedInput, Conflict, NotFound, SecondPersonRequired) as error:
        say("stop", error.message)
    return redirect(f"{STAYS}/{stay_no}#h-late", 303)

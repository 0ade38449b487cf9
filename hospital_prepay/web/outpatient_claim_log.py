"""办理记录 of a claim: what was done, when, by whom.

It is taken from what is only ever added to, so that a second review or a payment that came back stands beside what
was before it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from hospital_prepay.domain.audit import action_label
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.services.outpatient.claim_record import RecordEvent
from hospital_prepay.services.outpatient.claim_review import ClaimDetail, PayoutRow
from hospital_prepay.services.outpatient.contradictions import VERDICT_LABELS, ContradictionRow, Verdict

_TOLD: Final = {"arrived": ("没有退成", "到账"), "failed": ("到账", "没有退成")}


def contradiction_words(one: ContradictionRow) -> str:
    """What the bank said of an attempt, and said before."""
    before, told = _TOLD[one.told]
    said = [part for part in (one.bank_reference and f"银行流水号 {one.bank_reference}", one.words) if part]
    own = f"（{'，'.join(said)}）" if said else ""
    return f"第 {one.attempt_no} 次付款，银行原来说{before}，后来说{told}{own}"


def log_lines(found: ClaimDetail) -> list[dict[str, Any]]:
    """What was done, the newest first."""
    rows: list[tuple[datetime, str | None, str, str]] = []
    for event in found.record:
        rows.append((event.at, event.actor, event.actor_name, _words(event, found)))
    rows += [(one.raised_at, None, "", f"自动检查：{one.words}") for one in found.alarms]
    rows += [(one.answered_at, one.answered_by, "", f"有提醒仍确认：{one.ground}") for one in found.answers]
    for one in found.payouts:
        if one.route != Route.CASH:
            rows.append((one.sent_at, one.sent_by, "", f"第 {one.attempt_no} 次送银行{_file(one)}"))
    # The sort keeps the order of equal moments, so what came last in a walk comes first here too.
    rows.reverse()
    newest = sorted(rows, key=lambda row: row[0], reverse=True)
    return [
        {"at": at, "who": found.names.get(who, name or who) if who else "系统", "words": words}
        for at, who, name, words in newest
    ]


def _words(event: RecordEvent, found: ClaimDetail) -> str:
    """An act in words, with what it wrote down then."""
    say = _SAID.get(event.action)
    return say(event, found) if say else action_label(event.action)


def _accepted(event: RecordEvent, found: ClaimDetail) -> str:
    """The claim keeps where it was taken down last; papers keep when they came."""
    where = {"window": "窗口", "online": "网上"}[found.claim.taken_at] if event.at == found.claim.accepted_at else ""
    came, again = ("银行退回以后，", "重新") if event.detail.get("taken_over") else ("", "")
    why = f"，换人办的理由：{event.detail['ground']}" if event.detail.get("ground") else ""
    beyond = ""
    if event.detail.get("beyond_fen"):
        beyond = f"，另外多退 {Money(event.detail['beyond_fen'])} 元，依据：{event.detail['beyond_ground']}"
    papers = sum(one.recorded_at == event.at for one in found.papers)
    return f"{came}{where}{again}受理，收材料 {papers} 份{beyond}{why}"


def _redirected(event: RecordEvent, _: ClaimDetail) -> str:
    route = event.detail.get("route")
    return f"改退款方式{f'为{Route(route).label}' if route else ''}，审核通过"


def _answered(event: RecordEvent, found: ClaimDetail) -> str:
    """What the bank said. What it contradicted is told by the contradiction, with the bank's words where the act
    kept them."""
    if event.detail.get("held"):
        one = next((one for one in found.contradictions if one.raised_at == event.at), None)
        words = contradiction_words(one) if one else f"第 {event.detail.get('attempt')} 次付款，银行前后说法不一"
        return f"银行：{words}{_reason(event)}，先停住"
    attempt = _attempt(event, found)
    which = f"（第 {attempt.attempt_no} 次{_file(attempt)}）" if attempt else ""
    if event.entry_no is None:
        return f"银行{which}：没有退成{_reason(event)}"
    booked = attempt and attempt.entry_no == event.entry_no
    reference = f"，凭据 {attempt.bank_reference}" if attempt and booked and attempt.bank_reference else ""
    return f"银行{which}：到账{reference}{_entry(event)}"


def _bounced(event: RecordEvent, _: ClaimDetail) -> str:
    return f"登记银行把到账的钱退回来了，{event.detail.get('reason', '')}{_entry(event)}"


def _decided(event: RecordEvent, _: ClaimDetail) -> str:
    verdict = event.detail.get("verdict")
    if "overpaid_fen" in event.detail:
        return f"这笔钱另外付过，记为多付，待追回{_entry(event)}"
    if verdict is None:
        return f"按银行已经付到入账{_entry(event)}"
    of = f"第 {event.detail['attempt']} 次付款" if "attempt" in event.detail else ""
    return f"决定：{of}{VERDICT_LABELS[Verdict(verdict)]}，{event.detail.get('ground', '')}"


def _ended(label: str) -> Callable[[RecordEvent, ClaimDetail], str]:
    return lambda _, found: f"{label}：{found.claim.ground}"


def _attempt(event: RecordEvent, found: ClaimDetail) -> PayoutRow | None:
    """The attempt that an answer was about: the one it booked, or the last that had gone by then."""
    by_bank = [one for one in found.payouts if one.file_no is not None]
    booked = [one for one in by_bank if event.entry_no is not None and one.entry_no == event.entry_no]
    gone = [one for one in by_bank if one.sent_at <= event.at]
    return next(reversed(booked or gone), None)


def _file(one: PayoutRow) -> str:
    return f"，第 {one.file_no} 号文件" if one.file_no else ""


def _reason(event: RecordEvent) -> str:
    return f"，{event.detail['failure']}" if event.detail.get("failure") else ""


def _entry(event: RecordEvent) -> str:
    return f"，凭证 {event.entry_no}" if event.entry_no is not None else ""


_SAID: Final[dict[str, Callable[[RecordEvent, ClaimDetail], str]]] = {
    "outpatient.accept": _accepted,
    "outpatient.review": lambda _, __: "审核通过",
    "outpatient.confirm_claim": lambda _, __: "确认",
    "outpatient.redirect": _redirected,
    "outpatient.pay_cash": lambda event, _: f"付现金{_entry(event)}",
    "outpatient.answer": _answered,
    "outpatient.bounce": _bounced,
    "outpatient.decide_answer": _decided,
    "outpatient.recover": lambda event, _: f"登记追回多付的钱{_entry(event)}",
    "outpatient.rejected": _ended("不予受理"),
    "outpatient.withdrawn": _ended("撤回"),
}

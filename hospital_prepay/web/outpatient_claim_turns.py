"""Whose step a refund waits for on its page, and what the viewer may do."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.domain.rules.outpatient.life import ClaimState
from hospital_prepay.http.current import current_actor
from hospital_prepay.services.outpatient.claim_review import ClaimDetail, barred_from
from hospital_prepay.services.outpatient.contradictions import Verdict
from hospital_prepay.services.outpatient.paid_way import arrived_attempt
from hospital_prepay.web.fund_words import Step, done_by, is_my_turn, turn_lines, why_not_mine
from hospital_prepay.web.outpatient_claim_bank import owed, redirectors, undecided

_TITLES: Final = ("受理", "审核", "确认", "退款", "到账")
_FORMS: Final = {"accepted": "review", "reviewed": "confirm"}


def _may_decide(found: ClaimDetail) -> bool:
    actor, one = current_actor(), undecided(found)
    if one is None or not actor.may(Permission.OUTPATIENT_APPROVE):
        return False
    return actor.actor_id not in (one.raised_by, found.payouts[one.attempt_no - 1].sent_by)


def offered_forms(found: ClaimDetail) -> list[str]:
    """The forms that the viewer may use now: the next step first, then the ways to end or change it. What the bank
    contradicted is neither paid nor given up, nor is what is owed given up."""
    offered = _offered_steps(found)
    held = (
        {"pay", "redirect", "withdraw", "reject"}
        if undecided(found)
        else {"withdraw", "reject"}
        if found.owed_fen
        else set()
    )
    return [*(["decide"] if _may_decide(found) else []), *(one for one in offered if one not in held)]


def _offered_steps(found: ClaimDetail) -> list[str]:
    actor, claim, state = current_actor(), found.claim, found.claim.state
    mine = is_my_turn(found.turn)
    offered = [_FORMS[state]] if mine and state in _FORMS else []
    if state == "confirmed" and mine and claim.route == Route.CASH:
        offered.append("pay")
    if actor.actor_id in found.redirectors:
        offered.append("redirect")
    may_reject = actor.may(Permission.OUTPATIENT_REVIEW) or actor.may(Permission.OUTPATIENT_APPROVE)
    if state in ("accepted", "reviewed") and may_reject:
        offered.append("reject")
    if state in ("accepted", "reviewed", "confirmed", "failed") and actor.may(Permission.OUTPATIENT_ACCEPT):
        offered.append("withdraw")
    by_bank = any(one.state == "arrived" and one.route != Route.CASH for one in found.payouts)
    owes = owed(found) is not None
    if owes and actor.may(Permission.OUTPATIENT_PAY):
        offered.append("recover")
    if state == "arrived" and by_bank and not owes and actor.may(Permission.OUTPATIENT_PAY):
        offered.append("bounce")
    return offered


def _correctors(found: ClaimDetail) -> frozenset[str]:
    """Who may not take the next step for nothing but having had the patient's name or numbers corrected."""
    return frozenset() if found.turn is None else found.turn.barred & found.correctors - barred_from(found.claim)


def next_lines(found: ClaimDetail) -> tuple[str, ...]:
    """Whose step it is, and who may not take it: for a step on the refund, or for a correction of its patient."""
    if found.turn is None:
        return ()
    only = _correctors(found)
    lines = turn_lines(replace(found.turn, barred=found.turn.barred - only), found.names)
    who = "、".join(found.names.get(one, one) for one in sorted(only))
    return (*lines, *((f"{who}申请或批准过患者的身份更正，不能办",) if only else ()))


def why_not(found: ClaimDetail) -> str | None:
    """Why the next step isn't the viewer's, in words; ``None`` where it is."""
    words = why_not_mine(found.turn)
    if words and current_actor().actor_id in _correctors(found):
        return "您申请或批准过患者的身份更正，这一步要由另一个人办。"
    return words


def steps(found: ClaimDetail) -> list[Step]:
    """受理 → 审核 → 确认 → 退款 → 到账, with who did each, who is next and who may not."""
    claim, names = found.claim, found.names
    turn = next_lines(found)
    done = (
        done_by(claim.accepted_by, claim.accepted_at, names),
        done_by(*found.paid.reviewed, names),
        done_by(*found.paid.confirmed, names),
        done_by(claim.paid_by, claim.paid_at, names),
    )
    at = {"accepted": 1, "reviewed": 2, "confirmed": 3, "sent": 4, "failed": 4, "arrived": 5}.get(claim.state)
    if at is None:
        steps = [Step("done", title, lines) for title, lines in zip(_TITLES, done, strict=False) if lines]
        told = (*done_by(claim.ended_by, claim.ended_at, names), claim.ground)
        return [*steps, Step("bad", ClaimState(claim.state).label, told)]
    steps = [Step("done", title, lines) for title, lines in zip(_TITLES, done, strict=False)][:at]
    last = found.payouts[-1] if found.payouts else None
    if claim.state == "arrived":
        reference = next((one.bank_reference for one in found.payouts if one.state == "arrived"), "")
        lines = (*((f"凭据 {reference}",) if reference else ()), *_decided_paid(found))
        if undecided(found):
            return [*steps, Step("bad", "到账", (*lines, "银行说法不一，待决定"))]
        return [*steps, Step("done", "到账", lines)]
    if claim.state == "failed":
        whose = (
            ("银行说法不一，待决定",) if undecided(found) else (*turn, f"账号不对的先不要再送：{redirectors(found)}")
        )
        return [*steps, Step("bad", "没有退成", ((last.failure if last else ""), *whose))]
    if claim.state == "sent":
        return [*steps, Step("now", "到账", ("等银行回单；失败按原退款单号再办",))]
    later = {"确认": ("第三个人办",), "退款": ("审核、确认的人不能付",), "到账": ("失败按原退款单号再办",)}
    return [
        *steps,
        Step("now", _TITLES[at], turn),
        *(Step("", title, later.get(title, ())) for title in _TITLES[at + 1 :]),
    ]


def _decided_paid(found: ClaimDetail) -> tuple[str, ...]:
    """Who decided that the bank had paid, where the refund arrived by that."""
    arrived = arrived_attempt(found.claim, found.payouts)
    for one in found.contradictions:
        is_it = arrived is not None and (one.attempt_no, one.told) == (arrived.attempt_no, "arrived")
        if is_it and one.decision == Verdict.PAID:
            return tuple(f"决定已付到 {words}" for words in done_by(one.decided_by, one.decided_at, found.names))
    return ()


def who_words(found: ClaimDetail) -> str:
    """Who took which step, and that they are different people."""
    claim, names = found.claim, found.names
    steps = [("受理", claim.accepted_by), ("审核", claim.reviewed_by), ("确认", claim.confirmed_by)]
    said = "，".join(f"{step} {names.get(who, who)}" if who else f"{step}（待定）" for step, who in steps)
    return f"{said}：三步须由三个人办。付款的人不能是审核、确认的人。"

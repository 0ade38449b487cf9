"""What the page of a claim and the lists of claims show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.alarms import AlarmKind
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, Route
from hospital_prepay.domain.rules.outpatient.life import ClaimState
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.services.outpatient.claim_review import (
    HELD,
    ClaimDetail,
    ClaimList,
    ListedClaim,
    PaperRow,
    PayoutRow,
    barred_from,
)
from hospital_prepay.services.outpatient.contradictions import VERDICT_LABELS, ContradictionRow, Verdict
from hospital_prepay.services.outpatient.overpayments import OverpaymentRow
from hospital_prepay.services.outpatient.paid_way import arrived_attempt
from hospital_prepay.web.decision_view import decision_href, decision_number
from hospital_prepay.web.fund_words import Step, done_by, is_my_turn, keyed, stranded, turn_lines, why_not_mine
from hospital_prepay.web.outpatient_accept_view import account_card, is_paid_again
from hospital_prepay.web.outpatient_claim_log import contradiction_words, log_lines
from hospital_prepay.web.outpatient_words import CLAIM_MARKS, way_lines

A_PAGE: Final = 50
_ROOT: Final = "/desk/refunds/claims"
_PAYMENTS: Final = "/finance/outpatient/payments"
_TITLES: Final = ("受理", "审核", "确认", "退款", "到账")
_NEXT: Final = {
    "accepted": "审核",
    "reviewed": "确认",
    "confirmed": "退款",
    "sent": "等银行回单",
    "failed": "再送银行",
}
_VERDICT_NOTES: Final = {
    Verdict.PAID: "这次付款记为到账：退款没有别的到账的，按这一次入账（已撤回的也是）；另有到账的，记为多付，待追回",
    Verdict.UNPAID: "这次付款仍算没有退成，可以再送银行或改退款方式",
}
# What must be done first where the attempt stands otherwise in the books.
_VERDICT_FIRST: Final = {
    (Verdict.UNPAID, "arrived"): "账上已记到账：先由能付款的人登记“银行把到账的钱退回来了”，再选这一项",
    (Verdict.PAID, "returned"): "登记过“银行把到账的钱退回来了”，不能选这一项；请先与银行对清",
}
_BACK: Final = {Route.CASH: "交回现金", Route.BANK: "到了医院的银行账户"}
_DECIDERS: Final = "由有确认权限、没有送款也没有导入回单的人决定"
_HELD_MARK: Final = {"kind": "stop", "word": "银行说法不一，待决定"}
_FORMS: Final = {"accepted": "review", "reviewed": "confirm"}


@dataclass(frozen=True, slots=True)
class Tab:
    """One list of claims."""

    key: str
    label: str
    states: tuple[str, ...]
    newest_first: bool = False


TABS: Final = (
    Tab("accepted", "待审核", ("accepted",)),
    Tab("reviewed", "待确认", ("reviewed",)),
    Tab("confirmed", "待退款", ("confirmed",)),
    Tab("sent", "待到账", ("sent",)),
    Tab("failed", "没退成", ("failed",)),
    Tab(HELD, "银行说法不一", (HELD,)),
    Tab("arrived", "已到账", ("arrived",), newest_first=True),
    Tab("ended", "已退回", ("rejected", "withdrawn"), newest_first=True),
)


def tab_of(key: str) -> Tab:
    """The list asked for, the first without one."""
    return next((one for one in TABS if one.key == key), TABS[0])


def list_page(found: ClaimList, tab: Tab) -> dict[str, Any]:
    """One list, every other with its count."""
    count, fen = _of(found, tab)
    return {
        "tabs": [
            {
                "label": one.label,
                "href": f"{_ROOT}?tab={one.key}",
                "current": one is tab,
                "count": _of(found, one)[0],
            }
            for one in TABS
        ],
        "title": tab.label,
        "claims": [
            {**claim_line(one, found.names), **({"state": _HELD_MARK} if tab.key == HELD else {})}
            for one in found.claims
        ],
        "count": count,
        "sum_fen": fen,
        "page": page_of(len(found.claims), count, "笔", A_PAGE),
        "page_no": page_number(),
        "payments_href": _PAYMENTS if current_actor().may(Permission.OUTPATIENT_PAY) else None,
    }


def claim_line(one: ListedClaim, names: Any) -> dict[str, Any]:
    """A claim in a list."""
    return {
        "claim_id": one.claim_id,
        "refund_no": one.refund_no,
        "href": f"{_ROOT}/{one.claim_id}",
        "account_no": one.account_no,
        "holder": one.holder_name or "没有姓名",
        "who": Claimant(one.claimant).label + ("" if one.claimant == Claimant.SELF else f" {one.claimant_name}"),
        "route": Route(one.route).label,
        "amount_fen": one.amount_fen,
        "remitted": one.remitted,
        "accepted_by": names.get(one.accepted_by, one.accepted_by),
        "accepted_at": one.accepted_at,
        "alarms": one.alarms,
        "state": CLAIM_MARKS[ClaimState(one.state)],
        "mine": current_actor().actor_id in (one.accepted_by, one.reviewed_by, one.confirmed_by),
    }


def claim_page(found: ClaimDetail, name: str, form: Form | None) -> dict[str, Any]:
    """One claim. ``name`` is the form that came back, with ``form`` as it was typed."""
    claim = found.claim
    offered = _offered(found)
    basis = found.decision.reasons[0]
    held = _undecided(found) is not None
    return {
        "claim": {
            "id": claim.claim_id,
            "href": f"{_ROOT}/{claim.claim_id}",
            "refund_no": claim.refund_no,
            "state": _HELD_MARK if held else CLAIM_MARKS[ClaimState(claim.state)],
            "amount_fen": claim.amount_fen,
            "words": Money(claim.amount_fen).in_words(),
            "remitted": claim.remitted,
            "claimant": Claimant(claim.claimant).label,
            "claimant_name": claim.claimant_name,
            "payee": found.payee,
            "is_self": claim.claimant == Claimant.SELF,
            "card_lost": claim.card_lost,
            "cash": claim.route == Route.CASH,
            "by_file": found.paid.file_no,
            "taken_at": "窗口" if claim.taken_at == "window" else "网上",
            "ground": claim.ground,
            "accepted_at": claim.accepted_at,
        },
        "account": account_card(found.owner),
        "personal": found.personal,
        "basis": chip(basis.clause, basis.message.rstrip("。") if basis.clause is None else ""),
        "steps": _steps(found),
        "papers": _papers(found),
        "earlier_papers": _earlier_papers(found),
        "ways": way_lines(found.ways, found.paid.route),
        "checks": _checks(found),
        "answers": [
            {
                "who": found.names.get(one.answered_by, one.answered_by),
                "at": one.answered_at,
                "ground": one.ground,
            }
            for one in found.answers
        ],
        "log": log_lines(found),
        "owed_fen": found.owed_fen,
        "owed_again": {"may_change": claim.state != ClaimState.SENT} if is_paid_again(found.owner) else None,
        "overpaid": _overpaid(found),
        "is_applied_for": found.is_applied_for,
        "contradictions": [_contradiction(one, found) for one in found.contradictions],
        "verdicts": _verdicts(found),
        "attempts": [_attempt(one, found) for one in found.payouts],
        "entries": _entries(found),
        "decision": {"number": decision_number(claim.decision_id), "href": decision_href(claim.decision_id)},
        "version": found.decision.rule_version,
        "next": "决定银行哪一次说得对" if held else _NEXT.get(claim.state),
        "next_lines": (_deciders(found),) if held else _turn_lines(found),
        "why_not": "" if held else _why_not(found),
        "who_words": _who_words(found),
        "alarms": len(found.alarms) + len(found.fresh),
        "offered": offered,
        "opened": name,
        "forms": {one: _form(one, name, form) for one in {*offered, name} if one},
        "routes": [{"value": one.value, "label": one.label, "note": None} for one in (Route.BANK, Route.CASH)],
        "payments_href": _PAYMENTS,
        "may_reveal": current_actor().may(Permission.REVEAL_IDENTITY),
        "problem": stranded(name, form, offered),
        "back": next((tab for tab in TABS if (HELD if held else claim.state) in tab.states), TABS[0]),
    }


def receipt(found: ClaimDetail) -> dict[str, Any]:
    """The receipt form, its amount in capitals; a name that is masked for the viewer stays masked on it."""
    claim, names = found.claim, found.names
    return {
        "claim": claim,
        "hospital_words": Money(claim.amount_fen).in_words(),
        "account": account_card(found.owner),
        "personal": found.personal,
        "claimant": Claimant(claim.claimant).label,
        "route": Route(found.paid.route).label,
        "cash": found.paid.route == Route.CASH,
        "by_file": found.paid.file_no,
        "papers": [Paper(one.kind).label for one in found.papers if _is_in_force(one, found)],
        "people": [
            {"step": step, "who": names.get(who or "", who) if who else ""}
            for step, who in (
                ("受理", claim.accepted_by),
                ("审核", found.paid.reviewed[0]),
                ("确认", found.paid.confirmed[0]),
                ("付款", claim.paid_by if claim.state == "arrived" else None),
            )
        ],
        "printed_at": current_context().clock.now(),
        "for_patient": current_actor().calls_patients,
        "back_href": f"{_ROOT}/{claim.claim_id}",
    }


def identity_page(found: ClaimDetail, form: Form, shown: dict[str, Any] | None) -> dict[str, Any]:
    """Why somebody wants to see everything, or everything."""
    reasons = ("与证件核对身份", "给患者打电话", "与银行核对退款", "审计或复核要核对", "其他")
    return {
        "claim": {"refund_no": found.claim.refund_no, "href": f"{_ROOT}/{found.claim.claim_id}"},
        "account": account_card(found.owner),
        "form": form,
        "reasons": [{"value": words, "label": words, "note": None} for words in reasons],
        "shown": shown,
    }


def _of(found: ClaimList, tab: Tab) -> tuple[int, int]:
    parts = [found.counts.get(state, (0, 0)) for state in tab.states]
    return sum(count for count, _ in parts), sum(fen for _, fen in parts)


def _form(one: str, name: str, form: Form | None) -> Form:
    # The number of the receipt form is copied from the signed paper: one that stood there would prove nothing.
    defaults = {"route": Route.CASH.value} if one == "redirect" else {"verdict": ""} if one == "decide" else {}
    return keyed(form if one == name else None, **defaults)


def bounced_words(found: ClaimDetail) -> str:
    """What somebody is told who noted that the bank sent the money back."""
    words = f"已登记退回 {Money(found.claim.amount_fen)} 元。"
    if _undecided(found):
        return f"{words}银行说法不一还没有决定：{_deciders(found)}，然后再付。"
    return f"{words}下一步：另一个人再送银行；账号不对的，{_redirectors(found)}。"


def _redirectors(found: ClaimDetail) -> str:
    """Who may name another way, by name."""
    able = "、".join(found.names.get(one, one) for one in found.redirectors)
    return f"改退款方式由{able}办" if able else "改退款方式要由没有受理、没有送过的人办，请系统管理开账号"


def decided_words(found: ClaimDetail, number: int) -> str:
    """What somebody is told who decided what the bank meant by contradiction ``number``."""
    one = found.contradictions[number - 1]
    if one.decision == Verdict.UNPAID:
        return "已记下银行没有付到，这笔退款可以接着办。"
    paid = f"已记下银行付到 {Money(found.claim.amount_fen)} 元"
    if _is_settled(one, found):
        return f"{paid}，账上原来就记着到账，不变。" if one.told == "failed" else f"{paid}，按这一次入账。"
    return f"{paid}。这笔钱另外已经付过，所以记为多付（其他应收款），请向收款人追回，再在这一页登记。"


def _contradiction(one: ContradictionRow, found: ClaimDetail) -> dict[str, Any]:
    names, kind, word = found.names, "stop", "待决定"
    if one.decision:
        kind, word = _overpaid_mark(one, found) or ("ok", "已决定")
    return {
        "no": one.contradiction_no,
        "open": not one.decision,
        "mark": {"kind": kind, "word": word},
        "words": contradiction_words(one),
        "decision": VERDICT_LABELS[Verdict(one.decision)] if one.decision else "",
        "ground": one.ground,
        "who": names.get(one.decided_by or one.raised_by, one.decided_by or one.raised_by),
        "at": one.decided_at or one.raised_at,
    }


def _overpaid_mark(one: ContradictionRow, found: ClaimDetail) -> tuple[str, str] | None:
    paid = next((each for each in found.overpaid if each.attempt_no == one.attempt_no), None)
    if paid is None or one.decision != Verdict.PAID:
        return None
    return ("stop", "多付，待追回") if paid.state == "owed" else ("ok", "多付的已追回")


def _is_settled(one: ContradictionRow, found: ClaimDetail) -> bool:
    """Whether what was decided is what the books say of the attempt."""
    return one.decision == Verdict.UNPAID or found.payouts[one.attempt_no - 1].state == "arrived"


def _verdicts(found: ClaimDetail) -> list[dict[str, str]]:
    one = _undecided(found)
    state = found.payouts[one.attempt_no - 1].state if one else ""
    return [
        {"value": each.value, "label": each.label, "note": _VERDICT_FIRST.get((each, state), _VERDICT_NOTES[each])}
        for each in Verdict
    ]


def _owed(found: ClaimDetail) -> OverpaymentRow | None:
    return next((one for one in found.overpaid if one.state == "owed"), None)


def _undecided(found: ClaimDetail) -> ContradictionRow | None:
    return next((one for one in found.contradictions if not one.decision), None)


def _overpaid(found: ClaimDetail) -> dict[str, Any] | None:
    """What its payee still owes, or the last that came back."""
    if not found.overpaid:
        return None
    one = _owed(found) or found.overpaid[-1]
    names, back = found.names, one.recovered_by or ""
    how = "现金，收据号" if one.way == Route.CASH else "银行，回单号"
    return {
        "attempt": one.attempt_no,
        "amount_fen": one.amount_fen,
        "owed": one.state == "owed",
        "words": f"{how} {one.reference}" if one.recovered_at else "",
        "who": names.get(back, back),
        "at": one.recovered_at,
        "ways": [{"value": way.value, "label": label, "note": None} for way, label in _BACK.items()],
    }


def _deciders(found: ClaimDetail) -> str:
    """Who may decide what the bank meant, by name."""
    able = "、".join(found.names.get(one, one) for one in found.deciders)
    return f"{_DECIDERS}：{able or '现在没有这样的人，请系统管理开账号'}"


def _may_decide(found: ClaimDetail) -> bool:
    actor, one = current_actor(), _undecided(found)
    if one is None or not actor.may(Permission.OUTPATIENT_APPROVE):
        return False
    return actor.actor_id not in (one.raised_by, found.payouts[one.attempt_no - 1].sent_by)


def _offered(found: ClaimDetail) -> list[str]:
    """The forms that the viewer may use now: the next step first, then the ways to end or change it. What the bank
    contradicted is neither paid nor given up, nor is what is owed given up."""
    offered = _offered_steps(found)
    held = (
        {"pay", "redirect", "withdraw", "reject"}
        if _undecided(found)
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
    owes = _owed(found) is not None
    if owes and actor.may(Permission.OUTPATIENT_PAY):
        offered.append("recover")
    if state == "arrived" and by_bank and not owes and actor.may(Permission.OUTPATIENT_PAY):
        offered.append("bounce")
    return offered


def _correctors(found: ClaimDetail) -> frozenset[str]:
    """Who may not take the next step for nothing but having had the patient's name or numbers corrected."""
    return frozenset() if found.turn is None else found.turn.barred & found.correctors - barred_from(found.claim)


def _turn_lines(found: ClaimDetail) -> tuple[str, ...]:
    """Whose step it is, and who may not take it: for a step on the refund, or for a correction of its patient."""
    if found.turn is None:
        return ()
    only = _correctors(found)
    lines = turn_lines(replace(found.turn, barred=found.turn.barred - only), found.names)
    who = "、".join(found.names.get(one, one) for one in sorted(only))
    return (*lines, *((f"{who}申请或批准过患者的身份更正，不能办",) if only else ()))


def _why_not(found: ClaimDetail) -> str | None:
    words = why_not_mine(found.turn)
    if words and current_actor().actor_id in _correctors(found):
        return "您申请或批准过患者的身份更正，这一步要由另一个人办。"
    return words


def _steps(found: ClaimDetail) -> list[Step]:
    """受理 → 审核 → 确认 → 退款 → 到账, with who did each, who is next and who may not."""
    claim, names = found.claim, found.names
    turn = _turn_lines(found)
    done = (
        done_by(claim.accepted_by, claim.accepted_at, names),
        done_by(*found.paid.reviewed, names),
        done_by(*found.paid.confirmed, names),
        done_by(claim.paid_by, claim.paid_at, names),
    )
    at = {"accepted": 1, "reviewed": 2, "confirmed": 3, "sent": 4, "failed": 4, "arrived": 5}.get(claim.state)
    if at is None:
        steps = [Step("done", title, lines) for title, lines in zip(_TITLES, done, strict=False) if lines]
        return [*steps, Step("bad", ClaimState(claim.state).label, done_by(claim.ended_by, claim.ended_at, names))]
    steps = [Step("done", title, lines) for title, lines in zip(_TITLES, done, strict=False)][:at]
    last = found.payouts[-1] if found.payouts else None
    if claim.state == "arrived":
        reference = next((one.bank_reference for one in found.payouts if one.state == "arrived"), "")
        lines = (*((f"凭据 {reference}",) if reference else ()), *_decided_paid(found))
        if _undecided(found):
            return [*steps, Step("bad", "到账", (*lines, "银行说法不一，待决定"))]
        return [*steps, Step("done", "到账", lines)]
    if claim.state == "failed":
        whose = (
            ("银行说法不一，待决定",)
            if _undecided(found)
            else (*turn, f"账号不对的先不要再送：{_redirectors(found)}")
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


def _is_in_force(one: PaperRow, found: ClaimDetail) -> bool:
    """Whether a paper was shown when the claim was accepted last: those of before prove another's right."""
    return one.recorded_at >= found.claim.accepted_at


def _papers(found: ClaimDetail) -> list[dict[str, Any]]:
    looked_at = found.claim.reviewed_by is not None
    mark = {"kind": "ok", "word": "已核"} if looked_at else {"kind": "wait", "word": "请核对"}
    return [{"mark": mark, **_paper(one)} for one in found.papers if _is_in_force(one, found)]


def _earlier_papers(found: ClaimDetail) -> list[dict[str, Any]]:
    return [{"at": one.recorded_at, **_paper(one)} for one in found.papers if not _is_in_force(one, found)]


def _paper(one: PaperRow) -> dict[str, str]:
    return {"label": Paper(one.kind).label, "reference": one.reference}


def _checks(found: ClaimDetail) -> list[dict[str, Any]]:
    """Every check with what it found; what another claim added meanwhile stands beside what was noted."""
    noticed: dict[str, list[str]] = {}
    for kind, words in (
        *((one.kind, one.words) for one in found.alarms),
        *((one.kind.value, one.words) for one in found.fresh),
    ):
        noticed.setdefault(kind, []).append(words)
    checks = []
    for kind in AlarmKind:
        grave = (
            {"kind": "stop", "word": "不能退"} if kind is AlarmKind.STAFF_CARD else {"kind": "wait", "word": "留意"}
        )
        for words in noticed.get(kind.value, ()):
            checks.append({"mark": grave, "words": words})
        if kind.value not in noticed:
            checks.append({"mark": {"kind": "ok", "word": "没有"}, "words": kind.label})
    return sorted(checks, key=lambda one: one["mark"]["kind"] == "ok")


def _attempt(one: PayoutRow, found: ClaimDetail) -> dict[str, Any]:
    marks = {
        "sent": ("info", "已送"),
        "arrived": ("ok", "到账"),
        "failed": ("stop", "没退成"),
        "returned": ("stop", "银行退回"),
        "overpaid": ("stop", "多付了"),
        "recovered": ("ok", "多付，已追回"),
    }
    over = next((each for each in found.overpaid if each.attempt_no == one.attempt_no), None)
    kind, word = marks[one.state if over is None else "overpaid" if over.state == "owed" else "recovered"]
    way = Route(one.route).label + (f"，第 {one.file_no} 号文件" if one.file_no else "")
    returned = one.return_reference and f"退回的回单 {one.return_reference}"
    told = one.answered_at is not None and one.route != Route.CASH and f"回单 {local(one.answered_at):%m-%d %H:%M}"
    # Of what was paid beside the books the bank's first word was wrong: its later number is the proof.
    proof, failure = (_proof(one, found), "") if over is not None else (one.bank_reference, one.failure)
    details = [part for part in (proof and f"凭据 {proof}", failure, told, returned) if part]
    return {
        "no": one.attempt_no,
        "mark": {"kind": kind, "word": word},
        "words": "；".join([way, *details]),
        "who": found.names.get(one.sent_by, one.sent_by),
        "at": one.sent_at,
    }


def _proof(one: PayoutRow, found: ClaimDetail) -> str:
    """The bank's number of an attempt that it said later it had paid."""
    said = [each for each in found.contradictions if each.attempt_no == one.attempt_no and each.told == "arrived"]
    return said[-1].bank_reference if said else ""


def _entries(found: ClaimDetail) -> list[dict[str, Any]]:
    may = current_actor().may(Permission.LEDGER_VIEW)
    return [
        {
            "no": one.entry_no,
            "href": f"/finance/ledger/{one.entry_no}" if may else None,
            "words": one.summary,
            "red": one.reverses_no is not None,
            "at": one.posted_at,
        }
        for one in found.entries
    ]


def _who_words(found: ClaimDetail) -> str:
    claim, names = found.claim, found.names
    steps = [("受理", claim.accepted_by), ("审核", claim.reviewed_by), ("确认", claim.confirmed_by)]
    said = " ≠ ".join(f"{step} {names.get(who, who)}" if who else f"{step}（待定）" for step, who in steps)
    return f"{said}。付款的人不能是审核、确认的人。"

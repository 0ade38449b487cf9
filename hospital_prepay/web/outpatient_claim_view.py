"""What the page of a claim shows."""

from __future__ import annotations

from typing import Any, Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.money import ZERO, Money
from hospital_prepay.domain.rules.outpatient.alarms import AlarmKind
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, Route
from hospital_prepay.domain.rules.outpatient.life import ENDED, ClaimState
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form
from hospital_prepay.services.outpatient.claim_review import HELD, ClaimDetail, PaperRow
from hospital_prepay.web.decision_view import decision_href, decision_number
from hospital_prepay.web.fund_words import keyed, stranded
from hospital_prepay.web.outpatient_accept_view import account_card, is_paid_again
from hospital_prepay.web.outpatient_claim_bank import (
    attempt,
    contradiction,
    held_lines,
    overpaid,
    undecided,
    verdicts,
)
from hospital_prepay.web.outpatient_claim_lists import HELD_MARK, PAYMENTS, ROOT, TABS
from hospital_prepay.web.outpatient_claim_log import log_lines
from hospital_prepay.web.outpatient_claim_turns import next_lines, offered_forms, steps, who_words, why_not
from hospital_prepay.web.outpatient_words import CLAIM_MARKS, way_lines

_NEXT: Final = {
    "accepted": "审核",
    "reviewed": "确认",
    "confirmed": "退款",
    "sent": "等银行回单",
    "failed": "再送银行；账号不对的先改退款方式",
}


def claim_page(found: ClaimDetail, name: str, form: Form | None) -> dict[str, Any]:
    """One claim. ``name`` is the form that came back, with ``form`` as it was typed."""
    claim = found.claim
    offered = offered_forms(found)
    basis = found.decision.reasons[0]
    held = undecided(found) is not None
    beyond = _beyond(found)
    # What came back is owed for itself, what was asked beyond it and all.
    beside = Money(beyond["fen"]) if beyond and ClaimState(claim.state).is_open and not found.owner.owed_fen else ZERO
    return {
        "claim": _head(found),
        "account": account_card(found.owner, beside),
        "personal": found.personal,
        "basis": chip(basis.clause, basis.message.rstrip("。") if basis.clause is None else ""),
        "steps": steps(found),
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
        "beyond": beyond,
        "owed_fen": found.owed_fen,
        "owed_again": {"may_change": claim.state != ClaimState.SENT} if is_paid_again(found.owner) else None,
        "overpaid": overpaid(found),
        "is_applied_for": found.is_applied_for,
        "contradictions": [contradiction(one, found) for one in found.contradictions],
        "verdicts": verdicts(found),
        "attempts": [attempt(one, found) for one in found.payouts],
        "entries": _entries(found),
        "decision": {"number": decision_number(claim.decision_id), "href": decision_href(claim.decision_id)},
        "version": found.decision.rule_version,
        "next": "决定银行哪一次说得对" if held else _NEXT.get(claim.state),
        "next_lines": held_lines(found) if held else next_lines(found),
        "why_not": "" if held else why_not(found),
        "who_words": who_words(found),
        "alarms": len(found.alarms) + len(found.fresh),
        "offered": offered,
        "opened": name,
        "forms": {one: _form(one, name, form) for one in {*offered, name} if one},
        "routes": [{"value": one.value, "label": one.label, "note": None} for one in (Route.BANK, Route.CASH)],
        "payments_href": PAYMENTS,
        "may_reveal": current_actor().may(Permission.REVEAL_IDENTITY),
        "problem": stranded(name, form, offered),
        "back": next((tab for tab in TABS if (HELD if held else claim.state) in tab.states), TABS[0]),
    }


def _head(found: ClaimDetail) -> dict[str, Any]:
    claim = found.claim
    return {
        "id": claim.claim_id,
        "href": f"{ROOT}/{claim.claim_id}",
        "refund_no": claim.refund_no,
        "state": HELD_MARK if undecided(found) else CLAIM_MARKS[ClaimState(claim.state)],
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
        "accepted_at": claim.accepted_at,
    }


def _beyond(found: ClaimDetail) -> dict[str, Any] | None:
    """What was asked beyond what was remitted, with its ground. A claim that ended holds the ground of that instead,
    and one of before the act kept what was asked has the claim's alone."""
    asked = [one.detail for one in found.record if one.detail.get("beyond_fen")]
    if asked:
        return {"fen": asked[-1]["beyond_fen"], "ground": asked[-1]["beyond_ground"]}
    fen, ground = found.decision.facts.get("beyond_fen", 0), found.claim.ground
    return {"fen": fen, "ground": ground} if fen and ground and found.claim.ended_by is None else None


def receipt(found: ClaimDetail) -> dict[str, Any]:
    """The receipt form, its amount in capitals; a name that is masked for the viewer stays masked on it.
    Cash is signed for once it may be paid; to a transfer whoever comes agrees when the claim is taken down."""
    claim, names = found.claim, found.names
    return {
        "claim": claim,
        "hospital_words": Money(claim.amount_fen).in_words(),
        "account": account_card(found.owner),
        "personal": found.personal,
        "claimant": Claimant(claim.claimant).label,
        "route": Route(found.paid.route).label,
        "cash": found.paid.route == Route.CASH,
        "unsigned": _unsigned(found),
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
        "back_href": f"{ROOT}/{claim.claim_id}",
    }


def _unsigned(found: ClaimDetail) -> str:
    """Why nobody may sign the form now; empty words: they may."""
    state = ClaimState(found.claim.state)
    if state in ENDED:
        return f"{state.label}，不能领款。"
    if found.paid.route != Route.CASH:
        return ""
    if state in (ClaimState.ACCEPTED, ClaimState.REVIEWED):
        return "未确认，不能领款。确认以后重新打印，付现金时请领款人签名。"
    return "银行说法不一，决定以前不能领款。" if undecided(found) else ""


def identity_page(found: ClaimDetail, form: Form, shown: dict[str, Any] | None) -> dict[str, Any]:
    """Why somebody wants to see everything, or everything."""
    reasons = ("与证件核对身份", "给患者打电话", "与银行核对退款", "审计或复核要核对", "其他")
    return {
        "claim": {"refund_no": found.claim.refund_no, "href": f"{ROOT}/{found.claim.claim_id}"},
        "account": account_card(found.owner),
        "form": form,
        "reasons": [{"value": words, "label": words, "note": None} for words in reasons],
        "shown": shown,
    }


def _form(one: str, name: str, form: Form | None) -> Form:
    # The number of the receipt form is copied from the signed paper: one that stood there would prove nothing.
    defaults = {"route": Route.CASH.value} if one == "redirect" else {"verdict": ""} if one == "decide" else {}
    return keyed(form if one == name else None, **defaults)


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

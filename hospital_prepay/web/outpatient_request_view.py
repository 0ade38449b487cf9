"""What the counter shows of an application that was made on-line."""

from __future__ import annotations

from typing import Any, Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, Route, needed_papers, routes_for_another
from hospital_prepay.domain.rules.outpatient.life import ClaimState
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form
from hospital_prepay.http.paging import page_of
from hospital_prepay.schemas.outpatient_claims import PAPER, REFERENCE
from hospital_prepay.services.outpatient.claim_review import ways_of
from hospital_prepay.services.outpatient.claims import AcceptedClaim
from hospital_prepay.services.outpatient.requests import ENDED, WAITING, ListedRequest, RequestDetail
from hospital_prepay.web.decision_view import decision_href, decision_number
from hospital_prepay.web.fund_words import keyed
from hospital_prepay.web.outpatient_accept_view import (
    MAY_BE_LEFT,
    PAYEES,
    account_card,
    may_accept,
    may_be_taken_over,
    takes_over_confirmed,
)
from hospital_prepay.web.outpatient_words import CLAIM_MARKS, way_lines

A_PAGE: Final = 50
_ROOT: Final = "/desk/refunds/requests"
_STATES: Final = {
    "asked": {"kind": "wait", "word": "等受理"},
    "taken": {"kind": "ok", "word": "已受理"},
    "declined": {"kind": "idle", "word": "没有受理"},
}
_REASONS: Final = ("与证件核对身份", "给患者打电话", "审计或复核要核对", "其他")


def list_page(found: list[ListedRequest], counts: dict[str, int], *, ended: bool) -> dict[str, Any]:
    """One list, the other with its count."""
    waiting, over = (sum(counts.get(one, 0) for one in states) for states in (WAITING, ENDED))
    return {
        "tabs": [
            {"label": "等受理", "href": _ROOT, "current": not ended, "count": waiting},
            {"label": "办过的", "href": f"{_ROOT}?tab=ended", "current": ended, "count": over},
        ],
        "title": "办过的" if ended else "等受理",
        "whole": "办过的网上申请" if ended else "等受理的网上申请",
        "requests": [
            {
                **_head(one),
                "patient": one.people.patient_name,
                "who": f"{Claimant(one.request.claimant).label} {one.people.claimant_name}",
                "account_no": one.request.account_no,
                "route": _wish(one.request.claimant, one.request.route),
                "decider": one.decider,
                "decided_at": one.request.decided_at,
                "ground": one.request.ground,
            }
            for one in found
        ],
        "page": page_of(len(found), over if ended else waiting, "份", A_PAGE),
    }


def request_page(found: RequestDetail, form: Form, refused: AcceptedClaim | None) -> dict[str, Any]:
    """One application with the form to take it up."""
    row, owner = found.request, found.owner
    claimant = Claimant(row.claimant)
    ways = ways_of(current_context(), owner, claimant) if owner else routes_for_another()
    open_ = [way.value for way, why in ways if not why]
    only = found.alike[0].account.account_no if len(found.alike) == 1 else ""
    asked = row.route if claimant is Claimant.SELF and row.route in open_ else open_[0]
    may = {"accept": True, "why_not": None, "mend_href": None} if owner is None else may_accept(owner)
    handled = _handled(found)
    decides = row.state == "asked" and current_actor().may(Permission.OUTPATIENT_ACCEPT)
    return {
        "request": _head(ListedRequest(row, found.people)),
        "people": found.people,
        "claimant": claimant,
        "route": _wish(row.claimant, row.route),
        "card_lost": row.card_lost,
        "account": account_card(owner) if owner else None,
        "due_fen": owner.due_fen if owner else None,
        "takes_over_confirmed": owner is not None and takes_over_confirmed(owner),
        "decided_by": found.names.get(row.decided_by or "", row.decided_by),
        "decided_at": row.decided_at,
        "ground": row.ground,
        "claim_href": f"/desk/refunds/claims/{row.claim_id}" if row.claim_id else None,
        "alike": [account_card(one) for one in found.alike],
        "handled": handled,
        "decides": decides,
        "may": may,
        "papers": _papers(claimant, card_lost=row.card_lost, unregistered=owner is not None and owner.unregistered),
        "from_home": claimant is Claimant.SELF and row.route != Route.CASH and not row.card_lost,
        "ways": way_lines(ways),
        "payee": PAYEES[claimant],
        "form": keyed(
            form, route=asked, account_no=row.account_no or only, ground=handled["ground"] if handled else ""
        ),
        "refused": None if refused is None else _refusal(refused),
        "may_reveal": current_actor().may(Permission.REVEAL_IDENTITY),
    }


def _handled(found: RequestDetail) -> dict[str, Any] | None:
    """The claim that the counter took down of the account, or of one that may be it, while the application waits:
    the one under way, else one that was paid with nothing left. ``ground`` is the word by which the application may
    end."""
    row = found.request
    if row.state != "asked":
        return None
    owners = (found.owner,) if found.owner is not None else found.alike
    under_way = [one.open_claim for one in owners if not may_be_taken_over(one)]
    paid = [one for owner in owners if not owner.due_fen for one in owner.claims if one.state == "arrived"]
    claim = next((one for one in (*under_way, *paid) if one is not None), None)
    if claim is None:
        return None
    return {
        "refund_no": claim.refund_no,
        "href": f"/desk/refunds/claims/{claim.claim_id}",
        "account_no": claim.account_no,
        "who": f"{Claimant(claim.claimant).label} {claim.claimant_name}",
        "state": CLAIM_MARKS[ClaimState(claim.state)],
        "ground": f"已在窗口受理，退款单 {claim.refund_no}，这份申请不用再办。",
    }


def identity_page(found: RequestDetail, form: Form, shown: dict[str, Any] | None) -> dict[str, Any]:
    """Why somebody wants to see everything, or everything."""
    return {
        "request": _head(ListedRequest(found.request, found.people)),
        "form": form,
        "reasons": [{"value": words, "label": words, "note": None} for words in _REASONS],
        "shown": shown,
    }


def _head(one: ListedRequest) -> dict[str, Any]:
    row = one.request
    return {
        "request_no": row.request_no,
        "href": f"{_ROOT}/{row.request_id}",
        "state": _STATES[row.state],
        "at": row.asked_at,
    }


def _wish(claimant: str, route: str) -> str:
    """How the money is wished for: only the owner is asked that on-line."""
    return Route(route).label if claimant == Claimant.SELF else "网上没有问，到窗口时定"


def _papers(claimant: Claimant, *, card_lost: bool, unregistered: bool) -> list[dict[str, Any]]:
    needed = needed_papers(claimant, card_lost=card_lost)
    slip = {"kind": "wait", "word": "凭条或手机号"} if unregistered else MAY_BE_LEFT
    return [
        {
            "field": f"{PAPER}{paper.value}",
            "reference": f"{REFERENCE}{paper.value}",
            "label": paper.label,
            "mark": {"kind": "wait", "word": "要核对"} if paper in needed else slip,
        }
        for paper in (*needed, Paper.SLIP)
    ]


def _refusal(answer: AcceptedClaim) -> dict[str, Any]:
    decision = answer.decision
    return {
        "title": f"还不能受理：{decision.reasons[0].message.split('。')[0]}",
        "lines": ["没有受理，申请还在等；填写的内容都还在。", *(one.message for one in decision.reasons)],
        "clauses": [
            chip(one.clause, "" if one.clause else "退款要交的材料和付款方式") for one in decision.reasons[:1]
        ],
        "options": [],
        "number": decision_number(answer.decision_id),
        "number_href": decision_href(answer.decision_id),
        "rule_version": decision.rule_version,
        "print_href": None,
        "folded": True,
    }

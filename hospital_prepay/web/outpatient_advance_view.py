"""Advances and their lists as the pages show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form
from hospital_prepay.services.outpatient import advances
from hospital_prepay.services.outpatient.advance_review import Advance, AdvanceDetail, AdvanceListRow, Advances
from hospital_prepay.web.fund_words import Step, done_by, is_my_turn, stranded, turn_lines
from hospital_prepay.web.outpatient_filing_view import CLAUSE
from hospital_prepay.web.outpatient_steps import entry, forms_of, papers, turn
from hospital_prepay.web.outpatient_view import account_href

ROOT: Final = "/finance/outpatient/advances"
STATES: Final = {
    "made": ("wait", "做好了，待报送"),
    "submitted": ("info", "已报送，待补回"),
    "reimbursed": ("ok", "财政已补回"),
    "refused": ("stop", "已退回"),
}
WITHDRAWN: Final = ("idle", "已撤回")
_SHOWN: Final = 200


def list_page(found: Advances, opened: str, form: Form | None) -> dict[str, Any]:
    """The two sums, what waits for a list, and every list."""
    waiting = found.waiting
    year, own_year = advances.budget_years(current_context().clock.today())
    own = [one for one in found.advances if one.own_cost_fen]
    return {
        "sums": sums(found.remitted_fen, found.applied_fen),
        "paid_fen": sum(one.amount_fen for one in found.advances),
        "paid": len(found.advances),
        "waiting": len(waiting),
        "waiting_fen": sum(one.may_apply_fen for one in waiting),
        "own_fen": sum(one.own_cost_fen for one in own),
        "own": len(own),
        "owed": len(found.owed),
        "owed_fen": sum(one.owed_fen for one in found.owed),
        "advances": [advance_line(one) for one in found.advances[:_SHOWN]],
        "more": max(0, len(found.advances) - _SHOWN),
        "lists": [list_line(one, found.names) for one in found.lists],
        "forms": forms_of(("make",), opened, form, make={"budget_year": str(year)}),
        "year_hint": f"{year}；补做上一年的申请，填 {own_year}",
        "may_make": current_actor().may(Permission.OUTPATIENT_FILE) and bool(waiting),
        "clause": chip(CLAUSE),
    }


def sums(remitted_fen: int, applied_fen: int) -> dict[str, int]:
    """What was applied for of what was remitted, as a meter shows it."""
    return {
        "remitted_fen": remitted_fen,
        "applied_fen": applied_fen,
        "room_fen": remitted_fen - applied_fen,
        "percent": applied_fen * 100 // remitted_fen if remitted_fen else 0,
    }


def advance_line(one: Advance) -> dict[str, Any]:
    """A claim that was paid ahead."""
    if one.owed_fen:
        kind, word = ("stop", "银行退回，待再付")
    elif one.list_no is not None:
        kind, word = STATES[one.list_state or "made"]
    elif one.may_apply_fen:
        kind, word = ("wait", "等列入申请表")
    else:
        kind, word = ("info", "等登记缴款")
    return {
        "refund_no": one.refund_no,
        "href": f"/desk/refunds/claims/{one.claim_id}",
        "account_no": one.account_no,
        "account_href": account_href(one.account_no),
        "name": one.holder_name or "没有姓名",
        "at": one.advanced_at,
        "amount_fen": one.amount_fen,
        "own_fen": one.own_cost_fen,
        "applied_fen": one.applied_fen,
        "owed_fen": one.owed_fen,
        "list": None if one.list_no is None else {"no": one.list_no, "href": f"{ROOT}/{one.list_no}"},
        "state": {"kind": kind, "word": word},
    }


def state_of(one: AdvanceListRow) -> tuple[str, str]:
    """Colour and words of a list's state."""
    return WITHDRAWN if one.is_withdrawn else STATES[one.state]


def list_line(one: AdvanceListRow, names: Mapping[str, str]) -> dict[str, Any]:
    """A list among the others."""
    kind, word = state_of(one)
    return {
        "list_no": one.list_no,
        "href": f"{ROOT}/{one.list_no}",
        "budget_year": one.budget_year,
        "claims": one.claims,
        "total_fen": one.total_fen,
        "state": {"kind": kind, "word": word},
        "step": one.state,
        "by": names.get(one.made_by, one.made_by),
        "at": one.made_at,
        "document": one.document,
        "ground": one.ground,
    }


def advance_page(found: AdvanceDetail, opened: str, form: Form | None) -> dict[str, Any]:
    """One list with the form of its next step."""
    head = found.head
    offered = _offered(found)
    today = {"on": current_context().clock.today().isoformat()}
    return {
        "head": list_line(head, found.names),
        "sums": sums(found.remitted_fen, found.applied_fen),
        "steps": _steps(found),
        "turn": turn(found.turn, found.names),
        "lines": [advance_line(one) for one in found.lines],
        "owed_fen": sum(one.owed_fen for one in found.lines),
        "paid_fen": sum(one.amount_fen for one in found.lines),
        "own_fen": sum(one.own_cost_fen for one in found.lines),
        "entries": [entry(one, found.names) for one in found.entries],
        "papers": papers(f"{ROOT}/{head.list_no}/form"),
        "offered": offered,
        "opened": opened,
        "forms": forms_of(offered, opened, form, submit=today, reimburse=today),
        "problem": stranded(opened, form, offered),
        "clause": chip(CLAUSE),
    }


def _offered(found: AdvanceDetail) -> list[str]:
    state = found.head.state
    offered = [{"made": "submit", "submitted": "reimburse"}[state]] if is_my_turn(found.turn) else []
    if state in ("made", "submitted") and current_actor().may(Permission.OUTPATIENT_FILE):
        offered.append("refuse")
    return offered


def _steps(found: AdvanceDetail) -> list[Step]:
    head, names = found.head, found.names
    lines = turn_lines(found.turn, names)
    made = Step("done", "做申请表", done_by(head.made_by, head.made_at, names))
    who = names.get(head.submitted_by or "", head.submitted_by or "")
    submitted = Step("done", "报送", (f"{head.document} {head.submitted_on}", who))
    match head.state:
        case "made":
            return [made, Step("now", "报送", lines), Step("", "财政补回", ("钱到账后登记银行回单",))]
        case "submitted":
            return [made, submitted, Step("now", "财政补回", lines)]
        case "reimbursed":
            by = names.get(head.reimbursed_by or "", head.reimbursed_by or "")
            return [
                made,
                submitted,
                Step("done", "财政补回", (f"回单 {head.bank_reference} {head.reimbursed_on}", by)),
            ]
    told = (*done_by(head.ended_by, head.ended_at, names), head.ground)
    return [made, *([submitted] if head.submitted_on else []), Step("bad", state_of(head)[1], told)]

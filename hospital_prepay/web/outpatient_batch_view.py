"""Batches for the treasury as their pages show them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.money import Money
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form
from hospital_prepay.services.outpatient.batch_review import BatchDetail, Batches, BatchRow
from hospital_prepay.services.outpatient.ended import NOT_APPROVED
from hospital_prepay.services.outpatient.escheat import PART_LABELS, Part
from hospital_prepay.services.outpatient.list_papers import printable
from hospital_prepay.services.outpatient.proposals import Proposal, due_before
from hospital_prepay.web.fund_words import Step, done_by, is_my_turn, stranded, turn_lines
from hospital_prepay.web.outpatient_filing_view import CLAUSE
from hospital_prepay.web.outpatient_steps import entry, forms_of, turn

ROOT: Final = "/finance/outpatient/batches"
STATES: Final = {
    "proposed": ("wait", "已提出，待冻结"),
    "frozen": ("wait", "名单已冻结，复核中"),
    "approved": ("warn", "已批准，正在入账"),
    "booked": ("held", "已入账，待缴款"),
    "remitted": ("ok", "已上缴财政"),
    "dropped": ("idle", "已作废"),
}
STALE: Final = ("stop", "名单要重做")
_STEPS: Final = ("提出", "冻结名单", "三个人复核", "批准并入账", "缴款")
_LATER: Final = {
    "三个人复核": ("三个部分三个人，冻结的人不算",),
    "批准并入账": ("12 月 31 日起才能批准", "冻结、复核的人不能批准"),
    "缴款": ("批准的人不能登记",),
}
_AT: Final = {"proposed": 1, "frozen": 2, "approved": 3, "booked": 4, "remitted": 5}
_FORMS: Final = {"proposed": "freeze", "frozen": "approve", "booked": "remit"}
_HELD_BACK: Final = {
    "open": ("超过三年，没登记原因", "没通知到或没登记退不了的原因：先联系，再登记、备案", "open"),
    "unclearable": ("超过三年，没备案", "登记了原因：先备案再上缴", "unclearable"),
}


def list_page(found: Batches, opened: str, form: Form | None) -> dict[str, Any]:
    """What is due and why not more, and every batch."""
    proposal = found.proposal
    may = current_actor().may(Permission.OUTPATIENT_FILE)
    live = [one for one in found.batches if one.on_day == proposal.on and one.state != "dropped"]
    lines = {
        one.batch_no: batch_line(one, found.names, is_stale=one.batch_no in found.stale) for one in found.batches
    }
    return {
        "due": due(proposal),
        "boundary": boundary(proposal.on),
        "held_back": [
            {
                "label": label,
                "words": words,
                "href": f"{ROOT.rpartition('/')[0]}/accounts?state={shown}&until={boundary(proposal.on)['last_due']}",
                "accounts": proposal.held_back[state][0],
                "fen": proposal.held_back[state][1],
            }
            for state, (label, words, shown) in _HELD_BACK.items()
            if state in proposal.held_back
        ],
        "live": lines.get(live[0].batch_no) if live else None,
        "batches": list(lines.values()),
        "missed": [
            {"batch_no": batch_no, "href": f"{ROOT}/{batch_no}", "accounts": count}
            for batch_no, count in found.missed.items()
            if count
        ],
        "forms": forms_of(("propose",), opened, form, propose={"on": proposal.on.isoformat()}),
        "may_propose": may and not live,
        "clause": chip(CLAUSE),
    }


def due(proposal: Proposal) -> dict[str, Any]:
    """The figures of a proposal."""
    return {"on": proposal.on, "accounts": proposal.accounts, "fen": proposal.total.fen}


def boundary(on: date) -> dict[str, date]:
    """The last day of a last movement that is due on ``on``, and the first that isn't: exactly three years."""
    exactly = due_before(on)
    return {"on": on, "exactly": exactly, "last_due": exactly.fromordinal(exactly.toordinal() - 1)}


def batch_line(one: BatchRow, names: Mapping[str, str], *, is_stale: bool = False) -> dict[str, Any]:
    """A batch in a list; ``is_stale``: an account left its list, so that it can only be made anew."""
    kind, word = STALE if is_stale else STATES[one.state]
    return {
        "batch_no": one.batch_no,
        "href": f"{ROOT}/{one.batch_no}",
        "on": one.on_day,
        "accounts": one.accounts,
        "total_fen": one.total_fen,
        "state": {"kind": kind, "word": word},
        "step": one.state,
        "is_stale": is_stale,
        "sha256": one.sha256,
        "by": "定时任务" if one.proposed_by == "scheduler" else names.get(one.proposed_by, one.proposed_by),
        "at": one.proposed_at,
        "voucher_no": one.voucher_no,
        "bank_reference": one.bank_reference,
        "remitted_on": one.remitted_on,
        "ground": one.ended_ground,
    }


def batch_page(found: BatchDetail, opened: str, form: Form | None, booked_rows: int | None) -> dict[str, Any]:
    """One batch with the form of its next step. ``booked_rows`` are the accounts that a booking at work has done."""
    batch, names = found.batch, found.names
    offered = _offered(found)
    if booked_rows is not None and "book" in offered:
        offered.remove("book")
    done = {one.part: one for one in found.reviews}
    return {
        "batch": {
            **batch_line(batch, names, is_stale=found.left.count > 0),
            **_reviewed_mark(found),
            "words": Money(batch.total_fen).in_words(),
        },
        "boundary": boundary(batch.on_day),
        "steps": _steps(found),
        "turn": _turn(found),
        "parts": [_part(part, done.get(part.value), names, batch.state) for part in Part] if batch.sha256 else [],
        "unsound": {"dropped": "已作废，不能交给财政", "frozen": NOT_APPROVED}.get(batch.state, ""),
        "left": left_of(found),
        "missed": found.missed,
        "no_pdf": printable(batch.accounts),
        "entries": [entry(one, names) for one in found.entries],
        "booked_rows": booked_rows,
        "offered": offered,
        "opened": opened,
        "forms": forms_of(offered, opened, form, remit={"remitted_on": current_context().clock.today().isoformat()}),
        "open_parts": [{"value": one.value, "label": one.label} for one in Part if one.value not in done],
        "problem": stranded(opened, form, offered),
        "waits_for": batch.on_day if _is_early(found) and batch.state not in ("remitted", "dropped") else None,
        "clause": chip(CLAUSE),
    }


def _reviewed_mark(found: BatchDetail) -> dict[str, Any]:
    is_ready = _is_reviewed(found) and not found.left.count
    return {"state": {"kind": "wait", "word": "已复核，待批准"}} if is_ready else {}


def _is_reviewed(found: BatchDetail) -> bool | None:
    """Whether the frozen list has its three reviews; ``None`` for a list that isn't frozen."""
    return len(found.reviews) == len(Part) if found.batch.state == "frozen" else None


def _offered(found: BatchDetail) -> list[str]:
    """The forms that the viewer may use now: the next step first, then giving up."""
    state = found.batch.state
    offered = []
    if _is_reviewed(found) is False:
        if is_my_turn(found.review) and not found.left.count and not _is_kept(found):
            offered.append("review")
    elif is_my_turn(found.turn) and state in _FORMS and not found.left.count:
        offered.append(_FORMS[state])
    if state == "approved" and is_my_turn(found.turn):
        offered.append("book")
    if _is_early(found):
        offered = [one for one in offered if one in ("freeze", "review")]
    if state in ("proposed", "frozen") and _may_drop(found):
        offered.append("drop")
    return offered


def _is_kept(found: BatchDetail) -> bool:
    """Whether the viewer alone may still approve the list, and so must not review it."""
    return _is_reviewed(found) is False and found.kept == current_actor().actor_id


def _turn(found: BatchDetail) -> dict[str, Any]:
    shown = turn(found.review if _is_reviewed(found) is False else found.turn, found.names)
    if _is_kept(found):
        shown["why_not"] = "能批准这一批的人只剩您一个，复核的人不能批准：请由别人复核，您留着批准。"
    return shown


def _may_drop(found: BatchDetail) -> bool:
    """Whoever files or approves; once a review stands, an approver who didn't freeze the list."""
    actor = current_actor()
    may_approve = actor.may(Permission.OUTPATIENT_APPROVE)
    if found.reviews:
        return may_approve and actor.actor_id != found.batch.frozen_by
    return may_approve or actor.may(Permission.OUTPATIENT_FILE)


def left_of(found: BatchDetail) -> dict[str, Any] | None:
    """Who came for an account on the list, and whose it is to give the list up; nothing where nobody came."""
    if not found.left.count:
        return None
    first = [
        {
            "account_no": one.account_no,
            "href": f"/desk/refunds/claims/{one.claim_id}",
            "words": "正在办" if one.is_claimed else "办过了",
        }
        for one in found.left.first
    ]
    who = "请财务审批（不是冻结名单的人）作废" if found.reviews else "请财务或财务审批作废"
    return {
        "count": found.left.count,
        "first": first,
        "who": "请作废" if _may_drop(found) else who,
        "more": found.left.count - len(first),
    }


def _is_early(found: BatchDetail) -> bool:
    """Whether the 31 December is still to come: until then nothing is approved, booked or remitted."""
    return current_context().clock.today() < found.batch.on_day


def _steps(found: BatchDetail) -> list[Step]:
    batch, names = found.batch, found.names
    proposer = {**names, "scheduler": "定时任务"}
    done = (
        done_by(batch.proposed_by, batch.proposed_at, proposer),
        done_by(batch.frozen_by, batch.frozen_at, names),
        tuple(
            f"{PART_LABELS[Part(one.part)]}：{names.get(one.reviewed_by, one.reviewed_by)}"
            for one in sorted(found.reviews, key=lambda one: list(Part).index(Part(one.part)))
        ),
        done_by(batch.approved_by, batch.approved_at, names),
        (
            f"缴款书 {batch.voucher_no}",
            f"银行回单 {batch.bank_reference}",
            f"{names.get(batch.remitted_by or '', '')} {batch.remitted_on}",
        ),
    )
    if batch.state == "dropped":
        ended = [Step("done", title, lines) for title, lines in zip(_STEPS[:2], done, strict=False) if lines]
        return [*ended, Step("bad", "已作废", (*done_by(batch.ended_by, batch.ended_at, names), batch.ended_ground))]
    at = 3 if _is_reviewed(found) else _AT[batch.state]
    steps = [Step("done", title, lines) for title, lines in zip(_STEPS[:at], done, strict=False)]
    if at == len(_STEPS):
        return steps
    now = turn_lines(found.review if at == 2 else found.turn, names)
    if at == 2:
        now = (f"已复核 {len(found.reviews)} / {len(Part)}", *now, *_too_few(found), *_kept_words(found))
    if at == 3 and found.left.count:
        now = ("名单里有人来办了退款，不能批准，要作废重做",)
    elif at in (3, 4) and found.turn and not found.turn.holders:
        now = (*now, "或作废这一批，由别人重做" if at == 3 else "缴款登记前，钱先不要付")
    return [*steps, Step("now", _STEPS[at], now), *(Step("", one, _LATER.get(one, ())) for one in _STEPS[at + 1 :])]


def _too_few(found: BatchDetail) -> tuple[str, ...]:
    """What to do where fewer people may review than reviews are missing."""
    able, missing = len(found.review.holders) if found.review else 0, len(Part) - len(found.reviews)
    return (f"还差 {missing} 个人，能复核的只有 {able} 个；请系统管理开账号",) if able < missing else ()


def _kept_words(found: BatchDetail) -> tuple[str, ...]:
    """Who must be left to approve, or that nobody is."""
    if found.kept:
        return (f"{found.names.get(found.kept, found.kept)}留着批准，不复核",)
    if found.turn and not found.turn.holders:
        return ("没有人能批准了：请系统管理开账号，或作废这一批，由别人重做",)
    return ()


def _part(part: Part, done: Any, names: Mapping[str, str], state: str) -> dict[str, Any]:
    missing = ("idle", "没有复核") if state == "dropped" else ("wait", "等复核")
    kind, word = missing if done is None else ("ok", "已复核")
    return {
        "label": part.label,
        "mark": {"kind": kind, "word": word},
        "who": None if done is None else names.get(done.reviewed_by, done.reviewed_by),
        "at": None if done is None else done.reviewed_at,
        "note": "" if done is None else done.note,
    }

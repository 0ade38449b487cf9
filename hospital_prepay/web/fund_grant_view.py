"""What the pages of the grants show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.distribution import may_distribute
from hospital_prepay.http.current import current_actor
from hospital_prepay.http.forms import Form
from hospital_prepay.services.fund.module import STEPS
from hospital_prepay.services.fund.predecessors import netting_day, owed_predecessor
from hospital_prepay.services.fund.review import (
    REQUEST_STEPS,
    STOPPED_STEPS,
    FundOverview,
    GrantDetail,
    GrantEntry,
    GrantState,
    grant_barred,
    request_barred,
)
from hospital_prepay.services.fund.spending import request_number
from hospital_prepay.web.decision_view import decision_href, decision_number
from hospital_prepay.web.fund_approval_view import may_take_back
from hospital_prepay.web.fund_confirmation import Confirmation
from hospital_prepay.web.fund_papers import paper_links
from hospital_prepay.web.fund_words import (
    Step,
    done_by,
    grant_line,
    grant_title,
    is_my_turn,
    keyed,
    request_line,
    stands_note,
    stranded,
    turn_lines,
    why_not_mine,
)

_NEXT: Final = {
    "applied": ("登记批复", "等医保部门批复，由财务审批登记"),
    "approved": ("记到账", "等银行到账，由财务记回单"),
    "withheld": ("恢复拨付", "医保部门暂停拨付，恢复后由财务审批登记"),
    "received": ("使用、归还", "由科室或财务申请用款；到期前由财务归还或冲抵"),
    "cleared": ("没有了", "已经还清"),
    "declined": ("没有了", "没有批准"),
    "withdrawn": ("没有了", "申请已撤回；要的话重新申请"),
}
_WAITING: Final = {
    "asked": "等科室负责人同意",
    "department": "等财务审批",
    "reserved": "已预留，等财务付款",
    "paid": "已付，等财务补票据",
}
# It is approved, and its money comes by netting: what would be received is the difference alone.
_TO_NET: Final = {"kind": "wait", "word": "等轧差"}
_PAUSED: Final = {"kind": "stop", "word": "暂停"}
_ORDER: Final = ("applied", "approved", "received", "cleared")


def overview_page(found: FundOverview) -> dict[str, Any]:
    """Every grant, and what waits for whom."""
    actor = current_actor()
    grants = [_overview_line(one, found) for one in found.grants]
    counts = Counter(one.state for one in found.requests)
    stopped = {one.grant_id for one in found.grants if one.regime in found.stands}
    waiting = [
        {
            "count": counts[state],
            "words": words,
            "href": f"/finance/fund/requests?tab={state}",
            "mine": sum(
                one.state == state
                and actor.may(REQUEST_STEPS[state])
                and actor.actor_id not in request_barred(one)
                and not (state in STOPPED_STEPS and one.grant_id in stopped)
                for one in found.requests
            ),
        }
        for state, words in _WAITING.items()
        if counts[state]
    ]
    refused = [request_line(one, found.names) for one in found.requests if one.state == "refused"]
    return {
        "grants": grants,
        "waiting": waiting,
        "refused": refused[:5],
        "refused_count": len(refused),
        "may_ask": actor.may(Permission.FUND_ASK)
        and any(one.state == "received" and one.regime not in found.stands for one in found.grants),
        "leads": any(may_distribute(one.regime) for one in found.grants),
        "to_record": sum(
            one.state == "applied" and actor.may(Permission.FUND_RECORD) and actor.actor_id not in grant_barred(one)
            for one in found.grants
        ),
    }


def _overview_line(grant: GrantState, found: FundOverview) -> dict[str, Any]:
    """A grant with who is next; while a ground of recall stands, what is in use is paused and says why."""
    stands, netting = found.stands.get(grant.regime), _netting(grant, found.grants)
    line = {**grant_line(grant), "next": _next(grant)[1], "netting": netting, "stands": None}
    if stands is not None and grant.state in ("approved", "withheld", "received"):
        return {**line, "state": _PAUSED, "stands": stands_note(stands)}
    return {**line, "state": _TO_NET} if netting and grant.state == "approved" else line


def _next(grant: GrantState) -> tuple[str, str]:
    """What comes next and who does it; where the place nets, nothing is given back or offset of itself."""
    day = netting_day(grant) if grant.state == "received" else None
    if day is None:
        return _NEXT[grant.state]
    return ("使用、轧差", f"由科室或财务申请用款；{day} 前由财务和下一年的额度轧差")


def _netting(grant: GrantState, grants: Sequence[GrantState]) -> dict[str, str] | None:
    """What a grant that waits to be netted waits for, on both sides of it; ``None`` for every other."""
    for new in grants:
        old = owed_predecessor(grants, new) if new.state == "approved" and new.kind == "basic" else None
        if old is not None and grant.grant_id in (old.grant_id, new.grant_id):
            other = old if grant is new else new
            return {"words": f"由财务办轧差：和 {grant_title(other)}对抵，只收付差额", "href": netting_href(old, new)}
    return None


def netting_href(old: GrantState, new: GrantState) -> str:
    """The page that nets two grants."""
    return f"/finance/fund/recall/netting/{old.grant_id}/{new.grant_id}"


def grant_page(
    found: GrantDetail, today: date, name: str, form: Form | None, confirm: Confirmation | None
) -> dict[str, Any]:
    """One grant. ``name`` is the form that came back, with ``form`` as it was typed."""
    actor, grant = current_actor(), found.grant
    offered = _offered(found)
    amount = Money(grant.approved_fen or grant.applied_fen)
    return {
        "grant": {**grant_line(grant), **_state(found)},
        "steps": _steps(found),
        "reserved_count": sum(one.state == "reserved" for one in found.requests),
        "paid_fen": sum(one.total_fen for one in found.requests if one.state in ("paid", "evidenced")),
        "facts": _facts(found),
        "requests": [request_line(one, found.names) for one in found.requests],
        "attempts": sum(one.state == "refused" for one in found.requests),
        "entries": [_entry(one, actor.may(Permission.LEDGER_VIEW)) for one in found.entries],
        "offered": offered,
        "opened": name,
        "forms": {
            one: keyed(form if one == name else None, **_defaults(one, grant, today))
            for one in (*offered, "module", name)
            if one
        },
        "confirm": confirm,
        "amount": str(amount),
        "in_words": amount.in_words(),
        "module": [
            {
                "word": STEPS[one.step],
                "module_no": one.module_no,
                "on": one.on_day,
                "note": one.note,
                "by": found.names.get(one.recorded_by, one.recorded_by),
            }
            for one in found.module
        ],
        "module_steps": [{"value": value, "label": label} for value, label in STEPS.items()],
        "may_module": actor.may(Permission.FUND_RECORD) or actor.may(Permission.FUND_APPLY),
        "distributed_fen": grant.distributed_fen,
        "may_distribute": grant.state in ("received", "cleared")
        and grant.kind == "basic"
        and may_distribute(grant.regime),
        "papers": paper_links(grant.regime, grant.decision_id) if found.application else [],
        "emergencies": [{"value": one.emergency_id, "label": one.document} for one in found.emergencies],
        "problem": stranded(name, form, [*offered, "module", "correction"]),
        "why_not": why_not_mine(found.turn),
        "next": _what_is_next(found),
        "nets_by": netting_day(grant),
        "may_ask": actor.may(Permission.FUND_ASK) and grant.state == "received" and found.stands is None,
        "stands": stands_note(found.stands),
        "to_net": _to_net(found),
    }


def _state(found: GrantDetail) -> dict[str, Any]:
    """The state where it is another than the grant's own: paused by a ground of recall, or to be netted."""
    if found.stands is not None and found.grant.state in ("approved", "withheld", "received"):
        return {"state": _PAUSED}
    return {"state": _TO_NET} if found.to_net else {}


def _what_is_next(found: GrantDetail) -> tuple[str, str]:
    if found.stands is not None and found.grant.state == "received":
        return "交回", "收回情形没有办结：由财务归还或冲抵；有预留的先退回预留"
    if found.grant.state == "cleared" and any(one.state == "paid" for one in found.requests):
        return "补票据", "应还医保已经还清；付过的还差发票，由财务补"
    return ("轧差", "和上年预付轧差，由财务办") if found.to_net else _next(found.grant)


def _to_net(found: GrantDetail) -> dict[str, Any] | None:
    """The grant of the year before that this one is to be netted against, with the page that does it."""
    old = found.to_net
    if old is None:
        return None
    return {"title": grant_title(old), "owed_fen": old.owed_fen, "href": netting_href(old, found.grant)}


def left_words(grant: GrantState) -> str:
    """What is still owed after something was given back."""
    return (
        "全部还清，这笔预付金已清算。" if grant.state == "cleared" else f"应还医保还有 {Money(grant.owed_fen)} 元。"
    )


def _offered(found: GrantDetail) -> list[str]:
    """The forms that the viewer may use now, the likeliest first."""
    state = found.grant.state
    taken = ["take_back"] if may_take_back(found.grant) else []
    return [*_of_turn(found, state), *taken]


def _of_turn(found: GrantDetail, state: str) -> list[str]:
    if not is_my_turn(found.turn):
        return ["withhold"] if state == "approved" and current_actor().may(Permission.FUND_RECORD) else []
    mine = {
        "applied": ["approval"],
        "approved": ["receipt"],
        "withheld": ["let_go"],
        "received": ["return", "offset"],
    }
    return mine.get(state, [])


def _defaults(name: str, grant: GrantState, today: date) -> dict[str, str]:
    match name:
        case "approval":
            return {"granted": "yes", "approved": Money(grant.applied_fen).plain(), "approved_on": today.isoformat()}
        case "receipt":
            return {"received_on": today.isoformat()}
        case "return":
            return {"returned_on": today.isoformat()}
        case "offset":
            return {"value_on": today.isoformat()}
        case "module":
            return {"on_day": today.isoformat(), "platform_no": grant.module_no}
    return {}


def _steps(found: GrantDetail) -> list[Step]:
    grant, names = found.grant, found.names
    declined, withheld = grant.state == "declined", grant.state == "withheld"
    withdrawn = grant.state == "withdrawn"
    before = {"declined": "applied", "withdrawn": "applied", "withheld": "approved"}
    at = _ORDER.index(before.get(grant.state, grant.state))
    turn = turn_lines(found.turn, names)
    receipt = next((one for one in found.entries if one.kind in ("fund_receipt", "fund_netting")), None)
    recorded = done_by(grant.recorded_by, grant.recorded_at, names)
    used = sum(one.state in ("paid", "evidenced") for one in found.requests)
    received = done_by(receipt.posted_by, receipt.posted_at, names) if receipt else ()
    received += ("和上年轧差",) if receipt and receipt.kind == "fund_netting" else ()
    spending = "科室、财务申请，另两人同意和审批" if grant.state == "received" else ""
    return [
        Step("done", "申请", done_by(grant.applied_by, grant.applied_at, names)),
        Step("bad", "申请已撤回", ())
        if withdrawn
        else Step("bad", "没有批准", recorded)
        if declined
        else _step("批复", at >= 1, at == 0, recorded, turn),
        Step("bad", "暂停拨付", turn)
        if withheld
        else _step("轧差" if found.to_net else "到账", at >= 2, at == 1, received, turn),
        Step(
            "done" if at == 3 else "now" if at == 2 else "",
            "使用",
            tuple(words for words in (f"已付 {used} 份" if at >= 2 else "", spending) if words),
        ),
        Step("done" if at == 3 else "", "清算", _cleared_lines(grant, turn)),
    ]


def _step(title: str, done: bool, now: bool, who: tuple[str, ...], turn: tuple[str, ...]) -> Step:
    return Step("done" if done else "now" if now else "", title, who if done else turn if now else ())


def _cleared_lines(grant: GrantState, turn: tuple[str, ...]) -> tuple[str, ...]:
    if grant.state == "cleared":
        return (f"{grant.cleared_at:%Y-%m-%d} 应还归零",) if grant.cleared_at else ()
    return turn[:1] if grant.state == "received" else ()


def _arrived(found: GrantDetail) -> list[tuple[str, str]]:
    """The day and the slip of the receipt that stands: the last one, unless it was taken back."""
    kinds = ("fund_receipt", "fund_receipt_undone", "fund_netting")
    last = next((one for one in reversed(found.entries) if one.kind in kinds and one.owed_fen), None)
    slip = (
        found.slips.get(last.entry_no) if last and last.kind != "fund_receipt_undone" and last.owed_fen > 0 else None
    )
    return [] if slip is None else [("到账日", slip.value_on.isoformat()), ("到账的银行回单", slip.shown)]


def _facts(found: GrantDetail) -> list[dict[str, Any]]:
    grant = found.grant
    pairs = [
        ("批复文号", grant.approval_document),
        ("批复日", grant.approved_on and grant.approved_on.isoformat()),
        ("国家平台编号", grant.module_no),
        ("暂停或恢复的依据", grant.withheld_ground),
        *_arrived(found),
    ]
    if found.procurement is not None:
        document = found.procurement
        pairs += [
            ("集采文件", f"{document.document}（{document.issued_on}）"),
            ("集采批次", document.batch),
            ("文件写的归还日", document.return_on.isoformat() if document.return_on else "没有写"),
        ]
    facts: list[dict[str, Any]] = [{"label": label, "value": value, "href": None} for label, value in pairs if value]
    if found.application is not None:
        where = f"/finance/fund/apply/{grant.decision_id}"
        facts.append({"label": "申请和材料", "value": "打开", "href": where})
    href = decision_href(grant.decision_id)
    made = "申请时的自查" if grant.kind == "basic" else "登记时的依据"
    return [*facts, {"label": made, "value": decision_number(grant.decision_id), "href": href}]


def _entry(one: GrantEntry, may_open: bool) -> dict[str, Any]:
    kind, _, key = one.source.partition(":")
    about_request = kind == "fund_request"
    return {
        "entry_no": one.entry_no,
        "href": f"/finance/ledger/{one.entry_no}" if may_open else None,
        "at": one.posted_at,
        "words": one.summary,
        "request": {"number": request_number(key), "href": f"/finance/fund/requests/{key}"}
        if about_request
        else None,
        "unspent_fen": one.unspent_fen,
        "reserved_fen": one.reserved_fen,
        "owed_fen": one.owed_fen,
    }

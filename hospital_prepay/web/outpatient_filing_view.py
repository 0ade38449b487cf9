"""Marks and filings as their pages show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.rules.outpatient.reach import Channel, Reach
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form
from hospital_prepay.http.paging import page_of
from hospital_prepay.services.outpatient.filing import Marked, Reason
from hospital_prepay.services.outpatient.filing_review import PAGE, FilingDetail, FilingRow, Filings, MarkedAccount
from hospital_prepay.services.outpatient.left_out import LeftOut
from hospital_prepay.services.outpatient.list_papers import printable
from hospital_prepay.services.outpatient.register import Contact, account_card
from hospital_prepay.web.fund_words import Step, done_by, is_my_turn, stranded, turn_lines
from hospital_prepay.web.outpatient_steps import forms_of, papers, turn
from hospital_prepay.web.outpatient_view import account_href, account_mark, head, quoted, state_mark

ROOT: Final = "/finance/outpatient/filings"
SUBMIT_FIELDS: Final = {"authority": "reference", "submitted_on": "on"}
ACKNOWLEDGE_FIELDS: Final = {"acknowledgement_no": "reference", "acknowledged_on": "on"}
STATES: Final = {
    "made": ("wait", "做好了，待报送"),
    "submitted": ("info", "已报送，待回执"),
    "acknowledged": ("ok", "已备案"),
    "withdrawn": ("idle", "已撤回"),
}
_NAMED: Final = 5
_REASONS: Final = ("送卫生健康部门备案", "审计或复核要核对", "其他")
CLAUSE: Final = "guizhou-deposit-2025/8"


def list_page(found: Filings, opened: str, form: Form | None) -> dict[str, Any]:
    """Marked accounts and packs; the forms for who may."""
    may = current_actor().may(Permission.OUTPATIENT_FILE)
    return {
        "marked": [_line(*one, packed=True) for one in found.marked],
        "accounts": found.accounts,
        "total_fen": found.total_fen,
        "next_accounts": found.next_accounts,
        "next_fen": found.next_fen,
        "page": page_of(len(found.marked), found.accounts, "个", PAGE),
        "filings": [filing_line(one, found.names) for one in found.filings],
        "forms": forms_of(("mark", "make"), opened, form),
        "opened": opened,
        "reasons": [{"value": one.value, "label": one.label} for one in Reason],
        "reaches": [{"name": f"reach-{one.value}", "label": one.label} for one in Reach],
        "clause": chip(CLAUSE),
        "may_file": may,
        "may_make": may and found.next_accounts > 0,
    }


def markable(found: Marked, without: LeftOut, named: int) -> dict[str, Any]:
    """What a mark would come to, and which accounts it leaves out; ``named`` were asked for by number."""
    others = _others(found, named)
    return {
        "named_left": _first(without.left, found.left),
        "named_reached": _first(without.reached, found.reached),
        "named_others": _first([f"{number}（{why}）" for number, why in without.others], others),
        "accounts": found.accounts,
        "left": found.left,
        "reached": found.reached,
        "others": others,
        "unknown": _unknown(found),
        "left_href": "/finance/outpatient/accounts?state=open&told=left",
        "contact_href": "/finance/outpatient/campaigns",
    }


def marked_words(found: Marked, named: int) -> str:
    """What was marked and what wasn't, and where to go on."""
    parts = [f"登记了 {found.accounts:,} 个账户"] if found.accounts else ["没有登记账户"]
    if found.left:
        parts.append(f"{found.left:,} 个还有渠道没试，没有登记，请在“通知”里接着联系患者")
    if found.reached:
        parts.append(f"{found.reached:,} 个已经联系上，没有登记，请通知患者来办退款；一直不来的，按账户号登记")
    if unknown := _unknown(found):
        parts.append(f"{unknown}，请核对账户号")
    if others := _others(found, named):
        parts.append(f"另外 {others:,} 个没有登记：没有余额、正在退款或不是待清退")
    return "；".join(parts) + ("。下一步：做备案材料。" if found.accounts else "。")


def _first(numbers: Sequence[str], count: int) -> str:
    """The numbers that are named, and how many more there are."""
    more = count - len(numbers)
    return "、".join(numbers) + (f"，另有 {more:,} 个" if numbers and more > 0 else "")


def _others(found: Marked, named: int) -> int:
    return max(named - found.accounts - found.left - found.reached - len(found.unknown), 0)


def _unknown(found: Marked) -> str:
    """The numbers that the register doesn't have; of many the first."""
    if not found.unknown:
        return ""
    more = " 等" if len(found.unknown) > _NAMED else ""
    return f"{len(found.unknown):,} 个账户号台账里没有：{'、'.join(found.unknown[:_NAMED])}{more}"


def filing_line(one: FilingRow, names: Mapping[str, str]) -> dict[str, Any]:
    """A pack in a list."""
    kind, word = STATES[one.state]
    return {
        "filing_no": one.filing_no,
        "href": f"{ROOT}/{one.filing_no}",
        "accounts": one.accounts,
        "total_fen": one.total_fen,
        "state": {"kind": kind, "word": word},
        "by": names.get(one.made_by, one.made_by),
        "at": one.made_at,
        "authority": one.authority,
        "submitted_on": one.submitted_on,
        "acknowledgement_no": one.acknowledgement_no,
        "acknowledged_on": one.acknowledged_on,
        "is_withdrawn": one.state == "withdrawn",
        "ground": one.ended_ground,
    }


def filing_page(found: FilingDetail, opened: str, form: Form | None) -> dict[str, Any]:
    """One pack with the form of its next step."""
    filing, actor = found.filing, current_actor()
    offered = _offered(found)
    today = current_context().clock.today().isoformat()
    return {
        "filing": {
            **filing_line(filing, found.names),
            "sha256": filing.sha256,
            "risk_note": filing.risk_note,
            "step": filing.state,
        },
        "steps": _steps(found),
        "turn": turn(found.turn, found.names),
        "reasons": [{"label": kind, "accounts": count, "fen": fen} for kind, count, fen in found.reasons],
        "lines": [_line(*one, packed=False) for one in found.lines],
        "page": page_of(len(found.lines), filing.accounts, "个", PAGE),
        "offered": offered,
        "opened": opened,
        "forms": forms_of(offered, opened, form, submit={"on": today}, acknowledge={"on": today}),
        "problem": stranded(opened, form, offered),
        "papers": papers(f"{ROOT}/{filing.filing_no}/letter"),
        "no_pdf": printable(filing.accounts),
        "may_reveal": actor.may(Permission.REVEAL_IDENTITY) and actor.may(Permission.OUTPATIENT_FILE),
        "clause": chip(CLAUSE),
    }


def identity_page(found: FilingDetail, form: Form) -> dict[str, Any]:
    """Why somebody wants the list in full."""
    return {
        "filing": {
            "filing_no": found.filing.filing_no,
            "href": f"{ROOT}/{found.filing.filing_no}",
            "accounts": found.filing.accounts,
        },
        "form": form,
        "reasons": [{"value": words, "label": words, "note": None} for words in _REASONS],
    }


def unmark_page(account_no: str, form: Form | None) -> dict[str, Any] | None:
    """The form that takes a mark back; ``None`` when there is none to take back."""
    card = account_card(current_context(), current_actor(), account_no)
    if form is None and card.account.state not in ("unclearable", "filed"):
        return None
    return {
        "account": {
            **head(card),
            "state": account_mark(card.account),
            "reason": card.account.unclearable_reason,
            "balance_fen": card.account.balance_fen,
        },
        "href": f"{ROOT}/marks/of/{quoted(account_no)}",
        "form": forms_of(("unmark",), "unmark", form)["unmark"],
    }


def _offered(found: FilingDetail) -> list[str]:
    state, may_file = found.filing.state, current_actor().may(Permission.OUTPATIENT_FILE)
    offered = []
    if is_my_turn(found.turn):
        offered.append({"made": "submit", "submitted": "acknowledge"}[state])
    if state in ("made", "submitted") and may_file:
        offered.append("withdraw")
    return offered


def _steps(found: FilingDetail) -> list[Step]:
    filing, names = found.filing, found.names
    lines = turn_lines(found.turn, names)
    made = Step("done", "做材料", done_by(filing.made_by, filing.made_at, names))
    who = names.get(filing.submitted_by or "", filing.submitted_by or "")
    submitted = Step("done", "报送", (f"{filing.authority} {filing.submitted_on}", who))
    match filing.state:
        case "made":
            return [made, Step("now", "报送", lines), Step("", "登记回执", ("做材料的人不能登记",))]
        case "submitted":
            return [made, submitted, Step("now", "登记回执", lines)]
        case "acknowledged":
            recorded = names.get(filing.recorded_by or "", filing.recorded_by or "")
            evidence = f"{filing.acknowledgement_no} {filing.acknowledged_on}"
            return [made, submitted, Step("done", "登记回执", (evidence, recorded))]
    told = (*done_by(filing.ended_by, filing.ended_at, names), filing.ended_ground)
    return [made, *([submitted] if filing.submitted_on else []), Step("bad", "已撤回", told)]


def _line(one: MarkedAccount, contact: Contact, *, packed: bool) -> dict[str, Any]:
    kind, _, evidence = one.reason.partition("：")
    line: dict[str, Any] = {
        "account_no": one.account_no,
        "href": account_href(one.account_no),
        "name": one.holder_name or "没有姓名",
        "certificate": contact.certno,
        "phone": contact.phone,
        "channel": Channel(one.channel).label,
        "last_movement_on": one.last_movement_on,
        "kind": kind,
        "evidence": evidence,
        "balance_fen": one.balance_fen,
        "state": state_mark(one.state),
    }
    if packed:
        line["filing"] = None if one.filing_no is None else {"no": one.filing_no, "href": f"{ROOT}/{one.filing_no}"}
        may = current_actor().may(Permission.OUTPATIENT_FILE)
        line["unmark_href"] = f"{ROOT}/marks/of/{quoted(one.account_no)}" if may else None
    return line

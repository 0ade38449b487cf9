"""What the counter shows of an account that was found, and of a claim that is taken down."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, urlencode

from marshmallow import ValidationError

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.money import ZERO, Money
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, Route, needed_papers
from hospital_prepay.domain.rules.outpatient.kinds import MoneyKind
from hospital_prepay.domain.rules.outpatient.life import EMPTY, LISTED_LABELS, AccountState, ClaimState
from hospital_prepay.domain.rules.outpatient.reach import Channel
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form
from hospital_prepay.schemas.base import Yuan
from hospital_prepay.schemas.outpatient_claims import PAPER, REFERENCE
from hospital_prepay.services.outpatient.claim_review import (
    HELD,
    MOST_FOUND,
    FoundAccount,
    FoundOwner,
    Owner,
    ways_of,
)
from hospital_prepay.services.outpatient.requests import ListedRequest
from hospital_prepay.web.decision_view import decision_href, decision_number
from hospital_prepay.web.fund_words import keyed
from hospital_prepay.web.outpatient_claim_lists import HELD_MARK
from hospital_prepay.web.outpatient_claim_lists import ROOT as CLAIMS
from hospital_prepay.web.outpatient_gaps import told, with_gaps
from hospital_prepay.web.outpatient_words import ACCOUNT_MARKS, CLAIM_MARKS, way_lines

Refused = tuple[Decision, str]
_ROOT: Final = "/desk/refunds"
MAY_BE_LEFT: Final = {"kind": "idle", "word": "可不交"}
# Whose name stands on the bank card: a proxy only comes for the patient, the money is never theirs.
PAYEES: Final = {
    Claimant.SELF: "患者本人",
    Claimant.PROXY: "患者本人，不是代办人",
    Claimant.HEIR: "来办的继承人",
}
WRONG_NUMBER: Final = (
    "账户登记的身份证号写错了（校验位、出生日期或地区不对），患者拿真证件也对不上。"
    "要先办身份更正：凭患者的证件原件和当年的预交金凭条（没有凭条的凭缴费记录）申请，另一个人批准后再受理；"
    "钱一直在账上。"
)
_CERTNO_DOUBTS: Final = {"resident_id": "登记有误", "certno": "不像证件号"}
_EMPTY: Final = {"kind": "idle", "word": LISTED_LABELS[EMPTY]}
_PERHAPS: Final = (Paper.LOST_CARD, Paper.SLIP)
_NOT_LOST: Final = "没有受理，没有付款；填写的内容都还在。"
_WAY_OUT: Final = {"original_closed", "staff_card", "original_first"}


def account_href(account_no: str, claimant: str = "") -> str:
    """The page of an account at the counter."""
    query = "?" + urlencode({"claimant": claimant}) if claimant else ""
    return f"{_ROOT}/accounts/{quote(account_no)}{query}"


def find_page(q: str, found: list[FoundOwner] | None, waiting: int, form: Form | None = None) -> dict[str, Any]:
    """The search, what it found, how many applications are ``waiting``, and what is wrong with what was typed."""
    return {
        "q": q,
        "form": form or Form(),
        "found": None if found is None else [_result(one) for one in found],
        "most": MOST_FOUND,
        "may_accept": current_actor().may(Permission.OUTPATIENT_ACCEPT),
        "waiting": waiting,
    }


def account_page(
    owner: Owner, claimant: Claimant, form: Form, refused: Refused | None, asked: list[ListedRequest]
) -> dict[str, Any]:
    """One account with what was ``asked`` on-line, and the form of a claim on it; an objection to the whole (``""``)
    says nothing of its fields."""
    beyond = _beyond(form)
    if (form.errors and "" not in form.errors) or (beyond and refused is None and not form.errors):
        form = with_gaps(owner, claimant, form)
    account = owner.account
    open_ = owner.open_claim
    ways = ways_of(current_context(), owner, claimant)
    return {
        "account": account_card(owner, beyond),
        "open_claim": None if open_ is None else _claim_line(open_),
        "claims": [_claim_line(one) for one in owner.claims],
        "others": [_other(one) for one in owner.others],
        "asked": [_asked(one) for one in asked],
        "claimants": [
            {
                "label": one.label,
                "href": account_href(account.account_no, one.value),
                "current": one is claimant,
                "count": None,
            }
            for one in Claimant
        ],
        "claimant": claimant,
        "papers": _papers(claimant, owner, card_lost=bool(form.entered.get("card_lost"))),
        "ways": way_lines(ways),
        "form": _filled(owner, claimant, form, ways),
        "refused": None if refused is None else _refusal(owner, claimant, refused, ways),
        "may": may_accept(owner),
        "due_fen": owner.due_fen,
        "beyond": beyond,
        "whole": Money(owner.due_fen) + beyond,
        "takes_over_confirmed": takes_over_confirmed(owner),
        "unregistered": owner.unregistered,
        "asks_phone": owner.unregistered and owner.has_phone,
        "payee": PAYEES[claimant],
    }


def _beyond(form: Form) -> Money:
    """What the form asks beyond what was remitted, as far as it is an amount."""
    try:
        return Yuan(required=True).deserialize(str(form.entered.get("beyond", "")).strip())
    except ValidationError:
        return ZERO


def account_card(owner: Owner, beyond: Money = ZERO) -> dict[str, Any]:
    """The account as every page of refunds shows it; ``beyond`` is asked above what the treasury has of it."""
    account = owner.account
    asked = Money(owner.due_fen) + beyond
    kind = MoneyKind(account.kind)
    return {
        "account_no": account.account_no,
        "href": account_href(account.account_no),
        "holder": account.holder_name or "没有姓名",
        "certno": owner.personal.certno or "没有登记",
        "certno_doubt": _CERTNO_DOUBTS.get(owner.certno_fault),
        "phone": owner.personal.phone or "没有登记",
        "kind": kind.label,
        "kind_chip": chip(kind.clause) if kind is not MoneyKind.OUTPATIENT_DEPOSIT else None,
        "channel": Channel(account.channel).label,
        "last_movement_on": account.last_movement_on,
        "state": _EMPTY if _is_empty(owner) else ACCOUNT_MARKS[AccountState(account.state)],
        "balance_fen": account.balance_fen,
        "remitted_fen": owner.remitted_fen,
        "owed_fen": owner.owed_fen,
        "owed_again": is_paid_again(owner),
        "due_fen": owner.due_fen,
        "beyond_fen": beyond.fen,
        "due_words": asked.in_words() if asked else None,
        "filed_on": account.filed_on,
        "reason": account.unclearable_reason,
    }


def may_be_taken_over(owner: Owner) -> bool:
    """Whether the refund under way came back, is owed, and may be taken over by whoever comes now."""
    return owner.owed_fen > 0 and owner.open_claim is not None and owner.open_claim.state != ClaimState.SENT


def is_paid_again(owner: Owner) -> bool:
    """Whether what came back and is owed is on its way again, by whichever step."""
    found = owner.open_claim
    return owner.owed_fen > 0 and found is not None and found.state != ClaimState.FAILED


def takes_over_confirmed(owner: Owner) -> bool:
    """Whether what may be taken over was confirmed already: then it takes a word of why."""
    return (
        may_be_taken_over(owner) and owner.open_claim is not None and owner.open_claim.state == ClaimState.CONFIRMED
    )


def _is_empty(owner: Owner) -> bool:
    return owner.account.state == AccountState.OPEN and not owner.account.balance_fen and owner.open_claim is None


def may_accept(owner: Owner) -> dict[str, Any]:
    """Whether a claim may be taken here, if not, why, and where that is mended by whoever may."""
    why, mend_href = _why_not(owner)
    mends = current_actor().may(Permission.OUTPATIENT_IMPORT)
    if mend_href and not mends and owner.menders:
        why = f"{why}能申请的人：{'、'.join(owner.menders)}。"
    return {"accept": not why, "why_not": why or None, "mend_href": mend_href if mends and mend_href else None}


def _why_not(owner: Owner) -> tuple[str, str]:
    if owner.open_claim is not None and not may_be_taken_over(owner):
        return "已经有一笔退款在办，一个账户同时只能办一笔。", ""
    if not owner.due_fen:
        return "这个账户没有余额可退。来人不同意的，请核对他的凭条；是本院数错的，请财务办余额更正。", ""
    if not owner.account.is_open:
        return "期初余额还没有入账，请等财务核对确认后再受理。", ""
    if owner.certno_fault == "resident_id":
        return WRONG_NUMBER, f"/finance/outpatient/owners/of/{quote(owner.account.account_no)}"
    if not current_actor().may(Permission.OUTPATIENT_ACCEPT):
        return "受理由收费员或财务办理。", ""
    return "", ""


def _filled(owner: Owner, claimant: Claimant, form: Form, ways: tuple[tuple[Route, str], ...]) -> Form:
    name = owner.account.holder_name if claimant is Claimant.SELF and current_actor().calls_patients else ""
    defaults = {"claimant_name": name, "route": next(way.value for way, why in ways if not why)}
    return keyed(form, **{**defaults, "claimant": claimant.value})


def _papers(claimant: Claimant, owner: Owner, *, card_lost: bool) -> list[dict[str, Any]]:
    needed = needed_papers(claimant, card_lost=card_lost)
    perhaps = {}
    if owner.unregistered:
        perhaps[Paper.SLIP] = {"kind": "wait", "word": "凭条或手机号" if owner.has_phone else "要交"}
    elif owner.treasury_fen and not owner.owed_fen:
        perhaps[Paper.SLIP] = {"kind": "idle", "word": "多退要交"}
    return [
        {
            "field": f"{PAPER}{paper.value}",
            "reference": f"{REFERENCE}{paper.value}",
            "label": paper.label,
            "mark": {"kind": "wait", "word": "要交"} if paper in needed else perhaps.get(paper, MAY_BE_LEFT),
        }
        for paper in (*needed, *(one for one in _PERHAPS if one not in needed))
    ]


def _refusal(
    owner: Owner, claimant: Claimant, refused: Refused, ways: tuple[tuple[Route, str], ...]
) -> dict[str, Any]:
    """The rule's "no" with what can be done now, the likeliest first."""
    decision, decision_id = refused
    codes = {one.code for one in decision.reasons}
    first = told(owner, decision.reasons[0]).rstrip("。")
    return {
        "title": f"不能退 {decision.amount} 元：{first.split('。')[0]}",
        "lines": [_NOT_LOST, *(told(owner, one) for one in decision.reasons)],
        "clauses": [
            chip(one.clause, "" if one.clause else "退款要交的材料和付款方式") for one in decision.reasons[:1]
        ],
        "options": _options(owner, claimant, codes, ways, decision),
        "number": decision_number(decision_id),
        "number_href": decision_href(decision_id),
        "rule_version": decision.rule_version,
        "print_href": None,
        "folded": True,
    }


def _options(
    owner: Owner, claimant: Claimant, codes: set[str], ways: tuple[tuple[Route, str], ...], decision: Decision
) -> list[dict[str, Any]]:
    amount = f"{decision.amount} 元"
    found: list[dict[str, Any]] = []
    if codes & _WAY_OUT and not codes - _WAY_OUT:
        for way, why in ways:
            if not why and way != decision.facts["route"] and not (way is Route.BANK and "staff_card" not in codes):
                found.append(_submit(way, amount))
    if codes & {"another_person", "another_name"} and claimant is Claimant.SELF:
        for other in (Claimant.PROXY, Claimant.HEIR):
            found.append(_other_claimant(other))
    if any(code.startswith("missing_") for code in codes):
        words = "材料补齐后在下面打勾再受理；今天不齐，什么时候再来都可以"
        found.append({**_link(words, claimant, owner.account.account_no), "href": "#f-papers", "button": "去补材料"})
    return found


def _submit(way: Route, amount: str) -> dict[str, Any]:
    return {
        "words": f"改为{way.label}",
        "amount_words": amount,
        "clause": None,
        "button": f"按{way.label}受理",
        "kind": "submit",
        "name": "instead",
        "value": way.value,
        "key": None,
    }


def _other_claimant(other: Claimant) -> dict[str, Any]:
    """A button of the form, for a link would lose what was typed."""
    return {
        "words": f"来的人不是患者本人，按{other.label}办；填写的内容带过去",
        "amount_words": None,
        "clause": None,
        "button": f"按{other.label}办",
        "kind": "submit",
        "name": "as",
        "value": other.value,
        "key": None,
    }


def _link(words: str, claimant: Claimant, account_no: str) -> dict[str, Any]:
    return {
        "words": words,
        "amount_words": None,
        "clause": None,
        "button": f"按{claimant.label}办",
        "kind": "link",
        "href": account_href(account_no, claimant.value),
        "key": None,
    }


def _result(one: FoundOwner) -> dict[str, Any]:
    account = one.account
    return {
        "account_no": account.account_no,
        "href": account_href(account.account_no),
        "holder": account.holder_name or "没有姓名",
        "certno": one.certno or "—",
        "phone": one.phone or "—",
        "kind": MoneyKind(account.kind).label,
        "last_movement_on": account.last_movement_on,
        "balance_fen": account.balance_fen,
        "state": ACCOUNT_MARKS[AccountState(account.state)],
        "claim": _under_way(one) if one.claim_id else None,
    }


def _under_way(one: FoundOwner) -> dict[str, Any]:
    """The refund that is under way on an account that was found, with its page."""
    mark = HELD_MARK if one.claim_state == HELD else CLAIM_MARKS[ClaimState(one.claim_state)]
    return {"href": f"{CLAIMS}/{one.claim_id}", **mark}


def _other(one: FoundAccount) -> dict[str, Any]:
    return {
        "account_no": one.account_no,
        "href": account_href(one.account_no),
        "holder": one.holder_name or "没有姓名",
        "other_name": one.other_name,
        "state": ACCOUNT_MARKS[AccountState(one.state)],
        "balance_fen": one.balance_fen,
    }


def _asked(one: ListedRequest) -> dict[str, Any]:
    return {
        "request_no": one.request.request_no,
        "href": f"{_ROOT}/requests/{one.request.request_id}",
        "who": f"{Claimant(one.request.claimant).label} {one.people.claimant_name}",
        "at": one.request.asked_at,
    }


def _claim_line(one: Any) -> dict[str, Any]:
    return {
        "refund_no": one.refund_no,
        "href": f"{_ROOT}/claims/{one.claim_id}",
        "state": CLAIM_MARKS[ClaimState(one.state)],
        "amount_fen": one.amount_fen,
        "who": f"{Claimant(one.claimant).label} {one.claimant_name}",
        "at": one.accepted_at,
    }

"""What the pages of money after a settlement show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.masking import mask_card, mask_certificate, mask_name
from hospital_prepay.domain.rules.settlement.refunds import Claimant, ways_again
from hospital_prepay.http.current import current_actor
from hospital_prepay.services.context import Context
from hospital_prepay.services.settlement.arrival_file import Told, ToldLine
from hospital_prepay.services.settlement.arrivals import BankAccount
from hospital_prepay.services.settlement.recalls import Recalls
from hospital_prepay.services.settlement.refund_list import Attempt, OnTheWay, RefundRecord, Refunds, Unclaimed
from hospital_prepay.services.settlement.unclaimed import PAPERS, papers_of, papers_to_compare

REFUNDS: Final = "/settlement/refunds"
_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "asked": ("held", "改退待确认"),
    "sent": ("wait", "已发出，没到账"),
    "arrived": ("ok", "已到账"),
    "failed": ("stop", "退回"),
    "dropped": ("idle", "不退了"),
}
_TURNS: Final[Mapping[str, tuple[str, str]]] = {
    "waiting": ("wait", "待领"),
    "asked": ("held", "领取待确认"),
    "paid": ("ok", "已领"),
    "ended": ("idle", "已结束"),
}
_TOLD: Final[Mapping[Told, tuple[str, str]]] = {
    Told.ARRIVED: ("ok", "登记到账"),
    Told.FAILED: ("stop", "登记退回"),
    Told.KNOWN: ("idle", "以前登记过"),
    Told.REJECTED: ("wait", "没有办"),
}
_SAME: Final = "按原方式再退一次（{label}，退款单号不变）"
_WAYS: Final = {Tender.TRANSFER: "转到患者本人的银行卡", Tender.CASH: "在窗口退现金"}


def refunds_page(found: Refunds) -> dict[str, Any]:
    """The list: what came back first, then what waits for somebody, what is on its way, what nobody has fetched."""
    overdue = sum(one.is_overdue for one in found.on_the_way)
    return {
        "limit": found.limit,
        "back": [_line(one, found.names) for one in (*found.failed, *found.asked)],
        "sent": [_sent(one, found) for one in found.on_the_way],
        "overdue": overdue,
        "number": len(found.failed) + len(found.asked) + len(found.on_the_way),
        "left": [_left(one) for one in found.unclaimed],
        "may_manage": current_actor().may(Permission.SETTLEMENT_MANAGE),
    }


def refund_page(found: RefundRecord) -> dict[str, Any]:
    """One refund."""
    actor, one = current_actor(), found.now
    manages = actor.may(Permission.SETTLEMENT_MANAGE)
    first = Tender(one.tender)
    return {
        "one": _line(one, found.names),
        "attempts": [_attempt(each, found) for each in found.attempts],
        "may_tell": manages and one.state == "sent",
        "may_ask": one.state == "failed" and (manages or actor.may(Permission.SETTLEMENT_SETTLE)),
        "may_decide": one.state == "asked" and manages and one.asked_by != actor.actor_id,
        "waits_for_another": one.state == "asked" and (not manages or one.asked_by == actor.actor_id),
        "ways": [
            {"value": way.value, "label": _SAME.format(label=way.label) if way is first else _WAYS[way], "note": None}
            for way in ways_again(first)
            if way is not Tender.CASH or actor.may(Permission.DEPOSIT_COLLECT)
        ],
    }


def stay_refunds(attempts: Sequence[Attempt], turns: Sequence[Unclaimed]) -> dict[str, Any]:
    """A stay's refunds on its settlement page."""
    return {
        "refunds": [_line(one, {}) for one in attempts],
        "left": [_left(one) for one in turns if one.state in ("waiting", "asked") and one.held_fen],
    }


def unclaimed_page(stay_no: str, turns: Sequence[Unclaimed], context: Context, actor: Actor) -> dict[str, Any]:
    """What lies with a stay, and who came for it."""
    one = turns[-1]
    manages, settles = actor.may(Permission.SETTLEMENT_MANAGE), actor.may(Permission.SETTLEMENT_SETTLE)
    lies = one.state in ("waiting", "asked") and one.held_fen > 0
    decides = lies and manages and one.state == "asked" and one.asked_by != actor.actor_id
    return {
        "compare": papers_to_compare(context, actor, stay_no) if decides else None,
        "stay_no": stay_no,
        "one": _left(one),
        "lies": lies,
        "turns": [_turn(each, context, actor) for each in turns],
        "may_claim": lies and settles and one.state == "waiting",
        "may_decide": decides,
        "turn_no": one.turn_no,
        "claimants": [{"value": each.value, "label": each.label, "note": None} for each in Claimant],
        "papers": [{"value": each, "label": each} for each in PAPERS],
        "tenders": [
            {"value": Tender.CASH.value, "label": "现金", "note": None},
            {"value": Tender.TRANSFER.value, "label": "转到领款人的银行卡", "note": None},
        ],
    }


def recalls_page(found: Recalls) -> dict[str, Any]:
    """Recalls that wait, and settlements that are to be recalled."""

    def line(one: Any) -> dict[str, Any]:
        return {
            "one": one,
            "name": _name(found.patients.get(one.stay_no, "")),
            "asked_by": found.names.get(one.recall_asked_by or "", one.recall_asked_by),
            "href": f"/settlement/stays/{one.stay_no}",
        }

    return {"asked": [line(one) for one in found.asked], "to_ask": [line(one) for one in found.to_ask]}


def told_lines(lines: Iterable[ToldLine]) -> list[dict[str, Any]]:
    """What came of a table, those to look at first."""
    order = list(reversed(Told))
    return [
        {
            "line": one.line,
            "number": one.number,
            "href": None if one.told is Told.REJECTED else f"{REFUNDS}/{one.number}",
            "mark": _marked(_TOLD[one.told]),
            "words": one.problem,
        }
        for one in sorted(lines, key=lambda one: (order.index(one.told), one.line))
    ]


def _line(one: Attempt, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "number": one.number,
        "attempt_no": one.attempt_no,
        "seen": f"{one.number}:{one.attempt_no}",
        "href": f"{REFUNDS}/{one.number}",
        "stay_no": one.stay_no,
        "stay_href": f"/settlement/stays/{one.stay_no}",
        "name": _name(one.patient_name),
        "amount_fen": one.amount_fen,
        "first": Tender(one.tender).label,
        "tail": one.payment_reference[-4:],
        "route": Tender(one.route).label,
        "state": _marked(_STATES[one.state]),
        "is_failed": one.state == "failed",
        "evidence": one.evidence,
        "sent_at": one.sent_at,
        "known_at": one.known_at,
        "asked_at": one.asked_at,
        "asked_by": names.get(one.asked_by or "", one.asked_by),
        "action": {"failed": "改退", "asked": "确认", "sent": "登记"}.get(one.state, "查看"),
    }


def _sent(one: OnTheWay, found: Refunds) -> dict[str, Any]:
    kind = "stop" if one.is_overdue else "wait" if one.days == found.limit else "ok"
    words = f"第 {one.days} 个工作日"
    if one.is_overdue:
        words = f"超过 {one.days - found.limit} 个工作日"
    elif not one.days:
        words = "不到 1 个工作日"
    return {**_line(one.attempt, found.names), "clock": {"kind": kind, "words": words, "dial": None}}


def _attempt(one: Attempt, found: RefundRecord) -> dict[str, Any]:
    sent_by = one.sent_by
    account = found.accounts.get(one.attempt_no)
    return {
        **_line(one, found.names),
        "sent_by": found.names.get(sent_by or "", sent_by),
        "known_by": found.names.get(one.known_by or "", one.known_by),
        "account": _account(account),
        "slip": found.slips.get(one.attempt_no),
    }


def _account(account: BankAccount | None) -> str:
    return "" if account is None else f"{account.bank} {mask_card(account.card_no)}"


def _left(one: Unclaimed) -> dict[str, Any]:
    return {
        "stay_no": one.stay_no,
        "name": _name(one.patient_name),
        "since": one.since,
        "held_fen": one.held_fen,
        "state": _marked(_TURNS[one.state]),
        "href": f"/settlement/stays/{one.stay_no}/unclaimed",
        "action": _action(one),
    }


def _action(one: Unclaimed) -> str:
    actor = current_actor()
    if one.state == "asked":
        return "确认" if actor.may(Permission.SETTLEMENT_MANAGE) and one.asked_by != actor.actor_id else "查看"
    return "办领取" if actor.may(Permission.SETTLEMENT_SETTLE) else "查看"


def _turn(one: Unclaimed, context: Context, actor: Actor) -> dict[str, Any]:
    who = ""
    if one.claimant_enc is not None and one.claimant is not None:
        papers, account = papers_of(context, actor.institution_id, one.claimant_enc)
        name = papers.name if actor.calls_patients else mask_name(papers.name)
        parts = [Claimant(one.claimant).label, f"{one.relation} {name}", papers.paper_kind]
        parts += [mask_certificate(papers.paper_no), _account(account) or "现金"]
        who = "，".join(part for part in parts if part.strip())
    return {
        "since": one.since,
        "state": _marked(_TURNS[one.state]),
        "who": who,
        "asked_at": one.asked_at,
        "decided_at": one.decided_at,
        "ground": one.ground,
    }


def _name(name: str) -> str:
    return name if current_actor().calls_patients else mask_name(name)


def _marked(state: tuple[str, str]) -> dict[str, str]:
    return {"kind": state[0], "word": state[1]}

"""Undoing a slip and giving money back: house rules of the counter, with a second person.

No clause speaks of voiding a slip; that it is done the same day, by red letter and by two people is this
hospital's own rule and is never cited as law.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

from hospital_prepay.domain.clauses import house_rule
from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules import RULES

# Slips of money that came in; a refund's, a return's and that of a refund paid again went out.
MONEY_IN: Final = frozenset({"deposit", "topup"})
MONEY_OUT: Final = frozenset({"refund", "return", "again"})


@dataclass(frozen=True, slots=True)
class VoidFacts:
    """A slip somebody wants undone; days in Shanghai. ``cap_fen`` is the stay's cap, ``None`` in older facts;
    ``refund_state`` where its money is, of a refund that isn't cash in the hand."""

    kind: str
    amount_fen: int
    issued_on: str
    today: str
    already_void: bool
    balance_fen: int
    cap_fen: int | None = None
    refund_state: str = ""


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """Money somebody wants given back from a stay's deposits."""

    amount_fen: int
    balance_fen: int


@house_rule
def void(facts: VoidFacts, rule_version: str) -> Decision:
    """Whether a slip may be voided: the same day, once, a slip of money, and the money is still there.

    Undoing a refund brings money back in: not above the cap.
    """
    reasons = []
    if facts.kind == "void":
        reasons.append(Reason("not_a_money_slip", "作废单本身不能再作废，请重新收款或退款。"))
    if facts.kind == "again":
        reasons.append(Reason("paid_in_hand", "这是改退的现金，已经当面交给患者，不能作废。"))
    if facts.already_void:
        reasons.append(Reason("already_void", "这张票已经作废过。"))
    if facts.issued_on != facts.today:
        reasons.append(Reason("not_today", "只能作废当天的票；隔天的请办退款。"))
    if facts.refund_state == "arrived":
        reasons.append(Reason("refund_arrived", "这笔退款已经到患者账上，不能作废。"))
    elif facts.refund_state == "sent":
        # Bank or platform may have paid it by now: void it, and it would be paid twice.
        reasons.append(
            Reason(
                "refund_sent", "这笔退款已经发出，可能已到账，不能作废。没到账的，在退款未到账里登记失败，再改退。"
            )
        )
    elif facts.refund_state not in ("", "dropped"):
        reasons.append(Reason("refund_came_back", "这笔退款被退回过，不能作废。请在退款未到账里改退。"))
    if facts.kind == "deposit" and facts.amount_fen > facts.balance_fen:
        reasons.append(Reason("already_returned", "这笔钱已经退过或用过，余额不够作废。"))
    if facts.kind in MONEY_OUT and facts.cap_fen is not None and facts.balance_fen + facts.amount_fen > facts.cap_fen:
        reasons.append(Reason("over_cap", f"额度现在是 {Money(facts.cap_fen)} 元，收回这笔退款就超过了，不能作废。"))
    return _decision("inpatient.void_slip", rule_version, facts.amount_fen, reasons, asdict(facts))


@house_rule
def refund(facts: RefundFacts, rule_version: str) -> Decision:
    """Whether an amount may be refunded: more than nothing, and no more than the stay's deposits hold."""
    reasons = []
    if facts.amount_fen <= 0:
        reasons.append(Reason("nothing_to_refund", "退款金额要大于零。"))
    if facts.amount_fen > facts.balance_fen:
        reasons.append(Reason("above_balance", f"最多可退 {Money(facts.balance_fen)} 元。"))
    return _decision("inpatient.refund", rule_version, facts.amount_fen, reasons, asdict(facts))


def _decision(rule: str, version: str, amount_fen: int, reasons: list[Reason], facts: dict[str, object]) -> Decision:
    outcome = Outcome.REFUSED if reasons else Outcome.HELD
    grounds = tuple(reasons) or (Reason("second_person", "由另一个人复核后办理。"),)
    return Decision(rule, version, outcome, Money(amount_fen), grounds, facts)


RULES["inpatient.void_slip"] = lambda stored, version: void(VoidFacts(**stored), version)
RULES["inpatient.refund"] = lambda stored, version: refund(RefundFacts(**stored), version)

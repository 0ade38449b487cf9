"""Settling a stay (article 19): what the deposit pays, what is left and goes back, what is still owed.

A shortfall keeps nothing from being settled: the patient leaves, and the rest is pursued (25). That nobody is held
back for money is the hospital's own rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.clauses import house_rule, implements
from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules import RULES
from hospital_prepay.domain.rules.settlement.clocks import SETTLED_IN_TIME
from hospital_prepay.domain.rules.settlement.result import OTHER_PATIENT, ResultAmounts, parts_of, result_faults
from hospital_prepay.domain.visits import Disposition


class SettlementKind(StrEnum):
    """What is settled: a discharge, the part of a stay that lies in the year that ends, or a stay without cost."""

    DISCHARGE = "discharge"
    INTERIM = "interim"
    NO_CHARGE = "no_charge"

    @property
    def label(self) -> str:
        """The words on screens."""
        return KIND_LABELS[self]


class Channel(StrEnum):
    """Where it is done (article 20)."""

    BEDSIDE = "bedside"
    ONLINE = "online"
    WINDOW = "window"

    @property
    def label(self) -> str:
        """The words on screens."""
        return CHANNEL_LABELS[self]


class Rest(StrEnum):
    """What is done with what a settlement leaves of the deposit."""

    BACK = "back"
    LEFT = "left"

    @property
    def label(self) -> str:
        """The words on screens."""
        return REST_LABELS[self]


KIND_LABELS: Final = {
    SettlementKind.DISCHARGE: "出院结算",
    SettlementKind.INTERIM: "中途结算",
    SettlementKind.NO_CHARGE: "无费用出院",
}
CHANNEL_LABELS: Final = {Channel.BEDSIDE: "床旁", Channel.ONLINE: "线上", Channel.WINDOW: "窗口"}
REST_LABELS: Final = {Rest.BACK: "现在退", Rest.LEFT: "没有人领，先留着待领"}


@dataclass(frozen=True, slots=True)
class SettleFacts:
    """What :func:`settle` looks at; amounts in fen. ``held_fen`` is what the stay's deposits hold. ``is_by_hand``
    where the result was typed and not sent, ``other_result`` what the insurance sent and isn't used then. Older facts
    say nothing of these, of what becomes of the rest, nor whether another discharge's settlement stands."""

    kind: str
    is_discharged: bool
    is_settled: bool
    is_cancelled: bool
    stage: str
    held_fen: int
    medfee_sumamt: int
    fund_pay_sumamt: int
    psn_part_amt: int
    acct_pay: int
    psn_cash_pay: int
    hosp_part_amt: int
    acct_mulaid_pay: int
    has_other_patient: bool
    is_result_used: bool
    has_earlier_settlement: bool = False
    rest: str = Rest.BACK.value
    disposition: str = ""
    is_by_hand: bool = False
    other_result: str = ""

    @property
    def amounts(self) -> ResultAmounts:
        """The amounts as the equations take them."""
        return ResultAmounts(
            self.medfee_sumamt,
            self.fund_pay_sumamt,
            self.psn_part_amt,
            self.acct_pay,
            self.psn_cash_pay,
            self.hosp_part_amt,
            self.acct_mulaid_pay,
        )


@dataclass(frozen=True, slots=True)
class Share:
    """How a settlement falls on deposit and patient, in fen: what the deposit pays, what is still owed, what is
    left of it."""

    applied_fen: int
    shortfall_fen: int
    left_fen: int


@implements(SETTLED_IN_TIME)
def share_of(held_fen: int, cash_fen: int) -> Share:
    """The deposit pays the patient's part (10) as far as it goes; the rest of either stays."""
    applied = min(held_fen, cash_fen)
    return Share(applied, cash_fen - applied, held_fen - applied)


@implements(SETTLED_IN_TIME)
def settle(facts: SettleFacts, rule_version: str) -> Decision:
    """Whether a stay may be settled by a result. Permitted with what goes back to the patient as the amount; what is
    still owed is said and refuses nothing."""
    reasons = [*_refusals(facts), *result_faults(facts.amounts)]
    parts = parts_of(facts.amounts)
    share = share_of(facts.held_fen, parts.cash_fen)
    if reasons:
        return _decision(facts, rule_version, Outcome.REFUSED, 0, reasons)
    said = [
        Reason(
            "settled",
            f"个人应付 {Money(parts.cash_fen)} 元，预交金抵 {Money(share.applied_fen)} 元。",
            SETTLED_IN_TIME,
        )
    ]
    if facts.is_by_hand:
        said.append(Reason("by_hand", "医保结果是手工录入的，请医保办核对。"))
    if share.left_fen and facts.kind != SettlementKind.INTERIM:
        words = "按交来的方式退" if facts.rest == Rest.BACK else "没有人领，留着待领"
        said.append(Reason("left", f"应退 {Money(share.left_fen)} 元，{words}。"))
    if share.shortfall_fen:
        said.append(
            Reason("shortfall", f"还差 {Money(share.shortfall_fen)} 元，可以现在补交，也可以记欠费；不影响出院。")
        )
    return _decision(facts, rule_version, Outcome.PERMITTED, share.left_fen, said)


def _left_fen(facts: SettleFacts) -> int:
    """What of the deposit would be left, in fen."""
    return share_of(facts.held_fen, max(parts_of(facts.amounts).cash_fen, 0)).left_fen


@house_rule
def _refusals(facts: SettleFacts) -> list[Reason]:
    reasons = []
    is_interim = facts.kind == SettlementKind.INTERIM
    if facts.is_cancelled:
        reasons.append(Reason("admission_cancelled", "这次住院已经取消，没有可结算的。预交金请申请退还。"))
    if not is_interim and not facts.is_discharged:
        reasons.append(Reason("not_discharged", "还没有登记出院。请先登记出院，或者办中途结算。"))
    if is_interim and facts.is_discharged:
        reasons.append(Reason("discharged", "已经出院，请办出院结算。"))
    if facts.is_settled:
        reasons.append(Reason("already_settled", "这次出院已经结算过。要改的，请先申请召回。"))
    if facts.has_earlier_settlement:
        words = "取消了的那次出院，结算单还有效；再结算，费用就重了。请先召回那张结算单。"
        reasons.append(Reason("earlier_settlement", words))
    if not is_interim and facts.is_discharged and not facts.is_settled and facts.stage != "cashier":
        reasons.append(Reason("not_with_cashier", "还没有交到收费这一步。请前面的人先办好。"))
    if facts.has_other_patient:
        reasons.append(OTHER_PATIENT)
    if facts.other_result:
        words = f"医保传来的结果 {facts.other_result} 还没有用，请用它结算；它不对的，请医保办让医保重传。"
        reasons.append(Reason("result_on_file", words))
    if facts.disposition == Disposition.DIED and facts.rest == Rest.BACK and _left_fen(facts) > 0 and not is_interim:
        words = "患者已去世：剩下的预交金选“没有人领，先留着待领”，由继承人凭证件领。"
        reasons.append(Reason("rest_of_the_dead", words))
    if facts.is_result_used:
        reasons.append(Reason("result_used", "这个结算流水号已经用在另一张结算单上。请核对。"))
    if min(asdict(facts.amounts).values()) < 0:
        reasons.append(Reason("negative_amount", "结算结果里有负数。请医保办核对。"))
    if facts.kind == SettlementKind.NO_CHARGE and facts.medfee_sumamt:
        reasons.append(Reason("has_cost", "有费用的，请办出院结算。"))
    if facts.kind != SettlementKind.NO_CHARGE and not facts.medfee_sumamt:
        reasons.append(Reason("no_cost", "费用是零的，请办无费用出院。"))
    return reasons


@dataclass(frozen=True, slots=True)
class PaidIn:
    """One deposit slip with what of it hasn't gone back, in fen, the oldest first in a list."""

    receipt_no: str
    tender: str
    reference: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class GoesBack:
    """One refund by the way its money came, in fen."""

    tender: str
    reference: str
    amount_fen: int


@house_rule
def by_the_way_it_came(left_fen: int, paid: Sequence[PaidIn]) -> tuple[GoesBack, ...]:
    """What is left goes back by the way it came, the newest payment first: the fewest refunds, and payments that
    can still be reversed. Cash comes together in one sum."""
    back: list[GoesBack] = []
    cash = 0
    for one in reversed(paid):
        amount = min(left_fen, one.amount_fen)
        left_fen -= amount
        if one.tender == "cash":
            cash += amount
        elif amount:
            back.append(GoesBack(one.tender, one.reference, amount))
    if cash + left_fen:
        back.append(GoesBack("cash", "", cash + left_fen))
    return tuple(back)


def _decision(
    facts: SettleFacts, rule_version: str, outcome: Outcome, amount_fen: int, reasons: Sequence[Reason]
) -> Decision:
    return Decision("settlement.settle", rule_version, outcome, Money(amount_fen), tuple(reasons), asdict(facts))


RULES["settlement.settle"] = lambda stored, version: settle(SettleFacts(**stored), version)

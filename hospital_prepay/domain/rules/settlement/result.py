"""The insurance's settlement result (interface 2304) and its two equations.

Whole cost = pooled funds + personal burden (+ the hospital's part); personal burden = personal account + cash
(+ a relative's account). Both hold to the fen: what doesn't tie is looked at again with the insurance before money
moves. Provinces count the hospital's part and a relative's account inside or beside the sum, so either reading ties.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.clauses import house_rule
from hospital_prepay.domain.decision import Reason
from hospital_prepay.domain.money import Money

AMOUNTS: Final = (
    "medfee_sumamt",
    "fund_pay_sumamt",
    "psn_part_amt",
    "acct_pay",
    "psn_cash_pay",
    "hosp_part_amt",
    "acct_mulaid_pay",
)
AMOUNT_LABELS: Final = {
    "medfee_sumamt": "医疗费总额",
    "fund_pay_sumamt": "基金支付总额",
    "psn_part_amt": "个人负担总额",
    "acct_pay": "个人账户支出",
    "psn_cash_pay": "个人现金支出",
    "hosp_part_amt": "医院负担金额",
    "acct_mulaid_pay": "个人账户共济支出",
}


OTHER_PATIENT: Final = Reason("other_patient", "结算结果的证件号不是这位患者的。请核对结算流水号。")


@dataclass(frozen=True, slots=True)
class ResultAmounts:
    """The amounts of interface 2304, in fen, under its own names."""

    medfee_sumamt: int
    fund_pay_sumamt: int
    psn_part_amt: int
    acct_pay: int
    psn_cash_pay: int
    hosp_part_amt: int = 0
    acct_mulaid_pay: int = 0


@dataclass(frozen=True, slots=True)
class Parts:
    """Who bears the whole cost, in fen: the funds, the personal accounts, the patient, the hospital."""

    total_fen: int
    fund_fen: int
    account_fen: int
    cash_fen: int
    hospital_fen: int


@house_rule
def result_faults(amounts: ResultAmounts) -> tuple[Reason, ...]:
    """Why a result can't be settled by; none where both equations tie."""
    reasons = []
    beside = amounts.medfee_sumamt - amounts.fund_pay_sumamt - amounts.psn_part_amt
    if beside not in (0, amounts.hosp_part_amt):
        reasons.append(
            Reason(
                "total_not_tied",
                f"医疗费总额与基金支付、个人负担（和医院负担）之和差 {_words(beside, amounts.hosp_part_amt)} 元。"
                "请医保办核对后重新取结果。",
            )
        )
    cash = amounts.psn_part_amt - amounts.acct_pay - amounts.psn_cash_pay
    if cash not in (0, amounts.acct_mulaid_pay):
        reasons.append(
            Reason(
                "burden_not_tied",
                f"个人负担与个人账户、现金（和共济）之和差 {_words(cash, amounts.acct_mulaid_pay)} 元。"
                "请医保办核对后重新取结果。",
            )
        )
    return tuple(reasons)


@house_rule
def parts_of(amounts: ResultAmounts) -> Parts:
    """Who bears what, of a result that ties."""
    return Parts(
        total_fen=amounts.medfee_sumamt,
        fund_fen=amounts.fund_pay_sumamt,
        account_fen=amounts.psn_part_amt - amounts.psn_cash_pay,
        cash_fen=amounts.psn_cash_pay,
        hospital_fen=amounts.medfee_sumamt - amounts.fund_pay_sumamt - amounts.psn_part_amt,
    )


def self_paid(total_fen: int) -> ResultAmounts:
    """The result of somebody whom no insurance settles for: all of it is the patient's."""
    return ResultAmounts(total_fen, 0, total_fen, 0, total_fen)


def _words(found: int, either: int) -> str:
    nearest = min((found, found - either), key=abs)
    return str(Money(abs(nearest)))

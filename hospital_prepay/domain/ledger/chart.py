"""The hospital's chart of accounts (政府会计制度 with the hospital supplement 财会〔2018〕24号)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DEBIT: Final = 1
CREDIT: Final = -1

INPATIENT_DEPOSITS: Final = "23050103"
OUTPATIENT_DEPOSITS: Final = "23050102"
OTHER_ADVANCES: Final = "230502"
TREASURY: Final = "2103"
OWN_COST: Final = "5901"
PREPAYMENT: Final = "23050101"
OTHER_PAYABLES: Final = "2307"
IN_HOSPITAL: Final = "121201"
FROM_INSURANCE: Final = "12120201"
ARREARS: Final = "12120203"
ALLOWANCE: Final = "1219"


@dataclass(frozen=True, slots=True)
class Subject:
    """One subject (科目). ``normal_side`` is 1 for debit, -1 for credit."""

    code: str
    name: str
    normal_side: int


CHART: Final[dict[str, Subject]] = {
    s.code: s
    for s in (
        Subject("1001", "库存现金", DEBIT),
        Subject("1002", "银行存款", DEBIT),
        Subject("1021", "其他货币资金", DEBIT),
        Subject(IN_HOSPITAL, "应收在院病人医疗款", DEBIT),
        Subject(FROM_INSURANCE, "应收医保款", DEBIT),
        Subject("12120202", "门急诊病人欠费", DEBIT),
        Subject(ARREARS, "出院病人欠费", DEBIT),
        Subject("1218", "其他应收款", DEBIT),
        Subject(ALLOWANCE, "坏账准备", CREDIT),  # its cost is 5901 here, a house setting (confirm)
        Subject("130201", "库存药品", DEBIT),
        Subject("130202", "库存卫生材料", DEBIT),
        Subject(TREASURY, "应缴财政款", CREDIT),
        Subject("2302", "应付账款", CREDIT),
        Subject(OTHER_PAYABLES, "其他应付款", CREDIT),
        Subject(PREPAYMENT, "预收医保预付金", CREDIT),
        Subject(OUTPATIENT_DEPOSITS, "门急诊预收款", CREDIT),
        Subject(INPATIENT_DEPOSITS, "住院预收款", CREDIT),
        Subject(OTHER_ADVANCES, "其他预收账款", CREDIT),
        Subject("2308", "待结算医疗款", CREDIT),
        Subject("4001", "财政拨款收入", CREDIT),
        Subject("410101", "医疗收入", CREDIT),
        Subject(OWN_COST, "其他费用", DEBIT),
    )
}


class Tender(StrEnum):
    """How money was paid at the counter."""

    CASH = "cash"
    CARD = "card"
    WECHAT = "wechat"
    ALIPAY = "alipay"
    TRANSFER = "transfer"

    @property
    def label(self) -> str:
        """The Chinese word on buttons and receipts."""
        return _LABELS[self]

    @property
    def account_id(self) -> str:
        """Where the money stands: cash, bank, or other monetary funds while it is in transit."""
        return {Tender.CASH: "1001", Tender.WECHAT: "1021", Tender.ALIPAY: "1021"}.get(self, "1002")


_LABELS: Final = {
    Tender.CASH: "现金",
    Tender.CARD: "银行卡",
    Tender.WECHAT: "微信",
    Tender.ALIPAY: "支付宝",
    Tender.TRANSFER: "转账",
}


def stay_account(stay_no: str) -> str:
    """The account of one stay's deposits: a sub-account of 23050103, guarded from zero to its cap."""
    return f"{INPATIENT_DEPOSITS}:{stay_no}"


def arrears_account(stay_no: str) -> str:
    """What a discharged patient still owes of one stay: a sub-account of 12120203 that never falls below zero."""
    return f"{ARREARS}:{stay_no}"


def returned_account(stay_no: str) -> str:
    """What of a stay's refunds came back from bank or platform and is owed to the patient: a sub-account of 2307 that
    never falls below zero."""
    return f"{OTHER_PAYABLES}:stay:{stay_no}"


def allowance_account(stay_no: str) -> str:
    """What is provided for the arrears of one stay: a sub-account of 1219 that never falls below zero."""
    return f"{ALLOWANCE}:{stay_no}"


def earmark_account(grant_id: str) -> str:
    """The unspent money of a grant: a sub-account of 1002 that never falls below zero."""
    return f"1002:earmark:{grant_id}"


def reserved_account(grant_id: str) -> str:
    """What of it waits for approved payments."""
    return f"1002:reserved:{grant_id}"


def distributed_account(grant_id: str) -> str:
    """What a lead hospital handed on to members: a sub-account of 1218, unspent still in the sense of the lock."""
    return f"1218:distributed:{grant_id}"


def owed_account(grant_id: str) -> str:
    """What of a grant is still to be given back: a sub-account of 23050101."""
    return f"{PREPAYMENT}:{grant_id}"


def outpatient_account(account_no: str, *, is_deposit: bool) -> str:
    """The balance of one outpatient account: a sub-account of 23050102, or of 230502 for money that is no deposit."""
    return f"{OUTPATIENT_DEPOSITS if is_deposit else OTHER_ADVANCES}:{account_no}"


def advance_account(claim_id: str) -> str:
    """What the hospital paid ahead for the treasury on one claim: a sub-account of 1218."""
    return f"1218:advance:{claim_id}"


def owed_refund_account(claim_id: str) -> str:
    """What came back of a claim after the treasury gave it: owed to the patient, a sub-account of 2307."""
    return f"{OTHER_PAYABLES}:refund:{claim_id}"


def overpaid_account(claim_id: str, attempt_no: int) -> str:
    """What the bank paid once too often on one attempt: owed by its payee, a sub-account of 1218."""
    return f"1218:overpaid:{claim_id}:{attempt_no}"

"""What must go to the treasury on a day (article 8): an outpatient deposit that can't be refunded, is filed, and has
lain for more than three years. Exactly three years isn't more.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.days import years_after
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.kinds import MoneyKind, is_outpatient_deposit

REMITTED: Final = "guizhou-deposit-2025/8"
# How files of other systems say that there is no reason, or that the owner was found.
_NO_REASON: Final = re.compile(
    r"(无|没有?|否|空|暂无|未(填|登记|记录)|无?原因|不详|不明|未知|不清楚|no|none|null|nil|nan|n/?a)?"
    r"|[\W_]*"
    r"|(患者|病人|本人)?已经?(找到|找着|联系上|联系到|联系|通知到)(患者|病人|本人|家属)?了?"
)


class NotDue(StrEnum):
    """Why an account stays with the hospital, in the order in which the reasons are looked at."""

    NOT_A_DEPOSIT = "not_a_deposit"
    NO_BALANCE = "no_balance"
    DATE_UNKNOWN = "date_unknown"
    NOT_OVER_THREE_YEARS = "not_over_three_years"
    REASON_MISSING = "reason_missing"
    FILING_MISSING = "filing_missing"

    @property
    def label(self) -> str:
        """The words on screens."""
        return NOT_DUE_LABELS[self]


NOT_DUE_LABELS: Final = {
    NotDue.NOT_A_DEPOSIT: "不是门诊预交金",
    NotDue.NO_BALANCE: "没有余额",
    NotDue.DATE_UNKNOWN: "不知道最后变动日期",
    NotDue.NOT_OVER_THREE_YEARS: "没有超过三年",
    NotDue.REASON_MISSING: "没有记退不了的原因",
    NotDue.FILING_MISSING: "还没有备案",
}


@dataclass(frozen=True, slots=True)
class DormantAccount:
    """What the rule looks at. ``filed_on`` is the day of the filing that the health authority has."""

    kind: MoneyKind
    balance: Money
    last_movement_on: date | None
    unclearable_reason: str
    filed_on: date | None


@implements(REMITTED)
def not_due(account: DormantAccount, on: date, years: int) -> NotDue | None:
    """The first reason why ``account`` doesn't go to the treasury on ``on``; ``None`` when it is due.

    ``years`` is the dated value of the rulebook. An account that isn't filed is held back: filing it is the
    hospital's duty and doesn't lapse by waiting.
    """
    if not is_outpatient_deposit(account.kind):
        return NotDue.NOT_A_DEPOSIT
    if account.balance.fen <= 0:
        return NotDue.NO_BALANCE
    if account.last_movement_on is None:
        return NotDue.DATE_UNKNOWN
    if on <= years_after(account.last_movement_on, years):
        return NotDue.NOT_OVER_THREE_YEARS
    if not is_reason(account.unclearable_reason):
        return NotDue.REASON_MISSING
    if account.filed_on is None or account.filed_on > on:
        return NotDue.FILING_MISSING
    return None


def is_reason(text: str) -> bool:
    """Whether a text says why money can't be given back: not one that says "none" or that its owner was found."""
    plain = "".join(unicodedata.normalize("NFKC", text).casefold().split()).strip("。.,;、!?()")
    return _NO_REASON.fullmatch(plain) is None


def moved_before(on: date, years: int) -> date:
    """The day before which an account must have moved last to be due on ``on``: what :func:`not_due` says of one
    account, turned round for many."""
    year = on.year - years
    # 28 February counts for a leap day as well, whose years end on it.
    return date(year, 2, 28) if (on.month, on.day) == (2, 29) and not _is_leap(year) else on.replace(year=year)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)

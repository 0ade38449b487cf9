"""The agency's own entry as its notice prints it: shown beside ours for reading, never posted in our books."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.rules.fund.movements import Event

THEIR_BOOKS: Final = "医保方的账，不是本院的账"
# The account in which each notice has the agency keep prepayments, and its number there.
_ACCOUNTS: Final = {
    "weihai-prepay-2025": ("暂付款—医保预付金", "weihai-prepay-2025/3"),
    "xizang-prepay-2024": ("暂付款—预拨款", "xizang-prepay-2024/11"),
    "zhejiang-prepay-2025": ("暂付款—医保预付金", "zhejiang-prepay-2025/5.1"),
}
_PAYING: Final = {
    "weihai-prepay-2025": "支出户存款（或财政专户存款）",
    "xizang-prepay-2024": "支出户存款",
    "zhejiang-prepay-2025": "支出户存款（或财政专户存款）",
}


@dataclass(frozen=True, slots=True)
class AgencyEntry:
    """Debit and credit in the agency's words, and the clause that prints them."""

    debit: str
    credit: str
    clause: str


@implements("weihai-prepay-2025/3", "xizang-prepay-2024/11", "zhejiang-prepay-2025/5.1")
def agency_entry(regime: str, event: Event) -> AgencyEntry | None:
    """What the agency books for an event; ``None`` where its notice prints no entry (Henan's prints none)."""
    if regime not in _ACCOUNTS:
        return None
    account, clause = _ACCOUNTS[regime]
    match event:
        case Event.GRANT:
            return AgencyEntry(account, _PAYING[regime], clause)
        case Event.RETURN:
            return AgencyEntry(_PAYING[regime], account, clause)
        case Event.OFFSET:
            return AgencyEntry("社会保险待遇支出", account, clause)
    return None

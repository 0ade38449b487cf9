"""The entries that the notices print: the agency's own, shown beside ours for reading and never posted here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.clauses import implements


@dataclass(frozen=True, slots=True)
class AgencyEntry:
    """One event in the agency's books, with its accounts as printed."""

    event: str
    debit: str
    credit: str
    clause: str


_RECOVERED: Final = "支出户存款、财政专户存款或社会保险待遇支出"
_PREPAID: Final = "暂付款—医保预付金"
_XIZANG: Final = "暂付款—预拨款—（本院）"
_ENTRIES: Final = (
    AgencyEntry("拨付", _PREPAID, "支出户存款或财政专户存款", "weihai-prepay-2025/3"),
    AgencyEntry("收回", _RECOVERED, _PREPAID, "weihai-prepay-2025/3"),
    AgencyEntry("核销", "其他支出", _PREPAID, "weihai-prepay-2025/3"),
    AgencyEntry("拨付", _XIZANG, "支出户存款", "xizang-prepay-2024/11"),
    AgencyEntry("收回", "支出户存款或社会保险待遇支出", _XIZANG, "xizang-prepay-2024/11"),
    AgencyEntry("核销", "其他支出", _XIZANG, "xizang-prepay-2024/11"),
    AgencyEntry("拨付", _PREPAID, "支出户存款或财政专户存款", "zhejiang-prepay-2025/5.1"),
    AgencyEntry("收回", _RECOVERED, _PREPAID, "zhejiang-prepay-2025/5.1"),
    AgencyEntry("核销", "其他支出", _PREPAID, "zhejiang-prepay-2025/5.2"),
)


@implements("weihai-prepay-2025/3", "xizang-prepay-2024/11", "zhejiang-prepay-2025/5.1", "zhejiang-prepay-2025/5.2")
def agency_entries(instrument: str) -> tuple[AgencyEntry, ...]:
    """What the agency of this place books; nothing where its notice prints no entry."""
    return tuple(one for one in _ENTRIES if one.clause.startswith(f"{instrument}/"))

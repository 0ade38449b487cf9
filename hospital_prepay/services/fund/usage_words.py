"""The words of the usage report, for page, paper, sheet and command line alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hospital_prepay.domain.ledger.grant_usage import Balance, Column, Movement, Period
from hospital_prepay.services.fund.words import CATEGORIES

BALANCES: Final = {
    Balance.OWED: "应还医保",
    Balance.CASH: "专款（含已预留）",
    Balance.RESERVED: "其中已预留",
    Balance.DISTRIBUTED: "成员单位手里",
}
_MOVEMENTS: Final = {
    Movement.RECEIVED: "到账",
    Movement.RESERVE: "预留",
    Movement.UNRESERVE: "退回预留",
    Movement.USED: "付款",
    Movement.RETURNED: "交回",
    Movement.OFFSET: "结算冲抵",
    Movement.NETTED: "轧差转入",
    Movement.NETTED_OUT: "轧差转出",
    Movement.DISTRIBUTED: "分给成员单位",
    Movement.MEMBER_RETURN: "成员退回",
    Movement.CLAIMED: "转为应收",
    Movement.LET_GO: "解除限定",
    Movement.OTHER: "其他",
}
# Shown also when nothing moved, so that a report always has its usual shape; the rest when something did.
_USUAL: Final = {
    Balance.OWED: (Movement.RECEIVED, Movement.RETURNED, Movement.OFFSET, Movement.OTHER),
    Balance.CASH: (Movement.RECEIVED, Movement.RETURNED, Movement.LET_GO, Movement.OTHER),
    Balance.RESERVED: (Movement.RESERVE, Movement.UNRESERVE, Movement.USED, Movement.OTHER),
    Balance.DISTRIBUTED: (Movement.DISTRIBUTED, Movement.MEMBER_RETURN, Movement.CLAIMED, Movement.OTHER),
}
_USUAL_USES: Final = ("drug", "consumable")
_UNNAMED_USE: Final = "付款（没有分类）"


def columns_of(balance: Balance, moved: Iterable[Column]) -> list[Column]:
    """The columns of a balance's table, in the order of the report."""
    shown = {Column(movement) for movement in _USUAL[balance]} | set(moved)
    if balance is Balance.CASH:
        shown |= {Column(Movement.USED, category) for category in _USUAL_USES}
    return sorted(shown, key=_place)


def column_words(column: Column, balance: Balance) -> str:
    """The heading of a column: a use by what was paid."""
    if column.movement is Movement.USED and balance is Balance.CASH:
        return f"付{CATEGORIES.get(column.category, column.category)}" if column.category else _UNNAMED_USE
    return _MOVEMENTS[column.movement]


def period_words(period: Period) -> str:
    """``2026 年 1 月``, ``2026 年第 1 季度``, ``2026 年``, or from month to month where a period was cut or crosses
    a year."""
    year, first, last = period.first[:4], int(period.first[5:]), int(period.last[5:])
    if year != period.last[:4]:
        until = period.last[:4]
        return f"{year}–{until} 年" if (first, last) == (1, 12) else f"{year} 年 {first} 月至 {until} 年 {last} 月"
    if first == last:
        return f"{year} 年 {first} 月"
    if (first, last) == (1, 12):
        return f"{year} 年"
    if last - first == 2 and last % 3 == 0:
        return f"{year} 年第 {last // 3} 季度"
    return f"{year} 年 {first}–{last} 月"


def end_words(period: Period) -> str:
    """The end of a period: ``2026 年 3 月末``."""
    return f"{period_words(Period(period.last, period.last))}末"


def _place(column: Column) -> tuple[int, int, str]:
    categories = list(CATEGORIES)
    at = categories.index(column.category) if column.category in categories else len(categories)
    return list(Movement).index(column.movement), at, column.category

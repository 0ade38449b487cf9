"""Which statements a month needs before it can be called reconciled, and whether somebody imported them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from hospital_prepay.domain.clauses import house_rule, implements

BANK: Final = "bank"
AGENCY: Final = "agency"
TOTALS: Final = "totals"
STATEMENTS: Final = {BANK: "银行流水", AGENCY: "医保对账单"}
# Lines of them that couldn't be taken, and of which nobody said yet what they are.
UNREAD: Final = {BANK: "bank_lines", AGENCY: "agency_lines", TOTALS: "totals_lines"}
MISSING_WORDS: Final = {
    **STATEMENTS,
    UNREAD[BANK]: "银行流水里没收下的行的说明",
    UNREAD[AGENCY]: "医保对账单里没收下的行的说明",
    UNREAD[TOTALS]: "期末余额里没收下的行的说明",
}
# The notices that have the agency reconcile with hospitals; the others don't speak of a statement of its own.
_RECONCILES: Final = {
    "weihai-prepay-2025": "weihai-prepay-2025/3",
    "zhejiang-prepay-2025": "zhejiang-prepay-2025/5.1",
    "henan-settlement-2023": "henan-settlement-2023/3.1",
}


@dataclass(frozen=True, slots=True)
class Paper:
    """An imported statement: the day of the import, and the days from its first line to its last (``None`` when it
    has no line). ``unread`` when lines of it couldn't be taken and nobody said what they are: they may be of its own
    month ``period``, too, and are of the days ``unread_on`` that could be read of them."""

    kind: str
    imported_on: date
    first_on: date | None = None
    last_on: date | None = None
    unread: bool = False
    period: str = ""
    unread_on: tuple[date, ...] = ()


@implements("weihai-prepay-2025/3", "zhejiang-prepay-2025/5.1", "henan-settlement-2023/3.1")
def agency_reconciles(regime: str) -> str | None:
    """The clause by which the agency reconciles with hospitals, so that there is a statement of its own to ask for;
    ``None`` where the notice doesn't say."""
    return _RECONCILES.get(regime)


@house_rule
def missing_statements(
    papers: Iterable[Paper], regimes: Iterable[str], first: date, last: date, quiet: Iterable[str] = ()
) -> tuple[str, ...]:
    """The kinds that a month from ``first`` to ``last`` needs and nobody imported: always the bank's, and the
    agency's where a grant of one of ``regimes`` stood and its notice has the agency reconcile.

    A statement speaks of a month when it has lines in it or on both sides of it; only one that was imported after
    the month's end can hold all of it. The month that somebody gave with the file proves nothing. Of ``quiet`` kinds
    a person said that there is no line.
    """
    given = {one.kind for one in papers if one.imported_on > last and _speaks_of(one, first, last)} | {*quiet}
    needed = (BANK, AGENCY) if any(agency_reconciles(one) for one in regimes) else (BANK,)
    return tuple(kind for kind in needed if kind not in given)


@house_rule
def unread_statements(papers: Iterable[Paper], first: date, last: date) -> tuple[str, ...]:
    """What stands in the way of a month although its statements are there: lines that couldn't be taken, in a file
    that speaks of the month or was imported for it, or lines of a day in it. Whatever they are, they may be money."""
    kinds = {
        one.kind
        for one in papers
        if one.unread
        and (
            _speaks_of(one, first, last)
            or one.period == first.isoformat()[:7]
            or any(first <= day <= last for day in one.unread_on)
        )
    }
    return tuple(word for kind, word in UNREAD.items() if kind in kinds)


def _speaks_of(paper: Paper, first: date, last: date) -> bool:
    if paper.first_on is None or paper.last_on is None:
        return False
    return paper.first_on <= last and first <= paper.last_on

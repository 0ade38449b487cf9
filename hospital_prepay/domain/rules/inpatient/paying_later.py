"""Treated first, paying later (article 21): whom the notice names, credit grades, and what is asked for at the desk.

A recognised group or a good grade only lowers what is *asked for*, never the cap: whoever wants to pay may, within
the cap. Both rest on settings of the hospital, with the local policy's number as their ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.clauses import implements

PAYS_LATER: Final = "guizhou-deposit-2025/21"


class Group(StrEnum):
    """The four groups that article 21 names."""

    LIFTED = "lifted"
    LOW_INCOME = "low_income"
    DESTITUTE = "destitute"
    AT_RISK = "at_risk"

    @property
    def label(self) -> str:
        """The words on screens and in lists."""
        return _GROUPS[self]


_GROUPS: Final = {
    Group.LIFTED: "脱贫人口",
    Group.LOW_INCOME: "低保对象",
    Group.DESTITUTE: "特困人员",
    Group.AT_RISK: "易返贫致贫人口",
}


class Grade(StrEnum):
    """A credit grade: nothing but how somebody settled here before."""

    A = "a"
    B = "b"
    C = "c"

    @property
    def label(self) -> str:
        """The words on screens."""
        return {Grade.A: "信用甲级", Grade.B: "信用乙级", Grade.C: "信用丙级"}[self]


@dataclass(frozen=True, slots=True)
class History:
    """How somebody settled here before: stays settled, what is still owed in fen, promises broken."""

    settled: int
    owed_fen: int
    broken: int


@implements(PAYS_LATER)
def grade_of(history: History) -> Grade:
    """C while something is owed; A for who settled here, owes nothing and kept every promise; else B."""
    if history.owed_fen:
        return Grade.C
    return Grade.A if history.settled and not history.broken else Grade.B


@implements(PAYS_LATER)
def grade_words(history: History) -> str:
    """The grounds of a grade, as the desk shows them."""
    owes = "有欠费没有交清" if history.owed_fen else "没有欠费"
    return f"结过账 {history.settled} 次，{owes}，到期没有兑现的约定 {history.broken} 个"


@implements(PAYS_LATER)
def asked_fen(cap_fen: int, collected_fen: int, share_percent: int, *, pays_later: bool) -> int:
    """What is asked for now in fen: nothing of who pays later, else the share of the cap that isn't collected yet,
    rounded down to a fen. Never above the cap."""
    if pays_later:
        return 0
    share = min(max(share_percent, 0), 100)
    return max(0, cap_fen * share // 100 - collected_fen)

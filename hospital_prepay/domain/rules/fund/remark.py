"""The remark of a payment, read into period, insurance kind and purpose. What it doesn't say stays unknown."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.rules.fund.regime import Fund

_MONTH: Final = r"(1[0-2]|0?[1-9])"
# A year and month in words or with a separator, and not the first of a span; or six digits that stand alone.
_PERIODS: Final = (
    re.compile(rf"(?<!\d)(20\d\d)年{_MONTH}月(?!\d{{1,2}}[日号])"),
    re.compile(rf"(?<!\d)(20\d\d)[-/.]{_MONTH}(?![\d\-/.])(?!月?[-~至到])"),
    re.compile(r"(?<!\d)(20\d\d)(0[1-9]|1[0-2])(?!\d)"),
)
_SPAN: Final = re.compile(r"\d月?份?\s*[-~—–至到]\s*\d{0,4}年?\d{1,2}月")
_FUNDS: Final = {Fund.EMPLOYEE: ("职工",), Fund.RESIDENT: ("居民",)}


class Purpose(StrEnum):
    """What a payment is for."""

    INPATIENT = "inpatient"
    OUTPATIENT = "outpatient"
    CROSS_REGION = "cross_region"
    PREPAYMENT = "prepayment"
    CLEARING = "clearing"

    @property
    def label(self) -> str:
        """The Chinese words on screens."""
        return _LABELS[self]


_LABELS: Final = {
    Purpose.INPATIENT: "住院统筹结算",
    Purpose.OUTPATIENT: "门诊统筹结算",
    Purpose.CROSS_REGION: "异地就医清算",
    Purpose.PREPAYMENT: "预付金",
    Purpose.CLEARING: "年度清算",
}


@dataclass(frozen=True, slots=True)
class Remark:
    """What a remark says; ``None`` for what it doesn't, or says in two ways. ``period`` is ``2026-03``."""

    period: str | None
    fund: Fund | None
    purpose: Purpose | None

    @property
    def complete(self) -> bool:
        """Whether nothing is missing that the notice asks for."""
        return None not in (self.period, self.fund, self.purpose)


@implements("henan-settlement-2023/4.2")
def read_remark(text: str) -> Remark:
    """Period, insurance kind and purpose of a payment's remark. Full-width signs count as narrow ones."""
    plain = "".join(unicodedata.normalize("NFKC", text).split())
    return Remark(_period(plain), _only(_funds(plain)), _purpose(plain))


def _period(text: str) -> str | None:
    if _SPAN.search(text):
        return None
    found = {f"{year}-{int(month):02d}" for pattern in _PERIODS for year, month in pattern.findall(text)}
    return found.pop() if len(found) == 1 else None


def _funds(text: str) -> list[Fund]:
    return [fund for fund, words in _FUNDS.items() if any(word in text for word in words)]


def _purpose(text: str) -> Purpose | None:
    if "预付" in text or "预拨" in text:
        return None if "结算" in text or "清算" in text else Purpose.PREPAYMENT
    if "异地" in text:
        return Purpose.CROSS_REGION
    kinds = [kind for kind, word in ((Purpose.INPATIENT, "住院"), (Purpose.OUTPATIENT, "门诊")) if word in text]
    if kinds:
        return kinds[0] if len(kinds) == 1 else None
    return Purpose.CLEARING if "年度清算" in text else None


def _only(found: list[Fund]) -> Fund | None:
    return found[0] if len(found) == 1 else None

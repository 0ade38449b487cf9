"""What a hospital knows of its own application, in the words that forms ask for; ``""`` leaves a cell blank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hospital_prepay.domain.money import Money

_LEVELS: Final = {1: "一级", 2: "二级", 3: "三级"}
_ASSESSMENTS: Final = {"excellent": "优秀", "qualified": "合格", "unqualified": "不合格"}


@dataclass(frozen=True, slots=True)
class Known:
    """An application with its hospital. ``institution`` and ``pools`` are the facts as they were filed."""

    hospital: str
    code: str
    level: int | None
    region: str
    year: int
    fund: str
    amount: Money
    institution: Mapping[str, Any]
    pools: Mapping[str, Mapping[str, Any]]
    notified: bool | None
    growth: str | None

    @property
    def level_words(self) -> str:
        """三级, or blank."""
        return _LEVELS.get(self.level or 0, "")

    @property
    def assessment(self) -> str:
        """优秀, 合格, 不合格, or blank."""
        return _ASSESSMENTS.get(str(self.institution.get("assessment")), "")

    @property
    def penalised(self) -> bool | None:
        """Penalised or referred within twelve months; unknown while one of the two is and the other isn't so."""
        found = [self.institution.get(name) for name in ("penalised_in_12_months", "referred_for_fraud_in_12_months")]
        return True if True in found else None if None in found else False

    @property
    def settled_a_year(self) -> bool | None:
        """Settled normally for a whole calendar year or more."""
        years = self.institution.get("full_years_settled")
        return None if years is None else bool(years >= 1)

    def months_payable(self, fund: str) -> str:
        """How long the surplus of a fund lasts, as the hospital was told."""
        return str(self.pools.get(fund, {}).get("months_payable") or "")


def whether(fact: bool | None) -> str:
    """是, 否, or blank."""
    return "" if fact is None else "是" if fact else "否"


def has(fact: bool | None) -> str:
    """有, 无, or blank."""
    return "" if fact is None else "有" if fact else "无"

"""What is shown beside a cap table: how far the posted list reaches, how the cases spread over the years, and what
looks unusual. Nothing here refuses anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.money import ZERO, Money
from hospital_prepay.domain.rules.inpatient.caps import DiseaseTotal


@dataclass(frozen=True, slots=True)
class Reach:
    """The posted list against all discharges of the last year of the window."""

    year: int
    diseases: int
    cost: Money
    posted_cost: Money
    admissions: int
    posted_admissions: int

    @property
    def cost_permille(self) -> int:
        """Share of the cost, rounded down, so that 49.99 % never shows as half."""
        return self.posted_cost.fen * 1000 // self.cost.fen if self.cost.fen else 0

    @property
    def admissions_permille(self) -> int:
        """Share of the admissions, rounded down."""
        return self.posted_admissions * 1000 // self.admissions if self.admissions else 0

    @property
    def is_enough(self) -> bool:
        """Whether half of the cost or half of the admissions is reached (18)."""
        by_cost = bool(self.cost) and self.posted_cost.fen * 2 >= self.cost.fen
        return by_cost or (bool(self.admissions) and self.posted_admissions * 2 >= self.admissions)


@dataclass(frozen=True, slots=True)
class YearCount:
    """Cases of one year."""

    year: int
    cases: int
    diseases: int


@implements("guizhou-deposit-2025/18")
def posted_reach(year: int, totals: Iterable[DiseaseTotal], posted: Collection[str]) -> Reach:
    """How much of ``year`` the posted diseases make up."""
    every = list(totals)
    listed = [total for total in every if total.disease_code in posted]
    return Reach(
        year,
        len(listed),
        sum((total.sum_cost for total in every), ZERO),
        sum((total.sum_cost for total in listed), ZERO),
        sum(total.cases for total in every),
        sum(total.cases for total in listed),
    )


def is_thin(years: Sequence[YearCount]) -> bool:
    """Whether the last year has fewer than half the cases of the others on average: most likely not all exported.

    A house rule; no clause says it.
    """
    if len(years) < 2:
        return False
    *earlier, last = years
    return last.cases * 2 * len(earlier) < sum(year.cases for year in earlier)


def unusual_order(employee: Money | None, resident: Money | None, self_pay: Money | None) -> tuple[bool, bool]:
    """Whether the resident's cap lies below the employee's, and self-pay's below the highest insured one.

    Nearly always it is the other way round, but not always: worth a look, never a refusal.
    """
    below_employee = employee is not None and resident is not None and resident < employee
    insured = [cap for cap in (employee, resident) if cap is not None]
    return below_employee, self_pay is not None and any(self_pay < cap for cap in insured)

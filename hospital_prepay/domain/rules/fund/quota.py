"""How much: the monthly base of each fund, the months of it, and whether the pool may prepay at all."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.facts import AssessmentFacts, PoolFacts
from hospital_prepay.domain.rules.fund.regime import Absence, Base, DeficitBars, Fund, Raised, Regime, Size, Solvency

_MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class Quota:
    """What one fund may prepay. ``None`` is unknown; ``max_quota`` is ``None`` also where no ceiling is stated."""

    fund: Fund
    permitted: bool | None
    base: Money | None
    months: Fraction | None
    quota: Money | None
    max_quota: Money | None
    clauses: tuple[str, ...]


def quotas(regime: Regime, facts: AssessmentFacts, eligible: bool | None) -> tuple[Quota, ...]:
    """One quota for each fund in ``facts.pools``, employee first. Whole fen, rounded down at the base and again at
    the product."""
    order = list(Fund)
    return tuple(
        _quota(regime, facts, pool.fund, eligible) for pool in sorted(facts.pools, key=lambda p: order.index(p.fund))
    )


def _quota(regime: Regime, facts: AssessmentFacts, fund: Fund, eligible: bool | None) -> Quota:
    permitted = pool_permits(regime.solvency, facts.pools, fund)
    base = None if isinstance(regime.base, Absence) else monthly_base(regime.base, facts, fund)
    cited = _clauses(regime)
    if isinstance(regime.size, Absence):
        return Quota(fund, permitted, base, None, _barred(permitted, eligible), None, cited)
    none = _barred(permitted, eligible)
    ordinary, largest = none, none
    if none is None and base is not None and permitted and eligible:
        ordinary = _times(base, regime.size.months)
        largest = largest_quota(regime.size, facts, base)
    if isinstance(regime.size.largest, Absence):
        largest = None
    return Quota(fund, permitted, base, regime.size.months, ordinary, largest, cited)


def _clauses(regime: Regime) -> tuple[str, ...]:
    provisions = [part.provision for part in (regime.base, regime.size) if not isinstance(part, Absence)]
    if not isinstance(regime.solvency, Absence):
        provisions += [regime.solvency.months.provision, regime.solvency.deficit_bars.provision]
    return tuple(sorted({one.clause for one in provisions if one.clause is not None}))


@implements("weihai-prepay-2025/1", "xizang-prepay-2024/10", "zhejiang-prepay-2025/2.1")
def pool_permits(solvency: Solvency | Absence, pools: tuple[PoolFacts, ...], fund: Fund) -> bool | None:
    """Whether the pool may prepay this fund: months payable at least the number named (exactly that many are
    enough), and no deficit last year or forecast, in this fund or in any of the region as the notice has it.

    A notice that says nothing of pools permits; a text we don't have is unknown.
    """
    if isinstance(solvency, Absence):
        return True if solvency is Absence.SILENT else None
    own = next(pool for pool in pools if pool.fund is fund)
    months = None if own.months_payable is None else own.months_payable >= solvency.months.value[fund]
    looked_at = pools if solvency.deficit_bars.value is DeficitBars.REGION else (own,)
    deficits = [deficit for pool in looked_at for deficit in (pool.deficit_last_year, pool.deficit_forecast)]
    if months is False or True in deficits:
        return False
    return None if months is None or None in deficits else True


@implements(
    "weihai-prepay-2025/2.2", "xizang-prepay-2024/4.1", "zhejiang-prepay-2025/2.3", "henan-settlement-2023/2.2"
)
def monthly_base(base: Base, facts: AssessmentFacts, fund: Fund) -> Money | None:
    """The monthly mean over the past years named, rounded down to the fen; ``None`` when a year is missing."""
    wanted = range(facts.year - base.years, facts.year)
    paid = {year: [p.amount.fen for p in facts.paid if p.fund is fund and p.year == year] for year in wanted}
    if not all(paid.values()):
        return None
    return Money(sum(sum(amounts) for amounts in paid.values()) // (_MONTHS_A_YEAR * base.years))


@implements("zhejiang-prepay-2025/2.3", "henan-settlement-2023/2.2")
def largest_quota(size: Size, facts: AssessmentFacts, base: Money) -> Money | None:
    """The largest size the notice allows this hospital. Zhejiang: up to two months where growth is at most 5 %
    (exactly 5 % is), the assessment excellent and priority work outstanding; all three must be known."""
    if isinstance(size.largest, Absence):
        return None
    largest = size.largest.value
    if isinstance(largest, Fraction):
        return _times(base, largest)
    opened = _opens(largest, facts)
    if opened is None:
        return None
    return _times(base, largest.months if opened else size.months)


def _opens(raised: Raised, facts: AssessmentFacts) -> bool | None:
    hospital = facts.institution
    parts = (
        None if facts.growth is None else facts.growth <= raised.growth_at_most,
        None if hospital.assessment is None else hospital.assessment == "excellent",
        None if hospital.priority_work is None else hospital.priority_work == "outstanding",
    )
    if False in parts:
        return False
    return None if None in parts else True


def _barred(permitted: bool | None, eligible: bool | None) -> Money | None:
    return Money(0) if permitted is False or eligible is False else None


def _times(base: Money, months: Fraction) -> Money:
    return Money(int(base.fen * months.numerator // months.denominator))

"""How much: the monthly base of each fund, the months of it, and whether the pool may prepay at all."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.facts import AssessmentFacts, PoolFacts
from hospital_prepay.domain.rules.fund.readings import DEFAULTS, AssessmentReadings, PoolSolvency, QuotaRounding
from hospital_prepay.domain.rules.fund.regime import (
    Absence,
    Base,
    DeficitBars,
    Fund,
    NamedBy,
    Raised,
    Regime,
    Size,
    Solvency,
)

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


def quotas(
    regime: Regime, facts: AssessmentFacts, eligible: bool | None, readings: AssessmentReadings = DEFAULTS
) -> tuple[Quota, ...]:
    """One quota for each fund in ``facts.pools``, employee first. Whole fen, rounded at the base and again at the
    product: down, or to the nearest (reading ``quota_rounding``)."""
    order = list(Fund)
    pools = sorted(facts.pools, key=lambda pool: order.index(pool.fund))
    return tuple(_quota(regime, facts, pool.fund, eligible, readings) for pool in pools)


def _quota(
    regime: Regime, facts: AssessmentFacts, fund: Fund, eligible: bool | None, readings: AssessmentReadings
) -> Quota:
    rounding = readings.quota_rounding
    permitted = pool_permits(regime.solvency, facts.pools, fund, readings.pool_solvency)
    base = None if isinstance(regime.base, Absence) else monthly_base(regime.base, facts, fund, rounding)
    cited = _clauses(regime)
    if isinstance(regime.size, Absence):
        return Quota(fund, permitted, base, None, _barred(permitted, eligible), None, cited)
    none = _barred(permitted, eligible)
    ordinary, largest = none, none
    if none is None and base is not None and permitted and eligible:
        ordinary = _times(base, regime.size.months, rounding)
        largest = largest_quota(regime.size, facts, base, rounding)
    if isinstance(regime.size.largest, Absence):
        largest = None
    return Quota(fund, permitted, base, regime.size.months, ordinary, largest, cited)


def _clauses(regime: Regime) -> tuple[str, ...]:
    provisions = [part.provision for part in (regime.base, regime.size) if not isinstance(part, Absence)]
    if not isinstance(regime.solvency, Absence):
        provisions += [regime.solvency.months.provision, regime.solvency.deficit_bars.provision]
    return tuple(sorted({one.clause for one in provisions if one.clause is not None}))


@implements("weihai-prepay-2025/1", "xizang-prepay-2024/10", "zhejiang-prepay-2025/2.1")
def pool_permits(
    solvency: Solvency | Absence,
    pools: tuple[PoolFacts, ...],
    fund: Fund,
    reading: PoolSolvency = PoolSolvency.EACH_FOR_ITSELF,
) -> bool | None:
    """Whether the pool may prepay this fund: months payable at least the number named (exactly that many are
    enough), and no deficit last year or forecast, in this fund or in any of the region as the notice has it.

    Where the notice doesn't say that each fund is held against its own months alone, the ``reading`` decides whether
    the other's bar it, too. A notice that says nothing of pools permits; a text we don't have is unknown.
    """
    if isinstance(solvency, Absence):
        return True if solvency is Absence.SILENT else None
    own = next(pool for pool in pools if pool.fund is fund)
    enough = [_lasts(solvency, pools, one) for one in funds_looked_at(solvency, fund, reading)]
    looked_at = pools if solvency.deficit_bars.value is DeficitBars.REGION else (own,)
    deficits = [deficit for pool in looked_at for deficit in (pool.deficit_last_year, pool.deficit_forecast)]
    if False in enough or True in deficits:
        return False
    return None if None in enough or None in deficits else True


def funds_looked_at(solvency: Solvency, fund: Fund, reading: PoolSolvency) -> tuple[Fund, ...]:
    """Whose months payable decide about ``fund``: its own, or those of both where the notice leaves it open."""
    both = solvency.apart_by is NamedBy.READING and reading is PoolSolvency.EITHER_BARS_BOTH
    return tuple(solvency.months.value) if both else (fund,)


def _lasts(solvency: Solvency, pools: tuple[PoolFacts, ...], fund: Fund) -> bool | None:
    months = next((pool.months_payable for pool in pools if pool.fund is fund), None)
    return None if months is None else months >= solvency.months.value[fund]


@implements(
    "weihai-prepay-2025/2.2", "xizang-prepay-2024/4.1", "zhejiang-prepay-2025/2.3", "henan-settlement-2023/2.2"
)
def monthly_base(
    base: Base, facts: AssessmentFacts, fund: Fund, rounding: QuotaRounding = QuotaRounding.DOWN
) -> Money | None:
    """The monthly mean over the past years named, rounded to the fen; ``None`` when a year is missing."""
    wanted = range(facts.year - base.years, facts.year)
    paid = {year: [p.amount.fen for p in facts.paid if p.fund is fund and p.year == year] for year in wanted}
    if not all(paid.values()):
        return None
    total = sum(sum(amounts) for amounts in paid.values())
    return _fen(Fraction(total, _MONTHS_A_YEAR * base.years), rounding)


@implements("zhejiang-prepay-2025/2.3", "henan-settlement-2023/2.2")
def largest_quota(
    size: Size, facts: AssessmentFacts, base: Money, rounding: QuotaRounding = QuotaRounding.DOWN
) -> Money | None:
    """The largest size the notice allows this hospital. Zhejiang: up to two months where growth is at most 5 %
    (exactly 5 % is), the assessment excellent and priority work outstanding; all three must be known."""
    if isinstance(size.largest, Absence):
        return None
    largest = size.largest.value
    if isinstance(largest, Fraction):
        return _times(base, largest, rounding)
    opened = _opens(largest, facts)
    if opened is None:
        return None
    return _times(base, largest.months if opened else size.months, rounding)


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


def _times(base: Money, months: Fraction, rounding: QuotaRounding) -> Money:
    return _fen(base.fen * months, rounding)


def _fen(exact: Fraction, rounding: QuotaRounding) -> Money:
    # Half a fen goes up, as 四舍五入 has it; Python's round() would send it to the even neighbour.
    return Money(floor(exact + Fraction(1, 2)) if rounding is QuotaRounding.NEAREST else floor(exact))

"""Which facts an answer still waits for, by the name that a form gives them: ``assessment``, ``employee_months``,
``resident_paid_2`` (two years before the one applied for)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from hospital_prepay.domain.rules.fund.eligibility import NEEDS, Checked, Met
from hospital_prepay.domain.rules.fund.facts import AssessmentFacts, PoolFacts
from hospital_prepay.domain.rules.fund.quota import Quota, funds_looked_at
from hospital_prepay.domain.rules.fund.readings import DEFAULTS, AssessmentReadings, PoolSolvency
from hospital_prepay.domain.rules.fund.regime import Absence, DeficitBars, Fund, Raised, Regime
from hospital_prepay.services.fund.assess import decimal_text
from hospital_prepay.services.fund.words import FACTS, POOL_FACTS

_YEARS_BACK: Final = {1: "上年", 2: "前年", 3: "大前年"}


def missing_for_condition(facts: AssessmentFacts, one: Checked) -> tuple[str, ...]:
    """What to fill in before the condition can be judged; nothing once it is."""
    if one.outcome is not Met.UNKNOWN:
        return ()
    named = tuple(name for name in NEEDS[one.id] if getattr(facts.institution, name) is None)
    if one.id == "monthly_floor":
        return (*named, *(name for pool in facts.pools for name in _unpaid(facts, pool.fund, 1)))
    return named


def missing_for_quota(
    regime: Regime, facts: AssessmentFacts, quota: Quota, readings: AssessmentReadings = DEFAULTS
) -> tuple[str, ...]:
    """What to fill in before this fund's permission, base and largest size can be told; nothing once it is barred."""
    if quota.permitted is False:
        return ()
    found = list(_of_pools(regime, facts, quota.fund, readings.pool_solvency)) if quota.permitted is None else []
    if not isinstance(regime.base, Absence):
        found += _unpaid(facts, quota.fund, regime.base.years)
    if _is_raised(regime) and quota.max_quota is None and facts.growth is None:
        found.append("growth")
    return tuple(found)


def fact_labels() -> dict[str, str]:
    """What every fact is called in front of people."""
    found = {"regime": "哪里的规定", "year": "哪一年", "growth": "基金支出增长率", **FACTS}
    for fund in Fund:
        found |= {f"{fund.value}_{key}": f"{fund.label}{label}" for key, label in POOL_FACTS.items()}
        found |= {
            f"{fund.value}_paid_{back}": f"{fund.label}{word}付给本院（全年合计）"
            for back, word in _YEARS_BACK.items()
        }
    return found


def why_barred(regime: Regime, facts: AssessmentFacts, quota: Quota) -> tuple[str, ...]:
    """Why a pool may not prepay this fund, in words: too few months, or a deficit; nothing where it may."""
    if quota.permitted is not False or isinstance(regime.solvency, Absence):
        return ()
    solvency = regime.solvency
    whole_region = solvency.deficit_bars.value is DeficitBars.REGION
    found = list[str]()
    for pool in sorted(facts.pools, key=lambda pool: pool.fund is not quota.fund):
        own = pool.fund is quota.fund
        least = solvency.months.value[pool.fund]
        short = pool.months_payable is not None and pool.months_payable < least
        if short and (own or not found):
            months = decimal_text(pool.months_payable or Fraction(0))
            found.append(f"{pool.fund.label}累计结余可支付 {months} 个月，不到 {decimal_text(least)} 个月")
        if own or whole_region:
            deficits = (("deficit_last_year", "上年出现当期赤字"), ("deficit_forecast", "预计本年赤字"))
            found += [f"{pool.fund.label}{words}" for name, words in deficits if getattr(pool, name)]
    return tuple(found)


def _of_pools(regime: Regime, facts: AssessmentFacts, fund: Fund, reading: PoolSolvency) -> Iterator[str]:
    if isinstance(regime.solvency, Absence):
        return
    own = next(pool for pool in facts.pools if pool.fund is fund)
    known = {pool.fund for pool in facts.pools if pool.months_payable is not None}
    for one in funds_looked_at(regime.solvency, fund, reading):
        if one not in known:
            yield f"{one.value}_months"
    looked_at = facts.pools if regime.solvency.deficit_bars.value is DeficitBars.REGION else (own,)
    for pool in looked_at:
        yield from _deficits(pool)


def _deficits(pool: PoolFacts) -> Iterator[str]:
    for name in ("deficit_last_year", "deficit_forecast"):
        if getattr(pool, name) is None:
            yield f"{pool.fund.value}_{name}"


def _unpaid(facts: AssessmentFacts, fund: Fund, years: int) -> list[str]:
    reported = {paid.year for paid in facts.paid if paid.fund is fund}
    return [f"{fund.value}_paid_{back}" for back in range(1, years + 1) if facts.year - back not in reported]


def _is_raised(regime: Regime) -> bool:
    size = regime.size
    if isinstance(size, Absence) or isinstance(size.largest, Absence):
        return False
    return isinstance(size.largest.value, Raised)

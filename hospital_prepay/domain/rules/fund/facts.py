"""What an assessment looks at. Every fact may be ``None``: not known, and never taken for met."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Fund


@dataclass(frozen=True, slots=True)
class InstitutionFacts:
    """The hospital itself. ``level`` is 1–3, ``assessment`` and ``priority_work`` are the words of the contract."""

    level: int | None = None
    public: bool | None = None
    inpatient: bool | None = None
    full_years_settled: int | None = None
    assessment: str | None = None
    credit_grade: str | None = None
    priority_work: str | None = None
    sound_finance: bool | None = None
    cooperates_with_inspections: bool | None = None
    tracing_codes_complete: bool | None = None
    convenience_services: bool | None = None
    penalised_in_12_months: bool | None = None
    referred_for_fraud_in_12_months: bool | None = None
    debts_to_agency: bool | None = None
    assets_preserved: bool | None = None
    unperformed_judgment: bool | None = None
    enforcement_pending: bool | None = None
    repays_procurement_shortfall: bool | None = None
    cleared_last_year: bool | None = None


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """One fund of the pool region: how long its surplus lasts, and whether it runs a deficit."""

    fund: Fund
    months_payable: Fraction | None = None
    deficit_last_year: bool | None = None
    deficit_forecast: bool | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """What one fund paid this hospital in one calendar year."""

    year: int
    fund: Fund
    amount: Money


@dataclass(frozen=True, slots=True)
class AssessmentFacts:
    """All facts of one application: the year it is for, the hospital, the pools, past payments, and the growth of
    fund spending in the pool region (``1/20`` is 5 %)."""

    year: int
    institution: InstitutionFacts
    pools: tuple[PoolFacts, ...]
    paid: tuple[Paid, ...]
    growth: Fraction | None = None

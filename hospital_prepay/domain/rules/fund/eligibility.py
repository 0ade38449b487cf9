"""May this hospital have a prepayment this year: one check per condition, and which of them a place's notice asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.rules.fund.facts import AssessmentFacts
from hospital_prepay.domain.rules.fund.readings import DEFAULTS, AssessmentReadings, PenaltyTransition
from hospital_prepay.domain.rules.fund.regime import UNKNOWN, Absence, Condition, NamedBy, Regime, Stated


class Met(StrEnum):
    """How a condition stands. ``WAIVED``: not met, but a transition excuses it this year."""

    MET = "met"
    UNMET = "unmet"
    WAIVED = "waived"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Checked:
    """A condition and how it stands."""

    id: str
    clause: str | None
    outcome: Met


Check = Callable[[AssessmentFacts, Mapping[str, str]], "bool | None"]
_QUALIFIED: Final = frozenset({"excellent", "qualified"})
_DONE: Final = frozenset({"outstanding", "done"})
# The last year that is excused where the pack doesn't hold the answer: its own value is the default.
_EXCUSED_THROUGH: Final = {PenaltyTransition.STRICT_FROM_2027: 2026}


def check_conditions(
    regime: Regime, facts: AssessmentFacts, readings: AssessmentReadings = DEFAULTS
) -> tuple[Checked, ...]:
    """Every condition that ``regime`` has, in order of id; none where its text isn't known to us."""
    if isinstance(regime.conditions, Absence):
        return ()
    return tuple(_checked(one, facts, readings) for one in sorted(regime.conditions, key=lambda one: one.id))


def eligible(regime: Regime, checked: tuple[Checked, ...]) -> bool | None:
    """Whether the institution may have a prepayment: ``False`` when a condition is unmet, else ``None`` when one
    is unknown (or the whole text is), else ``True``. Pools don't count here: they bar a fund, not the hospital."""
    outcomes = {one.outcome for one in checked}
    if Met.UNMET in outcomes:
        return False
    if Met.UNKNOWN in outcomes or regime.conditions is UNKNOWN:
        return None
    return True


def _checked(condition: Condition, facts: AssessmentFacts, readings: AssessmentReadings) -> Checked:
    answer = CHECKS[condition.id](facts, condition.parameters)
    if answer is None:
        outcome = Met.UNKNOWN
    elif answer:
        outcome = Met.MET
    elif condition.waived_through is not None and facts.year <= _waived_through(condition.waived_through, readings):
        outcome = Met.WAIVED
    else:
        outcome = Met.UNMET
    return Checked(condition.id, condition.provision.clause, outcome)


def _waived_through(stated: Stated[int], readings: AssessmentReadings) -> int:
    """The last year of a transition; which year that is may be a reading (``penalty_transition``)."""
    if stated.provision.named_by is not NamedBy.READING:
        return stated.value
    return _EXCUSED_THROUGH.get(readings.penalty_transition, stated.value)


@implements("weihai-prepay-2025/2.1.1", "xizang-prepay-2024/3.1", "zhejiang-prepay-2025/2.2.1")
def agreement_and_history(facts: AssessmentFacts, parameters: Mapping[str, str]) -> bool | None:
    """Settled normally for the whole calendar years asked for (that many exactly are enough), and assessed as
    qualified or better."""
    years, assessment = facts.institution.full_years_settled, facts.institution.assessment
    return _all(
        None if years is None else years >= int(parameters["full_years"]),
        None if assessment is None else assessment in _QUALIFIED,
    )


@implements("weihai-prepay-2025/2.1.2", "xizang-prepay-2024/3.2", "zhejiang-prepay-2025/2.2.2")
def sound_finance(facts: AssessmentFacts, parameters: Mapping[str, str]) -> bool | None:
    """Finance is in order, business normal, and the money can be given back."""
    return facts.institution.sound_finance


@implements("weihai-prepay-2025/2.1.2", "xizang-prepay-2024/3.2", "zhejiang-prepay-2025/2.2.2")
def no_asset_or_judgment_burden(facts: AssessmentFacts, parameters: Mapping[str, str]) -> bool | None:
    """No assets preserved by a court, no unperformed judgment, no enforcement pending."""
    hospital = facts.institution
    burdens = (hospital.assets_preserved, hospital.unperformed_judgment, hospital.enforcement_pending)
    return _all(*(_not(burden) for burden in burdens))


@implements("weihai-prepay-2025/2.1.3", "xizang-prepay-2024/3.3", "zhejiang-prepay-2025/2.2.3")
def priority_work(facts: AssessmentFacts, parameters: Mapping[str, str]) -> bool | None:
    """Payment reform, central procurement, negotiated drugs and what else the notice lists are carried out."""
    work = facts.institution.priority_work
    return None if work is None else work in _DONE


@implements("weihai-prepay-2025/2.1.3", "xizang-prepay-2024/3.3", "zhejiang-prepay-2025/2.2.4")
def tracing_codes(facts: AssessmentFacts, parameters: Mapping[str, str]) -> bool | None:
    """Every tracing code that should be scanned and uploaded is."""
    return facts.institution.tracing_codes_complete


@implements("zhejiang-prepay-2025/2.2.4")
def convenience_services(facts: AssessmentFacts, parameters: Mapping[str, str]) -> bool | None:
    """Insurance code, mobile payment, electronic prescriptions and bills are in use."""
    return facts.institution.convenience_services


@implements("weihai-prepay-2025/2.1.4", "xizang-prepay-2024/3.4", "zhejiang-prepay-2025/2.2.5")
def cooperation(facts: AssessmentFacts, parameters: Mapping[str, str]) -> bool | None:
    """Cooperates with inspections of every kind."""
    return facts.institution.cooperates_with_inspections


@implements(
    "weihai-prepay-2025/2.1.4", "weihai-prepay-2025/2.2", "xizang-prepay-2024/3.4", "zhejiang-prepay-2025/2.2.5"
)
def no_penalty(facts: AssessmentFacts, parameters: Mapping[str, str]) -> bool | None:
    """Not penalised by the insurance authority within 12 months. Weihai excuses it in its first year (2.2)."""
    return _not(facts.institution.penalised_in_12_months)


@implements("weihai-prepay-2025/2.1.4", "xizang-prepay-2024/3.4", "zhejiang-prepay-2025/2.2.5")
def no_fraud_referral(facts: AssessmentFacts, parameters: Mapping[str, str]) -> bool | None:
    """Not referred for suspected fraud within 12 months; no transition excuses it."""
    return _not(facts.institution.referred_for_fraud_in_12_months)


@implements("weihai-prepay-2025/2.1.5")
def repays_procurement_shortfall(facts: AssessmentFacts, parameters: Mapping[str, str]) -> bool | None:
    """Gives back in time what settlements didn't cover of goods the fund paid for ahead."""
    return facts.institution.repays_procurement_shortfall


@implements("weihai-prepay-2025/2.1.6")
def credit_grade(facts: AssessmentFacts, parameters: Mapping[str, str]) -> bool | None:
    """The credit grade is the one asked for or better (A is better than B)."""
    grade = facts.institution.credit_grade
    return None if grade is None else grade <= parameters["at_least"]


@implements("weihai-prepay-2025/2.2")
def monthly_floor(facts: AssessmentFacts, parameters: Mapping[str, str]) -> bool | None:
    """Last year's monthly mean of all funds together reaches the floor; exactly the floor does."""
    inpatient = facts.institution.inpatient
    if inpatient is None:
        return None
    floor_fen = int(parameters["with_inpatients_fen" if inpatient else "without_inpatients_fen"])
    last = [paid for paid in facts.paid if paid.year == facts.year - 1]
    if sum(paid.amount.fen for paid in last) >= 12 * floor_fen:
        return True
    # What isn't reported could still lift the sum over the floor.
    reported = {paid.fund for paid in last}
    return False if last and all(pool.fund in reported for pool in facts.pools) else None


@implements("zhejiang-prepay-2025/2.2.6")
def no_debts_to_agency(facts: AssessmentFacts, parameters: Mapping[str, str]) -> bool | None:
    """Owes the agency nothing."""
    return _not(facts.institution.debts_to_agency)


@implements("henan-settlement-2023/2.1.1")
def level(facts: AssessmentFacts, parameters: Mapping[str, str]) -> bool | None:
    """A hospital of the level asked for or above."""
    own = facts.institution.level
    return None if own is None else own >= int(parameters["at_least"])


@implements("xizang-prepay-2024/5.4", "zhejiang-prepay-2025/3.4")
def cleared_last_year(facts: AssessmentFacts, parameters: Mapping[str, str]) -> bool | None:
    """Last year's prepayment was cleared in full, or there was none to clear."""
    return facts.institution.cleared_last_year


def _not(fact: bool | None) -> bool | None:
    return None if fact is None else not fact


def _all(*parts: bool | None) -> bool | None:
    """Unmet when one part is, else unknown when one part is."""
    if False in parts:
        return False
    return None if None in parts else True


CHECKS: Final[Mapping[str, Check]] = {
    check.__name__: check
    for check in (
        agreement_and_history,
        sound_finance,
        no_asset_or_judgment_burden,
        priority_work,
        tracing_codes,
        convenience_services,
        cooperation,
        no_penalty,
        no_fraud_referral,
        repays_procurement_shortfall,
        credit_grade,
        monthly_floor,
        no_debts_to_agency,
        level,
        cleared_last_year,
    )
}
PARAMETERS: Final[Mapping[str, frozenset[str]]] = {
    "agreement_and_history": frozenset({"full_years"}),
    "credit_grade": frozenset({"at_least"}),
    "monthly_floor": frozenset({"with_inpatients_fen", "without_inpatients_fen"}),
    "level": frozenset({"at_least"}),
}
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "agreement_and_history": ("full_years_settled", "assessment"),
    "sound_finance": ("sound_finance",),
    "no_asset_or_judgment_burden": ("assets_preserved", "unperformed_judgment", "enforcement_pending"),
    "priority_work": ("priority_work",),
    "tracing_codes": ("tracing_codes_complete",),
    "convenience_services": ("convenience_services",),
    "cooperation": ("cooperates_with_inspections",),
    "no_penalty": ("penalised_in_12_months",),
    "no_fraud_referral": ("referred_for_fraud_in_12_months",),
    "repays_procurement_shortfall": ("repays_procurement_shortfall",),
    "credit_grade": ("credit_grade",),
    "monthly_floor": ("inpatient",),
    "no_debts_to_agency": ("debts_to_agency",),
    "level": ("level",),
    "cleared_last_year": ("cleared_last_year",),
}
"""The facts of the institution that each check looks at; the floor looks at last year's payments, too."""
WAIVABLE: Final = frozenset({"no_penalty"})
"""Conditions that a transition may excuse for some years."""

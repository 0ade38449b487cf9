"""May this hospital have a prepayment this year, how much and by when; and may it pay this. Pure calculators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hospital_prepay.domain.rules.fund.duties import Duty, duties_of_year
from hospital_prepay.domain.rules.fund.eligibility import Checked, check_conditions, eligible
from hospital_prepay.domain.rules.fund.facts import AssessmentFacts
from hospital_prepay.domain.rules.fund.quota import Quota, quotas
from hospital_prepay.domain.rules.fund.readings import DEFAULTS, AssessmentReadings, HolidayRoll
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.domain.rules.fund.uses import UseAnswer, UseLine, check_use
from hospital_prepay.rulebook.holidays import working_day_calendar
from hospital_prepay.rulebook.loader import load_rulebook


@dataclass(frozen=True, slots=True)
class AssessFund:
    """Facts, and the notice they are held against."""

    regime: str
    facts: AssessmentFacts


@dataclass(frozen=True, slots=True)
class CheckUse:
    """A request to pay ``lines`` from the earmark of one fund to one payee."""

    regime: str
    fund: Fund
    payee_name: str
    payee_credit_code: str
    lines: tuple[UseLine, ...]


@dataclass(frozen=True, slots=True)
class FundAssessment:
    """The answer of :func:`assess_fund`; ``eligible`` is ``None`` while a fact is unknown."""

    regime: str
    year: int
    eligible: bool | None
    conditions: tuple[Checked, ...]
    quotas: tuple[Quota, ...]
    duties: tuple[Duty, ...]

    def to_json(self) -> dict[str, Any]:
        """The shape that ``contract.md`` promises."""
        return {
            "regime": self.regime,
            "year": self.year,
            "eligible": self.eligible,
            "conditions": [{"id": c.id, "clause": c.clause, "outcome": c.outcome.value} for c in self.conditions],
            "quotas": [_quota_json(quota) for quota in self.quotas],
            "duties": [
                {
                    "id": duty.id,
                    "clause": duty.clause,
                    "addressee": duty.holder.value,
                    "due_on": duty.due_on and duty.due_on.isoformat(),
                    "rolls": duty.rolls,
                }
                for duty in self.duties
            ],
        }


def assess_fund(
    command: AssessFund,
    readings: AssessmentReadings = DEFAULTS,
    roll: HolidayRoll = HolidayRoll.EVERY_NON_WORKING_DAY,
) -> FundAssessment:
    """Hold the facts against the notice; a calculator that knows no hospital reads it by the defaults.

    Raises :class:`NoRuleInForce` for a year before it, and :class:`MalformedInput` for a notice that says nothing of
    prepayment."""
    facts = command.facts
    regime = load_rulebook().regime(command.regime, facts.year)
    checked = check_conditions(regime, facts, readings)
    may = eligible(regime, checked)
    return FundAssessment(
        regime=command.regime,
        year=facts.year,
        eligible=may,
        conditions=checked,
        quotas=quotas(regime, facts, may, readings),
        duties=duties_of_year(regime, facts.year, working_day_calendar(), roll),
    )


def check_request(command: CheckUse) -> UseAnswer:
    """What each line gets under the notice as it stands. Raises :class:`MalformedInput` for a notice that says
    nothing of prepayment."""
    return check_use(load_rulebook().regime(command.regime), command.lines)


def _quota_json(quota: Quota) -> dict[str, Any]:
    def fen(amount: Any) -> int | None:
        return None if amount is None else int(amount.fen)

    return {
        "fund": quota.fund.value,
        "permitted": quota.permitted,
        "base_fen": fen(quota.base),
        "months": None if quota.months is None else decimal_text(quota.months),
        "quota_fen": fen(quota.quota),
        "max_quota_fen": fen(quota.max_quota),
        "clauses": list(quota.clauses),
    }


def decimal_text(value: Any) -> str:
    """A factor as a decimal string: ``1.5``. Packs hold decimals only, so the division always ends."""
    whole, rest = divmod(value.numerator, value.denominator)
    digits = ""
    while rest:
        digit, rest = divmod(rest * 10, value.denominator)
        digits += str(digit)
    return f"{whole}.{digits}" if digits else str(whole)

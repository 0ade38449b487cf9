"""The facts of an application: the self-check held against the place, a quota, the day, an emergency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date
from fractions import Fraction
from typing import Any

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.application import (
    ALL_FUNDS,
    ApplicationFacts,
    ConditionFact,
    EmergencyFact,
    open_years,
)
from hospital_prepay.domain.rules.fund.duties import duties_of_year
from hospital_prepay.domain.rules.fund.eligibility import check_conditions, eligible
from hospital_prepay.domain.rules.fund.facts import AssessmentFacts
from hospital_prepay.domain.rules.fund.quota import Quota, quotas
from hospital_prepay.domain.rules.fund.readings import DEFAULTS, AssessmentReadings
from hospital_prepay.domain.rules.fund.regime import Absence, Regime
from hospital_prepay.persistence.fund_applications import EmergencyRow
from hospital_prepay.rulebook.holidays import working_day_calendar
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.fund.application_command import ApplyForFunds
from hospital_prepay.services.fund.assess import decimal_text
from hospital_prepay.services.fund.words import CONDITIONS


def apply_day(regime: Regime, year: int) -> tuple[date, str | None] | None:
    """The day by which applications of ``year`` are handed in, with its clause; ``None`` where no day is named."""
    for duty in duties_of_year(regime, year, working_day_calendar()):
        if duty.id == "apply":
            return duty.due_on or duty.named_on, duty.clause
    return None


def quota_of(
    regime: Regime, facts: AssessmentFacts, fund: str, may: bool | None, readings: AssessmentReadings = DEFAULTS
) -> Quota:
    """What one fund may have, or all of them together: the sums, barred by each fund that may not prepay.

    Raises :class:`MalformedInput` for all funds in a place that takes each for itself.
    """
    found = quotas(regime, facts, may, readings)
    if fund != ALL_FUNDS:
        return next(one for one in found if one.fund == fund)
    if isinstance(regime.base, Absence) or not regime.base.together:
        raise MalformedInput("这里各基金分开申请，请分别填职工和居民。", details={"field": "amount_all"})
    permits = [one.permitted for one in found]
    return replace(
        found[0],
        permitted=False if False in permits else None if None in permits else True,
        base=_sum([one.base for one in found]),
        quota=_sum([one.quota for one in found]),
        max_quota=_sum([one.max_quota for one in found]),
    )


def emergency_fact(regime: Regime, found: EmergencyRow | None) -> EmergencyFact | None:
    """The document beside what the place's notice lets it adjust."""
    if found is None:
        return None
    allowed: tuple[str, ...] = ()
    clause = None
    if not isinstance(regime.emergency, Absence):
        allowed = tuple(sorted(regime.emergency.value))
        clause = regime.emergency.provision.clause
    return EmergencyFact(found.document, found.issued_on.isoformat(), tuple(found.adjusts), allowed, clause)


def facts_json(facts: AssessmentFacts) -> dict[str, Any]:
    """The facts as they are kept with an application: amounts in fen, fractions as decimals."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return plain(value["fen"]) if set(value) == {"fen"} else {key: plain(one) for key, one in value.items()}
        if isinstance(value, Fraction):
            return decimal_text(value)
        if isinstance(value, Money):
            return value.fen
        return [plain(one) for one in value] if isinstance(value, list | tuple) else value

    found = plain(asdict(facts))
    assert isinstance(found, dict)
    return found


def application_facts(
    command: ApplyForFunds,
    fund: str,
    amount: Money,
    today: date,
    emergency: EmergencyRow | None,
    deregistered: bool = False,
    readings: AssessmentReadings = DEFAULTS,
) -> ApplicationFacts:
    """What the rule looks at for one fund, filed ``today``."""
    regime = load_rulebook().regime(command.regime, command.facts.year)
    checked = check_conditions(regime, command.facts, readings)
    document = emergency_fact(regime, emergency)
    may = True if document is not None and document.eases("conditions") else eligible(regime, checked)
    if fund != ALL_FUNDS and all(pool.fund != fund for pool in command.facts.pools):
        raise MalformedInput("请填写这个基金的统筹区情况。", code="missing_value", details={"field": "pools"})
    quota = quota_of(regime, command.facts, fund, may, readings)
    day = apply_day(regime, command.facts.year)
    return ApplicationFacts(
        regime=command.regime,
        year=command.facts.year,
        fund=str(fund),
        amount_fen=amount.fen,
        conditions=tuple(ConditionFact(one.id, CONDITIONS[one.id], one.clause, one.outcome.value) for one in checked),
        permitted=quota.permitted,
        quota_fen=None if quota.quota is None else quota.quota.fen,
        largest_fen=None if quota.max_quota is None else quota.max_quota.fen,
        quota_clauses=quota.clauses,
        size_clause=None if isinstance(regime.size, Absence) else regime.size.provision.clause,
        filed_on=today.isoformat(),
        apply_by=day[0].isoformat() if day else None,
        apply_clause=day[1] if day else None,
        emergency=document,
        deregistered=deregistered,
        years_open=open_years(today),
    )


def _sum(parts: list[Money | None]) -> Money | None:
    known = [one.fen for one in parts if one is not None]
    return Money(sum(known)) if len(known) == len(parts) else None

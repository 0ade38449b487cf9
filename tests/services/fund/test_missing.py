"""What an answer waits for is exactly what its rule looks at."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from hospital_prepay.domain.rules.fund.eligibility import CHECKS, NEEDS, Met, check_conditions
from hospital_prepay.domain.rules.fund.facts import InstitutionFacts
from hospital_prepay.domain.rules.fund.regime import Regime
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.fund.missing import missing_for_condition
from tests.funding import GOOD, good_facts

FACTS = {one.name for one in fields(InstitutionFacts)}
PLACES = [editions[-1] for editions in load_rulebook().regimes.values()]


def unknown(regime: Regime, missing: str) -> dict[str, tuple[str, ...]]:
    """The conditions that one missing fact leaves open, each with what the page asks for."""
    facts = good_facts(2026, institution=replace(GOOD, **{missing: None}))
    checked = check_conditions(regime, facts)
    return {one.id: missing_for_condition(facts, one) for one in checked if one.outcome is Met.UNKNOWN}


def test_every_check_says_which_facts_it_looks_at() -> None:
    assert NEEDS.keys() == CHECKS.keys()
    assert {name for needed in NEEDS.values() for name in needed} == FACTS - {"public"}


@pytest.mark.parametrize("fact", sorted(FACTS))
@pytest.mark.parametrize("regime", PLACES, ids=lambda one: one.instrument)
def test_a_missing_fact_opens_the_conditions_that_need_it_and_no_other(regime: Regime, fact: str) -> None:
    asked = regime.conditions if isinstance(regime.conditions, tuple) else ()
    waiting = {one.id for one in asked if fact in NEEDS[one.id]}
    assert unknown(regime, fact) == dict.fromkeys(waiting, (fact,))


def test_the_floor_waits_for_last_years_payments_of_each_fund() -> None:
    facts = good_facts(2026)
    facts = replace(facts, paid=tuple(one for one in facts.paid if one.year != 2025))
    floor = next(one for one in check_conditions(place("weihai"), facts) if one.id == "monthly_floor")
    assert missing_for_condition(facts, floor) == ("employee_paid_1", "resident_paid_1")


def place(name: str) -> Regime:
    return next(one for one in PLACES if one.instrument.startswith(name))

"""A hospital that meets every condition of every place, for tests that change one fact of it."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.references import payment_reference
from hospital_prepay.domain.rules.fund.application import apply
from hospital_prepay.domain.rules.fund.facts import AssessmentFacts, InstitutionFacts, Paid, PoolFacts
from hospital_prepay.domain.rules.fund.readings import AssessmentReadings, HolidayRoll
from hospital_prepay.domain.rules.fund.recall import RecallEvent, facts_of, recall
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.domain.rules.fund.uses import UseAnswer, UseLine, check_use
from hospital_prepay.persistence.fund_applications import EmergencyRow
from hospital_prepay.rulebook.holidays import working_day_calendar
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.context import Context
from hospital_prepay.services.demonstration.fund import evidence_for
from hospital_prepay.services.fund import members
from hospital_prepay.services.fund.application_command import Applied, ApplyForFunds
from hospital_prepay.services.fund.application_facts import application_facts
from hospital_prepay.services.fund.applications import apply_for_funds
from hospital_prepay.services.fund.assess import AssessFund, FundAssessment, assess_fund

GOOD = InstitutionFacts(
    level=3,
    public=True,
    inpatient=True,
    full_years_settled=3,
    assessment="excellent",
    credit_grade="A",
    priority_work="outstanding",
    sound_finance=True,
    cooperates_with_inspections=True,
    tracing_codes_complete=True,
    convenience_services=True,
    penalised_in_12_months=False,
    referred_for_fraud_in_12_months=False,
    debts_to_agency=False,
    assets_preserved=False,
    unperformed_judgment=False,
    enforcement_pending=False,
    repays_procurement_shortfall=True,
    cleared_last_year=True,
)
MILLION_YUAN = 100_000_000
NO_CHANGE: dict[str, str] = {}
FOLLOWED = ("pool_solvency", "penalty_transition", "quota_rounding", "holiday_roll")
NOON = datetime(2026, 1, 1, 12, tzinfo=SHANGHAI)


def good_facts(year: int, **changes: Any) -> AssessmentFacts:
    """Both pools solvent, twelve million yuan a year from each fund for three years, growth of 4.3 %."""
    pools = tuple(PoolFacts(fund, Fraction("13.2"), False, False) for fund in Fund)
    paid = tuple(Paid(year - back, fund, Money(12 * MILLION_YUAN)) for fund in Fund for back in (1, 2, 3))
    return replace(AssessmentFacts(year, GOOD, pools, paid, Fraction("0.043")), **changes)


def application(
    regime: str, region: str, fund: str, amount: Money, facts: AssessmentFacts, key: str
) -> ApplyForFunds:
    """An application for one fund, with a document for each condition."""
    evidence = evidence_for(regime, facts.year, date(2024, 1, 2))
    return ApplyForFunds(regime, region, ((fund, amount),), facts, evidence, key)


def apply_one(context: Context, who: Actor, command: ApplyForFunds) -> Applied:
    """The answer to an application for one fund."""
    (applied,) = apply_for_funds(context, who, command)
    return applied


def enter_member(context: Context, one: Actor, another: Actor, code: str, name: str = "某镇卫生院") -> None:
    """Put a member of the community into the register: ``one`` writes it down, ``another`` confirms it."""
    command = members.ProposeMember(code, name, f"3700 {payment_reference(code)[-8:]}", "医共体章程")
    members.decide_member(context, another, members.propose_member(context, one, command), confirmed=True)


def assess(
    regime: str,
    year: int,
    institution: dict[str, str],
    pools: dict[str, str],
    paid: dict[str, str],
    growth: str,
    answers: dict[str, str] = NO_CHANGE,
) -> FundAssessment:
    """The assessment of the good hospital with some facts changed, all as text: ``pools`` by ``employee.months``,
    ``employee.deficit_last_year`` …, ``paid`` by ``2025.employee`` in fen, ``null`` for unknown; ``answers`` to
    questions that the notices leave open."""
    known = load_rulebook().readings
    asked = {name: str(known[name].chosen(answers.get(name))) for name in FOLLOWED}
    assert answers.keys() <= asked.keys(), "an answer to no question"
    command = AssessFund(regime, changed_facts(year, institution, pools, paid, growth))
    return assess_fund(command, AssessmentReadings.of(asked), HolidayRoll(asked["holiday_roll"]))


def changed_facts(
    year: int, institution: dict[str, str], pools: dict[str, str], paid: dict[str, str], growth: str
) -> AssessmentFacts:
    """The facts of the good hospital with some changed, as :func:`assess` takes them."""
    facts = good_facts(year)
    kinds = {field.name: field.type for field in fields(InstitutionFacts)}
    hospital = replace(GOOD, **{name: _read(text, str(kinds[name])) for name, text in institution.items()})
    changed = [
        PoolFacts(
            pool.fund,
            _factor(pools.get(f"{pool.fund.value}.months", "13.2")),
            _read(pools.get(f"{pool.fund.value}.deficit_last_year", "false"), "bool"),
            _read(pools.get(f"{pool.fund.value}.deficit_forecast", "false"), "bool"),
        )
        for pool in facts.pools
    ]
    rows = [
        replace(row, amount=Money(int(text)))
        for row in facts.paid
        if (text := paid.get(f"{row.year}.{row.fund.value}", str(row.amount.fen))) != "null"
    ]
    return AssessmentFacts(year, hospital, tuple(changed), tuple(rows), _factor(growth))


def outcome_of(
    regime: str,
    year: int,
    condition: str,
    institution: dict[str, str] = NO_CHANGE,
    paid: dict[str, str] = NO_CHANGE,
    answers: dict[str, str] = NO_CHANGE,
) -> dict[str, Any]:
    """One condition of the changed hospital, and whether the hospital is eligible."""
    answer = assess(regime, year, institution, {}, paid, "0.043", answers)
    found = {one.id: one for one in answer.conditions}
    one = found.get(condition)
    return {"outcome": one and one.outcome, "clause": one and one.clause, "eligible": answer.eligible}


def quota_of(
    regime: str,
    year: int,
    fund: str,
    institution: dict[str, str] = NO_CHANGE,
    pools: dict[str, str] = NO_CHANGE,
    paid: dict[str, str] = NO_CHANGE,
    growth: str = "0.043",
    answers: dict[str, str] = NO_CHANGE,
) -> dict[str, Any]:
    """One fund's quota of the changed hospital, in fen."""
    answer = assess(regime, year, institution, pools, paid, growth, answers).to_json()
    return next(quota for quota in answer["quotas"] if quota["fund"] == fund)


def duty_of(regime: str, year: int, duty: str, answers: dict[str, str] = NO_CHANGE) -> dict[str, Any]:
    """The days of one duty, whose it is and whether it rolls."""
    found = [one for one in assess(regime, year, {}, {}, {}, "0.043", answers).duties if one.id == duty]
    holders, rolls = {one.holder for one in found}, {one.rolls for one in found}
    return {
        "days": [one.due_on for one in found],
        "holder": holders.pop() if found else None,
        "rolls": rolls.pop() if found else None,
    }


def recall_of(
    regime: str,
    ground: int | None,
    owed: Money,
    unpaid: Money,
    public: bool = True,
    urged_on: date | None = None,
    urging_counts: bool = False,
) -> dict[str, Any]:
    """What follows from a ground: the decision and the days and clauses it rests on."""
    event = RecallEvent(ground, public, urged_on, urging_counts)
    found = facts_of(load_rulebook().regime(regime), event, owed.fen, unpaid.fen, working_day_calendar())
    decision = recall(found, "test")
    reasons = [reason.code for reason in decision.reasons]
    return {
        **asdict(found),
        "outcome": decision.outcome,
        "amount": decision.amount,
        "reasons": reasons,
        "clauses": decision.clauses,
    }


def application_of(
    regime: str,
    fund: str,
    amount: Money,
    day: date,
    adjusts: tuple[str, ...] = (),
    institution: dict[str, str] = NO_CHANGE,
    pools: dict[str, str] = NO_CHANGE,
) -> Decision:
    """What an application of the changed hospital gets on ``day``, with a document of an emergency that ``adjusts``
    something."""
    facts = changed_facts(day.year, institution, pools, {}, "0.043")
    document = EmergencyRow("e", regime, day.year, "医保发〔2026〕9号", day, adjusts, "b", NOON)
    command = ApplyForFunds(regime, "x", ((fund, amount),), facts, (), "k")
    return apply(application_facts(command, fund, amount, day, document if adjusts else None), "1")


def use_of(regime: str, category: str, code: str = "", order_no: str = "") -> UseAnswer:
    """What one line gets."""
    return check_use(load_rulebook().regime(regime), (UseLine(category, "x", Money(100), code, order_no),))


def _factor(text: str) -> Fraction | None:
    return None if text == "null" else Fraction(text)


def _read(text: str, kind: str) -> Any:
    if text == "null":
        return None
    if "bool" in kind:
        return {"true": True, "false": False}[text]
    return int(text) if "int" in kind else text

"""A year of insurance prepayment in a made-up hospital: received, partly spent, something waiting at each step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.facts import AssessmentFacts, InstitutionFacts, Paid, PoolFacts
from hospital_prepay.domain.rules.fund.regime import Absence, Fund
from hospital_prepay.domain.rules.fund.uses import UseLine
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.fund import grants, spending
from hospital_prepay.services.fund.application_command import AGREEMENT, ApplyForFunds, Evidence
from hospital_prepay.services.fund.applications import apply_for_funds
from hospital_prepay.services.fund.words import CONDITIONS

_REGIME: Final = "zhejiang-prepay-2025"
_REGION: Final = "临溪市"
# 99 is no administrative division: the code can be no real supplier's.
SUPPLIER: Final = ("临溪医药有限公司（演示）", "91990000MA0DEM0011")
_DAY: Final = timedelta(days=1)
_YEARLY: Final = {Fund.EMPLOYEE: Money.of_yuan("153600000"), Fund.RESIDENT: Money.of_yuan("115200000")}
GOOD: Final = InstitutionFacts(
    level=3,
    public=True,
    inpatient=True,
    full_years_settled=9,
    assessment="excellent",
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
    cleared_last_year=True,
)


@dataclass(frozen=True, slots=True)
class Spent:
    """One request: asked so many days before a day, and led through the steps up to ``state``."""

    key: str
    purpose: str
    days_ago: int
    state: str
    lines: tuple[UseLine, ...]


def drug(name: str, yuan: str, number: int) -> UseLine:
    """A drug with a made-up national code and platform order."""
    return UseLine("drug", name, Money.of_yuan(yuan), f"XJ01DDA{number:016}", f"ZJ2026{number:08}")


def consumable(name: str, yuan: str, number: int) -> UseLine:
    """A consumable with a made-up national code and platform order."""
    return UseLine("consumable", name, Money.of_yuan(yuan), f"C{number:026}", f"ZJ2026{number:08}")


_SPENT: Final = (
    Spent("1", "上月药品款", 12, "evidenced", (drug("注射用头孢哌酮钠舒巴坦钠", "482600", 418),)),
    Spent("2", "骨科耗材款", 10, "paid", (consumable("一次性使用静脉留置针", "230200", 433),)),
    Spent("3", "本月药品款", 5, "reserved", (drug("阿莫西林胶囊", "161740.50", 440), drug("胰岛素", "68000", 41))),
    Spent("4", "介入耗材款", 4, "department", (consumable("冠脉药物洗脱支架", "346000", 452),)),
    Spent("5", "抗生素款", 3, "asked", (drug("头孢克肟片", "96480", 460),)),
    Spent("6", "检验试剂款", 2, "asked", (UseLine("reagent", "C 反应蛋白测定试剂盒", Money.of_yuan("129800")),)),
    Spent(
        "7",
        "药品、病区电费",
        2,
        "refused",
        (drug("注射用头孢曲松钠", "96480", 471), UseLine("utilities", "病区电费", Money.of_yuan("58214.37"))),
    ),
)


def lead_through_the_year(stage: Stage, founded: datetime, begun: datetime) -> None:
    """Two applications of which one waits for its answer; the other arrived and is being spent."""
    employee = _apply(stage, founded, Fund.EMPLOYEE, "12800000")
    _apply(stage, founded, Fund.RESIDENT, "9600000")
    _arrive(stage, founded + 7 * _DAY, employee)
    # Loaded late in December or in a later year, too, it was spent before the day by which all had to be back.
    last = local(founded).replace(month=12, day=1)
    for spent in _SPENT:
        spend(stage, min(begun, last) - spent.days_ago * _DAY, employee, spent)


def _apply(stage: Stage, moment: datetime, fund: Fund, yuan: str) -> str:
    """File the application, or find the one that was filed."""
    context, officer = stage.at(moment), stage.actor(Role.FINANCE_OFFICER)
    year = local(moment).year
    pools = tuple(PoolFacts(one, Fraction("13.2"), False, False) for one in Fund)
    paid = tuple(Paid(year - 1, one, amount) for one, amount in _YEARLY.items())
    facts = AssessmentFacts(year, GOOD, pools, paid, Fraction("0.043"))
    evidence = evidence_for(_REGIME, year, local(moment).date())
    key = f"demonstration:{fund.value}"
    amounts = ((fund.value, Money.of_yuan(yuan)),)
    command = ApplyForFunds(_REGIME, _REGION, amounts, facts, evidence, key, notified=False)
    return apply_for_funds(context, officer, command)[0].grant_id or ""


def evidence_for(regime: str, year: int, day: date) -> tuple[Evidence, ...]:
    """A made-up document for the agreement and for each condition of the place."""
    conditions = load_rulebook().regime(regime, year).conditions
    items = () if isinstance(conditions, Absence) else tuple(one.id for one in conditions)
    agreement = Evidence(AGREEMENT, "医保服务协议（演示）", "演示协议 1 号", f"{year} 年版", day)
    return (agreement, *(Evidence(item, f"{CONDITIONS[item]}证明（演示）", issued_on=day) for item in items))


def _arrive(stage: Stage, moment: datetime, grant_id: str) -> None:
    approver, officer = stage.actor(Role.FINANCE_APPROVER), stage.actor(Role.FINANCE_OFFICER)
    grant = grants.find_grant(stage.context, officer, grant_id)
    if grant.state == "applied":
        day, amount = local(moment).date(), Money(grant.applied_fen)
        command = grants.RecordApproval(grant_id, amount, day, f"临医保〔{grant.year}〕7 号（演示）", "YF-演示-0001")
        grant = grants.record_approval(stage.at(moment), approver, command)
    if grant.state == "approved":
        arrived = moment + 2 * _DAY
        received = grants.ReceiveGrant(grant_id, "演示回单 0001", local(arrived).date(), "demonstration:received")
        grants.receive_grant(stage.at(arrived), officer, received)


def spend(stage: Stage, moment: datetime, grant_id: str, spent: Spent) -> None:
    """Ask at ``moment`` and lead the request on by its people, an hour a step; what was done stays done."""
    pharmacy = stage.actor(Role.DEPARTMENT_HEAD)
    key = f"demonstration:{spent.key}"
    command = spending.AskPayment(grant_id, *SUPPLIER, spent.purpose, spent.lines, key)
    request_id = spending.ask_payment(stage.at(moment), pharmacy, command).request_id
    order = ("asked", "department", "reserved", "paid", "evidenced")
    while (now := spending.find_request(stage.context, pharmacy, request_id)[0].state) != spent.state:
        _next_step(stage, moment + timedelta(hours=1 + order.index(now)), request_id, now, spent)


def _next_step(stage: Stage, moment: datetime, request_id: str, now: str, spent: Spent) -> None:
    context, officer = stage.at(moment), stage.actor(Role.FINANCE_OFFICER)
    if now == "asked":
        spending.agree_request(context, stage.actor(Role.DEPARTMENT_HEAD, 1), request_id)
    elif now == "department":
        spending.reserve_request(context, stage.actor(Role.FINANCE_APPROVER), request_id)
    elif now == "reserved":
        command = spending.PayRequest(request_id, f"演示付款 {spent.key}", f"demonstration:pay:{spent.key}")
        spending.pay_request(context, officer, command)
    else:
        for number, line in enumerate(spent.lines, 1):
            proof = spending.RecordEvidence(request_id, number, f"FP-{spent.key}-{number}", line.amount)
            spending.record_evidence(context, officer, proof)

"""Applying for a grant: the self-check held against the place, its evidence kept, the application filed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Any, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision, Outcome
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.application import (
    ALL_FUNDS,
    ApplicationFacts,
    ConditionFact,
    EmergencyFact,
    apply,
    open_years,
)
from hospital_prepay.domain.rules.fund.duties import duties_of_year
from hospital_prepay.domain.rules.fund.eligibility import check_conditions, eligible
from hospital_prepay.domain.rules.fund.facts import AssessmentFacts
from hospital_prepay.domain.rules.fund.quota import Quota, quotas
from hospital_prepay.domain.rules.fund.recall import DEREGISTERED
from hospital_prepay.domain.rules.fund.regime import Absence, Regime
from hospital_prepay.persistence import fund_applications as kept
from hospital_prepay.persistence import fund_recalls as recalls
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.fund_applications import EmergencyRow
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.rulebook.holidays import working_day_calendar
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.assess import decimal_text
from hospital_prepay.services.fund.clearing import with_books
from hospital_prepay.services.fund.regions import known_region, same_region
from hospital_prepay.services.fund.words import CONDITIONS
from hospital_prepay.services.publication.readings import readings_within

AGREEMENT: Final = "agreement"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The document behind one condition, or the agreement (``item`` agreement) with the further grounds of recall
    that it names."""

    item: str
    document: str
    number: str = ""
    version: str = ""
    issued_on: date | None = None
    recall_grounds: str = ""


@dataclass(frozen=True, slots=True)
class ApplyForFunds:
    """Applications for several funds at once, with evidence, on what the hospital says of itself.

    ``emergency_id`` names a document of an emergency; ``notified`` tells whether the hospital was named for breaches
    in procurement, which only a form asks.
    """

    regime: str
    pool_region: str
    amounts: tuple[tuple[str, Money], ...]
    facts: AssessmentFacts
    evidence: tuple[Evidence, ...]
    idempotency_key: str
    emergency_id: str | None = None
    notified: bool | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """The answer to an application; ``grant_id`` is ``None`` unless it was permitted, ``decision_id`` is empty when
    nothing was kept."""

    decision: Decision
    decision_id: str
    grant_id: str | None

    def to_json(self) -> dict[str, Any]:
        """As stored for the next request with the same key."""
        return {**asdict(self), "decision": self.decision.to_json()}

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> Applied:
        """The opposite of :meth:`to_json`."""
        return cls(Decision.of_json(stored["decision"]), stored["decision_id"], stored["grant_id"])


def apply_for_funds(context: Context, actor: Actor, command: ApplyForFunds) -> tuple[Applied, ...]:
    """File every application that is permitted, with its evidence; a refused one is kept with its own.

    While one of them is held for a fact nobody knows, none is filed and nothing is kept. The same key with the same
    content gives the same answer, a refusal too. Raises :class:`MalformedInput` where a document is missing or dated
    ahead of today, :class:`SecondPersonRequired` for the document of an emergency that the applicant recorded,
    :class:`Conflict` when a fund has an application for the year, and what the calculator raises.
    """
    decisions = preview_funds(context, actor, command)
    if any(one.outcome is Outcome.HELD for one in decisions):
        return tuple(Applied(one, "", None) for one in decisions)
    subject = f"fund:{command.regime}:{command.facts.year}"
    with context.work(actor, "fund.apply", subject) as work:
        lock_name(work.connection, f"fund:{work.institution_id}:{command.regime}")
        region = known_region(work.connection, work.institution_id, command.pool_region)
        command = replace(command, pool_region=region)
        payload = _payload(command)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return tuple(Applied.of_json(one) for one in known["applied"])
        _require_evidence(command, work.today)
        emergency = _emergency(work.connection, work.institution_id, command)
        if emergency is not None:
            actor.require_other_than(emergency.recorded_by, "按特殊情形申请")
        found = tuple(_decide_and_keep(work, command, *one, emergency) for one in command.amounts)
        work.keep_answer(command.idempotency_key, payload, {"applied": [one.to_json() for one in found]})
        return found


def preview_funds(context: Context, actor: Actor, command: ApplyForFunds) -> tuple[Decision, ...]:
    """What each application would get today; nothing is written down. Needs ``fund.apply``."""
    actor.require(Permission.FUND_APPLY)
    if not command.amounts:
        raise MalformedInput("请至少填一个基金的申请金额。", code="missing_value", details={"field": "amounts"})
    with context.database.reading() as connection:
        emergency = _emergency(connection, actor.institution_id, command)
        command = _with_books(connection, actor.institution_id, command)
        barred = _is_deregistered(connection, actor.institution_id)
    today = context.clock.today()
    return tuple(
        apply(application_facts(command, fund, amount, today, emergency, barred), context.rule_version)
        for fund, amount in command.amounts
    )


def apply_day(regime: Regime, year: int) -> tuple[date, str | None] | None:
    """The day by which applications of ``year`` are handed in, with its clause; ``None`` where no day is named."""
    for duty in duties_of_year(regime, year, working_day_calendar()):
        if duty.id == "apply":
            return duty.due_on or duty.named_on, duty.clause
    return None


def quota_of(regime: Regime, facts: AssessmentFacts, fund: str, may: bool | None) -> Quota:
    """What one fund may have, or all of them together: the sums, barred by each fund that may not prepay.

    Raises :class:`MalformedInput` for all funds in a place that takes each for itself.
    """
    found = quotas(regime, facts, may)
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


def _decide_and_keep(
    work: UnitOfWork, command: ApplyForFunds, fund: str, amount: Money, emergency: EmergencyRow | None
) -> Applied:
    command = _with_books(work.connection, work.institution_id, command)
    barred = _is_deregistered(work.connection, work.institution_id)
    facts = application_facts(command, fund, amount, work.today, emergency, barred)
    decision = apply(facts, work.rule_version)
    decision_id = work.keep_decision(decision, work.today, readings_within(work, "fund.assess"))
    grant_id = _file(work, command, fund, amount, decision_id) if decision.permitted else None
    _keep(work, command, facts, decision, decision_id)
    outcome = "done" if grant_id else "refused"
    work.audit(outcome=outcome, decision_id=decision_id, detail={"amount_fen": amount.fen, "fund": str(fund)})
    return Applied(decision, decision_id, grant_id)


def _with_books(connection: Connection, institution_id: str, command: ApplyForFunds) -> ApplyForFunds:
    """Whether last year was cleared in time our own books know better than whoever fills in the form."""
    return replace(command, facts=with_books(connection, institution_id, command.regime, command.facts))


def _is_deregistered(connection: Connection, institution_id: str) -> bool:
    return recalls.deregistered(connection, institution_id, DEREGISTERED) is not None


def application_facts(
    command: ApplyForFunds,
    fund: str,
    amount: Money,
    today: date,
    emergency: EmergencyRow | None,
    deregistered: bool = False,
) -> ApplicationFacts:
    """What the rule looks at for one fund, filed ``today``."""
    regime = load_rulebook().regime(command.regime, command.facts.year)
    checked = check_conditions(regime, command.facts)
    document = emergency_fact(regime, emergency)
    may = True if document is not None and document.eases("conditions") else eligible(regime, checked)
    if fund != ALL_FUNDS and all(pool.fund != fund for pool in command.facts.pools):
        raise MalformedInput("请填写这个基金的统筹区情况。", code="missing_value", details={"field": "pools"})
    quota = quota_of(regime, command.facts, fund, may)
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


def _file(work: UnitOfWork, command: ApplyForFunds, fund: str, amount: Money, decision_id: str) -> str:
    _require_apart(work, command, fund)
    grant_id = work.new_id()
    store.add_grant(
        work.connection,
        {
            "institution_id": work.institution_id,
            "grant_id": grant_id,
            "regime": command.regime,
            "pool_region": command.pool_region,
            "fund": str(fund),
            "year": command.facts.year,
            "kind": "basic",
            "state": "applied",
            "applied_fen": amount.fen,
            "decision_id": decision_id,
            "applied_by": work.act.actor.actor_id,
            "applied_at": work.now,
        },
    )
    return grant_id


def _require_apart(work: UnitOfWork, command: ApplyForFunds, fund: str) -> None:
    """One prepayment for all funds stands in place of one for each, never beside it."""
    where = (command.regime, command.facts.year, "basic")
    for one in store.grants(work.connection, work.institution_id):
        beside = one.fund != fund and ALL_FUNDS in (one.fund, fund) and one.state != "declined"
        same = (one.regime, one.year, one.kind) == where and same_region(one.pool_region, command.pool_region)
        if beside and same:
            raise Conflict("这一年已经有各基金合计或单个基金的申请，不能再重复申请。请在列表里打开那一笔。")


def _keep(
    work: UnitOfWork, command: ApplyForFunds, facts: ApplicationFacts, decision: Decision, decision_id: str
) -> None:
    regime = load_rulebook().regime(command.regime, command.facts.year)
    quota = quota_of(regime, command.facts, facts.fund, None)
    key = {"institution_id": work.institution_id, "decision_id": decision_id}
    by = {"recorded_by": work.act.actor.actor_id, "recorded_at": work.now}
    values = {
        **key,
        "regime": command.regime,
        "pool_region": command.pool_region,
        "fund": facts.fund,
        "year": facts.year,
        "amount_fen": facts.amount_fen,
        "outcome": decision.outcome.value,
        "base_fen": None if quota.base is None else quota.base.fen,
        "months": None if quota.months is None else decimal_text(quota.months),
        "quota_fen": facts.quota_fen,
        "facts": {**facts_json(command.facts), "notified": command.notified},
        "emergency_id": command.emergency_id,
        "applied_by": by["recorded_by"],
        "applied_at": work.now,
    }
    kept.add_application(work.connection, values, [{**key, **asdict(one), **by} for one in command.evidence])


def missing_evidence(command: ApplyForFunds) -> tuple[str, ...]:
    """The conditions whose document isn't named yet, as they are listed, the agreement last."""
    named = {one.item for one in command.evidence if one.document.strip()}
    wanted = _wanted_evidence(command)
    return tuple(item for item in (*CONDITIONS, AGREEMENT) if item in wanted and item not in named)


def _wanted_evidence(command: ApplyForFunds) -> set[str]:
    regime = load_rulebook().regime(command.regime, command.facts.year)
    return {one.id for one in check_conditions(regime, command.facts)} | {AGREEMENT}


def _require_evidence(command: ApplyForFunds, today: date) -> None:
    wanted = _wanted_evidence(command)
    words = "请填证明材料的名称。"
    fields = {f"document-{item}": words for item in missing_evidence(command)}
    if fields:
        raise MalformedInput(words, code="missing_value", details={"field": next(iter(fields)), "fields": fields})
    for one in command.evidence:
        if one.item not in wanted:
            raise MalformedInput("这一项不是这里的申请条件。", details={"field": f"document-{one.item}"})
        if one.issued_on is not None and one.issued_on > today:
            raise MalformedInput("日期不能晚于今天，请核对。", details={"field": f"issued_on-{one.item}"})


def _emergency(connection: Connection, institution_id: str, command: ApplyForFunds) -> EmergencyRow | None:
    if command.emergency_id is None:
        return None
    found = kept.emergency(connection, institution_id, command.emergency_id)
    if (found.regime, found.year) != (command.regime, command.facts.year):
        raise MalformedInput("这份文件不是这个地方、这一年的，请重选。", details={"field": "emergency"})
    return found


def _payload(command: ApplyForFunds) -> dict[str, Any]:
    evidence = [{**asdict(one), "issued_on": one.issued_on and one.issued_on.isoformat()} for one in command.evidence]
    return {
        "regime": command.regime,
        "pool_region": command.pool_region,
        "amounts": [[str(fund), amount.fen] for fund, amount in command.amounts],
        "facts": facts_json(command.facts),
        "evidence": evidence,
        "emergency": command.emergency_id,
        "notified": command.notified,
    }


def _sum(parts: list[Money | None]) -> Money | None:
    known = [one.fen for one in parts if one is not None]
    return Money(sum(known)) if len(known) == len(parts) else None

"""Applying for a grant: the self-check held against the place, its evidence kept, the application filed."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date
from typing import Any

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision, Outcome
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.application import (
    ALL_FUNDS,
    ApplicationFacts,
    apply,
)
from hospital_prepay.domain.rules.fund.eligibility import check_conditions
from hospital_prepay.domain.rules.fund.readings import AssessmentReadings
from hospital_prepay.domain.rules.fund.recall import DEREGISTERED
from hospital_prepay.persistence import fund_applications as kept
from hospital_prepay.persistence import fund_recalls as recalls
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.fund_applications import EmergencyRow
from hospital_prepay.persistence.funds import ENDED, GrantState
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.application_command import AGREEMENT, Applied, ApplyForFunds
from hospital_prepay.services.fund.application_facts import application_facts, facts_json, quota_of
from hospital_prepay.services.fund.assess import decimal_text
from hospital_prepay.services.fund.clearing import with_books
from hospital_prepay.services.fund.regions import known_region, same_region
from hospital_prepay.services.fund.words import CONDITIONS
from hospital_prepay.services.publication.readings import assessment_readings, readings_within


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
        readings = assessment_readings(connection, actor.institution_id)
    today = context.clock.today()
    return tuple(
        apply(application_facts(command, fund, amount, today, emergency, barred, readings), context.rule_version)
        for fund, amount in command.amounts
    )


def _decide_and_keep(
    work: UnitOfWork, command: ApplyForFunds, fund: str, amount: Money, emergency: EmergencyRow | None
) -> Applied:
    command = _with_books(work.connection, work.institution_id, command)
    barred = _is_deregistered(work.connection, work.institution_id)
    readings = assessment_readings(work.connection, work.institution_id)
    facts = application_facts(command, fund, amount, work.today, emergency, barred, readings)
    decision = apply(facts, work.rule_version)
    decision_id = work.keep_decision(decision, work.today, readings_within(work, "fund.assess"))
    grant_id = _file(work, command, fund, amount, decision_id) if decision.permitted else None
    _keep(work, command, facts, decision, decision_id, readings)
    outcome = "done" if grant_id else "refused"
    work.audit(outcome=outcome, decision_id=decision_id, detail={"amount_fen": amount.fen, "fund": str(fund)})
    return Applied(decision, decision_id, grant_id)


def _with_books(connection: Connection, institution_id: str, command: ApplyForFunds) -> ApplyForFunds:
    """Whether last year was cleared in time our own books know better than whoever fills in the form."""
    return replace(command, facts=with_books(connection, institution_id, command.regime, command.facts))


def _is_deregistered(connection: Connection, institution_id: str) -> bool:
    return recalls.deregistered(connection, institution_id, DEREGISTERED) is not None


def _file(work: UnitOfWork, command: ApplyForFunds, fund: str, amount: Money, decision_id: str) -> str:
    _require_apart(work, command, fund)
    filed = {
        "applied_fen": amount.fen,
        "decision_id": decision_id,
        "applied_by": work.act.actor.actor_id,
        "applied_at": work.now,
    }
    before = _withdrawn(work, command, fund)
    if before is not None:
        # An approval that was taken back as well leaves its number in the agency's module behind.
        anew = {"state": "applied", "module_no": "", **filed}
        work.rows.write(work.connection)  # the database takes no application whose decision isn't there
        store.walk_grant(work.connection, work.institution_id, before.grant_id, **anew)
        return before.grant_id
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
            **filed,
        },
    )
    return grant_id


def _withdrawn(work: UnitOfWork, command: ApplyForFunds, fund: str) -> GrantState | None:
    """The same fund's application of the year that was taken back: a new one stands in its place."""
    where = (command.regime, command.facts.year, "basic", fund, "withdrawn")
    for one in store.grants(work.connection, work.institution_id):
        same = (one.regime, one.year, one.kind, one.fund, one.state) == where
        if same and same_region(one.pool_region, command.pool_region):
            return store.lock_grant(work.connection, work.institution_id, one.grant_id)
    return None


def _require_apart(work: UnitOfWork, command: ApplyForFunds, fund: str) -> None:
    """One prepayment for all funds stands in place of one for each, never beside it."""
    where = (command.regime, command.facts.year, "basic")
    for one in store.grants(work.connection, work.institution_id):
        beside = one.fund != fund and ALL_FUNDS in (one.fund, fund) and one.state not in ENDED
        same = (one.regime, one.year, one.kind) == where and same_region(one.pool_region, command.pool_region)
        if beside and same:
            raise Conflict("这一年已经有各基金合计或单个基金的申请，不能再重复申请。请在列表里打开那一笔。")


def _keep(
    work: UnitOfWork,
    command: ApplyForFunds,
    facts: ApplicationFacts,
    decision: Decision,
    decision_id: str,
    readings: AssessmentReadings,
) -> None:
    regime = load_rulebook().regime(command.regime, command.facts.year)
    quota = quota_of(regime, command.facts, facts.fund, None, readings)
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

"""Recording a central-procurement prepayment: a grant of another kind, from the authority's document."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.procurement import LEFT_TO_OTHERS, ProcurementFacts, record
from hospital_prepay.persistence import fund_applications as kept
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.grants import FUND_NAMES
from hospital_prepay.services.fund.regions import known_region
from hospital_prepay.services.publication.readings import readings_within


@dataclass(frozen=True, slots=True)
class RecordProcurement:
    """What the document grants: for which batch, and by when it goes back (``None`` where it doesn't say)."""

    regime: str
    pool_region: str
    fund: str
    year: int
    amount: Money
    document: str
    issued_on: date
    batch: str
    return_on: date | None
    idempotency_key: str


def record_procurement(context: Context, actor: Actor, command: RecordProcurement) -> str:
    """Write the grant down as applied for; another person records the approval, as for every grant.

    Returns its id. Raises :class:`MalformedInput` without a document, with a day ahead of today or for a year more
    than one from the document's (house rule),
    :class:`Conflict` when the fund has one for the year, :class:`NoRuleInForce` for a year before the notice.
    """
    actor.require(Permission.FUND_APPLY)
    _check(command)
    payload = _payload(command)
    subject = f"fund:{command.regime}:{command.fund}:{command.year}"
    with context.work(actor, "fund.record_procurement", subject) as work:
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return str(known["grant_id"])
        region = known_region(work.connection, work.institution_id, command.pool_region)
        command = replace(command, pool_region=region)
        if command.issued_on > work.today:
            raise MalformedInput("日期不能晚于今天，请核对。", details={"field": "issued_on"})
        facts = ProcurementFacts(
            command.regime,
            command.year,
            command.fund,
            command.amount.fen,
            command.document,
            command.issued_on.isoformat(),
            LEFT_TO_OTHERS.get(command.regime),
        )
        decision = record(facts, work.rule_version)
        decision_id = work.keep_decision(decision, work.today, readings_within(work, "fund.assess"))
        grant_id = _add(work, command, decision_id)
        work.audit(
            subject=f"grant:{grant_id}",
            decision_id=decision_id,
            detail={"amount_fen": command.amount.fen, "document": command.document},
        )
        work.keep_answer(command.idempotency_key, payload, {"grant_id": grant_id})
        return grant_id


def _check(command: RecordProcurement) -> None:
    load_rulebook().regime(command.regime, command.year)
    wrong = {
        "document": not command.document.strip(),
        "batch": not command.batch.strip(),
        "pool_region": not command.pool_region.strip(),
        "amount": not command.amount,
        "fund": command.fund not in FUND_NAMES,
        "return_on": command.return_on is not None and command.return_on < command.issued_on,
    }
    for field, is_wrong in wrong.items():
        if is_wrong:
            words = "归还日不能早于文件日期，请核对。" if field == "return_on" else "请填写。"
            raise MalformedInput(words, code="missing_value", details={"field": field})
    if abs(command.year - command.issued_on.year) > 1:
        words = f"文件是 {command.issued_on.year} 年的，不会是 {command.year} 年度的预付。请核对年度。"
        raise MalformedInput(words, code="year_too_far", details={"field": "year"})


def _payload(command: RecordProcurement) -> dict[str, Any]:
    return {
        "regime": command.regime,
        "pool_region": command.pool_region,
        "fund": command.fund,
        "year": command.year,
        "amount": command.amount.fen,
        "document": command.document,
        "issued_on": command.issued_on.isoformat(),
        "batch": command.batch,
        "return_on": command.return_on and command.return_on.isoformat(),
    }


def _add(work: UnitOfWork, command: RecordProcurement, decision_id: str) -> str:
    grant_id = work.new_id()
    key = {"institution_id": work.institution_id, "grant_id": grant_id}
    grant = {
        **key,
        "regime": command.regime,
        "pool_region": command.pool_region,
        "fund": command.fund,
        "year": command.year,
        "kind": "procurement",
        "state": "applied",
        "applied_fen": command.amount.fen,
        "decision_id": decision_id,
        "applied_by": work.act.actor.actor_id,
        "applied_at": work.now,
    }
    document = {
        **key,
        "document": command.document.strip(),
        "issued_on": command.issued_on,
        "batch": command.batch.strip(),
        "return_on": command.return_on,
        "recorded_by": work.act.actor.actor_id,
        "recorded_at": work.now,
    }
    store.add_grant(work.connection, grant)
    kept.add_procurement(work.connection, document)
    return grant_id

"""A grant from application to its receipt: applied for by one person, recorded by another, received with evidence."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.ledger.chart import earmark_account, owed_account, reserved_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.application import ApplicationFacts, ConditionFact, apply
from hospital_prepay.domain.rules.fund.facts import AssessmentFacts
from hospital_prepay.domain.rules.fund.recall import DEREGISTERED
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence import fund_recalls as store_of_recalls
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.persistence.ledger import open_account
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.assess import AssessFund, assess_fund
from hospital_prepay.services.fund.clearing import with_books
from hospital_prepay.services.fund.recall import withheld_by
from hospital_prepay.services.fund.slips import keep_slip, require_past
from hospital_prepay.services.fund.words import CONDITIONS
from hospital_prepay.services.publication.readings import readings_within

FUND_NAMES = {"employee": "职工医保", "resident": "居民医保", "all": "各基金合计"}


@dataclass(frozen=True, slots=True)
class ApplyForGrant:
    """An application for one fund of one pool region, and the facts it rests on."""

    regime: str
    pool_region: str
    fund: Fund
    amount: Money
    facts: AssessmentFacts
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class RecordApproval:
    """What the authority decided: an amount, or ``None`` for a no; with its document and the platform's number."""

    grant_id: str
    approved: Money | None
    approved_on: date
    document: str
    module_no: str


@dataclass(frozen=True, slots=True)
class ReceiveGrant:
    """The money on the hospital's account, by the bank's own reference."""

    grant_id: str
    bank_reference: str
    received_on: date
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Applied:
    """The answer to an application; ``grant_id`` is ``None`` unless it was permitted."""

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


def apply_for_grant(context: Context, actor: Actor, command: ApplyForGrant) -> Applied:
    """Hold the hospital against every condition of its place, and file the application when all are met.

    The same key with the same content gives the same answer, a refusal too. Raises :class:`Conflict` when the fund
    has an application for the year, :class:`NoRuleInForce` and :class:`MalformedInput` as the calculator does.
    """
    actor.require(Permission.FUND_APPLY)
    payload = {
        "regime": command.regime,
        "pool_region": command.pool_region,
        "fund": command.fund.value,
        "amount": command.amount.fen,
        "year": command.facts.year,
    }
    subject = f"fund:{command.regime}:{command.fund.value}:{command.facts.year}"
    with context.work(actor, "fund.apply", subject) as work:
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return Applied.of_json(known)
        command = replace(command, facts=with_books(work, command.regime, command.facts))
        barred = store_of_recalls.deregistered(work.connection, work.institution_id, DEREGISTERED)
        decision = apply(_facts(command, barred is not None), work.rule_version)
        decision_id = work.keep_decision(decision, work.today, readings_within(work, "fund.assess"))
        grant_id = _file(work, command, decision_id) if decision.permitted else None
        outcome = "done" if grant_id else "refused"
        work.audit(outcome=outcome, decision_id=decision_id, detail={"amount_fen": command.amount.fen})
        answer = Applied(decision, decision_id, grant_id)
        work.keep_answer(command.idempotency_key, payload, answer.to_json())
        return answer


def record_approval(context: Context, actor: Actor, command: RecordApproval) -> GrantState:
    """Write down what the authority decided; another person than the applicant. An approval opens the accounts.

    Raises :class:`SecondPersonRequired`, :class:`MalformedInput` without a document, :class:`Conflict` when decided.
    """
    actor.require(Permission.FUND_RECORD)
    with context.work(actor, "fund.record_approval", f"grant:{command.grant_id}") as work:
        grant = store.lock_grant(work.connection, work.institution_id, command.grant_id)
        actor.require_other_than(grant.applied_by, "登记批复")
        if not command.document.strip():
            raise MalformedInput("请填批复文号或文件名，备查。", code="missing_value", details={"field": "document"})
        require_past(command.approved_on, work.today, "approved_on")
        values: dict[str, Any] = {"recorded_by": actor.actor_id, "recorded_at": work.now}
        values |= {"approval_document": command.document, "module_no": command.module_no}
        if command.approved is None:
            store.walk_grant(work.connection, work.institution_id, grant.grant_id, state="declined", **values)
        else:
            values |= {"approved_fen": command.approved.fen, "approved_on": command.approved_on}
            store.walk_grant(work.connection, work.institution_id, grant.grant_id, state="approved", **values)
            _open_accounts(work, grant)
            _withhold_while_recalled(work, grant)
        approved_fen = command.approved and command.approved.fen
        work.audit(detail={"approved_fen": approved_fen, "document": command.document})
        return store.read_grant(work.connection, work.institution_id, grant.grant_id)


def withhold_grant(context: Context, actor: Actor, grant_id: str, ground: str, *, withheld: bool) -> GrantState:
    """The authority holds back what isn't paid out yet, or lets it go again."""
    actor.require(Permission.FUND_RECORD)
    with context.work(actor, "fund.withhold", f"grant:{grant_id}") as work:
        grant = store.lock_grant(work.connection, work.institution_id, grant_id)
        if not ground.strip():
            raise MalformedInput("请写明依据，例如通知文号。", code="missing_value", details={"field": "ground"})
        if not withheld and withheld_by(work, grant) is not None:
            raise Conflict("收回情形还没有办结，还没拨付的不能恢复。请先由另一个人登记解除。", code="recall_stands")
        state = "withheld" if withheld else "approved"
        store.walk_grant(work.connection, work.institution_id, grant.grant_id, state=state, withheld_ground=ground)
        work.audit(detail={"withheld": withheld, "ground": ground})
        return store.read_grant(work.connection, work.institution_id, grant.grant_id)


def receive_grant(context: Context, actor: Actor, command: ReceiveGrant) -> GrantState:
    """Book the approved amount as it arrives: the earmark grows, and with it what is owed back.

    Raises :class:`MalformedInput` without the bank's reference, :class:`Conflict` unless it is approved and not
    withheld. Asking again with the same key changes nothing.
    """
    actor.require(Permission.FUND_APPLY)
    if not command.bank_reference.strip():
        raise MalformedInput("请填银行回单号。", code="missing_value", details={"field": "bank_reference"})
    payload = {"grant": command.grant_id, "reference": command.bank_reference, "on": command.received_on.isoformat()}
    with context.work(actor, "fund.receive", f"grant:{command.grant_id}") as work:
        grant = store.lock_grant(work.connection, work.institution_id, command.grant_id)
        if work.known_answer(command.idempotency_key, payload) is not None:
            return grant
        require_past(command.received_on, work.today, "received_on")
        if grant.state != "approved" or grant.approved_fen is None:
            raise Conflict("这笔预付金还没有批复、已被暂停拨付，或已经入账。请刷新后再看；本次没有入账。")
        amount = Money(grant.approved_fen)
        lines = (
            Posting(earmark_account(grant.grant_id), debit=amount),
            Posting(owed_account(grant.grant_id), credit=amount),
        )
        entry_no = work.ledger.post(fund_entry(work, grant, "fund_receipt", "收到医保预付金", lines, grant.grant_id))
        keep_slip(work, "fund_receipt", entry_no, command.bank_reference, command.received_on)
        store.walk_grant(work.connection, work.institution_id, grant.grant_id, state="received")
        work.audit(entry_no=entry_no, detail={"amount_fen": amount.fen, "bank_reference": command.bank_reference})
        work.keep_answer(command.idempotency_key, payload, {"entry_no": entry_no})
        return store.read_grant(work.connection, work.institution_id, grant.grant_id)


def find_grant(context: Context, actor: Actor, grant_id: str) -> GrantState:
    """One grant. Needs ``fund.view``. Raises :class:`NotFound`."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        return store.read_grant(connection, actor.institution_id, grant_id)


def fund_entry(
    work: UnitOfWork,
    grant: GrantState,
    kind: str,
    summary: str,
    lines: tuple[Posting, ...],
    key: str,
    source: str = "",
    general: tuple[Posting, ...] = (),
) -> JournalEntry:
    """An entry within one grant: every line carries its name, but for the ``general`` ones that belong to nobody."""
    return JournalEntry(
        institution_id=work.institution_id,
        idempotency_key=f"{kind}:{key}",
        kind=kind,
        summary=summary,
        source=source or f"grant:{grant.grant_id}",
        occurred_at=work.now,
        posted_at=work.now,
        effective_on=work.today,
        posted_by=work.act.actor.actor_id,
        postings=(*(replace(line, fund=grant.grant_id) for line in lines), *general),
    )


def _facts(command: ApplyForGrant, deregistered: bool) -> ApplicationFacts:
    assessed = assess_fund(AssessFund(command.regime, command.facts))
    quota = next((one for one in assessed.quotas if one.fund is command.fund), None)
    if quota is None:
        raise MalformedInput("请填写这个基金的统筹区情况。", code="missing_value", details={"field": "pools"})
    conditions = tuple(
        ConditionFact(one.id, CONDITIONS[one.id], one.clause, one.outcome.value) for one in assessed.conditions
    )
    return ApplicationFacts(
        regime=command.regime,
        year=command.facts.year,
        fund=command.fund.value,
        amount_fen=command.amount.fen,
        conditions=conditions,
        permitted=quota.permitted,
        quota_fen=None if quota.quota is None else quota.quota.fen,
        largest_fen=None if quota.max_quota is None else quota.max_quota.fen,
        quota_clauses=quota.clauses,
        deregistered=deregistered,
    )


def _file(work: UnitOfWork, command: ApplyForGrant, decision_id: str) -> str:
    grant_id = work.new_id()
    store.add_grant(
        work.connection,
        {
            "institution_id": work.institution_id,
            "grant_id": grant_id,
            "regime": command.regime,
            "pool_region": command.pool_region,
            "fund": command.fund.value,
            "year": command.facts.year,
            "kind": "basic",
            "state": "applied",
            "applied_fen": command.amount.fen,
            "decision_id": decision_id,
            "applied_by": work.act.actor.actor_id,
            "applied_at": work.now,
        },
    )
    return grant_id


def _withhold_while_recalled(work: UnitOfWork, grant: GrantState) -> None:
    """Approved while a ground stands: not paid out either, where the notice says so."""
    found = withheld_by(work, grant)
    if found is not None:
        ground = f"收回情形：{found.document}"
        store.walk_grant(
            work.connection, work.institution_id, grant.grant_id, state="withheld", withheld_ground=ground
        )


def _open_accounts(work: UnitOfWork, grant: GrantState) -> None:
    name = f"{grant.year} 年{FUND_NAMES[grant.fund]}预付金"
    accounts = (
        (earmark_account(grant.grant_id), f"{name}·专款未用"),
        (reserved_account(grant.grant_id), f"{name}·已预留"),
        (owed_account(grant.grant_id), f"{name}·应还医保"),
    )
    for account_id, words in accounts:
        open_account(
            work.connection,
            work.institution_id,
            account_id,
            name=words,
            opened_at=work.now,
            guarded=True,
            fund=grant.grant_id,
        )

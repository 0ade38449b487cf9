"""A grant from its approval to its receipt: recorded by another than the applicant, received with evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, RuleRefused, SecondPersonRequired
from hospital_prepay.domain.ledger.chart import earmark_account, owed_account, reserved_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.application import ApprovalFacts, approve
from hospital_prepay.persistence import decisions
from hospital_prepay.persistence import fund_applications as kept
from hospital_prepay.persistence import fund_recalls as recalls
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.fund_approvals import withdrawn
from hospital_prepay.persistence.fund_returns import booked, corrections_of
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.persistence.ledger import open_account
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.application_facts import emergency_fact
from hospital_prepay.services.fund.predecessors import owed_predecessor
from hospital_prepay.services.fund.recall import withheld_by
from hospital_prepay.services.fund.slips import keep_slip, reopen_past_month, require_not_before, require_past
from hospital_prepay.services.publication.readings import readings_within

FUND_NAMES = {"employee": "职工医保", "resident": "居民医保", "all": "各基金合计"}
KIND_NAMES = {"basic": "预付金", "procurement": "集采专项预付"}


def grant_words(grant: GrantState) -> str:
    """``2026 年职工医保预付金``, or ``2026 年职工医保集采专项预付``."""
    return f"{grant.year} 年{FUND_NAMES[grant.fund]}{KIND_NAMES[grant.kind]}"


@dataclass(frozen=True, slots=True)
class RecordApproval:
    """What the authority decided: an amount, or ``None`` for a no; with its document and the platform's number.

    ``emergency_id`` names a document of an emergency by which more than the largest size was approved; ``early`` says
    why the authority decided before the application was filed here.
    """

    grant_id: str
    approved: Money | None
    approved_on: date
    document: str
    module_no: str
    emergency_id: str | None = None
    early: str = ""


@dataclass(frozen=True, slots=True)
class ReceiveGrant:
    """The money on the hospital's account, by the bank's own reference.

    ``in_full`` says why the whole amount came where the place nets and the grant before is still owed.
    """

    grant_id: str
    bank_reference: str
    received_on: date
    idempotency_key: str
    in_full: str = ""


def record_approval(context: Context, actor: Actor, command: RecordApproval) -> GrantState:
    """Write down what the authority decided; another person than the applicant. An approval opens the accounts.

    Raises :class:`SecondPersonRequired`, :class:`MalformedInput` without a document or with a day ahead of today,
    :class:`Conflict` when decided, :class:`RuleRefused` for more than the largest size of the notice.
    """
    actor.require(Permission.FUND_RECORD)
    with context.work(actor, "fund.record_approval", f"grant:{command.grant_id}") as work:
        grant = store.lock_grant(work.connection, work.institution_id, command.grant_id)
        actor.require_other_than(grant.applied_by, "登记批复")
        if not command.document.strip():
            raise MalformedInput("请填批复文号或文件名，备查。", code="missing_value", details={"field": "document"})
        _require_day(grant, command, work.today)
        decision, decision_id = _judge(work, grant, command)
        if decision is None or decision.permitted:
            _walk_decided(work, grant, command)
        outcome = "done" if decision is None or decision.permitted else "refused"
        detail = {"approved_fen": command.approved and command.approved.fen, "document": command.document}
        if command.early.strip():
            detail["early"] = command.early.strip()
        work.audit(outcome=outcome, decision_id=decision_id, detail=detail)
        found = store.read_grant(work.connection, work.institution_id, grant.grant_id)
    if outcome == "refused" and decision is not None:
        words = decision.reasons[0].message
        raise RuleRefused(f"没有登记：{words}请核对金额；按特殊情形批的，先登记那份文件再选它。")
    return found


def check_approval(context: Context, actor: Actor, command: RecordApproval) -> None:
    """Whether the day of an approval can be right, before anybody is asked to confirm it. Raises
    :class:`MalformedInput`; nothing is written down."""
    actor.require(Permission.FUND_RECORD)
    with context.database.reading() as connection:
        grant = store.read_grant(connection, actor.institution_id, command.grant_id)
    _require_day(grant, command, context.clock.today())


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
    withheld, and where it is to be netted and nobody says that the whole amount came. Asking again with the same key
    changes nothing.
    """
    actor.require(Permission.FUND_APPLY)
    if not command.bank_reference.strip():
        raise MalformedInput("请填银行回单号。", code="missing_value", details={"field": "bank_reference"})
    payload = {"grant": command.grant_id, "reference": command.bank_reference, "on": command.received_on.isoformat()}
    in_full = {"in_full": command.in_full.strip()} if command.in_full.strip() else {}
    with context.work(actor, "fund.receive", f"grant:{command.grant_id}") as work:
        grant = store.lock_grant(work.connection, work.institution_id, command.grant_id)
        if work.known_answer(command.idempotency_key, payload | in_full) is not None:
            return grant
        _require_receivable(work.connection, work.institution_id, grant, command, work.today)
        amount = Money(grant.approved_fen or 0)
        lines = (
            Posting(earmark_account(grant.grant_id), debit=amount),
            Posting(owed_account(grant.grant_id), credit=amount),
        )
        on, summary = command.received_on, "收到医保预付金"
        reopen_past_month(work, on, "到账")
        key = _receipt_key(work, grant)
        entry_no = work.ledger.post(fund_entry(work, grant, "fund_receipt", summary, lines, key, on=on))
        keep_slip(work, "fund_receipt", entry_no, command.bank_reference, command.received_on)
        store.walk_grant(work.connection, work.institution_id, grant.grant_id, state="received")
        detail = {"amount_fen": amount.fen, "bank_reference": command.bank_reference, **in_full}
        work.audit(entry_no=entry_no, detail=detail)
        work.keep_answer(command.idempotency_key, payload | in_full, {"entry_no": entry_no})
        return store.read_grant(work.connection, work.institution_id, grant.grant_id)


def _receipt_key(work: UnitOfWork, grant: GrantState) -> str:
    """One receipt of a grant, and another one for each that was taken back."""
    undone = sum(
        one.state == "approved" and booked(work.connection, work.institution_id, one.entry_no).kind == "fund_receipt"
        for one in corrections_of(work.connection, work.institution_id, grant.grant_id)
    )
    return f"{grant.grant_id}:{undone}" if undone else grant.grant_id


def check_receipt(context: Context, actor: Actor, command: ReceiveGrant) -> None:
    """Whether the money may be booked on that day, before anybody is asked to confirm it; nothing is written down.
    Raises what :func:`receive_grant` raises."""
    actor.require(Permission.FUND_APPLY)
    with context.database.reading() as connection:
        grant = store.read_grant(connection, actor.institution_id, command.grant_id)
        _require_receivable(connection, actor.institution_id, grant, command, context.clock.today())


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
    on: date | None = None,
) -> JournalEntry:
    """An entry within one grant: every line carries its name, but for the ``general`` ones that belong to nobody.

    It belongs to the day ``on`` which the bank's slip proves, else to today; balances, movements, reports and
    reconciliation all go by that day, however late it is booked.
    """
    return JournalEntry(
        institution_id=work.institution_id,
        idempotency_key=f"{kind}:{key}",
        kind=kind,
        summary=summary,
        source=source or f"grant:{grant.grant_id}",
        occurred_at=work.now,
        posted_at=work.now,
        effective_on=on or work.today,
        posted_by=work.act.actor.actor_id,
        postings=(*(replace(line, fund=grant.grant_id) for line in lines), *general),
    )


def _require_day(grant: GrantState, command: RecordApproval, today: date) -> None:
    """Not ahead of today; before an application was filed only with a written reason (paper went out first). A
    procurement prepayment is recorded from a document that is there already."""
    require_past(command.approved_on, today, "approved_on")
    require_not_before(command.approved_on, date(grant.year - 1, 1, 1), "上一年年初", "approved_on")
    filed_on = local(grant.applied_at).date()
    if grant.kind == "basic" and command.approved_on < filed_on and not command.early.strip():
        raise MalformedInput(
            f"批复日 {command.approved_on} 早于申请递交的 {filed_on}，请核对。"
            "确实先批后登记的（特殊情形、纸质申请先送出），请在“为什么批复在前”写明。",
            code="before_application",
            details={"field": "approved_on"},
        )


def _judge(work: UnitOfWork, grant: GrantState, command: RecordApproval) -> tuple[Decision | None, str | None]:
    """The decision on an approval, kept; nothing is decided of a no, nor of a grant of another regime than this."""
    if command.approved is None:
        return None, None
    if command.approved.fen <= 0:
        raise MalformedInput("批复金额要大于零；没有批准的，请选“没有批准”。", details={"field": "approved"})
    if grant.kind != "basic":
        if command.approved.fen > grant.applied_fen:
            words = f"文件上是 {Money(grant.applied_fen)} 元，批复不能超过它。请核对金额。"
            raise MalformedInput(words, details={"field": "approved"})
        return None, None
    emergency = None
    if command.emergency_id is not None:
        found = kept.emergency(work.connection, work.institution_id, command.emergency_id)
        if (found.regime, found.year) != (grant.regime, grant.year):
            raise MalformedInput("这份文件不是这个地方、这一年的，请重选。", details={"field": "emergency"})
        if found.recorded_by == grant.applied_by:
            raise SecondPersonRequired("特殊情形的文件要由申请人以外的人登记。请由另一个人登记后再选。")
        filed = kept.application_of(work.connection, work.institution_id, grant.decision_id)
        if filed is None or filed.emergency_id != found.emergency_id:  # else the applicant is the second person
            work.act.actor.require_other_than(found.recorded_by, "按特殊情形登记批复")
        emergency = emergency_fact(load_rulebook().regime(grant.regime, grant.year), found)
    largest, clauses, size_clause = _largest(work, grant)
    asked = (grant.regime, grant.year, grant.fund, command.approved.fen)
    facts = ApprovalFacts(*asked, largest, clauses, emergency, size_clause)
    decision = approve(facts, work.rule_version)
    return decision, work.keep_decision(decision, work.today, readings_within(work, "fund.assess"))


def _largest(work: UnitOfWork, grant: GrantState) -> tuple[int | None, tuple[str, ...], str | None]:
    """The largest size as it was found for the application, the clauses of the quota, and that of the size."""
    try:
        applied, _ = decisions.find(work.connection, work.institution_id, grant.decision_id)
    except NotFound:
        return None, (), None
    facts = applied.facts
    return facts["largest_fen"], tuple(facts["quota_clauses"]), facts.get("size_clause")


def _require_receivable(
    connection: Connection, institution_id: str, grant: GrantState, command: ReceiveGrant, today: date
) -> None:
    require_past(command.received_on, today, "received_on")
    if grant.state != "approved" or grant.approved_fen is None:
        raise Conflict("这笔预付金还没有批复、已被暂停拨付，或已经入账。请刷新后再看；本次没有入账。")
    require_not_before(command.received_on, grant.approved_on, "批复日", "received_on")
    if not command.in_full.strip():
        _require_nothing_to_net(recalls.grants_of(connection, institution_id, grant.regime), grant)


def _require_nothing_to_net(grants: Sequence[GrantState], grant: GrantState) -> None:
    old = owed_predecessor(grants, grant)
    if old is not None:
        owed = Money(old.owed_fen)
        raise Conflict(
            f"{old.year} 年的预付金还有应还 {owed} 元，这里的通知要求和今年额度轧差。请办“轧差”；"
            "银行确实按全额到账的，请选“银行按全额到账”并写明原因。本次没有入账。",
            code="to_be_netted",
        )


def _walk_decided(work: UnitOfWork, grant: GrantState, command: RecordApproval) -> None:
    values: dict[str, Any] = {"recorded_by": work.act.actor.actor_id, "recorded_at": work.now}
    values |= {"approval_document": command.document, "module_no": command.module_no}
    if command.approved is None:
        store.walk_grant(work.connection, work.institution_id, grant.grant_id, state="declined", **values)
        return
    values |= {"approved_fen": command.approved.fen, "approved_on": command.approved_on}
    store.walk_grant(work.connection, work.institution_id, grant.grant_id, state="approved", **values)
    if not withdrawn(work.connection, work.institution_id, grant.grant_id):  # else they are open already
        _open_accounts(work, grant)
    withhold_while_recalled(work, grant)


def withhold_while_recalled(work: UnitOfWork, grant: GrantState) -> None:
    """Approved while a ground stands: not paid out either, where the notice says so."""
    found = withheld_by(work, grant)
    if found is not None:
        ground = f"收回情形：{found.document}"
        store.walk_grant(
            work.connection, work.institution_id, grant.grant_id, state="withheld", withheld_ground=ground
        )


def _open_accounts(work: UnitOfWork, grant: GrantState) -> None:
    name = f"{grant.year} 年{FUND_NAMES[grant.fund]}{KIND_NAMES[grant.kind]}"
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

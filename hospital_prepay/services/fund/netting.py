"""Netting: next year's allocation against this year's in one entry; the difference alone moves at the bank."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.ledger.chart import earmark_account, owed_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.clearing import NettingFacts, net, netting_duty
from hospital_prepay.domain.rules.fund.readings import HolidayRoll
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.rulebook.holidays import working_day_calendar
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.grants import fund_entry
from hospital_prepay.services.fund.predecessors import follows
from hospital_prepay.services.fund.slips import keep_slip, reopen_past_month, require_not_before, require_past
from hospital_prepay.services.publication.readings import holiday_roll, readings_within

KIND = "fund_netting"


@dataclass(frozen=True, slots=True)
class NetGrants:
    """The grant of the year before and the approved one; the bank's slip where a difference moved."""

    old_grant_id: str
    new_grant_id: str
    netted_on: date
    bank_reference: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Netted:
    """What came of it: the decision with the difference, and both grants as they stand then."""

    decision: Decision
    old: GrantState
    new: GrantState


def net_grants(context: Context, actor: Actor, command: NetGrants) -> Netted:
    """Clear the old grant and receive the new one in one balanced entry.

    Raises :class:`MalformedInput` for a day ahead or a missing slip, :class:`Conflict` for grants that don't follow
    each other, or while money of the old one is reserved. Asking again with the same key changes nothing.
    """
    actor.require(Permission.FUND_RETURN)
    payload: dict[str, Any] = {
        "old": command.old_grant_id,
        "new": command.new_grant_id,
        "on": command.netted_on.isoformat(),
        "reference": command.bank_reference,
    }
    with context.work(actor, "fund.net", f"grant:{command.old_grant_id}") as work:
        old, new = _locked(work, command)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return Netted(Decision.of_json(known["decision"]), old, new)
        require_past(command.netted_on, work.today, "netted_on")
        require_not_before(command.netted_on, new.approved_on, "批复日", "netted_on")
        _require_ready(old, new)
        decision = net(
            netting_facts(old, new, command.netted_on, holiday_roll(work.connection, work.institution_id)),
            work.rule_version,
        )
        if decision.amount and not command.bank_reference.strip():
            words = f"差额 {decision.amount} 元要经过银行，请填银行回单号。"
            raise MalformedInput(words, code="missing_value", details={"field": "bank_reference"})
        decision_id = work.keep_decision(decision, work.today, readings_within(work, "fund.duties"))
        reopen_past_month(work, command.netted_on, "轧差")
        entry_no = work.ledger.post(_entry(work, old, new, command))
        if decision.amount:
            keep_slip(work, KIND, entry_no, command.bank_reference, command.netted_on)
        store.walk_grant(work.connection, work.institution_id, old.grant_id, state="cleared", cleared_at=work.now)
        store.walk_grant(work.connection, work.institution_id, new.grant_id, state="received")
        detail = {"new_grant": new.grant_id, "difference_fen": (decision.amount or Money(0)).fen}
        work.audit(entry_no=entry_no, decision_id=decision_id, detail=detail)
        work.keep_answer(command.idempotency_key, payload, {"decision": decision.to_json()})
        read = [store.read_grant(work.connection, work.institution_id, one.grant_id) for one in (old, new)]
        return Netted(decision, *read)


def netting_facts(old: GrantState, new: GrantState, on: date, roll: HolidayRoll) -> NettingFacts:
    """What the rule looks at. Raises :class:`Conflict` for two grants that don't follow each other."""
    regime = load_rulebook().regime(new.regime, new.year)
    duty = netting_duty(regime, new.year, working_day_calendar(), roll)
    if duty is None or new.kind != "basic":
        raise Conflict("这里的通知没有写轧差，请按交回或冲抵办理；本次没有入账。")
    if not follows(old, new):
        raise Conflict("只能用同一统筹区、同一基金的下一年额度轧差。请核对两笔预付金；本次没有入账。")
    return NettingFacts(
        regime=new.regime,
        year=new.year,
        owed_fen=old.owed_fen,
        unspent_fen=old.unspent_fen,
        allocated_fen=new.approved_fen or 0,
        due_on=None if duty.due_on is None else duty.due_on.isoformat(),
        today=on.isoformat(),
        clause=duty.clause,
    )


def _locked(work: UnitOfWork, command: NetGrants) -> tuple[GrantState, GrantState]:
    """Both, locked in the order of their ids."""
    ids = sorted({command.old_grant_id, command.new_grant_id})
    both = {one: store.lock_grant(work.connection, work.institution_id, one) for one in ids}
    return both[command.old_grant_id], both[command.new_grant_id]


def _require_ready(old: GrantState, new: GrantState) -> None:
    if old.state != "received":
        raise Conflict("上年这笔没有到账，或已经清算，不能轧差。请刷新后再看；本次没有入账。")
    if old.reserved_fen:
        reserved = Money(old.reserved_fen)
        raise Conflict(f"上年这笔还有预留 {reserved} 元没有付款。请先付款或退回预留，再轧差；本次没有入账。")
    if new.state != "approved":
        raise Conflict("今年的额度还没有登记批复、被暂停拨付，或已经到账，不能轧差；本次没有入账。")


def _entry(work: UnitOfWork, old: GrantState, new: GrantState, command: NetGrants) -> JournalEntry:
    """Old owed and earmark to zero, the new ones whole (借 23050101 旧 / 贷 23050101 新, within each grant).

    What was spent of the old one the hospital makes good from its own account, so that every fen that leaves the new
    earmark later has a request of its own behind it.
    """
    spent = Money(old.owed_fen - old.unspent_fen)
    allocated = Money(new.approved_fen or 0)
    lines = [Posting(owed_account(old.grant_id), debit=Money(old.owed_fen))]
    if old.unspent_fen:
        lines.append(Posting(earmark_account(old.grant_id), credit=old.unspent))
    if spent:
        lines.append(Posting("1002", credit=spent))
    key, on = command.idempotency_key, command.netted_on
    entry = fund_entry(work, old, KIND, "新旧医保预付金轧差", tuple(lines), key, on=on)
    received = (
        Posting(earmark_account(new.grant_id), debit=allocated, fund=new.grant_id),
        Posting(owed_account(new.grant_id), credit=allocated, fund=new.grant_id),
    )
    return replace(entry, postings=(*entry.postings, *received))

"""Settlements of the agency without an offset: paid, paid ahead when it can't settle in time, and paid back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.henan_month import FallbackFacts, fallback, left_to_settle, month_after
from hospital_prepay.persistence import fund_reconciliation as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.fund_reconciliation import Settlement
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.henan import require_henan
from hospital_prepay.services.fund.months import first_and_last, month_of, reopen_for
from hospital_prepay.services.fund.settlement_checks import (
    last_actual_fen,
    require_near_its_month,
    require_new_slip,
    require_usual,
)
from hospital_prepay.services.fund.slips import keep_slip, require_not_before

FUNDS: Final = ("employee", "resident", "all")
_RECEIVABLE: Final = "12120201"
_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class PaidByBank:
    """A payment as the bank shows it, in either direction."""

    paid_on: date
    bank_reference: str
    payer: str
    remark: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class RecordSettlement:
    """What the agency settled for the costs of ``period``; ``ahead`` when it is the amount of the last cycle,
    ``unusual`` when a person confirmed that it is far beyond other months."""

    period: str
    fund: str
    cross_region: bool
    amount: Money
    bank: PaidByBank
    ahead: bool = False
    unusual: bool = False


@dataclass(frozen=True, slots=True)
class SettleActual:
    """The actual settlement that answers money paid ahead. ``bank`` is ``None`` when nothing moves any more."""

    settles: str
    actual: Money
    document: str
    bank: PaidByBank | None
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class RepayPlan:
    """A negative plan, paid back."""

    plan_id: str
    document: str
    bank: PaidByBank


@dataclass(frozen=True, slots=True)
class Settled:
    """What was booked; ``decision`` of money paid ahead."""

    settlement_id: str
    moved_fen: int
    decision: Decision | None = None


def record_settlement(context: Context, actor: Actor, command: RecordSettlement) -> Settled:
    """Book a settlement that arrived: the bank rises, the receivable falls. Of money paid ahead the rule says whether
    it is the last cycle's actual settlement; it is booked all the same, for it has arrived.

    The same key changes nothing. Raises :class:`MalformedInput`, also for an unusual amount that isn't confirmed,
    and :class:`Conflict` when its slip is recorded already, of whatever month or fund.
    """
    actor.require(Permission.FUND_RETURN)
    payload = _payload(command.bank) | {
        "period": command.period,
        "fund": command.fund,
        "cross": command.cross_region,
        "amount": command.amount.fen,
        "ahead": command.ahead,
    }
    with context.work(actor, _action(command), f"month:{command.period}") as work:
        store.lock_reconciliation(work.connection, work.institution_id)
        known = work.known_answer(command.bank.idempotency_key, payload)
        if known is not None:
            return Settled(known["settlement_id"], known["moved_fen"], _kept(known))
        _check(work.connection, work.institution_id, work.today, command)
        if command.ahead:
            require_henan(work)
        decision = _compared(work, command) if command.ahead else None
        decision_id = work.keep_decision(decision, work.today, {}) if decision else None
        moved = command.amount.fen
        values = {
            "kind": "fallback" if command.ahead else "settlement",
            "period": command.period,
            "fund": command.fund,
            "cross_region": command.cross_region,
            "settled_fen": 0 if command.ahead else moved,
            "decision_id": decision_id,
        }
        summary = "收到医保先付的结算款" if command.ahead else "收到医保结算款"
        done = _book(work, command.bank, moved, summary, values, {"unusual": True} if command.unusual else {})
        answer = {"settlement_id": done, "moved_fen": moved, "decision": decision and decision.to_json()}
        work.keep_answer(command.bank.idempotency_key, payload, answer)
        return Settled(done, moved, decision)


def check_settlement(context: Context, actor: Actor, command: RecordSettlement) -> None:
    """Whether it could be booked now, before anybody is asked to confirm it. Raises as :func:`record_settlement`."""
    actor.require(Permission.FUND_RETURN)
    with context.database.reading() as connection:
        _check(connection, actor.institution_id, context.clock.today(), command)


def settle_actual(context: Context, actor: Actor, command: SettleActual) -> Settled:
    """Settle money that was paid ahead: the difference moves, in either direction, or nothing does.

    Raises :class:`NotFound`, :class:`Conflict` when it is settled, :class:`MalformedInput` without the bank's
    reference of a difference, or with one where nothing moved.
    """
    actor.require(Permission.FUND_RETURN)
    payload = {"settles": command.settles, "actual": command.actual.fen, "document": command.document}
    payload |= {"bank": command.bank and _payload(command.bank)}
    with context.work(actor, "fund.settle_actual", f"settlement:{command.settles}") as work:
        store.lock_reconciliation(work.connection, work.institution_id)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return Settled(known["settlement_id"], known["moved_fen"])
        ahead = _ahead(work, command.settles)
        moved = left_to_settle(command.actual, Money(ahead.moved_fen)).fen
        bank = command.bank or PaidByBank(work.today, "", "", "", command.idempotency_key)
        if not moved and command.bank:
            # Nothing would look at it: a slip that moved nothing here is another movement's.
            raise _wrong("bank_reference", "没有差额，银行没有收付，不用填回单号。请清空这一项，或核对实际结算金额。")
        if moved:
            _check_bank(work.connection, work.institution_id, work.today, bank)
            require_not_before(bank.paid_on, ahead.paid_on, "先付的款的到账日", "paid_on")
            require_near_its_month(ahead.period, bank.paid_on)
        values = {
            "kind": "actual",
            "period": ahead.period,
            "fund": ahead.fund,
            "cross_region": ahead.cross_region,
            "settled_fen": command.actual.fen,
            "settles": ahead.settlement_id,
            "document": command.document.strip(),
        }
        done = _book(work, bank, moved, "实际结算与先付金额的差额", values)
        work.keep_answer(command.idempotency_key, payload, {"settlement_id": done, "moved_fen": moved})
        return Settled(done, moved)


def repay_plan(context: Context, actor: Actor, command: RepayPlan) -> Settled:
    """Pay a negative plan back (河南 三（三）): the receivable rises, the bank falls; with the agency's document.

    Raises :class:`NotFound`, :class:`Conflict` when it is paid back, :class:`MalformedInput` without a document.
    """
    actor.require(Permission.FUND_RETURN)
    payload = _payload(command.bank) | {"plan": command.plan_id, "document": command.document}
    with context.work(actor, "fund.repay_plan", f"plan:{command.plan_id}") as work:
        store.lock_reconciliation(work.connection, work.institution_id)
        known = work.known_answer(command.bank.idempotency_key, payload)
        if known is not None:
            return Settled(known["settlement_id"], known["moved_fen"])
        plans = {one.event_id: one for one in store.month_events(work.connection, work.institution_id)}
        plan = plans.get(command.plan_id)
        if plan is None or plan.kind != "negative_plan" or plan.amount_fen is None:
            raise NotFound("没有这个负数计划。请回到河南月度页查看。")
        if not command.document.strip():
            raise _wrong("document", "请填退款所依据的文件或通知书号。")
        _check_bank(work.connection, work.institution_id, work.today, command.bank)
        require_not_before(command.bank.paid_on, plan.on_day, "收到负数计划的日子", "paid_on")
        require_near_its_month(plan.period, command.bank.paid_on)
        values = {
            "kind": "repayment",
            "period": plan.period,
            "fund": plan.fund or "all",
            "cross_region": True,
            "settled_fen": plan.amount_fen,
            "plan_id": plan.event_id,
            "document": command.document.strip(),
        }
        done = _book(work, command.bank, -plan.amount_fen, "退回异地就医负数计划", values)
        answer = {"settlement_id": done, "moved_fen": -plan.amount_fen}
        work.keep_answer(command.bank.idempotency_key, payload, answer)
        return Settled(done, -plan.amount_fen)


def list_settlements(context: Context, actor: Actor) -> list[Settlement]:
    """Every settlement that was recorded, by month."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        return store.settlements(connection, actor.institution_id)


def _compared(work: UnitOfWork, command: RecordSettlement) -> Decision:
    known = store.settlements(work.connection, work.institution_id)
    last = last_actual_fen(known, command.period, command.fund, command.cross_region)
    facts = FallbackFacts(command.period, month_after(command.period, -1), last, command.amount.fen)
    return fallback(facts, work.rule_version)


def _book(
    work: UnitOfWork,
    bank: PaidByBank,
    moved: int,
    summary: str,
    values: dict[str, Any],
    noted: Mapping[str, Any] = _NOTHING,
) -> str:
    """Post what moved and keep the paper it stands on. A closed month that gets it is opened again."""
    settlement_id = work.new_id()
    entry_no = work.ledger.post(_entry(work, settlement_id, moved, summary, bank.paid_on)) if moved else None
    if entry_no is not None:
        keep_slip(work, "fund_settlement", entry_no, bank.bank_reference, bank.paid_on)
    store.add_settlement(
        work.connection,
        {
            "institution_id": work.institution_id,
            "settlement_id": settlement_id,
            "moved_fen": moved,
            "paid_on": bank.paid_on,
            "bank_reference": bank.bank_reference.strip(),
            "payer": bank.payer.strip(),
            "remark": bank.remark.strip(),
            "document": "",
            "settles": None,
            "plan_id": None,
            "entry_no": entry_no,
            "decision_id": None,
            "recorded_by": work.act.actor.actor_id,
            "recorded_at": work.now,
            **values,
        },
    )
    if moved:
        reopen_for(work, [month_of(bank.paid_on)], f"登记了 {bank.paid_on} 的{summary}")
    decision_id = values.get("decision_id")
    detail = {"moved_fen": moved, "settlement": settlement_id, **noted}
    work.audit(entry_no=entry_no, decision_id=decision_id, detail=detail)
    return settlement_id


def _entry(work: UnitOfWork, settlement_id: str, moved: int, summary: str, paid_on: date) -> JournalEntry:
    amount = Money(abs(moved))
    if moved > 0:
        lines = (Posting("1002", debit=amount), Posting(_RECEIVABLE, credit=amount))
    else:
        lines = (Posting(_RECEIVABLE, debit=amount), Posting("1002", credit=amount))
    return JournalEntry(
        institution_id=work.institution_id,
        idempotency_key=f"fund_settlement:{settlement_id}",
        kind="fund_settlement",
        summary=summary,
        source=f"settlement:{settlement_id}",
        occurred_at=work.now,
        posted_at=work.now,
        effective_on=paid_on,
        posted_by=work.act.actor.actor_id,
        postings=lines,
    )


def _ahead(work: UnitOfWork, settlement_id: str) -> Settlement:
    found = store.settlements(work.connection, work.institution_id)
    ahead = next((one for one in found if one.settlement_id == settlement_id and one.kind == "fallback"), None)
    if ahead is None:
        raise NotFound("没有这笔先付的结算款。请回到结算款页查看。")
    if any(one.settles == settlement_id for one in found):
        raise Conflict("这笔先付的款已经结清。请刷新后再看；本次没有入账。")
    return ahead


def _check(connection: Connection, institution_id: str, today: date, command: RecordSettlement) -> None:
    first, _ = first_and_last(command.period)
    if first > today:
        raise _wrong("period", "费用月还没有到，请核对。")
    if command.fund not in FUNDS:
        raise _wrong("fund", "请选基金。")
    if command.amount.fen <= 0:
        raise _wrong("amount", "金额要大于零，例如 120.00。")
    _check_bank(connection, institution_id, today, command.bank)
    require_near_its_month(command.period, command.bank.paid_on)
    require_usual(connection, institution_id, command.amount, command.unusual)


def _check_bank(connection: Connection, institution_id: str, today: date, bank: PaidByBank) -> None:
    if not bank.bank_reference.strip():
        raise _wrong("bank_reference", "请填银行回单号。")
    if bank.paid_on > today:
        raise _wrong("paid_on", f"到账或付出的日子不能在将来（今天是 {today}）。")
    require_new_slip(connection, institution_id, bank.bank_reference)


def _wrong(field: str, message: str) -> MalformedInput:
    return MalformedInput(message, details={"field": field})


def _payload(bank: PaidByBank) -> dict[str, Any]:
    return {
        "on": bank.paid_on.isoformat(),
        "reference": bank.bank_reference,
        "payer": bank.payer,
        "remark": bank.remark,
    }


def _kept(known: Mapping[str, Any]) -> Decision | None:
    return Decision.of_json(known["decision"]) if known.get("decision") else None


def _action(command: RecordSettlement) -> str:
    return "fund.settle_ahead" if command.ahead else "fund.settle"

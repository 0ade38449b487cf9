"""Henan's month as the hospital keeps it: the application, negative plans, the authority's steps as reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision, Outcome
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.references import document_key
from hospital_prepay.domain.rules.fund.duties import Duty
from hospital_prepay.domain.rules.fund.henan_month import (
    HENAN,
    DayCount,
    WatchedDay,
    application,
    month_after,
    settled_month,
    watch_uploads,
)
from hospital_prepay.persistence import fund_reconciliation as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.fund_reconciliation import MonthEvent, Settlement
from hospital_prepay.persistence.funds import grants
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.henan_dates import REPORTED_STEPS, facts_of_application, steps_of
from hospital_prepay.services.fund.months import first_and_last
from hospital_prepay.services.fund.slips import require_past
from hospital_prepay.services.publication.readings import holiday_roll, readings_within

_PLAN_STANDS: Final = "这张通知书的负数计划已经登记过，一张只登记一次。请核对通知书号；本次没有登记。"


@dataclass(frozen=True, slots=True)
class Applied:
    """When an application is settled."""

    decision: Decision
    decision_id: str
    settled_in: str | None


@dataclass(frozen=True, slots=True)
class NegativePlan:
    """A plan of payment below zero, as the agency's notice gives it; ``due_on`` when the notice names a day."""

    period: str
    fund: str
    amount: Money
    told_on: date
    due_on: date | None
    document: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class ReportedStep:
    """A step of the authority in ``month`` with the day on which it was reported done."""

    duty: Duty
    reported: MonthEvent | None


@dataclass(frozen=True, slots=True)
class HenanMonth:
    """The month of costs ``period``; the authority's steps and the money are those of the month after it."""

    period: str
    next_month: str
    concerns_us: bool
    days: Sequence[WatchedDay]
    apply_by: Duty | None
    applied: MonthEvent | None
    steps: Sequence[ReportedStep]
    plans: Sequence[tuple[MonthEvent, Settlement | None]]
    settlements: Sequence[Settlement]
    unsettled: Sequence[Settlement]
    today: date
    names: dict[str, str]


def read_henan_month(context: Context, actor: Actor, period: str) -> HenanMonth:
    """A month for its page. Raises :class:`MalformedInput` for what is no month."""
    actor.require(Permission.FUND_VIEW)
    first, last = first_and_last(period)
    after, today = month_after(period), context.clock.today()
    with context.database.reading() as connection:
        own = actor.institution_id
        counts = store.upload_days(connection, own, first, last)
        events = store.month_events(connection, own, period, after)
        every = store.settlements(connection, own)
        names = people.names(connection, own)
        roll = holiday_roll(connection, own)
    mine = [one for one in events if one.period == period]
    repaid = {one.plan_id: one for one in every if one.plan_id}
    answered = {one.settles for one in every if one.settles}
    until = min(last, today - timedelta(days=1))
    return HenanMonth(
        period=period,
        next_month=after,
        concerns_us=concerns_us(context, actor),
        days=watch_uploads([_count(one) for one in counts], first, until) if until >= first else (),
        apply_by=next(iter(steps_of(after, ("reconcile",), roll)), None),
        applied=next((one for one in mine if one.kind == "applied"), None),
        steps=[_reported(duty, events, after) for duty in steps_of(after, REPORTED_STEPS, roll)],
        plans=[(one, repaid.get(one.event_id)) for one in mine if one.kind == "negative_plan"],
        settlements=[one for one in every if one.period == period],
        unsettled=[one for one in every if one.kind == "fallback" and one.settlement_id not in answered],
        today=today,
        names=names,
    )


def concerns_us(context: Context, actor: Actor) -> bool:
    """Whether the hospital is under Henan's notice: it has, or applied for, money by it."""
    with context.database.reading() as connection:
        return _is_henans(connection, actor.institution_id)


def require_henan(work: UnitOfWork) -> None:
    """Raise :class:`Conflict` where Henan's notice doesn't rule: its clauses aren't to be cited there."""
    if not _is_henans(work.connection, work.institution_id):
        raise Conflict("这一步按河南的通知办；本院没有河南的预拨，用不到。本次没有登记。")


def apply_reconciliation(context: Context, actor: Actor, period: str, applied_on: date, document: str) -> Applied:
    """Record that the hospital applied; the rule says in which month it is settled. A refusal is kept, too.

    Raises :class:`MalformedInput` for a day ahead of today or before the month is over, :class:`Conflict` for a
    second application.
    """
    actor.require(Permission.FUND_RECONCILE)
    _, last = first_and_last(period)
    with context.work(actor, "fund.henan_apply", f"month:{period}") as work:
        store.lock_reconciliation(work.connection, work.institution_id)
        require_henan(work)
        require_past(applied_on, work.today, "applied_on")
        if applied_on <= last:
            raise wrong("applied_on", f"{period} 的费用要到月末之后才能申请对账。请核对日期。")
        roll = holiday_roll(work.connection, work.institution_id)
        decision = application(facts_of_application(period, applied_on, roll), work.rule_version)
        decision_id = work.keep_decision(decision, work.today, readings_within(work, "fund.duties"))
        settled = settled_month(decision)
        if decision.outcome is not Outcome.REFUSED:
            values = {"period": period, "kind": "applied", "on_day": applied_on, "settled_in": settled or ""}
            values |= {"document": document.strip(), "decision_id": decision_id, "event_id": f"applied:{period}"}
            store.add_month_event(work.connection, _event(work, **values))
        outcome = "refused" if decision.outcome is Outcome.REFUSED else "done"
        work.audit(outcome=outcome, decision_id=decision_id, detail={"applied_on": applied_on.isoformat()})
        return Applied(decision, decision_id, settled)


def record_negative_plan(context: Context, actor: Actor, command: NegativePlan) -> str:
    """Record that the agency's plan for a month is below zero: it is to be paid back. Returns its id.

    The same key changes nothing. Raises :class:`MalformedInput`, and :class:`Conflict` when the notice's number
    stands for a plan of the same fund already, however it is spelled.
    """
    actor.require(Permission.FUND_RECONCILE)
    first_and_last(command.period)
    payload = asdict(command) | {"amount": command.amount.fen, "told_on": f"{command.told_on}"}
    payload |= {"due_on": command.due_on and f"{command.due_on}"}
    payload.pop("idempotency_key")
    with context.work(actor, "fund.negative_plan", f"month:{command.period}") as work:
        store.lock_reconciliation(work.connection, work.institution_id)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return str(known["plan"])
        require_henan(work)
        require_past(command.told_on, work.today, "told_on")
        if not command.amount.fen > 0:
            raise wrong("amount", "金额要大于零，例如 120.00；负号不用写。")
        if not document_key(command.document):
            raise wrong("document", "请填收付款通知书号。")
        _require_new_plan(work, command)
        values = _event(
            work,
            period=command.period,
            kind="negative_plan",
            on_day=command.told_on,
            fund=command.fund,
            amount_fen=command.amount.fen,
            due_on=command.due_on,
            document=command.document.strip(),
            document_key=document_key(command.document),
        )
        store.add_month_event(work.connection, values, _PLAN_STANDS)
        work.keep_answer(command.idempotency_key, payload, {"plan": values["event_id"]})
        work.audit(detail={"plan": values["event_id"], "amount_fen": command.amount.fen})
        return str(values["event_id"])


def _require_new_plan(work: UnitOfWork, command: NegativePlan) -> None:
    key = document_key(command.document)
    for one in store.month_events(work.connection, work.institution_id):
        of_fund = one.fund == command.fund or {one.fund, command.fund} & {"", "all"}
        if one.kind == "negative_plan" and of_fund and document_key(one.document) == key:
            raise Conflict(_PLAN_STANDS)


def report_step(context: Context, actor: Actor, month: str, step: str, on_day: date, document: str) -> None:
    """Write down that a step of the authority was reported done: for reading, it is no duty of ours."""
    actor.require(Permission.FUND_RECONCILE)
    first_and_last(month)
    with context.work(actor, "fund.month_step", f"month:{month}") as work:
        require_henan(work)
        require_past(on_day, work.today, "on_day")
        roll = holiday_roll(work.connection, work.institution_id)
        if step not in {one.id for one in steps_of(month, REPORTED_STEPS, roll)}:
            raise wrong("step", "请选这个月的一步。")
        values = {"period": month, "kind": "step", "step": step, "on_day": on_day, "document": document.strip()}
        store.add_month_event(work.connection, _event(work, **values))
        work.audit(detail={"step": step, "on": on_day.isoformat()})


def _is_henans(connection: Connection, institution_id: str) -> bool:
    return any(one.regime == HENAN for one in grants(connection, institution_id))


def _count(one: store.UploadDay) -> DayCount:
    last = one.last_upload_at and local(one.last_upload_at).date()
    return DayCount(one.on_day, one.in_house, one.uploaded, last)


def _reported(duty: Duty, events: Sequence[MonthEvent], month: str) -> ReportedStep:
    said = [one for one in events if one.kind == "step" and one.step == duty.id and one.period == month]
    return ReportedStep(duty, said[-1] if said else None)


def _event(work: UnitOfWork, **values: Any) -> dict[str, Any]:
    blank = {"step": "", "fund": "", "amount_fen": None, "due_on": None, "settled_in": "", "decision_id": None}
    return {
        "institution_id": work.institution_id,
        "event_id": work.new_id(),
        "recorded_by": work.act.actor.actor_id,
        "recorded_at": work.now,
        **blank,
        **values,
    }


def wrong(field: str, message: str) -> MalformedInput:
    """What to change, and in which field."""
    return MalformedInput(message, details={"field": field})

"""Closing a month of reconciliation: made by one person, checked by another, opened again only with a ground."""

from __future__ import annotations

from dataclasses import dataclass

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.references import plain_name
from hospital_prepay.domain.rules.fund.period import close_period, closing_facts
from hospital_prepay.persistence import fund_reconciliation as store
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.months import add_step, is_shut, last_step, reopen_for
from hospital_prepay.services.fund.reconciliation import MonthReading, month_on


@dataclass(frozen=True, slots=True)
class ClosePeriod:
    """A month as its maker saw it; ``ground`` names what is left open."""

    period: str
    digest: str
    ground: str


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """The decision, and whether the month is now closed by its maker."""

    decision: Decision
    decision_id: str


def make_closing(context: Context, actor: Actor, command: ClosePeriod) -> ClosedPeriod:
    """Close a month, for a second person to check. A refusal is kept, too.

    Raises :class:`Conflict` when it is closed, or no longer holds what the maker saw.
    """
    actor.require(Permission.FUND_RECONCILE)
    with context.work(actor, "fund.close_period", f"month:{command.period}") as work:
        found = _locked(work, command.period, command.digest)
        if is_shut(found.steps):
            raise Conflict(f"{command.period} 已经结账。请刷新后再看；本次没有改动。")
        facts = closing_facts(found.period, found.over, found.pairings, found.closings, found.missing, command.ground)
        decision = close_period(facts, work.rule_version)
        decision_id = work.keep_decision(decision, work.today, {})
        if decision.permitted:
            add_step(
                work,
                found.steps,
                command.period,
                "made",
                digest=found.digest,
                zero=found.zero,
                ground=command.ground.strip(),
                decision_id=decision_id,
            )
        outcome = "done" if decision.permitted else "refused"
        work.audit(outcome=outcome, decision_id=decision_id, detail={"digest": found.digest, "zero": found.zero})
        return ClosedPeriod(decision, decision_id)


def check_closing(context: Context, actor: Actor, period: str, digest: str) -> None:
    """Confirm a closing: another person than its maker, for exactly what the maker closed.

    Raises :class:`SecondPersonRequired`, :class:`Conflict` when it holds something else by now.
    """
    actor.require(Permission.FUND_RECORD)
    with context.work(actor, "fund.check_period", f"month:{period}") as work:
        found = _locked(work, period, digest)
        last = last_step(found.steps)
        if last is None or last.step != "made":
            raise Conflict(f"{period} 现在没有等复核的结账。请刷新后再看；本次没有改动。")
        actor.require_other_than(last.taken_by, "复核结账")
        if found.changed:
            raise Conflict(f"{period} 结账之后内容变了。请重开后由财务重新结账；本次没有改动。")
        add_step(work, found.steps, period, "checked", digest=last.digest, zero=last.zero, ground="")
        work.audit(detail={"digest": last.digest, "zero": last.zero})


def reopen_period(context: Context, actor: Actor, period: str, ground: str) -> None:
    """Open a closed month again. Raises :class:`MalformedInput` without a ground, :class:`Conflict` when it is
    open."""
    actor.require(Permission.FUND_RECORD)
    with context.work(actor, "fund.reopen_period", f"month:{period}") as work:
        store.lock_reconciliation(work.connection, work.institution_id)
        if not plain_name(ground):
            raise MalformedInput("请写明为什么重开。", code="missing_value", details={"field": "ground"})
        if not reopen_for(work, [period], ground.strip()):
            raise Conflict(f"{period} 没有结账，不用重开。请刷新后再看。")


def _locked(work: UnitOfWork, period: str, digest: str) -> MonthReading:
    store.lock_reconciliation(work.connection, work.institution_id)
    found = month_on(work.connection, work.institution_id, period, work.today)
    if found.digest != digest:
        raise Conflict("您打开这一页之后，对账内容变了。请刷新后重新核对；本次没有改动。")
    return found

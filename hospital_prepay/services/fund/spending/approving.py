"""Agreeing to a request, reserving its money, turning it down, and giving the reservation back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.ledger.chart import earmark_account, reserved_account
from hospital_prepay.domain.ledger.entry import Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence.funds import RequestState
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.recall import require_no_recall
from hospital_prepay.services.fund.spendable import require_spendable
from hospital_prepay.services.fund.spending.requests import (
    end_request,
    give_back,
    has_run_out,
    locked,
    request_entry,
)

# House rule: a reservation that nobody pays goes back by itself.
RESERVED_FOR: Final = timedelta(days=15)


def agree_request(context: Context, actor: Actor, request_id: str, ground: str = "") -> RequestState:
    """The department's word. A held request goes on only with a written ground; finance must be a third person."""
    actor.require(Permission.FUND_AGREE)
    with context.work(actor, "fund.agree", f"fund_request:{request_id}") as work:
        _, request = locked(work, request_id, "asked")
        actor.require_other_than(request.asked_by, "科室同意")
        values: dict[str, Any] = {"department_by": actor.actor_id, "department_at": work.now}
        if request.held:
            if not ground.strip():
                raise MalformedInput(
                    "这份申请里有通知没有点名的用途，请写明理由。", code="missing_value", details={"field": "ground"}
                )
            values |= {"ground": ground.strip(), "grounded_by": actor.actor_id}
        store.walk_request(work.connection, work.institution_id, request_id, state="department", **values)
        work.audit(detail={"ground": ground} if request.held else {})
        return store.read_request(work.connection, work.institution_id, request_id)


def reserve_request(context: Context, actor: Actor, request_id: str) -> RequestState:
    """Finance approves: the money is reserved, and only this request can take it until the reservation runs out.

    Raises :class:`SecondPersonRequired` for whoever asked or agreed, :class:`InsufficientFund` when too little is
    left, :class:`Conflict` when something forbids spending meanwhile.
    """
    actor.require(Permission.FUND_RESERVE)
    with context.work(actor, "fund.reserve", f"fund_request:{request_id}") as work:
        grant, request = locked(work, request_id, "department")
        actor.require_other_than(request.asked_by, "财务审批")
        actor.require_other_than(request.department_by or "", "财务审批")
        require_no_recall(work, grant.regime, "预留")
        require_spendable(work, grant, "预留")
        amount = Money(request.total_fen)
        lines = (
            Posting(reserved_account(grant.grant_id), debit=amount),
            Posting(earmark_account(grant.grant_id), credit=amount),
        )
        entry_no = work.ledger.post(request_entry(work, grant, "fund_reserve", "预留医保预付金", lines, request_id))
        store.walk_request(
            work.connection,
            work.institution_id,
            request_id,
            state="reserved",
            finance_by=actor.actor_id,
            finance_at=work.now,
            expires_at=work.now + RESERVED_FOR,
        )
        work.audit(entry_no=entry_no, detail={"amount_fen": amount.fen})
        return store.read_request(work.connection, work.institution_id, request_id)


def reject_request(context: Context, actor: Actor, request_id: str, ground: str) -> RequestState:
    """Turn down a request that isn't reserved yet; the department's or finance's word."""
    if not (actor.may(Permission.FUND_AGREE) or actor.may(Permission.FUND_RESERVE)):
        actor.require(Permission.FUND_AGREE)
    with context.work(actor, "fund.reject", f"fund_request:{request_id}") as work:
        locked(work, request_id, "asked", "department")
        return end_request(work, request_id, "rejected", ground)


def release_request(context: Context, actor: Actor, request_id: str, ground: str) -> RequestState:
    """Give a reservation back before it is paid. Needs ``fund.pay`` or ``fund.reserve``."""
    if not (actor.may(Permission.FUND_PAY) or actor.may(Permission.FUND_RESERVE)):
        actor.require(Permission.FUND_RESERVE)
    with context.work(actor, "fund.release", f"fund_request:{request_id}") as work:
        grant, request = locked(work, request_id, "reserved")
        give_back(work, grant, request)
        return end_request(work, request_id, "released", ground)


def release_expired(context: Context, actor: Actor) -> list[str]:
    """Give back every reservation that ran out; the scheduler's daily step. It frees money, it spends none."""
    with context.database.reading() as connection:
        waiting = store.expired(connection, actor.institution_id, context.clock.now())
    released = []
    for request_id in waiting:
        with context.work(actor, "fund.expire", f"fund_request:{request_id}") as work:
            grant, request = locked(work, request_id, "reserved", quiet=True)
            if has_run_out(request, work.now):
                give_back(work, grant, request)
                end_request(work, request_id, "released", "预留到期没有付款，自动退回")
                released.append(request_id)
    return released

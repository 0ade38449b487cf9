"""Paying a reserved request by the bank's word, and taking back a payment that bounced."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.ledger.chart import reserved_account
from hospital_prepay.domain.ledger.entry import Posting, reversing
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence import fund_recalls as recalls
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence.funds import GrantState, RequestState
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.recall import require_no_recall
from hospital_prepay.services.fund.slips import keep_slip, reopen_past_month, require_not_before, require_past
from hospital_prepay.services.fund.spendable import require_spendable
from hospital_prepay.services.fund.spending.requests import (
    RUN_OUT,
    end_request,
    give_back,
    has_run_out,
    locked,
    request_entry,
    require_state,
)

_PAYMENT: Final = "用医保预付金付药品耗材款"


@dataclass(frozen=True, slots=True)
class PayRequest:
    """The bank's word that a reserved request was paid; on ``paid_on``, else today."""

    request_id: str
    bank_reference: str
    idempotency_key: str
    paid_on: date | None = None


def pay_request(context: Context, actor: Actor, command: PayRequest) -> RequestState:
    """Book the payment of a reserved request against what is owed to the supplier; what is owed back stays.

    Raises :class:`SecondPersonRequired` for whoever reserved it, :class:`MalformedInput` without a bank reference,
    :class:`Conflict` once the reservation ran out, whether the daily step has given it back yet or not.
    """
    actor.require(Permission.FUND_PAY)
    if not command.bank_reference.strip():
        raise MalformedInput("请填银行付款回单号。", code="missing_value", details={"field": "bank_reference"})
    with context.work(actor, "fund.pay", f"fund_request:{command.request_id}") as work:
        grant_id = store.grant_of_request(work.connection, work.institution_id, command.request_id)
        grant = store.lock_grant(work.connection, work.institution_id, grant_id)
        request = store.read_request(work.connection, work.institution_id, command.request_id)
        payload = {**asdict(command), "paid_on": command.paid_on and command.paid_on.isoformat()}
        if work.known_answer(command.idempotency_key, payload) is not None:
            return request
        require_state(request, "reserved")
        _require_time_left(request, work)
        actor.require_other_than(request.finance_by or "", "付款")
        paid_on = command.paid_on or work.today
        require_past(paid_on, work.today, "paid_on")
        approved_on = local(request.finance_at).date() if request.finance_at else None
        require_not_before(paid_on, approved_on, "财务审批日", "paid_on")
        require_no_recall(work, grant.regime, "付款")
        require_spendable(work, grant, "付款")
        lines = _payment_lines(grant, request)
        reopen_past_month(work, paid_on, "付款")
        entry = request_entry(work, grant, "fund_payment", _PAYMENT, lines, request.request_id, paid_on)
        entry_no = work.ledger.post(entry)
        keep_slip(work, "fund_payment", entry_no, command.bank_reference, paid_on)
        store.walk_request(
            work.connection,
            work.institution_id,
            request.request_id,
            state="paid",
            paid_by=actor.actor_id,
            paid_at=work.now,
            bank_reference=command.bank_reference.strip(),
        )
        work.audit(
            entry_no=entry_no, detail={"amount_fen": request.total_fen, "bank_reference": command.bank_reference}
        )
        work.keep_answer(command.idempotency_key, payload, {"entry_no": entry_no})
        return store.read_request(work.connection, work.institution_id, request.request_id)


def bounce_payment(
    context: Context,
    actor: Actor,
    request_id: str,
    ground: str,
    *,
    bank_reference: str = "",
    bounced_on: date | None = None,
) -> RequestState:
    """The bank sent the money back: a red-letter entry, the reservation given back; pay again by a new request.

    A bank that gives the return no number of its own returns it under the payment's. What is unspent above what is
    owed by then (an offset came in between) is let go in the same act.
    """
    actor.require(Permission.FUND_PAY)
    with context.work(actor, "fund.bounce", f"fund_request:{request_id}") as work:
        grant, request = locked(work, request_id, "paid", "evidenced")
        value_on = bounced_on or work.today
        require_past(value_on, work.today, "bounced_on")
        payment_no = store.payment_entry_no(work.connection, work.institution_id, request_id)
        paid_slip = recalls.slips(work.connection, work.institution_id).get(payment_no)
        paid_on = paid_slip.value_on if paid_slip else None
        require_not_before(value_on, paid_on, "付款日", "bounced_on")
        original = request_entry(work, grant, "fund_payment", _PAYMENT, _payment_lines(grant, request), request_id)
        red = reversing(
            original,
            payment_no,
            idempotency_key=f"fund_payment_bounced:{request_id}",
            kind="fund_payment_bounced",
            summary="付款被银行退回，红字冲销",
            at=work.now,
            day=value_on,
            by=work.act.actor.actor_id,
        )
        reopen_past_month(work, value_on, "退汇")
        entry_no = work.ledger.post(red)
        keep_slip(work, red.kind, entry_no, bank_reference.strip() or request.bank_reference, value_on)
        after = store.read_grant(work.connection, work.institution_id, grant.grant_id)
        over = Money(max(0, after.unspent_fen + after.reserved_fen + after.distributed_fen - after.owed_fen))
        if over:
            lines = (Posting("1002", debit=over), Posting(reserved_account(grant.grant_id), credit=over))
            words = "超过应还的专款解除限定"
            entry = request_entry(work, grant, "fund_release", words, lines, f"{request_id}:over", value_on)
            work.audit(entry_no=work.ledger.post(entry), detail={"let_go_fen": over.fen})
        give_back(work, grant, request, Money(request.total_fen) - over)
        return end_request(work, request_id, "released", ground, entry_no)


def _require_time_left(request: RequestState, work: UnitOfWork) -> None:
    if has_run_out(request, work.now):
        raise Conflict(RUN_OUT + "本次没有入账。", code="reservation_ran_out")


def _payment_lines(grant: GrantState, request: RequestState) -> tuple[Posting, ...]:
    """What is owed to the supplier falls; what is owed back doesn't."""
    amount = Money(request.total_fen)
    return Posting("2302", debit=amount), Posting(reserved_account(grant.grant_id), credit=amount)

"""Giving a grant back by bank, step by step until nothing is owed; what offsets need of it, too."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.ledger.chart import distributed_account, earmark_account, owed_account
from hospital_prepay.domain.ledger.entry import Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence import fund_distributions as distributions
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.grants import fund_entry
from hospital_prepay.services.fund.recall import end_returned
from hospital_prepay.services.fund.slips import keep_slip, reopen_past_month, require_arrived_by, require_past


@dataclass(frozen=True, slots=True)
class ReturnGrant:
    """Money sent back by bank: from the earmark what is unspent, from the hospital's own account the rest. It left on
    ``returned_on``, else today. What the hospital gives back for a member that used its part, that member owes it."""

    grant_id: str
    amount: Money
    bank_reference: str
    idempotency_key: str
    returned_on: date | None = None


def return_grant(context: Context, actor: Actor, command: ReturnGrant) -> GrantState:
    """Book a return by bank. Raises :class:`MalformedInput` for more than is owed, :class:`Conflict` while money
    is reserved that would be needed."""
    actor.require(Permission.FUND_RETURN)
    if not command.bank_reference.strip():
        raise MalformedInput("请填银行回单号。", code="missing_value", details={"field": "bank_reference"})
    returned = command.returned_on and command.returned_on.isoformat()
    payload = {**asdict(command), "amount": command.amount.fen, "returned_on": returned}
    with context.work(actor, "fund.return", f"grant:{command.grant_id}") as work:
        grant = _locked(work, command.grant_id, command.amount)
        if work.known_answer(command.idempotency_key, payload) is not None:
            return grant
        returned_on = command.returned_on or work.today
        require_past(returned_on, work.today, "returned_on")
        from_earmark = Money(min(grant.unspent_fen, command.amount.fen))
        require_arrived_by(work.connection, work.institution_id, grant, returned_on, "returned_on")
        own = command.amount - from_earmark
        for_members = require_returnable(work.connection, work.institution_id, grant, command.amount)
        lines = [Posting(owed_account(grant.grant_id), debit=command.amount), *claim_on_members(grant, for_members)]
        lines += [Posting(earmark_account(grant.grant_id), credit=from_earmark)] if from_earmark else []
        lines += [Posting("1002", credit=own)] if own else []
        key, summary = command.idempotency_key, "交回医保预付金"
        reopen_past_month(work, returned_on, "交回")
        entry = fund_entry(work, grant, "fund_return", summary, tuple(lines), key, on=returned_on)
        entry_no = work.ledger.post(entry)
        keep_slip(work, "fund_return", entry_no, command.bank_reference, returned_on)
        work.audit(entry_no=entry_no, detail={"amount_fen": command.amount.fen, "bank": command.bank_reference})
        work.keep_answer(command.idempotency_key, payload, {"entry_no": entry_no})
        return clear_at_zero(work, grant)


def check_return(context: Context, actor: Actor, grant_id: str, amount: Money) -> None:
    """Whether so much could be given back now, before anybody is asked to confirm it. Raises as
    :func:`return_grant`; nothing is booked."""
    actor.require(Permission.FUND_RETURN)
    with context.database.reading() as connection:
        own = actor.institution_id
        require_returnable(connection, own, store.read_grant(connection, own, grant_id), amount)


def _locked(work: UnitOfWork, grant_id: str, amount: Money) -> GrantState:
    grant = store.lock_grant(work.connection, work.institution_id, grant_id)
    if amount.fen <= 0:
        raise MalformedInput("金额要大于零，例如 120.00。", details={"field": "amount"})
    return grant


def _for_members(connection: Connection, institution_id: str, grant: GrantState, amount: Money) -> Money:
    """How much of ``amount`` the hospital gives back in place of members that used theirs: only what has to be. What
    is unspent goes first."""
    used = grant.distributed_fen - distributions.in_hand(connection, institution_id, grant.grant_id)
    over = grant.unspent_fen + grant.reserved_fen + grant.distributed_fen - min(grant.unspent_fen, amount.fen)
    over -= max(0, grant.owed_fen - amount.fen)
    return Money(max(0, min(used, over)))


def claim_on_members(grant: GrantState, amount: Money) -> list[Posting]:
    """A member's used part is no fund money any more: from now on the member owes it to the hospital (1218)."""
    if not amount:
        return []
    return [Posting("1218", debit=amount), Posting(distributed_account(grant.grant_id), credit=amount)]


def require_returnable(connection: Connection, institution_id: str, grant: GrantState, amount: Money) -> Money:
    """Raise unless so much can be given back of the grant as it stands; returns what of it stands in for members."""
    if grant.state != "received":
        raise Conflict("这笔预付金没有到账，或已经清算。请刷新后再看；本次没有入账。")
    if amount.fen > grant.owed_fen:
        raise MalformedInput(f"应还只有 {Money(grant.owed_fen)} 元，请核对金额。", details={"field": "amount"})
    for_members = _for_members(connection, institution_id, grant, amount)
    rest, handed = grant.owed_fen - amount.fen, grant.distributed_fen - for_members.fen
    if handed > rest:
        raise Conflict("成员单位手里的还没有收回，归还后会超过应还。请先登记成员单位退回；本次没有入账。")
    if grant.unspent_fen + grant.reserved_fen - min(grant.unspent_fen, amount.fen) + handed > rest:
        raise Conflict(
            "还有预留没有付款，交回后专款会超过应还。请先退回预留，没有收回情形时也可以先付款；本次没有入账。"
        )
    return for_members


def clear_at_zero(work: UnitOfWork, grant: GrantState) -> GrantState:
    """The grant as it stands, cleared when nothing is owed any more."""
    after = store.read_grant(work.connection, work.institution_id, grant.grant_id)
    if after.owed_fen == 0 and after.state == "received":
        store.walk_grant(work.connection, work.institution_id, grant.grant_id, state="cleared", cleared_at=work.now)
        if grant.kind == "basic":
            end_returned(work, grant.regime)
        after = store.read_grant(work.connection, work.institution_id, grant.grant_id)
    return after

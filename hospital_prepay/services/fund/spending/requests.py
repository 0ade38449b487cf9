"""What every step of a request does alike: lock it with its grant, look at its state, book for it, end it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.ledger.chart import earmark_account, reserved_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence import funds as store
from hospital_prepay.persistence.funds import GrantState, RequestState
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.fund.grants import fund_entry

RUN_OUT: Final = "预留已经到期，不能付款。请财务退回预留，再重新申请。"
_STEPS: Final = {"asked": "科室同意", "department": "财务审批", "reserved": "付款", "paid": "补齐票据"}


def locked(work: UnitOfWork, request_id: str, *states: str, quiet: bool = False) -> tuple[GrantState, RequestState]:
    """The grant first, then its request: the order in which every act locks."""
    grant_id = store.grant_of_request(work.connection, work.institution_id, request_id)
    grant = store.lock_grant(work.connection, work.institution_id, grant_id)
    request = store.read_request(work.connection, work.institution_id, request_id)
    if not quiet:
        require_state(request, *states)
    return grant, request


def require_state(request: RequestState, *states: str) -> None:
    """Raise :class:`Conflict` unless the request waits for this step."""
    if request.state not in states:
        now = _STEPS.get(request.state)
        what = f"现在等的是“{now}”" if now else "这份申请已经办结"
        raise Conflict(f"这一步现在不能办：{what}。请刷新后再看；本次没有改动。")


def request_number(request_id: str) -> str:
    """The end of a request's id, short enough to say on the telephone."""
    return "YK-" + request_id[-8:].upper()


def has_run_out(request: RequestState, now: datetime) -> bool:
    """Whether the money was reserved for a time that is over by ``now``."""
    return request.state == "reserved" and request.expires_at is not None and request.expires_at <= now


def give_back(work: UnitOfWork, grant: GrantState, request: RequestState, amount: Money | None = None) -> None:
    """Book the reservation, or so much of it, back to what is unspent."""
    amount = Money(request.total_fen) if amount is None else amount
    if amount:
        lines = (
            Posting(earmark_account(grant.grant_id), debit=amount),
            Posting(reserved_account(grant.grant_id), credit=amount),
        )
        entry = request_entry(work, grant, "fund_unreserve", "退回预留的医保预付金", lines, request.request_id)
        work.audit(entry_no=work.ledger.post(entry), detail={"given_back_fen": amount.fen})


def end_request(
    work: UnitOfWork, request_id: str, state: str, ground: str, entry_no: int | None = None
) -> RequestState:
    """Walk the request to its end. Raises :class:`MalformedInput` without a ground."""
    if not ground.strip():
        raise MalformedInput("请写明原因，备查。", code="missing_value", details={"field": "ground"})
    by = {"ended_by": work.act.actor.actor_id, "ended_at": work.now, "ended_ground": ground.strip()}
    store.walk_request(work.connection, work.institution_id, request_id, state=state, **by)
    work.audit(entry_no=entry_no, detail={"ground": ground})
    return store.read_request(work.connection, work.institution_id, request_id)


def request_entry(
    work: UnitOfWork,
    grant: GrantState,
    kind: str,
    summary: str,
    lines: tuple[Posting, ...],
    key: str,
    on: date | None = None,
) -> JournalEntry:
    """An entry of the grant whose source is the request; ``key`` begins with its id, ``on`` is its slip's day."""
    request_id = key.partition(":")[0]
    return fund_entry(work, grant, kind, summary, lines, key, source=f"fund_request:{request_id}", on=on)

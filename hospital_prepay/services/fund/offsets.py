"""An offset in a settlement: recorded by one person from the agency's document, booked when another confirms it.

It frees restricted money without any leaving the bank, so that no single word may do it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.ledger.chart import earmark_account, owed_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.references import document_key
from hospital_prepay.persistence import fund_returns as store
from hospital_prepay.persistence import funds
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.fund_returns import OffsetState
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.grants import fund_entry
from hospital_prepay.services.fund.returns import claim_on_members, clear_at_zero, require_returnable
from hospital_prepay.services.fund.settlement_checks import require_usual
from hospital_prepay.services.fund.slips import (
    keep_slip,
    reopen_past_month,
    require_arrived_by,
    require_new_slip,
    require_past,
)


@dataclass(frozen=True, slots=True)
class OffsetGrant:
    """A settlement of ``settlement`` from which the agency kept ``offset``, by its document, on ``value_on``. What is
    left of it came by the bank's slip; nothing came where all was kept. ``unusual`` when a person confirmed that it
    is far beyond other months."""

    grant_id: str
    settlement: Money
    offset: Money
    document: str
    bank_reference: str
    value_on: date
    idempotency_key: str
    unusual: bool = False


def record_offset(context: Context, actor: Actor, command: OffsetGrant) -> str:
    """Write an offset down; nothing is booked before another person confirms it. Returns its id.

    Raises :class:`MalformedInput` for what can't be true of the settlement, :class:`Conflict` when its document or
    slip stands already, or while money is reserved that would be needed.
    """
    actor.require(Permission.FUND_RETURN)
    payload = _payload(command)
    with context.work(actor, "fund.offset", f"grant:{command.grant_id}") as work:
        grant = funds.lock_grant(work.connection, work.institution_id, command.grant_id)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return str(known["offset_id"])
        _check(work.connection, work.institution_id, work.today, grant, command)
        offset_id = work.new_id()
        values = {
            "institution_id": work.institution_id,
            "offset_id": offset_id,
            "grant_id": grant.grant_id,
            "settlement_fen": command.settlement.fen,
            "offset_fen": command.offset.fen,
            "document": command.document.strip(),
            "document_key": document_key(command.document),
            "bank_reference": command.bank_reference.strip(),
            "value_on": command.value_on,
            "state": "recorded",
            "recorded_by": actor.actor_id,
            "recorded_at": work.now,
        }
        store.add_offset(work.connection, values)
        work.audit(detail={"offset": offset_id, **payload, **({"unusual": True} if command.unusual else {})})
        work.keep_answer(command.idempotency_key, payload, {"offset_id": offset_id})
        return offset_id


def check_offset(context: Context, actor: Actor, command: OffsetGrant) -> None:
    """Whether it could be recorded now, before anybody is asked to confirm it. Raises as :func:`record_offset`."""
    actor.require(Permission.FUND_RETURN)
    with context.database.reading() as connection:
        grant = funds.read_grant(connection, actor.institution_id, command.grant_id)
        _check(connection, actor.institution_id, context.clock.today(), grant, command)


def decide_offset(context: Context, actor: Actor, offset_id: str, *, confirmed: bool) -> GrantState:
    """Another person confirms it, and it is booked: the receivable falls by the whole settlement, what is owed by the
    offset, the rest came to the bank; the unspent earmark is let go as far as the offset goes. Or turns it down.

    Raises :class:`SecondPersonRequired`, :class:`Conflict` when it was decided before or doesn't fit any more.
    """
    actor.require(Permission.FUND_RECORD)
    with context.work(actor, "fund.offset_decide", f"offset:{offset_id}") as work:
        own = work.institution_id
        grant = funds.lock_grant(work.connection, own, store.read_offset(work.connection, own, offset_id).grant_id)
        found = store.read_offset(work.connection, own, offset_id)
        actor.require_other_than(found.recorded_by, "确认冲抵")
        if found.state != "recorded":
            raise Conflict("这笔冲抵已经有人办过。请刷新后再看；本次没有入账。")
        state = "confirmed" if confirmed else "rejected"
        values = {"state": state, "decided_by": actor.actor_id, "decided_at": work.now}
        if confirmed:
            reopen_past_month(work, found.value_on, "冲抵")
        store.walk_offset(work.connection, own, offset_id, **values)
        entry_no = _book(work, grant, found) if confirmed else None
        work.audit(entry_no=entry_no, detail={"state": state, "offset_fen": found.offset_fen})
        return clear_at_zero(work, grant)


def require_offset_of(context: Context, actor: Actor, grant_id: str, offset_id: str) -> None:
    """Raise :class:`NotFound` unless the offset is one of this grant. Needs ``fund.view``."""
    if find_offset(context, actor, offset_id).grant_id != grant_id:
        raise NotFound("这笔预付金没有这笔冲抵。请回到预付金查看。")


def find_offset(context: Context, actor: Actor, offset_id: str) -> OffsetState:
    """One of them. Needs ``fund.view``. Raises :class:`NotFound`."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        return store.read_offset(connection, actor.institution_id, offset_id)


def _check(connection: Connection, institution_id: str, today: date, grant: GrantState, command: OffsetGrant) -> None:
    if command.offset.fen <= 0:
        raise MalformedInput("金额要大于零，例如 120.00。", details={"field": "offset"})
    if command.offset.fen > command.settlement.fen:
        raise MalformedInput("冲抵金额不能超过这次结算的金额，请核对。", details={"field": "offset"})
    if not document_key(command.document):
        words = "结算单号里没有数字或文字，请照结算单填写。"
        raise MalformedInput(words, code="missing_value", details={"field": "document"})
    # Keys were kept by an older spelling, too: documents are compared by what they say today.
    key = document_key(command.document)
    if any(document_key(one) == key for one in store.offset_documents(connection, institution_id)):
        raise Conflict(store.DOCUMENT_STANDS)
    rest = command.settlement - command.offset
    if rest and not command.bank_reference.strip():
        words = f"其余 {rest} 元到了银行，请填银行回单号。"
        raise MalformedInput(words, code="missing_value", details={"field": "bank_reference"})
    if not rest and command.bank_reference.strip():
        words = "全部冲抵，银行没有到账，不用填回单号。请核对金额。"
        raise MalformedInput(words, details={"field": "bank_reference"})
    require_past(command.value_on, today, "value_on")
    require_arrived_by(connection, institution_id, grant, command.value_on, "value_on")
    if rest:
        require_new_slip(connection, institution_id, command.bank_reference)
    waiting = [one for one in store.offsets_of(connection, institution_id, grant.grant_id) if one.state == "recorded"]
    if command.offset.fen + (already := sum(one.offset_fen for one in waiting)) > grant.owed_fen and already:
        words = f"还有 {Money(already)} 元冲抵等确认，合计会超过应还 {Money(grant.owed_fen)} 元。请核对金额。"
        raise MalformedInput(words, details={"field": "offset"})
    require_returnable(connection, institution_id, grant, command.offset)
    require_usual(connection, institution_id, command.settlement, command.unusual)


def _book(work: UnitOfWork, grant: GrantState, found: OffsetState) -> int:
    entry = _entry(work, grant, found)
    entry_no = work.ledger.post(entry)
    if found.settlement_fen > found.offset_fen:
        keep_slip(work, entry.kind, entry_no, found.bank_reference, found.value_on)
    return entry_no


def _entry(work: UnitOfWork, grant: GrantState, found: OffsetState) -> JournalEntry:
    offset, rest = Money(found.offset_fen), Money(found.settlement_fen - found.offset_fen)
    for_members = require_returnable(work.connection, work.institution_id, grant, offset)
    let_go = Money(min(grant.unspent_fen, offset.fen))
    lines = [
        *claim_on_members(grant, for_members),
        Posting(owed_account(grant.grant_id), debit=offset),
        Posting("12120201", credit=offset),
    ]
    if let_go:
        lines += [Posting("1002", debit=let_go), Posting(earmark_account(grant.grant_id), credit=let_go)]
    general = (Posting("1002", debit=rest), Posting("12120201", credit=rest)) if rest else ()
    summary, source = f"结算冲抵医保预付金（{found.document}）", f"fund_offset:{found.offset_id}"
    entry = fund_entry(work, grant, "fund_offset", summary, tuple(lines), found.offset_id, source, general)
    return replace(entry, effective_on=found.value_on)


def _payload(command: OffsetGrant) -> dict[str, Any]:
    said = {name: value for name, value in asdict(command).items() if name != "unusual"}
    return {
        **said,
        "settlement": command.settlement.fen,
        "offset": command.offset.fen,
        "value_on": command.value_on.isoformat(),
    }

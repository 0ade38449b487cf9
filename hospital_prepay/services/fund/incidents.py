"""A loss of prepayment money: found by one person, confirmed by another.

The earmark never falls by it: the hospital's own money stands in, and compensation makes that good again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.references import document_key
from hospital_prepay.persistence import fund_recalls as store
from hospital_prepay.persistence import funds
from hospital_prepay.persistence.fund_recalls import IncidentState
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.persistence.ledger import open_account
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.slips import keep_slip, require_arrived_by, require_not_before, require_past


@dataclass(frozen=True, slots=True)
class RecordLoss:
    """Money that is gone: how much, when found, what happened, who answers for it, on which document."""

    grant_id: str
    amount: Money
    found_on: date
    what: str
    persons: str
    document: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class RecordCompensation:
    """What came back of a confirmed loss, by the bank's slip."""

    incident_id: str
    amount: Money
    bank_reference: str
    received_on: date
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class RecordWriteOff:
    """What the agency wrote off of a grant, as its memorandum book has it."""

    grant_id: str
    amount: Money
    written_off_on: date
    document: str


def standing_in_account(incident_id: str) -> str:
    """What is still to be claimed for a loss: a sub-account of 1218 that never falls below zero."""
    return f"1218:incident:{incident_id}"


def record_loss(context: Context, actor: Actor, command: RecordLoss) -> str:
    """Write down a loss; nothing is booked before another person confirms it. Returns its id.

    Raises :class:`MalformedInput` for a day ahead or missing words, or when the losses of the grant that aren't made
    good come to more than is owed.
    """
    actor.require(Permission.FUND_RETURN)
    payload = {**asdict(command), "amount": command.amount.fen, "found_on": command.found_on.isoformat()}
    with context.work(actor, "fund.loss", f"grant:{command.grant_id}") as work:
        grant = funds.lock_grant(work.connection, work.institution_id, command.grant_id)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return str(known["incident_id"])
        _check_loss(work, grant, command)
        standing_fen = _not_made_good(work, grant)
        if standing_fen + command.amount.fen > grant.owed_fen:
            others = f"别的损失还有 {Money(standing_fen)} 元没有追回，" if standing_fen else ""
            words = f"应还只有 {Money(grant.owed_fen)} 元，{others}合计不会比应还多。请核对金额。"
            raise MalformedInput(words, details={"field": "amount"})
        incident_id = work.new_id()
        values = {
            "institution_id": work.institution_id,
            "incident_id": incident_id,
            "grant_id": grant.grant_id,
            "amount_fen": command.amount.fen,
            "found_on": command.found_on,
            "what": command.what.strip(),
            "persons": command.persons.strip(),
            "document": command.document.strip(),
            "state": "recorded",
            "recorded_by": actor.actor_id,
            "recorded_at": work.now,
        }
        store.add_incident(work.connection, values)
        work.audit(detail={"incident": incident_id, "amount_fen": command.amount.fen})
        work.keep_answer(command.idempotency_key, payload, {"incident_id": incident_id})
        return incident_id


def decide_loss(context: Context, actor: Actor, incident_id: str, *, confirmed: bool) -> None:
    """Another person confirms the loss, and the hospital's own money stands in (借 1218 贷 1002); or turns it down.

    Raises :class:`SecondPersonRequired`, :class:`Conflict` when it was decided before, or when less is owed by now
    than the losses come to.
    """
    actor.require(Permission.FUND_RECORD)
    with context.work(actor, "fund.loss_decide", f"incident:{incident_id}") as work:
        grant_id = store.grant_of_incident(work.connection, work.institution_id, incident_id)
        grant = funds.lock_grant(work.connection, work.institution_id, grant_id)
        found = store.lock_incident(work.connection, work.institution_id, incident_id)
        actor.require_other_than(found.recorded_by, "确认损失")
        if found.state != "recorded":
            raise Conflict("这笔损失已经有人办过。请刷新后再看；本次没有入账。")
        if confirmed and (lost := _not_made_good(work, grant)) > grant.owed_fen:
            words = f"没有追回的损失共 {Money(lost)} 元，比应还 {Money(grant.owed_fen)} 元多。"
            raise Conflict(f"{words}请退回这一条，按现在的应还重新登记；本次没有入账。")
        entry_no = _stand_in(work, found) if confirmed else None
        state = "confirmed" if confirmed else "rejected"
        decided = {"state": state, "decided_by": actor.actor_id, "decided_at": work.now}
        store.walk_incident(work.connection, work.institution_id, incident_id, **decided)
        work.audit(entry_no=entry_no, detail={"state": state, "amount_fen": found.amount_fen})


def record_compensation(context: Context, actor: Actor, command: RecordCompensation) -> int:
    """Book what came back (借 1002 贷 1218). Never more than the loss: the account itself holds that. Returns the
    entry's number.

    Raises :class:`MalformedInput` without a slip, :class:`Conflict` for a loss that isn't confirmed,
    :class:`InsufficientFund` for more than is still to be claimed.
    """
    actor.require(Permission.FUND_RETURN)
    payload = {**asdict(command), "amount": command.amount.fen, "received_on": command.received_on.isoformat()}
    with context.work(actor, "fund.compensate", f"incident:{command.incident_id}") as work:
        found = store.lock_incident(work.connection, work.institution_id, command.incident_id)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return int(known["entry_no"])
        _require_amount(command.amount)
        _require(command.bank_reference, "bank_reference", "请填银行回单号。")
        require_past(command.received_on, work.today, "received_on")
        require_not_before(command.received_on, found.found_on, "发现日", "received_on")
        if found.state != "confirmed":
            raise Conflict("这笔损失还没有确认，不能记赔偿；本次没有入账。")
        lines = (
            Posting("1002", debit=command.amount),
            Posting(standing_in_account(found.incident_id), credit=command.amount),
        )
        kind = "fund_compensation"
        entry = _entry(work, found, kind, "收到预付金损失赔偿", lines, command.idempotency_key)
        entry_no = work.ledger.post(replace(entry, effective_on=command.received_on))
        keep_slip(work, kind, entry_no, command.bank_reference, command.received_on)
        work.audit(entry_no=entry_no, detail={"amount_fen": command.amount.fen, "bank": command.bank_reference})
        work.keep_answer(command.idempotency_key, payload, {"entry_no": entry_no})
        return entry_no


def record_write_off(context: Context, actor: Actor, command: RecordWriteOff) -> None:
    """Mirror what the agency wrote off; no entry of ours, and what we owe stays until we give it back.

    Raises :class:`MalformedInput` for a day ahead or more than is owed, :class:`Conflict` for a document twice.
    """
    actor.require(Permission.FUND_RECORD)
    with context.work(actor, "fund.write_off", f"grant:{command.grant_id}") as work:
        grant = funds.lock_grant(work.connection, work.institution_id, command.grant_id)
        if grant.kind != "basic":
            words = "集采专项预付不在这本备查簿里，按它自己的文件办。请选一笔预付金。"
            raise MalformedInput(words, details={"field": "grant_id"})
        _require_amount(command.amount)
        _require(command.document, "document", "请填法院文书或批准核销的文号。")
        require_past(command.written_off_on, work.today, "written_off_on")
        require_arrived_by(work.connection, work.institution_id, grant, command.written_off_on, "written_off_on")
        known = [
            one for one in store.write_offs(work.connection, work.institution_id) if one.grant_id == grant.grant_id
        ]
        if document_key(command.document) in {document_key(one.document) for one in known}:
            raise Conflict("这份核销文件已经记在这笔预付金上。请核对后再记。")
        already = sum(one.amount_fen for one in known)
        if already + command.amount.fen > (grant.approved_fen or 0):
            raise MalformedInput("核销不会超过批复的金额，请核对。", details={"field": "amount"})
        values = {
            "institution_id": work.institution_id,
            "grant_id": grant.grant_id,
            "document": command.document.strip(),
            "amount_fen": command.amount.fen,
            "written_off_on": command.written_off_on,
            "recorded_by": actor.actor_id,
            "recorded_at": work.now,
        }
        store.add_write_off(work.connection, values)
        work.audit(detail={"amount_fen": command.amount.fen, "document": command.document})


def _not_made_good(work: UnitOfWork, grant: GrantState) -> int:
    """What was recorded or confirmed of a grant and isn't compensated, in fen: each fen owed is lost once at most."""
    claimable = store.balances(work.connection, work.institution_id, standing_in_account(""))
    return sum(
        one.amount_fen if one.state == "recorded" else claimable.get(standing_in_account(one.incident_id), 0)
        for one in store.incidents_of(work.connection, work.institution_id, grant.grant_id)
        if one.state != "rejected"
    )


def _stand_in(work: UnitOfWork, found: IncidentState) -> int:
    account, amount = standing_in_account(found.incident_id), Money(found.amount_fen)
    name = "预付金损失待追回"
    open_account(work.connection, work.institution_id, account, name=name, opened_at=work.now, guarded=True)
    lines = (Posting(account, debit=amount), Posting("1002", credit=amount))
    return work.ledger.post(_entry(work, found, "fund_loss", "预付金损失，自有资金垫补", lines, found.incident_id))


def _entry(
    work: UnitOfWork, found: IncidentState, kind: str, summary: str, lines: tuple[Posting, ...], key: str
) -> JournalEntry:
    """No line carries the grant: it is the hospital's own money that moves."""
    return JournalEntry(
        institution_id=work.institution_id,
        idempotency_key=f"{kind}:{key}",
        kind=kind,
        summary=summary,
        source=f"fund_incident:{found.incident_id}",
        occurred_at=work.now,
        posted_at=work.now,
        effective_on=work.today,
        posted_by=work.act.actor.actor_id,
        postings=lines,
    )


def _check_loss(work: UnitOfWork, grant: GrantState, command: RecordLoss) -> None:
    _require_amount(command.amount)
    require_past(command.found_on, work.today, "found_on")
    require_arrived_by(work.connection, work.institution_id, grant, command.found_on, "found_on")
    _require(command.what, "what", "请写明怎么损失的。")
    _require(command.persons, "persons", "请写明责任人；还没有查清的，写“待查”。")


def _require_amount(amount: Money) -> None:
    if amount.fen <= 0:
        raise MalformedInput("金额要大于零，例如 120.00。", details={"field": "amount"})


def _require(text: str, field: str, words: str) -> None:
    if not text.strip():
        raise MalformedInput(words, code="missing_value", details={"field": field})

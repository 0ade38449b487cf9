"""Money that is paid towards a settlement, or given back with it: an entry and a slip each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Final

from hospital_prepay.crypto import new_token
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.ledger.chart import Tender, allowance_account, arrears_account, stay_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.references import payment_reference
from hospital_prepay.domain.rules.settlement.arrears import ActKind, reopened_fen
from hospital_prepay.domain.rules.settlement.channels import usual_channel
from hospital_prepay.domain.rules.settlement.settling import Channel, GoesBack
from hospital_prepay.persistence import arrears, stays
from hospital_prepay.persistence import receipts as books
from hospital_prepay.persistence.ledger import has_account, open_account
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context

SERIES: Final = "A"


@dataclass(frozen=True, slots=True)
class TopUp:
    """Money a patient pays towards what a settlement left owing."""

    amount: Money
    tender: Tender
    payment_reference: str = ""


def checked(top_up: TopUp) -> TopUp:
    """A payment with its reference as it is kept. Raises :class:`MalformedInput` for one that can't be."""
    amount, tender, reference = top_up.amount, top_up.tender, payment_reference(top_up.payment_reference)
    if amount.fen <= 0:
        raise MalformedInput("补交金额要大于零，例如 500.00。", code="not_an_amount", details={"field": "amount"})
    if tender is not Tender.CASH and not reference:
        words = f"{tender.label}付款要填支付单号，可以扫小票上的条码。"
        raise MalformedInput(words, code="missing_value", details={"field": "payment_reference"})
    return replace(top_up, payment_reference=reference)


@dataclass(frozen=True, slots=True)
class PayArrears:
    """Money towards what a stay's settlement left owing, paid later; ``channel`` as with a deposit."""

    stay_no: str
    top_up: TopUp
    idempotency_key: str
    channel: Channel | None = None


def pay_arrears(context: Context, actor: Actor, command: PayArrears) -> str:
    """Take money towards what is owed; returns the slip's number. Needs ``settlement.settle``.

    Raises :class:`MalformedInput` above what is owed, :class:`Conflict` for a reference that was used.
    """
    actor.require(Permission.SETTLEMENT_SETTLE)
    top_up = checked(command.top_up)
    with context.work(actor, "settlement.top_up", command.stay_no) as work:
        stays.lock_stay(work.connection, work.institution_id, command.stay_no)
        payload = {**asdict(command), "top_up": {**asdict(top_up), "amount": top_up.amount.fen}}
        if command.channel is None:
            del payload["channel"]
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return str(known["slip"])
        owed = reopen_for(work, command.stay_no, top_up.amount.fen)
        channel = command.channel or usual_channel(actor)
        number = take_top_up(work, command.stay_no, top_up, owed, command.idempotency_key, channel)
        work.keep_answer(command.idempotency_key, payload, {"slip": number})
        return number


def reopen_for(work: UnitOfWork, stay_no: str, paid_fen: int) -> int:
    """Let as much of a written-off claim come back as a payment needs (a write-off gives up no claim); returns what
    is owed then, in fen."""
    standing = arrears.standing_of(work.connection, work.institution_id, stay_no)
    amount = reopened_fen(paid_fen, standing)
    if not amount:
        return standing.owed_fen
    act_id = work.new_id()
    postings = (
        Posting(arrears_account(stay_no), debit=Money(amount)),
        Posting(allowance_account(stay_no), credit=Money(amount)),
    )
    label = ActKind.REOPEN.label
    entry_no = work.ledger.post(settlement_entry(work, "arrears_reopen", label, act_id, stay_no, postings))
    arrears.add_act(
        work.connection,
        {
            "institution_id": work.institution_id,
            "act_id": act_id,
            "stay_no": stay_no,
            "kind": ActKind.REOPEN.value,
            "amount_fen": amount,
            "ground": "",
            "evidence": "",
            "state": "done",
            "asked_by": work.act.actor.actor_id,
            "asked_at": work.now,
            "answer": "",
            "entry_no": entry_no,
        },
    )
    work.audit(entry_no=entry_no, detail={"reopened_fen": amount})
    return standing.owed_fen + amount


def open_arrears(work: UnitOfWork, stay_no: str) -> None:
    """Open the account of what a stay owes, once."""
    account = arrears_account(stay_no)
    if not has_account(work.connection, work.institution_id, account):
        name = f"出院病人欠费 {stay_no}"
        open_account(work.connection, work.institution_id, account, name=name, opened_at=work.now, guarded=True)


def settlement_entry(
    work: UnitOfWork,
    kind: str,
    summary: str,
    key: str,
    stay_no: str,
    postings: Iterable[Posting],
    reverses_no: int | None = None,
) -> JournalEntry:
    """An entry about a stay's settlement, dated now."""
    return JournalEntry(
        institution_id=work.institution_id,
        idempotency_key=f"{kind}:{key}",
        kind=kind,
        summary=summary,
        source=f"stay:{stay_no}",
        occurred_at=work.now,
        posted_at=work.now,
        effective_on=work.today,
        posted_by=work.act.actor.actor_id,
        postings=tuple(postings),
        reverses_no=reverses_no,
    )


@dataclass(frozen=True, slots=True)
class Signed:
    """Who a slip of two people belongs to: it counts on in the asker's book, whose drawer pays."""

    issued_by: str
    approved_by: str
    ground: str


def give_back(
    work: UnitOfWork,
    stay_no: str,
    back: GoesBack,
    key: str,
    signed: Signed | None = None,
    channel: Channel = Channel.WINDOW,
) -> str:
    """One refund of what was left, by the way it came, on a slip of its own."""
    amount, tender = Money(back.amount_fen), Tender(back.tender)
    postings = (
        Posting(stay_account(stay_no), debit=amount),
        Posting(tender.account_id, credit=amount),
    )
    entry_no = work.ledger.post(
        settlement_entry(work, "settlement_return", "退结算后剩余预交金", key, stay_no, postings)
    )
    return _slip(work, "return", stay_no, amount, tender, back.reference, entry_no, signed, channel=channel)


def slip_of_cash_again(work: UnitOfWork, stay_no: str, amount: Money, entry_no: int, signed: Signed) -> str:
    """The slip of a refund that came back and is paid in cash: the asker's drawer pays."""
    return _slip(work, "again", stay_no, amount, Tender.CASH, "", entry_no, signed)


def give_top_up_back(work: UnitOfWork, paid: books.Slip, signed: Signed) -> str:
    """Give money that was paid towards a settlement back by the way it came, on whatever day: a red slip that names
    the one it undoes."""
    tender = Tender(paid.tender)
    postings = (
        Posting(arrears_account(paid.stay_no), debit=paid.amount),
        Posting(tender.account_id, credit=paid.amount),
    )
    summary = "召回结算，退补交的结算款"
    entry_no = work.ledger.post(
        settlement_entry(work, "settlement_topup_back", summary, paid.number, paid.stay_no, postings, paid.entry_no)
    )
    reference = paid.payment_reference
    return _slip(work, "void", paid.stay_no, paid.amount, tender, reference, entry_no, signed, paid)


def take_top_up(
    work: UnitOfWork, stay_no: str, top_up: TopUp, owed_fen: int, key: str, channel: Channel = Channel.WINDOW
) -> str:
    """Money towards what is owed, on a slip of its own. Raises :class:`MalformedInput` above what is owed."""
    if top_up.amount.fen > owed_fen:
        words = f"最多补交 {Money(owed_fen)} 元：这是还差的。"
        raise MalformedInput(words, code="above_owed", details={"field": "amount"})
    if top_up.payment_reference:
        used = books.reference_in_use(work.connection, work.institution_id, top_up.payment_reference)
        if used is not None:
            raise Conflict(f"这个支付单号已经记在票据 {used} 上。请核对是不是同一笔付款；本次没有入账。")
    postings = (
        Posting(top_up.tender.account_id, debit=top_up.amount),
        Posting(arrears_account(stay_no), credit=top_up.amount),
    )
    entry_no = work.ledger.post(settlement_entry(work, "settlement_topup", "补交结算款", key, stay_no, postings))
    reference = top_up.payment_reference
    return _slip(work, "topup", stay_no, top_up.amount, top_up.tender, reference, entry_no, channel=channel)


def _slip(
    work: UnitOfWork,
    kind: str,
    stay_no: str,
    amount: Money,
    tender: Tender,
    reference: str,
    entry_no: int,
    signed: Signed | None = None,
    cancels: books.Slip | None = None,
    channel: Channel = Channel.WINDOW,
) -> str:
    issued_by = work.act.actor.actor_id if signed is None else signed.issued_by
    book, serial = books.next_serial(work.connection, work.institution_id, issued_by, SERIES, work.now)
    books.add_receipt(
        work.rows,
        {
            "institution_id": work.institution_id,
            "book": book,
            "serial": serial,
            "kind": kind,
            "stay_no": stay_no,
            "amount_fen": amount.fen,
            "tender": tender.value,
            "payment_reference": reference,
            "payer": "",
            "ground": "" if signed is None else signed.ground,
            "cancels_book": cancels and cancels.book,
            "cancels_serial": cancels and cancels.serial,
            "entry_no": entry_no,
            "decision_id": None,
            "token": new_token(),
            "issued_at": work.now,
            "issued_by": issued_by,
            "approved_by": signed and signed.approved_by,
            "channel": channel.value,
        },
    )
    work.audit(entry_no=entry_no, detail={"receipt": books.receipt_number(book, serial), "amount_fen": amount.fen})
    work.rows.write(work.connection)  # the next slip counts on from this one
    return books.receipt_number(book, serial)

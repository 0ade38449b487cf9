"""Refunds on their way: arrived by a statement, failed and owed, sent again by another way.

Asked for by one person and sent by another; a slip's money is with the patient once, whoever presses how often.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, PrepayError
from hospital_prepay.domain.ledger.chart import Tender, returned_account
from hospital_prepay.domain.ledger.entry import Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.refunds import Complete, ways_again
from hospital_prepay.persistence import discharges, settlements, stays
from hospital_prepay.persistence import receipts as books
from hospital_prepay.persistence import refund_arrivals as store
from hospital_prepay.persistence.refund_arrivals import Attempt
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.alarms import check_transfer, holds_staff_card
from hospital_prepay.services.settlement.slips import Signed, settlement_entry, slip_of_cash_again

ACCOUNT: Final = "refund_account"
IN_CASH: Final = "现金，窗口当面退"
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Awaited:
    """A refund as somebody had it before them: its slip, and the attempt it was at."""

    number: str
    attempt_no: int


@dataclass(frozen=True, slots=True)
class BankAccount:
    """The patient's own bank account."""

    bank: str
    card_no: str


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Another way for a refund that came back; ``account`` where it goes to a bank account."""

    seen: Awaited
    route: Tender
    account: BankAccount | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What became of one of several: ``problem`` is empty where it was noted."""

    number: str
    problem: str = ""


def mark_arrived(context: Context, actor: Actor, seen: Awaited, evidence: str) -> None:
    """The money is with the patient, as a statement says. Needs ``settlement.manage``.

    Raises :class:`MalformedInput` without the statement's number, :class:`Conflict` when it isn't on its way.
    """
    actor.require(Permission.SETTLEMENT_MANAGE)
    words = _said(evidence, "请填对账单或平台的凭证号。", "evidence")
    with _attempt(context, actor, "settlement.refund_arrived", seen, ("sent",)) as (work, one):
        _arrive(work, one, words)
        work.audit(subject=one.stay_no, detail={"receipt": one.number, "attempt": one.attempt_no, "evidence": words})
        count_as_settled(work, one.stay_no)


def mark_many_arrived(context: Context, actor: Actor, seen: Iterable[Awaited], evidence: str) -> list[Known]:
    """:func:`mark_arrived` for each, one by one; what keeps one back keeps no other back."""
    _said(evidence, "请填对账单或平台的凭证号。", "evidence")
    known = []
    for one in seen:
        try:
            mark_arrived(context, actor, one, evidence)
            known.append(Known(one.number))
        except PrepayError as error:
            known.append(Known(one.number, error.message))
    return known


def mark_failed(context: Context, actor: Actor, seen: Awaited, words: str) -> int:
    """It came back: the hospital owes it (2307) until it goes another way; returns the entry. Needs
    ``settlement.manage``; raises as :func:`mark_arrived` does."""
    actor.require(Permission.SETTLEMENT_MANAGE)
    said = _said(words, "请写明银行或平台说的失败原因。", "words")
    with _attempt(context, actor, "settlement.refund_failed", seen, ("sent",)) as (work, one):
        store.open_returned(work.connection, work.institution_id, one.stay_no, work.now)
        out = _out(one)
        entry_no = _post(
            work, one, "settlement_refund_back", "退款被退回，欠患者，待再付", [p.reversed() for p in out]
        )
        values = {"state": "failed", "evidence": said, "back_entry_no": entry_no, **_known(work)}
        store.change(work.connection, work.institution_id, one, values)
        detail = {"receipt": one.number, "attempt": one.attempt_no, "amount_fen": one.amount_fen}
        work.audit(subject=one.stay_no, entry_no=entry_no, detail={**detail, "words": said})
        return entry_no


def ask_again(context: Context, actor: Actor, command: AskAgain) -> None:
    """Ask for a refund that came back to go another way. Needs ``settlement.settle`` or ``settlement.manage``.

    Cash is asked for by who has a drawer. Raises :class:`MalformedInput` for a way or account that can't be,
    :class:`Conflict` when somebody asked already.
    """
    if not actor.may(Permission.SETTLEMENT_MANAGE):
        actor.require(Permission.SETTLEMENT_SETTLE)
    with _attempt(context, actor, "settlement.ask_refund_again", command.seen, ("failed",)) as (work, one):
        if command.route not in ways_again(Tender(one.tender)):
            raise MalformedInput("不能这样退。请选列出的方式。", code="missing_value", details={"field": "route"})
        if command.route is Tender.CASH and not actor.may(Permission.DEPOSIT_COLLECT):
            words = "现金从收费员的抽屉里付，请收费员来申请改退现金。"
            raise MalformedInput(words, details={"field": "route"})
        sealed = _sealed(context, work, command)
        attempt_no = len(store.of_slip(work.connection, work.institution_id, one.book, one.serial)) + 1
        store.add(
            work.connection,
            {
                "institution_id": work.institution_id,
                "book": one.book,
                "serial": one.serial,
                "attempt_no": attempt_no,
                "route": command.route.value,
                "account_enc": sealed,
                "state": "asked",
                "asked_by": actor.actor_id,
                "asked_at": work.now,
            },
        )
        detail = {"receipt": one.number, "attempt": attempt_no, "route": command.route.value}
        work.audit(subject=one.stay_no, detail=detail)


def decide_again(context: Context, actor: Actor, seen: Awaited, *, approve: bool, ground: str = "") -> str | None:
    """Send a refund another way, or turn that down with a ground; by another person than asked.

    Cash at the window is with the patient at once, on a slip in the book of who asked: its number is returned. Needs
    ``settlement.manage``. Raises :class:`~hospital_prepay.domain.errors.SecondPersonRequired`, and
    :class:`Conflict` when it was decided already.
    """
    actor.require(Permission.SETTLEMENT_MANAGE)
    said = "" if approve else _said(ground, "请写明为什么不同意，申请的人要看。", "ground")
    action = "settlement.refund_again" if approve else "settlement.refuse_refund_again"
    with _attempt(context, actor, action, seen, ("asked",)) as (work, one):
        assert one.asked_by is not None
        actor.require_other_than(one.asked_by, "确认改退")
        detail = {"receipt": one.number, "attempt": one.attempt_no, "route": one.route}
        if not approve:
            values = {"state": "dropped", "evidence": said, **_known(work)}
            store.change(work.connection, work.institution_id, one, values)
            work.audit(subject=one.stay_no, detail={**detail, "ground": said})
            return None
        entry_no = _post(work, one, "settlement_refund_again", "退回的退款再付患者", _out(one))
        number = _cash_slip(work, one, entry_no) if one.route == Tender.CASH else None
        values = {"state": "sent", "sent_by": actor.actor_id, "sent_at": work.now, "entry_no": entry_no}
        store.change(work.connection, work.institution_id, one, values)
        work.audit(subject=one.stay_no, entry_no=entry_no, detail={**detail, "amount_fen": one.amount_fen})
        if one.route == Tender.CASH:
            _arrive(work, one, IN_CASH)
            count_as_settled(work, one.stay_no)
        return number


def count_as_settled(work: UnitOfWork, stay_no: str) -> None:
    """Let the discharge of a stay count as settled where nothing that goes back is awaited any more: since the last
    of it is known to have arrived, and never before its document (clocks of two servers may differ).

    Only a discharge that was settled while ``settlement_complete`` asked for the arrival still waits for it.
    """
    connection, institution = work.connection, work.institution_id
    if store.is_awaited(connection, institution, stay_no):
        return
    documents = {
        one.discharged_at: one.settled_at
        for one in settlements.of_stay(connection, institution, stay_no)
        if one.recalled_at is None
    }
    attempts = store.of_stay(connection, institution, stay_no)
    arrived = [one.known_at for one in attempts if one.state == "arrived" and one.known_at is not None]
    for row in discharges.of_stay(connection, institution, stay_no):
        if row.ended_at is None and row.settled_at is None and row.discharged_at in documents:
            settled_at = max([documents[row.discharged_at], *arrived])
            discharges.change(connection, institution, row, {"settled_at": settled_at})
            detail = {"settled_at": settled_at.isoformat(), "settlement_complete": Complete.ARRIVED.value}
            work.audit(subject=stay_no, detail=detail)


@contextmanager
def _attempt(
    context: Context, actor: Actor, action: str, seen: Awaited, states: tuple[str, ...]
) -> Iterator[tuple[UnitOfWork, Attempt]]:
    """One act on the attempt that a slip is at, the stay locked. Raises :class:`Conflict` when it isn't there."""
    book, serial = books.split_number(seen.number)
    with context.work(actor, action, seen.number) as work:
        slip = books.find_slip(work.connection, work.institution_id, book, serial)
        stays.lock_stay(work.connection, work.institution_id, slip.stay_no)
        found = [
            one for one in store.of_slip(work.connection, work.institution_id, book, serial) if one.state != "dropped"
        ]
        if not found or found[-1].attempt_no != seen.attempt_no or found[-1].state not in states:
            raise Conflict(f"票据 {seen.number} 的退款刚有别人办过，或者不在这一步。请刷新后再办；本次没有改动。")
        yield work, found[-1]


def _cash_slip(work: UnitOfWork, one: Attempt, entry_no: int) -> str:
    assert one.asked_by is not None
    signed = Signed(one.asked_by, work.act.actor.actor_id, f"退款 {one.number} 被退回，改退现金")
    return slip_of_cash_again(work, one.stay_no, Money(one.amount_fen), entry_no, signed)


def _arrive(work: UnitOfWork, one: Attempt, evidence: str) -> None:
    values = {"state": "arrived", "evidence": evidence, **_known(work)}
    store.change(work.connection, work.institution_id, one, values)


def _known(work: UnitOfWork) -> dict[str, object]:
    return {"known_by": work.act.actor.actor_id, "known_at": work.now}


def _out(one: Attempt) -> tuple[Posting, ...]:
    """What is owed goes out by the way of the attempt."""
    amount = Money(one.amount_fen)
    return (
        Posting(returned_account(one.stay_no), debit=amount),
        Posting(Tender(one.route).account_id, credit=amount),
    )


def _post(work: UnitOfWork, one: Attempt, kind: str, summary: str, postings: Iterable[Posting]) -> int:
    key = f"{one.number}:{one.attempt_no}"
    return work.ledger.post(settlement_entry(work, kind, summary, key, one.stay_no, postings))


def _sealed(context: Context, work: UnitOfWork, command: AskAgain) -> str | None:
    if command.route is not Tender.TRANSFER:
        return None
    account = command.account or BankAccount("", "")
    check_transfer(account.bank, account.card_no)
    if holds_staff_card(context, work, account.card_no):
        raise MalformedInput(
            "这是本院职工的银行卡，不能退到这里。请核对患者本人的卡号。", details={"field": "card_no"}
        )
    text = json.dumps({"bank": account.bank.strip(), "card_no": account.card_no.strip()}, ensure_ascii=False)
    return context.cipher.encrypt(text, institution=work.institution_id, field=ACCOUNT)


def account_of(context: Context, institution_id: str, sealed: str | None) -> BankAccount | None:
    """The bank account that an attempt goes to."""
    if sealed is None:
        return None
    said = json.loads(context.cipher.decrypt(sealed, institution=institution_id, field=ACCOUNT))
    return BankAccount(said["bank"], said["card_no"])


def _said(text: str, missing: str, field: str) -> str:
    words = text.strip()
    if not words:
        raise MalformedInput(missing, code="missing_value", details={"field": field})
    if len(words) > _LONGEST:
        raise MalformedInput(f"最多写 {_LONGEST} 个字。", code="too_long", details={"field": field})
    return words

"""Voiding a slip (by red letter) and giving money back: asked for by one person, done by another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final, TypeVar

from hospital_prepay.clock import local
from hospital_prepay.crypto import new_token
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision, Outcome
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.ledger.chart import Tender, arrears_account, stay_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.slips import MONEY_IN, RefundFacts, VoidFacts, refund, void
from hospital_prepay.persistence import receipts as books
from hospital_prepay.persistence import refund_arrivals, unclaimed
from hospital_prepay.persistence import stays as store
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context

SERIES = "A"
# Voids and refunds rest on house rules alone: no question of the notices is answered by them.
_NO_READINGS: Final[Mapping[str, str]] = {}
EXCESS_GROUND = "病种或参保类型变化后额度降低，超出部分退回"


@dataclass(frozen=True, slots=True)
class RequestVoid:
    """Undo a slip of today."""

    receipt_no: str
    ground: str
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class RequestRefund:
    """Give back part of what a stay's deposits hold."""

    stay_no: str
    amount: Money
    tender: Tender
    ground: str
    payment_reference: str = ""
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class DecideRequest:
    """The second person's word on a request; a "no" says why."""

    request_id: str
    approve: bool
    payment_reference: str = ""
    ground: str = ""
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that now waits for another person."""

    request_id: str
    decision: Decision
    decision_id: str

    def to_json(self) -> dict[str, Any]:
        """As stored for the next request with the same key."""
        return {**asdict(self), "decision": self.decision.to_json()}

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> Asked:
        """The opposite of :meth:`to_json`."""
        return cls(**{**stored, "decision": Decision.of_json(stored["decision"])})


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a request. ``receipt_no`` is ``None`` when it was turned down, or when a rule said no by now."""

    request_id: str
    receipt_no: str | None
    token: str | None
    amount: Money
    decision: Decision | None
    decision_id: str | None = None
    entry_no: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As stored for the next request with the same key."""
        decision = None if self.decision is None else self.decision.to_json()
        return {**asdict(self), "amount": self.amount.fen, "decision": decision}

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> Done:
        """The opposite of :meth:`to_json`."""
        decision = None if stored["decision"] is None else Decision.of_json(stored["decision"])
        return cls(**{**stored, "amount": Money(stored["amount"]), "decision": decision})


Command = RequestVoid | RequestRefund | DecideRequest
Answer = TypeVar("Answer", Asked, Done)


def request_void(context: Context, actor: Actor, command: RequestVoid) -> Asked:
    """Ask for a slip of today to be voided. Raises :class:`RuleRefused` by house rule, and :class:`Conflict`."""
    actor.require(Permission.SLIP_REQUEST)
    _check_ground(command.ground)
    book, serial = books.split_number(command.receipt_no)
    with context.work(actor, "slip.request_void", command.receipt_no) as work:
        slip = books.find_slip(work.connection, work.institution_id, book, serial)
        state = store.lock_stay(work.connection, work.institution_id, slip.stay_no)
        known = _known(work, command)
        if known is not None:
            return Asked.of_json(known)
        slip = books.find_slip(work.connection, work.institution_id, book, serial)  # as it stands under the lock
        decision, decision_id = _void_decision(work, slip, state)
        if decision.outcome is Outcome.REFUSED:
            return _remembered(work, command, Asked("", decision, decision_id))
        values = {"kind": "void", "source": f"void:{slip.number}", "stay_no": slip.stay_no, "book": book}
        more = {"serial": serial, "amount_fen": slip.amount_fen, "tender": slip.tender, "ground": command.ground}
        request_id = _ask(work, {**values, **more, "payment_reference": ""}, decision_id)
        return _remembered(work, command, Asked(request_id, decision, decision_id))


def request_refund(context: Context, actor: Actor, command: RequestRefund) -> Asked:
    """Ask for money to be given back from a stay's deposits, up to what they hold."""
    actor.require(Permission.SLIP_REQUEST)
    _check_ground(command.ground)
    with context.work(actor, "slip.request_refund", command.stay_no) as work:
        state = store.lock_stay(work.connection, work.institution_id, command.stay_no)
        known = _known(work, command)
        if known is not None:
            return Asked.of_json(known)
        decision, decision_id = _refund_decision(work, command.amount.fen, state)
        if decision.outcome is Outcome.REFUSED:
            return _remembered(work, command, Asked("", decision, decision_id))
        request_id = _ask_refund(work, command, decision_id)
        return _remembered(work, command, Asked(request_id, decision, decision_id))


def propose_excess_refund(work: UnitOfWork, stay_no: str, amount: Money, decision_id: str) -> None:
    """Ask for the excess of a lowered cap to be given back by the way the last money came; inside another act,
    whose decision lowered it.

    A refund that already waits for this stay stands: the second person sees the stay's new figures with it, and
    what is then still above the cap is shown at the desk as due.
    """
    if books.waiting_refund(work.connection, work.institution_id, stay_no) is not None:
        return
    tender = books.last_tender(work.connection, work.institution_id, stay_no) or Tender.CASH.value
    _ask_refund(work, RequestRefund(stay_no, amount, Tender(tender), EXCESS_GROUND), decision_id)


def decide_request(context: Context, actor: Actor, command: DecideRequest) -> Done:
    """Approve or turn down a request somebody else made; approving moves the money at once.

    Raises :class:`SecondPersonRequired` for the person who asked and :class:`Conflict` when it was decided already.
    When it may no longer be done, the ``decision`` of the answer says so and the request keeps waiting.
    """
    actor.require(Permission.SLIP_APPROVE)
    if not command.approve:
        _check_ground(command.ground, "请写明为什么不同意，申请的人要看。")
    with context.work(actor, "slip.decide", command.request_id) as work:
        # The stay first, then the request: the order in which every other act locks.
        stay_no = books.stay_of_request(work.connection, work.institution_id, command.request_id)
        state = store.lock_stay(work.connection, work.institution_id, stay_no)
        known = _known(work, command)
        if known is not None:
            return Done.of_json(known)
        request = books.lock_request(work.connection, work.institution_id, command.request_id)
        actor.require_other_than(request.requested_by, "复核")
        done = Done(request.request_id, None, None, Money(request.amount_fen), None)
        if command.approve:
            done = _carry_out(work, request, command, state)
            if done.receipt_no is None:
                return _remembered(work, command, done)
            work.rows.write(work.connection)  # the database takes no approval whose receipt isn't there
            if request.kind == "void" and state.discharged_at is not None:
                # A refund that is undone after a settlement lies there for whoever comes.
                unclaimed.note_held(work.connection, work.institution_id, stay_no, actor.actor_id, work.now)
        books.decide(work.connection, work.institution_id, request.request_id, _decided(work, done))
        work.audit(
            subject=request.source,
            decision_id=done.decision_id,
            entry_no=done.entry_no,
            detail={
                "approved": command.approve,
                "receipt": done.receipt_no,
                "amount_fen": request.amount_fen,
                **({} if command.approve else {"ground": command.ground}),
            },
        )
        return _remembered(work, command, done)


def _carry_out(work: UnitOfWork, request: books.Request, command: DecideRequest, state: store.StayState) -> Done:
    sign, reverses, account = 1, None, stay_account(request.stay_no)
    if request.book is not None and request.serial is not None:
        slip = books.find_slip(work.connection, work.institution_id, request.book, request.serial)
        decision, decision_id = _void_decision(work, slip, state)
        sign, reverses = (1 if slip.kind in MONEY_IN else -1), slip.entry_no
        if slip.kind == "topup":
            account = arrears_account(request.stay_no)
    else:
        decision, decision_id = _refund_decision(work, request.amount_fen, state)
    if decision.outcome is Outcome.REFUSED:
        return Done(request.request_id, None, None, Money(request.amount_fen), decision, decision_id)
    entry_no = work.ledger.post(_entry(work, request, account, sign, reverses))
    return _issue(work, request, command, entry_no, decision, decision_id)


def _issue(
    work: UnitOfWork,
    request: books.Request,
    command: DecideRequest,
    entry_no: int,
    decision: Decision,
    decision_id: str,
) -> Done:
    """The red or refund slip. It is the asker's slip (their drawer pays), so it counts on in the asker's book."""
    book, serial = books.next_serial(work.connection, work.institution_id, request.requested_by, SERIES, work.now)
    token = new_token()
    books.add_receipt(
        work.rows,
        {
            "institution_id": work.institution_id,
            "book": book,
            "serial": serial,
            "kind": request.kind,
            "stay_no": request.stay_no,
            "amount_fen": request.amount_fen,
            "tender": request.tender,
            "payment_reference": command.payment_reference or request.payment_reference,
            "payer": "",
            "ground": request.ground,
            "cancels_book": request.book,
            "cancels_serial": request.serial,
            "entry_no": entry_no,
            "decision_id": decision_id,
            "token": token,
            "issued_at": work.now,
            "issued_by": request.requested_by,
            "approved_by": work.act.actor.actor_id,
        },
    )
    number = books.receipt_number(book, serial)
    amount = Money(request.amount_fen)
    return Done(request.request_id, number, token, amount, decision, decision_id, entry_no)


def _entry(work: UnitOfWork, request: books.Request, account: str, sign: int, reverses: int | None) -> JournalEntry:
    """Money out of an account of the stay (``sign`` 1), or a voided refund's way back in (-1)."""
    amount = Money(request.amount_fen)
    out = (
        Posting(account, debit=amount),
        Posting(Tender(request.tender).account_id, credit=amount),
    )
    return JournalEntry(
        institution_id=work.institution_id,
        idempotency_key=f"slip:{request.request_id}",
        kind=f"inpatient_{request.kind}",
        summary="红字冲销当日票据" if request.kind == "void" else "退住院预交金",
        source=f"stay:{request.stay_no}",
        occurred_at=work.now,
        posted_at=work.now,
        effective_on=work.today,
        posted_by=work.act.actor.actor_id,
        postings=out if sign > 0 else tuple(p.reversed() for p in out),
        reverses_no=reverses,
    )


def void_objections(slip: books.Slip, balance_fen: int, cap_fen: int | None, today: date) -> tuple[str, ...]:
    """Why a slip can't be voided as its stay stands, none when it may be asked for. Nothing is stored."""
    decision = void(_void_facts(slip, balance_fen, cap_fen, today), "")
    return tuple(one.message for one in decision.reasons) if decision.outcome is Outcome.REFUSED else ()


def _void_facts(
    slip: books.Slip, balance_fen: int, cap_fen: int | None, today: date, refund_state: str = ""
) -> VoidFacts:
    return VoidFacts(
        kind=slip.kind,
        amount_fen=slip.amount_fen,
        issued_on=local(slip.issued_at).date().isoformat(),
        today=today.isoformat(),
        already_void=slip.cancelled_by is not None,
        balance_fen=balance_fen,
        cap_fen=cap_fen or 0,
        refund_state=refund_state,
    )


def _void_decision(work: UnitOfWork, slip: books.Slip, state: store.StayState) -> tuple[Decision, str]:
    attempts = refund_arrivals.of_slip(work.connection, work.institution_id, slip.book, slip.serial)
    refund_state = attempts[-1].state if len(attempts) == 1 else "failed" if attempts else ""
    facts = _void_facts(slip, state.collected_fen, state.cap_fen, work.today, refund_state)
    decision = void(facts, work.rule_version)
    decision_id = work.keep_decision(decision, work.today, _NO_READINGS)
    if decision.outcome is Outcome.REFUSED:
        work.audit(outcome="refused", decision_id=decision_id, detail={"receipt": slip.number})
    return decision, decision_id


def _refund_decision(work: UnitOfWork, amount_fen: int, state: store.StayState) -> tuple[Decision, str]:
    decision = refund(RefundFacts(amount_fen, state.collected_fen), work.rule_version)
    decision_id = work.keep_decision(decision, work.today, _NO_READINGS)
    if decision.outcome is Outcome.REFUSED:
        work.audit(outcome="refused", decision_id=decision_id, detail={"amount_fen": amount_fen})
    return decision, decision_id


def _ask_refund(work: UnitOfWork, command: RequestRefund, decision_id: str) -> str:
    values = {"kind": "refund", "source": f"refund:{command.stay_no}", "stay_no": command.stay_no}
    more = {"amount_fen": command.amount.fen, "tender": command.tender.value, "ground": command.ground}
    return _ask(work, {**values, **more, "payment_reference": command.payment_reference}, decision_id)


def _ask(work: UnitOfWork, values: dict[str, Any], decision_id: str) -> str:
    request_id = work.new_id()
    books.add_request(
        work.connection,
        {
            "institution_id": work.institution_id,
            "request_id": request_id,
            "requested_by": work.act.actor.actor_id,
            "requested_at": work.now,
            **values,
        },
    )
    detail = {"amount_fen": values["amount_fen"], "ground": values["ground"]}
    work.audit(subject=values["source"], decision_id=decision_id, detail=detail)
    return request_id


def _decided(work: UnitOfWork, done: Done) -> dict[str, Any]:
    book, serial = (None, None) if done.receipt_no is None else books.split_number(done.receipt_no)
    return {
        "state": "approved" if done.receipt_no else "rejected",
        "decided_by": work.act.actor.actor_id,
        "decided_at": work.now,
        "receipt_book": book,
        "receipt_serial": serial,
    }


def _known(work: UnitOfWork, command: Command) -> dict[str, Any] | None:
    """The answer given before to this key; ask with the stay locked."""
    return work.known_answer(command.idempotency_key, asdict(command)) if command.idempotency_key else None


def _remembered(work: UnitOfWork, command: Command, answer: Answer) -> Answer:
    """Keep an answer, a refusal too, for when the same request comes again."""
    if command.idempotency_key:
        work.keep_answer(command.idempotency_key, asdict(command), answer.to_json())
    return answer


def _check_ground(ground: str, message: str = "请写明原因，复核的人要看。") -> None:
    if not ground.strip():
        raise MalformedInput(message, code="missing_value", details={"field": "ground"})

"""Collecting an inpatient deposit: decide, post, number, answer — all in one transaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from hospital_prepay.crypto import new_token
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.ledger.chart import Tender, stay_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.references import payment_reference
from hospital_prepay.domain.rules.inpatient.deposits import CollectFacts, collect
from hospital_prepay.domain.rules.settlement.channels import usual_channel
from hospital_prepay.domain.rules.settlement.settling import Channel
from hospital_prepay.persistence import receipts as books
from hospital_prepay.persistence import stays as store
from hospital_prepay.persistence.choices import values_of
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient.stay_caps import Days, Placement, StayCapFound, find_cap, says_something
from hospital_prepay.services.inpatient.stays import place
from hospital_prepay.services.publication.readings import readings_of

SERIES = "A"


@dataclass(frozen=True, slots=True)
class CollectDeposit:
    """Money a patient pays ahead for a stay. ``stage`` names the stage of treatment in a staged collection (17.2).

    ``placement`` is the disease and class picked at the counter; before the first slip they become the stay's, if
    the money is taken. ``channel`` is where it is taken, the actor's usual one where nothing is said.
    """

    stay_no: str
    amount: Money
    tender: Tender
    idempotency_key: str
    payment_reference: str = ""
    payer: str = ""
    stage: str = ""
    placement: Placement | None = None
    channel: Channel | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """The answer to a collection, a refusal too. ``receipt_no`` and ``token`` are ``None`` when refused."""

    decision: Decision
    decision_id: str
    cap: Money | None
    collected: Money
    room: Money
    receipt_no: str | None = None
    token: str | None = None
    entry_no: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As stored for the next request with the same key."""
        return {
            "decision": self.decision.to_json(),
            "decision_id": self.decision_id,
            "cap_fen": None if self.cap is None else self.cap.fen,
            "collected_fen": self.collected.fen,
            "room_fen": self.room.fen,
            "receipt_no": self.receipt_no,
            "token": self.token,
            "entry_no": self.entry_no,
        }

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> Collected:
        """The opposite of :meth:`to_json`."""
        return cls(
            Decision.of_json(stored["decision"]),
            stored["decision_id"],
            None if stored["cap_fen"] is None else Money(stored["cap_fen"]),
            Money(stored["collected_fen"]),
            Money(stored["room_fen"]),
            stored["receipt_no"],
            stored["token"],
            stored["entry_no"],
        )


def preview_deposit(
    context: Context, actor: Actor, stay_no: str, amount: Money, stage: str = "", *, cap: Money | None = None
) -> Decision:
    """What :func:`collect_deposit` would decide now. Nothing is stored, nobody is blocked.

    ``cap`` stands for the cap of a disease and class that are picked on the screen and not yet the stay's.
    """
    actor.require(Permission.DESK_VIEW)
    with context.database.reading() as connection:
        state = store.read_stay(connection, actor.institution_id, stay_no)
    facts = _facts(state, amount, stage)
    return collect(facts if cap is None else replace(facts, cap_fen=cap.fen), context.rule_version)


def collect_deposit(context: Context, actor: Actor, command: CollectDeposit) -> Collected:
    """Collect ``command.amount`` if the cap leaves room, and issue the next receipt of the actor's book.

    The same key with the same content gives the same answer, a refusal too. Raises :class:`NotFound` for an
    unknown stay, :class:`ReusedKey` for the key of another payment, :class:`Conflict` when the payment reference
    already stands on a receipt. A rule's "no" is not raised: it is the ``decision`` of the answer (17, 12, 18).
    """
    actor.require(Permission.DEPOSIT_COLLECT)
    command = replace(command, payment_reference=payment_reference(command.payment_reference))
    _check(command)
    with context.work(actor, "deposit.collect", command.stay_no) as work:
        state = store.lock_stay(work.connection, work.institution_id, command.stay_no)
        payload = _payload(command)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return Collected.of_json(known)
        _refuse_used_reference(work, command)
        found = _picked(work, command, state)
        state = state if found is None else _as_if_placed(state, command, found)
        decision = collect(_facts(state, command.amount, command.stage), work.rule_version)
        readings = readings_of("inpatient.desk", values_of(state.settings))
        decision_id = work.keep_decision(decision, work.today, readings)
        if decision.permitted and found is not None and command.placement is not None:
            place(work, state, command.placement, found)
        answer = _take(work, command, state, decision, decision_id)
        work.keep_answer(command.idempotency_key, payload, answer.to_json())
        return answer


def _payload(command: CollectDeposit) -> dict[str, Any]:
    payload = {**asdict(command), "amount": command.amount.fen, "tender": command.tender.value}
    unsaid = {name for name in ("placement", "channel") if payload[name] is None}
    return {name: said for name, said in payload.items() if name not in unsaid}


def _picked(work: UnitOfWork, command: CollectDeposit, state: store.StayState) -> StayCapFound | None:
    """What binds the stay once it follows what was picked; ``None`` when it follows that already, or has a slip."""
    picked = command.placement
    if picked is None:
        return None
    same = (picked.disease_code, picked.insured_class) == (state.disease_code, state.insured_class)
    if (same and state.cap_fen is not None) or books.has_slip(work.connection, work.institution_id, state.stay_no):
        return None
    days = Days.of(state.admitted_at, state.registered_at)
    found = find_cap(work.connection, work.institution_id, picked, days, work.rule_version)
    return None if same and not found.decision.permitted else found


def _as_if_placed(state: store.StayState, command: CollectDeposit, found: StayCapFound) -> store.StayState:
    """The stay as it would be: refused money changes nothing, so nothing is stored before the money is decided on."""
    assert command.placement is not None
    cap = found.decision.amount if found.decision.permitted else None
    return replace(
        state,
        disease_code=command.placement.disease_code,
        disease_name=command.placement.disease_name,
        insured_class=command.placement.insured_class,
        circumstance=command.placement.circumstance,
        unposted=found.unposted,
        cap_fen=None if cap is None else cap.fen,
    )


def _take(
    work: UnitOfWork, command: CollectDeposit, state: store.StayState, decision: Decision, decision_id: str
) -> Collected:
    cap = None if state.cap_fen is None else Money(state.cap_fen)
    before = Money(state.collected_fen)
    room = Money(max(0, (state.cap_fen or 0) - state.collected_fen - state.applied_fen))
    if not decision.permitted:
        work.audit(outcome="refused", decision_id=decision_id, detail={"amount_fen": command.amount.fen})
        return Collected(decision, decision_id, cap, before, room)
    entry_no = work.ledger.post(_entry(work, command))
    book, serial = books.next_serial(work.connection, work.institution_id, work.act.actor.actor_id, SERIES, work.now)
    token = new_token()
    books.add_receipt(
        work.rows,
        {
            "institution_id": work.institution_id,
            "book": book,
            "serial": serial,
            "kind": "deposit",
            "stay_no": command.stay_no,
            "amount_fen": command.amount.fen,
            "tender": command.tender.value,
            "payment_reference": command.payment_reference,
            "payer": command.payer,
            "ground": command.stage,
            "entry_no": entry_no,
            "decision_id": decision_id,
            "token": token,
            "issued_at": work.now,
            "issued_by": work.act.actor.actor_id,
            "channel": (command.channel or usual_channel(work.act.actor)).value,
        },
    )
    number = books.receipt_number(book, serial)
    work.audit(
        decision_id=decision_id, entry_no=entry_no, detail={"amount_fen": command.amount.fen, "receipt": number}
    )
    return Collected(
        decision, decision_id, cap, before + command.amount, room - command.amount, number, token, entry_no
    )


def _entry(work: UnitOfWork, command: CollectDeposit) -> JournalEntry:
    return JournalEntry(
        institution_id=work.institution_id,
        idempotency_key=f"deposit:{command.idempotency_key}",
        kind="inpatient_deposit",
        summary="收住院预交金",
        source=f"stay:{command.stay_no}",
        occurred_at=work.now,
        posted_at=work.now,
        effective_on=work.today,
        posted_by=work.act.actor.actor_id,
        postings=(
            Posting(command.tender.account_id, debit=command.amount),
            Posting(stay_account(command.stay_no), credit=command.amount),
        ),
    )


def _facts(state: store.StayState, amount: Money, stage: str) -> CollectFacts:
    return CollectFacts(
        amount_fen=amount.fen,
        cap_fen=state.cap_fen,
        collected_fen=state.collected_fen + state.applied_fen,
        circumstance=state.circumstance,
        unposted=state.unposted,
        stage_recorded=says_something(stage),
        discharged=state.discharged_at is not None,
        cancelled=state.cancelled_at is not None,
    )


def _check(command: CollectDeposit) -> None:
    if command.amount.fen <= 0:
        raise MalformedInput("收款金额要大于零，例如 500.00。", code="not_an_amount", details={"field": "amount"})
    if command.tender is not Tender.CASH and not command.payment_reference:
        raise MalformedInput(
            f"{command.tender.label}付款要填支付单号，可以扫小票上的条码。",
            code="missing_value",
            details={"field": "payment_reference"},
        )


def _refuse_used_reference(work: UnitOfWork, command: CollectDeposit) -> None:
    if not command.payment_reference:
        return
    number = books.reference_in_use(work.connection, work.institution_id, command.payment_reference)
    if number is not None:
        raise Conflict(
            f"这个支付单号已经记在票据 {number} 上。请核对是不是同一笔付款；本次没有入账。", code="reference_in_use"
        )

"""Applications to the emergency relief fund (article 21) for what a stay owes: drafted by one person, submitted by
another, answered by the fund, and its money booked against what is owed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.calendar import DueDay
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.ledger.chart import arrears_account
from hospital_prepay.domain.ledger.entry import Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.references import payment_reference
from hospital_prepay.domain.rules.settlement.relief import EMERGENCY, ReliefState, amount_fault, apply_by
from hospital_prepay.persistence import arrears, stays
from hospital_prepay.persistence import relief as store
from hospital_prepay.persistence.arrears import OwingRow
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.relief import ReliefRow
from hospital_prepay.persistence.stays import StayState
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.holidays import calendar_within
from hospital_prepay.services.publication.readings import reading_in_force
from hospital_prepay.services.settlement.slips import reopen_for, settlement_entry

__all__ = ["OwingRow", "ReliefRow", "StayState"]
_OPEN = (ReliefState.DRAFT, ReliefState.SUBMITTED, ReliefState.GRANTED)


@dataclass(frozen=True, slots=True)
class Draft:
    """What is asked of the fund for a stay, why, and which papers go with it."""

    stay_no: str
    amount: Money
    ground: str
    papers: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the fund answered: the amount it grants, or ``None`` with its reason."""

    stay_no: str
    application_id: str
    granted: Money | None
    answer: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Receive:
    """Money of the fund in the bank."""

    stay_no: str
    application_id: str
    amount: Money
    bank_reference: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Money that goes back to the fund, by the bank's reference."""

    stay_no: str
    application_id: str
    bank_reference: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stay that owes, began as an emergency and has no application; ``due`` is the house's day for one."""

    row: OwingRow
    due: DueDay
    is_late: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """An application; ``is_late`` while it is a draft behind the house's day."""

    row: ReliefRow
    due: DueDay | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class ReliefList:
    """Every application and every stay that may need one; ``days`` is the house setting."""

    listed: tuple[Listed, ...]
    candidates: tuple[Candidate, ...]
    days: int
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class StayRelief:
    """One stay's applications, the newest first, and what it owes in fen."""

    state: StayState
    owed_fen: int
    rows: tuple[ReliefRow, ...]
    due: DueDay | None
    names: dict[str, str]


def list_relief(context: Context, actor: Actor) -> ReliefList:
    """Applications, and emergencies that owe and have none. Needs ``settlement.view``."""
    actor.require(Permission.SETTLEMENT_VIEW)
    own, today = actor.institution_id, context.clock.today()
    with context.database.reading() as connection:
        calendar = calendar_within(connection, own)
        days = int(str(reading_in_force(connection, own, "relief_days")))
        owing = {one.stay_no: one for one in arrears.owing(connection, own)}
        rows = store.applications(connection, own)
        emergencies = store.settled_as(connection, own, EMERGENCY)
        names = people.names(connection, own)
    due = {no: apply_by(local(one.settled_at).date(), days, calendar) for no, one in owing.items()}
    applied = {row.stay_no for row in rows}
    return ReliefList(
        listed=tuple(
            Listed(row, due.get(row.stay_no), row.state == ReliefState.DRAFT and _late(due.get(row.stay_no), today))
            for row in rows
        ),
        candidates=tuple(
            Candidate(one, due[no], _late(due[no], today))
            for no, one in owing.items()
            if no in emergencies and no not in applied
        ),
        days=days,
        names=names,
    )


def relief_of(context: Context, actor: Actor, stay_no: str) -> StayRelief:
    """One stay's applications. Needs ``settlement.view``. Raises :class:`NotFound`."""
    actor.require(Permission.SETTLEMENT_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        days = int(str(reading_in_force(connection, own, "relief_days")))
        row = next((one for one in arrears.owing(connection, own) if one.stay_no == stay_no), None)
        calendar = calendar_within(connection, own)
        return StayRelief(
            state=stays.read_stay(connection, own, stay_no),
            owed_fen=arrears.standing_of(connection, own, stay_no).owed_fen,
            rows=tuple(store.applications(connection, own, stay_no)),
            due=None if row is None else apply_by(local(row.settled_at).date(), days, calendar),
            names=people.names(connection, own),
        )


def draft(context: Context, actor: Actor, command: Draft) -> str:
    """Draft an application; returns its id. Needs ``settlement.manage``.

    Raises :class:`MalformedInput` above what is owed, :class:`Conflict` while another of the stay is open.
    """
    actor.require(Permission.SETTLEMENT_MANAGE)
    for field, said, words in (("ground", command.ground, "急救情况"), ("papers", command.papers, "材料")):
        if not said.strip():
            raise MalformedInput(f"请写{words}。", code="missing_value", details={"field": field})
    with context.work(actor, "relief.draft", command.stay_no) as work:
        stays.lock_stay(work.connection, work.institution_id, command.stay_no)
        payload = {**asdict(command), "amount": command.amount.fen}
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return str(known["application_id"])
        _require_owed(work, command.stay_no, command.amount.fen)
        if any(
            one.state in _OPEN for one in store.applications(work.connection, work.institution_id, command.stay_no)
        ):
            raise Conflict("这次住院已有一份申请没有办完。请先办完那一份。")
        values = {
            "institution_id": work.institution_id,
            "application_id": work.new_id(),
            "stay_no": command.stay_no,
            "amount_fen": command.amount.fen,
            "ground": command.ground.strip(),
            "papers": command.papers.strip(),
            "state": ReliefState.DRAFT.value,
            "made_by": actor.actor_id,
            "made_at": work.now,
            "answer": "",
        }
        store.add(work.connection, values)
        work.audit(detail={"amount_fen": command.amount.fen, "ground": command.ground})
        work.keep_answer(command.idempotency_key, payload, {"application_id": values["application_id"]})
        return str(values["application_id"])


def submit(context: Context, actor: Actor, stay_no: str, application_id: str) -> None:
    """Submit what another person drafted. Needs ``settlement.manage``.

    Raises :class:`SecondPersonRequired`, :class:`Conflict` for what isn't a draft any more, and
    :class:`MalformedInput` when less is owed by now.
    """
    actor.require(Permission.SETTLEMENT_MANAGE)
    with context.work(actor, "relief.submit", stay_no) as work:
        row = _locked(work, stay_no, application_id, ReliefState.DRAFT)
        actor.require_other_than(row.made_by, "提交申请")
        _require_owed(work, stay_no, row.amount_fen)
        values = {"state": "submitted", "submitted_by": actor.actor_id, "submitted_at": work.now}
        store.change(work.connection, work.institution_id, application_id, values)
        work.audit(detail={"application": application_id, "amount_fen": row.amount_fen})


def answer(context: Context, actor: Actor, command: Answer) -> None:
    """Note what the fund answered, or give a draft up. Needs ``settlement.manage``."""
    actor.require(Permission.SETTLEMENT_MANAGE)
    if command.granted is None and not command.answer.strip():
        raise MalformedInput("请写没有同意的原因。", code="missing_value", details={"field": "answer"})
    granted = command.granted.fen if command.granted is not None else None
    with context.work(actor, "relief.answer", command.stay_no) as work:
        stays.lock_stay(work.connection, work.institution_id, command.stay_no)
        payload = {**asdict(command), "granted": granted}
        if work.known_answer(command.idempotency_key, payload) is not None:
            return
        states = (ReliefState.SUBMITTED,) if granted is not None else (ReliefState.SUBMITTED, ReliefState.DRAFT)
        row = _locked(work, command.stay_no, command.application_id, *states)
        if granted is not None and not 0 < granted <= row.amount_fen:
            words = f"同意的金额要大于零，不超过申请的 {Money(row.amount_fen)} 元。"
            raise MalformedInput(words, details={"field": "granted"})
        values = {
            "state": "refused" if granted is None else "granted",
            "answered_by": actor.actor_id,
            "answered_at": work.now,
            "granted_fen": granted,
            "answer": command.answer.strip(),
        }
        store.change(work.connection, work.institution_id, command.application_id, values)
        work.audit(detail={"application": command.application_id, "granted_fen": granted})
        work.keep_answer(command.idempotency_key, payload, {})


def receive(context: Context, actor: Actor, command: Receive) -> int:
    """Book the fund's money against what is owed (借 1002 / 贷 12120203); returns the entry's number.

    Needs ``settlement.manage``, and another person than drafted it. Raises :class:`MalformedInput` above what was
    granted or is still claimed, :class:`Conflict` for a bank reference that was used.
    """
    actor.require(Permission.SETTLEMENT_MANAGE)
    reference = payment_reference(command.bank_reference)
    if not reference:
        raise MalformedInput("请填银行回单号。", code="missing_value", details={"field": "bank_reference"})
    with context.work(actor, "relief.receive", command.stay_no) as work:
        stays.lock_stay(work.connection, work.institution_id, command.stay_no)
        payload = {**asdict(command), "amount": command.amount.fen}
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return int(known["entry_no"])
        row = _locked(work, command.stay_no, command.application_id, ReliefState.GRANTED)
        actor.require_other_than(row.made_by, "登记到账")
        if store.reference_in_use(work.connection, work.institution_id, reference):
            raise Conflict("这个银行回单号已经记过。请核对是不是同一笔；本次没有入账。")
        standing = arrears.standing_of(work.connection, work.institution_id, command.stay_no)
        most = min(row.granted_fen or 0, standing.owed_fen + standing.written_off_fen)
        if not 0 < command.amount.fen <= most:
            words = f"要大于零，最多 {Money(most)} 元：同意的和还欠的里小的那个。多出来的请退回基金。"
            raise MalformedInput(words, code="above_owed", details={"field": "amount"})
        entry_no = _book(work, row, command.amount)
        values = {
            "state": "received",
            "received_by": actor.actor_id,
            "received_at": work.now,
            "received_fen": command.amount.fen,
            "bank_reference": reference,
            "entry_no": entry_no,
        }
        store.change(work.connection, work.institution_id, row.application_id, values)
        work.audit(entry_no=entry_no, detail={"application": row.application_id, "amount_fen": command.amount.fen})
        work.keep_answer(command.idempotency_key, payload, {"entry_no": entry_no})
        return entry_no


def give_back(context: Context, actor: Actor, command: GiveBack) -> int:
    """Give the fund's money back whole, by red letter (借 12120203 / 贷 1002): it is owed by the patient again, and
    the settlement may be recalled then. Returns the entry's number.

    Needs ``settlement.manage``, and another person than booked it. Raises :class:`MalformedInput` without the bank's
    reference, :class:`Conflict` where no money of the fund stands.
    """
    actor.require(Permission.SETTLEMENT_MANAGE)
    reference = payment_reference(command.bank_reference)
    if not reference:
        raise MalformedInput("请填银行回单号。", code="missing_value", details={"field": "bank_reference"})
    with context.work(actor, "relief.give_back", command.stay_no) as work:
        payload = asdict(command)
        stays.lock_stay(work.connection, work.institution_id, command.stay_no)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return int(known["entry_no"])
        row = _locked(work, command.stay_no, command.application_id, ReliefState.RECEIVED)
        assert row.received_by is not None
        actor.require_other_than(row.received_by, "退回基金")
        amount = Money(row.received_fen or 0)
        postings = (Posting(arrears_account(row.stay_no), debit=amount), Posting("1002", credit=amount))
        summary = "退回疾病应急救助基金"
        entry_no = work.ledger.post(
            settlement_entry(
                work, "relief_give_back", summary, row.application_id, row.stay_no, postings, row.entry_no
            )
        )
        values = {
            "state": "returned",
            "returned_by": actor.actor_id,
            "returned_at": work.now,
            "return_reference": reference,
            "return_entry_no": entry_no,
        }
        store.change(work.connection, work.institution_id, row.application_id, values)
        work.audit(entry_no=entry_no, detail={"application": row.application_id, "amount_fen": amount.fen})
        work.keep_answer(command.idempotency_key, payload, {"entry_no": entry_no})
        return entry_no


def _book(work: UnitOfWork, row: ReliefRow, amount: Money) -> int:
    reopen_for(work, row.stay_no, amount.fen)
    postings = (Posting("1002", debit=amount), Posting(arrears_account(row.stay_no), credit=amount))
    summary = "收到疾病应急救助基金"
    return work.ledger.post(
        settlement_entry(work, "relief_receive", summary, row.application_id, row.stay_no, postings)
    )


def _locked(work: UnitOfWork, stay_no: str, application_id: str, *states: ReliefState) -> ReliefRow:
    stays.lock_stay(work.connection, work.institution_id, stay_no)
    row = store.find(work.connection, work.institution_id, application_id)
    if row.state not in states or row.stay_no != stay_no:
        raise Conflict(f"这份申请现在是“{ReliefState(row.state).label}”，这一步已经办过，或者还轮不到。请刷新。")
    return row


def _require_owed(work: UnitOfWork, stay_no: str, amount_fen: int) -> None:
    fault = amount_fault(amount_fen, arrears.standing_of(work.connection, work.institution_id, stay_no).owed_fen)
    if fault:
        raise MalformedInput(fault, code="above_owed", details={"field": "amount"})


def _late(due: DueDay | None, today: date) -> bool:
    return due is not None and today > due.expected_on

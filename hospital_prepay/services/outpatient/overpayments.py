"""What the bank paid once too often: owed by whoever has it, until it came back (7).

It begins where somebody decided that an attempt arrived whose money had gone otherwise, and stays on the list of
payments until somebody notes the slip or the receipt with which it came back.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.persistence import outpatient_claims as claims
from hospital_prepay.persistence import outpatient_overpayments as store
from hospital_prepay.persistence.outpatient_claims import AccountState, ClaimRow, PayoutRow
from hospital_prepay.persistence.outpatient_overpayments import OverpaymentRow, OwedOverpayment
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.advance_slips import compared_slip, require_free_slip
from hospital_prepay.services.outpatient.refund_entries import book_overpayment, book_recovery

__all__ = ["OverpaymentRow", "OwedOverpayment"]


@dataclass(frozen=True, slots=True)
class RecoverOverpayment:
    """Which attempt's money came back, ``way`` is cash or bank, and the number of the receipt or slip."""

    claim_id: str
    attempt_no: int
    way: Route
    reference: str
    idempotency_key: str


def record_overpayment(work: UnitOfWork, account: AccountState, found: ClaimRow, attempt: PayoutRow) -> None:
    """Book that an attempt was paid beside another of the same money, within the act that decided so."""
    entry_no = book_overpayment(work, account, found, attempt)
    store.add_overpayment(
        work.connection,
        {
            "institution_id": work.institution_id,
            "claim_id": found.claim_id,
            "attempt_no": attempt.attempt_no,
            "amount_fen": attempt.amount_fen,
            "entry_no": entry_no,
            "recorded_by": work.act.actor.actor_id,
            "recorded_at": work.now,
            "state": "owed",
        },
    )
    work.audit(entry_no=entry_no, detail={"refund_no": found.refund_no, "overpaid_fen": attempt.amount_fen})


def recover_overpayment(context: Context, actor: Actor, command: RecoverOverpayment) -> int:
    """Note that the money came back, whole, with its proof; returns the entry's number, of the first time for the
    same request again.

    Raises :class:`MalformedInput` for a number that is missing or was used, :class:`Conflict` where nothing is owed,
    :class:`NotFound`.
    """
    actor.require(Permission.OUTPATIENT_PAY)
    if command.way is Route.ORIGINAL:
        raise MalformedInput("请选追回的钱是现金还是到了银行。", details={"field": "way"})
    key = compared_slip("reference", command.reference, "请填收据号或银行回单号。", "收据号或回单号")
    with context.work(actor, "outpatient.recover", "outpatient_claim") as work:
        own = (work.connection, work.institution_id)
        claims.lock_account(*own, claims.account_of_claim(*own, command.claim_id))
        work.about(f"outpatient_claim:{command.claim_id}")
        payload = {**asdict(command), "way": command.way.value}
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return int(known["entry_no"])
        found = claims.read_claim(*own, command.claim_id)
        one = _owed(work, command)
        require_free_slip(work, "reference", command.reference, key)
        by = {"recovered_by": actor.actor_id, "recovered_at": work.now}
        proof = {"way": command.way.value, "reference": command.reference.strip(), "slip_key": key}
        values = {"state": "recovered", **proof, **by}
        end = partial(store.end_overpayment, *own, command.claim_id, one.attempt_no, **values)
        amount = Money(one.amount_fen)
        entry_no = book_recovery(work, found, one.attempt_no, amount, command.way, lambda no: end(back_entry_no=no))
        work.audit(entry_no=entry_no, detail={"refund_no": found.refund_no, "amount_fen": one.amount_fen})
        work.keep_answer(command.idempotency_key, payload, {"entry_no": entry_no})
        return entry_no


def refuse_overpaid(work: UnitOfWork, found: ClaimRow) -> None:
    """Raise :class:`Conflict` for a refund that was paid too often: what comes back of it is that."""
    there = store.overpayments_of(work.connection, work.institution_id, found.claim_id)
    if any(one.state == "owed" for one in there):
        words = "这笔退款多付过一次，还没有追回：退回来的钱请登记为“追回多付的钱”。本次没有改动。"
        raise Conflict(words)


def _owed(work: UnitOfWork, command: RecoverOverpayment) -> OverpaymentRow:
    there = store.overpayments_of(work.connection, work.institution_id, command.claim_id)
    one = next((one for one in there if one.attempt_no == command.attempt_no), None)
    if one is None:
        raise NotFound("没有这一笔多付的钱。请从退款页面打开。")
    if one.state != "owed":
        raise Conflict("这一笔刚被别人登记过追回了。请刷新后再看；本次没有改动。")
    return one

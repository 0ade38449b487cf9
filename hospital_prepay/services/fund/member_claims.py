"""What members owe the hospital, which gave back in their place what they used: ordinary money, no fund's."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.ledger.entry import Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence import fund_distributions as store
from hospital_prepay.persistence import fund_returns as returns
from hospital_prepay.persistence import funds
from hospital_prepay.persistence.fund_distributions import CLAIM_REPAID, DistributionRow, RepaymentRow
from hospital_prepay.persistence.fund_returns import CorrectionState
from hospital_prepay.persistence.models.fund_members import FundClaimPayment
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.grants import fund_entry
from hospital_prepay.services.fund.slips import (
    keep_slip,
    reopen_past_month,
    require_arrived_by,
    require_not_before,
    require_past,
)


@dataclass(frozen=True, slots=True)
class RepayClaim:
    """What a member paid to the hospital for what it used, by the bank's slip; on ``paid_on``, else today."""

    distribution_id: str
    amount: Money
    bank_reference: str
    idempotency_key: str
    paid_on: date | None = None


def claim_of(context: Context, actor: Actor, grant_id: str) -> Money:
    """What members of a grant owe the hospital still. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        return Money(max(0, store.claim_on_members(connection, actor.institution_id, grant_id)))


@dataclass(frozen=True, slots=True)
class Repayment:
    """What a member paid back, and the correction of it that waits or was approved, if any."""

    row: RepaymentRow
    correction: CorrectionState | None


def repayments_of(context: Context, actor: Actor, grant_id: str) -> list[Repayment]:
    """Everything that members of a grant paid back, newest first. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        own = actor.institution_id
        asked = {
            one.entry_no: one for one in returns.corrections_of(connection, own, grant_id) if one.state != "rejected"
        }
        rows = store.repayments_of_grant(connection, own, grant_id)
        return [Repayment(one, asked.get(one.entry_no)) for one in rows]


def repay_claim(context: Context, actor: Actor, command: RepayClaim) -> DistributionRow:
    """Book what a member paid (1002) against the claim (1218). Needs ``fund.return``.

    Raises :class:`MalformedInput` for more than the claim or than the member used, or for a day when it wasn't owed
    yet, :class:`Conflict` for a slip used before.
    """
    actor.require(Permission.FUND_RETURN)
    if not command.bank_reference.strip():
        raise MalformedInput("请填银行回单号。", details={"field": "bank_reference"})
    paid = command.paid_on and command.paid_on.isoformat()
    payload = {**asdict(command), "amount": command.amount.fen, "paid_on": paid}
    with context.work(actor, "fund.repay_claim", f"distribution:{command.distribution_id}") as work:
        own = work.institution_id
        grant_id = store.find(work.connection, own, command.distribution_id).grant_id
        grant = funds.lock_grant(work.connection, own, grant_id)
        found = store.find(work.connection, own, command.distribution_id)
        if work.known_answer(command.idempotency_key, payload) is not None:
            return found
        paid_on = command.paid_on or work.today
        require_past(paid_on, work.today, "paid_on")
        require_arrived_by(work.connection, own, grant, paid_on, "paid_on")
        handed_on = store.handed_on(work.connection, own, found.distribution_id)
        require_not_before(paid_on, handed_on, "分配转账日", "paid_on")
        _require_owed(work, found, command.amount)
        _require_owed_by(work, found, command.amount, paid_on)
        _keep(work, found, command)
        # Nothing of a grant: the claim came out of it when the hospital gave back.
        lines = (Posting("1002", debit=command.amount), Posting("1218", credit=command.amount))
        source, key = f"fund_distribution:{found.distribution_id}", f"{found.distribution_id}:{found.repayments + 1}"
        reopen_past_month(work, paid_on, "成员单位还款")
        entry = fund_entry(
            work, grant, CLAIM_REPAID, "成员单位还款", (), key, source=source, general=lines, on=paid_on
        )
        entry_no = work.ledger.post(entry)
        keep_slip(work, CLAIM_REPAID, entry_no, command.bank_reference, paid_on)
        work.audit(entry_no=entry_no, detail={"amount_fen": command.amount.fen, "bank": command.bank_reference})
        work.keep_answer(command.idempotency_key, payload, {"entry_no": entry_no})
        return store.find(work.connection, own, command.distribution_id)


def owed_by(row: DistributionRow, claim: Money) -> Money:
    """How much of the ``claim`` on all members of a grant this one may pay: what it used and didn't pay back."""
    return Money(max(0, min(claim.fen, row.used_fen - row.repaid_fen)))


def _require_owed(work: UnitOfWork, found: DistributionRow, amount: Money) -> None:
    claim = store.claim_on_members(work.connection, work.institution_id, found.grant_id)
    owed = owed_by(found, Money(max(0, claim)))
    if not 0 < amount.fen <= owed.fen:
        words = f"这家成员单位应还本院 {owed} 元（本院替它归还、它还没有还的），请核对金额。"
        raise MalformedInput(words, details={"field": "amount"})


def _require_owed_by(work: UnitOfWork, found: DistributionRow, amount: Money, day: date) -> None:
    """Nobody pays back what it doesn't owe yet: the claim begins when the hospital gives back in a member's place."""
    owed = store.claim_by(work.connection, work.institution_id, found.grant_id, day)
    if amount.fen > owed:
        words = f"到 {day} 为止成员单位应还本院的只有 {Money(max(0, owed))} 元（本院还没有替它归还更多）。"
        words += "请核对回单上的日期。"
        raise MalformedInput(words, code="day_too_early", details={"field": "paid_on"})


def _keep(work: UnitOfWork, found: DistributionRow, command: RepayClaim) -> None:
    values = {
        "institution_id": work.institution_id,
        "distribution_id": found.distribution_id,
        "payment_no": found.repayments + 1,
        "amount_fen": command.amount.fen,
        "bank_reference": command.bank_reference.strip(),
        "recorded_by": work.act.actor.actor_id,
        "recorded_at": work.now,
    }
    store.add(work.connection, FundClaimPayment, values)

"""The bank says two things of one attempt to pay: nothing more of the refund is paid until a person decided.

The decision is of somebody who may confirm refunds and neither sent the money nor read the answers. Where it is that
the bank paid after all, the attempt arrives and is booked as what it was: the refund, or what was paid too often.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.domain.rules.outpatient.life import ENDED, ClaimState
from hospital_prepay.persistence import outpatient_claims as claims
from hospital_prepay.persistence import outpatient_contradictions as store
from hospital_prepay.persistence import outpatient_treasury as treasury
from hospital_prepay.persistence.outpatient_claims import AccountState, ClaimRow, PayoutRow
from hospital_prepay.persistence.outpatient_contradictions import ContradictionRow
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.alarms import answer_alarms
from hospital_prepay.services.outpatient.bank_answers import contradicts
from hospital_prepay.services.outpatient.grounds import required_ground
from hospital_prepay.services.outpatient.overpayments import record_overpayment
from hospital_prepay.services.outpatient.owners import correctors, is_anothers, refuse_corrector
from hospital_prepay.services.outpatient.refund_entries import arrive, book_payment
from hospital_prepay.services.outpatient.turns import able_to

__all__ = ["ContradictionRow"]


class Verdict(StrEnum):
    """What the bank turned out to mean."""

    PAID = "paid"
    UNPAID = "unpaid"

    @property
    def label(self) -> str:
        """The words on screens."""
        return VERDICT_LABELS[self]


VERDICT_LABELS: Final = {Verdict.PAID: "银行已经付到", Verdict.UNPAID: "银行没有付到"}


@dataclass(frozen=True, slots=True)
class Told:
    """An answer of the bank to an ``attempt`` that had one, with its own words. ``is_new`` tells that its file was
    never read before."""

    attempt: PayoutRow
    arrived: bool
    reference: str
    words: str
    is_new: bool


def hold_contradicted(work: UnitOfWork, found: ClaimRow, told: Told) -> str:
    """``held`` for an answer that says otherwise than before, which is kept; ``known`` for one that only repeats."""
    number = told.attempt.attempt_no
    if not contradicts(told.attempt, arrived=told.arrived):
        return "known"
    there = store.contradictions_of(work.connection, work.institution_id, found.claim_id)
    before = [one for one in there if one.attempt_no == number]
    if any(not one.decision for one in before):
        return "held"
    if before and not told.is_new:
        return "known"
    store.add_contradiction(
        work.connection,
        {
            "institution_id": work.institution_id,
            "claim_id": found.claim_id,
            "contradiction_no": 1 + len(there),
            "attempt_no": number,
            "told": "arrived" if told.arrived else "failed",
            "bank_reference": told.reference,
            "words": told.words,
            "raised_by": work.act.actor.actor_id,
            "raised_at": work.now,
        },
    )
    work.audit(detail={"refund_no": found.refund_no, "attempt": number, "held": True, "arrived": told.arrived})
    return "held"


def refuse_contradicted(work: UnitOfWork, found: ClaimRow) -> None:
    """Raise :class:`Conflict` for a refund of which nobody has decided yet whether the bank paid it."""
    if store.undecided(work.connection, work.institution_id, [found.claim_id]):
        words = f"{found.refund_no}：银行对以前的付款前后说法不一，还没有决定。请先由有确认权限的人决定；本次没有办。"
        raise Conflict(words)


def refuse_doubted(work: UnitOfWork, found: ClaimRow) -> None:
    """Raise :class:`Conflict` while the bank may have paid the account's money by another claim or attempt: then it
    isn't paid again."""
    refuse_contradicted(work, found)
    doubt = store.doubt_of(work.connection, work.institution_id, found.account_no)
    if doubt is None:
        return
    if doubt.is_decided:
        words = "银行付到过，记为多付，还没有追回。请先向收款人追回，在那一笔的页面登记，再付"
    else:
        words = "银行前后说法不一，还没有决定。请先由有确认权限的人在那一笔的页面上决定"
    raise Conflict(f"{found.refund_no}：这个账户的退款 {doubt.refund_no} {words}；本次没有办。")


def decide_contradiction(
    context: Context, actor: Actor, claim_id: str, number: int, verdict: Verdict, ground: str
) -> ClaimRow:
    """Say what the bank meant, with a ground; the refund goes on from there.

    Raises :class:`SecondPersonRequired` for who sent the money or read the answer, :class:`Conflict` where the refund
    must go another step first, :class:`NotFound`.
    """
    actor.require(Permission.OUTPATIENT_APPROVE)
    ground = required_ground(ground, "请写明怎样与银行核对、结果是什么。")
    with context.work(actor, "outpatient.decide_answer", "outpatient_claim") as work:
        own = (work.connection, work.institution_id)
        account = claims.lock_account(*own, claims.account_of_claim(*own, claim_id))
        work.about(f"outpatient_claim:{claim_id}")
        found = claims.read_claim(*own, claim_id)
        one = _open(work, claim_id, number)
        attempt = claims.payouts_of(*own, claim_id)[one.attempt_no - 1]
        actor.require_other_than(one.raised_by, "决定")
        actor.require_other_than(attempt.sent_by, "决定")
        if verdict is Verdict.UNPAID and attempt.state == "arrived":
            raise Conflict("这次付款已记为到账。请先登记“银行把到账的钱退回来了”，再作决定；本次没有改动。")
        if verdict is Verdict.PAID and attempt.state == "returned":
            raise Conflict(
                "这次付款登记过“银行把钱退回来了”，不能又记为付到。请与银行对清：没有付到就选“银行没有付到”；"
                "没有决定以前不会再付。本次没有改动。"
            )
        by = {"decided_by": actor.actor_id, "decided_at": work.now}
        store.decide_contradiction(*own, claim_id, number, decision=verdict.value, ground=ground, **by)
        detail = {"refund_no": found.refund_no, "attempt": one.attempt_no, "verdict": verdict.value, "ground": ground}
        work.audit(detail=detail)
        if verdict is Verdict.PAID and attempt.state == "failed":
            _pay_after_all(work, account, found, attempt, one, ground)
        return claims.read_claim(*own, claim_id)


def _open(work: UnitOfWork, claim_id: str, number: int) -> ContradictionRow:
    there = store.contradictions_of(work.connection, work.institution_id, claim_id)
    one = next((one for one in there if one.contradiction_no == number), None)
    if one is None:
        raise NotFound("没有这一条银行回单的出入。请从退款页面打开。")
    if one.decision:
        raise Conflict("这一条刚被别人决定了。请刷新后再看；本次没有改动。")
    return one


def _pay_after_all(
    work: UnitOfWork, account: AccountState, found: ClaimRow, attempt: PayoutRow, one: ContradictionRow, ground: str
) -> None:
    """The attempt that was said to have failed arrives, and its refund with it, one that has ended too; where the
    money had gone by another attempt or claim already, it is owed by whoever has it."""
    own, actor = (work.connection, work.institution_id, found.claim_id), work.act.actor
    if found.state == "sent":
        raise Conflict("这笔退款又送了一次银行。请等那一次有了结果再决定；本次没有改动。")
    if not _is_there(work, account, found, attempt):
        record_overpayment(work, account, found, attempt)
        return
    step: dict[str, Any] = {"state": "sent", "paid_by": attempt.sent_by, "paid_at": attempt.sent_at}
    if found.confirmed_by is None:
        actor.require_other_than(found.accepted_by, "确认")
        actor.require_other_than(found.reviewed_by or "", "确认")
        refuse_corrector(work, actor, found, _who_decides(work, found, attempt, one))
        confirmed: dict[str, Any] = {"confirmed_by": actor.actor_id, "confirmed_at": work.now}
        if found.state == "reviewed":
            answer_alarms(work, account, found, ground, is_paid=True)
            claims.walk_claim(*own, state="confirmed", **confirmed)
        else:
            step |= confirmed
    if ClaimState(found.state) in ENDED:
        step["remitted"] = account.state == "remitted"
    claims.answer_payout(*own, attempt.attempt_no, state="sent", answered_at=work.now)
    claims.walk_claim(*own, **step)
    found = claims.read_claim(*own)
    entry_no = book_payment(work, account, found, attempt.attempt_no, attempt.route)
    claims.answer_payout(
        *own,
        attempt.attempt_no,
        state="arrived",
        answered_at=work.now,
        bank_reference=one.bank_reference,
        failure="",
        entry_no=entry_no,
    )
    arrive(work, account, found, entry_no)


def _who_decides(work: UnitOfWork, found: ClaimRow, attempt: PayoutRow, one: ContradictionRow) -> str:
    """What is the matter for somebody who had the holder corrected, and who can decide that it was paid."""
    own = (work.connection, work.institution_id)
    took = {one.raised_by, attempt.sent_by, found.accepted_by, found.reviewed_by} | correctors(*own, found)
    able = able_to(*own, Permission.OUTPATIENT_APPROVE)
    others = "、".join(name for key, name in able.items() if key not in took)
    who = f"请由{others}决定" if others else "现在没有别人能决定，请系统管理开一个能确认的账号"
    return f"这笔退款还没有确认过，决定“{Verdict.PAID.label}”就是确认它，不能由您决定。{who}；决定以前不会再付。"


def _is_there(work: UnitOfWork, account: AccountState, found: ClaimRow, attempt: PayoutRow) -> bool:
    """Whether the money that a refund is about hasn't gone by another way, and is that person's still. Raises
    :class:`Conflict` where another step of the account must end first."""
    if found.state == "arrived":
        return False
    if ClaimState(found.state).is_open:
        # Somebody else took the refund over since, or has the account: the bank paid whoever had come before.
        return found.accepted_at <= attempt.sent_at and not is_anothers(work, account, found)
    for other in claims.claims_of_account(work.connection, work.institution_id, account.account_no):
        if ClaimState(other.state).is_open:
            if claims.owed_fen(work.connection, work.institution_id, other.claim_id):
                return False  # it can't be withdrawn: it waits until the other payment came back
            words = f"这个账户还有一笔退款 {other.refund_no} 在办。请先撤回那一笔，再作决定；本次没有改动。"
            raise Conflict(words)
    if account.state == "frozen":
        raise Conflict("这个账户正在办理上缴。请先作废那份名单，或等它入账以后再作决定；本次没有改动。")
    if is_anothers(work, account, found):
        return False
    if account.state == "remitted":
        own = (work.connection, work.institution_id, account.account_no)
        left = treasury.left_with_treasury(*own)
        # What goes beyond it was agreed to where the refund was taken down as one of remitted money, and nothing of
        # that was paid ahead since: else it is owed.
        agreed = found.remitted and left == treasury.remitted_fen(*own)
        return left > 0 and (agreed or found.amount_fen <= left)
    return account.state != "reclaimed" and account.balance_fen >= found.amount_fen

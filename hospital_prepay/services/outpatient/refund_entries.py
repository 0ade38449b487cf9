"""How a refund stands in the books: paid out of the account or ahead for the treasury, and what comes back.

What comes back after the treasury gave the money, or was asked for it, leaves the advance as it is, for it is applied
for once: the hospital owes it to the patient (2307) until the same claim is paid out of that. So it does with what
comes back to an account whose rest went to the treasury since.
"""

from __future__ import annotations

from collections.abc import Callable

from hospital_prepay.domain.errors import Conflict
from hospital_prepay.domain.ledger.chart import (
    OWN_COST,
    advance_account,
    outpatient_account,
    overpaid_account,
    owed_refund_account,
)
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting, reversing
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.domain.rules.outpatient.kinds import MoneyKind, is_outpatient_deposit
from hospital_prepay.persistence import outpatient_advances as advances
from hospital_prepay.persistence import outpatient_claims as store
from hospital_prepay.persistence import outpatient_treasury as treasury
from hospital_prepay.persistence.outpatient_claims import AccountState, ClaimRow, PayoutRow
from hospital_prepay.persistence.unit_of_work import UnitOfWork


def book_payment(work: UnitOfWork, account: AccountState, found: ClaimRow, attempt: int, route: str) -> int:
    """Book that a claim was paid by ``route``; returns the entry's number."""
    return work.ledger.post(_payment(work, account, found, attempt, route))


def book_bounce(work: UnitOfWork, account: AccountState, found: ClaimRow, paid: PayoutRow) -> int:
    """Book that the payment ``paid`` came back; returns the entry's number. Whoever asks holds the lists of advances:
    one may be on its way to the treasury."""
    assert paid.entry_no is not None, "what arrived is booked"
    own = (work.connection, work.institution_id, found.claim_id)
    is_gone = advances.is_applied_for(*own) if found.remitted else account.state in ("remitted", "reclaimed")
    if is_gone or store.owed_fen(*own) is not None:
        store.open_owed(*own, work.now)
        amount = Money(found.amount_fen)
        lines = (
            Posting(_tender_account(paid.route, account), debit=amount),
            Posting(owed_refund_account(found.claim_id), credit=amount),
        )
        summary = "退款被银行退回，是欠患者的钱，待再付"
        return work.ledger.post(_entry(work, found, "outpatient_owed", summary, paid.attempt_no, lines))
    kind = "outpatient_advance_returned" if found.remitted else "outpatient_refund_returned"
    red = reversing(
        _payment(work, account, found, paid.attempt_no, paid.route),
        paid.entry_no,
        idempotency_key=f"{kind}:{found.claim_id}:{paid.attempt_no}",
        kind=kind,
        summary="退款被银行退回，红字冲销",
        at=work.now,
        day=work.today,
        by=work.act.actor.actor_id,
    )
    return work.ledger.post(red)


def book_overpayment(work: UnitOfWork, account: AccountState, found: ClaimRow, attempt: PayoutRow) -> int:
    """Book that the bank paid once too often: 借 1218 贷 bank; returns the entry's number."""
    own = (work.connection, work.institution_id, found.claim_id)
    store.open_overpaid(*own, attempt.attempt_no, work.now)
    amount = Money(attempt.amount_fen)
    lines = (
        Posting(overpaid_account(found.claim_id, attempt.attempt_no), debit=amount),
        Posting(_tender_account(attempt.route, account), credit=amount),
    )
    summary = "银行多付的门诊退款，待追回"
    return work.ledger.post(_entry(work, found, "outpatient_overpaid", summary, attempt.attempt_no, lines))


def book_recovery(
    work: UnitOfWork, found: ClaimRow, attempt_no: int, amount: Money, route: Route, note: Callable[[int], None]
) -> int:
    """Book that what was paid too often came back, in cash or at the bank; ``note`` writes that down under the
    entry's number, which is returned."""
    lines = (
        Posting("1001" if route is Route.CASH else "1002", debit=amount),
        Posting(overpaid_account(found.claim_id, attempt_no), credit=amount),
    )
    entry = _entry(work, found, "outpatient_overpaid_back", "追回多付的门诊退款", attempt_no, lines)
    return work.ledger.post(entry, note)


def arrive(
    work: UnitOfWork, account: AccountState, found: ClaimRow, entry_no: int, paid_by: str | None = None
) -> ClaimRow:
    """Let a claim that was booked as paid arrive, and its account with it."""
    own = {"paid_by": paid_by, "paid_at": work.now} if paid_by else {}
    store.walk_claim(work.connection, work.institution_id, found.claim_id, state="arrived", **own)
    if found.remitted:
        # What the treasury still has of it, beside what was paid here, stays for another claim.
        if not treasury.left_with_treasury(work.connection, work.institution_id, account.account_no):
            store.walk_account(work.connection, work.institution_id, account.account_no, state="reclaimed")
    elif account.balance_fen == found.amount_fen:
        # What a correction put there after the claim was taken stays for another: the account isn't paid out.
        store.walk_account(work.connection, work.institution_id, account.account_no, state="refunded")
    work.audit(entry_no=entry_no, detail={"refund_no": found.refund_no, "amount_fen": found.amount_fen})
    return store.read_claim(work.connection, work.institution_id, found.claim_id)


def _payment(work: UnitOfWork, account: AccountState, found: ClaimRow, attempt: int, route: str) -> JournalEntry:
    """借 23050102 贷 cash, bank or money in transit; of money that the treasury has 借 1218, and 5901 for what goes
    beyond it; of what came back 借 2307."""
    if found.remitted and account.state == "frozen":
        raise Conflict("这个账户正在办理上缴入账，入账后马上可以付款；本次没有付。")
    amount = Money(found.amount_fen)
    paid = Posting(_tender_account(route, account), credit=amount)
    if store.owed_fen(work.connection, work.institution_id, found.claim_id):
        lines: tuple[Posting, ...] = (Posting(owed_refund_account(found.claim_id), debit=amount), paid)
        return _entry(work, found, "outpatient_repaid", "银行退回的退款再付患者", attempt, lines)
    if not found.remitted:
        deposit = is_outpatient_deposit(MoneyKind(account.kind))
        lines = (Posting(outpatient_account(account.account_no, is_deposit=deposit), debit=amount), paid)
        return _entry(work, found, "outpatient_refund", "退还门诊预交金", attempt, lines)
    own = (work.connection, work.institution_id, account.account_no, found.claim_id)
    # What comes back is what was booked, whatever of the account came back or was paid since.
    booked = treasury.advanced_fen(work.connection, work.institution_id, found.claim_id)
    remitted = Money(booked or min(found.amount_fen, treasury.left_with_treasury(*own)))
    ahead = [Posting(advance_account(found.claim_id), debit=remitted), paid]
    if beyond := amount - remitted:
        ahead.append(Posting(OWN_COST, debit=beyond))
    store.open_advance(work.connection, work.institution_id, found.claim_id, work.now)
    return _entry(work, found, "outpatient_advance", "上缴后退还患者，医院垫付", attempt, tuple(ahead))


def _entry(
    work: UnitOfWork, found: ClaimRow, kind: str, summary: str, attempt: int, lines: tuple[Posting, ...]
) -> JournalEntry:
    return JournalEntry(
        institution_id=work.institution_id,
        idempotency_key=f"{kind}:{found.claim_id}:{attempt}",
        kind=kind,
        summary=summary,
        source=f"outpatient_claim:{found.claim_id}",
        occurred_at=work.now,
        posted_at=work.now,
        effective_on=work.today,
        posted_by=work.act.actor.actor_id,
        postings=lines,
    )


def _tender_account(route: str, account: AccountState) -> str:
    if route == Route.CASH:
        return "1001"
    return "1021" if route == Route.ORIGINAL and account.channel in ("wechat", "alipay") else "1002"

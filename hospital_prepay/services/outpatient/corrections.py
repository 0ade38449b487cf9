"""The balance of an account that was counted wrong: asked by one person, decided by another, booked once.

Only while nobody claims the account and it stands on no list for the authorities; the database holds the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.ledger.chart import outpatient_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.kinds import MoneyKind, is_outpatient_deposit
from hospital_prepay.persistence import outpatient_claims as accounts
from hospital_prepay.persistence import outpatient_corrections as store
from hospital_prepay.persistence.outpatient_claims import AccountState
from hospital_prepay.persistence.outpatient_corrections import CorrectionRow
from hospital_prepay.persistence.rows import refusing
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.grounds import required_ground
from hospital_prepay.services.outpatient.owners import NO_ANSWER

_BANK: Final = "1002"
# What is asked for twice: from a thousand yuan on, and more than ten times what stands there.
_LARGE_FEN: Final = 100_000
_LARGE_TIMES: Final = 10
_CLOSED: Final = (
    "这个账户现在不能更正：有退款在办、已登记退不了或已列入备案上缴，或者还没有入账。"
    "请先办完退款，或取消登记；本次没有改动。"
)


@dataclass(frozen=True, slots=True)
class AskCorrection:
    """What an account should have had altogether, what was given back of it included, and what shows it: a slip says
    how much was paid in, and knows nothing of refunds."""

    account_no: str
    right_total: Money
    ground: str
    idempotency_key: str
    # The sum a second time, where it is many times what stands there: asked for then, and compared.
    again: Money | None = None


def is_large(before_fen: int, after_fen: int) -> bool:
    """Whether a correction makes many times of what an account had: legacy deposits are small, and a nought too many
    is soon typed."""
    return after_fen >= _LARGE_FEN and after_fen > _LARGE_TIMES * before_fen


def ask_correction(context: Context, actor: Actor, command: AskCorrection) -> str:
    """Ask that an account have had ``right_total``; nothing is booked yet. Returns the correction's id.

    Raises :class:`MalformedInput` without a ground or a change, for less than was given back, or for a sum out of all
    proportion that wasn't given twice, and
    :class:`Conflict` for an account that is claimed, marked, filed or gone, or that has a correction under way.
    """
    actor.require(Permission.OUTPATIENT_IMPORT)
    required_ground(command.ground, "请写明怎么数错的，凭什么改。")
    payload = {
        "account_no": command.account_no,
        "right_fen": command.right_total.fen,
        "ground": command.ground.strip(),
    }
    with context.work(actor, "outpatient.ask_correction", "outpatient_account") as work:
        account = accounts.lock_account(work.connection, work.institution_id, command.account_no)
        work.about(f"outpatient_account:{account.account_no}")
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return str(known["correction_id"])
        paid = store.paid_fen(work.connection, work.institution_id, account.account_no)
        change = command.right_total.fen - paid - account.balance_fen
        if not change:
            words = (
                f"和账上的一样（已退 {Money(paid)} 元也算在内），不用更正。"
                if paid
                else "和账上的余额一样，不用更正。"
            )
            raise MalformedInput(words, details={"field": "right_total"})
        if command.right_total.fen < paid:
            words = f"已经退给患者 {Money(paid)} 元，应有的不能比它少。多退出去的不走更正，请另行追回。"
            raise MalformedInput(words, details={"field": "right_total"})
        had = paid + account.balance_fen
        if is_large(had, command.right_total.fen) and command.again != command.right_total:
            words = (
                f"账上一共 {Money(had)} 元，您写的是 {command.right_total} 元，相差很大。请对着凭条核对；"
                "没有写错的，把金额再写一次。"
            )
            raise MalformedInput(words, details={"field": "again"})
        open_ones = store.corrections_of(work.connection, work.institution_id, command.account_no)
        if any(one.state == "asked" for one in open_ones):
            raise Conflict("这个账户已经有一项更正等人决定。请先办那一项；本次没有改动。")
        correction_id = work.new_id()
        values = {
            "institution_id": work.institution_id,
            "correction_id": correction_id,
            "account_no": command.account_no,
            "change_fen": change,
            "ground": command.ground.strip(),
            "state": "asked",
            "asked_by": actor.actor_id,
            "asked_at": work.now,
        }
        with refusing(_CLOSED):
            store.add_correction(work.connection, values)
        work.audit(detail={"correction": correction_id, "change_fen": change, "ground": command.ground.strip()})
        work.keep_answer(command.idempotency_key, payload, {"correction_id": correction_id})
        return correction_id


def approve_correction(context: Context, actor: Actor, correction_id: str) -> int:
    """Another person agrees, and the change is booked against the bank (借 1002 贷 23050102, or the other way).

    Returns the entry's number. Raises :class:`SecondPersonRequired`, :class:`NotFound`, :class:`Conflict` when it was
    decided, or when the account can't be corrected any more.
    """
    actor.require(Permission.OUTPATIENT_CONFIRM)
    with context.work(actor, "outpatient.approve_correction", f"outpatient_correction:{correction_id}") as work:
        account, found = _locked(work, correction_id)
        actor.require_other_than(found.asked_by, "批准更正")
        if account.balance_fen + found.change_fen < 0:
            raise Conflict("余额在申请之后变了，更正后会小于零。请退回这一项，按现在的余额重新申请。")
        _decide(work, correction_id, "approved")
        entry_no = work.ledger.post(_entry(work, account, found))
        if account.state == "refunded" and found.change_fen > 0:
            # There is money to give back again.
            accounts.walk_account(work.connection, work.institution_id, account.account_no, state="open")
        work.audit(entry_no=entry_no, detail={"account": account.account_no, "change_fen": found.change_fen})
        return entry_no


def reject_correction(context: Context, actor: Actor, correction_id: str, ground: str) -> None:
    """Another person turns a correction down and says why; the account stays as it is. Raises as
    :func:`approve_correction`, and :class:`MalformedInput` without a ground."""
    actor.require(Permission.OUTPATIENT_CONFIRM)
    answer = required_ground(ground, NO_ANSWER, "answer")
    with context.work(actor, "outpatient.reject_correction", f"outpatient_correction:{correction_id}") as work:
        account, found = _locked(work, correction_id)
        actor.require_other_than(found.asked_by, "退回更正")
        _decide(work, correction_id, "rejected", answer=answer)
        detail = {"account": account.account_no, "change_fen": found.change_fen, "ground": answer}
        work.audit(detail=detail)


def _locked(work: UnitOfWork, correction_id: str) -> tuple[AccountState, CorrectionRow]:
    seen = store.find_correction(work.connection, work.institution_id, correction_id)
    if seen is None:
        raise NotFound("没有这项更正。请从更正列表里打开。")
    account = accounts.lock_account(work.connection, work.institution_id, seen.account_no)
    found = store.find_correction(work.connection, work.institution_id, correction_id)
    if found is None or found.state != "asked":
        raise Conflict("这项更正已经决定过。请刷新后再看；本次没有改动。")
    return account, found


def _decide(work: UnitOfWork, correction_id: str, state: str, *, answer: str = "") -> None:
    by = {"decided_by": work.act.actor.actor_id, "decided_at": work.now}
    with refusing(_CLOSED):
        store.walk_correction(work.connection, work.institution_id, correction_id, state=state, answer=answer, **by)


def _entry(work: UnitOfWork, account: AccountState, found: CorrectionRow) -> JournalEntry:
    deposit = is_outpatient_deposit(MoneyKind(account.kind))
    number, amount = outpatient_account(account.account_no, is_deposit=deposit), Money(abs(found.change_fen))
    lines = (
        (Posting(_BANK, debit=amount), Posting(number, credit=amount))
        if found.change_fen > 0
        else (Posting(number, debit=amount), Posting(_BANK, credit=amount))
    )
    return JournalEntry(
        institution_id=work.institution_id,
        idempotency_key=f"outpatient_correction:{found.correction_id}",
        kind="outpatient_correction",
        summary="门诊余额清查更正",
        source=f"outpatient_correction:{found.correction_id}",
        occurred_at=work.now,
        posted_at=work.now,
        effective_on=work.today,
        posted_by=work.act.actor.actor_id,
        postings=lines,
    )

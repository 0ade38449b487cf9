"""Paying confirmed claims: cash at the counter, files for the bank, the bank's answers, refunds that come back.

A file for the bank moves nothing in the books: the money leaves them when the bank says that it arrived, under the
claim's one refund number. What was sent waits in ``sent``, so that a second file can't name it again, and an answer
read twice, or half of it, changes nothing that was answered before.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, DatabaseFault, MalformedInput, NotFound, PrepayError
from hospital_prepay.domain.masking import mask_within
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.plain_text import spelled_out
from hospital_prepay.domain.references import payment_reference, slip_number
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Route, payee
from hospital_prepay.domain.rules.outpatient.life import OPEN_CLAIMS
from hospital_prepay.domain.rules.outpatient.reach import Channel
from hospital_prepay.files.tables import Column, open_table
from hospital_prepay.persistence import outpatient_bank_files as files
from hospital_prepay.persistence import outpatient_claims as store
from hospital_prepay.persistence import outpatient_overpayments as overpayments
from hospital_prepay.persistence import outpatient_treasury as treasury
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.outpatient_bank_files import BankFileHead, ReturnFileRow
from hospital_prepay.persistence.outpatient_claims import AccountState, ClaimRow, FailedAttempt, PayoutRow
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.advance_slips import (
    compared_slip,
    leave_open_list,
    receipt_key,
    require_free_slip,
    require_new_receipt,
)
from hospital_prepay.services.outpatient.alarms import refuse_staff_card
from hospital_prepay.services.outpatient.bank_answers import HELD, answered_attempt
from hospital_prepay.services.outpatient.claim_steps import locked_claim
from hospital_prepay.services.outpatient.claims import PERSONAL
from hospital_prepay.services.outpatient.contradictions import Told, hold_contradicted, refuse_doubted
from hospital_prepay.services.outpatient.grounds import required_ground
from hospital_prepay.services.outpatient.overpayments import OwedOverpayment, refuse_overpaid
from hospital_prepay.services.outpatient.owners import refuse_anothers
from hospital_prepay.services.outpatient.refund_entries import arrive, book_bounce, book_payment

__all__ = ["FailedAttempt", "OwedOverpayment"]

CONTENT: Final = "outpatient_bank_file.content"
MOST_PAYMENTS: Final = 5_000
# How the numbers begin that printed forms carry.
_FORM: Final = "TF"
_SHORTEST: Final = 2
_HEADINGS: Final = ("退款单号", "金额", "收款人", "开户银行", "银行卡号", "原缴纳途径", "原账户号", "用途", "文件号")
ANSWERS: Final = {
    "refund_no": Column("退款单号", ("refund_no", "退款单号", "商户退款单号")),
    "amount": Column("金额", ("amount", "金额", "退款金额")),
    "result": Column("结果", ("result", "结果", "状态", "退款状态")),
    "reference": Column("银行流水号", ("reference", "银行流水号", "流水号", "交易流水号"), required=False),
    "reason": Column("失败原因", ("reason", "失败原因", "原因", "退回原因", "备注"), required=False),
    "file_no": Column("文件号", ("file_no", "文件号", "送款文件号", "批次号"), required=False),
}
_ARRIVED: Final = frozenset({"成功", "退款成功", "已成功", "已到账", "到账", "已入账", "success", "arrived"})
_FAILED: Final = frozenset(
    {"失败", "退款失败", "没退成", "未成功", "不成功", "未到账", "退回", "已退回", "退汇", "已退汇", "fail", "failed"}
)


@dataclass(frozen=True, slots=True)
class BankFile:
    """A file for the bank: its text and what stands in it."""

    file_no: int
    text: str
    sha256: str
    payments: int
    total: Money


@dataclass(frozen=True, slots=True)
class ToldLine:
    """One line of a file of answers: ``outcome`` is arrived, failed, known or open, ``words`` say why where there is
    anything to say."""

    line: int
    refund_no: str
    amount: str
    outcome: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a file of answers did. ``known`` were answered before; ``open_`` lines couldn't be used, each with why."""

    arrived: int
    failed: int
    known: int
    open_: tuple[tuple[int, str], ...]
    told: tuple[ToldLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Payments:
    """Files for the bank with how many of each wait for an answer, files of the bank, what was paid too often and
    hasn't come back, the last attempt of refunds that failed, and the names of people."""

    files: list[BankFileHead]
    waiting: dict[int, int]
    answers: list[ReturnFileRow]
    overpaid: list[OwedOverpayment]
    failed: dict[str, FailedAttempt]
    names: dict[str, str]


def pay_cash(context: Context, actor: Actor, claim_id: str, receipt: str, *, idempotency_key: str = "") -> ClaimRow:
    """Pay a confirmed claim over the counter; ``receipt`` is the number of the signed receipt form.

    The same request with the same ``idempotency_key`` again finds the claim paid, and pays nothing.
    Raises :class:`SecondPersonRequired` for who reviewed or confirmed it, :class:`Conflict` for another step.
    """
    actor.require(Permission.OUTPATIENT_PAY)
    key = receipt_key(receipt)
    with context.work(actor, "outpatient.pay_cash", "outpatient_claim") as work:
        payload = {"claim": claim_id, "receipt": receipt.strip()}
        account_no = store.account_of_claim(work.connection, work.institution_id, claim_id)
        work.about(f"outpatient_claim:{claim_id}")
        store.lock_account(work.connection, work.institution_id, account_no)
        if idempotency_key and work.known_answer(idempotency_key, payload) is not None:
            return store.read_claim(work.connection, work.institution_id, claim_id)
        account, found = locked_claim(work, claim_id, "arrived")
        if found.route != Route.CASH:
            raise Conflict("这笔退款走银行，不付现金。要改付现金，请先改退款方式。")
        _require_payer(actor, found)
        refuse_doubted(work, found)
        refuse_anothers(work, account, found)
        _require_own_form(key, found)
        require_new_receipt(work, key)
        attempt = 1 + len(store.payouts_of(work.connection, work.institution_id, claim_id))
        entry_no = book_payment(work, account, found, attempt, found.route)
        store.add_payout(
            work.connection,
            {
                **_payout(work, found, attempt, None),
                "state": "arrived",
                "answered_at": work.now,
                "bank_reference": receipt.strip(),
                "receipt_key": key,
                "entry_no": entry_no,
            },
        )
        if idempotency_key:
            work.keep_answer(idempotency_key, payload, {"entry_no": entry_no})
        return arrive(work, account, found, entry_no, paid_by=actor.actor_id)


def make_bank_file(
    context: Context, actor: Actor, route: Route, claim_ids: Sequence[str], *, idempotency_key: str = ""
) -> BankFile:
    """Put confirmed claims, or those that failed, into one file for the bank; each is then on its way, once.

    The same request with the same ``idempotency_key`` again gets the file that was made. Raises
    :class:`MalformedInput` for none or too many, :class:`Conflict` when one of them can't be sent: then none is.
    """
    actor.require(Permission.OUTPATIENT_PAY)
    if route is Route.CASH or not 0 < len(set(claim_ids)) <= MOST_PAYMENTS:
        raise MalformedInput(f"请选 1 到 {MOST_PAYMENTS} 笔要送银行的退款。", details={"field": "claims"})
    with context.work(actor, "outpatient.bank_file", f"outpatient_route:{route.value}") as work:
        lock_name(work.connection, f"outpatient_bank_file:{work.institution_id}")
        # A filing takes its accounts in the table's order, this one claim by claim: not beside each other.
        lock_name(work.connection, f"outpatient_filing:{work.institution_id}")
        payload = {"route": route.value, "claims": sorted(set(claim_ids))}
        known = work.known_answer(idempotency_key, payload) if idempotency_key else None
        if known is not None:
            return _read_file(context, work, int(known["file_no"]))
        pairs = [locked_claim(work, claim_id, "sent") for claim_id in payload["claims"]]
        work.about(f"outpatient_route:{route.value}")  # of many claims it is about none
        for account, found in pairs:
            if found.route != route:
                raise Conflict(f"{found.refund_no} 的退款方式不是{route.label}，本次一笔也没有送。")
            _require_payer(actor, found)
            refuse_doubted(work, found)
            refuse_anothers(work, account, found)
            refuse_staff_card(work, found)
            _require_another_sender(work, actor, found)
        file_no = 1 + files.last_file_no(work.connection, work.institution_id)
        text = _file_text(context, work, pairs, file_no)
        total = sum(found.amount_fen for _, found in pairs)
        digest = hashlib.sha256(text.encode()).hexdigest()
        files.add_bank_file(
            work.connection,
            {
                "institution_id": work.institution_id,
                "file_no": file_no,
                "route": route.value,
                "payments": len(pairs),
                "total_fen": total,
                "sha256": digest,
                "content": context.cipher.encrypt(text, institution=work.institution_id, field=CONTENT),
                "made_by": actor.actor_id,
                "made_at": work.now,
            },
        )
        for _, found in pairs:
            attempt = 1 + len(store.payouts_of(work.connection, work.institution_id, found.claim_id))
            store.add_payout(work.connection, {**_payout(work, found, attempt, file_no), "state": "sent"})
            step = {"state": "sent", "paid_by": actor.actor_id, "paid_at": work.now}
            store.walk_claim(work.connection, work.institution_id, found.claim_id, **step)
        work.audit(detail={"file": file_no, "payments": len(pairs), "total_fen": total, "sha256": digest})
        if idempotency_key:
            work.keep_answer(idempotency_key, payload, {"file_no": file_no})
        return BankFile(file_no, text, digest, len(pairs), Money(total))


def fetch_bank_file(context: Context, actor: Actor, file_no: int) -> BankFile:
    """The file again, byte for byte: a download that was lost sends nothing twice. Raises :class:`NotFound`, and
    :class:`Conflict` once the bank answered all of it: nobody has business with its cards any more."""
    actor.require(Permission.OUTPATIENT_PAY)
    with context.work(actor, "outpatient.fetch_file", f"outpatient_bank_file:{file_no}") as work:
        found = _read_file(context, work, file_no)
        if not files.open_payouts(work.connection, work.institution_id).get(file_no):
            words = "这个文件的退款都有银行回单了，不再给出：里面是完整的卡号。要核对的，请打开退款单看。"
            raise Conflict(words)
        work.audit(detail={"file": file_no, "sha256": found.sha256})
        return found


def list_payments(context: Context, actor: Actor) -> Payments:
    """What may be sent to the bank, what waits for its answer, and the files of either way. Needs
    ``outpatient.view``."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        own = actor.institution_id
        return Payments(
            files.bank_file_heads(connection, own),
            files.open_payouts(connection, own),
            files.return_files(connection, own),
            overpayments.owed_overpayments(connection, own),
            {
                claim_id: replace(one, failure=mask_within(one.failure))
                for claim_id, one in store.failed_attempts(connection, own).items()
            },
            people.names(connection, own),
        )


def take_answers(
    context: Context, actor: Actor, path: Path, file_name: str, *, sent_file: int | None = None
) -> Answered:
    """Read what the bank answered, line by line, each in a transaction of its own: a file read twice finds everything
    answered, what half a file doesn't name stays on its way, and a file that was read before says nothing of what
    was sent after it. ``sent_file`` is which of our files the bank answers, for lines that don't say so.

    Raises what reading a table raises; lines that can't be used are told and change nothing.
    """
    actor.require(Permission.OUTPATIENT_PAY)
    arrived = failed = known = 0
    open_: list[tuple[int, str]] = []
    told: list[ToldLine] = []
    with open_table(path) as table:
        columns = table.columns(ANSWERS)
        read_at = _read_at(context, actor, table.sha256)
        for line, cells in table.rows:
            values = {key: cells[at].strip() if at < len(cells) else "" for key, at in columns.items()}
            if sent_file is not None:
                values["file_no"] = values.get("file_no") or str(sent_file)
            try:
                outcome = _take_answer(context, actor, values, read_at)
            except DatabaseFault:
                raise
            except PrepayError as error:  # the books', too: what is wrong of one refund stops no other
                open_.append((line, error.message))
                told.append(ToldLine(line, values["refund_no"], values["amount"], "open", error.message))
                continue
            if outcome == "held":
                open_.append((line, HELD))
                told.append(ToldLine(line, values["refund_no"], values["amount"], "open", HELD))
                continue
            arrived += outcome == "arrived"
            failed += outcome == "failed"
            known += outcome == "known"
            words = values.get("reason", "") if outcome == "failed" else ""
            told.append(ToldLine(line, values["refund_no"], values["amount"], outcome, words))
        with context.work(actor, files.ANSWERS, files.return_subject(table.sha256)) as work:
            lock_name(work.connection, f"outpatient_return_file:{work.institution_id}")
            files.keep_return_file(
                work.connection,
                {
                    "institution_id": work.institution_id,
                    "sha256": table.sha256,
                    "file_name": mask_within(file_name.replace("\\", "/").rpartition("/")[2][:200]),
                    "arrived": arrived,
                    "failed": failed,
                    "unknown": len(open_),
                    "imported_by": actor.actor_id,
                    "imported_at": work.now,
                    "told": [_kept_line(one) for one in told],
                },
            )
            counts = {"arrived": arrived, "failed": failed, "known": known, "unknown": len(open_)}
            work.audit(detail={**counts, "held": sum(words == HELD for _, words in open_)})
    return Answered(arrived, failed, known, tuple(open_), tuple(told))


def read_answers(context: Context, actor: Actor, sha256: str) -> tuple[str, Answered]:
    """The name of a file of the bank that was read, and what came of its lines then; no lines of one that was read
    before they were kept. Needs ``outpatient.view``. Raises :class:`NotFound`."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        found = files.return_file_told(connection, actor.institution_id, sha256)
    if found is None:
        raise NotFound("没有这份回单。请从银行退款页打开。")
    name, kept = found
    told = tuple(ToldLine(*one) for one in kept)
    counts = Counter(one.outcome for one in told)
    open_ = tuple((one.line, one.words) for one in told if one.outcome == "open")
    return name, Answered(counts["arrived"], counts["failed"], counts["known"], open_, told)


def _kept_line(one: ToldLine) -> list[object]:
    """As it is kept: somebody's file may hold anything in any column."""
    return [
        one.line,
        mask_within(one.refund_no[:40]),
        mask_within(one.amount[:40]),
        one.outcome,
        mask_within(one.words[:300]),
    ]


def _read_at(context: Context, actor: Actor, sha256: str) -> datetime | None:
    with context.database.reading() as connection:
        return files.return_file_read_at(connection, actor.institution_id, sha256)


def bounce_refund(context: Context, actor: Actor, claim_id: str, reason: str, slip: str) -> ClaimRow:
    """A refund that had arrived came back with the bank's ``slip``, and waits to be sent again under its number: by a
    red-letter entry, or, where the treasury gave the money back already or was asked for it, as owed to the patient
    (2307).

    Raises :class:`Conflict` for a claim that hasn't arrived, was paid in cash, or of which more is owed back;
    :class:`MalformedInput` for a slip that is missing or was used.
    """
    actor.require(Permission.OUTPATIENT_PAY)
    reason = required_ground(reason, "请写明银行退回的原因。", "reason")
    key = compared_slip("slip", slip, "请填银行退回这笔钱的回单号。", "银行回单号")
    with context.work(actor, "outpatient.bounce", "outpatient_claim") as work:
        own = (work.connection, work.institution_id)
        # In the order in which a reimbursement takes them: the lists of advances, then slips.
        lock_name(work.connection, f"outpatient_advance_list:{work.institution_id}")
        store.hold_batches(*own, store.account_of_claim(*own, claim_id))
        account, found = locked_claim(work, claim_id, "failed")
        payouts = store.payouts_of(work.connection, work.institution_id, claim_id)
        paid = next((one for one in reversed(payouts) if one.state == "arrived"), None)
        if found.state != "arrived" or paid is None or paid.route == Route.CASH:
            raise Conflict("这笔退款没有经银行到账，不会被退回。请刷新后再看；本次没有改动。")
        _require_no_other(work, account)
        refuse_overpaid(work, found)
        _require_other_slip(key, payouts)
        require_free_slip(work, "slip", slip, key)
        _require_no_batch(work, account)
        entry_no = book_bounce(work, account, found, paid)
        proof = {"return_reference": slip.strip(), "return_key": key}
        step = {"state": "returned", "failure": reason[:200], **proof}
        store.answer_payout(work.connection, work.institution_id, claim_id, paid.attempt_no, **step)
        store.walk_claim(work.connection, work.institution_id, claim_id, state="failed")
        leave_open_list(work, claim_id)
        for back in _back(account, found):
            store.walk_account(work.connection, work.institution_id, account.account_no, state=back)
        detail = {"refund_no": found.refund_no, "attempt": paid.attempt_no, "reason": mask_within(reason)}
        work.audit(entry_no=entry_no, detail=detail)
        return store.read_claim(work.connection, work.institution_id, claim_id)


def _require_other_slip(key: str, payouts: Sequence[PayoutRow]) -> None:
    """Raise :class:`MalformedInput` for the number under which the bank paid: what shows that money went doesn't show
    that it came back."""
    if any(key == slip_number(one.bank_reference) for one in payouts):
        words = "这是银行付出这笔钱的流水号，不是退回的。请填银行退回这笔钱的那一张回单的号码。"
        raise MalformedInput(words, details={"field": "slip"})


def _require_no_other(work: UnitOfWork, account: AccountState) -> None:
    """Raise :class:`Conflict` while another refund of the account is under way, but for those that came back and are
    owed: they can't be taken back, and are paid for themselves."""
    for other in store.claims_of_account(work.connection, work.institution_id, account.account_no):
        if other.state in OPEN_CLAIMS and not store.owed_fen(work.connection, work.institution_id, other.claim_id):
            raise Conflict(
                f"这个账户还有一笔退款 {other.refund_no} 在办。请先办完或撤回那一笔，再登记银行退回；本次没有改动。"
            )


def _back(account: AccountState, found: ClaimRow) -> tuple[str, ...]:
    """Where the account goes whose refund came back, step by step; nowhere where what else it had is with the
    treasury, and what came back is owed on the refund. What came back stands on no filing: it is filed anew (8)."""
    if found.remitted:
        return ("remitted",)
    if account.state in ("remitted", "reclaimed"):
        return ()
    return ("filed", "open") if account.state == "frozen" else ("open",)


def _require_no_batch(work: UnitOfWork, account: AccountState) -> None:
    """Raise :class:`Conflict` while a list that was approved is being booked: it takes what it says, and no more."""
    if account.state == "frozen" and treasury.remitted_fen(work.connection, work.institution_id, account.account_no):
        raise Conflict("这个账户正在办理上缴入账，入账后马上可以登记退回；本次没有改动。")


def _read_file(context: Context, work: UnitOfWork, file_no: int) -> BankFile:
    found = next(iter(files.bank_files(work.connection, work.institution_id, file_no)), None)
    if found is None:
        raise NotFound("没有这个银行文件。请从列表里打开。")
    text = context.cipher.decrypt(found.content, institution=work.institution_id, field=CONTENT)
    return BankFile(file_no, text, found.sha256, found.payments, Money(found.total_fen))


def _take_answer(context: Context, actor: Actor, values: dict[str, str], read_at: datetime | None) -> str:
    result = values["result"].casefold()
    if result not in _ARRIVED and result not in _FAILED:
        raise MalformedInput(f"结果“{values['result'][:20]}”看不懂。请写“成功”或“失败”。")
    amount = Money.of_cell(values["amount"])
    with context.work(actor, "outpatient.answer", "outpatient_refund") as work:
        named = store.claim_of_refund_no(work.connection, work.institution_id, values["refund_no"])
        if named is None:
            shown = mask_within(values["refund_no"][:40])
            raise MalformedInput(f"没有退款单号 {shown}。请核对是不是本院的文件。")
        work.about(f"outpatient_refund:{named.refund_no}")
        account = store.lock_account(work.connection, work.institution_id, named.account_no)
        found = store.read_claim(work.connection, work.institution_id, named.claim_id)
        if amount.fen != found.amount_fen:
            words = (
                f"{found.refund_no} 应是 {Money(found.amount_fen)} 元，文件里是 {amount} 元，没有入账。请与银行核对。"
            )
            raise Conflict(words)
        payouts = store.payouts_of(work.connection, work.institution_id, found.claim_id)
        attempt = answered_attempt(found, payouts, values.get("file_no", ""), read_at)
        reference = payment_reference(values.get("reference", ""))
        if attempt.state != "sent":
            if _is_overpaid(work, attempt):
                if result in _ARRIVED:
                    return "known"
                raise Conflict(
                    f"{found.refund_no} 第 {attempt.attempt_no} 次付款已决定为付到并记为多付，银行又说没有退成。"
                    "请与银行对清：没有付出或已退回的，凭银行回单登记追回。"
                )
            words = mask_within(spelled_out(values.get("reason", ""))[:200])
            told = Told(attempt, result in _ARRIVED, reference, words, is_new=read_at is None)
            return hold_contradicted(work, found, told)
        if result in _FAILED:
            return _fail(work, found, attempt, values.get("reason", ""))
        entry_no = book_payment(work, account, found, attempt.attempt_no, attempt.route)
        step = {"state": "arrived", "answered_at": work.now, "bank_reference": reference, "entry_no": entry_no}
        store.answer_payout(work.connection, work.institution_id, found.claim_id, attempt.attempt_no, **step)
        arrive(work, account, found, entry_no)
        return "arrived"


def _is_overpaid(work: UnitOfWork, attempt: PayoutRow) -> bool:
    there = overpayments.overpayments_of(work.connection, work.institution_id, attempt.claim_id)
    return any(one.attempt_no == attempt.attempt_no for one in there)


def _fail(work: UnitOfWork, found: ClaimRow, last: PayoutRow, reason: str) -> str:
    step = {
        "state": "failed",
        "answered_at": work.now,
        "failure": mask_within(spelled_out(reason)[:200]) or "银行没有说明原因",
    }
    store.answer_payout(work.connection, work.institution_id, found.claim_id, last.attempt_no, **step)
    store.walk_claim(work.connection, work.institution_id, found.claim_id, state="failed")
    work.audit(detail={"refund_no": found.refund_no, "failure": step["failure"]})
    return "failed"


def _file_text(context: Context, work: UnitOfWork, pairs: list[tuple[AccountState, ClaimRow]], file_no: int) -> str:
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(_HEADINGS)
    for account, found in pairs:
        raw = context.cipher.decrypt(found.personal, institution=work.institution_id, field=PERSONAL)
        personal = json.loads(raw)
        patient = personal.get("patient_name", "")
        writer.writerow(
            (
                found.refund_no,
                Money(found.amount_fen).plain(),
                payee(
                    Claimant(found.claimant),
                    account.holder_name,
                    patient,
                    found.claimant_name,
                ),
                personal["bank"],
                personal["card_no"],
                Channel(account.channel).label,
                account.account_no,
                "门诊预交金退款",
                file_no,
            )
        )
    return target.getvalue()


def _payout(work: UnitOfWork, found: ClaimRow, attempt: int, file_no: int | None) -> dict[str, object]:
    return {
        "institution_id": work.institution_id,
        "claim_id": found.claim_id,
        "attempt_no": attempt,
        "route": found.route,
        "file_no": file_no,
        "amount_fen": found.amount_fen,
        "sent_by": work.act.actor.actor_id,
        "sent_at": work.now,
    }


def _require_own_form(key: str, found: ClaimRow) -> None:
    """Raise :class:`MalformedInput` for the number of a printed form that isn't this refund's, and for what is no
    number. A hospital may have receipts of its own beside it, with other numbers."""
    if len(key) < _SHORTEST or not any(sign.isdigit() for sign in key):
        words = f"领款单号照签过名的那一张抄，例如 {found.refund_no}；用本院收据的，照收据号抄，要有数字。"
        raise MalformedInput(words, details={"field": "receipt"})
    if key.startswith(_FORM) and key != found.refund_no:
        words = f"这笔退款的领款单号是 {found.refund_no}，填的不是它。请照签过名的那一张抄。"
        raise MalformedInput(words, details={"field": "receipt"})


def _require_another_sender(work: UnitOfWork, actor: Actor, found: ClaimRow) -> None:
    """Raise :class:`SecondPersonRequired` for who sent a refund last and would send it again as it stands: then
    nobody else looked at what came back."""
    payouts = store.payouts_of(work.connection, work.institution_id, found.claim_id)
    if found.state == "failed" and payouts:
        actor.require_other_than(payouts[-1].sent_by, f"{found.refund_no} 再送银行")


def _require_payer(actor: Actor, found: ClaimRow) -> None:
    actor.require_other_than(found.reviewed_by or "", "退款")
    actor.require_other_than(found.confirmed_by or "", "退款")

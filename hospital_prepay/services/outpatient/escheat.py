"""Remitting to the treasury (8): people freeze a proposed list, three of them review it, another approves on its day,
the books follow part by part, and the money goes with its voucher.

23050102 → 2103 → 1002, never income. The day doesn't roll over a holiday, and exactly three years aren't more.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.domain.ledger.chart import TREASURY, outpatient_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import ZERO, Money
from hospital_prepay.domain.rules.outpatient.life import BATCH_STEPS
from hospital_prepay.persistence import outpatient_escheat as store
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.outpatient_escheat import BatchRow, ListedAccount, ReviewRow
from hospital_prepay.persistence.queries.outpatient_left import left_of_batch
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.filing import list_digest
from hospital_prepay.services.outpatient.grounds import required_ground
from hospital_prepay.services.outpatient.once import keep_number, known_number
from hospital_prepay.services.outpatient.proposals import due_before
from hospital_prepay.services.outpatient.treasury_slips import Remittance, require_its_day, require_unused, stripped
from hospital_prepay.services.outpatient.turns import refuse_last

__all__ = ["Remittance"]

LINES_AN_ENTRY: Final = 1_000
_REVIEWING: Final = (Permission.OUTPATIENT_REVIEW, "复核")
_APPROVING: Final = (Permission.OUTPATIENT_APPROVE, "批准")


class Part(StrEnum):
    """What one reviewer looks at; three parts, three people."""

    BOOKS = "books"
    CONTACTS = "contacts"
    FILING = "filing"

    @property
    def label(self) -> str:
        """The words on screens."""
        return PART_LABELS[self]


PART_LABELS: Final = {
    Part.BOOKS: "余额与账簿一致",
    Part.CONTACTS: "确实联系过、退不了",
    Part.FILING: "已经备案、超过三年",
}


def freeze_batch(context: Context, actor: Actor, batch_no: int, *, idempotency_key: str = "") -> BatchRow:
    """Fix the list: every account that is due now, with count, sum and SHA-256 that the treasury can compute again.

    Raises :class:`Conflict` for another step, while another list is under way, when nothing is due any more, and for
    the last person who could approve the list.
    """
    actor.require(Permission.OUTPATIENT_FILE)
    with context.work(actor, "outpatient.freeze", f"outpatient_batch:{batch_no}") as work:
        payload = {"batch": batch_no, "step": "frozen"}
        lock_name(work.connection, f"outpatient_batch:{work.institution_id}")
        found = _held(work, batch_no)
        if known_number(work, idempotency_key, payload) is not None:
            return found
        _require_step(found, "frozen")
        _require_no_other(work, batch_no)
        refuse_last(work, actor, (Permission.OUTPATIENT_FILE, "冻结"), _APPROVING)
        store.fill_batch(work.connection, work.institution_id, batch_no, found.on_day, due_before(found.on_day))
        accounts, total = store.batch_sum(work.connection, work.institution_id, batch_no)
        if not accounts:
            raise Conflict("现在没有要上缴的账户。请作废这一批。")
        values = {
            "accounts": accounts,
            "total_fen": total,
            "sha256": list_digest(store.every_batch_line(work.connection, work.institution_id, batch_no)),
            "frozen_by": actor.actor_id,
            "frozen_at": work.now,
        }
        store.walk_batch(work.connection, work.institution_id, batch_no, state="frozen", **values)
        keep_number(work, idempotency_key, payload, batch_no)
        work.audit(detail={"batch": batch_no, "accounts": accounts, "sha256": values["sha256"]})
        return _batch(work, batch_no)


def review_batch(
    context: Context, actor: Actor, batch_no: int, part: Part, note: str, *, idempotency_key: str = ""
) -> list[ReviewRow]:
    """One of three reviews, each by another person, none of them who froze the list.

    Raises :class:`SecondPersonRequired`, :class:`Conflict` for a part or a person that was there before, and for the
    last person who could approve the list.
    """
    actor.require(Permission.OUTPATIENT_REVIEW)
    note = required_ground(note, "请写复核了什么、结论是什么。", "note")
    with context.work(actor, "outpatient.review_batch", f"outpatient_batch:{batch_no}") as work:
        payload = {"batch": batch_no, "part": part.value, "note": note}
        found = _held(work, batch_no)
        if known_number(work, idempotency_key, payload) is not None:
            return store.reviews_of(work.connection, work.institution_id, batch_no)
        if found.state != "frozen":
            raise Conflict("这一批现在不在复核。请刷新后再看；本次没有改动。")
        actor.require_other_than(found.frozen_by or "", "复核")
        took = [one.reviewed_by for one in store.reviews_of(work.connection, work.institution_id, batch_no)]
        if actor.actor_id not in took:
            refuse_last(work, actor, _REVIEWING, _APPROVING, (found.frozen_by, *took))
        row = {
            "institution_id": work.institution_id,
            "batch_no": batch_no,
            "part": part.value,
            "reviewed_by": actor.actor_id,
            "reviewed_at": work.now,
            "note": note,
        }
        store.add_review(work.connection, row)
        keep_number(work, idempotency_key, payload, batch_no)
        work.audit(detail={"batch": batch_no, "part": part.value})
        return store.reviews_of(work.connection, work.institution_id, batch_no)


def approve_batch(context: Context, actor: Actor, batch_no: int) -> BatchRow:
    """Approve a list and book it, as :func:`approve_list` and :func:`book_batch` do."""
    approve_list(context, actor, batch_no)
    return book_batch(context, actor, batch_no)


def approve_list(context: Context, actor: Actor, batch_no: int, *, idempotency_key: str = "") -> BatchRow:
    """Approve a list that three people reviewed; from here on it goes. Raises :class:`SecondPersonRequired`,
    :class:`Conflict` before its 31 December, while a review is missing or one of its accounts is being claimed."""
    actor.require(Permission.OUTPATIENT_APPROVE)
    with context.work(actor, "outpatient.approve_batch", f"outpatient_batch:{batch_no}") as work:
        payload = {"batch": batch_no, "step": "approved"}
        lock_name(work.connection, f"outpatient_batch:{work.institution_id}")  # before the row, as freezing does
        found = _held(work, batch_no)
        if known_number(work, idempotency_key, payload) is not None:
            return found
        _require_step(found, "approved")
        require_its_day(found, work.today, "批准")
        actor.require_other_than(found.frozen_by or "", "批准上缴")
        reviews = store.reviews_of(work.connection, work.institution_id, batch_no)
        for review in reviews:
            actor.require_other_than(review.reviewed_by, "批准上缴")
        missing = set(Part) - {Part(review.part) for review in reviews}
        if missing:
            words = "、".join(part.label for part in Part if part in missing)
            raise Conflict(f"还没有复核完：{words}。三个部分由三个人复核之后才能批准。")
        _require_whole(work, batch_no)
        step = {"state": "approved", "approved_by": actor.actor_id, "approved_at": work.now}
        store.walk_batch(work.connection, work.institution_id, batch_no, **step)
        keep_number(work, idempotency_key, payload, batch_no)
        work.audit(detail={"batch": batch_no, "accounts": found.accounts, "total_fen": found.total_fen})
        return _batch(work, batch_no)


def book_batch(
    context: Context, actor: Actor, batch_no: int, progress: Callable[[int, int], None] | None = None
) -> BatchRow:
    """Book an approved list (借 23050102 贷 2103), a thousand accounts a transaction; goes on where it stopped.

    ``progress`` is told how many accounts are done, of how many. Raises :class:`Conflict` before its 31 December.
    """
    actor.require(Permission.OUTPATIENT_APPROVE)
    after, done = "", 0
    while True:
        with context.work(actor, "outpatient.book_batch", f"outpatient_batch:{batch_no}") as work:
            found = _held(work, batch_no)
            if found.state != "approved":
                return found
            require_its_day(found, work.today, "入账")
            part = store.batch_lines(work.connection, work.institution_id, batch_no, after, LINES_AN_ENTRY)
            if not part:
                store.walk_batch(work.connection, work.institution_id, batch_no, state="booked")
                work.audit(detail={"batch": batch_no, "total_fen": found.total_fen})
                return _batch(work, batch_no)
            _book_part(work, found, part)
            after, done = part[-1].account_no, done + len(part)
        if progress is not None:
            progress(done, found.accounts)


def _book_part(work: UnitOfWork, found: BatchRow, part: list[ListedAccount]) -> None:
    """Book one part; one that was booked before the process died stays as it is."""
    first, last = part[0].account_no, part[-1].account_no
    if store.is_remitted(work.connection, work.institution_id, last):
        return
    entry_no = _post(work, found, part)
    walked = store.remit_lines(work.connection, work.institution_id, first, last, found.batch_no)
    if walked != len(part):
        raise Conflict("有账户不在待上缴的状态，这一段没有入账。请核对后重试。", details={"first": first})
    work.audit(entry_no=entry_no, detail={"batch": found.batch_no, "accounts": len(part)})


def remit_batch(
    context: Context, actor: Actor, batch_no: int, remittance: Remittance, *, idempotency_key: str = ""
) -> BatchRow:
    """The money went to the treasury (借 2103 贷 1002), by its voucher and another person than approved it.
    Voucher and bank slip stand in the batch, each of them for this one movement, and in the entry.

    Raises :class:`SecondPersonRequired`, :class:`MalformedInput` without evidence, for evidence of another movement,
    and for a day ahead or before the 31 December.
    """
    actor.require(Permission.OUTPATIENT_REMIT)
    paid = stripped(remittance)
    with context.work(actor, "outpatient.remit", f"outpatient_batch:{batch_no}") as work:
        payload = {"batch": batch_no, "voucher": paid.voucher_no, "bank": paid.bank_reference}
        payload["on"] = paid.remitted_on.isoformat()
        found = _held(work, batch_no)
        if known_number(work, idempotency_key, payload) is not None:
            return found
        _require_step(found, "remitted")
        require_its_day(found, work.today, "登记缴款")
        actor.require_other_than(found.approved_by or "", "登记上缴")
        keys = require_unused(work, found, paid)
        amount = Money(found.total_fen)
        lines = (Posting(TREASURY, debit=amount), Posting("1002", credit=amount))
        summary = f"门诊预交金上缴财政，缴款书 {paid.voucher_no}，银行回单 {paid.bank_reference}"
        entry_no = work.ledger.post(_entry(work, found, "outpatient_remittance", summary, lines, ""))
        values = {
            **{"remitted_by": actor.actor_id, "remitted_at": work.now, "remitted_on": paid.remitted_on},
            **{"voucher_no": paid.voucher_no, "bank_reference": paid.bank_reference},
            **keys,
        }
        store.walk_batch(work.connection, work.institution_id, batch_no, state="remitted", **values)
        keep_number(work, idempotency_key, payload, batch_no)
        work.audit(entry_no=entry_no, detail=payload)
        return _batch(work, batch_no)


def drop_batch(context: Context, actor: Actor, batch_no: int, ground: str, *, idempotency_key: str = "") -> BatchRow:
    """Give up a list that isn't approved; its accounts are filed as before. Once a review stands, the word is an
    approver's who didn't freeze the list: one person doesn't undo what others looked through.

    Raises :class:`SecondPersonRequired`, :class:`NotPermitted`, :class:`Conflict` for another step.
    """
    if not (actor.may(Permission.OUTPATIENT_FILE) or actor.may(Permission.OUTPATIENT_APPROVE)):
        actor.require(Permission.OUTPATIENT_FILE)
    ground = required_ground(ground, "请写明为什么作废。")
    with context.work(actor, "outpatient.drop_batch", f"outpatient_batch:{batch_no}") as work:
        payload = {"batch": batch_no, "ground": ground}
        found = _held(work, batch_no)
        if known_number(work, idempotency_key, payload) is not None:
            return found
        _require_step(found, "dropped")
        if store.reviews_of(work.connection, work.institution_id, batch_no):
            actor.require(Permission.OUTPATIENT_APPROVE)
            actor.require_other_than(found.frozen_by or "", "作废复核过的名单")
        if found.state == "frozen":
            store.release_batch(work.connection, work.institution_id, batch_no)
        ended = {"ended_by": actor.actor_id, "ended_at": work.now, "ended_ground": ground}
        store.walk_batch(work.connection, work.institution_id, batch_no, state="dropped", **ended)
        keep_number(work, idempotency_key, payload, batch_no)
        work.audit(detail={"batch": batch_no, "ground": ground})
        return _batch(work, batch_no)


def _post(work: UnitOfWork, found: BatchRow, part: list[ListedAccount]) -> int:
    lines = [
        Posting(outpatient_account(one.account_no, is_deposit=True), debit=Money(one.balance_fen)) for one in part
    ]
    total = sum((line.debit for line in lines), ZERO)
    lines.append(Posting(TREASURY, credit=total))
    summary = "无法清退的门诊预交金转应缴财政款"
    entry = _entry(work, found, "outpatient_escheat", summary, tuple(lines), part[0].account_no)
    (entry_no,) = work.ledger.post_many([entry])
    if entry_no is None:
        raise Conflict(
            "有账户的余额与名单不一致，这一段没有入账。请核对后重试。", details={"first": part[0].account_no}
        )
    return entry_no


def _entry(
    work: UnitOfWork, found: BatchRow, kind: str, summary: str, lines: tuple[Posting, ...], key: str
) -> JournalEntry:
    return JournalEntry(
        institution_id=work.institution_id,
        idempotency_key=f"{kind}:{found.batch_no}:{key}",
        kind=kind,
        summary=summary,
        source=f"outpatient_batch:{found.batch_no}",
        occurred_at=work.now,
        posted_at=work.now,
        effective_on=work.today,
        posted_by=work.act.actor.actor_id,
        postings=lines,
    )


def _held(work: UnitOfWork, batch_no: int) -> BatchRow:
    found = store.lock_batch(work.connection, work.institution_id, batch_no)
    if found is None:
        raise NotFound("没有这一批。请从上缴列表里打开。")
    return found


def _require_step(found: BatchRow, target: str) -> None:
    if target not in BATCH_STEPS[found.state]:
        raise Conflict("这一批现在不能办这一步。请刷新后再看；本次没有改动。")


def _require_no_other(work: UnitOfWork, batch_no: int) -> None:
    """Raise :class:`Conflict` while another list is under way: an account that left it would stand on both."""
    for one in store.batches(work.connection, work.institution_id):
        if one.batch_no != batch_no and one.state in ("frozen", "approved"):
            how = "先作废那一批，或复核批准入账" if one.state == "frozen" else "先把那一批入完账"
            raise Conflict(f"第 {one.batch_no} 批（{one.on_day}）的名单还在办，一次只办一份。请{how}；本次没有冻结。")


def _require_whole(work: UnitOfWork, batch_no: int) -> None:
    """Nobody on the list was paid or is being paid: the list says what goes, to the fen."""
    left = left_of_batch(work.connection, work.institution_id, batch_no)
    if left.count:
        words = "、".join(one.account_no for one in left.first[:3])
        more = "等" if left.count > len(left.first[:3]) else ""
        raise Conflict(
            f"名单里有 {left.count} 个账户来办了退款（{words}{more}），这份名单不能批准。"
            "请作废这一批，再重新提出；没来的账户仍是已备案。"
        )
    changed = store.changed_on_batch(work.connection, work.institution_id, batch_no)
    if changed:
        words = "、".join(changed[:3])
        raise Conflict(
            f"名单里有账户不在待上缴，或余额与名单不符（{words}），这份名单不能批准。"
            "请作废这一批，再重新提出；没来的账户仍是已备案。"
        )
    doubted = store.doubted_on_batch(work.connection, work.institution_id, batch_no)
    if doubted:
        words = "、".join(doubted[:3])
        raise Conflict(
            f"名单里有 {len(doubted)} 个账户，银行对它们的退款说法不一或说付到过（{words}），这份名单不能批准。"
            "请作废这一批再提出：这些账户会留在名单外，与银行对清以后再上缴。"
        )


def _batch(work: UnitOfWork, batch_no: int) -> BatchRow:
    return store.batches(work.connection, work.institution_id, batch_no)[0]

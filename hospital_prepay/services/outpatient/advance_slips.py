"""Receipts of cash, applications to the treasury and the slips of its money: each stands for one movement of the
institution, however it is spelled; and a claim whose money came back leaves the list that nobody has yet (8).
"""

from __future__ import annotations

from typing import Final

from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.references import document_key, slip_number
from hospital_prepay.persistence import outpatient_advances as store
from hospital_prepay.persistence import outpatient_claims as claims
from hospital_prepay.persistence import outpatient_escheat as batches
from hospital_prepay.persistence import outpatient_overpayments as overpayments
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.fund.slips import require_new_slip
from hospital_prepay.services.outpatient.grounds import plain_line, refuse_foreign_letter

LONGEST: Final = 64
_BOUNCED: Final = "退款被银行退回，申请表里没有别的垫付款"


def receipt_key(receipt: str) -> str:
    """A receipt's number as it is compared. Raises :class:`MalformedInput` for one without letter or digit."""
    return compared_slip("receipt", receipt, "请填患者签名的领款单号。", "领款单号")


def slip_key(bank_reference: str) -> str:
    """The number of the slip of the treasury's money as it is compared. Raises as :func:`receipt_key` does."""
    return compared_slip("bank_reference", bank_reference, "请填银行回单号。", "银行回单号")


def compared_slip(field: str, typed: str, missing: str, what: str) -> str:
    """The number of a receipt or slip as it is compared, without the word before it. Raises
    :class:`MalformedInput` for what can't be one."""
    if not typed.strip():
        raise MalformedInput(missing, code="missing_value", details={"field": field})
    if len(typed.strip()) > LONGEST:
        raise MalformedInput(f"{what}太长，最多 {LONGEST} 个字。请照原件核对。", details={"field": field})
    plain_line(typed, field, what)
    refuse_foreign_letter(typed, field, what)
    key = slip_number(typed)
    if not key:
        raise MalformedInput(f"{what}里没有数字或字母，请照原件填写。", details={"field": field})
    return key


def require_new_receipt(work: UnitOfWork, key: str) -> None:
    """Raise :class:`MalformedInput` for a receipt that stands for another payment."""
    used = claims.paid_with_receipt(work.connection, work.institution_id, key)
    if used is not None:
        words = f"这个领款单号已经用于 {used}，一张领款单只能付一笔。请照原件核对。"
        raise MalformedInput(words, code="slip_used", details={"field": "receipt"})


def require_new_application(work: UnitOfWork, list_no: int, document: str) -> str:
    """Under which spelling an application is compared. Raises :class:`MalformedInput` for one that is another list's,
    :class:`Conflict` while a claim of the list hasn't arrived."""
    key = document_key(document)
    if not key:
        raise MalformedInput("文号里没有文字或数字，请照原件填写。", details={"field": "document"})
    used = store.list_with(work.connection, work.institution_id, "document_key", key)
    if used is not None:
        words = f"这个文号已经登记在第 {used} 份申请表，一份申请只对应一张表。请照原件核对。"
        raise MalformedInput(words, code="slip_used", details={"field": "document"})
    missing = store.not_arrived(work.connection, work.institution_id, list_no)
    if missing:
        raise Conflict(f"{missing[0]} 的退款没有到账，不能申请。请退回这份申请表，重新列表。")
    return key


def require_new_reimbursement(work: UnitOfWork, bank_reference: str) -> str:
    """Under which spelling the treasury's slip is compared. Raises :class:`MalformedInput` for one that stands for
    another movement."""
    key = slip_key(bank_reference)
    require_free_slip(work, "bank_reference", bank_reference, key)
    return key


def require_free_slip(work: UnitOfWork, field: str, typed: str, key: str) -> None:
    """Raise :class:`MalformedInput` for a slip of the bank's that stands for another movement: of a list, of a batch,
    of a payment that came back or was recovered, or of the restricted fund. One is looked up at a time."""
    lock_name(work.connection, f"outpatient_slip:{work.institution_id}")
    own = (work.connection, work.institution_id)
    places = (
        (store.list_with(*own, "slip_key", key), "第 {} 份申请表"),
        (batches.batch_with(*own, "slip_key", key), "第 {} 批上缴"),
        (claims.returned_with(*own, key), "退款 {} 的退回"),
        (overpayments.recovered_with(*own, key), "退款 {} 的追回"),
    )
    for used, where in places:
        if used is not None:
            words = f"这个编号已经用于{where.format(used)}，一个编号只登记一次。请照原件核对。"
            raise MalformedInput(words, code="slip_used", details={"field": field})
    try:
        require_new_slip(work.connection, work.institution_id, typed)
    except Conflict as error:
        raise MalformedInput(str(error), code="slip_used", details={"field": field}) from error


def leave_open_list(work: UnitOfWork, claim_id: str) -> None:
    """Take a claim that didn't arrive off a list that hasn't gone; a list without any claim left is taken back."""
    lock_name(work.connection, f"outpatient_advance_list:{work.institution_id}")
    list_no = store.open_list_of(work.connection, work.institution_id, claim_id)
    if list_no is None:
        return
    store.take_line_off(work.connection, work.institution_id, list_no, claim_id)
    left = store.advance_lines(work.connection, work.institution_id, list_no)
    total = sum(line.applied_fen for line in left)
    step: dict[str, object] = {"claims": len(left), "total_fen": total}
    if not left:
        by = {"ended_by": work.act.actor.actor_id, "ended_at": work.now}
        step = {"state": "refused", "ground": _BOUNCED, **by}
    store.walk_advance_list(work.connection, work.institution_id, list_no, **step)

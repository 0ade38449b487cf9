"""One document proves one line once: of a member, and of the hospital, which may have paid and proved it itself."""

from __future__ import annotations

from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.references import payment_reference, plain_name
from hospital_prepay.domain.rules.fund.uses import UseLine, is_same_thing
from hospital_prepay.persistence import fund_distributions as store
from hospital_prepay.persistence import fund_evidence as invoices
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.fund.spending.requests import request_number


def require_new_use(work: UnitOfWork, member_code: str, line: UseLine, document: str) -> None:
    """Raise :class:`Conflict` where the document proved this line already, of whatever grant and however name and
    number are spelled; :class:`MalformedInput` for a number without a letter or digit."""
    plain = payment_reference(document)
    if not plain:
        raise MalformedInput("发票或清单的号码里没有数字或字母，请照填。", details={"field": "document"})
    lock_name(work.connection, f"fund_member_use:{work.institution_id}:{member_code}")
    for one in store.uses_of_member(work.connection, work.institution_id, member_code):
        same = payment_reference(one.document) == plain and one.code == line.code
        if same and plain_name(one.name) == plain_name(line.name) and one.withdrawn_by is None:
            raise Conflict(f"“{line.name}”已经用这张单据记过一次。请核对号码；本次没有改动。")
    _require_not_proved(work, line, plain)


def _require_not_proved(work: UnitOfWork, line: UseLine, plain: str) -> None:
    """Suppliers number their invoices each for itself: one of the hospital's is the same only for the same thing."""
    invoices.lock_document(work.connection, work.institution_id, plain)
    for one in invoices.lines_proved(work.connection, work.institution_id):
        same = payment_reference(one.invoice_no) == plain
        if same and is_same_thing((one.code, one.name), (line.code, line.name)):
            words = f"“{line.name}”已经用这张单据在申请 {request_number(one.request_id)} 里证明过本院自己的付款。"
            raise Conflict(f"{words}请核对号码；本次没有改动。", details={"request": one.request_id})

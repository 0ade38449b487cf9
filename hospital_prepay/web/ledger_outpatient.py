"""Entries of outpatients' money among those of the ledger: their words, and what they rest on."""

from __future__ import annotations

from typing import Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.ledger.chart import (
    OTHER_ADVANCES,
    OUTPATIENT_DEPOSITS,
    advance_account,
    owed_refund_account,
)
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.services.outpatient import register
from hospital_prepay.web.outpatient_view import account_href

OUTPATIENT_KINDS: Final = {
    "outpatient_opening": ("info", "期初入账"),
    "outpatient_correction": ("warn", "清查更正"),
    "outpatient_deposit": ("info", "收款"),
    "outpatient_refund": ("ok", "退款"),
    "outpatient_refund_returned": ("stop", "银行退回"),
    "outpatient_escheat": ("held", "转应缴财政"),
    "outpatient_remittance": ("info", "上缴财政"),
    "outpatient_advance": ("ok", "医院垫付"),
    "outpatient_advance_returned": ("stop", "银行退回垫付"),
    "outpatient_owed": ("stop", "银行退回，欠患者"),
    "outpatient_repaid": ("ok", "银行退回后再付"),
    "outpatient_overpaid": ("stop", "银行多付，待追回"),
    "outpatient_overpaid_back": ("ok", "多付的追回"),
    "outpatient_reimbursed": ("info", "财政补回"),
}
_ROOT: Final = "/finance/outpatient"


def document(source: str) -> dict[str, str | None] | None:
    """What an entry of outpatients' money rests on; ``None`` for one of another room."""
    kind, _, key = source.partition(":")
    match kind:
        case "outpatient_import":
            return _link(f"清查导入第 {key} 次", f"{_ROOT}/imports/{key}")
        case "outpatient_correction":
            return _link("清查更正", f"{_ROOT}/corrections#h-{key}")
        case "outpatient_batch":
            return _link(f"上缴批次第 {key} 批", f"{_ROOT}/batches/{key}")
        case "outpatient_advance_list":
            return _link(f"垫付申请表第 {key} 号", f"{_ROOT}/advances/{key}")
        case "outpatient_claim":
            return _link("门诊退款", f"/desk/refunds/claims/{key}")
    return None


def sub_account(account_id: str) -> dict[str, str | None] | None:
    """Whose line of an entry it is: an account, or the refund behind what was paid ahead or is owed; ``None`` for an
    account that has no page of outpatients' money."""
    subject, _, key = account_id.partition(":")
    if key and subject in (OUTPATIENT_DEPOSITS, OTHER_ADVANCES):
        return _link(key, account_href(key))
    claim_id = key.rpartition(":")[2]
    if claim_id and account_id in (advance_account(claim_id), owed_refund_account(claim_id)):
        return _link("门诊退款", f"/desk/refunds/claims/{claim_id}")
    return None


def handled_by(source: str, posted_by: str) -> str:
    """Who had to do with an entry: of an opening, who counted it too."""
    kind, _, key = source.partition(":")
    if kind != "outpatient_import" or not current_actor().may(Permission.OUTPATIENT_VIEW):
        return posted_by
    found, names = register.list_imports(current_context(), current_actor())
    head = next((one for one in found if str(one.import_no) == key), None)
    if head is None:
        return posted_by
    return f"导入 {names.get(head.imported_by, head.imported_by)}，确认入账 {posted_by}"


def _link(words: str, href: str) -> dict[str, str | None]:
    return {"words": words, "href": href if current_actor().may(Permission.OUTPATIENT_VIEW) else None}

"""The slip of a deposit (预交金凭条) as proof of whose an account is: named by its number, for one account alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.references import slip_number
from hospital_prepay.domain.rules.outpatient.claims import Paper
from hospital_prepay.persistence import outpatient_claims as claims
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.outpatient.grounds import refuse_foreign_letter

LONGEST: Final = 64
_MISSING: Final = "请填预交金凭条的号码，照凭条写；没有凭条的不要勾，用别的证明。"


def proof_key(kind: Paper, reference: str) -> str:
    """A slip's number as it is compared, empty for any other paper. Raises :class:`MalformedInput` for a slip without
    a letter or digit, or with more signs than a number has."""
    if kind is not Paper.SLIP:
        return ""
    refuse_foreign_letter(reference, "papers", "预交金凭条的号码")
    key = slip_number(reference)
    if not key:
        raise MalformedInput(_MISSING, code="missing_value", details={"field": "papers"})
    if len(reference.strip()) > LONGEST:
        words = f"预交金凭条的号码太长，最多 {LONGEST} 个字。请照凭条填写。"
        raise MalformedInput(words, details={"field": "papers"})
    return key


def require_own_proof(work: UnitOfWork, account_no: str, keys: Iterable[str]) -> None:
    """Raise :class:`MalformedInput` for a slip that stands for another account, unless the refund there was turned
    down or taken back: nothing was paid on it."""
    named = sorted({key for key in keys if key})
    if not named:
        return
    lock_name(work.connection, f"outpatient_proof:{work.institution_id}")
    for key in named:
        other = claims.proved_with(work.connection, work.institution_id, key, account_no)
        if other is not None:
            words = (
                f"这张预交金凭条已经用来证明账户 {other}，一张凭条只能证明一个账户。请照原件核对凭条号码和账户号；"
                "那一笔填错了的，先撤回那一笔。"
            )
            raise MalformedInput(words, code="slip_used", details={"field": "papers"})

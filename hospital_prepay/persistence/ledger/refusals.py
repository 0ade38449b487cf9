"""What the database said, in the program's own errors."""

from __future__ import annotations

from hospital_prepay.domain.errors import (
    Conflict,
    DatabaseFault,
    InsufficientFund,
    LedgerFault,
    PrepayError,
    ReusedKey,
)
from hospital_prepay.persistence.outages import NOTHING_BOOKED, is_outage

_BELOW = ("below_zero", "ck_ledger_account__balance_not_negative")
_ABOVE = ("above_ceiling",)
_REUSED = ("reused_key", "uq_ledger_entry__institution_id_idempotency_key")
_REVERSED = ("already_reversed", "uq_ledger_entry__reverses_no")


def refusal(error: Exception) -> PrepayError:
    """Translate a driver's error raised while posting."""
    if is_outage(error):
        return DatabaseFault(NOTHING_BOOKED)
    # PostgreSQL's detail repeats what was written: a key may be called like a reason.
    text = getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
    if any(mark in text for mark in _BELOW):
        return InsufficientFund("余额不够，没有入账。请核对金额后再试。", code="below_zero")
    if any(mark in text for mark in _ABOVE):
        return InsufficientFund("超过可收额度，没有入账。请核对金额后再试。", code="above_ceiling")
    if any(mark in text for mark in _REUSED):
        return ReusedKey("这笔业务已经入过账，没有重复入账。请刷新后查看结果。")
    if any(mark in text for mark in _REVERSED):
        return ReusedKey("这张凭证已经红字冲销过，没有重复冲销。", code="already_reversed")
    if "red_letter:" in text:
        return Conflict("红字凭证本身不能再冲销，没有入账。请照实际业务重新登记。", code="red_letter")
    if "restricted:" in text:
        return InsufficientFund("医保预付金只能用于药品、耗材等医疗费用，没有入账。请走专款申请。", code="restricted")
    if "recall_stands:" in text:
        return Conflict("已登记收回情形，预付金暂停付款（本院规定），没有入账。请先办结收回。", code="recall_stands")
    if "ran_out:" in text:
        return Conflict("预留已经到期，不能付款，没有入账。请财务退回预留，再重新申请。", code="reservation_ran_out")
    if "offset_before:" in text:
        return Conflict("这张结算单已经冲抵过预付金，没有入账。请核对单号。", code="offset_before")
    return LedgerFault("账本没有接受这张凭证，没有入账。请把编号报给信息科。", details={"database": text[:300]})

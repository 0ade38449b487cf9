"""Which attempt to pay an answer of the bank is about.

A refund keeps its number on every attempt, so that the number alone doesn't say which: an old file, read again after
the refund was sent anew, would end an attempt that it knows nothing of, and the money would go once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.references import narrow_number
from hospital_prepay.persistence.outpatient_claims import ClaimRow, PayoutRow

_LONGEST: Final = 9
HELD: Final = (
    "银行对同一次付款前后说法不一。这笔退款先停住，不会再付、也不能撤回。"
    "请与银行核对，再由有确认权限的另一个人在这笔退款的页面上写明理由后决定。"
)


def answered_attempt(
    found: ClaimRow, payouts: Sequence[PayoutRow], file_no: str, read_at: datetime | None
) -> PayoutRow:
    """The attempt that went with the file ``file_no``, or the only one that the answer can be about. ``read_at`` is
    when the same bytes were first read: they say nothing of what was sent after that.

    Raises :class:`Conflict` when none went to the bank, none with that file, or when it might be about any of them.
    """
    by_bank = [one for one in payouts if one.file_no is not None]
    if not by_bank:
        raise Conflict(f"{found.refund_no} 还没有送过银行，文件里却有结果。请与银行核对。")
    number = narrow_number(file_no)
    if number:
        by_bank = [one for one in by_bank if str(one.file_no) == _number(number)]
    if not by_bank:
        raise Conflict(f"{found.refund_no} 不在第 {number[:_LONGEST]} 号送款文件里。请核对回单里的文件号。")
    told = by_bank if read_at is None else [one for one in by_bank if one.sent_at <= read_at]
    if not told:
        raise Conflict(f"{found.refund_no} 是在这个回单文件读过以后才送银行的，文件说的不是这一次。请导入新的回单。")
    if len(told) == 1:
        return told[0]
    files = "、".join(str(one.file_no) for one in told)
    words = (
        f"{found.refund_no} 送过 {len(told)} 次（送款文件 {files}），回单没有写是哪一次的结果，没有入账。"
        "请核对后选明是第几号送款文件的回单，或在回单里加一列“文件号”，再导入。"
    )
    raise Conflict(words)


def contradicts(attempt: PayoutRow, *, arrived: bool) -> bool:
    """Whether the bank says otherwise of an attempt than it stands; what came back has arrived and failed."""
    return attempt.state not in (("arrived", "returned") if arrived else ("failed", "returned"))


def _number(text: str) -> str:
    if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST:
        raise MalformedInput(f"文件号“{text[:_LONGEST]}”看不懂。请照送款文件里的文件号填数字。")
    return str(int(text))

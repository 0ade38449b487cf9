"""Which attempt to pay an answer of the bank is about.

A refund keeps its number on every attempt, so that the number alone doesn't say which: an old file, read again after
the refund was sent anew, would end an attempt that it knows nothing of, and the money would go once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.references import narrow_number
from hospital_prepay.persistence.outpatient_claims import ClaimRow, PayoutRow

_LONGEST: Final = 9
HELD: Final = (
    "银行对同一次付款前后说法不一。这笔退款先停住，不会再付、也不能撤回。"
    "请与银行核对，再由有确认权限的另一个人在这笔退款的页面上写明理由后决定。"
)


def answered_attempt(found: ClaimRow, payouts: Sequence[PayoutRow], file_no: str) -> PayoutRow | None:
    """The attempt that went with the file ``file_no``, or the only one; ``None`` when all have their answer and the
    line doesn't say which it repeats.

    Raises :class:`Conflict` when none went to the bank, none with that file, or when it might be about any of them.
    """
    by_bank = [one for one in payouts if one.file_no is not None]
    if not by_bank:
        raise Conflict(f"{found.refund_no} 还没有送过银行，文件里却有结果。请与银行核对。")
    if number := narrow_number(file_no):
        named = [one for one in by_bank if str(one.file_no) == _number(number)]
        if not named:
            raise Conflict(f"{found.refund_no} 不在第 {number[:_LONGEST]} 号送款文件里。请核对回单里的文件号。")
        return named[0]
    if len(by_bank) == 1:
        return by_bank[0]
    if by_bank[-1].state != "sent":
        return None
    files = "、".join(str(one.file_no) for one in by_bank)
    words = (
        f"{found.refund_no} 送过 {len(by_bank)} 次（送款文件 {files}），回单没有写是哪一次的结果，没有入账。"
        "请核对后在回单里加一列“文件号”再导入。"
    )
    raise Conflict(words)


def contradicted(payouts: Sequence[PayoutRow], attempt: PayoutRow | None, *, arrived: bool) -> PayoutRow | None:
    """The attempt of which the bank says otherwise than before, ``None`` for what it only repeats. Where the line
    names none, an answer repeats what was ever said of any."""
    told = [one for one in payouts if one.file_no is not None] if attempt is None else [attempt]
    same = ("arrived", "returned") if arrived else ("failed", "returned")
    return None if any(one.state in same for one in told) else told[-1]


def _number(text: str) -> str:
    if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST:
        raise MalformedInput(f"文件号“{text[:_LONGEST]}”看不懂。请照送款文件里的文件号填数字。")
    return str(int(text))

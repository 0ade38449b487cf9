"""Money in whole fen.

Amounts travel as :class:`Money` inside the program, as integers of fen in JSON (``…_fen``) and as yuan with two
decimals in files and on screens. No float comes near them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.errors import MalformedInput

FEN_PER_YUAN: Final = 100
# 10^15 fen is ten thousand hundred-million yuan: above any hospital, below every integer column.
MAX_FEN: Final = 10**15
_LONGEST: Final = len(str(MAX_FEN))

_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+", re.ASCII)
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?", re.ASCII)
_MARKED: Final = re.compile(r"[¥￥]?\s*(.+?)\s*元?", re.DOTALL)
_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")


class NotAnAmount(MalformedInput):
    """The text is no amount of yuan."""

    code = "not_an_amount"


class NegativeAmount(MalformedInput):
    """An amount below zero where none can be."""

    code = "negative_amount"


class TooManyDecimals(MalformedInput):
    """More than two decimals: smaller than a fen."""

    code = "too_many_decimals"


@dataclass(frozen=True, order=True, slots=True)
class Money:
    """A whole number of fen (分), possibly negative as a difference."""

    fen: int

    def __post_init__(self) -> None:
        if type(self.fen) is not int:
            raise TypeError("Money takes a whole number of fen")

    def __add__(self, other: Money) -> Money:
        return Money(self.fen + other.fen)

    def __sub__(self, other: Money) -> Money:
        return Money(self.fen - other.fen)

    def __neg__(self) -> Money:
        return Money(-self.fen)

    def __bool__(self) -> bool:
        return self.fen != 0

    @classmethod
    def of_yuan(cls, text: str) -> Money:
        """Read strict text such as ``120``, ``120.5`` or ``1,200.50`` as yuan.

        Raises :class:`NotAnAmount` (also for ``12e3``, full-width digits and more than 10¹⁵ fen),
        :class:`NegativeAmount` and :class:`TooManyDecimals`.
        """
        text = text.strip()
        negative = text.startswith("-")
        body = text[1:] if negative else text
        if not (_PLAIN.fullmatch(body) or _GROUPED.fullmatch(body)):
            raise NotAnAmount(f"“{text[:40]}”不是金额。请写成数字，例如 120.00。")
        whole, _, decimals = body.replace(",", "").partition(".")
        if len(decimals.rstrip("0")) > 2:
            raise TooManyDecimals(f"“{text[:40]}”最多两位小数，例如 120.00。")
        whole = whole.lstrip("0")
        if len(whole) > _LONGEST:  # Python itself refuses to read thousands of digits
            raise NotAnAmount(f"“{text[:40]}”太大，请核对。")
        fen = int(whole or "0") * FEN_PER_YUAN + int((decimals + "00")[:2])
        if negative and fen:
            raise NegativeAmount(f"“{text[:40]}”小于零。请写零或大于零的金额。")
        if fen > MAX_FEN:
            raise NotAnAmount(f"“{text[:40]}”太大，请核对。")
        return cls(fen)

    @classmethod
    def of_cell(cls, text: str) -> Money:
        """Read a cell of somebody else's file: as :meth:`of_yuan`, with ``¥`` before or ``元`` behind it."""
        marked = _MARKED.fullmatch(text.strip())
        return cls.of_yuan(marked[1] if marked else text)

    def round_down_to(self, step: Money) -> Money:
        """The largest multiple of ``step`` not above this amount. Caps are only ever rounded down."""
        if step.fen <= 0:
            raise ValueError("the step must be positive")
        return Money(self.fen // step.fen * step.fen)

    def __str__(self) -> str:
        """Yuan with two decimals and thousands separators: ``1,234.50``."""
        sign = "-" if self.fen < 0 else ""
        yuan, fen = divmod(abs(self.fen), FEN_PER_YUAN)
        return f"{sign}{yuan:,}.{fen:02d}"

    def plain(self) -> str:
        """Yuan with two decimals and no separators, as files carry it: ``1234.50``."""
        return str(self).replace(",", "")

    def in_words(self) -> str:
        """The amount in capital Chinese numerals as documents carry it: ``人民币壹仟贰佰元整``."""
        if self.fen < 0:
            return "负" + Money(-self.fen).in_words()
        yuan, rest = divmod(self.fen, FEN_PER_YUAN)
        jiao, fen = divmod(rest, 10)
        words = _integer_words(yuan) + "元" if yuan else ""
        if not jiao and not fen:
            return f"人民币{words or '零元'}整"
        if jiao:
            words += _DIGITS[jiao] + "角"
        elif yuan:
            words += "零"
        return f"人民币{words}{_DIGITS[fen]}分" if fen else f"人民币{words}整"


ZERO: Final = Money(0)


def _integer_words(number: int) -> str:
    groups: list[int] = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    words = ""
    gap = False
    for index in reversed(range(len(groups))):
        group = groups[index]
        if not group:
            gap = bool(words)
            continue
        if words and (gap or group < 1000):
            words += "零"
        words += _group_words(group) + _GROUPS[index]
        gap = False
    return words


def _group_words(group: int) -> str:
    words = ""
    zero = False
    for place in reversed(range(4)):
        digit = group // 10**place % 10
        if digit:
            words += ("零" if zero and words else "") + _DIGITS[digit] + _PLACES[place]
            zero = False
        else:
            zero = True
    return words

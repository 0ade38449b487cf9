"""Payment references and names of places as they are compared and kept, however they were typed."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_MONTHS: Final = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
_CHINESE_MONTH: Final = re.compile(r"年\s*(十[一二]?|[一二三四五六七八九])\s*月")
_DASHED_MONTH: Final = re.compile(r"(?<![0-9])(20[0-9]{2})[-./](0?[1-9]|1[0-2])(?![0-9])\s*月?", re.ASCII)
_MONTH: Final = re.compile(r"(?<=[0-9])\s*月份?\s*", re.ASCII)


def payment_reference(text: str) -> str:
    """Letters and digits alone, narrow and in capitals: one payment has one reference however it was typed."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).upper() if sign.isalnum())


def region_name(text: str) -> str:
    """A pool region's name narrow and without blanks: ``临溪市`` and ``临溪 市`` are one place. Its letters keep
    their case; whoever compares folds it."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text) if sign.isprintable() and not sign.isspace())


def document_key(text: str) -> str:
    """A document's name without what spelling adds: ``2026年01月结算单``, ``２０２６ 年 1 月结算单``,
    ``2026年一月份结算单`` and ``2026-01 结算单`` are one paper. Empty where it has neither letter nor digit."""
    narrow = _months_alike(unicodedata.normalize("NFKC", text).upper())
    return "|".join(part.lstrip("0") or "0" for part in re.findall(r"\d+|[^\W\d_]+", narrow))


def _months_alike(text: str) -> str:
    """Months as ``2026年1月``, whether they are written with a dash, in Chinese numbers, or as 月份."""
    dashed = _DASHED_MONTH.sub(r"\1年\2月", text)
    numbered = _CHINESE_MONTH.sub(lambda found: f"年{_MONTHS.index(found[1]) + 1}月", dashed)
    return _MONTH.sub("月", numbered)

"""Payment references and names of places as they are compared and kept, however they were typed."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from hospital_prepay.domain.plain_text import is_invisible

# A city, county or league after its province; what is the province's own level stays whole.
_PROVINCES: Final = (
    "河北省|山西省|辽宁省|吉林省|黑龙江省|江苏省|浙江省|安徽省|福建省|江西省|山东省|河南省|湖北省|湖南省|广东省|海南省"
    "|四川省|贵州省|云南省|陕西省|甘肃省|青海省|台湾省|内蒙古自治区|广西壮族自治区|西藏自治区|宁夏回族自治区|新疆维吾尔自治区"
)
_OF_A_PROVINCE: Final = re.compile(rf"(?:{_PROVINCES})(.+[市县区州盟旗地](?:\(?[市县区]?本级\)?)?)")
_ITS_OWN_LEVEL: Final = re.compile(r"(?<=[市县区州盟旗])\(?[市县区]?本级\)?$")
_MONTHS: Final = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
_CHINESE_MONTH: Final = re.compile(r"年\s*(十[一二]?|[一二三四五六七八九])\s*月")
_DASHED_MONTH: Final = re.compile(r"(?<![0-9])(20[0-9]{2})[-./](0?[1-9]|1[0-2])(?![0-9])\s*月?", re.ASCII)
# "No." before a number, as forms have it printed, however often: parted from what follows, or right before a digit.
# "№" and "º" part it too, and are but letters once they are narrow.
_PRINTED: Final = {ord("№"): "No.", ord("º"): "o."}
_PARTS: Final = re.compile("[ .:。]")
_NUMBER_WORD: Final = re.compile(r"^(?:NO\.|\.)*")
_BEFORE_DIGITS: Final = re.compile(r"^(?:NO)+(?=[0-9])", re.ASCII)
_MONTH: Final = re.compile(r"(?<=[0-9])\s*月份?\s*", re.ASCII)


def payment_reference(text: str) -> str:
    """Letters A to Z and digits alone, narrow and in capitals: one payment has one reference however it was typed,
    with a word around it (``回单 B-1 号``) or a filler that nobody sees. Empty where it has none of them."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).upper() if sign.isascii() and sign.isalnum())


def slip_number(text: str) -> str:
    """The same of a printed slip, without the word before its number: ``77``, ``NO.77``, ``№ 77`` and ``编号：77``
    are one slip, and ``A77`` and ``No.A77``. Letters that nothing parts from those behind them are the number's own:
    ``NOV12``, ``NO-A7``. The database compares slips so too (migration 0052)."""
    narrow = unicodedata.normalize("NFKC", text.translate(_PRINTED))
    parted = ".".join(payment_reference(part) for part in _PARTS.split(narrow))
    bare = _NUMBER_WORD.sub("", parted).replace(".", "")
    return _BEFORE_DIGITS.sub("", bare) or payment_reference(text)


def foreign_letter(text: str) -> str:
    """The first letter or digit of a number that is neither A to Z, 0 to 9 nor Chinese, empty without one. Such a
    letter looks like one of ours (``К`` and ``K``) and :func:`payment_reference` drops it."""
    narrow = unicodedata.normalize("NFKC", text)
    return next((sign for sign in narrow if sign.isalnum() and not sign.isascii() and not _is_chinese(sign)), "")


def _is_chinese(sign: str) -> bool:
    return unicodedata.name(sign, "").startswith(("CJK ", "IDEOGRAPHIC "))


def narrow_number(text: str) -> str:
    """A number as it is kept: narrow, without blanks around it. Nothing else of it is changed."""
    return unicodedata.normalize("NFKC", text).strip()


def plain_name(text: str) -> str:
    """A name narrow, without blanks and without what isn't seen. Its letters keep their case."""
    narrow = unicodedata.normalize("NFKC", text)
    return "".join(sign for sign in narrow if not sign.isspace() and not is_invisible(sign))


def region_name(text: str) -> str:
    """A pool region's name as it is kept: ``临溪市`` and ``浙江省临溪 市`` are one place. Its letters keep their
    case; whoever compares folds it."""
    plain = plain_name(text)
    within = _OF_A_PROVINCE.fullmatch(plain)
    return within.group(1) if within else plain


def region_core(text: str) -> str:
    """What a region's name comes to without the words that mostly name the same place: ``临溪市（本级）`` and
    ``临溪`` beside ``临溪市``. Whoever finds two alike asks."""
    core = _ITS_OWN_LEVEL.sub("", region_name(text)).casefold()
    return core.removesuffix("市") or core


def document_key(text: str) -> str:
    """A document's name without what spelling adds: ``2026年01月结算单``, ``２０２６ 年 1 月结算单``,
    ``2026年一月份结算单`` and ``2026-01 结算单`` are one paper. Empty where it has neither letter nor digit."""
    seen = "".join(sign for sign in unicodedata.normalize("NFKC", text).upper() if not is_invisible(sign))
    narrow = _months_alike(seen)
    return "|".join(part.lstrip("0") or "0" for part in re.findall(r"\d+|[^\W\d_]+", narrow))


def _months_alike(text: str) -> str:
    """Months as ``2026年1月``, whether they are written with a dash, in Chinese numbers, or as 月份."""
    dashed = _DASHED_MONTH.sub(r"\1年\2月", text)
    numbered = _CHINESE_MONTH.sub(lambda found: f"年{_MONTHS.index(found[1]) + 1}月", dashed)
    return _MONTH.sub("月", numbered)

"""The words that go out to owners: what they must say, what they may never say, and what is filled in.

Article 8 sets no limit to a claim, so no text says that one lapses; article 7 asks for the steps and a phone number.
That a text which may reach somebody else says neither sum nor full name is the hospital's own rule.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.masking import mask_name
from hospital_prepay.domain.rules.outpatient.reach import Way

NEVER_LAPSES: Final = "guizhou-deposit-2025/8"
TELLS: Final = "guizhou-deposit-2025/7"
PHONE: Final = "电话"
PLACEHOLDERS: Final[Mapping[str, str]] = {
    "医院": "医院名称",
    "电话": "咨询电话",
    "称呼": "打了星号的姓名，例如 吴＊兰",
    "尾号": "账户号的后四位",
    "余额": "余额，单位元；只能用在电话里，核对身份以后再说",
}
LONGEST: Final[Mapping[Way, int]] = {Way.SMS: 300, Way.PHONE: 1000, Way.WECHAT: 1000, Way.BOARD: 2000}
_PERSONAL: Final = frozenset({"称呼", "尾号", "余额"})
_NAMED: Final = re.compile(r"\{([^{}]*)\}")
_LATE: Final = r"(逾期|逾时|过期|超期|到期|期满|过时|截止)"
_LOST: Final = (
    r"(不再|不予|不[退还受候发付给领]|不办(?!公)|不能[退领办]|不可[退领办]|不得|不受理|(无法|停止)(受理|办理?|退|领)|概不|办不了"
    r"|退不了|领不了|作废|失效|清零|归零|无效|没收|充公|视为|视同|视作|算作|放弃|弃权|归(?!还)|自动)"
)
_DAY: Final = r"([日号天周月年底末初]|期限|截止)[之以]?"
# That the money goes to the treasury is true, and no end of the claim where the text says so; beside a last day it
# reads as one.
_TREASURY: Final = (
    r"(上缴|上交|[缴转划交归][入到给至]?(同级|本级|当地|省|市|县)?(财政|国库|国家))"
    r"(?!.{0,14}(仍|还可|还能|照样|照常|依然|也|一样|什么时候|任何时候|随时|没有期限)[^不无没]{0,6}(退|领|申请|办|取))"
)
_LAPSES: Final = tuple(
    re.compile(words)
    for words in (
        rf"{_LATE}.{{0,6}}?{_LOST}",
        rf"截止.{{0,14}}?{_LOST}",
        rf"{_LATE}.{{0,18}}{_TREASURY}",
        rf"{_DAY}前.{{0,24}}(否则|不然|[未没]有?(来|到|办|领|退|申|取|联)).{{0,12}}({_LOST}|{_TREASURY})",
        rf"{_DAY}(前.{{0,12}})?[以之]?后.{{0,6}}({_LOST}|{_TREASURY})",
        rf"(过了|超过|晚于).{{0,14}}([日号天月年底末]|期限|时间)(之?后)?[就便则将都也]{{0,2}}({_LOST}|{_TREASURY})",
        r"(视为|视同|视作|当作|等同|等于)(自愿|自动|主动|默认)?(放弃|弃权|捐赠|赠与|无主|同意)",
        r"(自愿|自动|主动|默认)(放弃|弃权)",
        r"(余额|账户|预交金|权利|款项|资金).{0,4}(作废|失效|清零|归零|归医院|归本院|充公|没收)",
        r"归(?!患者|病人|您|本人|账户|原主).{1,6}所有",
        r"(以后|之后|届时|今后)(将|就|便|一律|均)?(不再|不予|不能|无法|概不)(退|受理|办理|办|领)",
        r"(不再|不予|停止)(受理|办理|接受)?退(费|款|还)",
        r"(最后|最终)(期限|机会|一次|截止)",
        r"放弃权利|(过期|逾期)不[退办候予再]|不再[退受办]|概不[退办负]",
    )
)


@dataclass(frozen=True, slots=True)
class Filling:
    """What a text is filled with."""

    hospital: str
    phone: str
    name: str = ""
    account_no: str = ""
    balance: str = ""


@implements(NEVER_LAPSES)
def lapsing_words(text: str) -> str:
    """The words by which ``text`` says that a claim lapses; empty when it says nothing of the kind. Blanks,
    punctuation and full-width letters between them hide nothing."""
    plain = "".join(
        sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign)[0] in ("L", "N")
    )
    found = (words.search(plain) for words in _LAPSES)
    return next((one[0] for one in found if one), "")


@implements(NEVER_LAPSES, TELLS)
def check_notice(way: Way, text: str) -> None:
    """Raise :class:`MalformedInput` for a text that may not go out by ``way``, saying what to change."""
    words = lapsing_words(text)
    if words:
        raise _wrong(
            f"“{words}”不能写：退款没有期限，什么时候来都要退。请删掉，可以改成“什么时候来都可以办”。",
            "says_it_lapses",
        )
    named = _NAMED.findall(text)
    unknown = next((one for one in named if one not in PLACEHOLDERS), None)
    if unknown is not None or re.search(r"[{}]", _NAMED.sub("", text)):
        raise _wrong(
            f"“{{{(unknown or '')[:20]}}}”认不出来。能用的有：{'、'.join(f'{{{one}}}' for one in PLACEHOLDERS)}。",
            "unknown_placeholder",
        )
    if PHONE not in named:
        raise _wrong("要写咨询电话。请在文字里放 {电话}。", "no_phone")
    shown = _PERSONAL & set(named) if way is Way.BOARD else {"余额"} & set(named) if way is not Way.PHONE else set()
    if shown:
        raise _wrong(f"{way.label}可能被别人看到，不能写 {{{sorted(shown)[0]}}}。请删掉。", "discloses")
    if len(text) > LONGEST[way]:
        raise _wrong(f"有 {len(text)} 个字，{way.label}最多 {LONGEST[way]} 个。请写短一些。", "too_long")


def example(text: str, hospital: str, phone: str) -> str:
    """The text as it goes out, filled in with an owner who is made up."""
    return fill(text, Filling(hospital, phone, "张小明", "00001234", "64.50"))


def fill(text: str, filling: Filling) -> str:
    """The text with its placeholders filled in. What is filled in is not looked through again."""
    values = {
        "医院": filling.hospital,
        "电话": filling.phone,
        "称呼": mask_name(filling.name) or "患者",
        "尾号": filling.account_no[-4:],
        "余额": filling.balance,
    }
    return _NAMED.sub(lambda found: values.get(found[1], found[0]), text)


def _wrong(words: str, code: str) -> MalformedInput:
    return MalformedInput(words, code=code, details={"field": "text"})

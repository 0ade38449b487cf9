"""How an account's owner can be reached, and by which way the money once came (7)."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.identity import certificate_fault

_MOBILE: Final = re.compile(r"(?:\+?86)?1[3-9][0-9]{9}", re.ASCII)
# Area codes are 010, 02x, and four digits from 03 on; no number in a town begins with 0.
_LANDLINE: Final = re.compile(r"0(?:10|2[0-9]|[3-9][0-9]{2})[1-9][0-9]{6,7}", re.ASCII)


class Reach(StrEnum):
    """The best that is known of an owner: a phone, else a certificate, else a name, else nothing."""

    PHONE = "phone"
    IDENTITY = "identity"
    NAME = "name"
    NONE = "none"

    @property
    def label(self) -> str:
        """The words on screens."""
        return REACH_LABELS[self]


class Channel(StrEnum):
    """By which way the deposit was paid."""

    CASH = "cash"
    CARD = "card"
    WECHAT = "wechat"
    ALIPAY = "alipay"
    TRANSFER = "transfer"
    UNKNOWN = "unknown"

    @property
    def label(self) -> str:
        """The words on screens."""
        return CHANNEL_LABELS[self]


class Way(StrEnum):
    """By which way the hospital may tell an owner that there is money to be had."""

    SMS = "sms"
    PHONE = "phone"
    WECHAT = "wechat"
    BOARD = "board"

    @property
    def label(self) -> str:
        """The words on screens."""
        return WAY_LABELS[self]


REACH_LABELS: Final = {
    Reach.PHONE: "有手机号",
    Reach.IDENTITY: "只有证件号",
    Reach.NAME: "只有姓名",
    Reach.NONE: "什么都没有",
}
CHANNEL_LABELS: Final = {
    Channel.CASH: "现金",
    Channel.CARD: "银行卡",
    Channel.WECHAT: "微信",
    Channel.ALIPAY: "支付宝",
    Channel.TRANSFER: "转账",
    Channel.UNKNOWN: "不详",
}
WAY_LABELS: Final = {
    Way.SMS: "短信",
    Way.PHONE: "电话",
    Way.WECHAT: "微信公众号",
    Way.BOARD: "公告栏",
}
_WORDS: Final = {
    Channel.WECHAT: ("微信", "wechat", "wx"),
    Channel.ALIPAY: ("支付宝", "alipay", "zfb"),
    Channel.CARD: ("银行卡", "银联", "pos", "card", "刷卡"),
    Channel.TRANSFER: ("转账", "汇款", "transfer"),
    Channel.CASH: ("现金", "cash"),
}


def phone_number(text: str) -> str:
    """The digits of a phone number without blanks, hyphens and country code; empty when it can't be one."""
    digits = text if text.isdigit() else text.translate(_SQUEEZE)
    if _MOBILE.fullmatch(digits):
        return digits[-11:]
    return digits if _LANDLINE.fullmatch(digits) else ""


_SQUEEZE: Final = {ord(sign): None for sign in " -()（）－\u3000"}


@implements("guizhou-deposit-2025/7")
def reach(name: str, certno: str, phone: str) -> Reach:
    """What can be done to find the owner. A number that can't be a phone's doesn't count as one."""
    return best_known(name, certno, phone_number(phone))


def best_known(name: str, certno: str, dialled: str) -> Reach:
    """The same of a phone as :func:`phone_number` has it."""
    if dialled:
        return Reach.PHONE
    if certno:
        return Reach.IDENTITY
    return Reach.NAME if name else Reach.NONE


def is_mobile(phone: str) -> bool:
    """Whether a message can be sent to the number: a landline can only be called."""
    return bool(_MOBILE.fullmatch(phone_number(phone)))


@implements("guizhou-deposit-2025/7")
def ways(best: Reach, paid_by: Channel, *, has_patient_no: bool) -> tuple[Way, ...]:
    """The ways by which an owner can be told, the most direct first. The official account knows patients by their
    number, and those who paid over WeChat; the notice board is for everybody."""
    by_phone = (Way.SMS, Way.PHONE) if best is Reach.PHONE else ()
    by_wechat = (Way.WECHAT,) if has_patient_no or paid_by is Channel.WECHAT else ()
    return (*by_phone, *by_wechat, Way.BOARD)


class Doubt(StrEnum):
    """What of an account's owner, of how the money came or when it moved last, doesn't look right or is missing in a
    hospital's file."""

    RESIDENT_ID = "resident_id"
    CERTNO = "certno"
    PHONE = "phone"
    CHANNEL = "channel"
    NO_DAY = "no_day"

    @property
    def label(self) -> str:
        """What is the matter, in words."""
        return DOUBT_LABELS[self][0]

    @property
    def taken(self) -> str:
        """As what it was taken all the same."""
        return DOUBT_LABELS[self][1]


DOUBT_LABELS: Final = {
    Doubt.RESIDENT_ID: ("身份证号的校验位、出生日期或地区不对", "照原样收下；本人来办时，先凭证件办身份更正"),
    Doubt.CERTNO: ("证件号不像任何证件的号码", "照原样收下；本人来办时，先凭证件办身份更正"),
    Doubt.PHONE: ("电话拨不通：位数、号段或区号不对", "照原样收下，不算有手机号，不发短信"),
    Doubt.CHANNEL: ("缴纳途径不认识", "按不详收下，不能原路退回"),
    Doubt.NO_DAY: ("没有写最后变动日期", "按不详收下，不详的不上缴；请照原始账查对"),
}
_CERTIFICATES: Final = {"resident_id": Doubt.RESIDENT_ID, "certno": Doubt.CERTNO}
_SAID_UNKNOWN: Final = frozenset({"不详", "不明", "未知", "unknown"})


@implements("guizhou-deposit-2025/7")
def doubts(certno: str, phone: str, channel: str) -> list[Doubt]:
    """What doesn't look right of an account; its money is its owner's all the same."""
    found = []
    if certno and (fault := certificate_fault(certno)):
        found.append(_CERTIFICATES[fault])
    if phone and not phone_number(phone):
        found.append(Doubt.PHONE)
    if channel and channel_of(channel) is Channel.UNKNOWN and channel.casefold() not in _SAID_UNKNOWN:
        found.append(Doubt.CHANNEL)
    return found


@lru_cache(maxsize=1_000)
def channel_of(text: str) -> Channel:
    """The way that a word of a hospital's file means; unknown for any other."""
    word = text.casefold()
    return next((channel for channel, words in _WORDS.items() if any(one in word for one in words)), Channel.UNKNOWN)

"""Numbers that identify a person or an institution, and their check digits.

居民身份证 follows GB 11643-1999 (18 characters; 15 digits on documents issued before), 统一社会信用代码 follows
GB 32100-2015. A valid number isn't proof that the person exists, and many legacy accounts have none at all: callers
decide where a number is required.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Final, Literal

from hospital_prepay.domain.errors import MalformedInput

_RESIDENT_18 = re.compile(r"[1-9][0-9]{16}[0-9X]", re.ASCII)
_RESIDENT_15 = re.compile(r"[1-9][0-9]{14}", re.ASCII)
_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_RESIDENT_SHAPE = re.compile(r"[0-9]{14}(?:[0-9]{3})?[0-9X]", re.ASCII)
_OTHER_CERTIFICATES: Final = (
    # Letters and digits: passports, permits, birth certificates, permanent residents from abroad.
    re.compile(r"(?=.*[A-Z])(?=(?:[A-Z]*[0-9]){4})[A-Z0-9]{6,15}", re.ASCII),
    # Digits alone: permits of Taiwan residents, some countries' passports. Eleven are a phone's.
    re.compile(r"[0-9]{8,10}", re.ASCII),
    # Officers' cards name the force before the number.
    re.compile(r"[\u4e00-\u9fff]{1,6}[0-9]{4,10}号?"),
)
_BRACKETS: Final = {ord(sign): None for sign in "()（）-－"}
_RESIDENT_CHECKS: Final = "10X98765432"
# The first two digits: provinces, Hong Kong, Macao and Taiwan residents; 9 is the permanent resident from abroad.
_PROVINCES: Final = frozenset(
    f"{first}{second}"
    for first, seconds in {
        1: "12345",
        2: "123",
        3: "1234567",
        4: "123456",
        5: "01234",
        6: "12345",
        7: "1",
        8: "123",
    }.items()
    for second in seconds
)
_ABROAD: Final = "9"

_CREDIT_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_CODE = re.compile(rf"[1-9A-HJ-NP-RTUW-Y][{_CREDIT_ALPHABET}][0-9]{{6}}[{_CREDIT_ALPHABET}]{{10}}", re.ASCII)


NO_CERTIFICATE: Final = (
    "这不像证件号：身份证 18 位（旧证 15 位）；护照、通行证、出生医学证明照证件写，字母和数字都要。请核对证件。"
)


class WrongResidentId(MalformedInput):
    """The text is no number of a resident identity card."""

    code = "wrong_resident_id"


class WrongCreditCode(MalformedInput):
    """The text is no unified social credit code."""

    code = "wrong_credit_code"


def resident_id(text: str) -> str:
    """The number without blanks and with a capital X. Raises :class:`WrongResidentId`.

    Province, date of birth and, on 18 characters, the check digit must be right; 15 digits carry none.
    """
    number = _squeezed(text)
    if not _is_resident(number):
        raise WrongResidentId(_why_no_resident(number))
    return number


def is_resident_id(text: str) -> bool:
    """Whether :func:`resident_id` takes ``text``."""
    return _is_resident(_squeezed(text))


def certificate_fault(text: str) -> Literal["", "resident_id", "certno"]:
    """Why ``text`` can't be the number of a certificate; empty where it can.

    Of a resident card it must be right (``resident_id``); passports, permits of residents of Hong Kong, Macao and
    Taiwan, certificates of birth and officers' cards are known by their shape (``certno`` for what has none of them).
    """
    number = text if text.isdigit() else _squeezed(text)
    if _is_resident(number):
        return ""
    if _RESIDENT_SHAPE.fullmatch(number):
        return "resident_id"
    plain = number.translate(_BRACKETS)
    return "" if any(shape.fullmatch(plain) for shape in _OTHER_CERTIFICATES) else "certno"


def check_certificate(text: str) -> None:
    """Nothing for a number that a certificate can have, or for none; raises :class:`MalformedInput` for any other,
    :class:`WrongResidentId` for a resident card's."""
    fault = certificate_fault(text) if text.strip() else ""
    if fault == "resident_id":
        resident_id(text)
    if fault:
        raise MalformedInput(NO_CERTIFICATE)


def same_person_number(text: str) -> str:
    """The number by which one person is found again, whatever card it stood on: 18 characters for a resident card of
    15 digits, anything else without blanks and in capitals."""
    number = text if text.isdigit() else _squeezed(text)
    if len(number) == 15 and _RESIDENT_15.fullmatch(number) and is_resident_id(number):
        longer = f"{number[:6]}19{number[6:]}"
        return longer + _resident_check(longer)
    return number


def born_on(number: str) -> date:
    """The date of birth on a valid card number. Raises :class:`WrongResidentId`."""
    day = _born_on(resident_id(number))
    assert day is not None
    return day


def credit_code(text: str) -> str:
    """The code without blanks, in capitals. Raises :class:`WrongCreditCode`."""
    code = _squeezed(text)
    if not _CREDIT_CODE.fullmatch(code):
        raise WrongCreditCode("统一社会信用代码应为 18 位数字和大写字母（不含 I、O、S、V、Z），请核对营业执照。")
    if code[-1] != _credit_check(code):
        raise WrongCreditCode("统一社会信用代码最后一位校验不符，请逐位核对营业执照。")
    return code


def is_credit_code(text: str) -> bool:
    """Whether :func:`credit_code` takes ``text``."""
    try:
        credit_code(text)
    except WrongCreditCode:
        return False
    return True


def _squeezed(text: str) -> str:
    return "".join(text.split()).upper()


def _is_resident(number: str) -> bool:
    """Its parts come again and again in a long file: each is looked at once."""
    if len(number) == 15 and number[0] != _ABROAD:
        return min(_place(number[:6]), _birthday("19" + number[6:12]), _serial(number[12:])) >= 0
    if len(number) != 18:
        return False
    place, birthday, serial = _place(number[:6]), _birthday(number[6:14]), _serial(number[14:17])
    if place < 0 or birthday < 0 or serial < 0:
        return False
    return number[17] == _RESIDENT_CHECKS[(place + birthday + serial) % 11]


def _why_no_resident(number: str) -> str:
    if not (_RESIDENT_18.fullmatch(number) or _RESIDENT_15.fullmatch(number)):
        return "身份证号应为 18 位（旧证 15 位），请核对证件。"
    if _place(number[:6]) < 0 or (number[0] == _ABROAD and len(number) == 15):
        return "身份证号前两位不是省级代码，请核对证件。"
    if _born_on(number) is None:
        return "身份证号中的出生日期不存在，请核对证件。"
    return "身份证号最后一位校验不符，请逐位核对证件。"


def _born_on(number: str) -> date | None:
    digits = number[6:14] if len(number) == 18 else "19" + number[6:12]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def _resident_check(number: str) -> str:
    """ISO 7064 MOD 11-2 over the first 17 digits of a number that is right so far."""
    return _RESIDENT_CHECKS[(_place(number[:6]) + _birthday(number[6:14]) + _serial(number[14:17])) % 11]


@lru_cache(maxsize=20_000)
def _place(digits: str) -> int:
    """What the place adds to the sum of the check; -1 where there is no such province."""
    known = digits[:2] in _PROVINCES or digits[:1] == _ABROAD
    return _weighed(digits, 0) if known and _DIGITS.fullmatch(digits) else -1


@lru_cache(maxsize=50_000)
def _birthday(digits: str) -> int:
    """What the birthday adds to it; -1 where there is no such day."""
    if not _DIGITS.fullmatch(digits):
        return -1
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return -1
    return _weighed(digits, 6)


@lru_cache(maxsize=2_000)
def _serial(digits: str) -> int:
    """What the number of that day and place adds to it; -1 where it is none."""
    return _weighed(digits, 14) if _DIGITS.fullmatch(digits) else -1


def _weighed(digits: str, place: int) -> int:
    return sum(int(digit) * pow(2, 17 - at, 11) for at, digit in enumerate(digits, place))


def _credit_check(code: str) -> str:
    """GB 32100: weights are powers of 3 modulo 31."""
    total = sum(_CREDIT_ALPHABET.index(sign) * pow(3, place, 31) for place, sign in enumerate(code[:17]))
    return _CREDIT_ALPHABET[-total % 31]

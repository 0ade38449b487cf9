"""Personal data as it shows to people who needn't see all of it.

The shapes are those of the screens: 吴＊兰, 138 **** 6620, 5226 **** 0421. Of a number
eight characters show at most, and of one of an unusual length never more than half.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_STAR: Final = "＊"
_HIDDEN: Final = "****"
_NEWBORN: Final = ("之子", "之女")
_IN_PERSON: Final = "本人"
_MOST_STARS: Final = 2
_BORN: Final = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
# A certificate number by its shape, right or mistyped: six digits of a place, a day of birth, three of an order.
_CERTIFICATE: Final = re.compile(
    rf"(?<!\d)[1-9]\d{{5}}[ -]?(?:(?:19|20)\d\d{_BORN}[ -]?\d{{3}}[\dXx]|\d\d{_BORN}[ -]?\d{{3}})(?!\d)", re.ASCII
)
# A bank card: fifteen to nineteen digits, at once or by four. What begins with 2 is a day, as in the numbers of bank
# slips, and what letters stand before is a number of ours (TF20260105000001).
_CARD: Final = re.compile(
    r"(?<![A-Za-z0-9])[3-69](?:\d{14,18}|\d{3}(?:[ -]\d{4}){2}[ -]\d{3,4}(?:[ -]?\d{1,3})?)(?![A-Za-z0-9])", re.ASCII
)
_NUMBER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{3,}[A-Za-z0-9]")
_MOBILE: Final = re.compile(r"(?<!\d)1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)", re.ASCII)
# One sign for one: the text around a number stays as it was written.
_NARROW: Final = {ord(sign): unicodedata.normalize("NFKC", sign) for sign in "０１２３４５６７８９Ｘｘ－　"}


def mask_name(name: str) -> str:
    """First and last character with a star for what stands between: 吴＊兰, 罗＊. A newborn stays 李＊之子."""
    name = "".join(name.split())
    for kin in _NEWBORN:
        if name.endswith(kin) and len(name) > len(kin):
            return mask_name(name.removesuffix(kin)) + kin
    if len(name) < 2:
        return _STAR if name else ""
    if len(name) == 2:
        return name[0] + _STAR
    return name[0] + _STAR * min(len(name) - 2, _MOST_STARS) + name[-1]


def mask_phone(phone: str) -> str:
    """``138 **** 6620``; of a landline or anything else only the end, ``**** 4421``."""
    number = _plain(phone)
    if len(number) == 11 and number.startswith("1"):
        return f"{number[:3]} {_HIDDEN} {number[-4:]}"
    return _tail(number)


def mask_certificate(number: str) -> str:
    """The first and last four characters: ``5226 **** 0421``."""
    return _ends(_plain(number))


def mask_card(number: str) -> str:
    """A bank card: the first and last four digits, ``6217 **** 3308``."""
    return _ends(_plain(number))


def mask_payer(payer: str) -> str:
    """Who paid: the patient in person shows as such, anybody else as a name."""
    return payer if payer == _IN_PERSON else mask_name(payer)


def mask_reference(reference: str) -> str:
    """A payment's reference: its end, as it also stands on the receipt, ``**** 0256``."""
    return _tail(_plain(reference))


def mask_numbers(text: str) -> str:
    """A paper as somebody named it: its words, and of each number its end, ``户口簿 1``, ``护照 **** 5678``."""
    return _NUMBER.sub(lambda found: _tail(_plain(found[0])), unicodedata.normalize("NFKC", text))


def mask_within(text: str) -> str:
    """A text that somebody wrote, such as a ground or what a paper says: the numbers of certificates, mobile phones
    and bank cards in it are masked, however wide or parted. Amounts, days and numbers of ours stay."""
    narrow = text.translate(_NARROW)
    masked = _CERTIFICATE.sub(lambda found: mask_certificate(found[0]), narrow)
    masked = _CARD.sub(lambda found: mask_card(found[0]), masked)
    masked = _MOBILE.sub(lambda found: mask_phone(found[0]), masked)
    return text if masked == narrow else masked


def _plain(text: str) -> str:
    """Half-width characters without blanks and hyphens."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text) if sign.isalnum())


def _ends(number: str) -> str:
    return f"{number[:4]} {_HIDDEN} {number[-4:]}" if len(number) >= 15 else _tail(number)


def _tail(number: str) -> str:
    shown = min(4, len(number) // 2)
    return f"{_HIDDEN} {number[-shown:]}" if shown else _HIDDEN if number else ""

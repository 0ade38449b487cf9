"""Personal data as it shows to people who needn't see all of it.

The shapes are those of the screens: 吴＊兰, 138 **** 6620, 5226 **** 0421. Of a number
eight characters show at most, and of one of an unusual length never more than half.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from hospital_prepay.domain.personal_numbers import CARD, CERTIFICATE, PARTS, PHONE, personal_numbers
from hospital_prepay.domain.plain_text import is_invisible

_STAR: Final = "＊"
_HIDDEN: Final = "****"
_NEWBORN: Final = ("之子", "之女")
_IN_PERSON: Final = "本人"
_MOST_STARS: Final = 2
# A number with nothing between its groups but what parts those of one, or a code with letters.
_PIECE: Final = "[A-Za-z0-9]*[0-9][A-Za-z0-9]*"
_NUMBER: Final = re.compile(
    rf"{_PIECE}(?:{PARTS}{_PIECE})*(?:{PARTS}[Xx](?![A-Za-z0-9]))?|[A-Za-z0-9][A-Za-z0-9-]{{3,}}[A-Za-z0-9]"
)
_FEWEST: Final = 5


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
    """A paper as somebody named it: its words, and of each number its end, however its groups are parted:
    ``户口簿 1``, ``护照 **** 5678``, ``身份证 **** 0016``."""
    seen = "".join(sign for sign in text if sign.isspace() or not is_invisible(sign))
    return _NUMBER.sub(_end_of_number, unicodedata.normalize("NFKC", seen))


def mask_within(text: str) -> str:
    """A text that somebody wrote, such as a ground or what a paper says: the numbers of certificates, mobile phones
    and bank cards in it are masked, however wide or parted. Amounts, days and numbers of ours stay, and whatever
    stands around a number stays as it was written."""
    masked, done = "", 0
    for found in personal_numbers(text):
        masked += text[done : found.start] + _MASKS.get(found.kind, _ends)(found.number)
        done = found.end
    return masked + text[done:]


def _plain(text: str) -> str:
    """Half-width characters without blanks and hyphens."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text) if sign.isalnum())


def _end_of_number(found: re.Match[str]) -> str:
    number = _plain(found[0])
    return _tail(number) if len(number) >= _FEWEST else found[0]


def _ends(number: str) -> str:
    return f"{number[:4]} {_HIDDEN} {number[-4:]}" if len(number) >= 15 else _tail(number)


def _tail(number: str) -> str:
    shown = min(4, len(number) // 2)
    return f"{_HIDDEN} {number[-shown:]}" if shown else _HIDDEN if number else ""


_MASKS: Final[dict[str, Callable[[str], str]]] = {
    CERTIFICATE: mask_certificate,
    CARD: mask_card,
    PHONE: lambda number: mask_phone(number[-11:]),  # without the country's prefix
}

"""Numbers of certificates, mobile phones and bank cards in a text that somebody wrote, however they are typed.

A number is digits with nothing between them but blanks, dashes and dots of any width, and signs that nobody sees.
How it is grouped tells nothing: whatever groups together have the shape of a number are taken for it. What stands as
a day or an amount (``2026-01-05``, ``64.50``) isn't cut, and is part of a number only where its check digit says so
or most of the number stands outside.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.identity import is_resident_id
from hospital_prepay.domain.plain_text import is_invisible

CERTIFICATE: Final = "certificate"
PHONE: Final = "phone"
CARD: Final = "card"
# What may stand between two digits of one number, once it is narrow.
PARTS: Final = r"(?:[^\S\r\n]|[_.·•‧∙⋅・。‐‒–—―−-]){1,12}"
_BORN: Final = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
# A certificate number by its shape, right or mistyped: six digits of a place, a day of birth, three of an order.
_CERTIFICATE_18: Final = re.compile(rf"[1-9]\d{{5}}(?:19|20)\d\d{_BORN}\d{{3}}[\dXx]", re.ASCII)
_CERTIFICATE_15: Final = re.compile(rf"[1-9]\d{{5}}\d\d{_BORN}\d{{3}}", re.ASCII)
_MOBILE: Final = re.compile(r"(?:(?:00)?86|0)?1[3-9]\d{9}", re.ASCII)
# A bank card. What begins with 2 is a day, as in the numbers of bank slips.
_CARD: Final = re.compile(r"[3-69]\d{14,18}", re.ASCII)
_FEWEST, _MOST = 11, 19
_GROUP: Final = re.compile(r"[0-9]+|[Xx](?![A-Za-z0-9])")
_GAP: Final = re.compile(rf"(?:{PARTS})?")
_DAY: Final = re.compile(
    r"(?<![0-9])(?:19|20)[0-9]{2}([-./])(?:0?[1-9]|1[0-2])\1(?:[12][0-9]|3[01]|0?[1-9])(?![0-9])"
)
_AMOUNT: Final = re.compile(r"(?<![0-9.])(?:0|[1-9][0-9]{0,8})\.[0-9]{2}(?![0-9]|\.[0-9])")
# A time, and a day with its words: no number goes on behind them.
_WORDED: Final = re.compile(
    r"(?<![0-9])(?:[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?|(?:19|20)[0-9]{2}年[0-9]{1,2}月)(?![0-9])"
)
# An invisible sign as refusals and audit events spell it out.
_SPELLED: Final = re.compile(r"〈U\+[0-9A-F]{4,6}〉")


@dataclass(frozen=True, slots=True)
class Found:
    """A number in a text, from ``start`` to ``end`` of it: its letters and digits alone, and what it is; ``kind`` is
    empty where more than one may overlap."""

    start: int
    end: int
    number: str
    kind: str


def personal_numbers(text: str) -> list[Found]:
    """Every number of a person in ``text``, from left to right, none of them overlapping."""
    narrow, places = _seen(text)
    if sum(sign in "0123456789" for sign in narrow) < _FEWEST:
        return []
    whole = [found.span() for kind in (_DAY, _AMOUNT, _WORDED) for found in kind.finditer(narrow)]
    found: list[Found] = []
    for run in _runs(narrow):
        for first, last, kind in _merged(sorted(_numbers(narrow, run, whole))):
            start, end = run[first].start(), run[last].end()
            start -= narrow[:start].endswith("+")
            number = "".join(group[0] for group in run[first : last + 1])
            found.append(Found(places[start], places[end - 1] + 1, number, kind))
    return found


def _seen(text: str) -> tuple[str, list[int]]:
    """What is seen of the text, narrow and sign for sign, and where each sign stands in it."""
    spelled = {place for found in _SPELLED.finditer(text) for place in range(*found.span())}
    seen = [
        (place, _narrow(sign))
        for place, sign in enumerate(text)
        if place not in spelled and (sign.isspace() or not is_invisible(sign))
    ]
    return "".join(sign for _, sign in seen), [place for place, _ in seen]


def _narrow(sign: str) -> str:
    narrow = unicodedata.normalize("NFKC", sign)
    return str(unicodedata.decimal(sign, "")) or (narrow if len(narrow) == 1 else sign)


def _runs(narrow: str) -> Iterator[list[re.Match[str]]]:
    """Groups of digits, and the X behind them, with nothing between them but what parts the groups of one number."""
    run: list[re.Match[str]] = []
    for group in _GROUP.finditer(narrow):
        if run and not _GAP.fullmatch(narrow, run[-1].end(), group.start()):
            yield run
            run = []
        run.append(group)
    yield run


def _numbers(narrow: str, run: list[re.Match[str]], whole: list[tuple[int, int]]) -> Iterator[tuple[int, int, str]]:
    """The groups from first to last that have a number's shape, and its kind."""
    for first in range(len(run)):
        digits = ""
        for last in range(first, len(run)):
            digits += run[last][0]
            if len(digits) > _MOST:
                break
            start, end = run[first].start(), run[last].end()
            if len(digits) < _FEWEST or any(one < place < other for one, other in whole for place in (start, end)):
                continue
            inside = [narrow[one:other] for one, other in whole if start <= one and other <= end]
            beside = narrow[:start][-1:] + narrow[end : end + 1]
            if kind := _kind(digits, inside, any(sign.isascii() and sign.isalpha() for sign in beside)):
                yield first, last, kind


def _kind(digits: str, inside: list[str], lettered: bool) -> str:
    """What a number is, empty for none; what letters stand beside is no card, but a number of ours
    (TF20260105000001)."""
    if _CERTIFICATE_18.fullmatch(digits) and (not inside or is_resident_id(digits)):
        return CERTIFICATE
    amounts = sum(len(one) - 1 for one in inside)
    if any(_DAY.fullmatch(one) for one in inside) or 2 * amounts >= len(digits):
        return ""
    if _MOBILE.fullmatch(digits):
        return PHONE
    if _CERTIFICATE_15.fullmatch(digits):
        return CERTIFICATE
    return CARD if _CARD.fullmatch(digits) and not lettered else ""


def _merged(numbers: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Those that share a group as one, so that no end of another shows beside what is left of the first."""
    merged: list[tuple[int, int, str]] = []
    for first, last, kind in numbers:
        if merged and first <= merged[-1][1]:
            before = merged.pop()
            inner = last <= before[1]
            outer = first == before[0] and last >= before[1]
            kind = before[2] if inner else kind if outer else ""
            first, last = before[0], max(last, before[1])
        merged.append((first, last, kind))
    return merged

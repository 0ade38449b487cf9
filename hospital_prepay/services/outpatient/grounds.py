"""What somebody writes down of a refund: grounds, names and numbers of papers, every sign of them to be seen."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.plain_text import (
    LONGEST_GROUND,
    LONGEST_NAME,
    InvisibleCharacter,
    TooLong,
    check_ground,
    check_text,
)
from hospital_prepay.domain.references import foreign_letter

_FORMULA: Final = ("=", "+", "-", "@")


def required_ground(text: str, missing: str, field: str = "ground", longest: int = LONGEST_GROUND) -> str:
    """``text`` without blanks around it. Raises :class:`MalformedInput` with the words ``missing`` for none, and for
    one with a sign that nobody sees or that is too long; lines may end."""
    _require(text, missing, field)
    with named(field):
        check_ground(text.strip(), longest)
    return text.strip()


def required_line(text: str, missing: str, field: str, what: str, longest: int = LONGEST_NAME) -> str:
    """The same of a name or a paper's number, which is one line; ``what`` begins the words."""
    _require(text, missing, field)
    return plain_line(text, field, what, longest)


def plain_line(text: str, field: str, what: str, longest: int = LONGEST_NAME) -> str:
    """The same of one that may be empty."""
    with named(field, what):
        check_text(text.strip(), longest)
    return text.strip()


def refuse_formula(text: str, field: str, label: str) -> None:
    """Raise :class:`MalformedInput` for words that a spreadsheet would reckon with: they go into the bank's file."""
    if unicodedata.normalize("NFKC", text).lstrip()[:1] in _FORMULA:
        words = f"{label}不能以“{text.strip()[0]}”开头，请照证件或银行卡填写。"
        raise MalformedInput(words, code="formula", details={"field": field})


def refuse_foreign_letter(text: str, field: str, what: str) -> None:
    """Raise :class:`MalformedInput` for a number with a letter that only looks like one of ours: it would be another
    number, or none."""
    if sign := foreign_letter(text):
        words = f"{what}里的“{sign}”不是英文字母、数字或汉字。请删掉它，照原件重新输入。"
        raise MalformedInput(words, code="foreign_letter", details={"field": field})


def _require(text: str, missing: str, field: str) -> None:
    if not text.strip():
        raise MalformedInput(missing, code="missing_value", details={"field": field})


@contextmanager
def named(field: str, what: str = "") -> Iterator[None]:
    """What is wrong with a text inside names its ``field``; ``what`` begins the words."""
    try:
        yield
    except (InvisibleCharacter, TooLong) as error:
        raise type(error)(f"{what}{error.message}", details={"field": field}) from error

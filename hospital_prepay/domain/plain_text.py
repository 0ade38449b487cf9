"""Names and codes, whether somebody typed them or a file brought them: not too long, and every sign to be seen."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from hospital_prepay.domain.errors import MalformedInput

# What the columns of the database hold: PostgreSQL would refuse the whole file for one cell beyond it.
LONGEST_CODE: Final = 80
LONGEST_NAME: Final = 200
LONGEST_GROUND: Final = 300

# Letters and marks that are shown as nothing by default (Default_Ignorable_Code_Point of Unicode's
# DerivedCoreProperties, which Python's own data lacks), and the Braille cell without dots. Some count as letters:
# no category tells them.
SHOWN_AS_NOTHING: Final = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_SHOWN_AS_NOTHING: Final = re.compile(f"[{SHOWN_AS_NOTHING}]")


class TooLong(MalformedInput):
    """More signs than a name or code has; mostly another column's content."""

    code = "too_long"


class InvisibleCharacter(MalformedInput):
    """A sign that nobody sees makes two names look alike, or one read in another order than it is kept."""

    code = "invisible_character"


def is_invisible(sign: str) -> bool:
    """Whether ``sign`` is a control or format character, has no agreed shape, breaks lines or is shown as nothing."""
    category = unicodedata.category(sign)
    return category.startswith("C") or category in ("Zl", "Zp") or bool(_SHOWN_AS_NOTHING.match(sign))


def check_text(text: str, longest: int) -> None:
    """Raise :class:`InvisibleCharacter` or :class:`TooLong`, the words following the name of the column."""
    if not _all_shown(text) and (sign := next(filter(is_invisible, text), None)):
        raise InvisibleCharacter(f"里有看不见的字符（{_number(sign)}）。请删掉它，或把这一格重新输入一遍。")
    if len(text) > longest:
        raise TooLong(f"有 {len(text)} 个字，最多 {longest} 个。请核对这一列是不是放错了内容。")


def check_ground(text: str, longest: int = LONGEST_GROUND) -> None:
    """The same for what a person writes down in a form, in words that stand alone; lines may end."""
    if not _all_shown(text) and (sign := next(filter(_is_no_line_end, filter(is_invisible, text)), None)):
        raise InvisibleCharacter(f"说明里有看不见的字符（{_number(sign)}）。请删掉它，或重新输入一遍。")
    if len(text) > longest:
        raise TooLong(f"说明有 {len(text)} 个字，最多 {longest} 个。请写短一些。")


def spelled_out(text: str) -> str:
    """``text`` with each invisible sign as its number, to show or keep it as it stood."""
    if _all_shown(text):
        return text
    return "".join(f"〈{_number(sign)}〉" if is_invisible(sign) else sign for sign in text)


def look_alike(codes: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Codes that differ only by case or width, group by group. They are different codes all the same."""
    groups: dict[str, set[str]] = {}
    for code in codes:
        groups.setdefault(unicodedata.normalize("NFKC", code).casefold(), set()).add(code)
    return tuple(sorted(tuple(sorted(group)) for group in groups.values() if len(group) > 1))


def _is_no_line_end(sign: str) -> bool:
    return sign not in "\r\n"


def _all_shown(text: str) -> bool:
    return text.isprintable() and not _SHOWN_AS_NOTHING.search(text)


def _number(sign: str) -> str:
    return f"U+{ord(sign):04X}"

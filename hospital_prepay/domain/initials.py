"""Search keys of pinyin initials: 曾秀兰 is found under ``zxl``, 重症肺炎 under ``zzfy``.

Many characters have several readings, and dictionaries put the everyday one before that of the surname. So every
likely combination goes into the key, separated by blanks; a search looks for its letters anywhere in it.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import groupby
from typing import Final

from pypinyin import Style, pinyin

# Combinations kept for one text. Rarer readings go first when there are more.
_MOST_KEYS: Final = 16

# Initials of surnames that the dictionary reads otherwise first; a surname missing here is read as it says.
_SURNAMES: Final = {
    "曾": "z", "单": "s", "解": "x", "仇": "q", "查": "z", "乐": "yl", "区": "o", "召": "s", "种": "c", "覃": "qt",
    "翟": "z", "折": "s", "繁": "p", "秘": "b", "隗": "wk", "郇": "xh", "谌": "cs", "句": "g", "佴": "n", "乜": "n",
    "适": "k", "祭": "z", "阚": "k", "长": "c", "藏": "z",
}  # fmt: skip
# Surnames of two characters that begin like one above; the dictionary reads them, and all others, rightly.
_COMPOUND_SURNAMES: Final = ("单于", "长孙")


def initials(text: str, *, surname: bool) -> str:
    """The key of ``text``: its readings in lower-case initials, the likeliest first, separated by blanks.

    ASCII letters and digits are kept, other signs dropped. ``surname`` says that the text is a person's name: its
    beginning is then read as a surname first.
    """
    text = "".join(unicodedata.normalize("NFKC", text).lower().split())
    keys = [(0, "")]
    for letters in _options(text, surname):
        # A beam: each place adds its rank, so what is kept departs least from the likeliest readings.
        longer = [(cost + rank, key + letter) for cost, key in keys for rank, letter in enumerate(letters)]
        keys = sorted(longer, key=lambda item: item[0])[:_MOST_KEYS]
    return " ".join(key for _, key in keys)


def _options(text: str, surname: bool) -> list[str]:
    """For each sign that counts its possible letters, the likeliest first."""
    options: list[str] = []
    for kind, group in groupby(text, key=_kind):
        run = "".join(group)
        if kind == "plain":
            options += run
        elif kind == "chinese":
            options += _read(run, surname and not options)
    return options


def _kind(sign: str) -> str:
    if sign.isascii():
        return "plain" if sign.isalnum() else "dropped"
    return "chinese" if _readings(sign) else "dropped"


def _read(run: str, surname: bool) -> list[str]:
    in_context = [_letter(readings[0]) for readings in pinyin(run, style=Style.NORMAL)]
    first: list[str] = in_context if len(in_context) == len(run) else [""] * len(run)
    compound = len(run) > 2 and run.startswith(_COMPOUND_SURNAMES)
    if surname and not compound and run[0] in _SURNAMES:
        first[0] = _SURNAMES[run[0]]
    return ["".join(dict.fromkeys(likeliest + _readings(sign))) for likeliest, sign in zip(first, run, strict=True)]


@lru_cache(maxsize=8192)
def _readings(sign: str) -> str:
    """The initial letters of all readings of one character; empty for what has none."""
    found = pinyin(sign, heteronym=True, style=Style.NORMAL, errors="ignore")
    return "".join(dict.fromkeys(_letter(reading) for reading in found[0])) if found else ""


def _letter(reading: str) -> str:
    return reading[0] if reading and "a" <= reading[0] <= "z" else ""

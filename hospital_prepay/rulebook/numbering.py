"""Clause numbers: how they look, sort and are counted.

``17.2`` is article 17, item 2; ``annex1.2.3`` is an item of the first form. An instrument's ``numbering`` says in
short which numbers its text carries, counted apart from the entries: ``1-27 17.1-3``.
"""

from __future__ import annotations

import re

from hospital_prepay.rulebook.fields import fault

_NUMBER = re.compile(r"(?P<annex>annex)?(?P<parts>[1-9][0-9]*(?:\.[1-9][0-9]*)*)")
_RANGE = re.compile(r"(?P<head>(?:annex)?(?:[1-9][0-9]*\.)*)(?P<first>[1-9][0-9]*)-(?P<last>[1-9][0-9]*)")


def is_number(number: str) -> bool:
    """Whether ``number`` is formed as clause numbers are."""
    return _NUMBER.fullmatch(number) is not None


def sort_key(number: str) -> tuple[bool, tuple[int, ...]]:
    """Orders numbers as the notice does: articles before forms, 2 before 10, 3 before 3.1."""
    match = _NUMBER.fullmatch(number)
    if match is None:
        raise fault(number, "编号写法不对")
    return bool(match["annex"]), tuple(int(part) for part in match["parts"].split("."))


def parent(number: str) -> str | None:
    """The number one level up, or ``None`` for an article, section or form."""
    head, dot, _ = number.rpartition(".")
    return head if dot else None


def expand(numbering: str, where: str) -> frozenset[str]:
    """All numbers meant by ranges such as ``1-27 17.1-3``; raises :class:`RulebookFault` for another form."""
    numbers: set[str] = set()
    for part in numbering.split():
        match = _RANGE.fullmatch(part)
        if match is None or int(match["first"]) != 1:
            raise fault(where, f"编号范围“{part}”写法不对")
        numbers.update(f"{match['head']}{n}" for n in range(1, int(match["last"]) + 1))
    return frozenset(numbers)

"""Closing balances that come in several lines: parts of one balance are added, a contradiction is refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.movements import plain_name
from hospital_prepay.services.fund.statement_lines import ReadLine, ReadStatement, RejectedLine

# Money for central procurement is a prepayment of its own kind, with its own document and its own balance.
_PROCUREMENT: Final = ("集采", "集中采购", "专项预付")


def is_procurement(words: str) -> bool:
    """Whether a line speaks of a central-procurement prepayment."""
    return any(one in words for one in _PROCUREMENT)


def settle_totals(read: ReadStatement) -> ReadStatement:
    """The lines of a file of closing balances that count: each part of a balance once, a sum beside its parts not
    again. A balance that is said in two ways isn't taken at all: nobody could tell which one is right."""
    groups: defaultdict[tuple[str, bool], list[ReadLine]] = defaultdict(list)
    for line in read.lines:
        groups[line.item, is_procurement(line.remark)].append(line)
    kept: list[ReadLine] = []
    rejected: list[RejectedLine] = []
    for group in groups.values():
        lines = _said_once(group)
        problem = _said_twice(lines) or _sum_apart(lines)
        if problem:
            rejected += [RejectedLine(one.line_no, *problem, one.remark) for one in group]
        else:
            kept += _parts(lines)
    told = sorted((*read.rejected, *rejected), key=lambda one: one.line_no)
    repeated = read.repeated + len(read.lines) - len(kept) - len(rejected)
    return ReadStatement(tuple(kept), repeated, tuple(told))


def _said_once(group: Iterable[ReadLine]) -> list[ReadLine]:
    """A line that says the same as one before it is the same."""
    return list({(plain_name(one.remark), one.amount_fen): one for one in group}.values())


def _said_twice(lines: Sequence[ReadLine]) -> tuple[str, str] | None:
    names: dict[str, ReadLine] = {}
    for one in lines:
        before = names.setdefault(plain_name(one.remark), one)
        if before is not one:
            amounts = f"{Money(before.amount_fen)} 元和 {Money(one.amount_fen)} 元"
            words = f"“{one.remark}”写了两个余额（{amounts}），不知道算哪个。请只留一个，重新导入。"
            return "said_twice", words
    return None


def _sum_apart(lines: Sequence[ReadLine]) -> tuple[str, str] | None:
    whole = _whole(lines)
    if whole is None:
        return None
    parts = sum(one.amount_fen for one in lines) - whole.amount_fen
    if parts == whole.amount_fen:
        return None
    amounts = f"{Money(whole.amount_fen)} 元，明细相加 {Money(parts)} 元"
    return "sum_differs", f"“{whole.remark}”合计 {amounts}，对不上。请核对总账后重新导入。"


def _parts(lines: Sequence[ReadLine]) -> list[ReadLine]:
    whole = _whole(lines)
    return [one for one in lines if one is not whole]


def _whole(lines: Sequence[ReadLine]) -> ReadLine | None:
    """The line that is the sum of the others: theirs are its name with something behind it."""
    if len(lines) < 2:
        return None
    first = min(lines, key=lambda one: len(plain_name(one.remark)))
    name = plain_name(first.remark)
    return first if all(plain_name(one.remark).startswith(name) for one in lines) else None

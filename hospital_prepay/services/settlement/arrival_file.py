"""What bank or platform says of refunds, from a table: a row each, noted as a person would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput, PrepayError
from hospital_prepay.files.tables import Column, open_table
from hospital_prepay.persistence import receipts as books
from hospital_prepay.persistence import refund_arrivals as store
from hospital_prepay.services.context import Context
from hospital_prepay.services.settlement.arrivals import Awaited, mark_arrived, mark_failed

COLUMNS: Final[Mapping[str, Column]] = {
    "number": Column("票据号", ("receipt_no", "票据号", "退款票据", "票号")),
    "result": Column("结果", ("result", "结果", "状态")),
    "evidence": Column("凭证号", ("evidence", "凭证号", "流水号", "回单号"), required=False),
    "words": Column("原因", ("reason", "原因", "失败原因"), required=False),
}
_ARRIVED: Final = ("到账", "成功", "arrived")
_FAILED: Final = ("失败", "退回", "failed")


class Told(StrEnum):
    """What came of a line."""

    ARRIVED = "arrived"
    FAILED = "failed"
    KNOWN = "known"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class ToldLine:
    """One line of the table and what came of it; ``problem`` says what to do about one that couldn't be used."""

    line: int
    number: str
    told: Told
    problem: str = ""


def take_arrival_file(context: Context, actor: Actor, path: Path) -> list[ToldLine]:
    """Take in a table of results, line by line; what keeps one back keeps no other back, and the same again changes
    nothing. Needs ``settlement.manage``; raises what reading a table raises, nothing being taken then."""
    actor.require(Permission.SETTLEMENT_MANAGE)
    lines = []
    with open_table(path) as table:
        places = table.columns(COLUMNS)
        for line, cells in table.rows:
            said = {name: cells[place].strip() for name, place in places.items() if place < len(cells)}
            try:
                lines.append(ToldLine(line, said.get("number", "")[:20], _take(context, actor, said)))
            except PrepayError as error:
                lines.append(ToldLine(line, said.get("number", "")[:20], Told.REJECTED, error.message))
    return lines


def _take(context: Context, actor: Actor, said: Mapping[str, str]) -> Told:
    told, words = _said(said)
    book, serial = books.split_number(said.get("number", ""))
    with context.database.reading() as connection:
        attempts = store.of_slip(connection, actor.institution_id, book, serial)
    if any((one.state, one.evidence) == (told.value, words) for one in attempts):
        return Told.KNOWN
    standing = [one for one in attempts if one.state != "dropped"]
    seen = Awaited(books.receipt_number(book, serial), standing[-1].attempt_no if standing else 1)
    if told is Told.ARRIVED:
        mark_arrived(context, actor, seen, words)
    else:
        mark_failed(context, actor, seen, words)
    return told


def _said(said: Mapping[str, str]) -> tuple[Told, str]:
    result = said.get("result", "")
    evidence, words = said.get("evidence", ""), said.get("words", "")
    if result in _ARRIVED:
        return Told.ARRIVED, _needed(evidence, "到账的要有凭证号。请补上。")
    if result in _FAILED:
        _needed(words, "失败的要写原因。请补上。")
        return Told.FAILED, "，".join(filter(None, (words, evidence)))
    raise MalformedInput(f"结果“{result[:20]}”读不懂。请写“到账”或“失败”。")


def _needed(text: str, missing: str) -> str:
    if not text:
        raise MalformedInput(missing)
    return text


def said_lines(lines: Sequence[ToldLine]) -> Mapping[Told, int]:
    """How many lines came to what."""
    return {told: sum(one.told is told for one in lines) for told in Told}

"""A table that is taken in row by row: a row that can't be used keeps no other back, and the file may come again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hospital_prepay.domain.errors import PrepayError
from hospital_prepay.files.tables import Column, open_table
from hospital_prepay.services.import_runs import Report

_TOLD_EVERY: Final = 200


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that can't be used, and what to do about it."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class TakenRow:
    """A row that was taken: whether it was new, and what is still to be done about it, if anything."""

    is_new: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TakenFile:
    """What became of a file: rows that were new, rows known before, rows that somebody must look at."""

    applied: int
    known: int
    rejected: tuple[RejectedRow, ...]

    @property
    def words(self) -> str:
        """It in a sentence."""
        return f"收下 {self.applied:,} 条，重复 {self.known:,} 条，要处理的 {len(self.rejected):,} 行。"


def untold(_done: int, _whole: int) -> None:
    """Nobody waits to be told how far it is."""


def take_rows(
    path: Path,
    columns: Mapping[str, Column],
    take: Callable[[Sequence[str], Mapping[str, int]], TakenRow],
    report: Report,
) -> TakenFile:
    """Take in a table, each row on its own. Raises what reading a table raises, nothing being taken then."""
    applied, known, rejected = 0, 0, list[RejectedRow]()
    with open_table(path) as table:
        places = table.columns(columns)
        for count, (line, cells) in enumerate(table.rows, 1):
            if count % _TOLD_EVERY == 0:
                report(count, 0)
            try:
                row = take(cells, places)
            except PrepayError as error:
                rejected.append(RejectedRow(line, error.message))
                continue
            applied += row.is_new
            known += not row.is_new
            if row.problem:
                rejected.append(RejectedRow(line, row.problem))
    return TakenFile(applied, known, tuple(rejected))

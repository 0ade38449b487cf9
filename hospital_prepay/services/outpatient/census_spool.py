"""A file of accounts on its way into the database: read once, personal data encrypted at once, kept as lines.

The lines are those that PostgreSQL's COPY takes. They lie in a file, so that memory stays flat however long the
register is; beside it lies a shorter one of marks, by which DuckDB finds what stands twice.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from hospital_prepay.domain.errors import Conflict
from hospital_prepay.files.tables import Table, open_table
from hospital_prepay.persistence.outpatient_accounts import repeated_numbers
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.account_rows import AccountReader, RejectedAccount, duplicate
from hospital_prepay.services.outpatient.census_doubts import Doubted, Doubts
from hospital_prepay.services.outpatient.sealing import Sealed, Sealer, employ, seal, unescaped

_PART: Final = 1_000
_TOLD: Final = 20_000
# From some hundred thousand accounts on, starting processes takes less than they save.
_LONG: Final = 16_000_000


@dataclass
class Spool:
    """The rows of one file. ``lines`` are those that go in: what stood twice or is known already is left out.
    ``unread`` are rows with a day that couldn't be read, :attr:`doubtful` those of them that go in; ``noted`` is what
    else doesn't look right, :attr:`doubts` of those that go in."""

    folder: Path
    sha256: str = ""
    accepted: int = 0
    total_fen: int = 0
    rejected: list[RejectedAccount] = field(default_factory=list)
    unread: list[RejectedAccount] = field(default_factory=list)
    noted: Doubts = field(default_factory=Doubts)
    _left_out: set[int] = field(default_factory=set)

    @property
    def path(self) -> Path:
        """The accounts, a line each."""
        return self.folder / "accounts.txt"

    @property
    def marks(self) -> Path:
        """For each of the lines its number in the file that was read, its fen and its account."""
        return self.folder / "marks.txt"

    def lines(self) -> Iterator[str]:
        """The lines that go in."""
        with self.path.open(encoding="utf-8", newline="\n") as rows:
            if self._left_out:
                yield from (
                    row for row, (line, _, _) in zip(rows, self._marks(), strict=True) if line not in self._left_out
                )
            else:
                yield from rows

    @property
    def doubtful(self) -> list[RejectedAccount]:
        """Rows that go in although their day couldn't be read."""
        return [one for one in self.unread if one.line not in self._left_out]

    @property
    def doubts(self) -> list[Doubted]:
        """What doesn't look right of the rows that go in."""
        return self.noted.of_others_than(self._left_out)

    def leave_out(self, refused: RejectedAccount, fen: int) -> None:
        """Set a row aside that was taken at first."""
        self._left_out.add(refused.line)
        self.rejected.append(refused)
        self.accepted -= 1
        self.total_fen -= fen

    def set_known_aside(self, known: Callable[[Sequence[str]], set[str]]) -> None:
        """Leave out every account that ``known`` says is there already."""
        marks = (mark for mark in self._marks() if mark[0] not in self._left_out)
        while part := list(islice(marks, _PART)):
            there = known([number for _, _, number in part])
            for line, fen, number in part:
                if number in there:
                    words = f"账户号“{number}”以前已经导入。数错了请走更正，不要重复导入。"
                    self.leave_out(RejectedAccount(line, "known_account", words), fen)
        self.rejected.sort(key=lambda one: one.line)

    def _marks(self) -> Iterator[tuple[int, int, str]]:
        with self.marks.open(encoding="utf-8", newline="\n") as marks:
            for mark in marks:
                line, fen, number = mark.rstrip("\n").split("\t")
                yield int(line), int(fen), unescaped(number)


def spool_accounts(
    context: Context,
    institution_id: str,
    path: Path,
    folder: Path,
    progress: Callable[[int, int], None] | None,
    balances_on: date | None = None,
) -> Spool:
    """Read the file at ``path`` and keep its accounts as lines in ``folder``; what moved after ``balances_on`` is set
    aside. Raises what reading a table raises, and :class:`Conflict` where the machine stopped a helping process."""
    spool = Spool(folder)
    with open_table(path) as table, spool.path.open("wb") as lines, spool.marks.open("wb") as marks:
        spool.sha256 = table.sha256
        told = _TOLD
        for part in _in_parts(Sealer(AccountReader(table, balances_on), context.settings, institution_id), table):
            lines.write(part.lines)
            marks.write(part.marks)
            spool.accepted += part.accepted
            spool.total_fen += part.fen
            spool.rejected += part.rejected
            spool.unread += part.doubtful
            spool.noted.add(part.doubts)
            if progress and spool.accepted >= told:
                progress(spool.accepted, 0)
                told = spool.accepted + _TOLD
    for line, number, first, fen in repeated_numbers(spool.marks, folder):
        spool.leave_out(duplicate(line, unescaped(number), first), fen)
    spool.rejected.sort(key=lambda one: one.line)
    return spool


def _in_parts(sealer: Sealer, table: Table) -> Iterator[Sealed]:
    """The parts of the table in its order. Reading rows costs little beside judging and encrypting them: for a long
    file each processor takes parts, as they stand in the file where that can be, and no more are under way than are
    needed to keep them busy."""
    rows, plain = iter(table.rows), table.plain
    helpers = len(os.sched_getaffinity(0))
    if helpers < 2 or table.size < _LONG:
        yield from map(sealer.seal, iter(lambda: list(islice(rows, _PART)), []))
        return
    parts: Iterator[Any] = iter(lambda: list(islice(rows, _PART)), []) if plain is None else plain.blocks(_PART)
    # A fresh process each: a fork would carry the threads' locks of this one along.
    with ProcessPoolExecutor(helpers, get_context("spawn"), employ, (sealer, plain)) as pool:
        under_way: deque[Future[Sealed]] = deque()
        try:
            for part in parts:
                under_way.append(pool.submit(seal, part))
                if len(under_way) > 2 * helpers:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        except BrokenExecutor as error:
            words = "读文件时系统停掉了一个进程，可能是内存不够，一条也没有存。请重新上传；再这样请告诉信息科。"
            raise Conflict(words) from error

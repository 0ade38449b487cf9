"""A file of accounts on its way into the database: read once, personal data encrypted at once, taken part by part.

Memory stays flat however long the register is. What may have stood on an earlier line waits in a file until the last
line was read; beside it lies one of marks, by which DuckDB finds what really stands twice.
"""

from __future__ import annotations

import os
import pickle
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from hospital_prepay.domain.errors import Conflict
from hospital_prepay.files.tables import Table
from hospital_prepay.persistence.outpatient_accounts import repeated_numbers
from hospital_prepay.services.outpatient.account_rows import RejectedAccount, duplicate
from hospital_prepay.services.outpatient.census_doubts import Doubted, Doubts
from hospital_prepay.services.outpatient.sealing import CHECKSUMS, Sealed, Sealer, employ, seal, unescaped

_PART: Final = 1_000
_TOLD: Final = 20_000
# From some hundred thousand accounts on, starting processes takes less than they save.
_LONG: Final = 16_000_000

Progress = Callable[[int, int], None]


@dataclass
class Intake:
    """What of one file goes in. :attr:`doubtful` and :attr:`doubts` tell of the accounts that do; ``rejected`` are
    the rows that don't. ``known`` says which of some numbers are there already."""

    folder: Path
    known: Callable[[Sequence[str]], set[str]] | None = None
    accepted: int = 0
    total_fen: int = 0
    rejected: list[RejectedAccount] = field(default_factory=list)
    _unread: list[RejectedAccount] = field(default_factory=list)
    _noted: Doubts = field(default_factory=Doubts)
    _left_out: set[int] = field(default_factory=set)
    _waiting: bool = False

    def take(self, part: Sealed) -> bytes:
        """Those lines of the next part that go in at once."""
        self.accepted += part.accepted
        self.total_fen += part.fen
        self.rejected += part.rejected
        self._unread += part.doubtful
        self._noted.add(part.doubts)
        with self._marks_path.open("ab") as marks:
            marks.write(part.marks)
        aside = set(self._perhaps_twice(part))
        waiting = aside - (there := self._known_of(part))
        if not (aside or there):
            return part.lines
        lines = part.lines.split(b"\n")[:-1]
        if waiting:
            self._waiting = True
            marks_of = part.marks.split(b"\n")
            with self._waiting_path.open("ab") as file:
                file.writelines(
                    marks_of[at].partition(b"\t")[0] + b"\t" + lines[at] + b"\n" for at in sorted(waiting)
                )
        return b"".join(line + b"\n" for at, line in enumerate(lines) if at not in aside and at not in there)

    def rest(self) -> Iterator[bytes]:
        """The lines that waited and go in after all; after the last part."""
        if self._waiting:
            for line_no, number, first, fen in repeated_numbers(self._marks_path, self.folder):
                if line_no not in self._left_out:
                    self._leave_out(duplicate(line_no, unescaped(number), first), fen)
            with self._waiting_path.open("rb") as file:
                for row in file:
                    of, _, line = row.partition(b"\t")
                    if int(of) not in self._left_out:
                        yield line
        self.rejected.sort(key=lambda one: one.line)

    @property
    def doubtful(self) -> list[RejectedAccount]:
        """Rows that go in although their day couldn't be read."""
        return [one for one in self._unread if one.line not in self._left_out]

    @property
    def doubts(self) -> list[Doubted]:
        """What doesn't look right of the rows that go in."""
        return self._noted.of_others_than(self._left_out)

    @property
    def _marks_path(self) -> Path:
        return self.folder / "marks.txt"

    @property
    def _waiting_path(self) -> Path:
        return self.folder / "waiting.txt"

    @cached_property
    def _seen(self) -> bytearray:
        return bytearray(CHECKSUMS)

    def _perhaps_twice(self, part: Sealed) -> Iterator[int]:
        """Which lines of a part have a number whose checksum was there before: all that repeat one, and one or two in
        a hundred that don't."""
        seen = self._seen
        for at, checksum in enumerate(part.checksums):
            if seen[checksum]:
                yield at
            else:
                seen[checksum] = 1

    def _known_of(self, part: Sealed) -> set[int]:
        """Which lines of a part name an account that is there already; they are left out."""
        if self.known is None:
            return set()
        marks = [mark.split("\t") for mark in part.marks.decode().split("\n")[:-1]]
        numbers = [unescaped(number) for _, _, number in marks]
        there = self.known(numbers)
        found = {at for at, number in enumerate(numbers) if number in there}
        for at in found:
            words = f"账户号“{numbers[at]}”以前已经导入。数错了请走更正，不要重复导入。"
            self._leave_out(RejectedAccount(int(marks[at][0]), "known_account", words), int(marks[at][1]))
        return found

    def _leave_out(self, refused: RejectedAccount, fen: int) -> None:
        self._left_out.add(refused.line)
        self.rejected.append(refused)
        self.accepted -= 1
        self.total_fen -= fen


def sealed_parts(sealer: Sealer, table: Table, progress: Progress | None) -> Generator[Sealed]:
    """The parts of the table in its order; ``progress`` is told how many accounts were read. Raises what reading a
    table raises, and :class:`Conflict` where the machine stopped a helping process."""
    done, told = 0, _TOLD
    for part in _in_parts(sealer, table):
        yield part
        done += part.accepted
        if progress and done >= told:
            progress(done, 0)
            told = done + _TOLD


def spooled(parts: Iterator[Sealed], path: Path) -> Generator[Sealed]:
    """The same parts, all of them read before the first is given: for a database whose one writer everybody waits
    for while a file is read."""
    with path.open("wb") as file:
        for part in parts:
            pickle.dump(part, file, pickle.HIGHEST_PROTOCOL)
    return _unspooled(path)


def _unspooled(path: Path) -> Generator[Sealed]:
    with path.open("rb") as file:
        while file.peek(1):
            yield pickle.load(file)


def _in_parts(sealer: Sealer, table: Table) -> Iterator[Sealed]:
    """Reading rows costs little beside judging and encrypting them: for a long file each processor takes parts, as
    they stand in the file where that can be, and no more are under way than are needed to keep them busy."""
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

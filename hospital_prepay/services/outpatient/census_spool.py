"""A file of accounts on its way into the database: read once, personal data encrypted at once, kept as lines.

The lines are those that PostgreSQL's COPY takes. They lie in a file, so that memory stays flat however long the
register is; what stands twice is found over that file by DuckDB.
"""

from __future__ import annotations

import gc
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from hospital_prepay.crypto import FieldCipher, KeyedHash
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.domain.identity import same_person_number
from hospital_prepay.domain.rules.outpatient.reach import channel_of, phone_number, reach
from hospital_prepay.files.tables import PlainLines, Table, open_table
from hospital_prepay.persistence.outpatient_accounts import repeated_numbers
from hospital_prepay.services.context import Context, field_cipher, keyed_hash
from hospital_prepay.services.outpatient.account_rows import (
    UNREADABLE_DAY,
    AccountReader,
    AccountRow,
    RejectedAccount,
    duplicate,
    unreadable_day,
)
from hospital_prepay.settings import Settings

_PART: Final = 1_000
_TOLD: Final = 20_000
# From some hundred thousand accounts on, starting processes takes less than they save.
_LONG: Final = 16_000_000
_quoted = json.JSONEncoder(ensure_ascii=False).encode
_SLASH: Final = "\\"
_SLASHES: Final = "\\\\"
# How the owner's data are kept: one encrypted text, and a keyed hash each for what is looked up.
PERSONAL: Final = "outpatient_account.personal"
CERTNO: Final = "outpatient.certno"
PHONE: Final = "outpatient.phone"


@dataclass
class Spool:
    """The rows of one file. ``lines`` are those that go in: what stood twice or is known already is left out.
    ``unread`` are rows with a day that couldn't be read, :attr:`doubtful` those of them that go in."""

    path: Path
    sha256: str = ""
    accepted: int = 0
    total_fen: int = 0
    rejected: list[RejectedAccount] = field(default_factory=list)
    unread: list[RejectedAccount] = field(default_factory=list)
    _left_out: set[int] = field(default_factory=set)

    def lines(self) -> Iterator[str]:
        """The lines that go in, each with its number and fen cut off."""
        out = {str(line) for line in self._left_out}
        with self.path.open(encoding="utf-8", newline="\n") as rows:
            for row in rows:
                line, _, text = row.split("\t", 2)
                if line not in out:
                    yield text

    @property
    def doubtful(self) -> list[RejectedAccount]:
        """Rows that go in although their day couldn't be read."""
        return [one for one in self.unread if one.line not in self._left_out]

    def leave_out(self, refused: RejectedAccount, fen: int) -> None:
        """Set a row aside that was taken at first."""
        self._left_out.add(refused.line)
        self.rejected.append(refused)
        self.accepted -= 1
        self.total_fen -= fen

    def set_known_aside(self, known: Callable[[Sequence[str]], set[str]]) -> None:
        """Leave out every account that ``known`` says is there already."""
        part: list[tuple[int, int, str]] = []
        for line, fen, text in self._rows():
            if line not in self._left_out:
                part.append((line, fen, text.partition("\t")[0].replace(_SLASHES, _SLASH)))
            if len(part) == _PART:
                self._leave_known_out(part, known)
                part = []
        if part:
            self._leave_known_out(part, known)
        self.rejected.sort(key=lambda one: one.line)

    def _leave_known_out(self, part: list[tuple[int, int, str]], known: Callable[[Sequence[str]], set[str]]) -> None:
        there = known([number for _, _, number in part])
        for line, fen, number in part:
            if number in there:
                words = f"账户号“{number}”以前已经导入。数错了请走更正，不要重复导入。"
                self.leave_out(RejectedAccount(line, "known_account", words), fen)

    def _rows(self) -> Iterator[tuple[int, int, str]]:
        with self.path.open(encoding="utf-8", newline="\n") as rows:
            for row in rows:
                line, fen, text = row.split("\t", 2)
                yield int(line), int(fen), text


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
    spool = Spool(folder / "accounts.txt")
    with open_table(path) as table, spool.path.open("w", encoding="utf-8", newline="\n") as target:
        spool.sha256 = table.sha256
        told = _TOLD
        for part in _in_parts(_Clerk(AccountReader(table, balances_on), context.settings, institution_id), table):
            target.write(part.text)
            spool.accepted += part.accepted
            spool.total_fen += part.fen
            spool.rejected += part.rejected
            spool.unread += part.doubtful
            if progress and spool.accepted >= told:
                progress(spool.accepted, 0)
                told = spool.accepted + _TOLD
    for line, number, first, fen in repeated_numbers(spool.path, folder):
        spool.leave_out(duplicate(line, number, first), fen)
    spool.rejected.sort(key=lambda one: one.line)
    return spool


@dataclass(frozen=True, slots=True)
class _Part:
    """What some rows came to: their lines, how many and how much, and those that can't be taken."""

    text: str
    accepted: int
    fen: int
    rejected: list[RejectedAccount]
    doubtful: list[RejectedAccount]


def _in_parts(clerk: _Clerk, table: Table) -> Iterator[_Part]:
    """The parts of the table in its order. Reading rows costs little beside judging and encrypting them: for a long
    file each processor takes parts, as they stand in the file where that can be, and no more are under way than are
    needed to keep them busy."""
    rows, plain = iter(table.rows), table.plain
    clerks = len(os.sched_getaffinity(0))
    if clerks < 2 or table.size < _LONG:
        yield from map(clerk.take, iter(lambda: list(islice(rows, _PART)), []))
        return
    parts: Iterator[Any] = iter(lambda: list(islice(rows, _PART)), []) if plain is None else plain.blocks(_PART)
    # A fresh process each: a fork would carry the threads' locks of this one along.
    with ProcessPoolExecutor(clerks, get_context("spawn"), _employ, (clerk, plain)) as pool:
        under_way: deque[Future[_Part]] = deque()
        try:
            for part in parts:
                under_way.append(pool.submit(_take, part))
                if len(under_way) > 2 * clerks:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        except BrokenExecutor as error:
            words = "读文件时系统停掉了一个进程，可能是内存不够，一条也没有存。请重新上传；再这样请告诉信息科。"
            raise Conflict(words) from error


class _Clerk:
    """Turns rows into lines, with the owner's numbers encrypted and hashed."""

    def __init__(self, reader: AccountReader, settings: Settings, institution_id: str) -> None:
        self._reader = reader
        self._settings = settings
        self._institution_id = institution_id

    @cached_property
    def _cipher(self) -> FieldCipher:
        return field_cipher(self._settings)

    @cached_property
    def _hash(self) -> KeyedHash:
        return keyed_hash(self._settings)

    def take(self, rows: Iterable[tuple[int, Sequence[str]]]) -> _Part:
        """Judge and seal some rows of the file."""
        lines: list[str] = []
        rejected: list[RejectedAccount] = []
        doubtful: list[RejectedAccount] = []
        fen = 0
        for line, cells in rows:
            row = self._reader.read(line, cells)
            if isinstance(row, RejectedAccount):
                rejected.append(row)
            elif row.balance.fen < 0:
                words = f"余额是 {row.balance} 元，小于零。欠费不是预交金，请从文件里去掉。"
                rejected.append(RejectedAccount(line, "negative_amount", words))
            else:
                lines.append(self._line_of(row))
                fen += row.balance.fen
                # The day of filing isn't stored: filings are made here.
                doubtful += [
                    RejectedAccount(line, UNREADABLE_DAY, unreadable_day(key, text))
                    for key, text in row.unread
                    if key == "last_movement_on"
                ]
        return _Part("".join(lines), len(lines), fen, rejected, doubtful)

    def _line_of(self, row: AccountRow) -> str:
        """Line number and fen first, then the columns of an account in the order of ``SPOOLED``."""
        own, fen = self._institution_id, str(row.balance.fen)
        certno, phone = same_person_number(row.certno) if row.certno else "", phone_number(row.phone)
        personal = ""
        if row.certno or row.phone:
            text = f'{{"certno": {_quoted(row.certno)}, "phone": {_quoted(row.phone)}}}'
            personal = self._cipher.encrypt(text, institution=own, field=PERSONAL)
        cells = (
            str(row.line),
            fen,
            row.account_no,
            row.kind,
            row.name,
            personal,
            self._hash.digest(certno, institution=own, field=CERTNO) if certno else "",
            self._hash.digest(phone, institution=own, field=PHONE) if phone else "",
            reach(row.name, row.certno, phone),
            channel_of(row.channel),
            row.patient_no,
            fen,
        )
        day = row.last_movement_on.isoformat() if row.last_movement_on else "\\N"
        line = "\t".join(cells)
        return f"{line.replace(_SLASH, _SLASHES) if _SLASH in line else line}\t{day}\n"


# The clerk of a process that was started to help, and how the blocks are split that it is given.
_employed: list[tuple[_Clerk, PlainLines | None]] = []


def _employ(clerk: _Clerk, plain: PlainLines | None) -> None:
    _employed[:] = [(clerk, plain)]
    # Rows lie in no circles: looking for some every 700 objects takes a twentieth of the time.
    gc.set_threshold(100_000, 50, 50)


def _take(part: list[tuple[int, list[str]]] | tuple[int, str]) -> _Part:
    clerk, plain = _employed[0]
    if isinstance(part, list):
        return clerk.take(part)
    assert plain is not None, "blocks come from plain lines"
    return clerk.take(plain.rows_of(*part))

"""The parts of a census that are opened in the books one after the other, each read and put together beforehand.

Where the database has one writer, a thread beside it would often hold what the writing one needs to go on. For a long
import another process does it then: it is told where the database is and opens it for reading, and hands back rows
that are ready to be posted with the hash over them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing import get_context
from typing import Final

from hospital_prepay.domain.ledger.chart import outpatient_account
from hospital_prepay.domain.ledger.entry import EntryHead, ReadyEntry
from hospital_prepay.persistence import outpatient_accounts as store
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.outpatient_accounts import ImportState
from hospital_prepay.services.processes import begin_helping

# Starting a process takes as long as opening some ten thousand accounts.
_LONG: Final = 50_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What every part of an import shares: whose it is, how many accounts a part has, and who opens them; ``fresh``
    when the books had none of them as the booking began."""

    institution_id: str
    found: ImportState
    size: int
    opened_by: str
    fresh: bool


@dataclass(frozen=True, slots=True)
class Part:
    """Accounts that are next to be opened, from ``first`` to ``last``, with their entry; none where all are empty."""

    first: str
    last: str
    accounts: int
    entry: ReadyEntry | None


class Ahead:
    """One part ahead of the writing. A process that can't be had or is lost is done without."""

    def __init__(self, database: Database, asked: Asked, thread: Executor, process: Executor | None) -> None:
        self._database = database
        self._asked = asked
        self._thread = thread
        self._process = process
        self._started = process.submit(int) if process else None
        self._begun: tuple[str, datetime, Future[Part | None]] | None = None

    def read(self, after: str, now: datetime) -> None:
        """Begin with the part behind the account ``after``, to be dated ``now``."""
        self._begun = (after, now, self._submit(after, now))

    def look_up(self) -> None:
        """From now on the books are asked for every account: somebody else opens some of them."""
        self._asked = replace(self._asked, fresh=False)

    def part(self) -> Part | None:
        """The part that was begun with, or ``None`` behind the last."""
        assert self._begun is not None
        after, now, coming = self._begun
        try:
            return coming.result()
        except BrokenExecutor:
            self.read(after, now)
            return self._begun[2].result()

    def _submit(self, after: str, now: datetime) -> Future[Part | None]:
        try:
            if self._process and self._started and self._started.done():
                return self._process.submit(_take, self._asked, after, now)
        except BrokenExecutor:
            self._process = None
        return self._thread.submit(next_part, self._database, self._asked, after, now)


@contextmanager
def reading_ahead(database: Database, asked: Asked) -> Iterator[Ahead]:
    """Parts of one import; what was begun and nobody takes is waited for."""
    with ThreadPoolExecutor(1, "census") as thread:
        process = _process(database) if _pays(database, asked.found.accepted) else None
        try:
            yield Ahead(database, asked, thread, process)
        finally:
            if process:
                process.shutdown()


def next_part(database: Database, asked: Asked, after: str, now: datetime) -> Part | None:
    """The next accounts behind ``after`` that the books don't have yet."""
    own, found = asked.institution_id, asked.found
    with database.reading() as connection:
        part = store.next_accounts(connection, own, found.import_no, after, asked.size, fresh=asked.fresh)
    if not part:
        return None
    first, last = part[0][0], part[-1][0]
    fen = [opening for _, _, opening in part if opening]
    if not fen:
        return Part(first, last, len(part), None)
    head = EntryHead(
        institution_id=own,
        idempotency_key=f"outpatient_opening:{found.import_no}:{first}",
        kind="outpatient_opening",
        summary="门诊余额清查期初入账",
        source=f"outpatient_import:{found.import_no}",
        occurred_at=now,
        posted_at=now,
        effective_on=found.balances_on,
        posted_by=asked.opened_by,
    )
    held = [outpatient_account(number, is_deposit=is_deposit) for number, is_deposit, opening in part if opening]
    entry = ReadyEntry.opening(head, "1002", held, fen)
    return Part(first, last, len(part), entry)


def _pays(database: Database, accounts: int) -> bool:
    return database.writers == 1 and accounts >= _LONG and len(os.sched_getaffinity(0)) > 1


def _process(database: Database) -> Executor | None:
    try:
        # A fresh one: a fork would carry the threads' locks of this one along.
        return ProcessPoolExecutor(1, get_context("spawn"), _employ, (database.address,))
    except (OSError, ImportError, NotImplementedError):
        return None  # no semaphores on this platform


# The database of a process that was started to help.
_employed: list[Database] = []


def _employ(address: str) -> None:
    _employed[:] = [Database(address, pool_size=1)]
    begin_helping()


def _take(asked: Asked, after: str, now: datetime) -> Part | None:
    return next_part(_employed[0], asked, after, now)

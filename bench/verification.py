"""Checking sealed entries: the hashes alone, and the whole check as ``ledger verify`` does it, on both databases."""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench import contenders as c
from hospital_prepay.clock import Clock, FixedClock
from hospital_prepay.domain.ledger.seal import LEAF_BYTES, leaf, merkle_root
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger import ledger_on, open_account, open_chart
from hospital_prepay.persistence.migrate import upgrade
from hospital_prepay.services.ledger.seals import seal_ledger, verify_ledger
from tests import servers

_BATCH = 5000
_BLOCK = 10_000
_MILLION = 1_000_000


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of this section."""
    parser.add_argument("--entries", type=int, default=200_000, help="entries that are sealed and checked")


def run(options: argparse.Namespace) -> None:
    """Print seconds a million entries: bulk hash (the limit), the seals, the whole check."""
    count = options.entries
    contents = [b"%0250d" % number for number in range(count)]
    hashes = _timed("limit: SHA-256 over 250 bytes each", count, lambda: _digests(contents), goal=None)
    leaves = b"".join([leaf(number, digest) for number, digest in enumerate(hashes, 1)])
    _timed("seals: Merkle roots of blocks", count, lambda: _roots(leaves), goal=1.1)
    with tempfile.TemporaryDirectory() as folder:
        for name, opened in (("SQLite", _sqlite(Path(folder))), ("PostgreSQL", _postgresql())):
            with opened as database:
                clock = _fill(database, count)
                data = Path(folder) / name
                began = time.perf_counter()
                seal_ledger(database, data, clock)
                print(f"  {name}: sealed {count:,} entries in {time.perf_counter() - began:.2f} s")

                def check(database: Database = database, data: Path = data, clock: Clock = clock) -> None:
                    found = verify_ledger(database, data, clock)
                    assert found.intact, found.findings[:3]

                _timed(f"{name}: content, seals, balances", count, check, goal=None)


def _digests(contents: list[bytes]) -> list[bytes]:
    sha256 = hashlib.sha256
    return [sha256(text).digest() for text in contents]


def _roots(leaves: bytes) -> list[bytes]:
    step = LEAF_BYTES * _BLOCK
    return [merkle_root(leaves[at : at + step]) for at in range(0, len(leaves), step)]


def _timed(what: str, count: int, work: Callable[[], Any], goal: float | None) -> Any:
    seconds, processor = [], []
    for _ in range(3):
        began, used = time.perf_counter(), time.process_time()
        result = work()
        seconds.append((time.perf_counter() - began) * _MILLION / count)
        processor.append((time.process_time() - used) * _MILLION / count)
    middle = statistics.median(seconds)
    verdict = "" if goal is None else f", goal {goal:g} s: {'reached' if middle <= goal else 'missed'}"
    print(
        f"  {what:<40}{middle:>7.2f} s a million ({min(seconds):.2f} … {max(seconds):.2f};"
        f" {statistics.median(processor):.2f} s of this processor){verdict}",
        flush=True,
    )
    return result


def _fill(database: Database, count: int) -> FixedClock:
    clock = FixedClock(Clock().now())
    account = "2302:bench"
    with database.writing() as connection:
        open_chart(connection, c.HOSPITAL, clock.now())
        open_account(connection, c.HOSPITAL, account, name="x", opened_at=clock.now(), guarded=True)
    lines = (c.Posting("1001", debit=Money(1)), c.Posting(account, credit=Money(1)))
    for start in range(0, count, _BATCH):
        clock.moment += timedelta(seconds=1)
        with database.writing() as connection:
            ledger_on(connection).post_many(
                [
                    c.make_entry(f"k{number}", clock.now(), lines)
                    for number in range(start, min(start + _BATCH, count))
                ]
            )
    return clock


@contextmanager
def _sqlite(folder: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{folder / 'bench.sqlite3'}", pool_size=1)
    upgrade(database, app_role=None, backup_folder=folder, moment=Clock().now())
    yield database
    database.close()


@contextmanager
def _postgresql() -> Iterator[Database]:
    with servers.postgres_server() as server:
        owner_url, app_url = servers.new_database(server)
        owner = Database(owner_url, pool_size=1)
        upgrade(owner, app_role=sa.make_url(app_url).username, backup_folder=Path(), moment=Clock().now())
        owner.close()
        database = Database(app_url, pool_size=1)
        yield database
        database.close()

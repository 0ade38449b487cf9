"""A census of a million outpatient accounts with their opening entries, and the proposal for a 31 December.

The file has mixed lines as hospitals have them: ids of 15 and 18 digits or none, phones or none. All accounts are
then marked, filed and old enough, so that the proposal adds every one of them up.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path

import sqlalchemy as sa

from hospital_prepay.clock import Clock, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.migrate import upgrade
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient import census, filing, proposals
from hospital_prepay.settings import Settings
from tests import servers
from tests.hospital import INSTITUTION, actor, open_hospital

_IMPORT_GOAL, _PROPOSAL_GOAL = 60.0, 2.0
_LAST = date(2025, 12, 31)
_OFFICER, _APPROVER = actor(Role.FINANCE_OFFICER), actor(Role.FINANCE_APPROVER)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of this section."""
    parser.add_argument("--outpatient-accounts", type=int, default=1_000_000, help="accounts of the census")


def run(options: argparse.Namespace) -> None:
    """Print the seconds of counting, of booking and of the proposal, on both databases, and the memory they took."""
    with tempfile.TemporaryDirectory(prefix="prepay-outpatient-") as name:
        folder = Path(name)
        path = _file(folder / "accounts.csv", options.outpatient_accounts)
        for database, made in (("SQLite", _sqlite(folder)), ("PostgreSQL", _postgresql(folder))):
            with made as found:
                _measure(database, found, path, folder, options.repeats)


def _measure(name: str, database: Database, path: Path, folder: Path, repeats: int) -> None:
    clock = FixedClock(datetime(2025, 12, 31, 4, tzinfo=UTC))
    settings = Settings.from_environment({"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": str(folder / "var")})
    context = Context(settings, database, clock)
    open_hospital(context)
    with _watching_memory() as counting:
        begun = time.perf_counter()
        counted = census.count_accounts(context, _OFFICER, path, "accounts.csv", date(2025, 11, 30))
        middle = time.perf_counter()
    with _watching_memory() as booking:
        census.confirm_import(context, _APPROVER, counted.import_no)
        ended = time.perf_counter()
    whole = ended - begun
    _say(
        f"  {name}: {counted.accepted:,} accounts counted in {middle - begun:.1f} s, booked in {ended - middle:.1f} s"
    )
    verdict = "reached" if whole <= _IMPORT_GOAL else "missed"
    _say(f"  {name}: imported with opening entries {whole:.1f} s, goal {_IMPORT_GOAL:.0f} s: {verdict}")
    _say(
        f"  {name}: memory at most {max(counting)} MB while counting, {max(booking)} MB while booking, all processes"
    )
    _mark(database)
    made = filing.make_filing(context, _OFFICER, "基准")
    filing.submit_filing(context, _OFFICER, made.filing_no, "某局", date(2025, 12, 1))
    filing.acknowledge_filing(context, _APPROVER, made.filing_no, "备1", date(2025, 12, 2))
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        proposal = proposals.propose(context, INSTITUTION, _LAST)
        seconds.append(time.perf_counter() - start)
    middle_of = statistics.median(seconds)
    verdict = "reached" if middle_of <= _PROPOSAL_GOAL else "missed"
    spread = f"{min(seconds):.2f} … {max(seconds):.2f}"
    _say(f"  {name}: {proposal.accounts:,} accounts proposed in {middle_of:.2f} s ({spread}), goal 2 s: {verdict}")


def _mark(database: Database) -> None:
    """Every account as campaigns leave it that found nobody. They come before this and have their own time."""
    with database.writing() as connection:
        connection.execute(
            sa.text("UPDATE outpatient_account SET state = 'unclearable', unclearable_reason = '多次联系，没有回应'")
        )


def _file(path: Path, accounts: int) -> Path:
    rng = random.Random(1)
    names = ("吴桂兰", "李某之子", "罗小明", "ZHANG WEI", "欧阳某某")
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(("账户号", "姓名", "身份证号", "手机号", "余额", "最后变动日期", "缴纳途径", "患者号"))
        for number in range(accounts):
            known = rng.random()
            identity = f"52010219{rng.randrange(40, 99)}0101{rng.randrange(1000, 9999)}" if known < 0.6 else ""
            identity = f"520102{rng.randrange(40, 99)}0101{rng.randrange(100, 999)}" if known > 0.9 else identity
            phone = f"138{rng.randrange(10**8):08d}" if rng.random() < 0.6 else ""
            moved = date.fromordinal(rng.randrange(736_000, 738_000)).isoformat()
            yuan = f"{rng.randrange(1, 12_800) / 100:.2f}"
            channel = ("微信", "现金", "银行卡")[number % 3]
            writer.writerow(
                (f"M{number:08d}", names[number % 5], identity, phone, yuan, moved, channel, f"P{number}")
            )
    return path


def _say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def _watching_memory() -> Iterator[list[int]]:
    """What this process and those it started hold of their own, in MB, five times a second; the databases' servers
    aside, as are pages of files."""
    seen = [_memory()]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            seen.append(_memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()


def _memory() -> int:
    kilobytes = 0
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    for process in (os.getpid(), *(child for task in tasks for child in task.read_text().split())):
        with suppress(OSError):  # it ended in the meantime
            status = Path(f"/proc/{process}/status").read_text()
            if "\nName:\tpostgres" not in f"\n{status}":
                # One that has ended, and nobody has asked for yet, has no memory any more.
                kilobytes += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon:"))
    return kilobytes // 1024


@contextmanager
def _sqlite(folder: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{folder / 'outpatient.sqlite3'}")
    upgrade(database, app_role=None, backup_folder=folder, moment=Clock().now())
    yield database
    database.close()


@contextmanager
def _postgresql(folder: Path) -> Iterator[Database]:
    with servers.postgres_server() as server:
        owner_url, app_url = servers.new_database(server)
        owner = Database(owner_url, pool_size=1)
        upgrade(owner, app_role=sa.make_url(app_url).username, backup_folder=folder, moment=Clock().now())
        owner.close()
        database = Database(app_url)
        yield database
        database.close()

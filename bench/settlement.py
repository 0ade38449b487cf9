"""The board of discharges over HTTP with a million of them on record, and a million deadlines at once.

The discharges are filled in by bulk with the triggers out of the way: a thousand a day up to today, those of the last
days open and some from before late, as they would lie there in a very large hospital. The page is asked for by wrk
over one connection, again as soon as it came: more often than forty screens do that ask again every half minute.
Deadlines are reckoned beside chinesecalendar in turn, in one run.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import chinese_calendar
import psycopg
import sqlalchemy as sa

from bench.bulk import without_triggers
from hospital_prepay.clock import Clock
from hospital_prepay.domain.access import Role
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.migrate import upgrade
from hospital_prepay.rulebook.holidays import working_day_calendar
from tests import servers
from tests.people import INSTITUTION, House
from tests.serving import Served, serving

_P99_GOAL_MS: Final = 50.0
_DEADLINES: Final = 1_000_000
_DEADLINES_RATIO: Final = 1000
_A_DAY: Final = 1000
_OPEN_DAYS: Final = 3
_LATE: Final = 500
_CONNECTIONS: Final = 1
_CLASSES: Final = ("employee", "resident", "self_pay")
_STAGES: Final = ("ward", "audit", "insurance", "cashier")
_TABLES: Final = ("stay", "discharge", "discharge_step")
# The forecast looks at the newest that are settled; those before have no steps here.
_STEPS_OF: Final = 10_000
_WAY: Final = ("ward", "audit", "insurance", "cashier", "invoice", "done")
_PAGES: Final = {
    "the board": "/settlement",
    "those late, second page": "/settlement?list=late&page=2",
    "one ward and class": "/settlement?ward=W07&class=employee",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of this section."""
    parser.add_argument("--discharges", type=int, default=1_000_000, help="discharges on record")


def run(options: argparse.Namespace) -> None:
    """Print the rates of deadlines, and the board's p50 and p99 on both databases."""
    _deadlines(options.repeats)
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed: apt-get install wrk")
    with tempfile.TemporaryDirectory(prefix="prepay-settlement-") as name:
        for database, made in (("SQLite", _sqlite), ("PostgreSQL", _postgresql)):
            folder = Path(name, database)
            folder.mkdir()
            with made(folder, options.discharges) as (url, session), serving(url, folder) as served:
                for words, page in _PAGES.items():
                    _measure(f"{database}: {words}", served, page, session, options)


def _deadlines(repeats: int) -> None:
    calendar = working_day_calendar()
    chance = random.Random(1)
    first, last = date(2025, 6, 30), date(2026, 12, 28)
    days = [date.fromordinal(chance.randint(first.toordinal(), last.toordinal())) for _ in range(_DEADLINES)]
    ordinals = [day.toordinal() for day in days]
    few = days[:5000]
    ours, theirs = [], []
    for _ in range(repeats):
        began = time.perf_counter()
        found = calendar.due_many(ordinals, 3)
        ours.append(len(days) / (time.perf_counter() - began))
        began = time.perf_counter()
        expected = [_by_chinesecalendar(day) for day in few]
        theirs.append(len(few) / (time.perf_counter() - began))
        assert [date.fromordinal(one) for one in found[: len(few)]] == expected
    mine, other = statistics.median(ours), statistics.median(theirs)
    print(f"  {len(days):,} deadlines: {mine:,.0f}/s ({min(ours):,.0f} … {max(ours):,.0f})")
    print(f"  counted with chinesecalendar's days: {other:,.0f}/s ({min(theirs):,.0f} … {max(theirs):,.0f})")
    verdict = "reached" if mine >= _DEADLINES_RATIO * other else "missed"
    print(f"  ratio {mine / other:,.0f}, goal {_DEADLINES_RATIO:,}: {verdict}", flush=True)


def _by_chinesecalendar(day: date) -> date:
    left = 3
    while left:
        day += timedelta(days=1)
        left -= chinese_calendar.is_workday(day)
    return day


@dataclass(frozen=True)
class _Row:
    """A discharge as it lies in the tables."""

    number: int
    at: datetime
    is_open: bool

    @property
    def stay_no(self) -> str:
        return f"26{self.number:08d}"

    def stay(self, text: Any) -> tuple[Any, ...]:
        """The columns of its stay."""
        moments = (text(self.at), text(self.at), text(self.at))
        return (INSTITUTION, self.stay_no, "石敏", "", "", self.ward, "", "bench", *moments)

    def discharge(self, text: Any) -> tuple[Any, ...]:
        """Its own columns."""
        due = (self.at + timedelta(days=5)).date().isoformat()
        stage = _STAGES[self.number % 4] if self.is_open else "done"
        settled = None if self.is_open else text(self.at + timedelta(hours=self.number % 90))
        target = text(self.at + timedelta(days=1))
        insured = _CLASSES[self.number % 3]
        until = (due, due, target, stage, text(self.at), "", 3, settled)
        return (INSTITUTION, self.stay_no, text(self.at), "1", self.ward, insured, 1, *until)

    @property
    def ward(self) -> str:
        return f"W{self.number % 20:02d}"


_STAY: Final = (
    "institution_id, stay_no, patient_name, initials, sex, ward, bed, registered_by, "
    "admitted_at, discharged_at, registered_at"
)
_DISCHARGE: Final = (
    "institution_id, stay_no, discharged_at, disposition, ward, insured_class, clock_no, due_on, expected_on, "
    "target_at, stage, stage_since, note, step_no, settled_at"
)


_STEP: Final = "institution_id, stay_no, discharged_at, step_no, from_stage, to_stage, note, taken_by, taken_at"


def _steps(count: int, now: datetime, text: Any) -> Iterator[tuple[Any, ...]]:
    """The steps of the last discharges that are settled: on their way in even parts."""
    for row in _rows(count, now):
        if row.number < count - _STEPS_OF or row.is_open:
            continue
        for step, (from_, to) in enumerate(pairwise(_WAY), 1):
            at = row.at + timedelta(hours=row.number % 90) * step / len(_WAY)
            yield (INSTITUTION, row.stay_no, text(row.at), step, from_, to, "", "bench", text(at))


def _rows(count: int, now: datetime) -> Iterator[_Row]:
    gap = timedelta(days=1) / _A_DAY
    late = max(1, count // 30 // _LATE)  # from about the last month
    for number in range(count):
        back = count - number
        is_late = back <= count // 30 and back % late == 0
        yield _Row(number, now - back * gap, back <= _OPEN_DAYS * _A_DAY or is_late)


def _measure(words: str, served: Served, page: str, session: str, options: argparse.Namespace) -> None:
    cookie = {"Cookie": f"prepay={session}"}
    answer = served.call("GET", page, headers=cookie)
    assert answer.status == 200, answer.status
    p50, p99, rates = [], [], []
    for turn in range(min(options.repeats, 3) + 1):
        seconds = 2 if turn == 0 else max(round(options.seconds), 2)
        call = ["wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "--latency", "--timeout", "30s"]
        call += ["-H", f"Cookie: prepay={session}", served.url + page]
        output = subprocess.run(call, capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in output or "Socket errors" in output:
            raise RuntimeError(f"not every request was answered:\n{output}")
        if turn:  # the first one warms
            p50.append(_milliseconds(output, 50))
            p99.append(_milliseconds(output, 99))
            rates.append(float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]))  # type: ignore[index]
    middle = statistics.median(p99)
    verdict = "reached" if middle <= _P99_GOAL_MS else "missed"
    spread = f"({min(p99):.1f} … {max(p99):.1f})"
    print(
        f"  {words:<40}p50 {statistics.median(p50):>6.1f} ms  p99 {middle:>6.1f} ms {spread}  "
        f"{statistics.median(rates):,.0f}/s, {len(answer.body) // 1024} kB, goal {_P99_GOAL_MS:.0f} ms: {verdict}",
        flush=True,
    )


def _milliseconds(output: str, share: int) -> float:
    found = re.search(rf"(?m)^ +{share}% +([\d.]+)(us|ms|s) *$", output)
    assert found is not None, output
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


@contextmanager
def _sqlite(folder: Path, count: int) -> Iterator[tuple[str, str]]:
    file = folder / "prepay.sqlite3"
    database = Database(f"sqlite:///{file}", pool_size=1)
    upgrade(database, app_role=None, backup_folder=folder, moment=Clock().now())
    session = House.built(database, Clock(), folder).session(Role.FINANCE_OFFICER)
    database.close()
    raw = sqlite3.connect(file)
    with without_triggers(raw, _TABLES):
        for table, columns, rows in _filling(count, _iso):
            marks = ", ".join("?" * (columns.count(",") + 1))
            raw.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
    raw.close()
    yield f"sqlite:///{file}", session


@contextmanager
def _postgresql(folder: Path, count: int) -> Iterator[tuple[str, str]]:
    with servers.postgres_server() as server:
        owner_url, app_url = servers.new_database(server)
        owner = Database(owner_url, pool_size=1)
        upgrade(owner, app_role=sa.make_url(app_url).username, backup_folder=folder, moment=Clock().now())
        owner.close()
        database = Database(app_url)
        session = House.built(database, Clock(), folder).session(Role.FINANCE_OFFICER)
        database.close()
        name = sa.make_url(owner_url).database
        with psycopg.connect(server.rsplit("/", 1)[0] + f"/{name}", autocommit=True) as admin:
            admin.execute("SET session_replication_role = replica")  # no triggers while the rows are filled in
            for table, columns, rows in _filling(count, lambda moment: moment):
                with admin.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:  # type: ignore[arg-type]
                    for row in rows:
                        copy.write_row(row)
            admin.execute("VACUUM ANALYZE")
        yield app_url, session


def _filling(count: int, text: Any) -> Iterator[tuple[str, str, Iterator[tuple[Any, ...]]]]:
    """Each table with its columns and rows."""
    now = datetime.now(UTC).replace(microsecond=0)
    yield "stay", _STAY, (row.stay(text) for row in _rows(count, now))
    yield "discharge", _DISCHARGE, (row.discharge(text) for row in _rows(count, now))
    yield "discharge_step", _STEP, _steps(count, now, text)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")

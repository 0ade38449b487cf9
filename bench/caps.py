"""Cap statistics over millions of cases, and the checked reading of a file of cases, beside the limit and the peers.

Every run is a fresh process, contenders in turn: wall time of the work alone (imports apart), and the process's peak
memory. Cases are synthetic, made by DuckDB itself. Only ratios within one run count.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from bench import cap_contenders as c
from tests import servers

BARE, OURS, WHOLE, CHECKED, COPY = (
    "bare DuckDB on Parquet",
    "hospital-prepay: counts, sums, quantiles",
    "hospital-prepay: the whole measurement",
    "hospital-prepay: checked and stored",
    "PostgreSQL COPY, nothing checked",
)
CASES = """
    SELECT printf('B%09d', i) AS case_no, DATE '2023-01-01' + CAST(hash(i) % 1096 AS INTEGER) AS discharged_on,
        printf('%s%02d.%d', chr(CAST(65 + d % 26 AS INTEGER)), CAST(d // 26 AS INTEGER), CAST(d % 10 AS INTEGER))
            AS disease_code,
        'disease ' || d AS disease_name,
        CASE WHEN k < 55 THEN 'employee' WHEN k < 90 THEN 'resident' ELSE 'self_pay' END AS insured_class,
        cost AS total_cost_fen,
        CASE WHEN k < 55 THEN cost * 28 // 100 WHEN k < 90 THEN cost * 42 // 100 ELSE cost END AS burden_fen,
        NULL::BIGINT AS copayment_fen, i + 2 AS line
    FROM (SELECT i, CAST(sqrt(hash(i * 3) % 810000) AS BIGINT) AS d, CAST(hash(i * 5) % 100 AS BIGINT) AS k,
            CAST(200000 + hash(i * 7) % 3000000 AS BIGINT) AS cost FROM range({rows}) t(i))
"""


@dataclass
class Series:
    """What one contender reached, run by run."""

    name: str
    seconds: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)


def add_options(parser: argparse.ArgumentParser) -> None:
    """``--cases N``."""
    parser.add_argument("--cases", type=int, default=3_000_000, help="synthetic cases for the sections on caps")


def run(options: argparse.Namespace) -> None:
    """Print one table for the statistics and one for the reading."""
    with tempfile.TemporaryDirectory(prefix="bench-caps-") as name:
        folder = Path(name)
        _make(options.cases, folder)
        contenders = ["reading the Parquet file", BARE, OURS, WHOLE]
        contenders += [one for one in ("polars", "pandas") if importlib.util.find_spec(one)]
        with _databases(folder) as where:
            contenders += ["SQLite", "PostgreSQL"]
            found = _in_turn(contenders, where, options.repeats or 5)
            _show(f"cap table over {options.cases:,} cases", found, options.cases)
            _goal(found, OURS, BARE, at_most=1.1)
            _goal(found, OURS, "PostgreSQL", at_most=1 / 20)
            read = _in_turn([COPY, CHECKED], where, 3)
            _show(f"reading {options.cases:,} cases from CSV", read, options.cases)
            _goal(read, CHECKED, COPY, at_most=None)


def _in_turn(names: Sequence[str], where: dict[str, str], repeats: int) -> list[Series]:
    series = [Series(name) for name in names]
    for turn in range(repeats):
        for one in series:
            if turn and one.name in ("SQLite", "PostgreSQL"):
                continue  # many seconds each; one look is enough for a factor of twenty
            seconds, megabytes = _fresh(one.name, where)
            one.seconds.append(seconds)
            one.megabytes.append(megabytes)
    return series


def _show(title: str, series: list[Series], cases: int) -> None:
    print(f"\n{title}\n  {'':<42}{'median s':>9}{'lowest':>9}{'highest':>9}{'rows/s':>13}{'peak MB':>9}")
    for one in series:
        median = statistics.median(one.seconds)
        print(
            f"  {one.name:<42}{median:>9.3f}{min(one.seconds):>9.3f}{max(one.seconds):>9.3f}"
            f"{cases / median:>13,.0f}{statistics.median(one.megabytes):>9.0f}",
            flush=True,
        )


def _goal(series: list[Series], ours: str, theirs: str, *, at_most: float | None) -> None:
    by_name = {one.name: one.seconds for one in series}
    ratios = [a / b for a, b in zip(by_name[ours], by_name[theirs], strict=False)]
    middle = statistics.median(ratios)
    verdict = "" if at_most is None else f", goal ≤ {at_most:g}: {'reached' if middle <= at_most else 'missed'}"
    print(f"  time of {ours} ÷ {theirs}: {middle:.2f} ({min(ratios):.2f} … {max(ratios):.2f}){verdict}")


def _make(rows: int, folder: Path) -> None:
    with duckdb.connect() as connection:
        parquet = folder / "cases.parquet"
        connection.execute(f"COPY ({CASES.format(rows=rows)}) TO '{parquet}' (FORMAT parquet, COMPRESSION zstd)")
        connection.execute(
            f"""COPY (SELECT case_no, discharged_on, disease_code, disease_name, insured_class,
                    printf('%d.%02d', total_cost_fen // 100, total_cost_fen % 100) AS total_cost,
                    printf('%d.%02d', burden_fen // 100, burden_fen % 100) AS burden
                FROM read_parquet('{parquet}')) TO '{folder / "cases.csv"}' (FORMAT csv, HEADER)"""
        )
        connection.execute(
            f"""COPY (SELECT disease_code, insured_class, total_cost_fen, burden_fen FROM read_parquet('{parquet}'))
                TO '{folder / "plain.csv"}' (FORMAT csv, HEADER false)"""
        )


@contextmanager
def _databases(folder: Path) -> Iterator[dict[str, str]]:
    """The same cases as plain rows in SQLite and in PostgreSQL."""
    with servers.postgres_server() as server:
        c.load_postgresql(server, folder / "plain.csv")
        c.load_sqlite(folder / "cases.sqlite3", folder / "plain.csv")
        yield {"folder": str(folder), "server": server}


def _fresh(name: str, where: dict[str, str]) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.caps", name, where["folder"], where["server"]],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, memory = json.loads(done.stdout)
    return seconds, memory


def _once(name: str, folder: Path, server: str) -> None:
    work = c.WORK[name]
    work.prepare()
    start = time.perf_counter()
    work.run(folder, server)
    print(json.dumps([time.perf_counter() - start, _peak_kilobytes() / 1024]))


def _peak_kilobytes() -> int:
    # getrusage would count what the parent held at the fork.
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    _once(sys.argv[1], Path(sys.argv[2]), sys.argv[3])

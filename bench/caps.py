"""Cap statistics over millions of cases, beside bare DuckDB; and the checked reading of a file of cases.

Every run is a fresh process, contenders in turn: wall time of the work alone, and the process's peak memory. Cases
are synthetic, made by DuckDB itself. Only ratios within one run count.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb

from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.caps import Window
from hospital_prepay.persistence.case_statistics import cell_statistics, disease_names, disease_totals
from hospital_prepay.persistence.cases import read_cases
from hospital_prepay.services.inpatient.measure import MeasureOptions, measure_snapshot

WINDOW = Window(date(2023, 1, 1), date(2025, 12, 31))
BARE = """
    SELECT disease_code, insured_class, count(*), sum(total_cost_fen), sum(burden_fen),
        quantile_disc(burden_fen, [0.1, 0.5, 0.9])
    FROM read_parquet('{path}') GROUP BY 1, 2
"""
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


def add_options(parser: argparse.ArgumentParser) -> None:
    """``--cases N``."""
    parser.add_argument("--cases", type=int, default=3_000_000, help="synthetic cases for the sections on caps")


def run(options: argparse.Namespace) -> None:
    """Print one line of JSON a contender."""
    with tempfile.TemporaryDirectory(prefix="bench-caps-") as folder:
        parquet, text = Path(folder) / "cases.parquet", Path(folder) / "cases.csv"
        _make(options.cases, parquet, text)
        found: dict[str, list[tuple[float, float]]] = {}
        for _ in range(options.repeats or 5):
            for name in ("bare DuckDB", "cell statistics", "whole measurement"):
                found.setdefault(name, []).append(_fresh(name, parquet))
        for _ in range(3):
            found.setdefault("checked reading of CSV", []).append(_fresh("checked reading of CSV", text))
        limit = statistics.median(seconds for seconds, _ in found["bare DuckDB"])
        for name, each in found.items():
            _print(name, options.cases, each, limit)


def _print(name: str, cases: int, each: list[tuple[float, float]], limit: float) -> None:
    seconds = [one for one, _ in each]
    median = statistics.median(seconds)
    told = {
        "contender": name,
        "cases": cases,
        "seconds": round(median, 3),
        "lowest": round(min(seconds), 3),
        "highest": round(max(seconds), 3),
        "to_bare": round(median / limit, 2),
        "rows_a_second": round(cases / median),
        "peak_mb": round(statistics.median(memory for _, memory in each)),
    }
    print(json.dumps(told), flush=True)


def _make(rows: int, parquet: Path, text: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({CASES.format(rows=rows)}) TO '{parquet}' (FORMAT parquet, COMPRESSION zstd)")
        connection.execute(
            f"""COPY (SELECT case_no, discharged_on, disease_code, disease_name, insured_class,
                    printf('%d.%02d', total_cost_fen // 100, total_cost_fen % 100) AS total_cost,
                    printf('%d.%02d', burden_fen // 100, burden_fen % 100) AS burden
                FROM read_parquet('{parquet}')) TO '{text}' (FORMAT csv, HEADER)"""
        )


def _fresh(name: str, path: Path) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.caps", name, str(path)], capture_output=True, text=True, check=True
    )
    seconds, memory = json.loads(done.stdout)
    return seconds, memory


def _once(name: str, path: Path) -> None:
    start = time.perf_counter()
    if name == "bare DuckDB":
        with duckdb.connect(config={"threads": 2}) as connection:
            connection.execute(BARE.format(path=path)).fetchall()
    elif name == "cell statistics":
        cell_statistics(path, WINDOW)
    elif name == "whole measurement":
        measure_snapshot(path, MeasureOptions(date(2026, 1, 15), 10, Money(1000)), spread=True)
        disease_names(path, WINDOW)
        disease_totals(path, WINDOW)
    else:
        with tempfile.TemporaryDirectory(prefix="bench-caps-") as folder:
            read_cases(path, snapshot=Path(folder) / "cases.parquet")
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, _peak_kilobytes() / 1024]))


def _peak_kilobytes() -> int:
    # getrusage would count what the parent held at the fork.
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    _once(sys.argv[1], Path(sys.argv[2]))

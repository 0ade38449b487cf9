"""Who measures caps: the limit, ours, and the peers. Each gives counts, sums and three quantiles per cell."""

from __future__ import annotations

import csv
import importlib
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.caps import Window
from hospital_prepay.persistence.case_statistics import cell_statistics, disease_names, disease_totals
from hospital_prepay.persistence.cases import read_cases
from hospital_prepay.services.inpatient.measure import MeasureOptions, measure_snapshot

_WINDOW = Window(date(2023, 1, 1), date(2025, 12, 31))
_COLUMNS = "disease_code text, insured_class text, total_cost_fen bigint, burden_fen bigint"


@dataclass(frozen=True)
class Work:
    """``prepare`` imports, untimed; ``run(folder, server)`` is the work."""

    run: Callable[[Path, str], object]
    prepare: Callable[[], object] = lambda: None


def _read(folder: Path, server: str) -> object:
    return len((folder / "cases.parquet").read_bytes())


def _duckdb(folder: Path, server: str) -> object:
    with duckdb.connect(config={"threads": 2}) as connection:
        return connection.execute(
            f"""SELECT disease_code, insured_class, count(*), sum(total_cost_fen), sum(burden_fen),
                quantile_disc(burden_fen, [0.1, 0.5, 0.9])
            FROM read_parquet('{folder / "cases.parquet"}') GROUP BY 1, 2"""
        ).fetchall()


def _cells(folder: Path, server: str) -> object:
    return cell_statistics(folder / "cases.parquet", _WINDOW)


def _measurement(folder: Path, server: str) -> object:
    parquet = folder / "cases.parquet"
    measured = measure_snapshot(parquet, MeasureOptions(date(2026, 1, 15), 10, Money(1000)), spread=True)
    return measured, disease_names(parquet, _WINDOW), disease_totals(parquet, _WINDOW)


def _polars(folder: Path, server: str) -> object:
    polars: Any = importlib.import_module("polars")
    burden, cost = polars.col("burden_fen"), polars.col("total_cost_fen")
    quantiles = [burden.quantile(q, "nearest").alias(f"q{q}") for q in (0.1, 0.5, 0.9)]
    grouped = polars.scan_parquet(folder / "cases.parquet").group_by("disease_code", "insured_class")
    return grouped.agg(polars.len(), cost.sum(), burden.sum(), *quantiles).collect()


def _pandas(folder: Path, server: str) -> object:
    pandas: Any = importlib.import_module("pandas")
    keys = ["disease_code", "insured_class"]
    frame = pandas.read_parquet(folder / "cases.parquet", columns=[*keys, "total_cost_fen", "burden_fen"])
    cells = frame.groupby(keys, observed=True)
    sums = cells.agg(n=("burden_fen", "size"), cost=("total_cost_fen", "sum"), burden=("burden_fen", "sum"))
    return sums.join(cells["burden_fen"].quantile([0.1, 0.5, 0.9]).unstack())


def _sqlite(folder: Path, server: str) -> object:
    with sqlite3.connect(folder / "cases.sqlite3") as connection:
        return connection.execute(
            """SELECT disease_code, insured_class, max(n), sum(total_cost_fen), sum(burden_fen),
                max(burden_fen) FILTER (WHERE k = 1 + (n - 1) / 10),
                max(burden_fen) FILTER (WHERE k = 1 + (n - 1) / 2),
                max(burden_fen) FILTER (WHERE k = 1 + (n - 1) * 9 / 10)
            FROM (SELECT *, row_number() OVER w AS k, count(*) OVER (PARTITION BY disease_code, insured_class) AS n
                FROM cases WINDOW w AS (PARTITION BY disease_code, insured_class ORDER BY burden_fen))
            GROUP BY 1, 2"""
        ).fetchall()


def _postgresql(folder: Path, server: str) -> object:
    with psycopg.connect(server) as connection:
        return connection.execute(
            """SELECT disease_code, insured_class, count(*), sum(total_cost_fen), sum(burden_fen),
                percentile_disc(ARRAY[0.1, 0.5, 0.9]) WITHIN GROUP (ORDER BY burden_fen)
            FROM cases GROUP BY 1, 2"""
        ).fetchall()


def _checked(folder: Path, server: str) -> object:
    with tempfile.TemporaryDirectory(prefix="bench-caps-") as name:
        return read_cases(folder / "cases.csv", snapshot=Path(name) / "cases.parquet")


def _copy(folder: Path, server: str) -> object:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS copied")
        connection.execute(
            "CREATE TABLE copied (case_no text, discharged_on date, disease_code text, disease_name text,"
            " insured_class text, total_cost numeric, burden numeric)"
        )
        _copy_in(connection, "copied", folder / "cases.csv", "csv, HEADER")
    return None


def load_postgresql(server: str, plain: Path) -> None:
    """The table that ``PostgreSQL`` asks, with fresh statistics."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE cases ({_COLUMNS})")  # type: ignore[arg-type]
        _copy_in(connection, "cases", plain, "csv")
        connection.execute("VACUUM ANALYZE cases")


def load_sqlite(path: Path, plain: Path) -> None:
    """The table that ``SQLite`` asks."""
    with sqlite3.connect(path) as connection, plain.open(newline="", encoding="ascii") as rows:
        connection.execute(f"CREATE TABLE cases ({_COLUMNS})")
        connection.executemany("INSERT INTO cases VALUES (?, ?, ?, ?)", csv.reader(rows))


def _copy_in(connection: psycopg.Connection[Any], table: str, path: Path, form: str) -> None:
    statement = f"COPY {table} FROM STDIN (FORMAT {form})"
    with connection.cursor().copy(statement) as copy, path.open("rb") as rows:  # type: ignore[arg-type]
        while block := rows.read(1 << 20):
            copy.write(block)


WORK = {
    "reading the Parquet file": Work(_read),
    "bare DuckDB on Parquet": Work(_duckdb),
    "hospital-prepay: counts, sums, quantiles": Work(_cells),
    "hospital-prepay: the whole measurement": Work(_measurement),
    "polars": Work(_polars, lambda: importlib.import_module("polars")),
    "pandas": Work(_pandas, lambda: importlib.import_module("pandas")),
    "SQLite": Work(_sqlite),
    "PostgreSQL": Work(_postgresql),
    "PostgreSQL COPY, nothing checked": Work(_copy),
    "hospital-prepay: checked and stored": Work(_checked),
}

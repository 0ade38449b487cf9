"""Counts and sums of a snapshot of cases: per cell, per disease, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.caps import Burden, DiseaseTotal, Window
from hospital_prepay.domain.rules.inpatient.evidence import YearCount
from hospital_prepay.persistence.bulk import bulk_connection, file_literal
from hospital_prepay.persistence.case_columns import BURDEN_COLUMNS


@dataclass(frozen=True, slots=True)
class Spread:
    """Burdens that a tenth, half and nine tenths of the cases don't exceed, each of a case that happened."""

    p10: Money
    p50: Money
    p90: Money


@dataclass(frozen=True, slots=True)
class CellStatistics:
    """One disease and class within a window."""

    disease_code: str
    insured_class: InsuredClass
    cases: int
    sum_cost: Money
    sum_burden: Money
    spread: Spread | None = None


def cell_statistics(
    snapshot: Path, window: Window, burden: Burden = Burden.WHOLE, *, spread: bool = True
) -> list[CellStatistics]:
    """Every cell with a case in ``window``, by code and class; the spread costs most of the time."""
    share = BURDEN_COLUMNS[burden]
    quantiles = f", quantile_disc({share}, [0.1, 0.5, 0.9])" if spread else ", NULL"
    rows = _query(
        snapshot,
        window,
        f"SELECT disease_code, insured_class, count(*), sum(total_cost_fen), sum({share}) {quantiles}",
        "GROUP BY ALL",
    )
    order = list(InsuredClass)
    cells = [
        CellStatistics(code, InsuredClass(insured), cases, Money(int(cost)), Money(int(shared)), _spread(points))
        for code, insured, cases, cost, shared, points in rows
    ]
    return sorted(cells, key=lambda cell: (cell.disease_code, order.index(cell.insured_class)))


def disease_totals(snapshot: Path, window: Window) -> list[DiseaseTotal]:
    """Cases and cost of each disease in ``window`` over all classes."""
    rows = _query(snapshot, window, "SELECT disease_code, count(*), sum(total_cost_fen)", "GROUP BY ALL")
    return [DiseaseTotal(code, cases, Money(int(cost))) for code, cases, cost in rows]


def year_counts(snapshot: Path, window: Window) -> list[YearCount]:
    """Cases and diseases of every year of ``window``, years without a case too."""
    rows = _query(
        snapshot, window, "SELECT year(discharged_on), count(*), count(DISTINCT disease_code)", "GROUP BY ALL"
    )
    found = {int(year): YearCount(int(year), cases, diseases) for year, cases, diseases in rows}
    return [found.get(year, YearCount(year, 0, 0)) for year in range(window.first.year, window.last.year + 1)]


def disease_names(snapshot: Path, window: Window) -> dict[str, str]:
    """The most frequent name of each disease in ``window``, ties by text."""
    return _most_frequent(_query(snapshot, window, "SELECT disease_code, disease_name, count(*)", "GROUP BY ALL"))


def all_disease_names(snapshot: Path) -> dict[str, str]:
    """The same over every case of the snapshot, whatever its date."""
    statement = (
        f"SELECT disease_code, disease_name, count(*) FROM read_parquet({file_literal(snapshot)}) GROUP BY ALL"
    )
    with bulk_connection() as connection:
        return _most_frequent(connection.execute(statement).fetchall())


def _most_frequent(rows: list[tuple[Any, ...]]) -> dict[str, str]:
    names: dict[str, str] = {}
    for code, name, _ in sorted(rows, key=lambda row: (-row[2], row[1])):
        names.setdefault(code, name)
    return names


def _query(snapshot: Path, window: Window, select: str, group: str) -> list[tuple[Any, ...]]:
    statement = f"{select} FROM read_parquet({file_literal(snapshot)}) WHERE discharged_on BETWEEN ? AND ? {group}"
    with bulk_connection() as connection:
        return connection.execute(statement, [window.first, window.last]).fetchall()


def _spread(points: list[int] | None) -> Spread | None:
    return Spread(*(Money(int(point)) for point in points)) if points else None

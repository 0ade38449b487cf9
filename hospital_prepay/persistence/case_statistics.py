"""Counts and sums of a snapshot of cases: per cell, per disease, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.caps import (
    CellKey,
    DiseaseTotal,
    Window,
    YearSum,
    outliers_at_each_end,
)
from hospital_prepay.domain.rules.inpatient.evidence import YearCount
from hospital_prepay.domain.rules.inpatient.readings import USUAL, MeasuringReadings, Outliers, SelfPayClasses
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

    @property
    def key(self) -> CellKey:
        """What names the cell."""
        return self.disease_code, self.insured_class


@dataclass(frozen=True, slots=True)
class YearBurden:
    """All cases of one cell in a year, which is called by its last day."""

    year: int
    cases: int
    sum_burden: Money


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Cases whose class is not put with self-pay: those of ``window``, and every line of the file they stand on.

    ``unknown`` self-pay cases of the window were stored before it was written down whether they are such.
    """

    in_window: int
    unknown: int
    lines: tuple[int, ...]


def cell_statistics(
    snapshot: Path, window: Window, readings: MeasuringReadings = USUAL, *, spread: bool = True
) -> list[CellStatistics]:
    """Every cell with a case in ``window``, by code and class; the spread costs most of the time."""
    share = BURDEN_COLUMNS[readings.burden]
    quantiles = f", quantile_disc({share}, [0.1, 0.5, 0.9])" if spread else ", NULL"
    rows = _query(
        snapshot,
        window,
        f"SELECT disease_code, insured_class, count(*), sum(total_cost_fen), sum({share}) {quantiles}",
        readings,
    )
    order = list(InsuredClass)
    cells = [
        CellStatistics(code, InsuredClass(insured), cases, Money(int(cost)), Money(int(shared)), _spread(points))
        for code, insured, cases, cost, shared, points in rows
    ]
    return sorted(cells, key=lambda cell: (cell.disease_code, order.index(cell.insured_class)))


def yearly_sums(
    snapshot: Path, window: Window, readings: MeasuringReadings, cells: Sequence[CellStatistics]
) -> dict[CellKey, tuple[YearSum, ...]]:
    """What each year of ``window`` adds to the mean of each of ``cells``, without outliers where they are dropped.

    Cases are ordered by cost; of equal ones by burden, then day, so that those that are equal in all three change
    nothing by their order.
    """
    share = BURDEN_COLUMNS[readings.burden]
    kept, ends = _cases(snapshot, readings), [0] * len(cells)
    if readings.outliers is Outliers.DROPPED:
        ends = [outliers_at_each_end(cell.cases) for cell in cells]
    order = f"PARTITION BY disease_code, insured_class ORDER BY total_cost_fen, {share}, discharged_on"
    statement = (
        f"SELECT disease_code, insured_class, {_year(window)} AS year, count(*), sum({share})"
        f" FROM (SELECT *, row_number() OVER ({order}) AS place {kept})"
        " JOIN (SELECT unnest(?) AS disease_code, unnest(?) AS insured_class, unnest(?) AS first, unnest(?) AS last)"
        " USING (disease_code, insured_class) WHERE place BETWEEN first AND last GROUP BY ALL ORDER BY ALL"
    )
    keys = [cell.disease_code for cell in cells], [cell.insured_class.value for cell in cells]
    places = [end + 1 for end in ends], [cell.cases - end for cell, end in zip(cells, ends, strict=True)]
    found: dict[CellKey, tuple[YearSum, ...]] = {}
    for code, insured, _, cases, shared in _rows(statement, window, *keys, *places):
        key = code, InsuredClass(insured)
        found[key] = (*found.get(key, ()), YearSum(cases, Money(int(shared))))
    return found


def yearly_burdens(
    snapshot: Path, window: Window, readings: MeasuringReadings
) -> dict[CellKey, tuple[YearBurden, ...]]:
    """How many cases every cell has in each year of ``window`` and what was borne; no year without cases."""
    select = f"SELECT disease_code, insured_class, {_year(window)} AS year, count(*)"
    rows = _query(snapshot, window, f"{select}, sum({BURDEN_COLUMNS[readings.burden]})", readings)
    found: dict[CellKey, tuple[YearBurden, ...]] = {}
    for code, insured, at, cases, shared in sorted(rows, key=lambda row: row[:3]):
        key = code, InsuredClass(insured)
        year = YearBurden(window.years[at].last.year, cases, Money(int(shared)))
        found[key] = (*found.get(key, ()), year)
    return found


def left_out(snapshot: Path, window: Window) -> LeftOut:
    """The cases that count nowhere when the classes of article 14's "may" aren't put with self-pay."""
    source = f"FROM read_parquet({file_literal(snapshot)})"
    within = "discharged_on BETWEEN ? AND ?"
    counts = (
        f"SELECT count(*) FILTER (self_pay_by_choice), count(*) FILTER (self_pay_by_choice IS NULL) {source}"
        f" WHERE insured_class = 'self_pay' AND {within}"
    )
    [(in_window, unknown)] = _rows(counts, window)
    with bulk_connection() as connection:
        lines = connection.execute(f"SELECT line {source} WHERE self_pay_by_choice ORDER BY line").fetchall()
    return LeftOut(in_window, unknown, tuple(line for (line,) in lines))


def without_burden(snapshot: Path, window: Window, readings: MeasuringReadings) -> int:
    """Cases of ``window`` of which the figure that is read as the burden isn't known."""
    select = f"SELECT count(*) FILTER ({BURDEN_COLUMNS[readings.burden]} IS NULL)"
    return sum(lacking for (lacking,) in _query(snapshot, window, select, readings))


def disease_totals(snapshot: Path, window: Window, readings: MeasuringReadings = USUAL) -> list[DiseaseTotal]:
    """Cases and cost of each disease in ``window`` over all classes."""
    rows = _query(snapshot, window, "SELECT disease_code, count(*), sum(total_cost_fen)", readings)
    return [DiseaseTotal(code, cases, Money(int(cost))) for code, cases, cost in rows]


def year_counts(snapshot: Path, window: Window, readings: MeasuringReadings = USUAL) -> list[YearCount]:
    """Cases and diseases of every year of ``window``, years without a case too; a year is called by its last day."""
    select = f"SELECT {_year(window)} AS year, count(*), count(DISTINCT disease_code)"
    found = {at: counts for at, *counts in _query(snapshot, window, select, readings)}
    return [YearCount(year.last.year, *found.get(at, (0, 0))) for at, year in enumerate(window.years)]


def disease_names(snapshot: Path, window: Window, readings: MeasuringReadings = USUAL) -> dict[str, str]:
    """The most frequent name of each disease in ``window``, ties by text."""
    return _most_frequent(_query(snapshot, window, "SELECT disease_code, disease_name, count(*)", readings))


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


def _query(snapshot: Path, window: Window, select: str, readings: MeasuringReadings) -> list[tuple[Any, ...]]:
    return _rows(f"{select} {_cases(snapshot, readings)} GROUP BY ALL", window)


def _cases(snapshot: Path, readings: MeasuringReadings) -> str:
    """The cases that count, for the two days of a window."""
    source = f"FROM read_parquet({file_literal(snapshot)}) WHERE discharged_on BETWEEN ? AND ?"
    if readings.self_pay_classes is SelfPayClasses.LEFT_OUT:
        return f"{source} AND self_pay_by_choice IS NOT TRUE"
    return source


def _year(window: Window) -> str:
    """The place of a case's year among those of ``window``."""
    cases = " ".join(f"WHEN discharged_on <= DATE '{one.last}' THEN {at}" for at, one in enumerate(window.years))
    return f"CASE {cases} END"


def _rows(statement: str, window: Window, *further: object) -> list[tuple[Any, ...]]:
    with bulk_connection() as connection:
        return connection.execute(statement, [window.first, window.last, *further]).fetchall()


def _spread(points: list[int] | None) -> Spread | None:
    return Spread(*(Money(int(point)) for point in points)) if points else None

"""How much deposit an inpatient may be asked for: articles 12 and 18 of Guizhou's rules.

The cap of a disease and insured class is the mean personal burden of its past cases, never above the hospital's
own standard from before the rules. Everything is compared exactly, in whole fen and whole cases, and rounded down
once at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from math import ceil
from typing import Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.readings import MeanOverYears, PastYears, PostedHalf

MEASURED: Final = "guizhou-deposit-2025/12"
REFERRED: Final = "guizhou-deposit-2025/18"
# Of a cell's cases, one in so many counts as unusually dear and one as unusually cheap.
_OUTLIERS_ONE_IN: Final = 100
_DAY: Final = timedelta(days=1)

CellKey = tuple[str, InsuredClass]


class Basis(StrEnum):
    """What a cap rests on."""

    MEAN = "mean"
    LEGACY = "legacy"
    SIMILAR = "similar"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True)
class Window:
    """The days whose discharges are measured, both included."""

    first: date
    last: date

    @property
    def years(self) -> tuple[Window, ...]:
        """The window year by year: each ends with the day on which the window ends, in its own year."""
        ends = [self.last]
        while (end := _years_before(self.last, len(ends))) >= self.first:
            ends.append(end)
        firsts = [self.first, *(end + _DAY for end in reversed(ends[1:]))]
        return tuple(Window(first, last) for first, last in zip(firsts, reversed(ends), strict=True))


@dataclass(frozen=True, slots=True)
class YearSum:
    """The cases of one year that a mean is taken of, and what their patients bore."""

    cases: int
    sum_burden: Money


@dataclass(frozen=True, slots=True)
class Cell:
    """One disease and class: its used cases, their personal burden, and the hospital's earlier standard.

    ``years`` is given where the mean is another one than the sum by the cases: what each year adds to it.
    """

    disease_code: str
    insured_class: InsuredClass
    cases: int
    sum_burden: Money
    legacy: Money | None = None
    years: tuple[YearSum, ...] = ()

    @property
    def key(self) -> CellKey:
        """What names the cell."""
        return self.disease_code, self.insured_class

    @property
    def counted(self) -> tuple[YearSum, ...]:
        """What its mean is taken of: year by year, or as if all cases were of one year."""
        return self.years or (YearSum(self.cases, self.sum_burden),)


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that may be collected in a stay; ``amount`` is ``None`` when the data doesn't carry one.

    ``similar_to`` is the disease that a cell with too few cases is referred to.
    """

    amount: Money | None
    basis: Basis
    clauses: tuple[str, ...]
    similar_to: str | None = None


@dataclass(frozen=True, slots=True)
class DiseaseTotal:
    """One disease's discharges of a year over all classes."""

    disease_code: str
    cases: int
    sum_cost: Money


def _years_before(day: date, years: int) -> date:
    """The same day so many years earlier; 28 February for a 29th that isn't there."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return date(day.year - years, 2, 28)


@implements("guizhou-deposit-2025/12")
def measuring_window(as_of: date, window_years: int, past_years: PastYears = PastYears.CALENDAR) -> Window:
    """The full calendar years before the year of ``as_of``, or twelve months for each of them, up to the day before.

    ``window_years`` is the rulebook's value on that day; asking for it fails before the rules were in force.
    """
    if past_years is PastYears.ROLLING:
        last = as_of - _DAY
        return Window(_years_before(last, window_years) + _DAY, last)
    return Window(date(as_of.year - window_years, 1, 1), date(as_of.year - 1, 12, 31))


@implements("guizhou-deposit-2025/18")
def previous_year(as_of: date) -> Window:
    """上一年度 of the posted list: the calendar year before ``as_of``, however the past three years are read."""
    return Window(date(as_of.year - 1, 1, 1), date(as_of.year - 1, 12, 31))


@implements("guizhou-deposit-2025/12")
def outliers_at_each_end(cases: int) -> int:
    """How many of a cell's cases, in the order of their cost, are the unusually dear ones, and how many the cheap:
    a hundredth each, rounded down, so that a cell of fewer than a hundred keeps all."""
    return cases // _OUTLIERS_ONE_IN


@implements("guizhou-deposit-2025/12")
def mean_burden(years: Sequence[YearSum], reading: MeanOverYears) -> Fraction:
    """The exact mean in fen: over all cases, or of the yearly means of the years that have cases."""
    held = [year for year in years if year.cases]
    if reading is MeanOverYears.YEARLY:
        return sum((Fraction(year.sum_burden.fen, year.cases) for year in held), Fraction(0)) / len(held)
    return Fraction(sum(year.sum_burden.fen for year in held), sum(year.cases for year in held))


@implements("guizhou-deposit-2025/10", "guizhou-deposit-2025/12")
def own_cap(cell: Cell, step: Money, reading: MeanOverYears = MeanOverYears.POOLED) -> Cap:
    """The cap of a cell that has cases enough: the lower of its mean and its earlier standard.

    Equal amounts rest on the mean. ``step`` is the unit rounded down to.
    """
    mean = mean_burden(cell.counted, reading)
    if cell.legacy is not None and cell.legacy.fen < mean:
        return Cap(cell.legacy.round_down_to(step), Basis.LEGACY, (MEASURED,))
    # floor(mean / step) of the exact mean, so that nothing is rounded twice.
    return Cap(Money(mean // step.fen * step.fen), Basis.MEAN, (MEASURED,))


@implements("guizhou-deposit-2025/18", "guizhou-deposit-2025/12")
def referred_cap(cell: Cell, similar: Mapping[str, Money], step: Money) -> Cap:
    """The cap of a cell with too few cases: the lowest of its ``similar`` caps, never above its own standard.

    Of similar diseases with the same cap the first by code counts.
    """
    if not similar:
        return Cap(None, Basis.INSUFFICIENT, (REFERRED,))
    code = min(similar, key=lambda code: (similar[code], code))
    lowest = similar[code]
    if cell.legacy is not None and cell.legacy < lowest:
        return Cap(cell.legacy.round_down_to(step), Basis.SIMILAR, (REFERRED, MEASURED), code)
    return Cap(lowest.round_down_to(step), Basis.SIMILAR, (REFERRED,), code)


def measure_caps(
    cells: Iterable[Cell],
    similar_to: Mapping[str, Sequence[str]],
    min_cases: int,
    step: Money,
    reading: MeanOverYears = MeanOverYears.POOLED,
) -> dict[CellKey, Cap]:
    """The cap of every cell. ``similar_to`` names, for a disease, the diseases it may be referred to.

    A reference goes one step: only caps that rest on a cell's own mean or standard are taken over.
    """
    every = list(cells)
    enough = max(min_cases, 1)
    own = {cell.key: own_cap(cell, step, reading) for cell in every if cell.cases >= enough}
    caps: dict[CellKey, Cap] = {}
    for cell in every:
        caps[cell.key] = own.get(cell.key) or referred_cap(cell, _similar_amounts(cell, similar_to, own), step)
    return caps


def _similar_amounts(
    cell: Cell, similar_to: Mapping[str, Sequence[str]], own: Mapping[CellKey, Cap]
) -> dict[str, Money]:
    codes = similar_to.get(cell.disease_code, ())
    caps = {code: own.get((code, cell.insured_class)) for code in codes}
    return {code: cap.amount for code, cap in caps.items() if cap and cap.amount is not None}


@implements("guizhou-deposit-2025/18")
def posted_diseases(
    totals: Iterable[DiseaseTotal], share: Fraction, half: PostedHalf = PostedHalf.UNION
) -> tuple[str, ...]:
    """The diseases that must be posted, sorted by code.

    Those that make ``share`` of the cost, those that make it of the cases, or both together: each the shortest head
    of its own descending order, ties by code. Or that ``share`` of all diseases, rounded up, in the order of cost.
    """
    every = list(totals)
    costs = {total.disease_code: total.sum_cost.fen for total in every}
    cases = {total.disease_code: total.cases for total in every}
    match half:
        case PostedHalf.BY_COST:
            head = _head(costs, share)
        case PostedHalf.BY_ADMISSIONS:
            head = _head(cases, share)
        case PostedHalf.OF_GROUPS:
            head = set(_descending(costs)[: ceil(len(costs) * share)])
        case PostedHalf.UNION:
            head = _head(costs, share) | _head(cases, share)
    return tuple(sorted(head))


def _head(sizes: Mapping[str, int], share: Fraction) -> set[str]:
    whole, reached = sum(sizes.values()), 0
    head: set[str] = set()
    for code in _descending(sizes):
        if reached >= whole * share:
            break
        reached += sizes[code]
        head.add(code)
    return head


def _descending(sizes: Mapping[str, int]) -> list[str]:
    return sorted(sizes, key=lambda code: (-sizes[code], code))

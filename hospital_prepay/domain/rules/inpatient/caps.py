"""How much deposit an inpatient may be asked for: articles 12 and 18 of Guizhou's rules.

The cap of a disease and insured class is the mean personal burden of its past cases, never above the hospital's
own standard from before the rules. Everything is compared exactly, in whole fen and whole cases, and rounded down
once at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money

MEASURED: Final = "guizhou-deposit-2025/12"
REFERRED: Final = "guizhou-deposit-2025/18"

CellKey = tuple[str, InsuredClass]


class Basis(StrEnum):
    """What a cap rests on."""

    MEAN = "mean"
    LEGACY = "legacy"
    SIMILAR = "similar"
    INSUFFICIENT = "insufficient"


class Burden(StrEnum):
    """Which figure of the settlement list is read as 个人自付 of article 12: all that the patient bears (the
    default reading), or the copayment alone."""

    WHOLE = "psn_part_amt"
    COPAYMENT = "psn_selfpay"


@dataclass(frozen=True, slots=True)
class Window:
    """The days whose discharges are measured, both included."""

    first: date
    last: date

    @property
    def last_year(self) -> Window:
        """The last calendar year of the window: the "previous year" of the posted list."""
        return Window(date(self.last.year, 1, 1), self.last)


@dataclass(frozen=True, slots=True)
class Cell:
    """One disease and class: its used cases, their personal burden, and the hospital's earlier standard."""

    disease_code: str
    insured_class: InsuredClass
    cases: int
    sum_burden: Money
    legacy: Money | None = None

    @property
    def key(self) -> CellKey:
        """What names the cell."""
        return self.disease_code, self.insured_class


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that may be collected in a stay; ``amount`` is ``None`` when the data doesn't carry one."""

    amount: Money | None
    basis: Basis
    clauses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DiseaseTotal:
    """One disease's discharges of a year over all classes."""

    disease_code: str
    cases: int
    sum_cost: Money


@implements("guizhou-deposit-2025/12")
def measuring_window(as_of: date, window_years: int) -> Window:
    """The full calendar years before the year of ``as_of`` (our reading of 既往三年).

    ``window_years`` is the rulebook's value on that day; asking for it fails before the rules were in force.
    """
    return Window(date(as_of.year - window_years, 1, 1), date(as_of.year - 1, 12, 31))


@implements("guizhou-deposit-2025/10", "guizhou-deposit-2025/12")
def own_cap(cell: Cell, step: Money) -> Cap:
    """The cap of a cell that has cases enough: the lower of its mean and its earlier standard.

    Equal amounts rest on the mean. ``step`` is the unit rounded down to.
    """
    if cell.legacy is not None and cell.legacy.fen * cell.cases < cell.sum_burden.fen:
        return Cap(cell.legacy.round_down_to(step), Basis.LEGACY, (MEASURED,))
    # floor(sum / cases / step) in one division, so that nothing is rounded twice.
    amount = Money(cell.sum_burden.fen // (cell.cases * step.fen) * step.fen)
    return Cap(amount, Basis.MEAN, (MEASURED,))


@implements("guizhou-deposit-2025/18", "guizhou-deposit-2025/12")
def referred_cap(cell: Cell, similar: Sequence[Money], step: Money) -> Cap:
    """The cap of a cell with too few cases: the lowest of its ``similar`` caps, never above its own standard."""
    if not similar:
        return Cap(None, Basis.INSUFFICIENT, (REFERRED,))
    lowest = min(similar)
    if cell.legacy is not None and cell.legacy < lowest:
        return Cap(cell.legacy.round_down_to(step), Basis.SIMILAR, (REFERRED, MEASURED))
    return Cap(lowest.round_down_to(step), Basis.SIMILAR, (REFERRED,))


def measure_caps(
    cells: Iterable[Cell], similar_to: Mapping[str, Sequence[str]], min_cases: int, step: Money
) -> dict[CellKey, Cap]:
    """The cap of every cell. ``similar_to`` names, for a disease, the diseases it may be referred to.

    A reference goes one step: only caps that rest on a cell's own mean or standard are taken over.
    """
    every = list(cells)
    enough = max(min_cases, 1)
    own = {cell.key: own_cap(cell, step) for cell in every if cell.cases >= enough}
    caps: dict[CellKey, Cap] = {}
    for cell in every:
        caps[cell.key] = own.get(cell.key) or referred_cap(cell, _similar_amounts(cell, similar_to, own), step)
    return caps


def _similar_amounts(cell: Cell, similar_to: Mapping[str, Sequence[str]], own: Mapping[CellKey, Cap]) -> list[Money]:
    keys = [(code, cell.insured_class) for code in similar_to.get(cell.disease_code, ())]
    return [cap.amount for key in keys if (cap := own.get(key)) and cap.amount is not None]


@implements("guizhou-deposit-2025/18")
def posted_diseases(totals: Iterable[DiseaseTotal], share: Fraction) -> tuple[str, ...]:
    """The diseases that must be posted: those that make ``share`` of the cost, and those that make it of the cases.

    Each is the shortest head of its own descending order, ties by code; the answer is their union, sorted.
    """
    every = list(totals)
    by_cost = _head({total.disease_code: total.sum_cost.fen for total in every}, share)
    by_cases = _head({total.disease_code: total.cases for total in every}, share)
    return tuple(sorted(by_cost | by_cases))


def _head(sizes: Mapping[str, int], share: Fraction) -> set[str]:
    whole, reached = sum(sizes.values()), 0
    head: set[str] = set()
    for code in sorted(sizes, key=lambda code: (-sizes[code], code)):
        if reached >= whole * share:
            break
        reached += sizes[code]
        head.add(code)
    return head

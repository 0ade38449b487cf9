"""Measure the caps of inpatient deposits: from a file of cases to an amount per disease and class.

The calculator of the command line and the service behind the screens take the same steps from the snapshot on, so
that an auditor's recomputation and the hospital's own measurement can't differ.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

from hospital_prepay.domain.errors import MalformedInput, NoUsableRow
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import ZERO, Money
from hospital_prepay.domain.rules.inpatient.caps import (
    Cap,
    Cell,
    CellKey,
    Window,
    YearSum,
    mean_burden,
    measure_caps,
    measuring_window,
    posted_diseases,
    previous_year,
)
from hospital_prepay.domain.rules.inpatient.evidence import Reach, posted_reach
from hospital_prepay.domain.rules.inpatient.readings import USUAL, Burden, MeasuringReadings, SelfPayClasses
from hospital_prepay.domain.rules.inpatient.standards import (
    EVERY_DISEASE,
    EarlierStandard,
    binding_standard,
    standards_before,
)
from hospital_prepay.persistence.case_checks import RejectedCase
from hospital_prepay.persistence.case_statistics import (
    CellStatistics,
    LeftOut,
    YearBurden,
    cell_statistics,
    disease_names,
    disease_totals,
    left_out,
    without_burden,
    yearly_burdens,
    yearly_sums,
)
from hospital_prepay.persistence.cases import Progress, read_cases
from hospital_prepay.rulebook import load_rulebook
from hospital_prepay.services.inpatient.standards import read_similar, read_standards

ONE_YUAN = Money(100)


@dataclass(frozen=True, slots=True)
class MeasureOptions:
    """How to measure. ``min_cases`` 0 means no minimum; caps are rounded down to multiples of ``round_down_to``."""

    as_of: date
    min_cases: int = 0
    round_down_to: Money = ONE_YUAN
    standards: Sequence[EarlierStandard] = ()
    similar: Mapping[str, Sequence[str]] = field(default_factory=dict)
    readings: MeasuringReadings = USUAL

    def __post_init__(self) -> None:
        if self.min_cases < 0:
            raise MalformedInput("最少病例数不能小于零。请改成零或正整数。")
        if self.round_down_to <= ZERO:
            raise MalformedInput("取整单位必须大于零。请改成 1 元或其他正数。")


@dataclass(frozen=True, slots=True)
class MeasuredRow:
    """One disease and class with its cap, and what the cap was computed from; ``mean`` is rounded down.

    ``years`` is only filled for screens.
    """

    statistics: CellStatistics
    disease_name: str | None
    standard: EarlierStandard | None
    cap: Cap
    mean: Money | None
    years: tuple[YearBurden, ...] = ()

    @property
    def legacy(self) -> Money | None:
        """The earlier standard's amount."""
        return None if self.standard is None else self.standard.amount

    def to_json(self) -> dict[str, Any]:
        """The row as the contract shows it; amounts in fen."""
        return {
            "disease_code": self.statistics.disease_code,
            "disease_name": self.disease_name,
            "insured_class": self.statistics.insured_class.value,
            "cases": self.statistics.cases,
            "sum_cost_fen": self.statistics.sum_cost.fen,
            "sum_burden_fen": self.statistics.sum_burden.fen,
            "legacy_fen": None if self.legacy is None else self.legacy.fen,
            "cap_fen": None if self.cap.amount is None else self.cap.amount.fen,
            "basis": self.cap.basis.value,
            "clauses": list(self.cap.clauses),
        }


@dataclass(frozen=True, slots=True)
class SnapshotMeasurement:
    """What a snapshot of accepted cases yields for a window; ``left_out`` is ``None`` while every class counts."""

    window: Window
    cases_used: int
    left_out: LeftOut | None
    rows: tuple[MeasuredRow, ...]
    posted: tuple[str, ...]
    reach: Reach
    readings: MeasuringReadings


@dataclass(frozen=True, slots=True)
class Measurement:
    """The answer of ``inpatient measure``."""

    as_of: date
    cases_read: int
    outside_window: int
    rejected: tuple[RejectedCase, ...]
    measured: SnapshotMeasurement

    def to_json(self) -> dict[str, Any]:
        """The answer as the contract shows it."""
        measured = self.measured
        return {
            "as_of": self.as_of.isoformat(),
            "window": {"from": measured.window.first.isoformat(), "to": measured.window.last.isoformat()},
            "cases_read": self.cases_read,
            "cases_used": measured.cases_used,
            "outside_window": self.outside_window,
            "rejected": [{"line": row.line, "code": row.code, "message": row.message} for row in self.rejected],
            "rows": [row.to_json() for row in measured.rows],
            "posted": list(measured.posted),
        }


@dataclass(frozen=True, slots=True)
class MeasuringRules:
    """What the rulebook says on the day of a measurement (12, 18)."""

    window_years: int
    earlier_standard_binds: bool
    posted_share: Fraction


def rules_on(day: date) -> MeasuringRules:
    """The rules of measuring in force on ``day``. Raises ``NoRuleInForce`` before the first (27)."""
    rulebook = load_rulebook()
    return MeasuringRules(
        rulebook.value_on("guizhou-deposit-2025/window_years", day).whole(),
        rulebook.value_on("guizhou-deposit-2025/earlier_standard_binds", day).flag(),
        rulebook.value_on("guizhou-deposit-2025/posted_share", day).share(),
    )


def measure_cases(
    cases: Path,
    *,
    as_of: date,
    legacy: Path | None = None,
    similar: Path | None = None,
    min_cases: int = 0,
    round_down_to: Money = ONE_YUAN,
    readings: MeasuringReadings = USUAL,
    progress: Progress | None = None,
) -> Measurement:
    """Measure the file ``cases`` as of a day, with the earlier standards and similar diseases of two more files.

    Raises ``NoRuleInForce`` for a day before the rules, ``NoUsableRow`` when no case is left in the window, and
    the errors of the files.
    """
    rules_on(as_of)  # a day without a rule is said before a long file is read
    options = MeasureOptions(
        as_of,
        min_cases,
        round_down_to,
        read_standards(legacy, as_of) if legacy else (),
        read_similar(similar) if similar else {},
        readings,
    )
    with tempfile.TemporaryDirectory(prefix="prepay-measure-") as folder:
        snapshot = Path(folder) / "cases.parquet"
        reading = read_cases(cases, burden=readings.burden, snapshot=snapshot, progress=progress)
        measured = measure_snapshot(reading.snapshot, options)
    set_aside = _set_aside(measured.left_out)
    rejected = tuple(sorted((*reading.rejected, *set_aside), key=lambda row: row.line))
    outside = reading.accepted - len(set_aside) - measured.cases_used
    if not measured.cases_used:
        raise _nothing_usable(measured.window, outside, rejected)
    return Measurement(as_of, reading.cases_read, outside, rejected, measured)


def _set_aside(found: LeftOut | None) -> list[RejectedCase]:
    """The rows whose class counts nowhere by the hospital's reading, whatever their date."""
    message = "这名患者的参保类型按选定的读法不归到自费，也不计入测算。"
    return [RejectedCase(line, "class_left_out", message) for line in found.lines] if found else []


def measure_snapshot(snapshot: Path, options: MeasureOptions, *, spread: bool = False) -> SnapshotMeasurement:
    """Measure the accepted cases of ``snapshot``; ``spread`` adds the quantiles and years that screens show.

    Raises ``MalformedInput`` when a case lacks what the readings ask for: only cases stored earlier can.
    """
    rules, readings = rules_on(options.as_of), options.readings
    window = measuring_window(options.as_of, rules.window_years, readings.past_years)
    without = left_out(snapshot, window) if readings.self_pay_classes is SelfPayClasses.LEFT_OUT else None
    _require_known(snapshot, window, readings, without)
    found = cell_statistics(snapshot, window, readings, spread=spread)
    yearly = {} if readings.is_plain_mean else yearly_sums(snapshot, window, readings, found)
    every = _with_referred(found, options.similar)
    earlier = standards_before(options.standards, readings.issued_on) if rules.earlier_standard_binds else ()
    standards = _binding(every, {one.key: one for one in earlier}, readings)
    cells = [_cell(statistics, yearly, standards) for statistics in every]
    caps = measure_caps(cells, options.similar, options.min_cases, options.round_down_to, readings.mean_over_years)
    names = disease_names(snapshot, window, readings)
    years = yearly_burdens(snapshot, window, readings) if spread else {}
    rows = tuple(
        MeasuredRow(
            statistics,
            names.get(cell.disease_code),
            standards.get(cell.key),
            caps[cell.key],
            _mean(cell, readings),
            years.get(cell.key, ()),
        )
        for statistics, cell in zip(every, cells, strict=True)
    )
    year = previous_year(options.as_of)
    totals = disease_totals(snapshot, year, readings)
    posted = posted_diseases(totals, rules.posted_share, readings.posted_half)
    reach = posted_reach(year.last.year, totals, frozenset(posted))
    return SnapshotMeasurement(window, sum(cell.cases for cell in found), without, rows, posted, reach, readings)


def _require_known(snapshot: Path, window: Window, readings: MeasuringReadings, without: LeftOut | None) -> None:
    if without and without.unknown:
        raise MalformedInput(
            f"有 {without.unknown:,} 例自费病例是以前导入的，没有记下是不是全公费、商业保险或异地未实时结算，"
            "分不出来。要测算，请先在读法里把这几类改回归到自费。",
            code="reading_not_measurable",
        )
    if readings.burden is Burden.COPAYMENT and (lacking := without_burden(snapshot, window, readings)):
        raise MalformedInput(
            f"有 {lacking:,} 例没有个人自付金额，不能只按个人自付测算。要测算，请先在读法里改回个人负担合计。",
            code="reading_not_measurable",
        )


def _with_referred(found: list[CellStatistics], similar: Mapping[str, Sequence[str]]) -> list[CellStatistics]:
    """The cells with cases, and every class of a disease that is referred to others, sorted."""
    cells = {
        (code, insured): CellStatistics(code, insured, 0, ZERO, ZERO) for code in similar for insured in InsuredClass
    }
    cells |= {(cell.disease_code, cell.insured_class): cell for cell in found}
    order = list(InsuredClass)
    return [cells[key] for key in sorted(cells, key=lambda key: (key[0], order.index(key[1])))]


def _cell(
    statistics: CellStatistics,
    yearly: Mapping[CellKey, tuple[YearSum, ...]],
    standards: Mapping[CellKey, EarlierStandard],
) -> Cell:
    key = statistics.key
    legacy = standards[key].amount if key in standards else None
    return Cell(*key, statistics.cases, statistics.sum_burden, legacy, yearly.get(key, ()))


def _binding(
    every: Sequence[CellStatistics], standards: Mapping[CellKey, EarlierStandard], readings: MeasuringReadings
) -> dict[CellKey, EarlierStandard]:
    """Of each cell the earlier standard that binds it, if any does."""
    found = {}
    for cell in every:
        uniform = standards.get((EVERY_DISEASE, cell.insured_class))
        if standard := binding_standard(standards.get(cell.key), uniform, readings.standard_scope):
            found[cell.key] = standard
    return found


def _mean(cell: Cell, readings: MeasuringReadings) -> Money | None:
    return Money(floor(mean_burden(cell.counted, readings.mean_over_years))) if cell.cases else None


def _nothing_usable(window: Window, outside: int, rejected: tuple[RejectedCase, ...]) -> NoUsableRow:
    parts = [f"没有可用的病例：{outside} 例不在 {window.first} 至 {window.last} 内，{len(rejected)} 行未通过检查"]
    if rejected:
        parts.append(f"其中第 {rejected[0].line} 行：{rejected[0].message}")
    return NoUsableRow("；".join(parts).rstrip("。") + "。请检查文件后重试。")

"""Three years of discharges of the synthetic hospital, written as the files a hospital would export.

Prices rise, coughs come in winter, residents become employees, few diseases make most cases; and, as in every
export, some rows can't be used. The same seed gives the same bytes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random
from statistics import NormalDist
from typing import Final

from hospital_prepay.services.demonstration.dirt import dirty_rows
from hospital_prepay.services.demonstration.diseases import Disease, diseases
from hospital_prepay.services.demonstration.standards import legacy_standards, similar_pairs

FIRST_YEAR: Final = 2023
LAST_YEAR: Final = 2025
CASES: Final = 60_000
DIRTY_OF_EACH_KIND: Final = 150

HEADINGS: Final = (
    "结算流水号",
    "出院日期",
    "科室",
    "病种编码",
    "病种名称",
    "参保类型",
    "住院总费用",
    "个人负担",
    "个人自付",
    "数据来源",
)
_SOURCE: Final = "演示数据"

_MONTHS: Final = [(year, month) for year in range(FIRST_YEAR, LAST_YEAR + 1) for month in range(1, 13)]
# Fewer beds are filled around the Spring Festival; the hospital grows a little each year.
_VOLUME: Final = (92, 84, 104, 101, 100, 100, 103, 102, 100, 97, 103, 106)
_GROWTH_PERCENT: Final = 4
_PRICES_PER_MILLE_A_MONTH: Final = 3
_MIDDLE_MONTH: Final = 18
# Spread of the cost of single cases around the mean of their disease, per mille: log-normal, its mean about 1000.
_SPREAD: Final = [
    round(1000 * 2.718281828 ** (0.42 * NormalDist().inv_cdf((index + 0.5) / 2000) - 0.088)) for index in range(2000)
]
# Employees are treated a little more expensively, those who pay for themselves leave earlier.
_COST_PERCENT: Final = (105, 98, 92)
_LABELS: Final = (
    ("职工医保", "职工医保", "职工医保", "310"),
    ("居民医保", "居民医保", "城乡居民医保", "390"),
    ("自费", "自费", "自费", "自费", "自费", "自费", "商业保险", "商业保险", "异地非实时结算", "全公费"),
)
# Zipf's law, flattened at the top: the commonest disease makes about four cases in a hundred.
_FREQUENCY_EXPONENT: Final = 1.8
_FREQUENCY_OFFSET: Final = 20


@dataclass(frozen=True, slots=True)
class DemonstrationFiles:
    """Where the files were written."""

    cases: Path
    legacy: Path
    similar: Path
    note: Path


def write_demonstration_cases(
    folder: Path, seed: int = 2026, cases: int = CASES, dirty_of_each_kind: int = DIRTY_OF_EACH_KIND
) -> DemonstrationFiles:
    """Write the cases, the hospital's earlier standards and its table of similar diseases into ``folder``.

    ``cases`` usable discharges from 2023 to 2025 and, among them, ``dirty_of_each_kind`` rows for each reason to
    reject one.
    """
    rng = Random(seed)
    usable = discharges(rng, cases)
    rows = _mixed(rng, usable, dirty_rows(rng, usable, dirty_of_each_kind))
    paths = DemonstrationFiles(
        folder / "demonstration-cases.csv",
        folder / "demonstration-legacy.csv",
        folder / "demonstration-similar.csv",
        folder / "demonstration-README.txt",
    )
    folder.mkdir(parents=True, exist_ok=True)
    _write(paths.cases, HEADINGS, rows)
    _write(paths.legacy, ("disease_code", "insured_class", "standard"), legacy_standards(rng))
    _write(paths.similar, ("disease_code", "similar_to"), similar_pairs())
    paths.note.write_text(_NOTE, "utf-8")
    return paths


def discharges(rng: Random, number: int) -> list[list[str]]:
    """``number`` usable rows in the order of discharge."""
    common = by_frequency(rng)
    weights = [_VOLUME[month - 1] * (100 + _GROWTH_PERCENT * (year - FIRST_YEAR)) for year, month in _MONTHS]
    of_month = [0] * len(_MONTHS)
    for index in rng.choices(range(len(_MONTHS)), weights, k=number):
        of_month[index] += 1
    rows: list[list[str]] = []
    for index, (year, month) in enumerate(_MONTHS):
        rows += _month(rng, common, index, _days(year, month), of_month[index])
    for sequence, row in enumerate(rows, 1):
        row[0] = f"DEMO{sequence:08d}"
    return rows


def by_frequency(rng: Random) -> list[tuple[Disease, int]]:
    """The diseases with their weights, the commonest first; few of them make most cases."""
    ranked = sorted(diseases(), key=lambda disease: (-disease.frequency, rng.random()))
    return [
        (disease, int(1e9 / (rank + _FREQUENCY_OFFSET) ** _FREQUENCY_EXPONENT))
        for rank, disease in enumerate(ranked, 1)
    ]


def _month(
    rng: Random, common: list[tuple[Disease, int]], index: int, days: Sequence[date], number: int
) -> list[list[str]]:
    year, month = _MONTHS[index]
    prices = 1000 + _PRICES_PER_MILLE_A_MONTH * (index - _MIDDLE_MONTH)
    sick = rng.choices(
        [disease for disease, _ in common],
        cum_weights=list(accumulate(weight * disease.season(month) for disease, weight in common)),
        k=number,
    )
    mixes = {disease: disease.classes(year) for disease, _ in common}
    written = [day.isoformat() for day in sorted(rng.choices(days, k=number))]
    spreads = rng.choices(_SPREAD, k=number)
    return [
        _row(rng, disease, mixes[disease], day, prices * spread)
        for disease, day, spread in zip(sick, written, spreads, strict=True)
    ]


def _row(rng: Random, disease: Disease, mix: tuple[int, int, int], day: str, per_million: int) -> list[str]:
    drawn = rng.random() * 100
    insured = 0 if drawn < mix[0] else 1 if drawn < mix[0] + mix[1] else 2
    cost = disease.mean_cost_yuan * per_million * _COST_PERCENT[insured] // 1_000_000 + int(rng.random() * 100)
    labels = _LABELS[insured]
    label = labels[int(rng.random() * len(labels))]
    burden = copayment = ""
    if insured < 2:
        percent = disease.resident_percent if insured else disease.employee_percent
        # The share varies by a third either way; some of it is not covered at all.
        borne = cost * percent * (670 + int(rng.random() * 661)) // 100_000
        burden, copayment = _yuan(borne), _yuan(borne * (55 + int(rng.random() * 35)) // 100)
    elif label != "自费":
        burden = _yuan(cost)
    return ["", day, disease.department, disease.code, disease.name, label, _yuan(cost), burden, copayment, _SOURCE]


def _days(year: int, month: int) -> list[date]:
    first = date(year, month, 1)
    following = date(year + month // 12, month % 12 + 1, 1)
    days = [first + timedelta(days=index) for index in range((following - first).days)]
    # Fewer go home on a Sunday.
    return [day for day in days for _ in range(1 if day.weekday() == 6 else 2)]


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _mixed(rng: Random, rows: list[list[str]], dirty: Iterable[list[str]]) -> list[list[str]]:
    """The dirty rows at random places, but never before the row whose number they repeat."""
    places = {row[0]: place for place, row in enumerate(rows)}
    keyed = [(place, 0, row) for place, row in enumerate(rows)]
    keyed += [(rng.randrange(places.get(row[0], 0), len(rows)), 1, row) for row in dirty]
    return [row for _, _, row in sorted(keyed, key=lambda item: item[:2])]


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    # With a mark at the beginning, so that spreadsheet programs in Chinese hospitals read the characters.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


_NOTE: Final = """\
演示数据（synthetic）

本文件夹中的病例、原标准和相似病种均由程序虚构，不含任何真实患者或真实医院的信息，不能用于制定真实的预交金标准。

demonstration-cases.csv    2023 至 2025 年出院病例，其中夹有少量不能使用的行
demonstration-legacy.csv   医院原有预交金标准
demonstration-similar.csv  相似病种对照
"""

"""The two small tables beside the cases: the hospital's earlier standards, and which diseases are similar.

They are somebody's decision, row by row, so nothing in them is passed over: the first wrong row stops the reading
with its line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from hospital_prepay.domain.days import NotADate, day_of, years_after
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.insured_class import insured_class_of
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.plain_text import LONGEST_CODE, check_text
from hospital_prepay.domain.rules.inpatient.standards import EVERY_DISEASE, SINCE_EVER, EarlierStandard
from hospital_prepay.files.tables import Column, open_table

T = TypeVar("T")

_CODE: Final = Column("病种编码", ("disease_code", "diag_code", "病种编码", "病组编码", "诊断编码"))
_LEGACY: Final = {
    "disease_code": _CODE,
    "insured_class": Column("参保类型", ("insured_class", "insutype", "参保类型", "险种", "险种类型")),
    "standard": Column("原标准", ("standard", "原标准", "预交金标准", "标准")),
    "in_force_from": Column("执行日期", ("in_force_from", "执行日期", "起始日期"), required=False),
}
_SIMILAR: Final = {
    "disease_code": _CODE,
    "similar_to": Column("相似病种", ("similar_to", "相似病种", "相似病种编码", "参照病种编码")),
}

# Hospitals wrote no such standards before; an earlier day is a slip of the pen.
_FIRST_DAY: Final = date(1990, 1, 1)
_UNIFORM: Final = frozenset({EVERY_DISEASE, "全部病种"})


class FaultyRow(MalformedInput):
    """A row of a small table can't be used; the code of the error says why, the details carry the line."""

    code = "faulty_row"


def read_standards(path: Path, today: date) -> list[EarlierStandard]:
    """The hospital's own amounts from before the rules, by disease and class, and since when where the file says it.

    A disease called ``*`` or 全部病种 is the uniform standard of its class. Raises :class:`FaultyRow` with the
    reason's code for an unknown class, an amount that is none, a day that is none or far from ``today``, an empty or
    formula cell, and a pair that stands twice from the same day on.
    """
    standards: list[EarlierStandard] = []
    lines: dict[tuple[object, ...], int] = {}
    with _naming("原标准表"):
        for line, row in _rows(path, _LEGACY, may_be_empty="in_force_from"):
            one = _standard(line, row, today)
            key = *one.key, one.in_force_from
            if key in lines:
                message = f"与第 {lines[key]} 行的病种和参保类型相同。请只保留一行。"
                raise _fault(line, "duplicate_standard", message)
            standards.append(one)
            lines[key] = line
    return standards


def _standard(line: int, row: Mapping[str, str], today: date) -> EarlierStandard:
    code, day = row["disease_code"], row.get("in_force_from")
    return EarlierStandard(
        EVERY_DISEASE if code in _UNIFORM else code,
        _read(line, insured_class_of, row["insured_class"]),
        _read(line, Money.of_cell, row["standard"]),
        _read(line, partial(_day_in_force, today), day) if day else SINCE_EVER,
    )


def _day_in_force(today: date, text: str) -> date:
    day, last = day_of(text), years_after(today, 1)
    if not _FIRST_DAY <= day <= last:
        raise NotADate(f"“{text}”不像执行日期：只收 {_FIRST_DAY} 到 {last} 的日期。请核对年份。")
    return day


def read_similar(path: Path) -> dict[str, tuple[str, ...]]:
    """For each disease the similar ones it may be referred to. Raises :class:`FaultyRow`."""
    similar: dict[str, tuple[str, ...]] = {}
    with _naming("相似病种表"):
        for line, row in _rows(path, _SIMILAR):
            code = row["disease_code"]
            if code == row["similar_to"]:
                raise _fault(
                    line, "similar_to_itself", f"病种 {code} 的相似病种是它自己。请改成另一个病种，或删去这一行。"
                )
            similar[code] = (*similar.get(code, ()), row["similar_to"])
    return similar


@contextmanager
def _naming(table: str) -> Iterator[None]:
    """Say which of the files is meant."""
    try:
        yield
    except MalformedInput as error:
        raise FaultyRow(f"{table}：{error.message}", code=error.reason, details=error.details) from error


def _rows(
    path: Path, wanted: Mapping[str, Column], may_be_empty: str | None = None
) -> Iterator[tuple[int, dict[str, str]]]:
    with open_table(path) as table:
        columns = table.columns(wanted)
        for line, cells in table.rows:
            if any(cell.strip() for cell in cells[len(table.header) :]):
                raise _fault(line, "too_many_cells", "单元格比表头多。金额或名称里有逗号时，请加上英文双引号。")
            row = {key: cells[at].strip() if at < len(cells) else "" for key, at in columns.items()}
            for key, value in row.items():
                if not value and key != may_be_empty:
                    raise _fault(line, "missing_value", f"缺少{wanted[key].label}。请补上。")
                if value.startswith("="):
                    raise _fault(line, "formula", f"{wanted[key].label}是公式。请改成数值。")
                check_cell(line, wanted[key].label, value, LONGEST_CODE)
            yield line, row


def _read(line: int, reader: Callable[[str], T], text: str) -> T:
    try:
        return reader(text)
    except MalformedInput as error:
        raise _fault(line, error.reason, error.message) from error


def check_cell(line: int, label: str, text: str, longest: int) -> None:
    """Raise :class:`FaultyRow` for a name or code that can't be kept."""
    try:
        check_text(text, longest)
    except MalformedInput as error:
        raise _fault(line, error.reason, label + error.message) from error


def _fault(line: int, code: str, message: str) -> FaultyRow:
    return FaultyRow(f"第 {line} 行{message}", code=code, details={"line": line})

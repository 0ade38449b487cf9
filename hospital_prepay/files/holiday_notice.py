"""A holiday schedule that somebody typed up from the notice of a further year.

A CSV table ``date, kind, name`` (or 日期, 类型, 名称): one row a day, kind ``off``/放假 or ``work``/上班. Lines that
start with ``#`` are comments. All wrong rows are named at once, each with its line.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date

from hospital_prepay.domain.calendar import AnnouncedYear, WrongSchedule
from hospital_prepay.domain.errors import MissingColumn, NotATable

_COLUMNS = {"date": "date", "日期": "date", "kind": "kind", "类型": "kind", "name": "name", "名称": "name"}
_KINDS = {"off": "off", "放假": "off", "work": "work", "上班": "work"}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_LARGEST = 200_000
_LONGEST_NAME = 20

Row = tuple[int, dict[str, str]]
Day = tuple[int, date, str, str]


class WrongScheduleRows(WrongSchedule):
    """Rows of a schedule that can't be read; ``details["rows"]`` holds line and message of each."""


def read_holiday_notice(content: bytes, source: str) -> AnnouncedYear:
    """Read and check the schedule of one year; ``source`` names the notice.

    Raises :class:`NotATable`, :class:`MissingColumn`, :class:`WrongScheduleRows` for rows and
    :class:`WrongSchedule` for a schedule that is wrong as a whole.
    """
    problems: list[tuple[int, str]] = []
    days: list[Day] = []
    for line, row in _rows(content):
        try:
            days.append(_day(line, row))
        except ValueError as error:
            problems.append((line, str(error)))
    if not days and not problems:
        raise NotATable("文件里没有日期，请按“日期、类型、名称”每天填一行。")
    # The commonest year, so that one slip of the pen doesn't put every other row in the wrong.
    year = max(Counter(day.year for _, day, _, _ in days).items(), key=lambda item: item[1], default=(0, 0))[0]
    problems += _out_of_place(days, year)
    if problems:
        raise _wrong_rows(sorted(problems))
    off = {day: name for _, day, kind, name in days if kind == "off"}
    work = {day: name for _, day, kind, name in days if kind == "work"}
    return AnnouncedYear(year, off, work, source)


def _rows(content: bytes) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(_decode(content), newline=""), strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for record in reader:
            # A quoted cell may span lines: people look for the line where the record starts.
            line, start = reader.line_num + 1, line
            cells = [cell.strip() for cell in record]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if header is None:
                header = [_COLUMNS.get(cell.lower(), "") for cell in cells]
                _check_header(header)
            else:
                yield start, dict(zip(header, cells, strict=False))
    except csv.Error as error:
        raise NotATable(f"第 {line} 行的引号没有成对，请检查后再导入。") from error


def _decode(content: bytes) -> str:
    if len(content) > _LARGEST:
        raise NotATable("文件太大，放假安排只需几十行，请检查是不是选错了文件。")
    if b"\0" in content:
        raise NotATable("请把表格另存为 CSV 文件再导入。")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise NotATable("读不出文件里的文字，请另存为 UTF-8 编码的 CSV 文件再导入。")


def _check_header(header: list[str]) -> None:
    for column, chinese in (("date", "日期"), ("kind", "类型"), ("name", "名称")):
        if header.count(column) != 1:
            raise MissingColumn(f"表头应有且只有一列“{chinese}”，请补上表头“日期,类型,名称”。")


def _day(line: int, row: dict[str, str]) -> Day:
    text, kind, name = (row.get(column, "") for column in ("date", "kind", "name"))
    if not _DAY.fullmatch(text):
        raise ValueError(f"“{text[:20]}”不是日期，请写成 2027-01-01 这样")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} 这一天不存在") from None
    if kind.lower() not in _KINDS:
        raise ValueError(f"类型“{kind[:20]}”不认识，请写“放假”或“上班”")
    if not 0 < len(name) <= _LONGEST_NAME:
        raise ValueError("请填写节日名称，例如 春节")
    return line, day, _KINDS[kind.lower()], name


def _out_of_place(days: list[Day], year: int) -> Iterator[tuple[int, str]]:
    first: dict[date, int] = {}
    for line, day, kind, _ in days:
        if first.setdefault(day, line) != line:
            yield line, f"{day} 与第 {first[day]} 行重复"
        elif not AnnouncedYear.speaks_of(year, day):
            yield line, f"{day} 不是 {year} 年的日期"
        elif kind == "work" and day.weekday() < 5:
            yield line, f"{day} 不是周末，不会是调休上班日"


def _wrong_rows(problems: list[tuple[int, str]]) -> WrongScheduleRows:
    line, message = problems[0]
    more = f"另有 {len(problems) - 1} 行有误。" if len(problems) > 1 else ""
    return WrongScheduleRows(
        f"第 {line} 行：{message}。{more}",
        details={"rows": [{"line": line, "message": f"{message}。"} for line, message in problems]},
    )

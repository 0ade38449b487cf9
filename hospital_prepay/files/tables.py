"""Tables in: CSV and XLSX as rows of text with the line on which each record starts.

The separator is the one among comma, tab and semicolon that splits the header furthest. A cell that begins with
``=`` is a formula, in CSV as in XLSX; what that means is the reader's business.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, TextIO

from hospital_prepay.domain.errors import MalformedInput, MissingColumn, NotATable
from hospital_prepay.files.quoting import unquote
from hospital_prepay.files.spreadsheets import read_sheet
from hospital_prepay.files.survey import CHUNK, FIELD_MARK, Progress, Survey, digest_of, not_text, survey

_DELIMITERS: Final = ",\t;"
_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_UNITS: Final = ("（元）", "(元)", "（元)", "(元）")

Rows = Iterator[tuple[int, list[str]]]


class RepeatedColumn(MalformedInput):
    """One heading stands twice in the header row, so that it can't be told which to read."""

    code = "repeated_column"


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a reader wants: of its ``names`` the earliest in the header counts, people see ``label``."""

    label: str
    names: tuple[str, ...]
    required: bool = True


@dataclass(frozen=True, slots=True)
class PlainLines:
    """A UTF-8 copy of the table in which each physical line is one record, for readers that work in bulk."""

    path: Path
    delimiter: str
    newline: str

    def blocks(self, records: int) -> Iterator[tuple[int, str]]:
        """So many records at once as they stand, with the line of the first; the header is left out."""
        with self.path.open(encoding="utf-8-sig", newline="") as text:
            next(text, None)
            line = 2
            while lines := list(islice(text, records)):
                yield line, "".join(lines)
                line += len(lines)

    def rows_of(self, line: int, block: str) -> Rows:
        """The rows of a block that begins on ``line``, as ``Table.rows`` would give them."""
        split = (text.split(self.delimiter) for text in block.removesuffix(self.newline).split(self.newline))
        return _with_content(enumerate(split, line))


@dataclass(frozen=True, slots=True)
class Table:
    """An opened table. ``rows`` gives ``(line, cells)`` of each record with any content; it can be read once."""

    header: tuple[str, ...]
    rows: Rows
    sha256: str
    size: int
    plain: PlainLines | None = None

    def columns(self, wanted: Mapping[str, Column]) -> dict[str, int]:
        """Where each column of ``wanted`` stands, the optional ones only when they are there.

        Raises :class:`MissingColumn` and :class:`RepeatedColumn`.
        """
        headings = [_heading(cell) for cell in self.header]
        found: dict[str, int] = {}
        for key, column in wanted.items():
            heading = next((name for name in map(_heading, column.names) if name in headings), None)
            if heading is None:
                continue
            if headings.count(heading) > 1:
                raise RepeatedColumn(f"表头里有两列“{heading}”。请只保留一列。")
            found[key] = headings.index(heading)
        missing = [column.label for key, column in wanted.items() if column.required and key not in found]
        if missing and not found and len(self.header) < 2:
            raise not_text()
        if missing:
            raise MissingColumn(f"表头缺少：{'、'.join(missing)}。请补上后重新上传。", details={"columns": missing})
        return found


@contextmanager
def open_table(path: Path, progress: Progress | None = None) -> Iterator[Table]:
    """Open a CSV or XLSX file by its content, whatever its name.

    Raises :class:`NotATable` for anything else and, while rows are read, for broken quoting, naming the line.
    """
    try:
        with path.open("rb") as source:
            start = source.read(8)
    except OSError as error:
        raise NotATable("打不开这个文件。请检查路径和读取权限。") from error
    if start.startswith(_ZIP):
        rows = _with_content(read_sheet(path))
        yield Table(_header(rows)[1], rows, digest_of(path), path.stat().st_size)
        return
    if start == _OLE or start.startswith(_UTF16) or not start:
        raise _refusal(start)
    with tempfile.TemporaryDirectory(prefix="prepay-table-") as folder:
        yield from _open_text(path, Path(folder), progress)


def _refusal(start: bytes) -> NotATable:
    if not start:
        return NotATable("这个文件是空的。请检查后重新上传。")
    if start == _OLE:
        return NotATable("这是旧版或加密的工作簿。请另存为不加密的 XLSX 或 CSV 后上传。")
    return NotATable("这个文件是 UTF-16 编码。请另存为 UTF-8 编码的 CSV 后上传。")


def _open_text(path: Path, folder: Path, progress: Progress | None) -> Iterator[Table]:
    facts = survey(path, progress)
    source = path if facts.encoding == "utf-8-sig" else _as_utf8(path, folder / "utf8.csv")
    delimiter = _delimiter(source)
    with source.open(encoding="utf-8-sig", newline="") as text:
        rows = _with_content(_records(text, delimiter))
        line, header = _header(rows)
        plain = _plain_lines(facts, source, folder / "unquoted.csv", delimiter) if line == 1 else None
        yield Table(header, rows, facts.sha256, facts.size, plain)


def _plain_lines(facts: Survey, source: Path, copy: Path, delimiter: str) -> PlainLines | None:
    if not facts.regular:
        return None
    if not facts.quotes:
        return PlainLines(source, delimiter, facts.newline)
    return PlainLines(copy, FIELD_MARK, "\n") if unquote(source, copy, delimiter, facts.newline) else None


def _as_utf8(path: Path, target: Path) -> Path:
    with path.open(encoding="gb18030", newline="") as source, target.open("w", encoding="utf-8", newline="") as copy:
        while block := source.read(CHUNK):
            copy.write(block)
    return target


def _delimiter(source: Path) -> str:
    with source.open(encoding="utf-8-sig", newline="") as text:
        first = next((line for line in iter(lambda: text.readline(CHUNK), "") if line.strip()), "")
    return max(_DELIMITERS, key=first.count)


def _records(text: TextIO, delimiter: str) -> Rows:
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    line = 0
    try:
        for cells in reader:
            yield line + 1, cells
            line = reader.line_num
    except csv.Error as error:
        raise NotATable(
            f"第 {line + 1} 行的引号不成对或内容过长。请改正后重新上传。", details={"line": line + 1}
        ) from error


def _with_content(rows: Rows) -> Rows:
    """Leave out blank lines and rows of empty cells, which spreadsheets love to append."""
    for line, cells in rows:
        # The first cell decides nearly always, and is much quicker to look at than all of them.
        if (cells and cells[0] and not cells[0].isspace()) or any(cell and not cell.isspace() for cell in cells):
            yield line, cells


def _header(rows: Rows) -> tuple[int, tuple[str, ...]]:
    first = next(rows, None)
    if first is None:
        raise NotATable("这个文件没有内容。请检查后重新上传。")
    return first[0], tuple(first[1])


def _heading(cell: str) -> str:
    text = cell.strip().strip("\ufeff").strip()
    for unit in _UNITS:
        text = text.removesuffix(unit)
    return text.strip().lower()

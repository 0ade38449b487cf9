"""XLSX in: the first visible sheet, cell by cell, as text.

Cell values come from calamine, which knows only what a formula last showed. Money must not rest on that, so the
sheet's own XML is looked through for formulas, and a formula's cell is handed on as text that begins with ``=``.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final
from xml.parsers import expat

import python_calamine

from hospital_prepay.domain.errors import NotATable
from hospital_prepay.files.survey import CHUNK, not_text

# A sheet of the largest kind stays below this; what unpacks to more is refused before it is unpacked.
MAX_UNPACKED: Final = 2 << 30
# The reader makes room for every cell between the first and the last, empty ones too. A full sheet of a settlement
# list stays below this; a single cell in the far corner would take more memory than there is and end the process.
MAX_CELLS: Final = 32_000_000
_ENCRYPTED: Final = 0x1
_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)  # the last: packed some other way
_WRONG: Final = (KeyError, ValueError, expat.ExpatError, python_calamine.CalamineError)
_LAST_ROW, _COLUMNS_TO_Z = 1 << 20, 26

_FORMULA_TAG: Final = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?f[\s/>]")
_REFERENCE: Final = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})")
# Places beyond column Z or row 999,999: without one of them a sheet is below the limit whatever it holds.
_FAR_PLACE: Final = re.compile(rb"""\sr\s*=\s*["'](?:[A-Z]{2}|[A-Z]?[0-9]{7}|[^A-Z0-9])""")
_Start = Callable[[str, dict[str, str]], None]
_CellValue = int | float | str | bool | time | date | datetime | timedelta


def read_sheet(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows of the first visible sheet as ``(row number, cells)``, the sheet's first row being 1.

    Raises :class:`NotATable` for what isn't an XLSX workbook with a sheet, or unpacks to an absurd size.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = _sheet_parts(archive)
            with closing(python_calamine.load_workbook(str(path))) as book:
                name = _first_visible(book)
                _require_room(archive, names[name])
                formulas = _formulas(archive, names[name])
                sheet = book.get_sheet_by_name(name)
                yield from _rows(sheet, formulas)
    except (*_DAMAGED, *_WRONG) as error:
        raise not_text() from error


def _rows(sheet: python_calamine.CalamineSheet, formulas: _Formulas) -> Iterator[tuple[int, list[str]]]:
    first_column = sheet.start[1] if sheet.start else 0
    for number, values in enumerate(sheet.iter_rows(), start=1):
        cells = [_text(value) for value in values]
        for column in formulas.columns(number):
            if 0 <= column - first_column < len(cells):
                cells[column - first_column] = "=" + cells[column - first_column]
        yield number, cells


def _text(value: _CellValue) -> str:
    """The value as a person would type it: a number by its shortest exact decimal, never with an exponent."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        # A spreadsheet counts in 15 digits: what a sum leaves behind them (9755145.880000002) nobody sees there.
        return str(int(value)) if value.is_integer() else format(Decimal(f"{value:.15g}"), "f")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _first_visible(book: python_calamine.CalamineWorkbook) -> str:
    for sheet in book.sheets_metadata:
        if (
            sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
            and sheet.visible == python_calamine.SheetVisibleEnum.Visible
        ):
            return sheet.name
    raise NotATable("这个文件里没有可见的工作表。请检查后重新上传。")


def _sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Sheet names with the archive member that holds each."""
    if any(member.flag_bits & _ENCRYPTED for member in archive.infolist()):
        raise not_text()
    if sum(member.file_size for member in archive.infolist()) > MAX_UNPACKED:
        raise NotATable("这个文件太大。请另存为 CSV 后上传。")
    targets: dict[str, str] = {}
    names: dict[str, str] = {}

    def relationship(tag: str, attributes: dict[str, str]) -> None:
        if tag == "Relationship":
            target = attributes["Target"]
            targets[attributes["Id"]] = target[1:] if target.startswith("/") else posixpath.normpath(f"xl/{target}")

    def sheet(tag: str, attributes: dict[str, str]) -> None:
        if tag == "sheet":
            relations = [value for key, value in attributes.items() if _local(key) == "id" and ":" in key]
            if not relations:
                raise not_text()
            names[attributes["name"]] = relations[0]

    _parse(archive, "xl/_rels/workbook.xml.rels", relationship)
    _parse(archive, "xl/workbook.xml", sheet)
    return {name: targets[key] for name, key in names.items()}


@dataclass(slots=True)
class _Formulas:
    """Where formulas stand: single cells as a bit mask by row, array formulas as ranges. Columns count from 0."""

    masks: dict[int, int] = field(default_factory=dict)
    ranges: list[tuple[int, int, int, int]] = field(default_factory=list)

    def columns(self, row: int) -> list[int]:
        mask = self.masks.get(row, 0)
        found = {column for column in range(mask.bit_length()) if mask >> column & 1} if mask else set()
        for top, left, bottom, right in self.ranges:
            if top <= row <= bottom:
                found.update(range(left, right + 1))
        return sorted(found)


def _formulas(archive: zipfile.ZipFile, part: str) -> _Formulas:
    """Formula cells of a sheet. Nearly every sheet has none, so a plain search decides whether to parse at all."""
    found = _Formulas()
    if not _mentions_formulas(archive, part):
        return found
    place = [0, -1]

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == "row":
            place[0] = int(attributes.get("r", place[0] + 1))
            place[1] = -1
        elif tag == "c":
            place[1] = _position(attributes["r"])[1] if "r" in attributes else place[1] + 1
        elif tag == "f":
            found.masks[place[0]] = found.masks.get(place[0], 0) | 1 << place[1]
            if attributes.get("t") in ("array", "dataTable") and "ref" in attributes:
                first, _, last = attributes["ref"].partition(":")
                found.ranges.append((*_position(first), *_position(last or first)))

    _parse(archive, part, start)
    return found


def _require_room(archive: zipfile.ZipFile, part: str) -> None:
    if not _mentions(archive, part, _FAR_PLACE):
        return
    last = [0, 0]

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == "row" and "r" in attributes:
            last[0] = max(last[0], int(attributes["r"]))
        elif tag == "c" and "r" in attributes:
            row, column = _position(attributes["r"])
            last[:] = max(last[0], row), max(last[1], column)

    _parse(archive, part, start)
    rows, columns = last[0], max(last[1] + 1, _COLUMNS_TO_Z)
    if rows > _LAST_ROW or rows * columns > MAX_CELLS:
        raise NotATable("这个工作表太大，或很远的地方还有单元格。请只留要导入的行和列，另存为 CSV 后上传。")


def _mentions_formulas(archive: zipfile.ZipFile, part: str) -> bool:
    return _mentions(archive, part, _FORMULA_TAG)


def _mentions(archive: zipfile.ZipFile, part: str, wanted: re.Pattern[bytes]) -> bool:
    tail = b""
    with archive.open(part) as source:
        while block := source.read(CHUNK):
            if not tail and block[:2] in (b"\xff\xfe", b"\xfe\xff"):
                return True  # UTF-16, which the search can't read and the parser can
            if wanted.search(tail + block):
                return True
            tail = block[-64:]
    return False


def _position(reference: str) -> tuple[int, int]:
    match = _REFERENCE.fullmatch(reference)
    if not match:
        raise KeyError(reference)
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(match[2]), column - 1


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _parse(archive: zipfile.ZipFile, part: str, start: _Start) -> None:
    """Feed the elements of ``part`` to ``start``. A document type, the door of entity bombs, is refused."""
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise not_text()

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda tag, attributes: start(_local(tag), attributes)
    with archive.open(part) as source:
        parser.ParseFile(source)

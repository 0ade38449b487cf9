"""Tables out, as CSV and XLSX, that spreadsheet programs open rightly and in which they find no formula."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final

import xlsxwriter
import xlsxwriter.worksheet
from xlsxwriter.format import Format

from hospital_prepay.domain.money import Money

# A negative amount is a number, not a formula.
_AMOUNT: Final = re.compile(r"-[0-9]+(\.[0-9]{1,2})?", re.ASCII)
_ROWS_OF_A_SHEET: Final = 1_000_000
_WIDTH: Final = 18
_WIDEST: Final = 20
# In the middle, bold. Excel takes 255 signs of a header; an ampersand is written twice.
_HEADER: Final = '&C&"-,Bold"'
_LONGEST_HEADER: Final = 120
_BEGINS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of a workbook, row by row, headings among them."""

    title: str
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True, slots=True)
class Stream:
    """A sheet whose rows come one after the other; ``head`` stands over them, again where another sheet goes on, and
    ``over`` at the top of each page that is printed, in no cell."""

    title: str
    head: Sequence[Sequence[object]]
    rows: Iterable[Sequence[object]]
    over: str = ""


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """UTF-8 text with its byte order mark; ``None`` is an empty cell, a would-be formula becomes plain text."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(header)
    table.writerows([_cell(value) for value in row] for row in rows)
    return "\ufeff" + text.getvalue()


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """What :func:`csv_text` makes, into a file, row by row: memory stays flat however many rows there are."""
    with path.open("w", encoding="utf-8-sig", newline="") as target:
        table = csv.writer(target)
        table.writerow(header)
        for row in rows:
            table.writerow([_cell(value) for value in row])


def write_xlsx(path: Path, title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A workbook of one sheet, into a file, row by row. Its user sees to it that the rows fit on a sheet."""
    options = {"constant_memory": True, "tmpdir": str(path.parent), "strings_to_formulas": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        sheet = book.add_worksheet(title)
        _write_row(sheet, 0, header)
        number = 0
        for number, row in enumerate(rows, 1):
            _write_row(sheet, number, row)
        _hold_headings(sheet, [header], number)


def xlsx_bytes(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    """A workbook: text stays text whatever it begins with, whole numbers are numbers, ``None`` is an empty cell.

    More rows than a sheet holds go on in another sheet.
    """
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        for start in range(0, max(len(rows), 1), _ROWS_OF_A_SHEET):
            part = rows[start : start + _ROWS_OF_A_SHEET]
            sheet = book.add_worksheet(f"{title} {start // _ROWS_OF_A_SHEET + 1}" if start else title)
            for number, row in enumerate((header, *part)):
                _write_row(sheet, number, row)
            _hold_headings(sheet, [header], len(part))
    return file.getvalue()


def workbook_bytes(sheets: Sequence[Sheet]) -> bytes:
    """A workbook of several sheets; :class:`Money` is yuan with two decimals, a number that can be added up."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        yuan = book.add_format({"num_format": "#,##0.00"})
        for sheet in sheets:
            page = book.add_worksheet(sheet.title)
            page.set_column(0, max(map(len, sheet.rows), default=1) - 1, _WIDTH)
            page.set_landscape()
            page.fit_to_pages(1, 0)
            for number, row in enumerate(sheet.rows):
                _write_row(page, number, row, yuan)
    return file.getvalue()


def stream_workbook(sheets: Iterable[Stream]) -> IO[bytes]:
    """A workbook as an open file, written row by row: memory stays flat however many rows there are.

    Rows beyond what a sheet holds go on in another, under the same headings. The file is gone when it is closed;
    whoever asked for it closes it.
    """
    target = tempfile.TemporaryFile(prefix="prepay-list-")  # noqa: SIM115 - handed to the caller
    try:
        with tempfile.TemporaryDirectory(prefix="prepay-list-") as folder:
            options = {"constant_memory": True, "tmpdir": folder, "strings_to_formulas": False}
            with xlsxwriter.Workbook(target, options) as book:
                yuan = book.add_format({"num_format": "#,##0.00"})
                for sheet in sheets:
                    _write_stream(book, sheet, yuan)
    except BaseException:
        target.close()
        raise
    target.seek(0)
    return target


def _write_stream(book: xlsxwriter.Workbook, stream: Stream, yuan: Format) -> None:
    page, number, place = None, 0, 0
    for row in stream.rows:
        if page is None or place > _ROWS_OF_A_SHEET:
            if page is not None:
                _hold_headings(page, stream.head, place - 1)
            number += 1
            page, place = _new_page(book, stream, number), len(stream.head)
        _write_row(page, place, row, yuan)
        place += 1
    if page is None:
        page, place = _new_page(book, stream, 1), len(stream.head)
    _hold_headings(page, stream.head, place - 1)


def _new_page(book: xlsxwriter.Workbook, stream: Stream, number: int) -> xlsxwriter.worksheet.Worksheet:
    page = book.add_worksheet(stream.title if number == 1 else f"{stream.title} {number}")
    page.set_column(0, _WIDEST, _WIDTH)
    page.set_landscape()
    page.fit_to_pages(1, 0)
    if stream.over:
        page.set_header(_HEADER + stream.over[:_LONGEST_HEADER].replace("&", "&&"))
    for place, row in enumerate(stream.head):
        _write_row(page, place, row)
    return page


def _hold_headings(sheet: xlsxwriter.worksheet.Worksheet, head: Sequence[Sequence[object]], last: int) -> None:
    """Headings stay in sight, stand on every printed page and can be filtered by, down to row ``last``."""
    if head and len(head[-1]) > 1:
        sheet.freeze_panes(len(head), 0)
        sheet.repeat_rows(len(head) - 1)
        sheet.autofilter(len(head) - 1, 0, last, len(head[-1]) - 1)


def _write_row(
    sheet: xlsxwriter.worksheet.Worksheet, number: int, row: Sequence[object], yuan: Format | None = None
) -> None:
    for column, value in enumerate(row):
        if isinstance(value, Money):
            # A decimal is written as it stands; a float of it would end in a digit that nobody typed.
            exact: Any = Decimal(value.fen).scaleb(-2)
            sheet.write_number(number, column, exact, yuan)
        elif isinstance(value, int):
            sheet.write_number(number, column, value)
        elif value is not None:
            sheet.write_string(number, column, str(value))


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_BEGINS_A_FORMULA) and not _AMOUNT.fullmatch(value):
        return f"'{value}"
    return value

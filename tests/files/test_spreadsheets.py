"""Numbers of a workbook, as a person would type them."""

from __future__ import annotations

from pathlib import Path

import pytest
import xlsxwriter

from hospital_prepay.files.spreadsheets import read_sheet


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (9755145.880000002, "9755145.88"),  # what a sum of fen leaves behind
        (0.1 + 0.2, "0.3"),
        (-1234.56, "-1234.56"),
        (12.345, "12.345"),
        (99999999999.99, "99999999999.99"),
        (100.0, "100"),
        (0.0000001, "0.0000001"),
    ],
)
def test_a_number_has_the_fifteen_digits_that_its_cell_shows(tmp_path: Path, number: float, text: str) -> None:
    path = tmp_path / "sheet.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet().write_number(0, 0, number)
    assert [cells for _, cells in read_sheet(path)] == [[text]]

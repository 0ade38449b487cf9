"""Amounts of a workbook, as the file itself has them."""

from __future__ import annotations

import io
import zipfile

import pytest

from hospital_prepay.domain.money import Money
from hospital_prepay.files.exports import Sheet, workbook_bytes


@pytest.mark.parametrize(
    ("fen", "text"),
    [(975514588, "9755145.88"), (-123456, "-1234.56"), (0, "0.00"), (9999999999999999, "99999999999999.99")],
)
def test_an_amount_stands_as_a_number_of_whole_fen(fen: int, text: str) -> None:
    book = zipfile.ZipFile(io.BytesIO(workbook_bytes([Sheet("金额", [[Money(fen)]])])))
    assert f"<v>{text}</v>" in book.read("xl/worksheets/sheet1.xml").decode()

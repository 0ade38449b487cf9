"""Amounts of a workbook, as the file itself has them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from hospital_prepay.domain.money import Money
from hospital_prepay.files.exports import Sheet, Stream, stream_workbook, workbook_bytes, write_xlsx, xlsx_bytes


@pytest.mark.parametrize(
    ("fen", "text"),
    [(975514588, "9755145.88"), (-123456, "-1234.56"), (0, "0.00"), (9999999999999999, "99999999999999.99")],
)
def test_an_amount_stands_as_a_number_of_whole_fen(fen: int, text: str) -> None:
    book = zipfile.ZipFile(io.BytesIO(workbook_bytes([Sheet("金额", [[Money(fen)]])])))
    assert f"<v>{text}</v>" in book.read("xl/worksheets/sheet1.xml").decode()


def test_headings_stay_in_sight_and_filter_what_stands_below(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "list.xlsx", "名单", ("姓名", "金额"), [("甲", 1), ("乙", 2)])
    listed = (tmp_path / "list.xlsx").read_bytes()
    with stream_workbook(
        [Stream("说明", (("标题",),), [("一",)]), Stream("明细", (("姓名", "金额"),), [("甲", 1)])]
    ) as file:
        streamed = file.read()
    for book, sheet, last in (
        (listed, 1, 3),
        (xlsx_bytes("名单", ("姓名", "金额"), [("甲", 1)]), 1, 2),
        (xlsx_bytes("名单", ("姓名", "金额"), []), 1, 1),
        (streamed, 2, 2),
    ):
        text = zipfile.ZipFile(io.BytesIO(book)).read(f"xl/worksheets/sheet{sheet}.xml").decode()
        assert '<pane ySplit="1"' in text
        assert f'<autoFilter ref="A1:B{last}"/>' in text
    assert "autoFilter" not in zipfile.ZipFile(io.BytesIO(streamed)).read("xl/worksheets/sheet1.xml").decode()

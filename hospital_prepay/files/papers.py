"""Forms and letters on A4, as DOCX to be filled in further and as PDF to be printed: one description, two renderings.

Both are the same bytes for the same paper. Fonts travel with the program; nothing is fetched.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import typst
from docx import Document
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from pylopdf_fonts_zh_cn import sans_path

from hospital_prepay.settings import resource

_WIDTH_MM: Final = 170
_ZIPPED_AT: Final = (1980, 1, 1, 0, 0, 0)
_ALIGNED: Final = {
    "left": WD_ALIGN_PARAGRAPH.LEFT,
    "center": WD_ALIGN_PARAGRAPH.CENTER,
    "right": WD_ALIGN_PARAGRAPH.RIGHT,
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell over so many columns and rows; ``height`` in millimetres where room for a hand is needed."""

    text: str
    columns: int = 1
    rows: int = 1
    align: str = "center"
    height: int = 0


@dataclass(frozen=True, slots=True)
class Grid:
    """A table with relative widths; a row holds only the cells that begin in it."""

    widths: tuple[int, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph. An empty one leaves a line blank to write on."""

    text: str
    align: str = "left"
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper with its title and what stands below it."""

    title: str
    blocks: tuple[Line | Grid, ...]


def pdf_bytes(paper: Paper) -> bytes:
    """The paper as PDF, its text in it and no date."""
    made = typst.compile(
        str(resource("templates") / "print" / "paper.typ"),
        sys_inputs={"paper": json.dumps(_plain(paper), ensure_ascii=False, sort_keys=True)},
        font_paths=[str(Path(str(sans_path())).parent)],
        ignore_system_fonts=True,
    )
    assert isinstance(made, bytes)
    return made


def docx_bytes(paper: Paper) -> bytes:
    """The paper as a word-processor document with every cell in its place."""
    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(20)
    section.top_margin = section.bottom_margin = Mm(20)
    style: Any = document.styles["Normal"]
    style.font.name, style.font.size = "SimSun", Pt(10.5)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), "宋体")
    _write_line(document, Line(paper.title, "center", strong=True), Pt(16))
    for block in paper.blocks:
        if isinstance(block, Line):
            _write_line(document, block)
        else:
            _write_grid(document, block)
    document.core_properties.title = paper.title
    document.core_properties.author = ""
    document.core_properties.comments = ""
    file = io.BytesIO()
    document.save(file)
    return _steady(file.getvalue())


def placed(grid: Grid) -> Iterator[tuple[int, int, Cell]]:
    """Every cell with the row and column at which it begins."""
    taken: set[tuple[int, int]] = set()
    for row, cells in enumerate(grid.rows):
        column = 0
        for cell in cells:
            while (row, column) in taken:
                column += 1
            yield row, column, cell
            taken |= {(row + r, column + c) for r in range(cell.rows) for c in range(cell.columns)}


def _write_line(document: Any, line: Line, size: Any = None) -> None:
    paragraph = document.add_paragraph()
    paragraph.alignment = _ALIGNED[line.align]
    run = paragraph.add_run(line.text)
    run.bold = line.strong
    if size is not None:
        run.font.size = size


def _write_grid(document: Any, grid: Grid) -> None:
    table = document.add_table(rows=len(grid.rows), cols=len(grid.widths))
    table.style, table.alignment, table.autofit = "Table Grid", WD_TABLE_ALIGNMENT.CENTER, False
    for column, width in zip(table.columns, grid.widths, strict=True):
        for cell in column.cells:
            cell.width = Mm(_WIDTH_MM * width // sum(grid.widths))
    for row, column, cell in placed(grid):
        place = table.cell(row, column)
        if cell.columns > 1 or cell.rows > 1:
            place = place.merge(table.cell(row + cell.rows - 1, column + cell.columns - 1))
        if cell.height:
            table.rows[row].height = Mm(cell.height)
        place.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
        place.text = cell.text
        for paragraph in place.paragraphs:
            paragraph.alignment = _ALIGNED[cell.align]


def _plain(paper: Paper) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = []
    for block in paper.blocks:
        if isinstance(block, Line):
            blocks.append({"kind": "line", **asdict(block)})
        else:
            cells = [{**asdict(cell), "x": column, "y": row} for row, column, cell in placed(block)]
            blocks.append({"kind": "grid", "widths": list(block.widths), "cells": cells})
    return {"title": paper.title, "blocks": blocks}


def _steady(made: bytes) -> bytes:
    """The same archive with one fixed date in place of the clock's."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, _ZIPPED_AT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, old.read(name))
    return file.getvalue()

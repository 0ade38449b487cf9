"""A long list as XLSX or PDF: the same headings, rows, count and sum.

XLSX is written row by row, but while somebody waits; a PDF is set as a whole. A list beyond :data:`XLSX_ROWS` or
:data:`PDF_ROWS` is refused with what to do instead.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import IO, Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import MalformedInput, NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.files.exports import Stream, stream_workbook
from hospital_prepay.files.pdf import render_pdf
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.institution import hospital_of
from hospital_prepay.settings import resource

# A table of so many rows takes a second and some 200 MB while it is set; twice as many take twice as much.
PDF_ROWS: Final = 1_000
# 20,009 rows took 9 s beside other work: somebody waits for this many about as long as for half a minute at the most.
XLSX_ROWS: Final = 50_000
KINDS: Final = ("xlsx", "pdf")


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and how wide its column is beside the others on paper; amounts and counts stand to the right."""

    heading: str
    width: int
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class ListPaper:
    """A list: ``facts`` at its head, ``count`` rows that come one after the other, and a last row with the sums.

    ``sheet`` names the sheet of the rows, ``notes`` stand under the facts; ``may_narrow`` where its page has filters.
    ``stamp`` stands under the title and on every printed page: why the list doesn't hold. The rows stay as they are.
    """

    title: str
    sheet: str
    facts: tuple[tuple[str, object], ...]
    columns: tuple[Column, ...]
    rows: Iterable[tuple[object, ...]]
    count: int
    sums: tuple[object, ...]
    notes: tuple[str, ...] = ()
    may_narrow: bool = False
    stamp: str = ""


def head_facts(context: Context, actor: Actor) -> tuple[tuple[str, object], ...]:
    """Which hospital, who made the paper, and when."""
    hospital = hospital_of(context, actor.institution_id)
    made = f"{local(context.clock.now()):%Y-%m-%d %H:%M:%S}"
    return (("医疗机构", f"{hospital.name}（{hospital.code}）"), ("制表", f"{actor.name}，{made}"))


def make_list(paper: ListPaper, kind: str) -> IO[bytes]:
    """The list as an open file. Raises :class:`NotFound` for another kind, :class:`MalformedInput` for a list that is
    too long to print."""
    if kind not in KINDS:
        raise NotFound("没有这种文件。请从页面下载。")
    return _workbook(paper) if kind == "xlsx" else io.BytesIO(_pdf(paper))


def require_printable(count: int, kind: str, *, may_narrow: bool) -> None:
    """Raise :class:`MalformedInput` when a file of so many rows is asked for."""
    if kind == "xlsx" and may_narrow and count > XLSX_ROWS:
        words = f"这份清单有 {count:,} 行，一个文件最多 {XLSX_ROWS:,} 行。请按年份、缴纳途径或状态筛选，分几次下载。"
        raise MalformedInput(words, code="too_long_to_print", details={"rows": count})
    if kind == "pdf" and count > PDF_ROWS:
        narrow = "，或者先筛选再下载 PDF" if may_narrow else ""
        words = f"这份清单有 {count:,} 行，PDF 最多 {PDF_ROWS:,} 行。请下载 XLSX{narrow}。"
        raise MalformedInput(words, code="too_long_to_print", details={"rows": count})


def printable(count: int) -> str:
    """Why a list of so many rows isn't offered as PDF; nothing where it is."""
    return f"有 {count:,} 行，PDF 最多 {PDF_ROWS:,} 行：请用 XLSX" if count > PDF_ROWS else ""


def _workbook(paper: ListPaper) -> IO[bytes]:
    cover = [(label, *_with_words(value)) for label, value in paper.facts]
    notes = [(text,) for text in paper.notes]
    headings = (tuple(one.heading for one in paper.columns),)

    def rows() -> Iterable[tuple[object, ...]]:
        yield from map(_cells, paper.rows)
        if paper.sums:
            yield paper.sums

    title = ((paper.title,), *(((paper.stamp,),) if paper.stamp else ()))
    return stream_workbook(
        [
            Stream("说明", title, [*cover, *notes], over=paper.stamp),
            Stream(paper.sheet, headings, rows(), over=paper.stamp),
        ]
    )


def _pdf(paper: ListPaper) -> bytes:
    require_printable(paper.count, "pdf", may_narrow=paper.may_narrow)
    data = {
        "title": paper.title,
        "stamp": paper.stamp,
        "facts": [[label, "，".join(map(_text, _with_words(value)))] for label, value in paper.facts],
        "notes": list(paper.notes),
        "columns": [
            {"heading": one.heading, "width": one.width, "is_number": one.is_number} for one in paper.columns
        ],
        "rows": [list(map(_text, row)) for row in paper.rows],
        "sums": list(map(_text, paper.sums)),
    }
    source = (resource("templates") / "print" / "outpatient_list.typ").read_text("utf-8")
    return render_pdf(source, data=json.dumps(data, ensure_ascii=False))


def _with_words(value: object) -> tuple[object, ...]:
    return (value, f"大写：{value.in_words()}") if isinstance(value, Money) else (value,)


def _cells(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(value.isoformat() if isinstance(value, date) else value for value in row)


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        return "" if value is None else str(value)
    return f"{value:,}"

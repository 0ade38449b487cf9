"""What came of an import: accepted, known and rejected rows, each rejected one with what to change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.plain_text import look_alike
from hospital_prepay.domain.rules.inpatient.evidence import is_thin
from hospital_prepay.files.exports import csv_text, xlsx_bytes
from hospital_prepay.persistence.case_columns import COLUMNS
from hospital_prepay.persistence.queries import caps as queries
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.caps import Discharges, ImportRow, Rejection
from hospital_prepay.services.context import Context

KINDS: Final[Mapping[str, str]] = {
    "formula": "是公式",
    "missing_value": "缺内容",
    "invisible_character": "有看不见的字符",
    "too_long": "太长",
    "not_a_date": "日期不对",
    "not_an_amount": "金额不对",
    "negative_amount": "金额为负",
    "too_many_decimals": "小数太多",
    "unknown_class": "参保类型不明",
    "duplicate_case": "流水号重复",
    "burden_above_cost": "负担大于费用",
}
_WHOLE_ROW: Final = "整行"
_UNKNOWN: Final = "—"
_HEADINGS: Final = ("行号", "列", "原文", "怎么改")


@dataclass(frozen=True, slots=True)
class Faulty:
    """A rejected row: its line, the column and the text at fault, and what to do. Rows from before these were kept
    show a dash for both."""

    line: int
    column: str
    text: str
    fix: str


@dataclass(frozen=True, slots=True)
class ReviewedImport:
    """One import as its page shows it; ``shared_names`` stand for more than one code, which is most often a slip, and
    ``look_alike`` are codes of the whole catalogue."""

    head: ImportRow
    imported_by: str
    discharges: Discharges
    is_thin: bool
    by_code: Mapping[str, int]
    rejected: tuple[Faulty, ...]
    shared_names: Mapping[str, tuple[str, ...]]
    look_alike: tuple[tuple[str, ...], ...]


def review_import(
    context: Context, actor: Actor, import_id: str, *, code: str = "", first: int = 0, size: int | None = None
) -> ReviewedImport:
    """An import with its rejected rows from ``first`` on, of one ``code`` or of all. Raises :class:`NotFound`."""
    actor.require(Permission.CAPS_VIEW)
    with context.database.reading() as connection:
        head = queries.one_import(connection, actor.institution_id, import_id)
        if head is None:
            raise NotFound("没有这次导入。请回到额度列表查看。")
        names = people.names(connection, actor.institution_id)
        discharges = queries.discharges(connection, actor.institution_id, import_id)
        by_code = queries.rejections_by_code(connection, actor.institution_id, import_id)
        shared = queries.shared_names(connection, actor.institution_id, import_id)
        codes = queries.disease_codes(connection, actor.institution_id)
        rejected = queries.rejections(connection, actor.institution_id, import_id, code, first, size)
    return ReviewedImport(
        head,
        names.get(head.imported_by, head.imported_by),
        discharges,
        is_thin(discharges.years),
        by_code,
        tuple(_faulty(one) for one in rejected),
        _by_name(shared),
        look_alike(codes),
    )


def rejected_csv(context: Context, actor: Actor, import_id: str) -> str:
    """Every rejected row for a spreadsheet. Raises :class:`NotFound`."""
    return csv_text(_HEADINGS, _rejected_rows(context, actor, import_id))


def rejected_xlsx(context: Context, actor: Actor, import_id: str) -> bytes:
    """The same as a workbook. Raises :class:`NotFound`."""
    return xlsx_bytes("另放的行", _HEADINGS, _rejected_rows(context, actor, import_id))


def _rejected_rows(context: Context, actor: Actor, import_id: str) -> list[tuple[int, str, str, str]]:
    found = review_import(context, actor, import_id)
    return [(one.line, one.column, one.text, one.fix) for one in found.rejected]


def _by_name(shared: list[tuple[str, str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for name, *codes in shared:
        found.setdefault(name, set()).update(codes)
    return {name: tuple(sorted(codes)) for name, codes in found.items()}


def _faulty(one: Rejection) -> Faulty:
    if one.field is None or one.original is None:
        return Faulty(one.line, _UNKNOWN, _UNKNOWN, one.message)
    column = COLUMNS.get(one.field)
    return Faulty(one.line, column.label if column else _WHOLE_ROW, one.original, one.message)

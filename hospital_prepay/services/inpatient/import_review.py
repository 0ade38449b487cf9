"""What came of an import: accepted, known and rejected rows, each rejected one with what to change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.rules.inpatient.evidence import is_thin
from hospital_prepay.files.exports import csv_text
from hospital_prepay.persistence.case_columns import COLUMNS
from hospital_prepay.persistence.queries import caps as queries
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.caps import Discharges, ImportRow, Rejection
from hospital_prepay.services.context import Context

KINDS: Final[Mapping[str, str]] = {
    "formula": "是公式",
    "missing_value": "缺内容",
    "not_a_date": "日期不对",
    "not_an_amount": "金额不对",
    "negative_amount": "金额为负",
    "too_many_decimals": "小数太多",
    "unknown_class": "参保类型不明",
    "duplicate_case": "流水号重复",
    "burden_above_cost": "负担大于费用",
}
_QUOTED: Final = re.compile("“(.*?)”", re.DOTALL)
_COLUMN_OF: Final = {"unknown_class": "insured_class", "duplicate_case": "case_no"}


@dataclass(frozen=True, slots=True)
class Faulty:
    """A rejected row: its line, the column and the text at fault where they are known, and what to do."""

    line: int
    column: str
    text: str
    fix: str


@dataclass(frozen=True, slots=True)
class ReviewedImport:
    """One import as its page shows it."""

    head: ImportRow
    imported_by: str
    discharges: Discharges
    is_thin: bool
    by_code: Mapping[str, int]
    rejected: tuple[Faulty, ...]


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
        rejected = queries.rejections(connection, actor.institution_id, import_id, code, first, size)
    return ReviewedImport(
        head,
        names.get(head.imported_by, head.imported_by),
        discharges,
        is_thin(discharges.years),
        by_code,
        tuple(_faulty(one) for one in rejected),
    )


def rejected_csv(context: Context, actor: Actor, import_id: str) -> str:
    """Every rejected row for a spreadsheet. Raises :class:`NotFound`."""
    found = review_import(context, actor, import_id)
    return csv_text(
        ("行号", "列", "原文", "怎么改"), ((one.line, one.column, one.text, one.fix) for one in found.rejected)
    )


def _faulty(one: Rejection) -> Faulty:
    """Take the message apart again: the refusals name their column first and quote the text they refuse."""
    quoted = _QUOTED.search(one.message)
    key = _COLUMN_OF.get(one.code)
    labels = [column.label for column in COLUMNS.values() if column.label in one.message]
    column = COLUMNS[key].label if key else min(labels, key=one.message.index, default="整行")
    return Faulty(one.line, column, quoted[1] if quoted else "", one.message)

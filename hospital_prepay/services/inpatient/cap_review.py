"""A cap table as its page shows it: every row beside the published one, what changed and what looks unusual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.access import Actor, Permission, Role
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.evidence import Reach, YearCount, is_thin
from hospital_prepay.files.exports import csv_text
from hospital_prepay.persistence import cap_tables as store
from hospital_prepay.persistence.cap_tables import TableHead
from hospital_prepay.persistence.queries import caps as queries
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.caps import ImportRow
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient.cap_changes import ReviewedRow, compared, gone_since
from hospital_prepay.services.publication.posted_table import reach_of

BASIS_LABELS: Final[Mapping[str, str]] = {
    "mean": "均值",
    "legacy": "原标准",
    "similar": "参照相似",
    "insufficient": "例数不足",
    "gone": "没有病例",
}
STATE_LABELS: Final[Mapping[str, str]] = {
    "draft": "待批准",
    "approved": "已批准，待发布",
    "rejected": "已退回",
    "published": "已发布",
}


@dataclass(frozen=True, slots=True)
class ReviewedTable:
    """A table with everything its reader decides by. ``compared_with`` is the version its rows stand beside; the
    caps of that version whose cells this one no longer has are ``gone``."""

    head: TableHead
    next_version: int
    current: bool
    rows: tuple[ReviewedRow, ...]
    gone: tuple[ReviewedRow, ...]
    initials: Mapping[str, str]
    compared_with: int | None
    names: Mapping[str, str]
    approvers: tuple[str, ...]
    rejected_cases: int
    reach: Reach | None
    years: tuple[YearCount, ...]

    @property
    def is_thin(self) -> bool:
        """Whether the last year of the window has suspiciously few cases."""
        return is_thin(self.years)

    @property
    def source(self) -> str | None:
        """Where the table was taken over from, if it wasn't measured."""
        source: str | None = self.head.parameters.get("source")
        return source

    def name(self, person: str | None) -> str | None:
        """A person's name by id."""
        return person and self.names.get(person, person)

    @property
    def title(self) -> str:
        """What the table is called: a version has its number, a draft the day it was measured for."""
        if self.head.version_no is not None:
            return f"第 {self.head.version_no} 版额度表"
        return f"{self.head.as_of.isoformat()} 测算的额度表"


@dataclass(frozen=True, slots=True)
class ListedTable:
    """A table in the list."""

    head: TableHead
    measured_by: str
    approved_by: str | None
    posted: int
    current: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the first page of the caps."""

    tables: tuple[ListedTable, ...]
    imports: tuple[ImportRow, ...]
    names: Mapping[str, str]
    standards: int
    similar: int


def overview(context: Context, actor: Actor) -> Overview:
    """Tables and imports, newest first."""
    actor.require(Permission.CAPS_VIEW)
    institution_id = actor.institution_id
    with context.database.reading() as connection:
        heads = store.heads(connection, institution_id)
        imports = queries.imports(connection, institution_id)
        posted = queries.posted_diseases(connection, institution_id)
        names = people.names(connection, institution_id)
        standards, similar = queries.standards_held(connection, institution_id)
    current = _current(heads, context)
    tables = [
        ListedTable(
            head,
            names.get(head.measured_by, head.measured_by),
            head.approved_by and names.get(head.approved_by, head.approved_by),
            posted.get(head.table_id, 0),
            head.table_id == current,
        )
        for head in heads
    ]
    return Overview(tuple(tables), tuple(imports), names, standards, similar)


def review_table(context: Context, actor: Actor, table_id: str) -> ReviewedTable:
    """One table; its rows beside the version before it, or the newest published one. Raises ``NotFound``."""
    actor.require(Permission.CAPS_VIEW)
    institution_id = actor.institution_id
    with context.database.reading() as connection:
        head = store.head(connection, institution_id, table_id)
        rows = store.rows(connection, institution_id, table_id)
        heads = store.heads(connection, institution_id)
        before = _before(head, heads)
        earlier = store.rows(connection, institution_id, before.table_id) if before else []
        names = people.names(connection, institution_id)
        known = queries.catalogue(connection, institution_id)
        approvers = queries.holders_of(connection, institution_id, Role.FINANCE_APPROVER.value)
    return ReviewedTable(
        head=head,
        next_version=max((one.version_no or 0 for one in heads), default=0) + 1,
        current=head.table_id == _current(heads, context),
        rows=compared(rows, earlier, head.parameters.get("min_cases")),
        gone=gone_since(rows, earlier),
        initials={code: initials for code, (_, initials) in known.items()},
        compared_with=None if before is None else before.version_no,
        names=names,
        approvers=tuple(approvers),
        rejected_cases=head.parameters.get("rejected", 0),
        reach=reach_of(head.parameters),
        years=tuple(YearCount(**year) for year in head.parameters.get("years", [])),
    )


def table_csv(table: ReviewedTable) -> str:
    """Every row for a spreadsheet, amounts in yuan."""
    header = (
        "病种编码", "病种名称", "参保类型", "例数", "次均费用", "个人负担均值", "P10", "中位", "P90", "原标准",
        "额度", "取值", "公示", "前一版", "变动",
    )  # fmt: skip
    return csv_text(header, (_cells(one) for one in table.rows))


def _cells(one: ReviewedRow) -> tuple[object, ...]:
    row = one.row
    quantiles = [_yuan(fen) for fen in row.quantiles] or [None, None, None]
    return (
        row.disease_code,
        row.disease_name,
        InsuredClass(row.insured_class).label,
        row.cases,
        _yuan(mean(row.sum_cost_fen, row.cases)),
        _yuan(row.mean_burden_fen),
        *quantiles,
        _yuan(row.legacy_fen),
        _yuan(row.cap_fen),
        BASIS_LABELS[row.basis],
        "是" if row.posted else "",
        _plain(one.previous),
        _plain(one.change),
    )


def mean(sum_fen: int, cases: int) -> int | None:
    """The mean in whole fen, rounded down; ``None`` without cases."""
    return sum_fen // cases if cases else None


def _yuan(fen: int | None) -> str | None:
    return _plain(None if fen is None else Money(fen))


def _plain(amount: Money | None) -> str | None:
    return None if amount is None else amount.plain()


def _current(heads: list[TableHead], context: Context) -> str | None:
    today = context.clock.today()
    held = [(one.effective_on, one.version_no or 0, one.table_id) for one in heads if one.effective_on is not None]
    return max((one for one in held if one[0] <= today), default=(None, 0, None))[2]


def _before(head: TableHead, heads: list[TableHead]) -> TableHead | None:
    """The version before this one; for a table not yet published the newest one."""
    published = [one for one in heads if one.version_no is not None]
    if head.version_no is not None:
        published = [one for one in published if (one.version_no or 0) < head.version_no]
    return max(published, key=lambda one: one.version_no or 0, default=None)

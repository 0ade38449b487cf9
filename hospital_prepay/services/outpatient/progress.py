"""How far refunding has come (清退进度) on a day, by what became of the accounts, year, channel and reach; from the
books alone, so that a past day reads today as it read then. Marks and ways to reach somebody are today's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import IO, Final

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.reach import Channel, Reach
from hospital_prepay.persistence.queries import outpatient_advances
from hospital_prepay.persistence.queries import outpatient_progress as queries
from hospital_prepay.persistence.queries.outpatient_progress import ProgressCell
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.list_papers import Column, ListPaper, head_facts, make_list

STANDINGS: Final = {
    "empty": "清查时没有余额",
    "refunded": "已退完",
    "unfiled": "有余额，没有备案",
    "filed": "有余额，已备案",
    "remitted": "已转应缴或上缴财政",
}
_COLUMNS: Final = (
    Column("分类", 7),
    Column("项目", 8),
    Column("账户（个）", 6, is_number=True),
    Column("清查入账（元）", 8, is_number=True),
    Column("已退还（元）", 8, is_number=True),
    Column("转财政（元）", 8, is_number=True),
    Column("还有余额（元）", 8, is_number=True),
    Column("上缴后退还（元）", 8, is_number=True),
)
NOTE: Final = "按账上日期算到这一天当天为止；联系方式按今天登记的算，撤回了备案的算没有备案；不含经备案保留的预交金。"
TOTAL: Final = "公开页上的“已经退给患者”是已退还加上缴后退还，减去银行退回、待再付的。"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table, in fen; ``paid_fen`` was paid of what had gone to the treasury."""

    label: str
    accounts: int
    in_fen: int
    refunded_fen: int
    remitted_fen: int
    balance_fen: int
    paid_fen: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The register on a day: the whole, and the same by each heading; ``owed_fen`` is what the bank sent back of
    refunds of remitted money that the treasury gave, or was asked for, and that waits for its patients."""

    on: date
    whole: Line
    owed_fen: int
    tables: Mapping[str, tuple[Line, ...]]


def read_progress(context: Context, actor: Actor, on: date | None) -> Progress:
    """Deposits as of ``on``, today without it. Needs ``outpatient.view``. Raises :class:`MalformedInput` for a day
    ahead."""
    actor.require(Permission.OUTPATIENT_VIEW)
    today = context.clock.today()
    day = on or today
    if day > today:
        raise MalformedInput(f"{day} 还没有到。请填今天（{today}）或之前的日期。", details={"field": "on"})
    with context.database.reading() as connection:
        ended_at = datetime.combine(day + timedelta(days=1), time(), SHANGHAI)
        cells = queries.progress_on(connection, actor.institution_id, day, ended_at)
        owed = outpatient_advances.owed_fen(connection, actor.institution_id, day)
    years = sorted({cell.year for cell in cells}, reverse=True)
    return Progress(
        day,
        _line("合计", cells),
        owed,
        {
            "按清退情况": _by(cells, lambda cell: cell.standing, STANDINGS),
            "按最后变动的年份": _by(
                cells, lambda cell: str(cell.year), {str(one): f"{one} 年" if one else "不详" for one in years}
            ),
            "按缴纳途径": _by(cells, lambda cell: cell.channel, {one.value: one.label for one in Channel}),
            "按能不能联系上": _by(cells, lambda cell: cell.reach, {one.value: one.label for one in Reach}),
        },
    )


def progress_file(context: Context, actor: Actor, on: date | None, kind: str) -> IO[bytes]:
    """The same as ``xlsx`` or ``pdf``."""
    found = read_progress(context, actor, on)
    rows = [(title, *_cells(line)) for title, lines in found.tables.items() for line in lines]
    owed = [("银行退回、待再付（元）", Money(found.owed_fen))] if found.owed_fen else []
    paper = ListPaper(
        title=f"门诊预交金清退进度（截至 {found.on}）",
        sheet="清退进度",
        facts=(*head_facts(context, actor), ("截至", found.on.isoformat()), *owed),
        columns=_COLUMNS,
        rows=rows,
        count=len(rows),
        sums=("合计", None, *_cells(found.whole)[1:]),
        notes=(NOTE, TOTAL, "每一种分类合计都相同，不要把几种分类相加。"),
    )
    return make_list(paper, kind)


def _cells(line: Line) -> tuple[object, ...]:
    sums = (line.in_fen, line.refunded_fen, line.remitted_fen, line.balance_fen, line.paid_fen)
    return (line.label, line.accounts, *map(Money, sums))


def _by(cells: list[ProgressCell], key: Callable[[ProgressCell], str], labels: Mapping[str, str]) -> tuple[Line, ...]:
    lines = (_line(label, [cell for cell in cells if key(cell) == one]) for one, label in labels.items())
    return tuple(line for line in lines if line.accounts)


def _line(label: str, cells: Iterable[ProgressCell]) -> Line:
    kept = list(cells)
    return Line(
        label,
        sum(cell.accounts for cell in kept),
        sum(cell.in_fen for cell in kept),
        sum(cell.refunded_fen for cell in kept),
        sum(cell.remitted_fen for cell in kept),
        sum(cell.balance_fen for cell in kept),
        sum(cell.paid_fen for cell in kept),
    )

"""How soon discharges were settled (article 19), and what was late and why (article 25), by months of discharge.

Late stays late: excused cases are counted apart and never as in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import IO, Any, Final

from hospital_prepay.clock import SHANGHAI, local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.rules.fund.henan_month import month_after
from hospital_prepay.domain.rules.settlement.lateness import LateReason
from hospital_prepay.domain.rules.settlement.settling import Channel
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.queries import lateness as late_queries
from hospital_prepay.persistence.queries import settlement_reports as queries
from hospital_prepay.persistence.queries.settlement_reports import HOURS, ReasonCell, ReportCell
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.months import first_and_last
from hospital_prepay.services.outpatient.list_papers import Column, ListPaper, head_facts, make_list

MOST_MONTHS: Final = 36
DEFINITIONS: Final = (
    "月份按出院时间算。取消了的出院不算；逾期以后才由人取消的，仍算一次出院、一次逾期。",
    "“3 个工作日内”：结算时间在期限当天或之前的人数，除以已结算的和期限已过的人数；还在期限内、没有结算的先不算。",
    "“24 小时内”：出院后 24 小时内结算的人数，除以已结算的和 24 小时已过的人数。",
    "“结算”指结算单已开、个人应付已算清，以开结算单的时间为准；召回了的算没有结算。",
    "期限要用到还没有公布的放假安排的，按估计的期限暂算，人数列在“期限暂定”，安排公布后重算。",
    "“逾期”只按已确定的期限算。容错了的也是逾期，另列人数，不算按时。",
)
_LATE_COLUMNS: Final = (
    *(Column("住院号", 8), Column("病区", 8), Column("参保类型", 8), Column("出院", 9)),
    *(Column("期限", 7), Column("结算", 9), Column("原因", 12), Column("情况", 16), Column("容错", 7)),
)
EXCUSES: Final = {"": "没写原因", "none": "没申请", "asked": "等决定", "accepted": "已容错", "refused": "没有同意"}
_COLUMNS: Final = (
    *(Column("分类", 6), Column("项目", 9), Column("出院（人）", 6, is_number=True)),
    *(Column("可判断（人）", 7, is_number=True), Column("3 个工作日内（人）", 8, is_number=True), Column("占比", 5)),
    *(Column("满 24 小时的（人）", 8, is_number=True), Column("24 小时内（人）", 7, is_number=True)),
    *(Column("占比", 5), Column("逾期（人）", 6, is_number=True), Column("期限暂定（人）", 7, is_number=True)),
)


@dataclass(frozen=True, slots=True)
class Line:
    """Discharges under one heading: see :class:`ReportCell`."""

    label: str
    discharged: int
    unruled: int
    by_day: int
    kept_day: int
    by_target: int
    kept_target: int
    provisional: int
    late: int

    @property
    def day_share(self) -> str:
        """The share within three working days."""
        return share_words(self.kept_day, self.by_day)

    @property
    def target_share(self) -> str:
        """The share within 24 hours."""
        return share_words(self.kept_target, self.by_target)


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """Late discharges with one reason, and how many of these reasons were excused."""

    label: str
    side: str
    number: int
    accepted: int


@dataclass(frozen=True, slots=True)
class Report:
    """The months from ``first`` to ``last``; ``tables`` show the whole by different headings.
    ``explained`` and ``excused`` are of the late ones that stand; ``taken_back`` are late ones that two people took
    back."""

    first: str
    last: str
    whole: Line
    tables: Mapping[str, tuple[Line, ...]]
    hours: tuple[tuple[str, int], ...]
    reasons: tuple[ReasonLine, ...]
    explained: int
    excused: int
    taken_back: int


def share_words(part: int, whole: int) -> str:
    """A share with one decimal, rounded down: only what is whole says 100.0 %."""
    if not whole:
        return "—"
    tenths = part * 1000 // whole
    return f"{tenths // 10}.{tenths % 10}%"


def read_report(context: Context, actor: Actor, first: str = "", last: str = "") -> Report:
    """The report of months, the newest twelve without them. Needs ``settlement.view``. Raises
    :class:`MalformedInput`."""
    actor.require(Permission.SETTLEMENT_VIEW)
    today, now, own = context.clock.today(), context.clock.now(), actor.institution_id
    last = last or f"{today:%Y-%m}"
    since, until, first = span_of(first or month_after(last, -11), last)
    with context.database.reading() as connection:
        cells = queries.cells(connection, own, since, until, now, today)
        hours = queries.hours(connection, own, since, until)
        taken_back = queries.taken_back(connection, own, since, until)
        reasons, explained, excused = queries.reasons(connection, own, since, until, today)
    months = sorted({cell.month for cell in cells}, reverse=True)
    wards = sorted({cell.ward for cell in cells})
    return Report(
        first,
        last,
        _line("合计", cells),
        {
            "按出院月份": _by(cells, lambda cell: cell.month, {month: month for month in months}),
            "按病区": _by(cells, lambda cell: cell.ward, {ward: ward or "没有病区" for ward in wards}),
            "按参保类型": _by(cells, lambda cell: cell.insured_class, {one.value: one.label for one in InsuredClass}),
            "按结算渠道": _by(
                cells, lambda cell: cell.channel or "", {**{c.value: c.label for c in Channel}, "": "还没有结算"}
            ),
        },
        tuple(zip(_hour_labels(), hours, strict=True)),
        _reasons(reasons),
        explained,
        excused,
        taken_back,
    )


def report_file(context: Context, actor: Actor, first: str, last: str, kind: str) -> IO[bytes]:
    """The same as ``xlsx`` or ``pdf``."""
    found = read_report(context, actor, first, last)
    rows = [(title, *_cells(line)) for title, lines in found.tables.items() for line in lines]
    paper = ListPaper(
        title=f"出院结算及时率（{found.first} 至 {found.last} 出院）",
        sheet="及时率",
        facts=(
            *head_facts(context, actor),
            ("逾期", f"{found.whole.late} 人：{_of_the_late(found)}"),
            ("出院到结算", "；".join(f"{label} {number} 人" for label, number in found.hours)),
        ),
        columns=_COLUMNS,
        rows=rows,
        count=len(rows),
        sums=("合计", None, *_cells(found.whole)[1:]),
        notes=(*DEFINITIONS, "每一种分类合计都相同，不要把几种分类相加。"),
    )
    return make_list(paper, kind)


def late_file(context: Context, actor: Actor, first: str, last: str, kind: str) -> IO[bytes]:
    """Every late case of the months with its reason and excuse, without names."""
    actor.require(Permission.SETTLEMENT_VIEW)
    today = context.clock.today()
    last = last or f"{today:%Y-%m}"
    since, until, first = span_of(first or month_after(last, -11), last)
    with context.database.reading() as connection:
        lines = late_queries.late_between(connection, actor.institution_id, since, until, today)
    rows: list[tuple[object, ...]] = [
        (
            one.stay_no,
            one.ward or "没有病区",
            InsuredClass(one.insured_class).label,
            f"{local(one.discharged_at):%Y-%m-%d %H:%M}",
            one.due_on,
            f"{local(one.settled_at):%Y-%m-%d %H:%M}" if one.settled_at else "没有结算",
            _reason_words(one.reason_code) or ("逾期后取消出院" if one.ground else ""),
            "；".join(filter(None, (one.words, f"逾期后取消出院：{one.ground}" if one.ground else ""))),
            EXCUSES[one.excuse] if one.excuse or not one.ground else "已取消",
        )
        for one in lines
    ]
    excused = sum(one.excuse == "accepted" for one in lines)
    paper = ListPaper(
        title=f"逾期结算明细（{first} 至 {last} 出院）",
        sheet="逾期明细",
        facts=(*head_facts(context, actor), ("逾期", f"{len(lines)} 人，其中已容错 {excused} 人，仍算逾期")),
        columns=_LATE_COLUMNS,
        rows=rows,
        count=len(rows),
        sums=(),
        notes=(DEFINITIONS[0], DEFINITIONS[3], DEFINITIONS[5]),
    )
    return make_list(paper, kind)


def month_so_far(connection: Connection, institution_id: str, now: datetime) -> Line:
    """The discharges of the month that ``now`` lies in."""
    today = local(now).date()
    since = datetime.combine(today.replace(day=1), time(), SHANGHAI)
    until = now + timedelta(microseconds=1)
    return _line(f"{today:%Y-%m}", queries.cells(connection, institution_id, since, until, now, today))


def span_of(first: str, last: str) -> tuple[datetime, datetime, str]:
    """The moments from the beginning of ``first`` to the end of ``last``, and ``first``."""
    begin, end = first_and_last(first)[0], first_and_last(last)[1]
    if begin > end or month_after(first, MOST_MONTHS) <= last:
        words = f"请从早到晚选，最多 {MOST_MONTHS} 个月。"
        raise MalformedInput(words, details={"field": "period"})
    day = timedelta(days=1)
    return datetime.combine(begin, time(), SHANGHAI), datetime.combine(end + day, time(), SHANGHAI), first


def _by(cells: list[ReportCell], key: Callable[[ReportCell], str], labels: Mapping[str, str]) -> tuple[Line, ...]:
    lines = (_line(label, [cell for cell in cells if key(cell) == one]) for one, label in labels.items())
    return tuple(line for line in lines if line.discharged)


def _line(label: str, cells: Iterable[ReportCell]) -> Line:
    kept = list(cells)
    names = tuple(Line.__dataclass_fields__)[1:]
    return Line(label, *(sum(getattr(cell, name) for cell in kept) for name in names))


def _cells(line: Line) -> tuple[Any, ...]:
    return (
        *(line.label, line.discharged, line.by_day, line.kept_day, line.day_share),
        *(line.by_target, line.kept_target, line.target_share, line.late, line.provisional),
    )


def _of_the_late(found: Report) -> str:
    back = f"；逾期后取消出院 {found.taken_back} 人" if found.taken_back else ""
    return f"写了原因 {found.explained} 人，其中已容错 {found.excused} 人{back}"


def _hour_labels() -> tuple[str, ...]:
    words = [f"{hours} 小时" if hours < 48 else f"{hours // 24} 天" for hours in HOURS]
    first, last = f"不到 {words[0]}", f"{words[-1]}及以上"
    return (first, *(f"{low}到 {high}" for low, high in pairwise(words)), last)


def _reasons(cells: list[ReasonCell]) -> tuple[ReasonLine, ...]:
    lines = []
    for reason in LateReason:
        own = [one for one in cells if one.reason_code == reason.value]
        number = sum(one.number for one in own)
        accepted = sum(one.number for one in own if one.excuse == "accepted")
        if number:
            lines.append(ReasonLine(reason.label, reason.side.label, number, accepted))
    return tuple(lines)


def _reason_words(code: str) -> str:
    return f"{LateReason(code).side.label}：{LateReason(code).label}" if code else ""

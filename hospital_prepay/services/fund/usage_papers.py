"""The usage report on paper and as a workbook: the same tables, the totals in words, a digest and the time of making.

The digest covers every figure of the report and nothing else: two papers with the same digest say the same.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.ledger.grant_usage import Balance, Movement, Period, PeriodLine
from hospital_prepay.domain.money import Money
from hospital_prepay.files.exports import Sheet, workbook_bytes
from hospital_prepay.files.pdf import render_pdf
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.grants import grant_words
from hospital_prepay.services.fund.usage import (
    ByCategory,
    GrantUsage,
    UsageQuery,
    UsageReport,
    read_usage,
    report_as_json,
)
from hospital_prepay.services.fund.usage_words import BALANCES, column_words, columns_of, period_words
from hospital_prepay.services.fund.words import CATEGORIES
from hospital_prepay.services.publication.institution import hospital_of
from hospital_prepay.settings import resource

_NO_SHEET: Final = re.compile(r"[\[\]:*?/\\']")
_LONGEST_SHEET: Final = 31
_TITLES: Final = {"basic": "医保基金预付金使用报表", "procurement": "医保基金集采专项预付使用报表"}


@dataclass(frozen=True, slots=True)
class Table:
    """One table with its headings first; ``sheet`` is the title where there is less room."""

    title: str
    sheet: str
    rows: list[list[object]]


@dataclass(frozen=True, slots=True)
class Paper:
    """What stands on the paper: ``lines`` at its head, ``words`` of the totals, and the tables."""

    title: str
    lines: tuple[str, ...]
    words: tuple[tuple[str, Money], ...]
    tables: tuple[Table, ...]
    digest: str


def usage_workbook(context: Context, actor: Actor, query: UsageQuery) -> bytes:
    """The report as XLSX; amounts are numbers in yuan. Needs ``fund.view``."""
    paper = usage_paper(context, actor, query)
    cover: list[list[object]] = [[paper.title]]
    cover += [[line] for line in paper.lines]
    cover += [[label, amount, amount.in_words()] for label, amount in paper.words]
    cover.append(["摘要值", paper.digest])
    sheets = [Sheet(_sheet_name(at, one.sheet), [[one.title], *one.rows]) for at, one in enumerate(paper.tables, 1)]
    return workbook_bytes([Sheet("说明", cover), *sheets])


def usage_pdf(context: Context, actor: Actor, query: UsageQuery) -> bytes:
    """The report as PDF/A. Needs ``fund.view``."""
    paper = usage_paper(context, actor, query)
    data = {
        "title": paper.title,
        "lines": list(paper.lines),
        "words": [[label, str(amount), amount.in_words()] for label, amount in paper.words],
        "tables": [{"title": one.title, "rows": [list(map(str, row)) for row in one.rows]} for one in paper.tables],
        "digest": paper.digest,
    }
    source = (resource("templates") / "print" / "fund_usage.typ").read_text("utf-8")
    return render_pdf(source, data=json.dumps(data, ensure_ascii=False))


def usage_paper(context: Context, actor: Actor, query: UsageQuery) -> Paper:
    """The report as it is printed. Needs ``fund.view``."""
    report = read_usage(context, actor, query)
    span = period_words(Period(report.periods[0].first, report.periods[-1].last))
    made = f"{local(context.clock.now()):%Y-%m-%d %H:%M:%S}"
    hospital = hospital_of(context, actor.institution_id).name
    return Paper(
        title=_TITLES[query.kind] if query.grant_id is None else _TITLES["basic"],
        lines=(
            f"医院：{hospital}（{report.institution_id}）",
            f"期间：{span}；单位：元",
            f"制表：{actor.name}，{made}",
            "应还医保与专款是两个余额，不相加。已结清的预付金，没有余额也没有变动的期间不列；一直是零的项目不列。",
        ),
        words=_words(report.total),
        tables=tuple(_tables(report)),
        digest=report_digest(report),
    )


def report_digest(report: UsageReport) -> str:
    """SHA-256 over every figure of the report, as programs read it."""
    text = json.dumps(report_as_json(report), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _words(total: GrantUsage) -> tuple[tuple[str, Money], ...]:
    owed, cash = total.balances[Balance.OWED], total.balances[Balance.CASH]
    received = sum(fen for one in cash for column, fen in one.moved.items() if column.movement is Movement.RECEIVED)
    used = -sum(fen for one in cash for column, fen in one.moved.items() if column.movement is Movement.USED)
    return (
        ("本期到账", Money(received)),
        ("本期付款（退票已冲减）", Money(used)),
        ("期末应还医保", Money(owed[-1].closing_fen)),
        ("期末专款（含已预留）", Money(cash[-1].closing_fen)),
    )


def _tables(report: UsageReport) -> list[Table]:
    each = [*report.grants, *([report.total] if len(report.grants) != 1 else [])]
    found = [
        Table(f"{_subject(usage)} {BALANCES[balance]}", f"{_short(usage)} {BALANCES[balance]}", _rows(balance, shown))
        for usage in each
        for balance, lines in usage.balances.items()
        if (shown := _told(usage, lines))
    ]
    if any(one.count for one in report.total.members):
        found.append(Table("成员单位用款", "成员单位用款", _by_category(report.total.members, "笔数")))
    return [*found, Table("被拒的用款申请", "被拒的用款申请", _by_category(report.total.blocked, "份数"))]


def _told(usage: GrantUsage, lines: list[PeriodLine]) -> list[PeriodLine]:
    """The periods that are printed: of a grant that is cleared those in which there was something, of a balance of
    a grant that stayed at zero none."""
    moved = [one for one in lines if one.opening_fen or one.closing_fen or any(one.moved.values())]
    if usage.grant is None:
        return lines
    return lines if moved and usage.grant.state != "cleared" else moved


def _subject(usage: GrantUsage) -> str:
    return _short(usage) if usage.grant is None else f"{_short(usage)}（{usage.grant.pool_region}）"


def _short(usage: GrantUsage) -> str:
    return "各笔合计" if usage.grant is None else grant_words(usage.grant)


def _sheet_name(number: int, title: str) -> str:
    """Unique by its number, and without the signs that no sheet may be called by."""
    return f"{number} {_NO_SHEET.sub(' ', title)}"[:_LONGEST_SHEET].rstrip(" '")


def _rows(balance: Balance, lines: list[PeriodLine]) -> list[list[object]]:
    columns = columns_of(balance, {column for one in lines for column in one.moved})
    rows: list[list[object]] = [["期间", "期初", *(column_words(column, balance) for column in columns), "期末"]]
    for one in lines:
        moved = [Money(one.moved.get(column, 0)) for column in columns]
        rows.append([period_words(one.period), Money(one.opening_fen), *moved, Money(one.closing_fen)])
    sums = [Money(sum(one.moved.get(column, 0) for one in lines)) for column in columns]
    return [*rows, ["合计", Money(lines[0].opening_fen), *sums, Money(lines[-1].closing_fen)]]


def _by_category(lines: list[ByCategory], counted: str) -> list[list[object]]:
    categories = sorted({name for one in lines for name in one.by_category})
    rows: list[list[object]] = [["期间", counted, *(CATEGORIES.get(name, name) for name in categories), "合计"]]
    for one in lines:
        amounts = [Money(one.by_category.get(name, 0)) for name in categories]
        rows.append([period_words(one.period), one.count, *amounts, Money(one.fen)])
    sums = [Money(sum(one.by_category.get(name, 0) for one in lines)) for name in categories]
    return [*rows, ["合计", sum(one.count for one in lines), *sums, Money(sum(one.fen for one in lines))]]

"""What the pages of the usage report show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.ledger.grant_usage import Balance, Column, Movement, Period, PeriodLine
from hospital_prepay.domain.rules.fund.henan_month import month_after
from hospital_prepay.http.current import current_actor
from hospital_prepay.http.forms import Form
from hospital_prepay.schemas.fund_reports import ALL_OF_A_KIND, grant_asked
from hospital_prepay.services.fund.disclosure import PUBLISHED_KIND, Held
from hospital_prepay.services.fund.grants import FUND_NAMES, KIND_NAMES
from hospital_prepay.services.fund.review import GrantState
from hospital_prepay.services.fund.spending import request_number
from hospital_prepay.services.fund.usage import FIRST_MONTH, ByCategory, FigureEntries, Step, UsageReport
from hospital_prepay.services.fund.usage_words import BALANCES, column_words, columns_of, end_words, period_words
from hospital_prepay.services.fund.words import CATEGORIES
from hospital_prepay.web.fund_words import grant_title

STEPS: Final = {Step.MONTH: "按月", Step.QUARTER: "按季", Step.YEAR: "按年"}
_NOTES: Final = {
    Balance.OWED: "付货款不减少它；交回、冲抵才减少",
    Balance.CASH: "付款按类别列，退票已冲减；解除限定是冲抵后不再限定用途的部分",
    Balance.RESERVED: "审批过、等付款的部分",
    Balance.DISTRIBUTED: "分给医共体成员、没有收回的；转为应收是本院替它归还了；它用在哪里见下面的“成员单位用款”",
}
_PUBLISHED: Final = ("拨付", "收回", "年末余额")
_ALL: Final = {"basic": "各笔预付金合计", "procurement": "各笔集采专项预付合计"}
_OTHER: Final = "procurement"


def usage_page(report: UsageReport, grants: Sequence[GrantState], form: Form) -> dict[str, Any]:
    """The whole report: two balances apart, each with its table, then what was refused."""
    total = report.total
    closing = {balance: lines[-1].closing_fen for balance, lines in total.balances.items()}
    chosen = next((one for one in grants if one.grant_id == report.query.grant_id), None)
    apart = any(one.kind == _OTHER for one in grants)
    return {
        "form": form,
        "labels": {"first": "从", "last": "到", "by": "分期", "grant": "哪一笔"},
        "steps": [{"value": one.value, "label": words} for one, words in STEPS.items()],
        "grants": [
            *([{"value": ALL_OF_A_KIND[_OTHER], "label": _ALL[_OTHER]}] if apart else []),
            *({"value": one.grant_id, "label": f"{grant_title(one)}（{one.pool_region}）"} for one in grants),
        ],
        "subject": grant_title(chosen) if chosen else _ALL[report.query.kind],
        "span": period_words(Period(report.periods[0].first, report.periods[-1].last)),
        "end": end_words(report.periods[-1]),
        "is_empty": not grants,
        "owed_fen": closing[Balance.OWED],
        "cash_fen": closing[Balance.CASH],
        "reserved_fen": closing[Balance.RESERVED],
        "unspent_fen": closing[Balance.CASH] - closing[Balance.RESERVED],
        "hrefs": {one.value: _balance_href(report, one, report.periods[-1].last) for one in closing},
        "tables": [_table(report, balance, lines) for balance, lines in total.balances.items()],
        "members": _members(report),
        "blocked": _blocked(report),
        "query": _query(report),
        "charts": _charts(report),
    }


def held_line(one: Held, names: Mapping[str, str]) -> dict[str, Any]:
    """One fund of one year: ours, what was published, and the difference of each figure."""
    ours, theirs, differences = one.ours, one.theirs, one.differences or (None, None, None)
    published = (theirs.paid_out_fen, theirs.recovered_fen, theirs.balance_fen) if theirs else (None, None, None)
    own = (ours.paid_out_fen, ours.recovered_fen, ours.balance_fen)
    agrees = theirs is not None and not any(differences)
    none = "还没有登记公布数" if ours.kind == PUBLISHED_KIND else "不在公布之内"
    words = "一致" if agrees else "有差额，请与医保部门核对" if theirs else none
    return {
        "title": f"{ours.year} 年{FUND_NAMES[ours.fund]}{KIND_NAMES[ours.kind]}",
        "figures": [
            {"label": label, "ours": mine, "theirs": said, "difference": between}
            for label, mine, said, between in zip(_PUBLISHED, own, published, differences, strict=True)
        ],
        "state": {"kind": "ok" if agrees else "stop" if theirs else "idle", "word": words},
        "source": f"{theirs.source}，{theirs.published_on}，{names.get(theirs.recorded_by, theirs.recorded_by)}登记"
        if theirs
        else "",
    }


def _charts(report: UsageReport) -> dict[str, Any]:
    """What the charts draw, in fen: both balances at the end of each period, and what was paid by kind."""
    owed, cash = report.total.balances[Balance.OWED], report.total.balances[Balance.CASH]
    used: dict[Column, int] = defaultdict(int)
    for line in cash:
        for column, fen in line.moved.items():
            if column.movement is Movement.USED:
                used[column] -= fen
    whole = PeriodLine(Period(report.periods[0].first, report.periods[-1].last), 0, {}, 0)
    return {
        "balances": {
            "labels": [period_words(one) for one in report.periods],
            "series": [
                {"name": "应还医保", "fen": [one.closing_fen for one in owed]},
                {"name": "专款（含已预留）", "fen": [one.closing_fen for one in cash]},
            ],
        },
        "uses": {
            "labels": [column_words(column, Balance.CASH) for column in used],
            "series": [{"name": "付款", "fen": list(used.values())}],
        },
        "balance_hrefs": [
            [_balance_href(report, balance, one.last) for balance in (Balance.OWED, Balance.CASH)]
            for one in report.periods
        ],
        "use_hrefs": [f"{_cell(report, Balance.CASH, column, whole)['href']}&as=paid" for column in used],
        "used_href": f"{_cell(report, Balance.RESERVED, Column(Movement.USED), whole)['href']}&as=paid",
        "used_fen": sum(used.values()),
    }


def entries_page(found: FigureEntries, grants: Sequence[GrantState], *, paid: bool = False) -> dict[str, Any]:
    """The entries behind one figure; ``paid`` where it was shown as a sum paid, above zero."""
    sign = -1 if paid else 1
    figure, query = found.figure, found.figure.query
    chosen = next((one for one in grants if one.grant_id == query.grant_id), None)
    may_open = current_actor().may(Permission.LEDGER_VIEW)
    back = {"first": query.first, "last": query.last, "by": query.step.value, "grant": grant_asked(query)}
    span = Period(query.first, query.last)
    return {
        "subject": grant_title(chosen) if chosen else _ALL[query.kind],
        "balance": BALANCES[figure.balance],
        "movement": column_words(figure.column, figure.balance) if figure.column else "余额",
        "span": period_words(span) if figure.column else f"到 {end_words(span)}为止",
        "sum_fen": sign * found.fen,
        "back": f"/finance/fund/usage?{urlencode(back)}",
        "entries": [
            {
                "entry_no": one.entry_no,
                "href": f"/finance/ledger/{one.entry_no}" if may_open else None,
                "on": one.effective_on,
                "booked_on": booked if (booked := local(one.posted_at).date()) != one.effective_on else None,
                "words": one.summary,
                "request": {
                    "number": request_number(one.request_id),
                    "href": f"/finance/fund/requests/{one.request_id}",
                }
                if one.request_id
                else None,
                "fen": sign * one.fen,
            }
            for one in found.entries
        ],
    }


def _query(report: UsageReport) -> str:
    query = report.query
    return urlencode({"first": query.first, "last": query.last, "by": query.step.value, "grant": grant_asked(query)})


def _table(report: UsageReport, balance: Balance, lines: Sequence[PeriodLine]) -> dict[str, Any]:
    columns = columns_of(balance, {column for one in lines for column in one.moved})
    whole = Period(lines[0].period.first, lines[-1].period.last)
    sums = {column: sum(one.moved.get(column, 0) for one in lines) for column in columns}
    together = PeriodLine(whole, lines[0].opening_fen, sums, lines[-1].closing_fen)
    return {
        "id": balance.value,
        "title": BALANCES[balance],
        "note": _NOTES[balance],
        "heads": [column_words(column, balance) for column in columns],
        "rows": [_row(report, balance, columns, one) for one in lines],
        "foot": _row(report, balance, columns, together),
    }


def _row(report: UsageReport, balance: Balance, columns: Sequence[Column], one: PeriodLine) -> dict[str, Any]:
    return {
        "label": period_words(one.period),
        "opening_fen": one.opening_fen,
        "opening_href": _opening_href(report, balance, one.period),
        "closing_href": _balance_href(report, balance, one.period.last),
        "cells": [_cell(report, balance, column, one) for column in columns],
        "closing_fen": one.closing_fen,
    }


def _cell(report: UsageReport, balance: Balance, column: Column, one: PeriodLine) -> dict[str, Any]:
    named = {"movement": column.movement.value, "category": column.category}
    return {"fen": one.moved.get(column, 0), "href": _href(report, balance, one.period, named)}


def _balance_href(report: UsageReport, balance: Balance, last: str) -> str:
    """Where a balance at the end of a month opens: everything until then."""
    return _href(report, balance, Period(min(report.periods[0].first, last), last), {})


def _opening_href(report: UsageReport, balance: Balance, period: Period) -> str | None:
    """Where the opening balance opens; before the first month that can be asked for there is nothing."""
    before = month_after(period.first, -1)
    return None if before < FIRST_MONTH else _balance_href(report, balance, before)


def _href(report: UsageReport, balance: Balance, period: Period, named: Mapping[str, str]) -> str:
    figure = {
        "first": period.first,
        "last": period.last,
        "by": report.query.step.value,
        "grant": grant_asked(report.query),
        "balance": balance.value,
        **named,
    }
    return f"/finance/fund/usage/entries?{urlencode(figure)}"


def _refused_href(report: UsageReport, period: Period) -> str:
    asked = {"tab": "refused", "first": period.first, "last": period.last, "grant": report.query.grant_id or ""}
    return f"/finance/fund/requests?{urlencode(asked)}"


def _blocked(report: UsageReport) -> dict[str, Any] | None:
    """Refused requests by period and category; ``None`` when there was none."""
    return _by_category(report.total.blocked, lambda period: _refused_href(report, period))


def _members(report: UsageReport) -> dict[str, Any] | None:
    """What members used of their part, with the pages where it stands line by line; ``None`` without any."""
    used = [one.grant for one in report.grants if one.grant and any(each.count for each in one.members)]
    pages = [{"title": grant_title(one), "href": f"/finance/fund/grants/{one.grant_id}/members"} for one in used]
    found = _by_category(report.total.members, lambda _period: pages[0]["href"] if len(pages) == 1 else "")
    return found and {**found, "pages": pages}


def _by_category(lines: Sequence[ByCategory], href: Callable[[Period], str]) -> dict[str, Any] | None:
    found = [one for one in lines if one.count]
    categories = [name for name in CATEGORIES if any(name in one.by_category for one in found)]
    categories += sorted({name for one in found for name in one.by_category} - set(CATEGORIES))
    if not found:
        return None
    return {
        "heads": [CATEGORIES.get(name, name) for name in categories],
        "rows": [
            {
                "label": period_words(one.period),
                "count": one.count,
                "href": href(one.period),
                "cells": [one.by_category.get(name, 0) for name in categories],
                "fen": one.fen,
            }
            for one in found
        ],
        "count": sum(one.count for one in found),
        "href": href(Period(lines[0].period.first, lines[-1].period.last)),
        "sums": [sum(one.by_category.get(name, 0) for one in found) for name in categories],
        "fen": sum(one.fen for one in found),
    }

"""The usage report as a workbook: what it is called, what it adds up to, and which months it leaves out."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import timedelta
from typing import Any

from hospital_prepay.services.fund.usage import UsageQuery
from hospital_prepay.services.fund.usage_papers import Table, usage_paper, usage_pdf, usage_workbook
from tests.funding import MILLION_YUAN
from tests.services.fund.conftest import OFFICER, Year, line
from tests.services.fund.test_procurement import FEN, recorded

YEAR = UsageQuery("2026-01", "2026-12")
APART = UsageQuery("2026-01", "2026-12", kind="procurement")
KINDS = ["应还医保", "专款（含已预留）", "其中已预留"]


def tables(year: Year) -> tuple[Table, ...]:
    return usage_paper(year.hospital.context, OFFICER, YEAR).tables


def later(year: Year, days: int) -> None:
    year.hospital.context.clock.moment += timedelta(days=days)  # type: ignore[attr-defined]


def fen(row: list[Any]) -> list[int]:
    return [one.fen for one in row[1:]]


def test_a_procurement_grant_has_a_paper_of_its_own(year: Year) -> None:
    year.arrived()
    apart = Year(year.hospital, keys=50, grant_id=recorded(year.hospital))
    later(year, 1)
    apart.approve(FEN)
    apart.receive()
    context = year.hospital.context
    for query, kind, other in ((YEAR, "预付金", "集采专项预付"), (APART, "集采专项预付", "预付金")):
        paper = usage_paper(context, OFFICER, query)
        titles = [one.title for one in paper.tables]
        assert titles[:-1] == [f"2026 年职工医保{kind}（x） {one}" for one in KINDS[:-1]], "nothing is reserved"
        book = zipfile.ZipFile(io.BytesIO(usage_workbook(context, OFFICER, query)))
        sheets = re.findall(r'<sheet name="\d+ ([^"]+)"', book.read("xl/workbook.xml").decode())
        assert [one for one in sheets if kind in one] == [f"2026 年职工医保{kind} {one}" for one in KINDS[:-1]]
        assert [one for one in sheets if other in one] == []
        assert usage_pdf(context, OFFICER, query).startswith(b"%PDF")
    assert usage_paper(context, OFFICER, APART).title == "医保基金集采专项预付使用报表"


def test_tables_end_with_their_sums(year: Year) -> None:
    year.arrived()
    year.pay(year.reserve(line(300_00)))
    year.ask(line(5_000_00, category="utilities", code="", order_no=""))
    later(year, 31)
    year.pay(year.reserve(line(200_00)))
    owed, cash, _, refused = tables(year)
    assert [row[0] for row in owed.rows] == ["期间", "2026 年 1 月", "2026 年 2 月", "合计"]
    last = dict(zip(cash.rows[0][1:], fen(cash.rows[-1]), strict=True))
    assert (last["期初"], last["到账"], last["付药品"], last["期末"]) == (
        0,
        MILLION_YUAN,
        -500_00,
        MILLION_YUAN - 500_00,
    )
    assert refused.rows[-1][:2] == ["合计", 1]
    assert fen(refused.rows[-1][1:])[-1] == 5_000_00


def test_of_a_cleared_grant_months_with_nothing_are_left_out(year: Year) -> None:
    year.arrived()
    year.give_back(MILLION_YUAN)
    later(year, 60)
    assert [(one.title.split(" ")[-1], [row[0] for row in one.rows[1:]]) for one in tables(year)[:-1]] == [
        ("应还医保", ["2026 年 1 月", "合计"]),
        ("专款（含已预留）", ["2026 年 1 月", "合计"]),
    ]

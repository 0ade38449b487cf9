"""The report as workbook and paper, its charts, and the figures held against what the authority published."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta

import pypdfium2
import pytest
import python_calamine

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.services.fund import grants
from tests.funding import application, apply_one, good_facts
from tests.web.test_fund import APPROVER, OFFICER, Fundhouse, fund, words
from tests.web.test_fund_lineage import paid

__all__ = ["fund", "paid"]
USAGE = "/finance/fund/usage"
PUBLISHED = {
    "year": "2026",
    "fund": "employee",
    "paid_out": "1000000",
    "recovered": "0",
    "balance": "999,000.50",
    "published_on": "2026-01-14",
    "source": "医保局网站",
}


def sheets(file: bytes) -> dict[str, list[list[object]]]:
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(file))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}  # type: ignore[misc]


def pdf_text(file: bytes) -> str:
    return "\n".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(file))


def test_the_workbook_holds_amounts_as_numbers_in_yuan_and_totals_in_words(paid: Fundhouse) -> None:
    answer = paid.as_(Role.AUDITOR).get(f"{USAGE}/report.xlsx")
    assert answer.status_code == 200
    found = sheets(answer.data)
    _, heads, first, *_ = next(rows for name, rows in found.items() if name.startswith("2 2026 年职工医保"))
    row = dict(zip(heads, first, strict=True))
    assert (row["期初"], row["到账"], row["付药品"], row["期末"]) == (0, 1000000, -3500, 996500)
    cover = "\n".join(str(cell) for row in found["说明"] for cell in row)
    assert "人民币叁仟伍佰元整" in cover
    assert "人民币壹佰万元整" in cover
    assert "2026-01-15 10:00:00" in cover
    assert re.search(r"[0-9a-f]{64}", cover)


def test_the_paper_reads_back_with_both_balances_words_digest_and_time(paid: Fundhouse) -> None:
    answer = paid.as_(OFFICER).get(f"{USAGE}/report.pdf?by=year")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    text = pdf_text(answer.data)
    for said in ("医保基金预付金使用报表", "云岭县人民医院", "996,500.00", "-3,500.00", "人民币叁仟伍佰元整"):
        assert said in text
    assert "2026-01-15 10:00:00" in text
    digest = re.search(r"[0-9a-f]{64}", text)
    assert digest is not None
    book = sheets(paid.as_(OFFICER).get(f"{USAGE}/report.xlsx?by=year").data)
    assert ["摘要值", digest.group()] == [cell for cell in book["说明"][-1] if cell]


def test_grants_of_two_regions_have_a_sheet_each_whatever_the_regions_are_called(paid: Fundhouse) -> None:
    command = application(
        "zhejiang-prepay-2025", "市[本]级/*?:" + "长" * 40, Fund.EMPLOYEE, Money(100), good_facts(2026), "second"
    )
    context, officer = paid.house.context, paid.house.actor(OFFICER)
    grant_id = apply_one(context, officer, command).grant_id or ""
    today = context.clock.today()
    assert len(sheets(paid.as_(OFFICER).get(f"{USAGE}/report.xlsx").data)) == 8, "only the sum of both is added"
    grants.record_approval(
        context, paid.house.actor(APPROVER), grants.RecordApproval(grant_id, Money(100), today, "文", "")
    )
    grants.receive_grant(context, officer, grants.ReceiveGrant(grant_id, "HD-77", today, "second-receipt"))
    found = sheets(paid.as_(OFFICER).get(f"{USAGE}/report.xlsx").data)
    assert len([name for name in found if "职工医保" in name]) == 5
    assert paid.as_(OFFICER).get(f"{USAGE}/report.pdf").status_code == 200


def test_a_wrong_period_makes_no_paper(paid: Fundhouse) -> None:
    assert paid.as_(OFFICER).get(f"{USAGE}/report.pdf?first=x").status_code == 422
    assert paid.as_(Role.CASHIER).get(f"{USAGE}/report.xlsx").status_code == 403


def test_charts_carry_the_figures_of_the_tables_beside_them(paid: Fundhouse) -> None:
    page = paid.as_(OFFICER).get(USAGE).text
    blocks = re.findall(r'<script type="application/json" id="([^"]+)">(.*?)</script>', page)
    data = {name: json.loads(text) for name, text in blocks}
    assert data["chart-balances"]["series"][0]["fen"] == [100_000_000]
    assert data["chart-uses"] == {"labels": ["付药品"], "series": [{"name": "付款", "fen": [3500_00]}]}
    assert not re.search(r"<script(?![^>]*(src=|application/json))", page), "no inline script"


def test_published_figures_are_held_against_the_books(paid: Fundhouse) -> None:
    assert "还没有登记公布数" in words(paid.as_(OFFICER).get(USAGE))
    assert paid.send(OFFICER, f"{USAGE}/disclosure", **PUBLISHED).status_code == 303
    page = words(paid.as_(OFFICER).get(USAGE))
    assert "年末余额1,000,000.00999,000.50999.50" in page
    assert "有差额，请与医保部门核对" in page
    clock = paid.house.context.clock
    assert isinstance(clock, FixedClock)
    clock.moment += timedelta(minutes=1)
    paid.send(OFFICER, f"{USAGE}/disclosure", **{**PUBLISHED, "balance": "1000000"})
    assert "有差额" not in words(paid.as_(Role.AUDITOR).get(USAGE))
    assert paid.count("fund_disclosure") == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"published_on": "2026-01-16"},
        {"balance": "-1"},
        {"paid_out": "1e3"},
        {"fund": "resident"},
        {"year": "2025"},
        {"year": "99999999999999999999"},
        {"source": " "},
        {"recovered": ""},
    ],
)
def test_a_wrong_published_figure_is_told_and_nothing_stored(paid: Fundhouse, wrong: dict[str, str]) -> None:
    answer = paid.send(OFFICER, f"{USAGE}/disclosure", **{**PUBLISHED, **wrong})
    assert answer.status_code == 422
    assert "field-error" in answer.text
    assert "医保局网站" in answer.text or "source" in wrong
    assert paid.count("fund_disclosure") == 0


def test_only_finance_writes_published_figures_down(paid: Fundhouse) -> None:
    assert paid.send(Role.AUDITOR, f"{USAGE}/disclosure", **PUBLISHED).status_code == 403

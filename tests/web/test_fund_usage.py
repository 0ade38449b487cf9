"""The usage report in the browser: figures that open to their entries, and wrong months told at their field."""

from __future__ import annotations

import html
import re
from datetime import date, datetime
from urllib.parse import unquote

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.money import Money
from hospital_prepay.services.fund import grants
from hospital_prepay.services.fund.procurement import RecordProcurement, record_procurement
from tests.web.test_fund import APPROVER, HEAD, OFFICER, POWER, Fundhouse, fund, line, words

__all__ = ["fund"]
USAGE = "/finance/fund/usage"


@pytest.fixture
def spent(fund: Fundhouse) -> Fundhouse:
    """A million received; one request of two drugs reserved, one for electricity refused."""
    fund.received()
    request = fund.asked(line("3000"), line("500", name="阿莫西林胶囊"))
    fund.send(HEAD, f"{request}/agree")
    fund.send(APPROVER, f"{request}/reserve")
    fund.ask({**POWER, "amount": "800"})
    return fund


def test_the_report_shows_both_balances_apart_and_what_was_refused(spent: Fundhouse) -> None:
    page = words(spent.as_(Role.AUDITOR).get(USAGE))
    assert "应还医保1,000,000.00 元" in page
    assert "其中已预留3,500.00 元" in page
    assert "其中专款未用996,500.00 元" in page
    assert "2026 年 1 月0.001,000,000.00" in page
    assert "2026 年 2 月" not in page, "months that haven't come have no figures"
    assert re.search(r"被拒的用款申请.*水、电、气.*2026 年 1 月1800.00", page)


def test_every_figure_opens_to_its_entries_with_the_same_sum(spent: Fundhouse) -> None:
    auditor = spent.as_(Role.AUDITOR)
    page = auditor.get(USAGE).text
    figures = re.findall(r'<td class="money"><a href="(/finance/fund/usage/entries[^"]+)">([^<]+)</a>', page)
    assert len(figures) >= 3
    for href, figure in figures:
        behind = auditor.get(html.unescape(href))
        assert f"合计 {figure} 元" in words(behind)
        entry = re.search(r'href="(/finance/ledger/\d+)"', behind.text)
        assert (entry is None) == (figure == "0.00")
        assert entry is None or auditor.get(entry.group(1)).status_code == 200


def test_balances_open_to_everything_until_then(spent: Fundhouse) -> None:
    auditor = spent.as_(Role.AUDITOR)
    page = auditor.get(USAGE).text
    tiles = re.findall(r'<dd><a href="(/finance/fund/usage/entries[^"]+)">([^<]+)</a>', page)
    closing = re.findall(r'<td class="money strong"><a href="([^"]+)">([^<]+)</a>', page)
    assert [figure for _, figure in tiles] == ["1,000,000.00", "1,000,000.00", "3,500.00"]
    for href, figure in (*tiles, *closing):
        behind = words(auditor.get(html.unescape(href)))
        assert f"合计 {figure} 元" in behind
        assert "2026 年 1 月末为止" in behind
    later = auditor.get(f"{USAGE}/entries?first=2026-01&last=2026-01&balance=cash").text
    assert len(re.findall(r"/finance/ledger/\d+", later)) == 1, "what moves within the earmark moves no balance"


def test_blocked_attempts_open_to_the_requests(spent: Fundhouse) -> None:
    auditor = spent.as_(Role.AUDITOR)
    [href, *_] = re.findall(r'href="(/finance/fund/requests\?tab=refused&amp;first=[^"]+)"', auditor.get(USAGE).text)
    shown = words(auditor.get(html.unescape(href)))
    assert "2026-01 至 2026-01 申请的" in shown
    assert "合计 1 份800.00" in shown
    other = words(auditor.get("/finance/fund/requests?tab=refused&first=2025-01&last=2025-12"))
    assert "没有这样的申请" in other


def test_downloads_are_named_in_chinese(spent: Fundhouse) -> None:
    for ending in ("xlsx", "pdf"):
        made = spent.as_(Role.AUDITOR).get(f"{USAGE}/report.{ending}?first=2026-01&last=2026-03")
        name = unquote(made.headers["Content-Disposition"])
        assert name == f"attachment; filename*=UTF-8''预付金使用报表-2026-01至2026-03.{ending}"


def test_who_may_not_read_the_books_sees_the_numbers_without_a_way_in(spent: Fundhouse) -> None:
    page = spent.as_(HEAD).get(f"{USAGE}/entries?first=2026-01&last=2026-01&balance=owed&movement=received")
    assert page.status_code == 200
    assert "/finance/ledger/" not in page.text
    assert "1,000,000.00" in words(page)


@pytest.mark.parametrize("asked", ["first=2026-13", "first=2026-02&last=2026-01", "by=week", "first=%3Cb%3E"])
def test_wrong_months_are_told_beside_their_field(spent: Fundhouse, asked: str) -> None:
    page = spent.as_(OFFICER).get(f"{USAGE}?{asked}")
    assert page.status_code == 422
    assert "field-error" in page.text
    assert "应还医保1,000,000.00 元" in words(page)


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "first=2026-01&last=2026-01&balance=none",
        "first=2026-01&last=2026-01&balance=owed&movement=gift",
        "first=x&last=x&balance=owed&movement=used",
    ],
)
def test_a_figure_that_is_none_is_not_found(spent: Fundhouse, asked: str) -> None:
    assert spent.as_(OFFICER).get(f"{USAGE}/entries?{asked}").status_code == 404


def test_a_grant_of_nobody_is_not_found(spent: Fundhouse) -> None:
    assert spent.as_(OFFICER).get(f"{USAGE}?grant=none").status_code == 404


def test_payments_open_with_the_sign_they_are_shown_with(spent: Fundhouse) -> None:
    request = spent.asked(line("250"))
    spent.send(HEAD, f"{request}/agree")
    spent.send(APPROVER, f"{request}/reserve")
    spent.send(OFFICER, f"{request}/pay", bank_reference="HD-9")
    auditor = spent.as_(Role.AUDITOR)
    shown = re.findall(r'<a href="([^"]+as=paid)">([^<]+)</a>', auditor.get(USAGE).text)
    assert [figure for _, figure in shown] == ["250.00", "250.00"], "by kind, and all of them"
    for href, _ in shown:
        assert "合计 250.00 元" in words(auditor.get(html.unescape(href)))
    table = re.findall(r'<a href="([^"]+movement=used[^"]+category=drug)">([^<]+)</a>', auditor.get(USAGE).text)
    assert {figure for _, figure in table} == {"-250.00"}
    assert "合计 -250.00 元" in words(auditor.get(html.unescape(table[0][0])))


def test_the_report_opens_on_the_last_year_in_which_something_moved(spent: Fundhouse, clock: FixedClock) -> None:
    clock.moment = datetime(2027, 3, 5, 9, tzinfo=SHANGHAI)
    spent.browsers.clear()
    assert "各笔预付金合计2026 年单位元" in words(spent.as_(OFFICER).get(USAGE))


@pytest.mark.parametrize(
    ("asked", "span", "end"),
    [
        ("first=2025-01&last=2026-12", "2025 年 1 月至 2026 年 1 月", "2026 年 1 月末"),
        ("first=2019-03&last=2026-12", "2019 年 3 月至 2026 年 1 月", "2026 年 1 月末"),
        ("first=2024-01&last=2025-12", "2024–2025 年", "2025 年 12 月末"),
    ],
)
def test_months_of_two_years_are_named_with_both(spent: Fundhouse, asked: str, span: str, end: str) -> None:
    """Also where the first and the last month would make a quarter or a year of one."""
    page = words(spent.as_(OFFICER).get(f"{USAGE}?{asked}"))
    assert f"合计{span}单位元" in page
    assert end in page


def test_without_a_grant_the_page_says_what_comes_first(fund: Fundhouse) -> None:
    assert "还没有预付金" in words(fund.as_(OFFICER).get(USAGE))


def test_a_quarter_and_one_grant_can_be_asked_for(spent: Fundhouse) -> None:
    page = words(spent.as_(OFFICER).get(f"{USAGE}?by=quarter&first=2025-12&grant={spent.grant_id}"))
    assert "2025 年 12 月" in page
    assert "2026 年职工医保预付金" in page


def test_central_procurement_has_a_report_of_its_own(spent: Fundhouse) -> None:
    context, officer = spent.house.context, spent.house.actor(OFFICER)
    named = ("zhejiang-prepay-2025", "x", "employee", 2026, Money(500_000), "医保〔2026〕3号", date(2026, 1, 12))
    grant_id = record_procurement(context, officer, RecordProcurement(*named, "国家第十批", None, "p-1"))
    approval = grants.RecordApproval(grant_id, Money(500_000), context.clock.today(), "文", "")
    grants.record_approval(context, spent.house.actor(APPROVER), approval)
    grants.receive_grant(context, officer, grants.ReceiveGrant(grant_id, "ZX-1", context.clock.today(), "p-2"))
    auditor = spent.as_(Role.AUDITOR)
    page = auditor.get(USAGE)
    assert "应还医保1,000,000.00 元" in words(page)
    assert '<option value="procurement">各笔集采专项预付合计' in page.text
    apart = auditor.get(f"{USAGE}?grant=procurement")
    assert "应还医保5,000.00 元" in words(apart)
    assert "各笔集采专项预付合计" in words(apart)
    [href] = re.findall(r'<dt>应还医保</dt><dd><a href="([^"]+)"', apart.text)
    assert "合计 5,000.00 元" in words(auditor.get(html.unescape(href)))


def test_cashiers_have_no_business_here(spent: Fundhouse) -> None:
    assert spent.as_(Role.CASHIER).get(USAGE).status_code == 403

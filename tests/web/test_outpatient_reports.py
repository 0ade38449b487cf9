"""Duties and reports of outpatients' deposits in the browser: what each role finds, and every way a file says no."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from apiflask import APIFlask

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.services.outpatient import list_papers
from tests.people import Browser, House
from tests.web.test_fund import words
from tests.web.test_outpatient_claims import APPROVER, AUDITOR, CASHIER, OFFICER
from tests.web.test_outpatient_escheat import ADVANCES, BATCHES, FILINGS, ROOT, Treasury, links, sheet

FUND = "/finance/fund/duties"
DUTIES = f"{ROOT}/duties"
STOCK = "guizhou-deposit-2025/clear_stock/2025-12-31"


@pytest.fixture
def treasury(house: House, app: APIFlask, login_as: Callable[[Role], Browser], tmp_path: Path) -> Treasury:
    desk = Treasury(house, login_as, tmp_path, app=app)
    desk.counted()
    return desk


def test_the_calendar_shows_what_is_left_with_its_clause_and_where_to_go(treasury: Treasury) -> None:
    page = treasury.as_(OFFICER).get(f"{DUTIES}?year=2025")
    text = words(page)
    assert re.search(r"清退存量门诊预交金\s*还有 \d+ 个账户", text)
    assert "贵州预交金细则" in text
    assert "日期是本院定的" in text
    assert f"{ROOT}/accounts?kind=deposit&amp;state=open" in links(page.text)
    one = words(treasury.as_(OFFICER).get(f"{DUTIES}/one?key={STOCK}"))
    assert "办完的那一天，这一项自己办结" in one
    assert "登记没有存量" not in one
    assert "清退存量" not in words(treasury.as_(OFFICER).get(f"{FUND}?year=2025&area=fund"))
    assert "清退存量" in words(treasury.as_(AUDITOR).get(f"{FUND}?year=2025"))


def test_duties_of_outpatients_open_in_their_own_rooms(treasury: Treasury) -> None:
    """And those of the fund in its; who may not see the calendar isn't led to it."""
    officer = treasury.as_(OFFICER)
    for path in (f"{DUTIES}?year=2025", f"{DUTIES}/one?key={STOCK}"):
        page = officer.get(path).text
        rooms = re.findall(r'<nav class="rooms no-print" aria-label="([^"]+)">', page)
        assert rooms == ["门诊清退各页"], path
        assert f'<a href="{DUTIES}" aria-current="page">期限</a>' in page
    assert f'action="{FUND}/close"' not in page
    listed = officer.get(f"{FUND}?year=2025").text
    assert 'aria-label="预付金各页"' in listed
    assert f"{DUTIES}/one?key=guizhou-deposit-2025%2Fclear_stock%2F2025-12-31" in links(listed)
    assert any(one.startswith(f"{DUTIES}?") for one in links(listed))
    assert FUND in links(officer.get(DUTIES).text)
    assert DUTIES not in treasury.as_(CASHIER).get(f"{ROOT}/accounts").text
    assert treasury.as_(CASHIER).get(DUTIES).status_code == 403


def test_home_and_overview_say_what_is_overdue_to_finance(treasury: Treasury) -> None:
    part = treasury.as_(OFFICER).get("/deadlines", headers={"HX-Request": "true"})
    for page in (part, treasury.as_(OFFICER).get(ROOT)):
        assert "门诊预交金期限：7 天内到期或已逾期" in page.text
    assert f"{DUTIES}?show=pressing" in links(part.text)
    assert "/deadlines" not in treasury.as_(AUDITOR).get("/").text
    assert DUTIES in links(treasury.as_(AUDITOR).get(ROOT).text)
    assert DUTIES not in treasury.as_(CASHIER).get(ROOT).text


def test_a_department_head_sees_no_money_of_outpatients(treasury: Treasury) -> None:
    head = treasury.as_(Role.DEPARTMENT_HEAD)
    assert "门诊预交金" not in words(head.get(f"{FUND}?year=2025"))
    assert head.get(f"{FUND}/one?key={STOCK}").status_code == 404
    assert head.get(f"{DUTIES}/one?key={STOCK}").status_code == 404
    assert "清退存量" not in head.get(f"{DUTIES}?year=2025").text


def test_the_subscribed_calendar_tells_counts_and_sums_and_nobody(treasury: Treasury) -> None:
    officer = treasury.as_(OFFICER)
    address = re.search(r"/calendar/[^/]+/fund\.ics", officer.post(f"{FUND}/calendar").text)
    assert address
    feed = officer.get(address[0]).text.replace("\r\n ", "")
    assert re.search(r"SUMMARY:清退存量门诊预交金，还有 \d+ 个账户，", feed.replace("\\,", ","))
    assert "吴" not in feed
    head = treasury.as_(Role.DEPARTMENT_HEAD)
    address = re.search(r"/calendar/[^/]+/fund\.ics", head.post(f"{FUND}/calendar").text)
    assert address
    assert "门诊预交金，" not in head.get(address[0]).text


def test_no_stock_is_said_in_writing_before_anything_was_counted(
    house: House, login_as: Callable[[Role], Browser]
) -> None:
    officer = login_as(OFFICER)
    assert "登记没有存量" in words(officer.get(f"{DUTIES}/one?key={STOCK}"))
    empty = officer.post(f"{DUTIES}/close", {"key": STOCK, "closing": "not_applicable", "words": " "})
    assert empty.status_code == 422
    said = {"key": STOCK, "closing": "not_applicable", "words": "财务和信息科核对，没有开过账户"}
    assert officer.post(f"{DUTIES}/close", said).status_code == 303
    assert "不用办" in words(officer.get(f"{DUTIES}/one?key={STOCK}"))


def test_reminders_of_a_pack_lead_to_the_pack(treasury: Treasury, clock: FixedClock) -> None:
    at = treasury.marked().submitted()
    page = treasury.as_(OFFICER).get(f"{DUTIES}?year=2026")
    assert at in links(page.text)
    assert "向卫生健康部门要回执并登记" in words(page)
    assert "本院规定" in words(page)


def test_the_register_page_offers_its_list_as_files(treasury: Treasury, monkeypatch: pytest.MonkeyPatch) -> None:
    page = treasury.as_(AUDITOR).get(f"{ROOT}/accounts?state=open&q=")
    assert {f"{ROOT}/register.{kind}?state=open" for kind in ("xlsx", "pdf")} <= links(page.text)
    rows = sheet(treasury.as_(AUDITOR).get(f"{ROOT}/register.xlsx?state=open&channel=cash"), "台账")
    assert "M001" in [row[1] for row in rows]
    assert "吴桂兰" not in str(rows)
    found = treasury.as_(CASHIER).post(f"{ROOT}/accounts", {"q": "M001"}).headers["Location"].partition("?")[2]
    rows = sheet(treasury.as_(CASHIER).get(f"{ROOT}/register.xlsx?{found}"), "台账")
    assert "吴桂兰" in str(rows)
    assert "M003" not in str(rows)
    made = treasury.as_(AUDITOR).get(f"{ROOT}/register.pdf")
    assert (made.status_code, made.mimetype, made.data[:4]) == (200, "application/pdf", b"%PDF")
    monkeypatch.setattr(list_papers, "PDF_ROWS", 1)
    long = treasury.as_(AUDITOR).get(f"{ROOT}/accounts?state=open&q=")
    assert f"{ROOT}/register.xlsx?state=open" in links(long.text)
    assert f"{ROOT}/register.pdf?state=open" not in links(long.text)
    assert "PDF 最多 1 行：请用 XLSX" in words(long)
    refused = treasury.as_(AUDITOR).get(f"{ROOT}/register.pdf")
    assert refused.status_code == 422
    assert "请下载 XLSX，或者先筛选再下载 PDF" in words(refused)
    assert treasury.as_(AUDITOR).get(f"{ROOT}/register.docx").status_code == 404
    for role in (Role.SYSTEM_ADMINISTRATOR, Role.DEPARTMENT_HEAD):
        for name in ("register.xlsx", "progress", "progress.pdf", "advances.xlsx"):
            assert treasury.as_(role).get(f"{ROOT}/{name}").status_code == 403


def test_the_pages_of_filing_batch_and_advances_offer_xlsx_and_pdf(treasury: Treasury) -> None:
    treasury.paid_ahead()
    officer = treasury.as_(OFFICER)
    made = str(treasury.send(OFFICER, ADVANCES, budget_year="2027").location)
    for page, files in (
        (f"{FILINGS}/1", (f"{FILINGS}/1/list.xlsx", f"{FILINGS}/1/list.pdf")),
        (f"{BATCHES}/1", (f"{BATCHES}/1/list.csv", f"{BATCHES}/1/list.xlsx", f"{BATCHES}/1/list.pdf")),
        (made, (f"{made}/list.xlsx", f"{made}/list.pdf")),
        (ADVANCES, (f"{ROOT}/advances.xlsx", f"{ROOT}/advances.pdf")),
    ):
        assert set(files) <= links(officer.get(page).text), page
        for file in files:
            answer = officer.get(file)
            assert answer.status_code == 200, file
            assert answer.data.startswith({"xlsx": b"PK", ".pdf": b"%PDF", ".csv": b"M001"}[file[-4:]]), file
    rows = sheet(officer.get(f"{ROOT}/advances.xlsx"), "先垫后补")
    assert rows[1][-1] == "第 1 号（2027 年度），待报送"


def test_the_progress_of_a_day_and_its_files(treasury: Treasury, clock: FixedClock) -> None:
    clock.moment = datetime(2026, 6, 1, 9, tzinfo=SHANGHAI)
    officer = treasury.as_(APPROVER)
    page = officer.get(f"{ROOT}/progress?on=2026-05-01")
    assert "截至 2026-05-01" in words(page)
    assert "有余额，没有备案" in words(page)
    assert f"{ROOT}/progress.pdf?on=2026-05-01" in links(page.text)
    assert "这一天账上还没有门诊账户" in words(officer.get(f"{ROOT}/progress?on=2020-01-01"))
    for wrong, told in (("2026-06-02", "还没有到"), ("abc", "请填日期")):
        answer = officer.get(f"{ROOT}/progress?on={wrong}")
        assert (answer.status_code, told in words(answer)) == (422, True)
        assert officer.get(f"{ROOT}/progress.xlsx?on={wrong}").status_code == 422
    rows = sheet(officer.get(f"{ROOT}/progress.xlsx?on=2026-05-01"), "清退进度")
    assert rows[0][0] == "分类"
    assert rows[-1][0] == "合计"
    assert officer.get(f"{ROOT}/progress.pdf").data.startswith(b"%PDF")

"""The prepayment's pages: who opens them, and that nothing that isn't law looks like it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from hospital_prepay.domain.access import Role
from tests.counter import words
from tests.people import Browser

LoginAs = Callable[[Role], Browser]
REGIMES = "/finance/fund/regimes"
READERS = {Role.FINANCE_OFFICER, Role.FINANCE_APPROVER, Role.AUDITOR, Role.DEPARTMENT_HEAD}
PLACES = ("河南省", "山东省威海市", "西藏自治区", "浙江省", "辽宁省")


@pytest.fixture
def officer(login_as: LoginAs) -> Browser:
    return login_as(Role.FINANCE_OFFICER)


def cells(page: str, thing: str) -> dict[str, str]:
    """What each place says of one thing, as it reads, by the place's name."""
    row = re.search(rf'<th scope="row">{re.escape(thing)}</th>(.*?)</tr>', page, re.DOTALL)
    assert row, thing
    found = re.findall(r"<td>(.*?)</td>", row.group(1), re.DOTALL)
    heads = re.findall(r'<th scope="col"><b>(.*?)</b>', page)
    assert heads == list(PLACES)
    return dict(zip(heads, map(read, found), strict=True))


def read(part: str) -> str:
    """The words of a part of a page, each thing apart from the next."""
    return " ".join(re.sub(r"<[^>]*>", " ", part).split())


@pytest.mark.parametrize("role", list(Role))
def test_who_deals_with_the_fund_finds_it_in_the_bar_and_nobody_else_enters(login_as: LoginAs, role: Role) -> None:
    browser = login_as(role)
    assert ('href="/finance/fund"' in browser.get("/").text) is (role in READERS)
    assert browser.get(REGIMES).status_code == (200 if role in READERS else 403)
    if role in READERS:
        assert browser.get("/finance/fund").status_code == 200
        here = re.search(r'<a href="/finance/fund" aria-current="page">(.*?)</a>', browser.get(REGIMES).text)
        assert here
        assert here.group(1) == "预付金"


def test_each_value_says_who_names_it_and_where(officer: Browser) -> None:
    page = officer.get(REGIMES).text
    employee = cells(page, "职工医保统筹基金结余")
    assert employee["浙江省"] == "够付 12 个月以上（含） 通知写明 原则上 第二部分第（一）项"
    assert employee["西藏自治区"] == "够付 12 个月以上（含） 通知写明 第十条"
    assert cells(page, "两个基金怎么看")["西藏自治区"] == "各看各的，不够的那个不预付 本院理解 第十条"
    assert "原则上" not in cells(page, "赤字")["浙江省"]
    applied = cells(page, "递交预付金申请")
    assert applied["山东省威海市"].startswith("1 月 10 日前 本院理解")
    assert applied["西藏自治区"].startswith("1 月 10 日前，本院办 通知写明")
    assert "归还" not in applied["河南省"]
    netted = cells(page, "拨付预付金")["河南省"]
    assert netted.startswith("1 月 15 日前，遇节假日顺延，主管部门办，非本院 通知写明")


def test_the_clause_leads_to_its_page(officer: Browser) -> None:
    page = officer.get(f"{REGIMES}?topic=stops").text
    assert 'href="/compliance/clauses/xizang-prepay-2024/7"' in page
    assert officer.get("/compliance/clauses/xizang-prepay-2024/7").status_code == 200
    assert cells(page, "多久退回")["西藏自治区"].startswith("督促后 5 个工作日内 通知写明")
    assert cells(page, "还没拨付的") == {
        "河南省": "通知未作规定",
        "山东省威海市": "通知未作规定",
        "西藏自治区": "停止拨付 通知写明 第六条",
        "浙江省": "停止拨付 通知写明 第四部分第（三）项",
        "辽宁省": "未知（没有原文）",
    }


def test_silence_and_the_unknown_look_like_neither_law_nor_permission(officer: Browser) -> None:
    page = officer.get(f"{REGIMES}?topic=uses").text
    drug = cells(page, "药品")
    assert drug["河南省"] == "通知未作规定 可以用 本院规定"
    assert drug["辽宁省"] == "未知（没有原文） 先挂起，两人书面决定 本院规定"
    assert drug["浙江省"] == "可以用 通知写明 第一部分"
    body = page.partition("<tbody>")[2]
    for label in ("通知未作规定", "未知（没有原文）", "本院规定"):
        assert f'<span class="clause house"><b>{label}</b></span>' in body
        assert not re.search(rf'<(?:a|span class="mark)[^>]*>[^<]*{label}', body), "neither a link nor a mark of law"


def test_what_is_known_without_its_text_is_hearsay_and_cites_nothing(officer: Browser) -> None:
    page = officer.get(REGIMES).text
    assert cells(page, "基数")["辽宁省"] == "前三年度月平均拨付额 据转载，没有原文"
    assert cells(page, "上限")["辽宁省"] == "未知（没有原文）"
    apply = cells(page, "递交预付金申请")["辽宁省"]
    assert apply == "1 月 10 日前，顺延不顺延未知，本院办 据转载，没有原文"
    assert "liaoning" not in page
    assert "没有原文；来自行业网站的各省对照表" in words(page)


def test_what_a_notice_doesnt_speak_of_stands_together(officer: Browser) -> None:
    page = officer.get(f"{REGIMES}?topic=silence").text
    assert cells(page, "用途")["河南省"] == "全都没有写 通知未作规定"
    assert cells(page, "用途")["浙江省"] == "—"
    assert cells(page, "基数和额度")["西藏自治区"] == "上限 通知未作规定"
    assert "清算" in cells(page, "谁能申请")["山东省威海市"]
    assert "递交预付金申请" in cells(page, "本院的日期")["河南省"]


def test_a_topic_shows_alone_and_an_unknown_one_shows_all(officer: Browser) -> None:
    whole = officer.get(REGIMES).text
    tabs = re.findall(r'href="/finance/fund/regimes\?topic=(\w+)"', whole)
    assert len(tabs) == 10
    assert whole.count("<tbody>") == officer.get(f"{REGIMES}?topic=nothing").text.count("<tbody>") == len(tabs)
    for topic in tabs:
        page = officer.get(f"{REGIMES}?topic={topic}").text
        assert page.count("<tbody>") == 1
        assert f'topic={topic}" aria-current="true"' in page

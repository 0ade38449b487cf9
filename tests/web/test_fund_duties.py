"""The page of duties: rows by month, forms that come back, the second person, the calendar without a login."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from apiflask import APIFlask
from icalendar import Calendar

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence import fund_reminders
from hospital_prepay.persistence.fund_reminders import AccountCheck
from hospital_prepay.services.fund import grants, recall, reminders, returns
from tests.funding import MILLION_YUAN, application, apply_one, good_facts
from tests.people import INSTITUTION, Browser, House

PAGE = "/finance/fund/duties"
PART = {"HX-Request": "true"}
FEBRUARY = "henan-settlement-2023/reconcile/2026-02-05"
CLEAR = "xizang-prepay-2024/clear/2026-12-10"
HERE = {"regime": "henan-settlement-2023", "pool_region": "平顶山市", "from_year": "2026", "stands": "yes"}
LoginAs = Callable[[Role], Browser]


@pytest.fixture
def officer(login_as: LoginAs) -> Browser:
    return login_as(Role.FINANCE_OFFICER)


@pytest.fixture
def approver(login_as: LoginAs) -> Browser:
    return login_as(Role.FINANCE_APPROVER)


@pytest.fixture
def henan(officer: Browser, approver: Browser) -> None:
    """The house stands in Henan."""
    assert officer.post(f"{PAGE}/places", HERE).status_code == 303
    assert approver.post(f"{PAGE}/places/1/confirm").status_code == 303


@pytest.fixture
def grant(house: House) -> str:
    """A grant of Xizang that arrived."""
    context = house.context
    who, other = house.actor(Role.FINANCE_OFFICER), house.actor(Role.FINANCE_APPROVER)
    command = application(
        "xizang-prepay-2024", "拉萨市", Fund.EMPLOYEE, Money(MILLION_YUAN), good_facts(2026), "key-apply"
    )
    grant_id = apply_one(context, who, command).grant_id
    assert grant_id
    today = context.clock.today()
    grants.record_approval(
        context, other, grants.RecordApproval(grant_id, Money(MILLION_YUAN), today, "藏医保 1 号", "M")
    )
    grants.receive_grant(context, who, grants.ReceiveGrant(grant_id, "B-1", today, "key-receive"))
    return grant_id


def test_before_any_place_is_known_the_page_says_what_comes_first(officer: Browser) -> None:
    page = officer.get(PAGE)
    assert page.status_code == 200
    assert "还不知道本院适用哪里的规定" in page.text


def test_a_wrong_place_comes_back_with_what_was_typed(officer: Browser, house: House) -> None:
    for changes, told in (
        ({"from_year": "2020"}, "请填 2024 到 2027 之间的年份。"),
        ({"from_year": "x"}, "请填整数"),
        ({"pool_region": " "}, "请填写。"),
        ({"regime": "x"}, "没有这个地方的规定"),
    ):
        answer = officer.post(f"{PAGE}/places", {**HERE, **changes})
        assert (answer.status_code, told in answer.text) == (422, True)
    assert "平顶山市" in answer.text
    assert "<details open>" in answer.text


def test_only_another_person_is_offered_the_confirmation(officer: Browser, approver: Browser) -> None:
    officer.post(f"{PAGE}/places", HERE)
    assert "核对无误" not in officer.get(PAGE).text
    assert "核对无误" in approver.get(PAGE).text
    assert officer.post(f"{PAGE}/places/1/confirm").status_code == 403
    assert approver.post(f"{PAGE}/places/1/decline").status_code == 303
    assert approver.post(f"{PAGE}/places/1/confirm").status_code == 409
    assert approver.post(f"{PAGE}/places/2/confirm").status_code == 404


def test_before_a_year_opens_its_page_says_from_when_it_may_be_applied_for(
    officer: Browser, approver: Browser
) -> None:
    place = {**HERE, "regime": "zhejiang-prepay-2025", "pool_region": "临溪市"}
    assert officer.post(f"{PAGE}/places", place).status_code == 303
    assert approver.post(f"{PAGE}/places/1/confirm").status_code == 303
    opens, form = "2026-12-01 起可申请", "/finance/fund/apply/new?regime=zhejiang-prepay-2025&year="
    assert opens in officer.get(f"{PAGE}?year=2027").text
    assert opens not in officer.get(PAGE).text
    told = officer.get(f"{form}2027").text
    assert "2027 年的从 2026-12-01 起可以申请（本院规定），请在 2027-01-15 前递交。" in told
    assert "起可以申请" not in officer.get(f"{form}2026").text
    henan = officer.get("/finance/fund/apply/new?regime=henan-settlement-2023&year=2027").text
    assert "2027 年的从 2026-12-01 起可以申请（本院规定），现在还不能递交。" in henan


@pytest.mark.usefixtures("henan")
def test_filters_tell_the_hospitals_duties_from_the_authorities(officer: Browser) -> None:
    own, theirs = officer.get(PAGE).text, officer.get(f"{PAGE}?whose=authority").text
    assert "完成上月对账申请" in own
    assert "确认异地就医清算数据" not in own
    assert "确认异地就医清算数据" in theirs
    assert "非本院" in theirs
    assert "没有这样的期限" in officer.get(f"{PAGE}?show=done").text
    assert officer.get(f"{PAGE}?year=2028").status_code == 422
    assert "约 01-05" in officer.get(f"{PAGE}?year=2027").text


@pytest.mark.usefixtures("henan")
def test_a_duty_is_closed_and_withdrawn_on_its_page(officer: Browser) -> None:
    address = f"{PAGE}/one?key={FEBRUARY}"
    assert "登记办结" in officer.get(address).text
    form = {"key": FEBRUARY, "closing": "done", "done_on": "2026-01-14", "words": "回执 11-03"}
    for changes, told in (
        ({"done_on": ""}, "请填写。"),
        ({"done_on": "2026-01-16"}, "办理日不能晚于今天。"),
        ({"words": ""}, "请填写。"),
        ({"closing": ""}, "请选一个。"),
    ):
        answer = officer.post(f"{PAGE}/close", {**form, **changes})
        assert (answer.status_code, told in answer.text) == (422, True)
    assert officer.post(f"{PAGE}/close", form).status_code == 303
    assert officer.post(f"{PAGE}/close", form).status_code == 409
    page = officer.get(address).text
    assert "回执 11-03" in page
    assert "撤回登记" in page
    assert officer.post(f"{PAGE}/withdraw", {"key": FEBRUARY, "ground": ""}).status_code == 422
    assert officer.post(f"{PAGE}/withdraw", {"key": FEBRUARY, "ground": "记错"}).status_code == 303
    assert officer.post(f"{PAGE}/withdraw", {"key": FEBRUARY, "ground": "记错"}).status_code == 409
    assert "登记办结" in officer.get(address).text
    assert officer.get(f"{PAGE}/one?key=x").status_code == 404


@pytest.mark.usefixtures("henan")
def test_the_verdict_on_a_closed_duty_opens_as_a_decision_in_words(officer: Browser) -> None:
    officer.post(f"{PAGE}/close", {"key": FEBRUARY, "closing": "done", "done_on": "2026-01-14", "words": "回执"})
    page = officer.get(f"{PAGE}/one?key={FEBRUARY}").text
    found = re.search(r"/compliance/decisions/[0-9a-f-]+", page)
    assert found
    decision = officer.get(found[0]).text
    assert "在期限内" in decision
    assert "完成上月对账申请" in decision


def test_an_open_clearing_says_what_is_owed_and_leads_to_its_return(
    grant: str, officer: Browser, clock: FixedClock
) -> None:
    page = officer.get(PAGE).text
    assert "1,000,000.00" in page
    assert f'href="/finance/fund/grants/{grant}"' in page
    assert re.search(rf'<a class="no-print" href="/finance/fund/grants/{grant}">去交回或冲抵', page)
    one = officer.get(f"{PAGE}/one?key={CLEAR}").text
    assert "应还 1,000,000.00 元" in one
    assert "这一项由账本认定" in one
    answer = officer.post(
        f"{PAGE}/close", {"key": CLEAR, "closing": "done", "done_on": "2026-01-14", "words": "回执"}
    )
    assert (answer.status_code, "由账本认定" in answer.text) == (422, True)


def test_the_home_page_counts_what_is_pressing_for_finance_alone(
    grant: str, login_as: LoginAs, clock: FixedClock
) -> None:
    clock.moment = datetime(2026, 12, 11, 0, 0, tzinfo=SHANGHAI)
    for role in (Role.FINANCE_OFFICER, Role.FINANCE_APPROVER):
        person = login_as(role)
        assert re.search('hx-get="/deadlines" hx-trigger="load"', person.get("/").text)
        part = person.get("/deadlines", headers=PART).text
        assert "预付金期限" in part
        assert "show=pressing" in part
        assert person.get("/deadlines").headers["Location"] == f"{PAGE}?show=pressing"
    auditor = login_as(Role.AUDITOR)
    assert "/deadlines" not in auditor.get("/").text
    assert auditor.get("/deadlines", headers=PART).status_code == 403
    page = login_as(Role.FINANCE_OFFICER).get(f"{PAGE}?show=pressing").text
    assert "逾期 1 天" in page
    assert "已逾期" in page


def test_a_shared_account_below_the_restricted_money_shows_on_both_pages(
    grant: str, house: House, officer: Browser
) -> None:
    assert "还没有核对过" in officer.get(PAGE).text
    assert reminders.check_shared_account(house.context, INSTITUTION) == "covered"
    assert "共用账户余额低于" not in officer.get("/deadlines", headers=PART).text
    with house.context.database.writing() as connection:
        day = datetime(2026, 1, 16, tzinfo=SHANGHAI)
        check = AccountCheck(day.date(), -5000, MILLION_YUAN, day)
        fund_reminders.add_check(connection, INSTITUTION, check)
    assert "共用账户余额低于专款（含已预留）" in officer.get("/deadlines", headers=PART).text
    page = officer.get(PAGE).text
    assert "定时核对" in page
    assert "999,950.00" in page
    assert "差 50.00 元" in page
    assert "其中专款（含已预留）" in page
    now = page[page.index("账面余额，现在") : page.index("定时核对")]
    assert "1,000,000.00" in now
    assert "999,950.00" not in now


def test_a_year_out_of_reach_says_which_can_be_shown(officer: Browser) -> None:
    for year in ("1800", "2028"):
        answer = officer.get(f"{PAGE}?year={year}")
        assert (answer.status_code, "只能看 2000 到 2027 年的期限" in answer.text) == (422, True)


def test_the_calendar_opens_without_a_login_and_is_kept_nowhere(
    grant: str, officer: Browser, app: APIFlask, login_as: LoginAs
) -> None:
    page = officer.post(f"{PAGE}/calendar").text
    found = re.search(r"/calendar/[\w-]{43}/fund\.ics", page)
    assert found
    assert found[0] not in officer.get(PAGE).text
    answer = Browser(app).get(found[0])
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, no-store"
    events = Calendar.from_ical(answer.data).walk("VEVENT")
    assert any("应还 1,000,000.00 元" in str(one["summary"]) for one in events)
    assert "Set-Cookie" not in answer.headers
    assert Browser(app).get(found[0].replace("fund.ics", "x.ics")).status_code == 404
    assert officer.post(f"{PAGE}/calendar/end").status_code == 303
    assert Browser(app).get(found[0]).status_code == 404
    assert officer.post(f"{PAGE}/calendar/end").status_code == 404


def test_who_may_only_look_is_offered_nothing_and_may_do_nothing(
    henan: Any, login_as: LoginAs, officer: Browser
) -> None:
    for role in (Role.AUDITOR, Role.DEPARTMENT_HEAD):
        browser = login_as(role)
        page = browser.get(f"{PAGE}/one?key={FEBRUARY}")
        assert page.status_code == 200
        assert 'action="/finance/fund/duties/close"' not in page.text
        assert browser.post(f"{PAGE}/close", {"key": FEBRUARY}).status_code == 403
        assert browser.post(f"{PAGE}/places", HERE).status_code == 403
    assert login_as(Role.CASHIER).get(PAGE).status_code == 403


def test_a_ground_of_recall_stands_on_top_with_its_sum_and_day(grant: str, officer: Browser, house: House) -> None:
    assert "收回没有办结" not in shown(officer)
    context, who = house.context, house.actor(Role.FINANCE_OFFICER)
    today = context.clock.today()
    command = recall.RecordRecall("xizang-prepay-2024", 1, "账户被冻结", today, "（2026）藏01执1号", "key-recall")
    recall_id = recall.record_recall(context, who, command).recall_id
    assert recall_id
    first = shown(officer)
    assert "收回情形没有办结，应退回 1,000,000.00 元，期限从医保部门督促那天起算，督促日还没有登记" in first
    assert ("收回没有办结" in first, "7 天内没有到期的" in first) == (True, False)
    assert f'href="/finance/fund/recall/{recall_id}"' in officer.get(PAGE).text
    due = recall.urge_recall(context, who, recall.UrgeRecall(recall_id, today, "藏医保函〔2026〕1号")).facts["due_on"]
    left = (datetime.fromisoformat(due).date() - today).days
    assert f"应退回 1,000,000.00 元，最迟 {due}，还有 {left} 天。" in shown(officer, "?year=2027")
    returns.return_grant(context, who, returns.ReturnGrant(grant, Money(MILLION_YUAN), "R-1", "key-return", today))
    assert "收回没有办结" not in shown(officer)


def shown(officer: Browser, query: str = "") -> str:
    """What a person reads on the page, without tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", officer.get(f"{PAGE}{query}").text))

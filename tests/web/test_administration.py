"""The pages of the system administrator and of publication, as they are used."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.access import Role
from tests.counter import Counter, collect
from tests.people import PASSWORD, Browser, House

LoginAs = Callable[[Role], Browser]
NOTICE = "日期,类型,名称\n" + "\n".join(
    f"2027-{day},放假,节日" for day in ("01-01", "05-01", "05-02", "10-01", "10-02", "10-03")
)


def upload(browser: Browser, text: str, source: str = "国办发明电〔2026〕9号") -> str:
    files = {"source": source, "file": (io.BytesIO(text.encode()), "2027.csv")}
    return browser.post("/admin/calendar", files, content_type="multipart/form-data").text


def test_an_account_is_opened_and_its_password_shown_once(login_as: LoginAs) -> None:
    browser = login_as(Role.SYSTEM_ADMINISTRATOR)
    page = browser.post("/admin/users", {"login": "A0312", "name": "吴涛", "role": "finance_approver"})
    (password,) = re.findall(r'密码 <span class="secret code">([a-z2-9-]{14})</span>', page.text)
    (action,) = re.findall(r'action="(/admin/users/[0-9a-f-]{36})"', page.text)
    assert password not in browser.get(action).text
    found = browser.get("/admin/users?q=a0312").text
    assert "吴涛" in found
    assert "周晓梅" not in found


def test_a_wrong_account_form_keeps_what_was_typed(login_as: LoginAs) -> None:
    page = login_as(Role.SYSTEM_ADMINISTRATOR).post("/admin/users", {"login": "有名字", "name": "吴涛", "role": "x"})
    assert page.status_code == 422
    assert 'value="吴涛"' in page.text
    assert "请从列出的选项里选" in page.text


def test_an_account_is_changed_disabled_and_enabled(login_as: LoginAs, house: House) -> None:
    browser = login_as(Role.SYSTEM_ADMINISTRATOR)
    path = f"/admin/users/{house.ids[Role.CASHIER]}"
    browser.post(path, {"name": "周晓梅", "role": "cashier", "station": "3 号窗口"})
    assert "3 号窗口" in browser.get("/admin/users").text
    browser.post(f"{path}/disable")
    assert "周晓梅" in browser.get("/admin/users?state=disabled").text
    browser.post(f"{path}/enable")
    assert "可以登录" in browser.get(path).text
    assert "周晓梅" not in browser.get("/admin/users?state=disabled").text
    assert "密码" in browser.post(f"{path}/password").text


def test_the_administrator_cannot_change_the_own_account(login_as: LoginAs, house: House) -> None:
    path = f"/admin/users/{house.ids[Role.SYSTEM_ADMINISTRATOR]}"
    response = login_as(Role.SYSTEM_ADMINISTRATOR).post(path, {"name": "龙飞", "role": "cashier"})
    assert response.status_code == 403
    assert "另一个人" in response.text


def test_a_token_for_a_system_is_shown_once_and_can_be_stopped(login_as: LoginAs) -> None:
    browser = login_as(Role.SYSTEM_ADMINISTRATOR)
    page = browser.post("/admin/clients", {"name": "HIS 住院登记", "role": "cashier"}).text
    (token,) = re.findall(r"prepay_[A-Za-z0-9_-]{40,}", page)
    assert token not in browser.get("/admin/clients").text
    (action,) = re.findall(r'action="(/admin/clients/[0-9a-f-]{36}/disable)"', page)
    browser.post(action)
    assert "停用" in browser.get("/admin/clients").text
    assert browser.post("/admin/clients", {"name": "HIS", "role": "finance_approver"}).status_code == 403


def test_the_hospital_reads_which_rules_bind_it(login_as: LoginAs) -> None:
    browser = login_as(Role.SYSTEM_ADMINISTRATOR)
    assert "公立医疗机构和医保定点医疗机构都适用" in browser.get("/admin/institution").text
    form = {"name": "云岭县骨科医院", "phone": "0855-1", "hours": "每天", "place": "一楼", "ownership": "private"}
    assert browser.post("/admin/institution", form).status_code == 303
    page = browser.get("/admin/institution").text
    assert "参照执行" in page
    assert "云岭县骨科医院" in page
    wrong = browser.post("/admin/institution", {**form, "phone": ""})
    assert wrong.status_code == 422
    assert "请填写" in wrong.text


def test_own_rules_are_written_by_one_and_approved_by_another(login_as: LoginAs) -> None:
    officer, approver = login_as(Role.FINANCE_OFFICER), login_as(Role.FINANCE_APPROVER)
    form = {"title": "住院预交金管理办法", "text": "第一条\n第二条 <b>", "effective_on": "2026-01-15"}
    assert officer.post("/admin/institution/rules", form).status_code == 303
    page = officer.get("/admin/institution").text
    assert "您拟的稿，要由另一位财务审批批准" in page
    assert "第二条 &lt;b&gt;" in page
    assert "本院制度等批准" in approver.get("/").text
    assert 'action="/admin/institution/rules/1/approve"' in approver.get("/admin/institution").text
    assert officer.post("/admin/institution/rules/1/approve").status_code == 403
    assert approver.post("/admin/institution/rules/1/approve").status_code == 303
    assert "现行" in approver.get("/admin/institution").text
    assert "本院制度等批准" not in approver.get("/").text


def test_a_further_year_is_checked_first_and_then_imported(login_as: LoginAs) -> None:
    browser = login_as(Role.FINANCE_OFFICER)
    assert "没公布" in browser.get("/admin/calendar?year=2027").text
    assert "不认识在这里导入的年份" in browser.get("/admin/calendar").text
    page = upload(browser, NOTICE)
    assert "导入 2027 年放假安排？" in page
    assert "没公布" in browser.get("/admin/calendar").text, "nothing is stored by looking"
    (token,) = re.findall(r'name="token" value="([^"]+)"', page)
    other = login_as(Role.SYSTEM_ADMINISTRATOR).post("/admin/calendar/confirm", {"token": token})
    assert other.status_code == 422, "what one person checked, no other confirms"
    assert browser.post("/admin/calendar/confirm", {"token": token}).status_code == 303
    assert "国办发明电〔2026〕9号" in browser.get("/admin/calendar?year=2027").text


@pytest.mark.parametrize(
    ("text", "source", "words"),
    [
        (NOTICE, "", "请写通知文号"),
        ("", "通知", "没有日期"),
        ("a,b\n1,2", "通知", "日期"),
        (NOTICE.replace("2027-10-02", "2027-10-32"), "通知", "第 6 行：2027-10-32 这一天不存在"),
        (NOTICE.replace("2027", "2029"), "通知", "缺少 2027 年"),
    ],
)
def test_a_wrong_notice_is_told_with_its_line(login_as: LoginAs, text: str, source: str, words: str) -> None:
    assert words in upload(login_as(Role.FINANCE_OFFICER), text, source)


def test_a_reading_is_changed_with_a_reason(login_as: LoginAs) -> None:
    browser = login_as(Role.FINANCE_OFFICER)
    assert 'name="value"' in browser.get("/admin/settings?open=minimum_cases").text
    wrong = browser.post("/admin/settings/minimum_cases", {"value": "12e3", "reason": "试"})
    assert wrong.status_code == 422
    assert "不是整数" in wrong.text
    browser.post("/admin/settings/minimum_cases", {"value": "20", "reason": "县医院病例多"})
    page = browser.get("/admin/settings").text
    assert "20 例" in page
    assert "县医院病例多" in page
    assert 'name="value"' not in login_as(Role.AUDITOR).get("/admin/settings?open=minimum_cases").text


def test_the_access_log_shows_who_did_what_to_whom(login_as: LoginAs) -> None:
    login_as(Role.SYSTEM_ADMINISTRATOR).post("/admin/users", {"login": "a0312", "name": "吴涛", "role": "auditor"})
    login_as(Role.CASHIER).get("/admin/users")
    browser = login_as(Role.AUDITOR)
    page = browser.get("/security/log").text
    assert "开账号" in page
    assert "账号 吴涛" in page
    refused = browser.get("/security/log?outcome=refused").text
    assert "收费员员" in refused
    assert "账号 吴涛" not in refused
    table = browser.get("/security/log.csv")
    assert table.mimetype == "text/csv"
    assert "开账号" in table.text


def test_the_access_log_names_tables_and_papers_in_words(counter: Counter, login_as: LoginAs, house: House) -> None:
    collect(login_as(Role.CASHIER), "100")
    with house.context.database.reading() as connection:
        table_id = connection.scalars(sa.text("SELECT table_id FROM cap_table")).one()
    approver = login_as(Role.FINANCE_APPROVER)
    assert approver.post(f"/finance/caps/{table_id}/approve").status_code == 409
    auditor = login_as(Role.AUDITOR)
    for page in (auditor.get("/security/log").text, auditor.get("/security/log.csv").text):
        assert "额度表第 1 版，2026-01-01 起执行" in page
        assert "住院号 2601140001" in page
        assert table_id not in page


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/126.0 Safari/537.36 Edg/126.0", "Edge 126，Windows"),
        ("Mozilla/5.0 (iPhone; like Mac OS X) Version/17.5 Mobile Safari/604.1", "Safari 17，苹果手机"),
        ("curl/8.5", "其他程序"),
    ],
)
def test_a_session_says_from_which_browser_in_words(
    browser: Browser, login_as: LoginAs, agent: str, shown: str
) -> None:
    browser.client.environ_base["HTTP_USER_AGENT"] = agent
    browser.post("/login", {"login": "cashier", "password": PASSWORD})
    page = login_as(Role.SECURITY_ADMINISTRATOR).get("/security/sessions").text
    assert shown in page
    assert agent not in page


def test_a_name_that_looks_like_a_formula_is_only_text_in_the_export(login_as: LoginAs, house: House) -> None:
    form = {"login": "a0312", "name": "=1+1", "role": "auditor"}
    login_as(Role.SYSTEM_ADMINISTRATOR).post("/admin/users", form)
    with house.context.database.reading() as connection:
        query = sa.text("SELECT user_id FROM staff_user WHERE login = 'a0312'")
        house.ids[Role.AUDITOR] = connection.scalars(query).one()
    login_as(Role.SECURITY_ADMINISTRATOR).post("/security/lockouts/a0312/clear")
    assert ",=1+1" not in login_as(Role.SECURITY_ADMINISTRATOR).get("/security/log.csv").text


def test_numbers_that_were_stored_before_are_masked_where_they_are_shown(login_as: LoginAs, house: House) -> None:
    """On the page and in the export: what a file or somebody's typing brought, and not the hospital's own numbers."""
    subjects = {
        "outpatient.answer": "outpatient_refund:11010519491231002X",
        "outpatient.count": "吴甲 6217000000000000001.csv",
        "caps.import": "病例 13985001236.csv",
        "outpatient.accept": "outpatient_account:13985001237",
        "stay.register": "13985001238",
    }
    for action, subject in subjects.items():
        with house.context.work(house.actor(Role.CASHIER), action, subject) as work:
            work.audit(detail={})
    for shown in ("/security/log", "/security/log.csv"):
        text = login_as(Role.AUDITOR).get(shown).text
        for number in ("11010519491231002X", "6217000000000000001", "13985001236"):
            assert number not in text
        assert "退款单号 1101 **** 002X" in text
        assert "文件 吴甲 6217 **** 0001.csv" in text
        assert "门诊账户 13985001237" in text
        assert "住院号 13985001238" in text


def test_long_lists_are_paged(login_as: LoginAs, browser: Browser) -> None:
    for _ in range(55):
        browser.client.post("/login", data={"login": "x", "password": "y"})
    auditor = login_as(Role.AUDITOR)
    page = auditor.get("/security/log?outcome=refused").text
    assert '共 <span class="num">55</span> 条' in page
    (following,) = re.findall(r'href="([^"]+)" rel="next"', page)
    assert following == "/security/log?outcome=refused&amp;page=2"
    assert 'rel="prev"' in auditor.get(following.replace("&amp;", "&")).text


def test_home_shows_each_role_its_own_doors(login_as: LoginAs, browser: Browser) -> None:
    assert 'href="/login"' in browser.get("/").text
    administrator = login_as(Role.SYSTEM_ADMINISTRATOR).get("/").text
    assert 'href="/admin/users"' in administrator
    assert 'href="/security/sessions"' not in administrator
    assert 'href="/admin/users"' not in login_as(Role.CASHIER).get("/").text

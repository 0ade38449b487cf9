"""Signing in through the pages, and staying signed in."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from apiflask import APIFlask

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.services.access import users
from hospital_prepay.services.access.demo import seed_demo_people
from hospital_prepay.services.access.users import NewUser
from hospital_prepay.services.demonstration.houses import SAMPLE
from hospital_prepay.services.publication.institution import open_institution
from tests.people import PASSWORD, Browser, House


def test_a_cashier_signs_in_and_goes_on_to_what_was_asked_for(browser: Browser) -> None:
    browser.get("/login")
    response = browser.post("/login", {"login": "cashier", "password": PASSWORD, "next": "/account"})
    assert (response.status_code, response.headers["Location"]) == (303, "/account")
    page = browser.get("/account")
    assert "收费员员" in page.text


def test_the_demonstration_shows_its_accounts_and_how_to_get_a_code(browser: Browser, house: House) -> None:
    open_institution(house.context, SAMPLE.institution)
    seed_demo_people(house.context, SAMPLE.code, SAMPLE.people)
    page = browser.get("/login").text
    for person in SAMPLE.people:
        assert person.login in page
    assert re.search(r">\S*bin/hospital-prepay demo code 用户名<", page), "the command as it is typed"


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(browser: Browser) -> None:
    browser.get("/login")
    response = browser.post("/login", {"login": "cashier", "password": PASSWORD})
    (cookie,) = [one for one in response.headers.getlist("Set-Cookie") if one.startswith("prepay=")]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Max-Age" not in cookie


def test_without_a_wish_the_log_in_leads_to_what_is_still_due_or_home(app: APIFlask, house: House) -> None:
    def leads(name: str) -> str:
        return Browser(app).post("/login", {"login": name, "password": PASSWORD}).headers["Location"]

    assert (leads("cashier"), leads("auditor")) == ("/", "/login/code")
    users.reset_second_factor(house.context, house.actor(Role.SECURITY_ADMINISTRATOR), "auditor")
    assert leads("auditor") == "/account"


def test_everybody_else_is_asked_for_the_code_and_then_goes_on(browser: Browser, house: House) -> None:
    browser.get("/login")
    response = browser.post("/login", {"login": "auditor", "password": PASSWORD, "next": "/security/log"})
    assert response.headers["Location"] == "/login/code?next=/security/log"
    page = browser.get(response.headers["Location"])
    assert "再输一次动态码" in page.text
    before = browser.client.get_cookie("prepay")
    code = house.code(Role.AUDITOR)
    response = browser.post("/login/code", {"code": f"{code[:3]} {code[3:]}", "next": "/security/log"})
    assert (response.status_code, response.headers["Location"]) == (303, "/security/log")
    after = browser.client.get_cookie("prepay")
    assert before is not None
    assert after is not None
    assert before.value != after.value, "a new token after the second factor"
    assert browser.get("/security/log").status_code == 200


def test_a_wrong_password_keeps_the_user_name_and_says_what_happens_next(browser: Browser) -> None:
    browser.get("/login")
    response = browser.post("/login", {"login": "cashier", "password": "wrong-one"})
    assert response.status_code == 422
    assert "用户名或密码不对" in response.text
    assert 'value="cashier"' in response.text
    assert "wrong-one" not in response.text


def test_an_unknown_user_name_reads_the_same(browser: Browser) -> None:
    browser.get("/login")
    known = browser.post("/login", {"login": "cashier", "password": "wrong-one"}).text
    unknown = browser.post("/login", {"login": "someone", "password": "wrong-one"}).text
    assert known.replace("cashier", "someone") == unknown


def test_after_five_the_page_says_until_when_the_account_is_locked(browser: Browser) -> None:
    browser.get("/login")
    for _ in range(4):
        browser.post("/login", {"login": "cashier", "password": "wrong-one"})
    for password in ("wrong-one", PASSWORD):
        response = browser.post("/login", {"login": "cashier", "password": password})
        assert "账号锁定到 10:15" in response.text


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/login",
        "/logout",
        "/a\nb",
    ],
)
def test_the_way_back_never_leads_to_another_site(browser: Browser, wanted: str) -> None:
    browser.get("/login")
    response = browser.post("/login", {"login": "cashier", "password": PASSWORD, "next": wanted})
    assert response.headers["Location"] == "/"


def test_a_page_of_staff_leads_to_the_log_in_and_back(browser: Browser) -> None:
    response = browser.get("/security/log?q=x&page=2")
    assert response.headers["Location"] == "/login?next=/security/log%3Fq%3Dx%26page%3D2"
    assert 'value="/security/log?q=x&amp;page=2"' in browser.get(response.headers["Location"]).text


def test_htmx_is_sent_to_the_log_in_as_a_whole(browser: Browser) -> None:
    response = browser.get("/account", headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/account"})
    assert response.status_code == 401
    assert response.headers["HX-Redirect"] == "/login?next=/account"


def test_an_idle_session_ends_with_a_reason(login_as: Callable[[Role], Browser], clock: FixedClock) -> None:
    browser = login_as(Role.CASHIER)
    assert browser.get("/account").status_code == 200
    clock.moment += timedelta(minutes=15)
    response = browser.get("/account")
    assert response.headers["Location"] == "/login?next=/account"
    assert "太久没有操作" in browser.get("/login").text


def test_signing_out_ends_the_session_for_good(login_as: Callable[[Role], Browser]) -> None:
    browser = login_as(Role.CASHIER)
    token = browser.client.get_cookie("prepay")
    assert token is not None
    assert browser.post("/logout").headers["Location"] == "/login"
    assert "您已退出" in browser.get("/login").text
    assert browser.signed_in(token.value).get("/account").status_code == 303


def test_the_security_administrator_ends_a_session_from_the_page(
    app: APIFlask, house: House, login_as: Callable[[Role], Browser]
) -> None:
    cashier, security = login_as(Role.CASHIER), login_as(Role.SECURITY_ADMINISTRATOR)
    page = security.get("/security/sessions").text
    (action,) = re.findall(r'action="(/security/sessions/[0-9a-f]{64}/end)"', page)
    assert security.post(action).status_code == 303
    assert cashier.get("/account").status_code == 303
    assert "被安全管理员请出" in cashier.get("/login").text


def test_the_security_administrator_unlocks_and_resets(login_as: Callable[[Role], Browser], browser: Browser) -> None:
    for _ in range(5):
        browser.post("/login", {"login": "cashier", "password": "wrong-one"})
    security = login_as(Role.SECURITY_ADMINISTRATOR)
    assert 'action="/security/lockouts/cashier/clear"' in security.get("/security/sessions").text
    security.post("/security/lockouts/cashier/clear")
    assert "没有账号被锁定" in security.get("/security/sessions").text
    security.post("/security/second-factor/reset", {"login": "auditor"})
    browser.post("/login", {"login": "auditor", "password": PASSWORD})
    assert browser.get("/").status_code == 200
    assert browser.get("/security/log").headers["Location"] == "/account"


def test_a_first_sign_in_sets_up_second_factor_and_password_and_is_then_complete(
    app: APIFlask, house: House, clock: FixedClock, browser: Browser
) -> None:
    administrator = house.actor(Role.SYSTEM_ADMINISTRATOR)
    given = users.create_user(
        house.context, administrator, NewUser("a0312", "吴涛", frozenset({Role.FINANCE_APPROVER}))
    )
    browser.post("/login", {"login": "a0312", "password": given.password})
    assert browser.get("/admin/institution").headers["Location"] == "/account"
    assert "必须启用" in browser.get("/account").text
    shown = browser.post("/account/second-factor/begin")
    (secret,) = re.findall(r'<p class="secret code">([A-Z2-7 ]+)</p>', shown.text)
    assert '<svg class="qr"' in shown.text
    wrong = browser.post("/account/second-factor", {"code": "000000"})
    assert wrong.status_code == 422
    assert secret in wrong.text, "the same secret again"
    code = pyotp.TOTP(secret.replace(" ", "")).at(clock.now())
    assert browser.post("/account/second-factor", {"code": code}).status_code == 303
    assert browser.get("/admin/institution").headers["Location"] == "/account"
    new = {"current_password": given.password, "new_password": "窗外的雨下了一整夜呢"}
    differing = browser.post("/account/password", {**new, "new_password_again": "不一样"})
    assert (differing.status_code, "两次输入的新密码不一样" in differing.text) == (422, True)
    weak = browser.post(
        "/account/password", {**new, "new_password": "password123", "new_password_again": "password123"}
    )
    assert (weak.status_code, "太常见" in weak.text) == (422, True)
    done = browser.post("/account/password", {**new, "new_password_again": "窗外的雨下了一整夜呢"})
    assert done.status_code == 303
    assert browser.get("/admin/institution").status_code == 200

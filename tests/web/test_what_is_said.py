"""Pages offer nobody what they don't have, and name nobody who isn't meant."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

from hospital_prepay.domain.access import Role
from tests.people import Browser, House

Login = Callable[[Role], Browser]


def test_an_unknown_paper_names_no_hospital(house: House, browser: Browser) -> None:
    page = browser.get("/r/nothing").text
    assert "查不到这张单据" in page
    assert "tel:" not in page
    assert "机构代码" not in page


def test_a_cashier_is_offered_no_second_factor(login_as: Login) -> None:
    assert "动态码" not in login_as(Role.CASHIER).get("/account").text
    assert "动态码" in login_as(Role.FINANCE_OFFICER).get("/account").text


def test_the_home_page_offers_an_auditor_nothing_forbidden(login_as: Login) -> None:
    page = login_as(Role.AUDITOR).get("/").text
    assert "看每项额度和它的出处" in page
    assert not re.search("导入病例|测算，|导入下一年", page)
    assert "导入病例，测算，发布" in login_as(Role.FINANCE_OFFICER).get("/").text


def test_readings_that_nothing_follows_yet_say_so(login_as: Login) -> None:
    page = login_as(Role.FINANCE_OFFICER).get("/admin/settings").text
    rows = dict(re.findall(r'id="s-(\w+)">(.*?)</tr>', page, re.DOTALL))
    assert "还没有用到" in rows["hospital_part"]
    assert "还没有用到" not in rows["burden_measure"]
    assert "改了从下一个决定或下一次测算起生效" in page


def test_a_class_without_an_amount_is_explained_to_patients(browser: Browser, login_as: Login) -> None:
    officer, approver = login_as(Role.FINANCE_OFFICER), login_as(Role.FINANCE_APPROVER)
    header = "结算流水号,出院日期,病种编码,病种名称,参保类型,住院总费用,个人负担\n"
    cases = "".join(f"C{n},2024-05-05,J1,肺炎,310,1000,500\n" for n in range(12)) + "C99,2024-05-05,J1,肺炎,390,9,5\n"
    form = {"file": (io.BytesIO((header + cases).encode()), "c.csv")}
    officer.post("/finance/caps/imports", form, content_type="multipart/form-data")
    measured = officer.post("/finance/caps", {"as_of": "2025-12-31", "min_cases": "10", "round_down_to": "10"})
    draft = measured.headers["Location"]
    approver.post(f"{draft}/approve")
    officer.post(f"{draft}/publish", {"effective_on": "2026-01-15"})
    page = browser.get("/public/deposits").text
    assert "问收费处" in page
    assert "本类型例数不足" in page

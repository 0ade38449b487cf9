"""Refunds of outpatient deposits in a browser: what the screen and its back button do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from hospital_prepay.app import create_app
from hospital_prepay.clock import Clock
from hospital_prepay.domain.access import Role
from hospital_prepay.persistence.database import Database
from tests.e2e.test_main_path import Desk
from tests.people import Browser as Client
from tests.people import House
from tests.serving import Served, serving
from tests.web.test_outpatient_claims import BANK, OWN
from tests.web.test_outpatient_claims import Desk as Counted

pytestmark = pytest.mark.browser
ACCOUNT = "/desk/refunds/accounts/M001"


@pytest.fixture
def counted(sqlite_database: Database, tmp_path: Path) -> Counted:
    """A house with a few accounts in its books, whose people work beside the browser."""
    house = House.built(sqlite_database, Clock(), tmp_path / "var")
    app = create_app(house.context)
    return Counted(house, lambda role: Client(app).signed_in(house.session(role)), tmp_path).counted()


@pytest.fixture
def served(counted: Counted) -> Iterator[Served]:
    settings = counted.house.context.settings
    with serving(settings.database_url, settings.data_dir) as running:
        yield running


def test_the_back_button_leads_past_a_refused_form_to_the_page_it_came_from(
    chromium: Browser, served: Served, counted: Counted
) -> None:
    cashier = Desk(chromium, served, counted.house).sign_in(Role.CASHIER)
    page = cashier.open(ACCOUNT)
    accept = page.get_by_role("button", name="受理退款 64.50 元")
    accept.click()
    expect(page.get_by_role("alert")).to_contain_text("处要改")
    page.wait_for_load_state()
    page.fill("[name=claimant_name]", "吴桂兰")
    page.fill("[name=certno]", OWN)
    page.check("[name=paper-own_id]")
    page.check("[name=route][value=cash]")
    accept.click()
    page.wait_for_url("**/desk/refunds/claims/*")
    claim = page.url
    page.get_by_text("来办的人不办了，撤回").click()
    withdraw = page.get_by_role("button", name="撤回 64.50 元")
    page.fill('form[action$="/withdraw"] [name=ground]', " ")
    withdraw.click()
    expect(page.get_by_role("alert")).to_contain_text("处要改")
    page.wait_for_url(claim)
    page.reload()
    assert page.url == claim
    expect(page.get_by_role("alert")).to_have_count(0)
    page.go_back()
    page.go_back()
    assert page.url.endswith(ACCOUNT)
    expect(page.get_by_text("已经有一笔退款在办").first).to_be_visible()
    assert cashier.complaints == []


def test_the_form_that_decides_what_the_bank_meant_fits_a_small_desk(
    chromium: Browser, served: Served, counted: Counted
) -> None:
    """Its choices say much; no box is wider than its place, and the page doesn't scroll sideways."""
    claim = counted.accepted(**BANK)
    counted.send(Role.FINANCE_OFFICER, f"{claim}/review")
    alarms = re.search(r'name="alarms" value="(\d+)"', counted.as_(Role.FINANCE_APPROVER).get(claim).text)
    assert alarms
    counted.send(Role.FINANCE_APPROVER, f"{claim}/confirm", ground="核对过", alarms=alarms[1])
    counted.choose(Role.CASHIER, claim)
    number = counted.number(claim)
    counted.answer((number, "64.50", "失败", "", "卡号错"))
    counted.answer((number, "64.50", "成功", "YH-1", ""))
    approver = Desk(chromium, served, counted.house).sign_in(Role.FINANCE_APPROVER)
    page = approver.open(claim)
    expect(page.get_by_role("button", name="照此决定")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    choices = page.locator('form[action$="/decide"] fieldset')
    assert choices.evaluate("""all => [...all.querySelectorAll("label")].every(
        one => one.getBoundingClientRect().right <= all.getBoundingClientRect().right)""")
    approver.check_accessible()


def test_files_of_the_bank_begin_at_one_place_whatever_year_they_came_in(
    chromium: Browser, served: Served, counted: Counted
) -> None:
    counted.answer(("TF20250101000001", "1.00", "成功", "", ""))
    cashier = Desk(chromium, served, counted.house).sign_in(Role.CASHIER)
    page = cashier.open("/finance/outpatient/payments")
    starts = page.locator("section[aria-labelledby=h-returns] ul").evaluate("""all => {
        const old = all.children[0].cloneNode(true);
        old.querySelector(".date").textContent = "2024-12-31 10:00";
        all.append(old);
        return [...all.children].map(one => one.children[1].getBoundingClientRect().left);
    }""")
    assert len(starts) == 2
    assert len(set(starts)) == 1
    cashier.check_accessible()


def test_what_money_the_register_is_narrowed_to_is_read_whole(
    chromium: Browser, served: Served, counted: Counted
) -> None:
    page = Desk(chromium, served, counted.house).sign_in(Role.FINANCE_OFFICER).open("/finance/outpatient/accounts")
    cut = page.locator("select[name=kind]").evaluate("""chosen => {
        const style = getComputedStyle(chosen), pen = document.createElement("canvas").getContext("2d");
        pen.font = `${style.fontSize} ${style.fontFamily}`;
        const room = chosen.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
        return [...chosen.options].map(one => one.text).filter(text => pen.measureText(text).width > room);
    }""")
    assert cut == []

"""Refunds of outpatient deposits in a browser: what the screen and its back button do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from hospital_prepay.clock import Clock
from hospital_prepay.domain.access import Role
from hospital_prepay.persistence.database import Database
from tests.e2e.test_main_path import Desk
from tests.people import House
from tests.serving import serving
from tests.web.test_outpatient_claims import OWN
from tests.web.test_outpatient_claims import Desk as Counted

pytestmark = pytest.mark.browser
ACCOUNT = "/desk/refunds/accounts/M001"


@pytest.fixture
def cashier(chromium: Browser, sqlite_database: Database, tmp_path: Path) -> Iterator[Desk]:
    """The cashier's window in a house with a few accounts in its books."""
    house = House.built(sqlite_database, Clock(), tmp_path / "var")
    Counted(house, lambda _: pytest.fail("no second browser"), tmp_path).counted()
    settings = house.context.settings
    with serving(settings.database_url, settings.data_dir) as served:
        yield Desk(chromium, served, house).sign_in(Role.CASHIER)


def test_the_back_button_leads_past_a_refused_form_to_the_page_it_came_from(cashier: Desk) -> None:
    page = cashier.open(ACCOUNT)
    accept = page.get_by_role("button", name="受理退款 64.50 元")
    accept.click()
    expect(page.get_by_role("alert")).to_contain_text("处要改")
    page.fill("[name=claimant_name]", "吴桂兰")
    page.fill("[name=certno]", OWN)
    page.check("[name=paper-own_id]")
    page.locator("#f-route").get_by_text("现金", exact=True).click()
    accept.click()
    page.wait_for_url("**/desk/refunds/claims/*")
    claim = page.url
    page.get_by_text("来办的人不办了，撤回").click()
    withdraw = page.get_by_role("button", name="撤回 64.50 元")
    page.fill('form[action$="/withdraw"] [name=ground]', " ")
    withdraw.click()
    expect(page.get_by_role("alert")).to_contain_text("处要改")
    page.reload()
    assert page.url == claim
    expect(page.get_by_role("alert")).to_have_count(0)
    page.go_back()
    page.go_back()
    assert page.url.endswith(ACCOUNT)
    expect(page.get_by_text("已经有一笔退款在办").first).to_be_visible()
    assert cashier.complaints == []

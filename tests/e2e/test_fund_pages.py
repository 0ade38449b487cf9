"""The prepayment's pages in a browser: readable at a small desk, whatever is scrolled, and accessible."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, expect

from hospital_prepay.clock import Clock
from hospital_prepay.domain.access import Role
from hospital_prepay.persistence.database import Database
from tests.e2e.test_main_path import Desk
from tests.people import House
from tests.serving import serving

pytestmark = pytest.mark.browser


@pytest.fixture
def officer(chromium: Browser, sqlite_database: Database, tmp_path: Path) -> Iterator[Desk]:
    """The finance officer's window."""
    house = House.built(sqlite_database, Clock(), tmp_path / "var")
    settings = house.context.settings
    with serving(settings.database_url, settings.data_dir) as served:
        yield Desk(chromium, served, house).sign_in(Role.FINANCE_OFFICER)


def box(one: Locator) -> FloatRect:
    """Where it stands on the screen."""
    found = one.bounding_box()
    assert found is not None
    return found


def test_places_side_by_side_keep_their_heads_in_sight(officer: Desk) -> None:
    page = officer.open("/finance/fund/regimes")
    officer.check_accessible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "only the table scrolls"
    page.set_viewport_size({"width": 1000, "height": 700})
    place = page.get_by_role("columnheader").nth(1)
    thing = page.get_by_role("rowheader").nth(1)
    before, left = box(place), box(thing)
    table = page.locator(".compare")
    table.evaluate("node => node.scrollTo(300, 900)")
    assert box(place)["y"] == before["y"], "the places stay above"
    assert box(page.get_by_role("rowheader").last)["x"] == left["x"], "the things stay at the left"
    page.get_by_role("link", name="用途", exact=True).click()
    expect(page.get_by_role("rowheader", name="药品")).to_be_visible()
    officer.check_accessible()
    assert officer.complaints == []


def test_the_self_check_is_accessible_and_leads_to_what_is_missing(officer: Desk) -> None:
    page = officer.open("/finance/fund/assess")
    officer.check_accessible()
    page.select_option("[name=regime]", "zhejiang-prepay-2025")
    page.fill("[name=year]", "2026")
    page.fill("[name=growth]", "much")
    button = page.get_by_role("button", name="算一算").first
    assert box(button)["y"] < 650
    button.click()
    expect(page.locator("main")).to_contain_text("有 1 处要改")
    officer.check_accessible()
    page.fill("[name=growth]", "4.3")
    button.click()
    expect(page.locator("#h-answer")).to_contain_text("浙江省 2026 年")
    officer.check_accessible()
    page.get_by_role("link", name="医保重点工作").click()
    expect(page.locator("#f-priority_work")).to_be_in_viewport()
    assert officer.complaints == []

"""Asking for a payment from the restricted fund in a browser: refused with one line, split, agreed to by another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from hospital_prepay.clock import Clock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.fund import grants
from tests.e2e.test_main_path import Desk
from tests.funding import MILLION_YUAN, application, apply_one, good_facts
from tests.people import House
from tests.serving import Served, serving

TYPED = {
    "payee_name": "浙药医药有限公司",
    "payee_credit_code": "9144030071526726XG",
    "purpose": "一月药款",
    "name-1": "注射用头孢曲松",
    "amount-1": "96480",
    "code-1": "X" + "A" * 22,
    "order_no-1": "P-1",
    "name-2": "病区电费",
    "amount-2": "58214.37",
}
pytestmark = pytest.mark.browser


@pytest.fixture
def house(sqlite_database: Database, tmp_path: Path) -> House:
    """A hospital whose grant of a million yuan has arrived."""
    house = House.built(sqlite_database, Clock(), tmp_path / "var")
    officer, approver, day = house.actor(Role.FINANCE_OFFICER), house.actor(Role.FINANCE_APPROVER), Clock().today()
    amount = Money(MILLION_YUAN)
    asked = application("zhejiang-prepay-2025", "临溪市", Fund.EMPLOYEE, amount, good_facts(2026), "apply-1")
    grant_id = apply_one(house.context, officer, asked).grant_id or ""
    grants.record_approval(house.context, approver, grants.RecordApproval(grant_id, amount, day, "文", ""))
    grants.receive_grant(house.context, officer, grants.ReceiveGrant(grant_id, "HD-1", day, "receive-1"))
    return house


@pytest.fixture
def served(house: House) -> Iterator[Served]:
    """The hospital behind its real server."""
    with serving(house.context.settings.database_url, house.context.settings.data_dir) as running:
        yield running


def test_a_mixed_request_is_refused_split_and_agreed_to_by_another(
    chromium: Browser, served: Served, house: House
) -> None:
    officer = Desk(chromium, served, house).sign_in(Role.FINANCE_OFFICER)
    page = officer.open("/finance/fund/requests/new")
    officer.check_accessible()
    for name, text in TYPED.items():
        page.fill(f"[name='{name}']", text)
    page.select_option("[name='category-1']", "drug")
    page.select_option("[name='category-2']", "utilities")
    ask = page.get_by_role("button", name="提交申请")
    box = ask.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 768
    ask.click()
    expect(page.locator("#decision")).to_contain_text("任何人都不能放行")
    split = page.get_by_role("button", name="只留这些行")
    expect(split).to_be_focused()
    expect(page.locator("[name='name-2']")).to_have_value("病区电费")
    officer.check_accessible()
    page.keyboard.press("Enter")
    expect(page.locator("[name='name-2']")).to_have_value("")
    page.get_by_role("button", name="提交申请").click()
    page.wait_for_url("**/finance/fund/requests/*")
    expect(page.locator("main")).to_contain_text("下一步：科室负责人同意")
    officer.check_accessible()

    head = Desk(chromium, served, house).sign_in(Role.DEPARTMENT_HEAD)
    agreed = head.open(page.url.removeprefix(served.url))
    agreed.get_by_role("button", name="同意付 96,480.00 元").click()
    expect(agreed.locator("main")).to_contain_text("下一步：财务审批")
    for path in ("/", "/finance/fund", "/finance/fund/requests?tab=refused"):
        head.open(path)
        head.check_accessible()
    officer.open("/finance/fund")
    page.get_by_role("link", name="2026 年职工医保预付金").click()
    officer.check_accessible()
    assert officer.complaints == head.complaints == []

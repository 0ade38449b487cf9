"""The main job in a browser, on both databases: cases, a cap table, two people, a receipt, the posted table."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import zxingcpp
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from hospital_prepay.clock import Clock
from hospital_prepay.domain.access import Role
from hospital_prepay.persistence.database import Database
from tests.people import PASSWORD, House
from tests.serving import Served, serving

SAMPLE = Path(__file__).parents[1] / "data" / "inpatient_cases.csv"
# Heart failure of moderate severity without procedure, an insured employee: measured from the sample by hand in
# tests/cli. What matters here is that the screen agrees with itself.
DISEASE = "194-2-none"
pytestmark = pytest.mark.browser


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    """A hospital with one person of each role, and no cap table yet."""
    return House.built(database, Clock(), tmp_path / "var")


@pytest.fixture
def served(house: House) -> Iterator[Served]:
    """The hospital behind its real server."""
    settings = house.context.settings
    with serving(settings.database_url, settings.data_dir) as running:
        yield running


class Desk:
    """One person's browser window."""

    def __init__(self, chromium: Browser, served: Served, house: House) -> None:
        self.window = chromium.new_context(
            viewport={"width": 1366, "height": 768}, locale="zh-CN", timezone_id="Asia/Shanghai"
        )
        self.page: Page = self.window.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.served, self.house = served, house

    def _listen(self, message: object) -> None:
        text = getattr(message, "text", "")
        # A refusal is a 422 by contract, and the browser calls every 4xx an error; so does htmx a poll that is cut
        # off because the page is left.
        if getattr(message, "type", "") == "error" and not re.search(
            r"status of 4(22|09)|htmx:(afterReq|send)", text
        ):
            self.complaints.append(text)

    def sign_in(self, role: Role) -> Desk:
        """Password, and the code where the role needs one."""
        self.open("/login")
        self.page.fill("[name=login]", self.house.login(role))
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("main button[type=submit]")
        if role.needs_second_factor:
            self.page.wait_for_url("**/login/code*")
            self.page.fill("[name=code]", self.house.code(role))
            self.page.click("main button[type=submit]")
        self.page.wait_for_url(re.compile(r"/(\?.*)?$"))
        return self

    def open(self, path: str) -> Page:
        """Go somewhere."""
        self.page.goto(self.served.url + path)
        return self.page

    def check_accessible(self) -> None:
        """No violation of WCAG 2.2 AA on the page as it stands."""
        options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
        found = Axe().run(self.page, options=options).response["violations"]
        assert not found, [(one["id"], [node["html"][:160] for node in one["nodes"]][:3]) for one in found]


def test_from_three_years_of_cases_to_a_receipt_and_the_posted_table(
    chromium: Browser, served: Served, house: House
) -> None:
    publish_a_table(chromium, served, house)
    cashier = Desk(chromium, served, house).sign_in(Role.CASHIER)
    page = cashier.page
    register(cashier)
    cashier.check_accessible()
    page.keyboard.press("F4")
    page.keyboard.type("1200")
    page.keyboard.press("x")
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name=re.compile("收款 1,200.00 元"))
    expect(button).to_be_visible()
    box = button.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 650
    page.keyboard.press("F9")
    expect(page.locator("#done")).to_contain_text("票号 A01-000001")
    cashier.check_accessible()

    page.keyboard.press("F4")
    page.keyboard.type("999999")
    page.keyboard.press("Enter")
    refused = page.locator("#decision")
    expect(refused).to_contain_text("不能收 999,999.00 元：超过额度")
    expect(refused).to_contain_text("第十七条")
    cashier.check_accessible()
    page.keyboard.press("Enter")
    rest = page.get_by_role("button", name=re.compile("收款 [0-9,.]+ 元"))
    expect(rest).to_be_focused()
    assert "票号 A01-000002" not in page.content(), "Enter after a refusal fills and previews, no more"
    type_amounts(cashier)

    check_by_qr(cashier)
    ask_for_keys(cashier)
    for path in ("/", "/desk/shift", "/desk/voids"):
        cashier.open(path)
        cashier.check_accessible()
    cashier.open("/public/deposits")
    expect(page.locator("table.posted")).to_contain_text(DISEASE)
    cashier.check_accessible()
    assert cashier.complaints == []


def type_amounts(cashier: Desk) -> None:
    """What is typed as an amount stays as typed, but for what an input method makes of digits and points."""
    page = cashier.page
    amount = page.locator("#f-amount")
    for typed, kept in (("-5", "-5"), ("1e3", "1e3"), ("abc", "abc"), ("５０。５", "50.5")):
        page.keyboard.press("F4")
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(typed)
        expect(amount).to_have_value(kept)
    page.keyboard.press("F4")
    page.keyboard.type("1ek3")
    expect(amount).to_have_value("1e3")
    expect(page.locator("[name=tender][value=card]")).to_be_checked()
    page.keyboard.press("x")
    page.keyboard.press("Enter")
    expect(page.locator("#e-amount")).to_contain_text("“1e3”不是金额")


def publish_a_table(chromium: Browser, served: Served, house: House) -> None:
    """One person imports and measures, another approves, the table is published."""
    officer = Desk(chromium, served, house).sign_in(Role.FINANCE_OFFICER)
    page = officer.open("/finance/caps")
    officer.check_accessible()
    page.set_input_files("input[type=file]", str(SAMPLE))
    page.get_by_role("button", name=re.compile("导入")).click()
    page.wait_for_url(re.compile(r"/finance/caps/imports/"))
    expect(page.locator("main")).to_contain_text("2,464", timeout=60_000)
    officer.check_accessible()
    officer.open("/finance/caps")
    page.fill("[name=as_of]", "2025-12-31")
    page.get_by_role("button", name=re.compile("测算")).click()
    page.wait_for_url(re.compile(r"/finance/caps/[0-9a-f-]{36}"))
    table = page.url.removeprefix(served.url)
    officer.check_accessible()

    approver = Desk(chromium, served, house).sign_in(Role.FINANCE_APPROVER)
    page = approver.open(table)
    page.get_by_role("button", name=re.compile("批准")).first.click()
    expect(page.locator("main")).to_contain_text("已批准")
    page = officer.open(f"{table}?confirm=publish")
    page.get_by_role("button", name=re.compile("发布第 1 版")).first.click()
    expect(page.locator("main")).to_contain_text("第 1 版")
    assert officer.complaints == approver.complaints == []


def register(cashier: Desk) -> None:
    """One admission, in one form."""
    page = cashier.open("/desk/stays/new")
    cashier.check_accessible()
    page.fill("[name=stay_no]", "2601150001")
    page.fill("[name=name]", "吴桂兰")
    page.fill("[name=ward]", "心内科一病区")
    page.fill("[name=disease]", DISEASE)
    page.locator("[name=insured_class][value=employee]").check()
    page.get_by_role("button", name=re.compile("登记")).click()
    page.wait_for_url("**/desk/stays/2601150001")


def ask_for_keys(cashier: Desk) -> None:
    """A question mark asks for the keys where it can't be meant otherwise; Ctrl and a slash do so everywhere."""
    page = cashier.open("/desk")
    keys = page.get_by_role("dialog", name="快捷键")
    expect(page.locator("#q-stay")).to_be_focused()
    page.keyboard.press("?")
    expect(keys).to_be_visible()
    cashier.check_accessible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.keyboard.type("26?")
    expect(page.locator("#q-stay")).to_have_value("26?")
    expect(keys).to_be_hidden()
    page.keyboard.press("Control+/")
    expect(keys).to_be_visible()
    page.get_by_role("button", name="关上").click()
    page.locator("aside.keys").get_by_role("button", name="全部").click()
    expect(keys).to_be_visible()
    page.keyboard.press("Escape")


def check_by_qr(cashier: Desk) -> None:
    """The receipt's QR code leads to a page that knows it and says nothing of the patient."""
    page = cashier.open("/desk/receipts/A01-000001/print")
    picture = Image.open(io.BytesIO(page.locator("svg.qr").screenshot()))
    (code,) = zxingcpp.read_barcodes(picture)
    page.goto(code.text)
    expect(page.locator("main")).to_contain_text("A01-000001")
    expect(page.locator("main")).to_contain_text("1,200.00")
    assert "吴" not in page.content()
    assert "2601150001" not in page.content()
    cashier.check_accessible()

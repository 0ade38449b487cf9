"""Slips on paper: a print shows what was issued, whenever it is printed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from tests.counter import NAME, STAY, Counter, collect, words
from tests.people import Browser

LoginAs = Callable[[Role], Browser]
TALK = {"talked_with": "女儿 吴某", "talked_at": "2026-01-15T09:40", "talk": "已说明为什么、收多少、怎么退"}


@pytest.fixture
def cashier(counter: Counter, login_as: LoginAs) -> Browser:
    return login_as(Role.CASHIER)


@pytest.fixture
def officer(counter: Counter, login_as: LoginAs) -> Browser:
    return login_as(Role.FINANCE_OFFICER)


def printed(browser: Browser, number: str = "A01-000001") -> str:
    return words(browser.get(f"/desk/receipts/{number}/print").text)


def approve(officer: Browser) -> None:
    [request_id] = set(re.findall(r"/desk/voids/([0-9a-f-]{36})", officer.get("/desk/voids").text))
    assert officer.post(f"/desk/voids/{request_id}/confirm").status_code == 303


def test_a_receipt_printed_again_shows_what_was_issued(cashier: Browser, clock: FixedClock) -> None:
    collect(cashier, "1200")
    first = printed(cashier)
    assert "补打" not in first
    clock.moment += timedelta(minutes=11)
    collect(cashier, "500")
    change = {"case": "disease", "disease": "G00.900", **TALK}
    assert cashier.post(f"/desk/stays/{STAY}/change", change).status_code == 303
    again = printed(cashier)
    for part in ("细菌性肺炎", "额度3,200.00 元", "已收合计1,200.00 元", "还可收2,000.00 元"):
        assert part in first
        assert part in again
    assert "细菌性脑膜炎" not in again
    assert "补打" in again
    assert re.search(r"打印时间2026-\d\d-\d\d", again)
    later = printed(cashier, "A01-000002")
    assert "已收合计1,700.00 元" in later


def test_a_voided_receipt_says_so_with_the_number_that_undid_it(cashier: Browser, officer: Browser) -> None:
    collect(cashier, "1200")
    cashier.post("/desk/receipts/A01-000001/void", {"reason": "金额录错"})
    assert "已作废" not in printed(cashier)
    approve(officer)
    assert "已作废，红字票 A01-000002" in printed(cashier)


@pytest.mark.clause("guizhou-deposit-2025/20")
def test_a_receipt_says_where_it_was_taken_unless_at_the_window(cashier: Browser) -> None:
    page = cashier.get(f"/desk/stays/{STAY}").text
    assert '<option value="window" selected>窗口</option>' in page
    collect(cashier, "1200")
    collect(cashier, "100", channel="bedside")
    assert "渠道" not in printed(cashier)
    assert "渠道床旁" in printed(cashier, "A01-000002")
    wrong = collect(cashier, "100", channel="elsewhere")
    assert wrong.status_code == 422
    assert 'id="e-channel"' in wrong.text


def test_a_red_slip_names_the_original_the_approver_and_the_reason(cashier: Browser, officer: Browser) -> None:
    collect(cashier, "1200", payer="女儿")
    cashier.post("/desk/receipts/A01-000001/void", {"reason": "金额录错"})
    approve(officer)
    red = printed(cashier, "A01-000002")
    expected = (
        NAME,
        "红字 ￥1,200.00",
        "原票号A01-000001",
        "复核人财务员",
        "原因金额录错",
        "签字",
        "已收合计0.00 元",
    )
    for part in expected:
        assert part in red
    for part in ("交款人", "多退少补", "-1,200", "负"):
        assert part not in red


def test_a_refund_slip_is_printed_for_the_patient_by_the_cashier_with_the_full_name(
    cashier: Browser, officer: Browser
) -> None:
    collect(cashier, "2000")
    collect(cashier, "1200")
    cashier.post(f"/desk/stays/{STAY}/change", {"case": "class", "insured_class": "employee", **TALK})
    approve(officer)
    refund = printed(cashier, "A01-000003")
    expected = (
        NAME,
        "退款 ￥1,360.00",
        "原票号A01-000001、A01-000002",
        "复核人财务员",
        "已收合计1,840.00 元",
        "职工",
    )
    for part in expected:
        assert part in refund
    for part in ("交款人", "多退少补", "-1,360", "不交患者"):
        assert part not in refund
    seen = printed(officer, "A01-000003")
    assert NAME not in seen
    assert "只供核对，不交患者" in seen

"""The lineage in the browser: from a payment to its grant and invoice, and what is still unproved."""

from __future__ import annotations

import re

import pytest

from hospital_prepay.domain.access import Role
from tests.web.test_fund import APPROVER, HEAD, OFFICER, Fundhouse, fund, line, words

__all__ = ["fund"]
LINEAGE = "/finance/fund/usage/lineage"


@pytest.fixture
def paid(fund: Fundhouse) -> Fundhouse:
    """Two drugs paid, one of them invoiced."""
    fund.received()
    request = fund.asked(line("3000"), line("500", name="阿莫西林胶囊"))
    fund.send(HEAD, f"{request}/agree")
    fund.send(APPROVER, f"{request}/reserve")
    fund.send(OFFICER, f"{request}/pay", bank_reference="HD-9")
    invoice = {"line_no": "1", "invoice_no": "FP-77", "amount": "3000"}
    assert fund.send(OFFICER, f"{request}/invoice", **invoice).status_code == 303
    return fund


def test_the_page_ties_lines_books_and_invoices_and_says_what_is_unproved(paid: Fundhouse) -> None:
    page = words(paid.as_(Role.AUDITOR).get(LINEAGE))
    assert "已付3,500.00 元各行相加，与账上付款一分不差" in page
    assert "已有发票3,000.00 元" in page
    assert "还差发票500.00 元请到申请里补齐" in page
    assert "2026 年职工医保预付金" in page
    assert "药品不分到职工或居民病人" in page


def test_an_invoice_leads_back_to_its_line_grant_request_and_entry(paid: Fundhouse) -> None:
    auditor = paid.as_(Role.AUDITOR)
    page = auditor.get(f"{LINEAGE}?q=fp-77")
    assert "阿莫西林胶囊" not in words(page)
    assert "已付3,000.00 元找到的各行相加" in words(page)
    table = page.text[page.text.index('id="h-lines"') :]
    for pattern in (r"/finance/fund/grants/[^\"]+", r"/finance/fund/requests/[^\"]+", r"/finance/ledger/\d+"):
        found = re.search(rf'href="({pattern})"', table)
        assert found is not None
        assert auditor.get(found.group(1)).status_code == 200


def test_before_a_payment_the_page_says_so(fund: Fundhouse) -> None:
    fund.received()
    assert "还没有付过款" in words(fund.as_(OFFICER).get(LINEAGE))


def test_nothing_found_unknown_grants_and_strangers_are_told(paid: Fundhouse) -> None:
    assert "没有找到" in words(paid.as_(Role.AUDITOR).get(f"{LINEAGE}?q=<b>"))
    assert paid.as_(APPROVER).get(f"{LINEAGE}?grant=none").status_code == 404
    assert paid.as_(Role.CASHIER).get(LINEAGE).status_code == 403

"""Entries of the restricted fund on the ledger's page: what they are, whose money, what they rest on."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.access import Role
from hospital_prepay.domain.ledger.grant_usage import KINDS
from hospital_prepay.persistence.fund_recalls import slips
from hospital_prepay.web.ledger_fund import FUND_KINDS
from tests.people import INSTITUTION
from tests.web.test_fund import APPROVER, HEAD, OFFICER, SETTLED, Fundhouse, fund, line, words

__all__ = ["fund"]


@pytest.fixture
def entries(fund: Fundhouse) -> dict[str, int]:
    """A payment that bounced; the number of the entry of each kind."""
    fund.received()
    request = fund.asked(line("3000"))
    fund.send(HEAD, f"{request}/agree")
    fund.send(APPROVER, f"{request}/reserve")
    fund.send(OFFICER, f"{request}/pay", bank_reference="B-77")
    fund.send(OFFICER, f"{request}/bounce", bank_reference="T-78", ground="户名不符")
    with fund.house.context.database.reading() as connection:
        found = connection.execute(sa.text("SELECT kind, entry_no FROM ledger_entry"))
        return {kind: int(number) for kind, number in found}


@pytest.mark.parametrize(
    ("kind", "word", "slip"),
    [
        ("fund_receipt", "到账", ""),
        ("fund_reserve", "预留", None),
        ("fund_payment", "付款", "B-77"),
        ("fund_payment_bounced", "退票", "T-78"),
        ("fund_unreserve", "退回预留", None),
    ],
)
def test_an_entry_of_the_fund_says_what_it_is(
    fund: Fundhouse, entries: dict[str, int], kind: str, word: str, slip: str | None
) -> None:
    auditor = fund.as_(Role.AUDITOR)
    page = auditor.get(f"/finance/ledger/{entries[kind]}")
    shown = words(page)
    assert word in shown.split("分录")[0]
    assert "其他" not in shown
    assert "2026 年职工医保预付金（" in shown
    assert f'href="/finance/fund/grants/{fund.grant_id}"' in page.text
    assert ("银行回单" in shown) is (slip is not None)
    assert (slip or "") in shown
    [paper] = re.findall(r"<dt>单据</dt><dd><a href=\"([^\"]+)\"", page.text)
    assert auditor.get(paper).status_code == 200
    assert ("/requests/" in paper) is (kind != "fund_receipt")


def test_the_request_shows_the_slip_of_the_payment_and_of_its_return(
    fund: Fundhouse, entries: dict[str, int]
) -> None:
    auditor = fund.as_(Role.AUDITOR)
    page = auditor.get(f"/finance/ledger/{entries['fund_payment_bounced']}").text
    [request] = re.findall(r'href="(/finance/fund/requests/[^"]+)"', page)
    shown = words(auditor.get(request))
    assert "银行回单 B-77" in shown
    assert "银行回单 T-78" in shown


def test_a_slip_is_compared_however_it_is_spelled(fund: Fundhouse, entries: dict[str, int]) -> None:
    given = {"amount": "100", "returned_on": "2026-01-15"}
    assert fund.send(OFFICER, f"{fund.grant}/return", bank_reference="TH-2026 01", **given).status_code == 303
    twice = fund.send(OFFICER, f"{fund.grant}/return", bank_reference="th202601", **given)
    assert (twice.status_code, "回单已经记过" in words(twice)) == (409, True)
    with fund.house.context.database.reading() as connection:
        kept = {one.as_typed: one.reference for one in slips(connection, INSTITUTION).values()}
    assert kept["TH-2026 01"] == "TH202601"


def test_the_journal_says_what_an_entry_moved_of_what_is_owed(fund: Fundhouse) -> None:
    fund.received()
    fund.send(OFFICER, f"{fund.grant}/offset", settlement="900", offset="400", **SETTLED)
    found = re.search(r'action="([^"]+/offsets/[^"]+/confirm)"', fund.as_(APPROVER).get(fund.grant).text)
    assert found is not None
    assert fund.send(APPROVER, found.group(1)).status_code == 303
    fund.asked(line("3000"))
    shown = words(fund.as_(Role.AUDITOR).get("/finance/ledger"))
    assert "借方合计（元）" in shown
    assert "应还医保减少 400.00 元" in shown
    assert "应还医保增加 1,000,000.00 元" in shown
    assert shown.count("应还医保") == 2


def test_every_kind_that_a_report_knows_has_its_word() -> None:
    assert {kind for kinds in KINDS.values() for kind in kinds} <= FUND_KINDS.keys()

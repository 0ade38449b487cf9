"""The agency's entries as the notices print them."""

from __future__ import annotations

import pytest

from hospital_prepay.domain.rules.fund.agency import agency_entry
from hospital_prepay.domain.rules.fund.movements import Event


@pytest.mark.clause("weihai-prepay-2025/3", "xizang-prepay-2024/11", "zhejiang-prepay-2025/5.1")
@pytest.mark.parametrize(
    ("regime", "account"),
    [
        ("weihai-prepay-2025", "暂付款—医保预付金"),
        ("xizang-prepay-2024", "暂付款—预拨款"),
        ("zhejiang-prepay-2025", "暂付款—医保预付金"),
    ],
)
def test_what_is_paid_out_stands_on_the_account_that_the_notice_names(regime: str, account: str) -> None:
    grant, back, offset = (agency_entry(regime, one) for one in (Event.GRANT, Event.RETURN, Event.OFFSET))
    assert grant
    assert back
    assert offset
    assert grant.debit == back.credit == offset.credit == account
    assert grant.credit == back.debit
    assert offset.debit == "社会保险待遇支出"
    assert grant.clause.startswith(regime)


@pytest.mark.parametrize("regime", ["henan-settlement-2023", "liaoning-prepay-2024"])
def test_where_the_notice_prints_none_none_is_shown(regime: str) -> None:
    assert agency_entry(regime, Event.GRANT) is None
    assert agency_entry("weihai-prepay-2025", Event.SETTLEMENT) is None

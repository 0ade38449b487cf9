"""What the code on a receipt tells: all that stands on the paper but whose it is."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from hospital_prepay.app import create_app
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.services.inpatient.deposits import CollectDeposit, collect_deposit
from hospital_prepay.services.inpatient.slips import DecideRequest, RequestVoid, decide_request, request_void
from hospital_prepay.services.publication.genuineness import CheckedSlip, check_paper
from tests.hospital import CASHIER, OFFICER, Hospital


@pytest.fixture
def slip(hospital: Hospital) -> tuple[str, str]:
    """Number and token of a receipt for 1,200 yuan."""
    hospital.admit()
    command = CollectDeposit("2601140001", Money(120000), Tender.WECHAT, "key", "42000099", "吴桂兰")
    done = collect_deposit(hospital.context, CASHIER, command)
    assert done.receipt_no is not None
    assert done.token is not None
    return done.receipt_no, done.token


def test_a_receipt_is_told_without_identity(hospital: Hospital, slip: tuple[str, str]) -> None:
    found = check_paper(hospital.context, slip[1])
    assert isinstance(found, CheckedSlip)
    assert (found.number, found.amount, found.kind, found.cancelled_by) == (slip[0], Money(120000), "deposit", None)
    assert "吴桂兰" not in str(asdict(found))
    page = create_app(hospital.context).test_client().get(f"/r/{slip[1]}")
    assert "这张收据是真的" in page.text
    assert "1,200.00 元" in page.text
    assert "微信" in page.text
    assert not [word for word in ("吴桂兰", "2601140001", "42000099", "肺炎") if word in page.text]


def test_a_voided_receipt_names_the_slip_that_undid_it(hospital: Hospital, slip: tuple[str, str]) -> None:
    asked = request_void(hospital.context, CASHIER, RequestVoid(slip[0], "录错"))
    decide_request(hospital.context, OFFICER, DecideRequest(asked.request_id, approve=True))
    found = check_paper(hospital.context, slip[1])
    assert isinstance(found, CheckedSlip)
    assert found.cancelled_by is not None
    page = create_app(hospital.context).test_client().get(f"/r/{slip[1]}")
    assert "这张收据已作废" in page.text
    assert found.cancelled_by in page.text

"""From a grant to the invoices of its lines and back; sums tie to the fen and two grants stay apart."""

from __future__ import annotations

import pytest

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.services.fund import spending
from hospital_prepay.services.fund.lineage import Lineage, read_lineage
from tests.services.fund.conftest import APPROVER, HEAD, OFFICER, PAYER, Year, line

OTHER_DRUG = "X" + "B" * 22


def lineage(year: Year, grant_id: str | None = None, words: str = "", page: int = 1) -> Lineage:
    return read_lineage(year.hospital.context, OFFICER, grant_id, words, page)


def invoice(year: Year, request_id: str, line_no: int, number: str, fen: int) -> None:
    command = spending.RecordEvidence(request_id, line_no, number, Money(fen))
    spending.record_evidence(year.hospital.context, PAYER, command)


@pytest.fixture
def paid(year: Year) -> tuple[Year, str, str]:
    """Employee grant: two lines, one and a half invoiced. Resident grant: one line. A third payment bounced."""
    year.arrived()
    first = year.reserve(line(300_00), line(200_00, code=OTHER_DRUG, order_no="P2026-2"))
    year.pay(first)
    invoice(year, first, 1, "FP-100%", 300_00)
    invoice(year, first, 2, "FP-2", 50_00)
    invoice(year, first, 2, "FP-3", 25_00)
    bounced = year.reserve(line(40_00))
    year.pay(bounced)
    spending.bounce_payment(year.hospital.context, PAYER, bounced, "账号有误")
    employee = year.grant_id
    year.apply(Fund.RESIDENT)
    year.approve()
    year.receive()
    year.pay(year.reserve(line(77_00)))
    return year, employee, year.grant_id


def test_each_grant_shows_its_own_lines_down_to_the_invoice(paid: tuple[Year, str, str]) -> None:
    year, employee, resident = paid
    found = lineage(year, employee)
    assert [(one.amount_fen, one.proved_fen, one.unproved_fen) for one in found.lines] == [
        (300_00, 300_00, 0),
        (200_00, 75_00, 125_00),
    ]
    assert [each.invoice_no for each in found.lines[1].invoices] == ["FP-2", "FP-3"]
    assert {one.grant_id for one in found.lines} == {employee}
    other = lineage(year, resident)
    assert [(one.amount_fen, one.invoices) for one in other.lines] == [(77_00, ())]


def test_a_line_names_its_people_order_code_and_entry(paid: tuple[Year, str, str]) -> None:
    year, employee, _ = paid
    one = lineage(year, employee).lines[1]
    assert (one.asked_by, one.department_by, one.finance_by, one.paid_by) == tuple(
        who.actor_id for who in (OFFICER, HEAD, APPROVER, PAYER)
    )
    assert (one.code, one.order_no, one.category) == (OTHER_DRUG, "P2026-2", "drug")
    assert one.entry_no == year.hospital.count("ledger_entry", f"entry_no <= {one.entry_no}")


def test_lines_and_books_tie_to_the_fen_bounced_payments_left_out(paid: tuple[Year, str, str]) -> None:
    year, employee, resident = paid
    for grant_id, paid_fen, proved_fen in ((employee, 500_00, 375_00), (resident, 77_00, 0), (None, 577_00, 375_00)):
        found = lineage(year, grant_id)
        assert (found.sums.paid_fen, found.sums.proved_fen) == (paid_fen, proved_fen)
        assert found.booked_fen == paid_fen == sum(one.amount_fen for one in found.lines)


@pytest.mark.parametrize(
    ("words", "amounts"),
    [
        ("FP-2", [200_00]),
        ("fp-3", [200_00]),
        ("P2026-2", [200_00]),
        (OTHER_DRUG, [200_00]),
        ("P2026-", [300_00, 200_00, 77_00]),
        ("%", [300_00]),
        ("_", []),
        ("nothing", []),
    ],
)
def test_a_line_is_found_by_invoice_order_number_or_code(
    paid: tuple[Year, str, str], words: str, amounts: list[int]
) -> None:
    found = lineage(paid[0], words=words)
    assert [one.amount_fen for one in found.lines] == amounts
    assert found.sums.count == len(amounts)
    assert found.sums.paid_fen == sum(amounts)
    assert found.booked_fen is None


def test_an_unknown_grant_is_not_found(paid: tuple[Year, str, str]) -> None:
    with pytest.raises(NotFound):
        lineage(paid[0], "none")

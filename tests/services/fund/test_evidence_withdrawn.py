"""An invoice that was typed wrongly is withdrawn with a ground: it stays, proves nothing, and frees its number."""

from __future__ import annotations

import pytest

from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.funds import RequestState
from hospital_prepay.services.fund import recall, review, spending
from hospital_prepay.services.fund.lineage import read_lineage
from tests.services.fund.conftest import APPROVER, HEAD, OFFICER, PAYER, Year, line


def record(year: Year, request_id: str, number: str, fen: int, line_no: int = 1) -> RequestState:
    command = spending.RecordEvidence(request_id, line_no, number, Money(fen))
    return spending.record_evidence(year.hospital.context, PAYER, command)


def withdraw(
    year: Year,
    request_id: str,
    number: str,
    *,
    line_no: int = 1,
    attempt: int = 1,
    ground: str = "金额填错",
    who: Actor = PAYER,
) -> RequestState:
    command = spending.WithdrawEvidence(request_id, line_no, number, attempt, ground)
    return spending.withdraw_evidence(year.hospital.context, who, command)


def shown(year: Year, request_id: str) -> list[tuple[int, str, int, int, bool]]:
    found = review.read_request(year.hospital.context, OFFICER, request_id).invoices
    return [(one.line_no, one.invoice_no, one.attempt, one.amount_fen, one.stands) for one in found]


@pytest.fixture
def complete(year: Year) -> tuple[Year, str]:
    """A request of two lines whose invoices are all there."""
    year.arrived()
    request = year.reserve(line(300_00), line(200_00, name="另一种药"))
    year.pay(request)
    record(year, request, "FP-1", 300_00)
    assert record(year, request, "FP-1", 200_00, 2).state == "evidenced"
    return year, request


def test_a_complete_request_waits_again_and_the_same_number_comes_again(complete: tuple[Year, str]) -> None:
    year, request = complete
    standing = year.standing
    assert withdraw(year, request, "FP-1", ground=" 金额填错 ").state == "paid"
    assert review.read_request(year.hospital.context, OFFICER, request).turn is not None
    assert record(year, request, "FP-1", 299_00).state == "paid"
    assert record(year, request, "FP-1x", 1_00).state == "evidenced"
    assert shown(year, request) == [
        (1, "FP-1", 1, 300_00, False),
        (1, "FP-1", 2, 299_00, True),
        (1, "FP-1x", 1, 1_00, True),
        (2, "FP-1", 1, 200_00, True),
    ]
    first = review.read_request(year.hospital.context, OFFICER, request).invoices[0]
    assert (first.ground, first.withdrawn_by, first.withdrawn_at) == (
        "金额填错",
        PAYER.actor_id,
        year.hospital.context.clock.now(),
    )
    assert year.standing == standing  # no money moved
    assert year.hospital.count("audit_event", "action = 'fund.withdraw_evidence' AND outcome = 'done'") == 1


def test_it_may_be_withdrawn_again_and_again_and_each_attempt_once(complete: tuple[Year, str]) -> None:
    year, request = complete
    for attempt in (1, 2, 3):
        withdraw(year, request, "FP-1", attempt=attempt)
        with pytest.raises(Conflict, match="已经作废过"):
            withdraw(year, request, "FP-1", attempt=attempt)
        assert record(year, request, "FP-1", 300_00).state == "evidenced"
    assert year.hospital.count("fund_evidence_withdrawn") == 3


def test_a_withdrawn_invoice_leaves_room_on_its_line_and_no_more_than_that(complete: tuple[Year, str]) -> None:
    year, request = complete
    withdraw(year, request, "FP-1")
    record(year, request, "FP-2", 100_00)
    with pytest.raises(MalformedInput, match=r"还差 200\.00 元"):
        record(year, request, "FP-1", 200_01)
    record(year, request, "F P.1", 100_00)
    with pytest.raises(Conflict, match="已经记在这一行上"):
        record(year, request, "FP-1", 100_00)


def test_its_number_is_free_for_another_request_and_the_other_lines_stay(complete: tuple[Year, str]) -> None:
    year, request = complete
    other = year.reserve(line(300_00, name="第三种药"))
    year.pay(other)
    for line_no in (1, 2):
        with pytest.raises(Conflict, match="已经记在申请"):
            record(year, other, "fp1", 300_00)  # one of its lines counts still
        withdraw(year, request, "FP-1", line_no=line_no)
    assert record(year, other, "fp1", 300_00).state == "evidenced"
    with pytest.raises(Conflict, match="已经记在申请"):
        record(year, request, "FP-1", 300_00)


def test_the_lineage_counts_without_it_and_shows_it_still(complete: tuple[Year, str]) -> None:
    year, request = complete
    withdraw(year, request, "FP-1")
    record(year, request, "FP-9", 50_00)
    found = read_lineage(year.hospital.context, OFFICER, year.grant_id, "", 1)
    assert (found.sums.paid_fen, found.sums.proved_fen) == (500_00, 250_00)
    assert [(one.proved_fen, one.unproved_fen) for one in found.lines] == [(50_00, 250_00), (200_00, 0)]
    assert [(one.invoice_no, one.stands, one.ground) for one in found.lines[0].invoices] == [
        ("FP-1", False, "金额填错"),
        ("FP-9", True, None),
    ]
    assert read_lineage(year.hospital.context, OFFICER, None, "FP-1", 1).sums.count == 2


def test_who_may_not_and_what_is_not_there_change_nothing(complete: tuple[Year, str]) -> None:
    year, request = complete
    with pytest.raises(MalformedInput, match="哪里填错"):
        withdraw(year, request, "FP-1", ground=" \n ")
    for who in (HEAD, APPROVER):
        with pytest.raises(NotPermitted):
            withdraw(year, request, "FP-1", who=who)
    for changes in ({"line_no": 3}, {"attempt": 2}):
        with pytest.raises(NotFound):
            withdraw(year, request, "FP-1", **changes)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        withdraw(year, request, "FP1")
    assert year.hospital.count("fund_evidence_withdrawn") == 0
    assert review.read_request(year.hospital.context, OFFICER, request).request.state == "evidenced"


def test_after_the_bank_sent_the_payment_back_nothing_is_withdrawn(complete: tuple[Year, str]) -> None:
    year, request = complete
    spending.bounce_payment(year.hospital.context, PAYER, request, "账号有误")
    with pytest.raises(Conflict):
        withdraw(year, request, "FP-1")
    assert year.hospital.count("fund_evidence_withdrawn") == 0


def test_a_payment_bounces_after_one_of_its_invoices_was_withdrawn(complete: tuple[Year, str]) -> None:
    year, request = complete
    before = year.standing
    withdraw(year, request, "FP-1")
    assert spending.bounce_payment(year.hospital.context, PAYER, request, "账号有误").state == "released"
    assert year.standing == (before[0] + 500_00, 0, before[2])


def test_while_a_ground_of_recall_stands_an_invoice_is_put_right_all_the_same(complete: tuple[Year, str]) -> None:
    year, request = complete
    day = year.hospital.context.clock.today()
    ground = recall.RecordRecall(year.regime, 4, "账户被法院保全", day, "（2026）浙01执1号", year.key)
    assert recall.record_recall(year.hospital.context, OFFICER, ground).recall_id is not None
    assert withdraw(year, request, "FP-1").state == "paid"
    assert record(year, request, "FP-1", 300_00).state == "evidenced"

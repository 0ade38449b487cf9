"""A movement belongs to the day that its slip proves, however late it is booked, in every report."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.ledger.grant_usage import Balance
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.queries.fund_duties import received_days
from hospital_prepay.services.fund import grants, returns, spending
from hospital_prepay.services.fund.closing import ClosePeriod, check_closing, make_closing
from hospital_prepay.services.fund.disclosure import held_against
from hospital_prepay.services.fund.reconciliation import MonthReading, as_json, read_month
from hospital_prepay.services.fund.statement_columns import StatementKind
from hospital_prepay.services.fund.usage import UsageQuery, read_usage
from tests.hospital import INSTITUTION, Hospital, actor
from tests.services.fund.conftest import APPROVER, OFFICER, PAYER, Year, line
from tests.statements import take

AUDITOR = actor(Role.AUDITOR)
BANK, AGENCY, TOTALS = StatementKind.BANK, StatementKind.AGENCY, StatementKind.TOTALS
JANUARY = "2026-01"
SENT = date(2026, 1, 30)


@pytest.fixture
def year(year: Year) -> Year:
    """A million that arrived on 15 January."""
    return year.arrived()


def later(clock: FixedClock, day: int = 2) -> None:
    clock.moment = datetime(2026, 2, day, 9, 0, tzinfo=SHANGHAI)


def month(year: Year, period: str = JANUARY) -> MonthReading:
    return read_month(year.hospital.context, AUDITOR, period)


def send_back(year: Year, fen: int = 40_000_000) -> None:
    year.send_back(returns.ReturnGrant(year.grant_id, Money(fen), "R-1", year.key, SENT))


def test_a_return_of_january_that_is_booked_in_february_is_reconciled_in_january(
    year: Year, clock: FixedClock, tmp_path: Path
) -> None:
    later(clock)
    send_back(year)
    context, slip = year.hospital.context, f"B-1-{year.grant_id}"
    bank = (f"2026-01-15,1000000.00,,1000000.00,医保中心,预付金,{slip}",)
    take(context, OFFICER, tmp_path, BANK, JANUARY, *bank, "2026-01-30,,400000.00,600000.00,医保中心,交回,R-1")
    agency = (f"2026-01-15,拨付,职工医保,1000000.00,1000000.00,{slip},",)
    take(context, OFFICER, tmp_path, AGENCY, JANUARY, *agency, "2026-01-30,收回,职工医保,400000.00,600000.00,R-1,")
    take(context, OFFICER, tmp_path, TOTALS, JANUARY, "应还医保,600000.00", "专款未用,600000.00")
    found = month(year)
    assert found.open_items == ()
    assert {(one.item, one.source): one.ours_fen for one in found.closings} == {
        ("owed", "totals"): 60_000_000,
        ("owed", "agency"): 60_000_000,
        ("earmark", "totals"): 60_000_000,
        ("earmark_at_bank", "bank"): 60_000_000,
    }
    assert found.zero
    assert [(one.day, one.booked_on) for one in found.booked_later] == [(SENT, date(2026, 2, 2))]
    told = as_json(found, INSTITUTION)["booked_later"]
    assert [(one["day"], one["booked_on"]) for one in told] == [("2026-01-30", "2026-02-02")]


def test_the_usage_report_counts_it_in_the_same_month(year: Year, clock: FixedClock) -> None:
    later(clock)
    send_back(year)
    query = UsageQuery(JANUARY, "2026-02", grant_id=year.grant_id)
    report = read_usage(year.hospital.context, AUDITOR, query).grants[0]
    for balance in (Balance.OWED, Balance.CASH):
        assert [one.closing_fen for one in report.balances[balance]] == [60_000_000, 60_000_000]


def test_the_disclosure_counts_it_in_the_same_year(year: Year, clock: FixedClock) -> None:
    clock.moment = datetime(2027, 1, 4, 9, 0, tzinfo=SHANGHAI)
    command = returns.ReturnGrant(year.grant_id, Money(40_000_000), "R-1", year.key, date(2026, 12, 30))
    year.send_back(command)
    [held] = held_against(year.hospital.context, AUDITOR)[0]
    assert (held.ours.recovered_fen, held.ours.balance_fen) == (40_000_000, 60_000_000)


def test_what_arrived_before_it_was_booked_arrived_then(year: Year, clock: FixedClock, hospital: Hospital) -> None:
    second = Year(hospital, "weihai-prepay-2025", keys=50)
    second.apply()
    second.approve()
    later(clock)
    command = grants.ReceiveGrant(second.grant_id, "B-2", date(2026, 1, 20), second.key)
    grants.receive_grant(hospital.context, OFFICER, command)
    with hospital.context.database.reading() as connection:
        days = received_days(connection, INSTITUTION, [second.grant_id])
    assert days == {second.grant_id: date(2026, 1, 20)}


def pay(year: Year, request_id: str) -> None:
    command = spending.PayRequest(request_id, "P-9", year.key, SENT)
    spending.pay_request(year.hospital.context, PAYER, command)


def bounce(year: Year, request_id: str) -> None:
    spending.bounce_payment(
        year.hospital.context, OFFICER, request_id, "户名不符", bank_reference="T-1", bounced_on=SENT
    )


@pytest.mark.parametrize("act", [pay, lambda year, _: send_back(year, 5_000), bounce])
def test_a_movement_dated_into_a_closed_month_opens_it(
    year: Year, clock: FixedClock, act: Callable[[Year, str], None]
) -> None:
    clock.moment = datetime(2026, 1, 29, 9, 0, tzinfo=SHANGHAI)  # so that the reservation doesn't run out meanwhile
    request_id = year.reserve(line(100))
    if act is bounce:
        year.pay(request_id)
    later(clock)
    context = year.hospital.context
    make_closing(context, OFFICER, ClosePeriod(JANUARY, month(year).digest, "还没有流水"))
    check_closing(context, APPROVER, JANUARY, month(year).digest)
    act(year, request_id)
    assert [one.step for one in month(year).steps] == ["made", "checked", "reopened"]
    assert "登记了 2026-01-30 的" in month(year).steps[-1].ground


def test_a_movement_of_this_month_leaves_a_closed_one_alone(year: Year, clock: FixedClock) -> None:
    later(clock)
    make_closing(year.hospital.context, OFFICER, ClosePeriod(JANUARY, month(year).digest, "还没有流水"))
    year.give_back(5_000)
    assert [one.step for one in month(year).steps] == ["made"]

"""The usage report: opening and movements come to the closing balance, every figure opens to its entries."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from hospital_prepay.domain.errors import MalformedInput, NotFound
from hospital_prepay.domain.ledger.chart import earmark_account, reserved_account
from hospital_prepay.domain.ledger.entry import Posting
from hospital_prepay.domain.ledger.grant_usage import Balance, Column, Movement, PeriodLine
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence.ledger import ledger_on
from hospital_prepay.services.fund import spending
from hospital_prepay.services.fund.usage import (
    Figure,
    Step,
    UsageQuery,
    UsageReport,
    read_figure,
    read_usage,
    report_as_json,
)
from tests.books import plain_entry
from tests.funding import MILLION_YUAN
from tests.hospital import INSTITUTION
from tests.services.fund.conftest import OFFICER, PAYER, Year, line

USED_DRUG, USED_REAGENT = Column(Movement.USED, "drug"), Column(Movement.USED, "reagent")
REAGENT = {"category": "reagent", "code": "", "order_no": ""}


def report(year: Year, first: str = "2026-01", last: str = "2026-12", step: Step = Step.MONTH) -> UsageReport:
    return read_usage(year.hospital.context, OFFICER, UsageQuery(first, last, step))


def move_clock(year: Year, days: int) -> None:
    year.hospital.context.clock.moment += timedelta(days=days)  # type: ignore[attr-defined]


def ties(lines: list[PeriodLine]) -> bool:
    chained = all(a.closing_fen == b.opening_fen for a, b in itertools.pairwise(lines))
    return chained and all(one.opening_fen + sum(one.moved.values()) == one.closing_fen for one in lines)


@pytest.fixture
def spent(year: Year) -> Year:
    """January: received, drugs and reagents paid. February: a payment bounced, money reserved, returned, offset."""
    year.arrived()
    year.pay(year.reserve(line(300_00), line(200_00, category="consumable", code="C" + "B" * 26)))
    year.pay(year.reserve(line(70_00, **REAGENT)))
    bounced = year.reserve(line(1_000_00))
    year.pay(bounced)
    year.ask(line(5_000_00, category="utilities", code="", order_no=""))
    move_clock(year, 20)
    spending.bounce_payment(year.hospital.context, PAYER, bounced, "账号有误")
    year.reserve(line(40_00))
    year.give_back(100_000_00)
    year.offset(500_000_00, 200_000_00)
    return year


def test_each_balance_opens_moves_and_closes_to_the_fen(spent: Year) -> None:
    (one,) = report(spent).grants
    owed, cash, reserved = (one.balances[balance] for balance in (Balance.OWED, Balance.CASH, Balance.RESERVED))
    assert [(x.opening_fen, x.closing_fen) for x in owed] == [
        (0, MILLION_YUAN),
        (MILLION_YUAN, MILLION_YUAN - 300_000_00),
    ]
    assert owed[1].moved == {Column(Movement.RETURNED): -100_000_00, Column(Movement.OFFSET): -200_000_00}
    assert cash[0].moved == {
        Column(Movement.RECEIVED): MILLION_YUAN,
        USED_DRUG: -1_300_00,
        Column(Movement.USED, "consumable"): -200_00,
        USED_REAGENT: -70_00,
    }
    assert cash[1].moved == {
        USED_DRUG: 1_000_00,
        Column(Movement.RETURNED): -100_000_00,
        Column(Movement.LET_GO): -200_000_00,
    }
    unspent, waiting, owing = spent.standing
    assert (cash[-1].closing_fen, reserved[-1].closing_fen, owed[-1].closing_fen) == (
        unspent + waiting,
        waiting,
        owing,
    )
    assert reserved[-1].closing_fen == 40_00
    assert all(ties(lines) for lines in one.balances.values())


def test_quarters_and_years_hold_the_same_sums(spent: Year) -> None:
    (months,), (year,) = (report(spent, step=step).grants for step in (Step.MONTH, Step.YEAR))
    quarter = report(spent, first="2025-12", step=Step.QUARTER)
    assert [(one.first, one.last) for one in quarter.periods] == [("2025-12", "2025-12"), ("2026-01", "2026-02")]
    for balance, lines in months.balances.items():
        (whole,) = year.balances[balance]
        assert whole.closing_fen == quarter.grants[0].balances[balance][-1].closing_fen == lines[-1].closing_fen
        for column in whole.moved:
            assert whole.moved[column] == sum(one.moved.get(column, 0) for one in lines)


def test_a_report_ends_with_the_present_month_and_starts_with_what_was_before(spent: Year) -> None:
    found = report(spent, first="2026-02")
    assert [one.last for one in found.periods] == ["2026-02"]
    assert found.grants[0].balances[Balance.OWED][0].opening_fen == MILLION_YUAN


def test_two_grants_stand_apart_and_in_sum(spent: Year) -> None:
    employee = spent.grant_id
    spent.apply(Fund.RESIDENT, 5_000_00)
    spent.approve(5_000_00)
    spent.receive()
    found = report(spent)
    closing = {one.grant.grant_id: one.balances[Balance.OWED][-1].closing_fen for one in found.grants if one.grant}
    assert closing == {employee: MILLION_YUAN - 300_000_00, spent.grant_id: 5_000_00}
    assert found.total.balances[Balance.OWED][-1].closing_fen == sum(closing.values())
    alone = read_usage(
        spent.hospital.context, OFFICER, UsageQuery("2026-01", "2026-12", Step.YEAR, grant_id=spent.grant_id)
    )
    assert alone.total.balances[Balance.OWED][-1].closing_fen == 5_000_00


def test_refused_requests_are_counted_with_amount_and_category(spent: Year) -> None:
    (one,) = report(spent).grants
    assert [(x.count, x.fen) for x in one.blocked] == [(1, 5_000_00), (0, 0)]
    assert one.blocked[0].by_category == {"utilities": 5_000_00}


def test_every_figure_opens_to_entries_that_sum_to_it(spent: Year) -> None:
    found = report(spent)
    for balance, lines in found.total.balances.items():
        for one in lines:
            for column, fen in one.moved.items():
                query = UsageQuery(one.period.first, one.period.last)
                behind = read_figure(spent.hospital.context, OFFICER, Figure(query, balance, column), 1)
                assert behind.fen == fen == sum(entry.fen for entry in behind.entries)
                assert behind.count == len(behind.entries) > 0


def test_a_balance_opens_to_everything_until_then(spent: Year) -> None:
    for balance, lines in report(spent).total.balances.items():
        for one in lines:
            figure = Figure(UsageQuery(one.period.last, one.period.last), balance, None)
            assert read_figure(spent.hospital.context, OFFICER, figure, 1).fen == one.closing_fen


def test_a_kind_nobody_knows_shows_as_other_and_the_columns_still_tie(spent: Year) -> None:
    context, now = spent.hospital.context, spent.hospital.context.clock.now()
    # What is owed falls under no such name, but what waits for payments may go back into the earmark.
    lines = (Posting(earmark_account(spent.grant_id), debit=Money(7), fund=spent.grant_id),)
    lines += (Posting(reserved_account(spent.grant_id), credit=Money(7), fund=spent.grant_id),)
    entry = plain_entry(INSTITUTION, "odd", "fund_oddity", now, lines)
    with context.database.writing() as connection:
        ledger_on(connection).post(entry)
    (one,) = report(spent).grants
    reserved = one.balances[Balance.RESERVED]
    assert reserved[-1].moved[Column(Movement.OTHER)] == -7
    assert ties(reserved)
    figure = Figure(UsageQuery("2026-02", "2026-02"), Balance.RESERVED, Column(Movement.OTHER))
    assert [x.fen for x in read_figure(context, OFFICER, figure, 1).entries] == [-7]


def test_months_out_of_order_and_unknown_grants_are_told(spent: Year) -> None:
    with pytest.raises(MalformedInput):
        report(spent, "2026-03", "2026-01")
    with pytest.raises(NotFound):
        read_usage(spent.hospital.context, OFFICER, UsageQuery("2026-01", "2026-01", grant_id="none"))


def test_a_hospital_without_a_grant_has_an_empty_report(year: Year) -> None:
    found = report(year)
    assert found.grants == []
    assert found.total.balances[Balance.OWED][0].closing_fen == 0


def test_programs_read_it_in_fen(spent: Year) -> None:
    told = report_as_json(report(spent, step=Step.YEAR))
    (one,) = told["grants"]
    assert one["balances"]["cash"][0]["moved_fen"]["used.drug"] == -300_00
    assert one["blocked"][0] == {
        "from": "2026-01",
        "to": "2026-02",
        "requests": 1,
        "fen": 5_000_00,
        "by_category": {"utilities": 5_000_00},
    }

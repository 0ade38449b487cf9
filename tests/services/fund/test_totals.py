"""Closing balances in several lines: parts add up, contradictions are refused, central procurement stands apart."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import NoUsableRow
from hospital_prepay.domain.ledger.grant_usage import Balance
from hospital_prepay.domain.money import Money
from hospital_prepay.services.fund import procurement
from hospital_prepay.services.fund.reconciliation import MonthReading, read_month
from hospital_prepay.services.fund.statement_columns import StatementKind
from hospital_prepay.services.fund.statements import Imported, review_statement
from hospital_prepay.services.fund.usage import Figure, UsageQuery, read_figure, read_usage, report_as_json
from tests.funding import MILLION_YUAN
from tests.hospital import actor
from tests.services.fund.conftest import OFFICER, Year
from tests.statements import take

AUDITOR = actor(Role.AUDITOR)
FEBRUARY = "2026-02"
MILLION = 100_000_000


@pytest.fixture
def year(year: Year, clock: FixedClock) -> Year:
    """A million that arrived in January; it is the third of March."""
    year.arrived()
    clock.moment = datetime(2026, 3, 3, 9, 0, tzinfo=SHANGHAI)
    return year


def totals(year: Year, folder: Path, *lines: str) -> Imported:
    return take(year.hospital.context, OFFICER, folder, StatementKind.TOTALS, FEBRUARY, *lines)


def month(year: Year) -> MonthReading:
    return read_month(year.hospital.context, AUDITOR, FEBRUARY)


def told(year: Year, item: str = "owed") -> int | None:
    found = {(one.item, one.source): one.theirs_fen for one in month(year).closings}
    return found[item, "totals"]


@pytest.mark.parametrize(
    "lines",
    [
        ("应还医保（职工）,600000.00", "应还医保（居民）,400000.00"),
        ("应还医保,1000000.00", "应还医保（职工）,600000.00", "应还医保（居民）,400000.00"),
        ("应还医保,1000000.00", "应还医保,1000000.00"),
        ("应还医保,1000000.00", "应还医保 ,1000000.00", "专款未用,7.00"),
    ],
)
def test_the_parts_of_a_balance_add_up_and_nothing_counts_twice(
    year: Year, tmp_path: Path, lines: tuple[str, ...]
) -> None:
    taken = totals(year, tmp_path, *lines)
    assert told(year) == MILLION
    assert taken.statement.rows_rejected == 0


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (("应还医保,999999999.99", "应还医保,1000000.00"), "said_twice"),
        (("应还医保,1000000.00", "应还 医保,1000000.01"), "said_twice"),
        (("应还医保,1000000.00", "应还医保（职工）,600000.00", "应还医保（居民）,399999.99"), "sum_differs"),
    ],
)
def test_a_balance_said_in_two_ways_is_not_taken(
    year: Year, tmp_path: Path, lines: tuple[str, ...], code: str
) -> None:
    with pytest.raises(NoUsableRow):
        totals(year, tmp_path, *lines)
    assert told(year) is None
    taken = totals(year, tmp_path, *lines, "专款未用,1000000.00")
    assert (told(year), told(year, "earmark")) == (None, MILLION)
    context, statement_id = year.hospital.context, taken.statement.statement_id
    rejected = review_statement(context, AUDITOR, statement_id).rejected
    assert [(one.line_no, one.code) for one in rejected] == [(at, code) for at in range(2, len(lines) + 2)]
    assert not month(year).zero


@pytest.fixture
def special(year: Year) -> Year:
    """Beside it five thousand yuan for central procurement."""
    command = procurement.RecordProcurement(
        *(year.regime, "x", "employee", 2026, Money(500_000), "医保〔2026〕3号", date(2026, 1, 12)),
        *("国家第十批", None, year.key),
    )
    found = Year(
        year.hospital, grant_id=procurement.record_procurement(year.hospital.context, OFFICER, command), keys=99
    )
    found.approve(500_000)
    found.receive()
    return found


def test_central_procurement_has_balances_of_its_own_in_a_reconciliation(
    special: Year, tmp_path: Path, clock: FixedClock
) -> None:
    clock.moment = datetime(2026, 4, 3, 9, 0, tzinfo=SHANGHAI)
    lines = ("应还医保,1000000.00", "集采专项预付,5000.00", "专款未用,1000000.00", "集采专项预付未用,4999.00")
    take(special.hospital.context, OFFICER, tmp_path, StatementKind.TOTALS, "2026-03", *lines)
    bank = "2026-03-10,1.00,,{},某某物业公司,租金,X-1"
    take(special.hospital.context, OFFICER, tmp_path, StatementKind.BANK, "2026-03", bank.format("1004999.99"))
    found = read_month(special.hospital.context, AUDITOR, "2026-03")
    assert [(one.item, one.ours_fen, one.theirs_fen, one.agrees) for one in found.closings] == [
        ("owed", MILLION, MILLION, True),
        ("owed", MILLION, None, None),
        ("earmark", MILLION, MILLION, True),
        ("procurement_owed", 500_000, 500_000, True),
        ("procurement_earmark", 500_000, 499_900, False),
        ("earmark_at_bank", 100_500_000, 100_499_999, False),
    ]
    assert not found.zero


def test_the_usage_report_adds_kinds_apart(special: Year) -> None:
    context = special.hospital.context
    for kind, fen, grants in (("basic", MILLION_YUAN, 1), ("procurement", 500_000, 1)):
        query = UsageQuery("2026-01", "2026-03", kind=kind)
        report = read_usage(context, AUDITOR, query)
        assert len(report.grants) == grants
        assert report.total.balances[Balance.OWED][-1].closing_fen == fen
        assert read_figure(context, AUDITOR, Figure(query, Balance.OWED, None), 1).fen == fen
        assert {one["kind"] for one in report_as_json(report)["grants"]} == {kind} == {report_as_json(report)["kind"]}
    one = read_usage(context, AUDITOR, UsageQuery("2026-01", "2026-03", grant_id=special.grant_id))
    assert one.total.balances[Balance.OWED][-1].closing_fen == 500_000
    assert read_usage(context, AUDITOR, UsageQuery("2026-01", "2026-03")).query.kind == "basic"

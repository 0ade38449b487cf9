"""A month is at zero only when its statements were imported and the bank's account covers what is unspent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.month_papers import Paper, agency_reconciles, missing_statements
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.fund.accounts import name_account
from hospital_prepay.services.fund.closing import ClosePeriod, check_closing, make_closing
from hospital_prepay.services.fund.quiet_months import say_quiet
from hospital_prepay.services.fund.reconciliation import MonthReading, as_json, read_month
from hospital_prepay.services.fund.rejected_lines import explain_rejected
from hospital_prepay.services.fund.returns import ReturnGrant
from hospital_prepay.services.fund.statement_columns import StatementKind
from hospital_prepay.services.fund.statements import Imported
from tests.hospital import Hospital, actor
from tests.services.fund.conftest import Year
from tests.statements import ACCOUNT, take

OFFICER, AUDITOR = actor(Role.FINANCE_OFFICER), actor(Role.AUDITOR)
APPROVER = actor(Role.FINANCE_APPROVER)
BANK, AGENCY, TOTALS = StatementKind.BANK, StatementKind.AGENCY, StatementKind.TOTALS
FEBRUARY = "2026-02"
OWED = "应还医保,1000000.00"
# The account's other business in a month in which the grant doesn't move.
QUIET = "2026-02-10,300.00,,{balance},某某物业公司,租金,X-1"


@dataclass
class Desk:
    """A year whose million arrived in January and is unspent; it is the third of March."""

    year: Year
    folder: Path

    def take(self, kind: StatementKind, *lines: str, period: str = FEBRUARY, account: str = ACCOUNT) -> Imported:
        return take(self.year.hospital.context, OFFICER, self.folder, kind, period, *lines, account=account)

    def month(self, period: str = FEBRUARY) -> MonthReading:
        return read_month(self.year.hospital.context, AUDITOR, period)


def desk_of(hospital: Hospital, clock: FixedClock, folder: Path, regime: str) -> Desk:
    year = Year(hospital, regime).arrived()
    clock.moment = datetime(2026, 3, 3, 9, 0, tzinfo=SHANGHAI)
    return Desk(year, folder)


@pytest.fixture
def desk(hospital: Hospital, clock: FixedClock, tmp_path: Path) -> Desk:
    return desk_of(hospital, clock, tmp_path, "zhejiang-prepay-2025")


@pytest.fixture
def quiet(hospital: Hospital, clock: FixedClock, tmp_path: Path) -> Desk:
    """The same in a place whose notice knows no statement of the agency."""
    return desk_of(hospital, clock, tmp_path, "xizang-prepay-2024")


def test_totals_alone_are_no_reconciled_month(desk: Desk) -> None:
    desk.take(TOTALS, OWED)
    found = desk.month()
    assert found.open_items == ()
    assert found.missing == ("bank", "agency")
    assert not found.zero
    assert as_json(found, "x")["missing_statements"] == ["bank", "agency"]
    refused = make_closing(desk.year.hospital.context, OFFICER, ClosePeriod(FEBRUARY, found.digest, "")).decision
    assert [one.code for one in refused.reasons] == ["differences_without_ground"]
    assert "还没有银行流水" in refused.reasons[0].message
    assert list(refused.facts["missing"]) == ["bank", "agency"]


def test_an_account_with_less_than_the_unspent_money_is_no_zero_difference(quiet: Desk) -> None:
    quiet.take(TOTALS, OWED)
    quiet.take(BANK, "2026-02-10,,999990.00,10.00,某某建筑工程有限公司,工程款,X-1")
    found = quiet.month()
    assert (found.open_items, found.missing, found.bank_balance_fen) == ((), (), 1_000)
    assert not found.zero
    refused = make_closing(quiet.year.hospital.context, OFFICER, ClosePeriod(FEBRUARY, found.digest, "")).decision
    assert not refused.permitted


@pytest.mark.parametrize(("balance", "zero"), [("999999.99", False), ("1000000.00", True), ("1000000.01", True)])
def test_the_bank_must_hold_no_less_than_what_is_unspent(quiet: Desk, balance: str, zero: bool) -> None:
    quiet.take(TOTALS, OWED)
    quiet.take(BANK, QUIET.format(balance=balance))
    assert quiet.month().zero is zero


def test_a_statement_without_balances_does_not_show_that_the_money_is_there(quiet: Desk) -> None:
    quiet.take(TOTALS, OWED)
    quiet.take(BANK, QUIET.format(balance=""))
    found = quiet.month()
    assert (found.missing, found.bank_balance_fen, found.zero) == ((), None, False)


def test_lines_after_the_last_printed_balance_count(quiet: Desk) -> None:
    quiet.take(TOTALS, OWED)
    quiet.take(BANK, QUIET.format(balance="1000300.00"), "2026-02-20,,999990.00,,某某建筑工程有限公司,工程款,X-2")
    assert quiet.month().bank_balance_fen == 31_000
    assert not quiet.month().zero


def test_where_the_agency_reconciles_its_statement_is_needed_too(desk: Desk) -> None:
    desk.take(TOTALS, OWED)
    desk.take(BANK, QUIET.format(balance="1000000.00"))
    assert desk.month().missing == ("agency",)
    assert not desk.month().zero
    # An agency's file that somebody imports for February, and nothing of February stands in it.
    desk.take(AGENCY, "2026-01-15,拨付,职工医保,1000000.00,1000000.00,YB-1,")
    assert desk.month().missing == ("agency",)
    say_quiet(desk.year.hospital.context, OFFICER, FEBRUARY, "agency", "医保中心电话：2 月没有往来")
    assert desk.month().missing == ()
    assert desk.month().zero


def test_a_statement_exported_before_the_end_of_the_month_does_not_hold_all_of_it(
    desk: Desk, clock: FixedClock
) -> None:
    clock.moment = datetime(2026, 2, 28, 9, 0, tzinfo=SHANGHAI)
    desk.take(BANK, QUIET.format(balance="1000000.00"))
    clock.moment = datetime(2026, 3, 3, 9, 0, tzinfo=SHANGHAI)
    assert "bank" in desk.month().missing


def test_last_months_file_imported_for_this_month_is_not_this_months(quiet: Desk) -> None:
    quiet.take(TOTALS, OWED)
    came = f"2026-01-15,1000000.00,,1000000.00,某市医疗保障事务中心,预付金,B-1-{quiet.year.grant_id}"
    quiet.take(BANK, came, period="2026-01")
    quiet.take(BANK, came, came)
    found = quiet.month()
    assert (found.missing, found.zero) == (("bank",), False)


def test_a_file_over_three_months_holds_the_empty_one_between_also_where_its_lines_are_known(quiet: Desk) -> None:
    quiet.take(TOTALS, OWED)
    came = f"2026-01-15,1000000.00,,1000000.00,某市医疗保障事务中心,预付金,B-1-{quiet.year.grant_id}"
    quiet.take(BANK, came, period="2026-01")
    assert quiet.month().missing == ("bank",)
    quiet.take(BANK, came, "2026-03-02,300.00,,1000300.00,某某物业公司,租金,X-9", period="2026-03")
    assert quiet.month().missing == ()
    assert quiet.month().zero


def test_an_empty_month_is_said_in_words_and_once(quiet: Desk, clock: FixedClock) -> None:
    context = quiet.year.hospital.context
    quiet.take(TOTALS, OWED)
    quiet.take(BANK, QUIET.format(balance="1000000.00").replace("2026-02-10", "2026-01-20"), period="2026-01")
    for kind, ground in (("bank", " "), ("totals", "网银查询页")):
        with pytest.raises(MalformedInput):
            say_quiet(context, OFFICER, FEBRUARY, kind, ground)
    with pytest.raises(MalformedInput):
        say_quiet(context, OFFICER, "2026-03", "bank", "网银查询页")
    with pytest.raises(NotPermitted):
        say_quiet(context, AUDITOR, FEBRUARY, "bank", "网银查询页")
    with pytest.raises(Conflict):
        say_quiet(context, OFFICER, FEBRUARY, "bank", "看错", quiet=False)
    before = quiet.month().digest
    say_quiet(context, OFFICER, FEBRUARY, "bank", "网银查询页 3 月 3 日")
    found = quiet.month()
    assert ([one.ground for one in found.quiet], found.missing, found.zero) == (["网银查询页 3 月 3 日"], (), True)
    assert found.digest != before
    with pytest.raises(Conflict):
        say_quiet(context, OFFICER, FEBRUARY, "bank", "再说一次")
    say_quiet(context, OFFICER, FEBRUARY, "bank", "看错", quiet=False)
    assert quiet.month().missing == ("bank",)
    for change in ("UPDATE fund_quiet_month SET ground = 'x'", "DELETE FROM fund_quiet_month"):
        with pytest.raises(sa.exc.DBAPIError), context.database.writing() as connection:
            connection.execute(sa.text(change))


def test_an_old_balance_holds_through_empty_months_and_not_across_an_unknown_one(
    quiet: Desk, clock: FixedClock
) -> None:
    context = quiet.year.hospital.context
    quiet.take(BANK, QUIET.format(balance="1000000.00").replace("2026-02-10", "2026-01-20"), period="2026-01")
    clock.moment = datetime(2026, 4, 3, 9, 0, tzinfo=SHANGHAI)
    quiet.take(TOTALS, OWED, period="2026-03")
    say_quiet(context, OFFICER, "2026-03", "bank", "网银查询页")
    found = quiet.month("2026-03")
    # Of February nobody knows anything: the money may have left then.
    assert (found.missing, found.bank_balance_fen, found.zero) == ((), None, False)
    say_quiet(context, OFFICER, FEBRUARY, "bank", "网银查询页")
    assert (quiet.month("2026-03").bank_balance_fen, quiet.month("2026-03").zero) == (100_000_000, True)


SWALLOWED = (
    "2026-02-30,,999990.00,10.00,某某建筑工程有限公司,工程款,X-2",
    "2026-02-20,,九十九万,10.00,某某建筑工程有限公司,工程款,X-2",
    "2026-02-20,1.00,999990.00,10.00,某某建筑工程有限公司,工程款,X-2",
    "2026-02-20,,0,10.00,某某建筑工程有限公司,工程款,X-2",
)
OTHER = "6222 0000 1111 2222"


@pytest.mark.parametrize("swallowed", SWALLOWED)
def test_a_line_that_could_not_be_read_may_be_money_until_somebody_says_what_it_is(
    quiet: Desk, swallowed: str
) -> None:
    context = quiet.year.hospital.context
    quiet.take(TOTALS, OWED)
    done = quiet.take(BANK, QUIET.format(balance="1000000.00"), swallowed)
    found = quiet.month()
    assert (found.missing, found.zero) == (("bank_lines",), False)
    refused = make_closing(context, OFFICER, ClosePeriod(FEBRUARY, found.digest, "")).decision
    assert "没收下的行的说明" in refused.reasons[0].message
    with pytest.raises(NotPermitted):
        explain_rejected(context, AUDITOR, done.statement.statement_id, "合计行")
    with pytest.raises(MalformedInput):
        explain_rejected(context, OFFICER, done.statement.statement_id, " ")
    explain_rejected(context, OFFICER, done.statement.statement_id, "合计行")
    assert (quiet.month().missing, quiet.month().zero) == ((), True)
    assert quiet.month().digest != found.digest
    with pytest.raises(Conflict):
        explain_rejected(context, OFFICER, done.statement.statement_id, "再说一次")
    for change in ("UPDATE fund_rejection_explained SET ground = 'x'", "DELETE FROM fund_rejection_explained"):
        with pytest.raises(sa.exc.DBAPIError), context.database.writing() as connection:
            connection.execute(sa.text(change))


def test_an_unreadable_line_of_another_account_says_nothing_of_the_prepayments(quiet: Desk) -> None:
    quiet.take(TOTALS, OWED)
    quiet.take(BANK, QUIET.format(balance="1000000.00"))
    quiet.take(BANK, "2026-02-11,300.00,,5000000.00,某某物业公司,租金,Y-9", SWALLOWED[0], account=OTHER)
    assert quiet.month().zero


@pytest.mark.parametrize("two_files", [False, True])
def test_the_last_balance_is_found_whichever_way_the_bank_prints_the_day(quiet: Desk, two_files: bool) -> None:
    first = "2026-02-10,300.00,,1000000.00,某某物业公司,租金,X-1"
    last = "2026-02-10,,999990.00,10.00,某某建筑工程有限公司,工程款,X-2"
    quiet.take(TOTALS, OWED)
    if two_files:  # The end of the day was imported first.
        quiet.take(BANK, last)
        quiet.take(BANK, first)
    else:
        quiet.take(BANK, last, first)
    assert (quiet.month().bank_balance_fen, quiet.month().zero) == (1_000, False)


def test_a_month_with_a_line_is_not_empty_and_a_line_that_comes_later_takes_the_word_back(
    quiet: Desk, clock: FixedClock
) -> None:
    context = quiet.year.hospital.context
    clock.moment = datetime(2026, 2, 20, 9, 0, tzinfo=SHANGHAI)
    quiet.take(BANK, QUIET.format(balance="1000000.00"))
    clock.moment = datetime(2026, 4, 3, 9, 0, tzinfo=SHANGHAI)
    with pytest.raises(Conflict, match="不能说没有"):
        say_quiet(context, OFFICER, FEBRUARY, "bank", "网银查询页")
    say_quiet(context, OFFICER, "2026-03", "bank", "网银查询页")
    # Of another account a line may come.
    elsewhere = "2026-03-11,300.00,,5000000.00,某某物业公司,租金,Y-9"
    quiet.take(BANK, elsewhere, period="2026-03", account=OTHER)
    assert [one.kind for one in quiet.month("2026-03").quiet] == ["bank"]
    quiet.take(BANK, QUIET.format(balance="1000600.00").replace("2026-02-10", "2026-03-09"), period="2026-03")
    assert quiet.month("2026-03").quiet == []


def test_the_word_is_of_the_account_that_held_the_prepayments(quiet: Desk) -> None:
    context = quiet.year.hospital.context
    quiet.take(TOTALS, OWED)
    quiet.take(BANK, QUIET.format(balance="1000000.00").replace("2026-02-10", "2026-01-20"), period="2026-01")
    elsewhere = "2026-01-11,300.00,,5000000.00,某某物业公司,租金,Y-9"
    quiet.take(BANK, elsewhere, period="2026-01", account=OTHER)
    say_quiet(context, OFFICER, FEBRUARY, "bank", "网银查询页")
    assert quiet.month().zero
    name_account(context, APPROVER, FEBRUARY, OTHER, "换户批复")
    assert (quiet.month().quiet, quiet.month().missing, quiet.month().zero) == ([], ("bank",), False)


def test_a_late_entry_opens_its_month_and_every_closed_one_behind_it(quiet: Desk) -> None:
    context = quiet.year.hospital.context
    came = f"2026-01-15,1000000.00,,1000000.00,某市医疗保障事务中心,预付金,B-1-{quiet.year.grant_id}"
    quiet.take(BANK, came, period="2026-01")
    quiet.take(TOTALS, OWED)
    quiet.take(BANK, QUIET.format(balance="1000300.00"))
    make_closing(context, OFFICER, ClosePeriod(FEBRUARY, quiet.month().digest, ""))
    check_closing(context, APPROVER, FEBRUARY, quiet.month().digest)
    quiet.year.send_back(ReturnGrant(quiet.year.grant_id, Money(40_000_000), "R-1", "late", date(2026, 1, 30)))
    assert quiet.month().steps[-1].step == "reopened"
    assert not quiet.month().zero


def test_nobody_says_of_a_closed_month_that_it_was_empty(quiet: Desk) -> None:
    context = quiet.year.hospital.context
    make_closing(context, OFFICER, ClosePeriod(FEBRUARY, quiet.month().digest, "流水还没有来"))
    with pytest.raises(Conflict):
        say_quiet(context, OFFICER, FEBRUARY, "bank", "网银查询页")


@pytest.mark.clause("weihai-prepay-2025/3", "zhejiang-prepay-2025/5.1", "henan-settlement-2023/3.1")
def test_a_clause_stands_behind_every_place_whose_agency_reconciles() -> None:
    known = {clause.id for clause in load_rulebook().clauses}
    found = {name: agency_reconciles(name) for name in load_rulebook().regimes}
    assert {name for name, clause in found.items() if not clause} == {"xizang-prepay-2024", "liaoning-prepay-2024"}
    assert {clause for clause in found.values() if clause} <= known


@pytest.mark.parametrize(
    ("paper", "given"),
    [
        (Paper("bank", date(2026, 3, 1), date(2026, 2, 3), date(2026, 2, 20)), True),
        (Paper("bank", date(2026, 2, 28), date(2026, 2, 3), date(2026, 2, 20)), False),
        (Paper("bank", date(2026, 3, 1)), False),
        (Paper("agency", date(2026, 3, 1), date(2026, 2, 3), date(2026, 2, 20)), False),
        (Paper("bank", date(2027, 1, 5), date(2026, 1, 3), date(2026, 12, 30)), True),
        (Paper("bank", date(2026, 4, 1), date(2026, 2, 28), date(2026, 3, 2)), True),
        (Paper("bank", date(2026, 4, 1), date(2026, 1, 31), date(2026, 3, 1)), True),
        (Paper("bank", date(2026, 4, 1), date(2026, 3, 1), date(2026, 3, 2)), False),
        (Paper("bank", date(2026, 4, 1), date(2026, 1, 1), date(2026, 1, 31)), False),
    ],
)
def test_which_file_speaks_of_february(paper: Paper, given: bool) -> None:
    found = missing_statements([paper], [], date(2026, 2, 1), date(2026, 2, 28))
    assert found == (() if given else ("bank",))

"""A closed month, and a word on a month, rest on files: what changes those is seen in every month behind them."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.rules.fund.accounts import account_key
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.fund.accounts import name_account
from hospital_prepay.services.fund.closing import ClosePeriod, check_closing, make_closing, reopen_period
from hospital_prepay.services.fund.counting import count_line, leave_line
from hospital_prepay.services.fund.quiet_months import say_quiet
from hospital_prepay.services.fund.rejected_lines import explain_rejected
from hospital_prepay.services.fund.statements import Imported
from hospital_prepay.services.fund.withdrawn_files import withdraw_statement
from tests.services.fund.test_month_papers import (
    APPROVER,
    BANK,
    FEBRUARY,
    OFFICER,
    OTHER,
    OWED,
    QUIET,
    SWALLOWED,
    TOTALS,
    Desk,
    quiet,
)

__all__ = ["quiet"]
JANUARY = "2026-01"
OF_JANUARY = QUIET.format(balance="1000000.00").replace("2026-02-10", "2026-01-20")
BUILDING = "2026-01-25,,999990.00,10.00,某某建筑工程有限公司,工程款,X-2"
SPENT = BUILDING.replace("2026-01-25", "2026-02-20")


def close(quiet: Desk, ground: str = "") -> None:
    """February, closed by two people."""
    context, digest = quiet.year.hospital.context, quiet.month().digest
    assert make_closing(context, OFFICER, ClosePeriod(FEBRUARY, digest, ground)).decision.permitted
    check_closing(context, APPROVER, FEBRUARY, digest)
    assert quiet.month().steps[-1].step == "checked"


def withdraw(quiet: Desk, done: Imported) -> tuple[str, ...]:
    return withdraw_statement(quiet.year.hospital.context, OFFICER, done.statement.statement_id, "导错")


def is_open_again(quiet: Desk) -> bool:
    return (quiet.month().steps[-1].step, quiet.month().zero) == ("reopened", False)


def test_a_month_that_a_file_over_several_covered_is_opened_with_it(quiet: Desk) -> None:
    quiet.take(TOTALS, OWED)
    done = quiet.take(BANK, OF_JANUARY, "2026-03-02,300.00,,1000300.00,某某物业公司,租金,X-9", period="2026-03")
    close(quiet)
    assert FEBRUARY in withdraw(quiet, done)
    assert is_open_again(quiet)


def test_an_empty_month_rests_on_the_balance_before_it(quiet: Desk) -> None:
    quiet.take(TOTALS, OWED)
    done = quiet.take(BANK, OF_JANUARY, period=JANUARY)
    say_quiet(quiet.year.hospital.context, OFFICER, FEBRUARY, "bank", "网银")
    close(quiet)
    assert withdraw(quiet, done) == (FEBRUARY,)
    assert is_open_again(quiet)


def test_a_line_of_the_month_before_opens_an_empty_one(quiet: Desk) -> None:
    quiet.take(TOTALS, OWED)
    quiet.take(BANK, OF_JANUARY, period=JANUARY)
    say_quiet(quiet.year.hospital.context, OFFICER, FEBRUARY, "bank", "网银")
    close(quiet)
    assert quiet.take(BANK, BUILDING, period=JANUARY).reopened == (FEBRUARY,)
    assert is_open_again(quiet)


def test_a_file_of_known_lines_alone_opens_the_month_that_it_covered(quiet: Desk, clock: FixedClock) -> None:
    lines = (OF_JANUARY.replace("2026-01-20", "2026-01-31"), QUIET.format(balance="1000000.00").replace("X-1", "X-2"))
    clock.moment = datetime(2026, 2, 20, 9, 0, tzinfo=SHANGHAI)
    quiet.take(BANK, *lines)
    clock.moment = datetime(2026, 3, 3, 9, 0, tzinfo=SHANGHAI)
    quiet.take(TOTALS, OWED)
    done = quiet.take(BANK, *lines, lines[0], period="2026-03")
    assert (done.statement.rows_taken, quiet.month().missing) == (0, ())
    close(quiet)
    assert withdraw(quiet, done) == (FEBRUARY,)
    assert is_open_again(quiet)


def test_a_file_that_changes_nothing_of_a_closed_month_leaves_it_closed(quiet: Desk) -> None:
    quiet.take(TOTALS, OWED)
    quiet.take(BANK, OF_JANUARY, period=JANUARY)
    quiet.take(BANK, QUIET.format(balance="1000300.00"))
    close(quiet)
    later = "2026-03-02,300.00,,1000600.00,某某物业公司,租金,X-9"
    elsewhere = OF_JANUARY.replace("X-1", "Y-9")
    for line, account in ((later, {}), (elsewhere, {"account": OTHER})):
        assert quiet.take(BANK, line, period=JANUARY, **account).reopened == ()
    assert quiet.month().steps[-1].step == "checked"


def test_a_difference_that_a_person_named_goes_only_by_a_word(quiet: Desk) -> None:
    context = quiet.year.hospital.context
    quiet.take(TOTALS, OWED)
    done = quiet.take(BANK, QUIET.format(balance="1000300.00"))
    [line] = quiet.month().left_out
    count_line(context, OFFICER, FEBRUARY, line.key, "这笔其实是退回的专款")
    with pytest.raises(Conflict, match="算进对账"):
        withdraw(quiet, done)
    assert len(quiet.month().brought_in) == 1
    leave_line(context, OFFICER, FEBRUARY, line.key, "看错了")
    withdraw(quiet, done)


@pytest.mark.parametrize(
    "lines",
    [
        ("专款未用,999999.99", "专款未用,1.00"),
        ("专款未用余额,一百万",),
        ("集采专项预付,50000.00", "集采专项预付,60000.00"),
        ("应还医保,五万",),
        ("集采专项预付,五万",),
    ],
)
def test_a_balance_that_could_not_be_taken_keeps_its_month_from_zero(quiet: Desk, lines: tuple[str, ...]) -> None:
    done = quiet.take(TOTALS, OWED, *lines)
    quiet.take(BANK, QUIET.format(balance="1000300.00"))
    assert done.statement.rows_rejected
    assert (quiet.month().missing, quiet.month().zero) == (("totals_lines",), False)
    refused = make_closing(
        quiet.year.hospital.context, OFFICER, ClosePeriod(FEBRUARY, quiet.month().digest, "")
    ).decision
    assert "期末余额里没收下的行的说明" in refused.reasons[0].message
    explain_rejected(quiet.year.hospital.context, OFFICER, done.statement.statement_id, "与预付金无关")
    assert (quiet.month().missing, quiet.month().zero) == ((), True)


def test_the_other_items_of_a_whole_ledger_are_nothing_to_explain(quiet: Desk) -> None:
    done = quiet.take(TOTALS, OWED, "固定资产,5000.00")
    quiet.take(BANK, QUIET.format(balance="1000300.00"))
    assert (done.statement.rows_rejected, quiet.month().missing, quiet.month().zero) == (1, (), True)


def test_the_word_on_the_old_account_says_nothing_of_the_new_one(quiet: Desk, clock: FixedClock) -> None:
    context = quiet.year.hospital.context
    clock.moment = datetime(2026, 4, 3, 9, 0, tzinfo=SHANGHAI)
    quiet.take(TOTALS, OWED, period="2026-03")
    quiet.take(BANK, OF_JANUARY, period=JANUARY)
    quiet.take(BANK, "2026-01-11,300.00,,5000000.00,某某物业公司,租金,Y-9", period=JANUARY, account=OTHER)
    say_quiet(context, OFFICER, FEBRUARY, "bank", "老账户二月没有明细")
    name_account(context, APPROVER, "2026-03", OTHER, "换户批复")
    say_quiet(context, OFFICER, "2026-03", "bank", "新账户三月没有明细")
    # Nobody knows the new account's February.
    found = quiet.month("2026-03")
    assert (found.bank_balance_fen, found.zero) == (None, False)


def test_a_file_that_names_no_account_is_not_taken_from_under_a_later_one(
    quiet: Desk, owner_database: Database
) -> None:
    done = quiet.take(BANK, QUIET.format(balance="1000000.00"))
    before_0031(owner_database)
    later = quiet.take(
        BANK,
        QUIET.format(balance="1000000.00"),
        QUIET.format(balance="1000300.00").replace("X-1", "X-2").replace("02-10", "02-11"),
    )
    assert (later.statement.rows_taken, later.statement.rows_known) == (1, 1)
    with pytest.raises(Conflict, match="先作废那一份"):
        withdraw(quiet, done)


def before_0031(owner: Database) -> None:
    """The bank's files as they were before each named its account."""
    with owner.writing() as connection:
        if owner.is_postgresql:
            connection.exec_driver_sql("ALTER TABLE fund_statement DISABLE TRIGGER USER")
        else:
            query = sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'fund_statement'")
            for name in connection.scalars(query).all():
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql("UPDATE fund_statement SET account = '' WHERE kind = 'bank'")
        if owner.is_postgresql:
            connection.exec_driver_sql("ALTER TABLE fund_statement ENABLE TRIGGER USER")


@pytest.mark.parametrize("spelled", ["工商银行 2705 0001 2010 9000 1234", "２７０５000120109000-1234（工行）"])
def test_an_account_is_the_same_with_its_banks_name(quiet: Desk, spelled: str) -> None:
    quiet.take(TOTALS, OWED)
    quiet.take(BANK, QUIET.format(balance="1000300.00"))
    done = quiet.take(BANK, QUIET.format(balance="1000300.00"), SPENT, account=spelled)
    assert (done.statement.rows_taken, done.statement.rows_known, done.held_by) == (1, 1, "")
    assert (quiet.month().bank_balance_fen, quiet.month().zero) == (1_000, False)


def test_another_account_has_its_lines_once_however_it_is_spelled(quiet: Desk) -> None:
    quiet.take(BANK, QUIET.format(balance="1000300.00"))
    line = "2026-02-11,300.00,,5000000.00,某某物业公司,租金,Y-9"
    quiet.take(BANK, line, account=f"建设银行 {OTHER}")
    again = quiet.take(BANK, line, line.replace("Y-9", "Y-10"), account=OTHER)
    assert (again.statement.rows_taken, again.statement.rows_known) == (1, 1)


def test_an_account_without_a_number_is_compared_by_its_letters() -> None:
    assert account_key("基本户甲") != account_key("基本户乙")
    assert account_key("****1234") != account_key("00001234")


def test_a_line_that_could_not_be_taken_holds_the_month_of_its_day(quiet: Desk) -> None:
    context = quiet.year.hospital.context
    quiet.take(TOTALS, OWED)
    done = quiet.take(BANK, OF_JANUARY, SWALLOWED[1], period=JANUARY)
    say_quiet(context, OFFICER, FEBRUARY, "bank", "网银")
    assert (quiet.month().missing, quiet.month().zero) == (("bank_lines",), False)
    explain_rejected(context, OFFICER, done.statement.statement_id, "已改好，另行导入")
    assert (quiet.month().missing, quiet.month().zero) == ((), True)


def test_of_a_closed_month_nobody_says_what_its_lines_were(quiet: Desk) -> None:
    context = quiet.year.hospital.context
    quiet.take(TOTALS, OWED)
    done = quiet.take(BANK, QUIET.format(balance="1000000.00"), SWALLOWED[0])
    close(quiet, "流水有一行没收下")
    with pytest.raises(Conflict, match="2026-02 已经结账"):
        explain_rejected(context, OFFICER, done.statement.statement_id, "合计行")
    assert not quiet.month().changed
    reopen_period(context, APPROVER, FEBRUARY, "补说明")
    explain_rejected(context, OFFICER, done.statement.statement_id, "合计行")
    assert quiet.month().zero


def test_a_word_may_be_as_long_as_its_form_says(quiet: Desk) -> None:
    context = quiet.year.hospital.context
    done = quiet.take(BANK, QUIET.format(balance="1000000.00").replace("2026-02-10", "2026-01-20"), SWALLOWED[0])
    for act in (
        lambda text: say_quiet(context, OFFICER, FEBRUARY, "bank", text),
        lambda text: explain_rejected(context, OFFICER, done.statement.statement_id, text),
    ):
        for wrong, words in (("长" * 301, "说明有 301 个字，最多 300 个"), ("合计\u200b行", "看不见的字符")):
            with pytest.raises(MalformedInput, match=words):
                act(wrong)
        act("长" * 299 + "\n")

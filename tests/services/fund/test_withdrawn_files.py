"""A file imported by mistake is taken out, on record, and comes in again as it should. On both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted
from hospital_prepay.persistence.models.fund_reconciliation import FundStatementWithdrawn
from hospital_prepay.services.fund import hand_matching
from hospital_prepay.services.fund.closing import ClosePeriod, check_closing, make_closing
from hospital_prepay.services.fund.statement_columns import StatementKind
from hospital_prepay.services.fund.statements import (
    Imported,
    ImportStatement,
    import_statement,
    look_at,
    review_statement,
)
from hospital_prepay.services.fund.withdrawn_files import withdraw_statement
from tests.hospital import INSTITUTION, actor
from tests.services.fund.test_month_papers import BANK, FEBRUARY, OFFICER, OWED, QUIET, TOTALS, Desk, desk, quiet

__all__ = ["desk", "quiet"]
APPROVER, AUDITOR = actor(Role.FINANCE_APPROVER), actor(Role.AUDITOR)
HEAD = "交易日期,贷方发生额,借方发生额,余额,对方户名,摘要,流水号"
LINE = QUIET.format(balance="1000000.00")


def wrong_columns(quiet: Desk) -> Imported:
    """February's statement with money in and money out taken for each other."""
    path = quiet.folder / "swapped.csv"
    path.write_text(f"{HEAD}\n{LINE}\n", "utf-8")
    columns = dict(look_at(quiet.year.hospital.context, OFFICER, BANK, path).columns)
    columns["credit"], columns["debit"] = columns["debit"], columns["credit"]
    command = ImportStatement(BANK, FEBRUARY, path, path.name, columns, account="2705 0001 2010 9000 1234")
    return import_statement(quiet.year.hospital.context, OFFICER, command)


def withdraw(quiet: Desk, done: Imported, ground: str = "收入、支出两列选反了") -> tuple[str, ...]:
    return withdraw_statement(quiet.year.hospital.context, OFFICER, done.statement.statement_id, ground)


def left_out(quiet: Desk) -> list[int]:
    return [one.amount_fen for one in quiet.month().left_out]


def test_a_file_with_wrong_columns_is_taken_out_and_comes_in_again(quiet: Desk) -> None:
    quiet.take(TOTALS, OWED)
    wrong = wrong_columns(quiet)
    assert left_out(quiet) == [-30_000]
    assert withdraw(quiet, wrong) == ()
    found = quiet.month()
    assert (left_out(quiet), found.missing, found.bank_balance_fen) == ([], ("bank",), None)
    assert [(one.statement_id, gone.ground) for one, gone in found.withdrawn] == [
        (wrong.statement.statement_id, "收入、支出两列选反了")
    ]
    right = quiet.take(BANK, LINE)
    assert (right.already_known, right.statement.rows_taken) == (False, 1)
    assert (left_out(quiet), quiet.month().zero) == ([30_000], True)


def test_the_very_same_lines_come_in_again_as_often_as_they_are_withdrawn(quiet: Desk) -> None:
    for _ in range(3):
        done = quiet.take(BANK, LINE)
        assert (done.already_known, done.statement.rows_taken) == (False, 1)
        assert quiet.take(BANK, LINE).already_known
        # Another file with the same line knows it.
        assert quiet.take(BANK, LINE, LINE.replace("X-1", "X-2")).statement.rows_taken == 1
        with pytest.raises(Conflict, match="后来导入的"):
            withdraw(quiet, done)
        [later] = [one for one in quiet.month().statements if one.statement_id != done.statement.statement_id]
        withdraw_statement(quiet.year.hospital.context, OFFICER, later.statement_id, "多导了")
        withdraw(quiet, done)
        assert left_out(quiet) == []


def test_withdrawn_stays_on_record_with_its_lines(quiet: Desk) -> None:
    done = quiet.take(BANK, LINE)
    withdraw(quiet, done)
    found = review_statement(quiet.year.hospital.context, AUDITOR, done.statement.statement_id)
    assert found.withdrawal is not None
    assert (len(found.lines), found.withdrawal.withdrawn_by) == (1, OFFICER.actor_id)
    assert quiet.year.hospital.count("fund_statement_line") == 1
    with pytest.raises(Conflict, match="已经作废"):
        withdraw(quiet, done)


def test_a_closed_month_is_opened_for_it(quiet: Desk) -> None:
    quiet.take(TOTALS, OWED)
    done = quiet.take(BANK, LINE)
    context = quiet.year.hospital.context
    make_closing(context, OFFICER, ClosePeriod(FEBRUARY, quiet.month().digest, ""))
    check_closing(context, APPROVER, FEBRUARY, quiet.month().digest)
    assert withdraw(quiet, done) == (FEBRUARY,)
    last = quiet.month().steps[-1]
    assert (last.step, last.taken_by) == ("reopened", OFFICER.actor_id)
    assert "两列选反了" in last.ground


def test_columns_are_asked_again_after_a_file_was_withdrawn(quiet: Desk, clock: FixedClock) -> None:
    done = wrong_columns(quiet)
    path, context = quiet.folder / "swapped.csv", quiet.year.hospital.context
    assert look_at(context, OFFICER, BANK, path).known
    withdraw(quiet, done)
    assert not look_at(context, OFFICER, BANK, path).known
    again = ImportStatement(BANK, FEBRUARY, path, path.name, account="2705 0001 2010 9000 1234")
    with pytest.raises(MalformedInput, match="重新说明每一列"):
        import_statement(context, OFFICER, again)
    # Said again, the same, they are known once more.
    clock.moment += timedelta(minutes=1)
    wrong_columns(quiet)
    assert look_at(context, OFFICER, BANK, path).known


def test_lines_that_people_matched_are_let_go_first(desk: Desk) -> None:
    context, period = desk.year.hospital.context, "2026-01"
    line = "2026-01-15,拨付,职工医保,1000000.00,1000000.00,YB-1,"
    done = desk.take(StatementKind.AGENCY, line, period=period)
    pair = next(one for one in desk.month(period).pairings if one.theirs and one.ours)
    keys = hand_matching.PairByHand(
        tuple(one.key for one in pair.ours), tuple(one.key for one in pair.theirs), "不是同一笔"
    )
    match_id = hand_matching.set_apart(context, OFFICER, keys)
    with pytest.raises(Conflict, match="请先撤销"):
        withdraw(desk, done)
    hand_matching.undo_match(context, OFFICER, match_id, "看错")
    withdraw(desk, done)
    assert desk.month(period).statements == []


def test_only_finance_withdraws_and_says_why(quiet: Desk) -> None:
    done, context = quiet.take(BANK, LINE), quiet.year.hospital.context
    for who in (AUDITOR, actor(Role.CASHIER)):
        with pytest.raises(NotPermitted):
            withdraw_statement(context, who, done.statement.statement_id, "x")
    with pytest.raises(MalformedInput) as refused:
        withdraw(quiet, done, "  ")
    assert refused.value.details == {"field": "ground"}
    with pytest.raises(NotFound):
        withdraw_statement(context, OFFICER, "nothing", "x")
    assert quiet.year.hospital.count("fund_statement_withdrawn") == 0


def test_the_database_keeps_a_withdrawal(quiet: Desk) -> None:
    done = quiet.take(BANK, LINE)
    database = quiet.year.hospital.context.database

    def insert(**values: str) -> None:
        row = {
            "institution_id": INSTITUTION,
            "statement_id": done.statement.statement_id,
            "ground": "x",
            "withdrawn_by": OFFICER.actor_id,
            "withdrawn_at": quiet.year.hospital.context.clock.now(),
        }
        with database.writing() as connection:
            connection.execute(sa.insert(FundStatementWithdrawn).values(**{**row, **values}))

    for wrong in ({"withdrawn_by": "somebody"}, {"ground": " "}, {"statement_id": "nothing"}):
        with pytest.raises(sa.exc.DBAPIError):
            insert(**wrong)
    insert()
    with pytest.raises(sa.exc.DBAPIError):
        insert(ground="y")
    for change in ("UPDATE fund_statement_withdrawn SET ground = 'y'", "DELETE FROM fund_statement_withdrawn"):
        with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
            connection.execute(sa.text(change))

"""Bank lines that the rule leaves out stay within reach. On both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted
from hospital_prepay.persistence.models.fund_counted import FundCounted
from hospital_prepay.services.fund.counting import count_line, leave_line
from hospital_prepay.services.fund.hand_matching import undo_match
from hospital_prepay.services.fund.statement_columns import StatementKind
from hospital_prepay.services.fund.statements import Imported, ImportStatement, import_statement, look_at
from tests.hospital import actor
from tests.services.fund.test_reconciliation import JANUARY, OFFICER, Desk, desk
from tests.statements import ACCOUNT

__all__ = ["desk"]
TREASURY = "2026-01-25,1000000,,临溪市财政局财政零余额账户,拨款,Q-1"
HEAD = "交易日期,贷方发生额,借方发生额,对方户名,摘要,流水号"


def left_out(desk: Desk) -> list[int]:
    return [one.amount_fen for one in desk.month().left_out]


def only_bank(desk: Desk) -> list[str]:
    return [line.key for one in desk.month().open_items if one.outcome == "only_bank" for line in one.theirs]


def test_a_left_out_line_is_brought_in_with_a_ground_and_matched_by_hand(desk: Desk) -> None:
    desk.bank("b.csv", TREASURY)
    assert left_out(desk) == [100_000_000]
    [line] = desk.month().left_out
    context = desk.year.hospital.context
    with pytest.raises(MalformedInput):
        count_line(context, OFFICER, JANUARY, line.key, " ")
    count_line(context, OFFICER, JANUARY, line.key, "财政代拨，回单 7 号")
    assert left_out(desk) == []
    assert only_bank(desk) == [line.key]
    [brought] = desk.month().brought_in
    assert (brought.said.ground, brought.said.said_by) == ("财政代拨，回单 7 号", OFFICER.actor_id)
    receipt = next(key for key in desk.open_keys()[0] if key.startswith("bank") and "grant" in key)
    match_id = desk.together([receipt], [line.key])
    with pytest.raises(Conflict, match="先撤销配对"):
        leave_line(context, OFFICER, JANUARY, line.key, "看错了")
    undo_match(context, OFFICER, match_id, "看错了")
    leave_line(context, OFFICER, JANUARY, line.key, "看错了")
    assert left_out(desk) == [100_000_000]
    assert desk.month().brought_in == ()
    assert desk.year.hospital.count("fund_counted") == 2
    with pytest.raises(Conflict):
        leave_line(context, OFFICER, JANUARY, line.key, "再撤一次")


def test_only_finance_brings_in_and_never_into_a_closed_month(desk: Desk) -> None:
    desk.bank("b.csv", TREASURY)
    [line] = desk.month().left_out
    context = desk.year.hospital.context
    with pytest.raises(NotPermitted):
        count_line(context, actor(Role.AUDITOR), JANUARY, line.key, "x")
    with pytest.raises(NotFound):
        count_line(context, OFFICER, JANUARY, "no such line", "x")
    desk.close(ground="流水不全")
    with pytest.raises(Conflict, match="已经结账"):
        count_line(context, OFFICER, JANUARY, line.key, "x")
    assert desk.year.hospital.count("fund_counted") == 0


def test_treasury_money_with_a_word_of_the_insurance_counts_by_itself(desk: Desk) -> None:
    desk.bank(
        "b.csv", "2026-01-25,7,,市财政局,预付,Q-1", "2026-01-25,8,,市财政局,预付,Q-2", "2026-01-25,9,,甲,预付,Q-3"
    )
    assert len(only_bank(desk)) == 2
    assert left_out(desk) == [900]


def again(desk: Desk, dedicated: bool, *more: str) -> Imported:
    desk.clock.moment += timedelta(minutes=1)
    path = desk.file("b.csv", HEAD, TREASURY, *more)
    columns = look_at(desk.year.hospital.context, OFFICER, StatementKind.BANK, path).columns
    command = ImportStatement(StatementKind.BANK, JANUARY, path, "b.csv", columns, dedicated, ACCOUNT)
    return import_statement(desk.year.hospital.context, OFFICER, command)


@pytest.mark.parametrize("more", [(), ("2026-01-26,1,,某某物业公司,水费,Q-2",)])
def test_what_is_said_of_the_account_later_holds_for_the_known_lines(desk: Desk, more: tuple[str, ...]) -> None:
    desk.bank("b.csv", TREASURY)
    desk.close(ground="流水不全")
    found = again(desk, True, *more)
    assert found.recounted
    assert found.already_known is not bool(more)
    assert JANUARY in found.reopened
    assert left_out(desk) == []
    assert len(only_bank(desk)) == 1 + len(more)
    path = desk.file("c.csv", HEAD, TREASURY)
    assert look_at(desk.year.hospital.context, OFFICER, StatementKind.BANK, path).dedicated, "the map is kept"
    assert not again(desk, True, *more).recounted
    assert again(desk, False, *more).recounted
    assert left_out(desk)[0] == 100_000_000


def test_the_database_keeps_every_word(desk: Desk) -> None:
    again(desk, False)
    again(desk, True)
    own, by = OFFICER.institution_id, OFFICER.actor_id
    row = {"institution_id": own, "ground": "x", "said_by": by, "said_at": desk.clock.now()}
    database = desk.year.hospital.context.database
    with database.reading() as connection:
        [subject] = connection.scalars(sa.select(FundCounted.subject))
    for step_no, counts in ((1, False), (2, True), (3, False)):
        with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
            connection.execute(sa.insert(FundCounted).values(**row, subject=subject, step_no=step_no, counts=counts))
    for statement in ("UPDATE fund_counted SET ground = 'y'", "DELETE FROM fund_counted"):
        with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
            connection.execute(sa.text(statement))

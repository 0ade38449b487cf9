"""What is unspent is held against the account on which it lies, and no other of the house. On both databases."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted
from hospital_prepay.persistence.models.fund_accounts import FundPrepayAccount
from hospital_prepay.persistence.models.fund_reconciliation import FundStatement
from hospital_prepay.services.fund import distribution, members
from hospital_prepay.services.fund.accounts import name_account
from hospital_prepay.services.fund.closing import ClosePeriod, check_closing, make_closing
from hospital_prepay.services.fund.statement_columns import StatementKind
from hospital_prepay.services.fund.statements import ImportStatement, import_statement, look_at
from tests.hospital import INSTITUTION, Hospital
from tests.services.fund.conftest import PAYER, Year
from tests.services.fund.test_distribution import ask, decide, held
from tests.services.fund.test_month_papers import (
    APPROVER,
    BANK,
    FEBRUARY,
    OFFICER,
    OTHER,
    OWED,
    QUIET,
    TOTALS,
    Desk,
    quiet,
)
from tests.statements import ACCOUNT, take

__all__ = ["quiet"]
GONE = "2026-02-10,,999990.00,10.00,某某建筑工程有限公司,工程款,X-1"
ELSEWHERE = "2026-02-11,300.00,,5000000.00,某某物业公司,租金,Y-9"


def test_another_account_of_the_house_does_not_cover_what_is_unspent(quiet: Desk) -> None:
    quiet.take(TOTALS, OWED)
    quiet.take(BANK, GONE)
    quiet.take(BANK, ELSEWHERE, account=OTHER)
    found = quiet.month()
    assert (found.missing, found.open_items, found.bank_balance_fen) == ((), (), 1_000)
    assert not found.zero
    closing = ClosePeriod(FEBRUARY, found.digest, "")
    assert not make_closing(quiet.year.hospital.context, OFFICER, closing).decision.permitted


def test_a_statement_of_another_account_alone_is_no_statement_of_the_prepayments(quiet: Desk) -> None:
    quiet.take(BANK, "2026-01-20,300.00,,1000000.00,某某物业公司,租金,X-1", period="2026-01")
    quiet.take(TOTALS, OWED)
    quiet.take(BANK, ELSEWHERE, account=OTHER)
    assert quiet.month().missing == ("bank",)


def test_an_account_is_the_same_however_it_is_typed(quiet: Desk) -> None:
    quiet.take(TOTALS, OWED)
    quiet.take(BANK, GONE)
    quiet.take(BANK, ELSEWHERE, account="２７０５-0001-2010-9000-1234")
    assert quiet.month().bank_balance_fen == 500_000_000


@pytest.mark.parametrize("account", ["", " - ", "12"])
def test_a_bank_file_without_an_account_is_not_taken(quiet: Desk, account: str) -> None:
    with pytest.raises(MalformedInput, match="哪个银行账户") as refused:
        quiet.take(BANK, GONE, account=account)
    assert refused.value.details == {"field": "account"}
    assert quiet.year.hospital.count("fund_statement") == 0


def printed_file(folder: Path, printed: str) -> Path:
    head = "交易日期,贷方发生额,借方发生额,余额,对方户名,摘要,流水号"
    path = folder / "printed.csv"
    path.write_text("\n".join((f"某银行交易明细,{printed}", "币种：人民币,", head, GONE)) + "\n", "utf-8")
    return path


@pytest.mark.parametrize("printed", ["账号：2705 0001 2010 9000 1234", "账号,27050001201090001234"])
def test_the_account_that_the_file_prints_counts_and_must_not_be_contradicted(
    quiet: Desk, tmp_path: Path, printed: str
) -> None:
    context, path = quiet.year.hospital.context, printed_file(tmp_path, printed)
    look = look_at(context, OFFICER, StatementKind.BANK, path)
    command = ImportStatement(BANK, FEBRUARY, path, path.name, look.columns)
    with pytest.raises(MalformedInput, match="文件里印的账号"):
        import_statement(
            context, OFFICER, ImportStatement(BANK, FEBRUARY, path, "b.csv", look.columns, account=OTHER)
        )
    assert import_statement(context, OFFICER, command).statement.account == look.account == "27050001201090001234"


def test_a_file_taken_in_for_the_wrong_account_does_not_stand_in_the_way_of_the_right_one(quiet: Desk) -> None:
    quiet.take(TOTALS, OWED)
    quiet.take(BANK, "2026-01-20,300.00,,1000000.00,某某物业公司,租金,X-0", period="2026-01")
    line = QUIET.format(balance="1000300.00")
    assert quiet.take(BANK, line, account=OTHER).statement.rows_taken == 1
    before = quiet.month()
    assert ("bank" in before.missing, before.bank_balance_fen) == (True, None), "January's says nothing of February"
    assert quiet.take(BANK, line).statement.rows_taken == 1
    assert quiet.month().bank_balance_fen == 100_030_000


def test_an_approver_says_that_the_prepayments_lie_on_another_account_from_a_month_on(quiet: Desk) -> None:
    context = quiet.year.hospital.context
    quiet.take(TOTALS, OWED)
    quiet.take(BANK, QUIET.format(balance="1000000.00"))
    quiet.take(BANK, ELSEWHERE, account=OTHER)
    found = quiet.month()
    assert (found.account and found.account.account, found.accounts) == (ACCOUNT, (ACCOUNT, OTHER))
    make_closing(context, OFFICER, ClosePeriod(FEBRUARY, found.digest, ""))
    check_closing(context, APPROVER, FEBRUARY, found.digest)
    with pytest.raises(NotPermitted):
        name_account(context, OFFICER, FEBRUARY, OTHER, "换户批复")
    with pytest.raises(MalformedInput):
        name_account(context, APPROVER, FEBRUARY, OTHER, " ")
    with pytest.raises(MalformedInput):
        name_account(context, APPROVER, FEBRUARY, "999999", "换户批复")
    with pytest.raises(Conflict):
        name_account(context, APPROVER, FEBRUARY, ACCOUNT, "换户批复")
    assert name_account(context, APPROVER, FEBRUARY, OTHER, "换户批复 1 号") == (FEBRUARY,)
    assert quiet.month().bank_balance_fen == 500_000_000
    assert [one.step for one in quiet.month().steps] == ["made", "checked", "reopened"]
    january = quiet.month("2026-01").account
    assert january is not None
    assert january.account == ACCOUNT, "the months before stay with theirs"


def test_the_database_keeps_who_named_the_account(quiet: Desk) -> None:
    database = quiet.year.hospital.context.database
    quiet.take(BANK, GONE)
    row = {"institution_id": INSTITUTION, "account": OTHER, "from_on": date(2026, 2, 1), "ground": "x"}
    row |= {"named_at": quiet.year.hospital.context.clock.now()}
    for step_no, by in ((1, OFFICER.actor_id), (3, OFFICER.actor_id), (2, "nobody")):
        with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
            connection.execute(sa.insert(FundPrepayAccount).values(**row, step_no=step_no, named_by=by))
    for change in ("UPDATE fund_prepay_account SET account = 'x'", "DELETE FROM fund_prepay_account"):
        with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
            connection.execute(sa.text(change))
    with database.reading() as connection:
        taken = connection.execute(sa.select(*FundStatement.__table__.columns)).mappings().one()
    nameless = {**taken, "statement_id": "x", "file_sha256": "x", "account": " "}
    with pytest.raises(sa.exc.DBAPIError, match="account"), database.writing() as connection:
        connection.execute(sa.insert(FundStatement).values(**nameless))


def written_down(hospital: Hospital, account: str, code: str = "H37100000002", **changes: str) -> int:
    given = {"member_name": f"卫生院{code[-1]}", "document": "医共体章程", **changes}
    return members.propose_member(hospital.context, PAYER, members.ProposeMember(code, account_no=account, **given))


def statement_of(hospital: Hospital, folder: Path, account: str, number: int = 1) -> None:
    folder = folder / str(number)
    folder.mkdir()
    day = f"2026-01-1{number},300.00,,1000000.00,某某物业公司,租金,X-{number}"
    take(hospital.context, OFFICER, folder, StatementKind.BANK, "2026-01", day, account=account)


@pytest.mark.clause("weihai-prepay-2025/2.3")
@pytest.mark.parametrize("spelled", ["{}", "工行 {} ", "- {}"])
def test_no_member_is_entered_with_an_account_of_the_hospital(
    hospital: Hospital, tmp_path: Path, spelled: str
) -> None:
    statement_of(hospital, tmp_path, ACCOUNT)
    statement_of(hospital, tmp_path, OTHER, 2)
    for own in (ACCOUNT, OTHER, ACCOUNT.replace(" ", "")):
        with pytest.raises(Conflict, match="本院自己的账户"):
            written_down(hospital, spelled.format(own))
    assert hospital.count("fund_member") == 0
    assert written_down(hospital, spelled.format("2705 0001 2010 9000 1235")) == 1
    with pytest.raises(Conflict, match="已经是卫生院2的"):
        written_down(hospital, "2705000120109000-1235", "H37100000003")
    assert written_down(hospital, "2705000120109000-1236", "H37100000003") == 2


@pytest.mark.clause("weihai-prepay-2025/2.3")
def test_an_account_that_proves_the_hospitals_is_neither_confirmed_nor_paid_to(
    hospital: Hospital, tmp_path: Path
) -> None:
    context = hospital.context
    lead = Year(hospital, "weihai-prepay-2025").arrived()
    members.decide_member(context, APPROVER, written_down(hospital, OTHER), confirmed=True)
    waiting, asked = written_down(hospital, ACCOUNT, "H37100000003"), ask(lead, 100)
    statement_of(hospital, tmp_path, ACCOUNT)
    statement_of(hospital, tmp_path, OTHER, 2)
    with pytest.raises(Conflict, match="本院自己的账户"):
        members.decide_member(context, APPROVER, waiting, confirmed=True)
    with pytest.raises(Conflict, match="本院自己的账户"):
        decide(lead, asked)
    assert held(lead) == 0
    members.decide_member(context, APPROVER, waiting, confirmed=False)
    decide(lead, asked, approved=False)
    assert [one.state for one in distribution.distributions_of(context, OFFICER, lead.grant_id)] == ["rejected"]


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"member_name": "\u200b\u2060"}, "member_name", "单位名称要填"),
        ({"member_name": "某\u202e镇卫生院"}, "member_name", "单位名称里有看不见的字符"),
        ({"member_name": "院" * 121}, "member_name", "最多 120 个"),
        ({"account": "6" * 41}, "account_no", "银行账号有 41 个字，最多 40 个"),
        ({"account": "6222\x0000001111"}, "account_no", "银行账号里有看不见的字符"),
        ({"document": "\u2800"}, "document", "协议或文件要填"),
    ],
)
def test_what_a_member_is_called_is_seen_and_fits(
    hospital: Hospital, changes: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(MalformedInput, match=words) as refused:
        written_down(hospital, **{"account": OTHER, **changes})
    assert refused.value.details == {"field": field}
    assert hospital.count("fund_member") == 0

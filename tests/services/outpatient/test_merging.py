"""Likely same persons are proposed, decided by somebody else, and no account changes its person otherwise."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted, SecondPersonRequired
from hospital_prepay.services.outpatient.census import confirm_import, count_accounts
from hospital_prepay.services.outpatient.merging import decide_pair, propose_pairs, waiting_pairs
from tests.hospital import actor
from tests.services.outpatient.conftest import APPROVER, OFFICER, Outpatients

HEADER = ("账户号", "姓名", "身份证号", "手机号", "余额", "最后变动日期", "患者号")
NEW, OLD, OTHER = "11010519491231002X", "110105491231002", "52010219900101123X"
ROWS = (
    ("A1", "吴甲", NEW, "13800000001", "1", "2020-01-01", ""),
    ("A2", "吴甲", OLD, "", "2", "2020-01-01", "P1"),
    ("A3", "吴甲", "", "138-0000-0001", "3", "2020-01-01", ""),
    ("A4", "李乙", "", "13800000001", "4", "2020-01-01", ""),
    ("A5", "吴甲", OTHER, "13800000001", "5", "2020-01-01", ""),
    ("A6", "", "", "", "6", "2020-01-01", "P1"),
    ("A7", "", "", "", "7", "2020-01-01", ""),
)


@pytest.fixture
def counted(outpatients: Outpatients) -> Outpatients:
    day = outpatients.context.clock.today()
    found = count_accounts(outpatients.context, OFFICER, outpatients.file(ROWS, HEADER), "x.csv", day)
    confirm_import(outpatients.context, APPROVER, found.import_no)
    return outpatients


def persons(outpatients: Outpatients) -> dict[str, str]:
    return {row[0]: outpatients.account(row[0]).person_id for row in ROWS}


def test_pairs_are_proposed_once_and_nothing_is_joined_alone(counted: Outpatients) -> None:
    assert propose_pairs(counted.context, OFFICER) == 3
    found = waiting_pairs(counted.context, APPROVER, 1)
    pairs = {(one.pair.first_no, one.pair.second_no, one.pair.likeness) for one in found.waiting}
    assert pairs == {("A1", "A2", "certificate"), ("A1", "A3", "phone_and_name"), ("A2", "A6", "patient_no")}
    assert persons(counted) == {row[0]: row[0] for row in ROWS}
    assert propose_pairs(counted.context, OFFICER) == 0


def test_another_person_joins_with_a_ground_and_balances_stay(counted: Outpatients) -> None:
    both = type(OFFICER)(OFFICER.institution_id, OFFICER.actor_id, "两职", OFFICER.roles | APPROVER.roles)
    propose_pairs(counted.context, OFFICER)
    with pytest.raises(SecondPersonRequired):
        decide_pair(counted.context, both, "A1", "A2", "身份证原件", same=True)
    with pytest.raises(NotPermitted):
        decide_pair(counted.context, actor(Role.CASHIER), "A1", "A2", "身份证原件", same=True)
    with pytest.raises(MalformedInput):
        decide_pair(counted.context, APPROVER, "A1", "A2", " ", same=True)
    with pytest.raises(NotFound):
        decide_pair(counted.context, APPROVER, "A1", "A7", "x", same=True)
    assert decide_pair(counted.context, APPROVER, "A2", "A6", "门诊系统核对", same=True) == 1
    assert decide_pair(counted.context, APPROVER, "A1", "A2", "身份证原件", same=True) == 2
    assert decide_pair(counted.context, APPROVER, "A1", "A3", "本人说不是", same=False) == 0
    found = persons(counted)
    assert {number for number, person in found.items() if person == "A1"} == {"A1", "A2", "A6"}
    assert found["A3"] == "A3"
    assert counted.account("A2").balance_fen == 200
    with pytest.raises(Conflict):
        decide_pair(counted.context, APPROVER, "A1", "A3", "改主意", same=True)
    assert propose_pairs(counted.context, OFFICER) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE outpatient_account SET person_id = 'A1' WHERE account_no = 'A2'",
        "UPDATE outpatient_likeness SET state = 'joined', decided_by = 'finance_approver-1', ground = 'x'",
        "UPDATE outpatient_likeness SET state = 'joined', decided_by = 'finance_approver-1', ground = 'x',"
        " from_person = 'A7', to_person = 'A1'",
        "UPDATE outpatient_likeness SET state = 'apart', decided_by = proposed_by, ground = 'x'",
        "UPDATE outpatient_likeness SET state = 'apart', decided_by = upper(proposed_by), ground = 'x'",
        "UPDATE outpatient_likeness SET state = 'apart', decided_by = 'nobody', ground = 'x'",
        "UPDATE outpatient_likeness SET state = 'apart', ground = 'x'",
        "UPDATE outpatient_likeness SET state = 'apart', decided_by = 'finance_approver-1'",
        "UPDATE outpatient_likeness SET second_no = 'A7'",
        "DELETE FROM outpatient_likeness",
        "INSERT INTO outpatient_likeness (institution_id, first_no, second_no, likeness, state, proposed_by,"
        " proposed_at) SELECT institution_id, second_no, first_no, likeness, state, proposed_by, proposed_at"
        " FROM outpatient_likeness",
        "INSERT INTO outpatient_likeness (institution_id, first_no, second_no, likeness, state, proposed_by,"
        " proposed_at, decided_by, ground, from_person, to_person) SELECT institution_id, 'A1', 'A7', likeness,"
        " 'joined', proposed_by, proposed_at, 'finance_approver-1', 'x', 'A7', 'A1' FROM outpatient_likeness LIMIT 1",
    ],
)
def test_raw_sql_joins_nobody(counted: Outpatients, statement: str) -> None:
    propose_pairs(counted.context, OFFICER)
    with pytest.raises(sa.exc.DBAPIError), counted.context.database.writing() as connection:
        connection.execute(sa.text(statement))
    assert persons(counted) == {row[0]: row[0] for row in ROWS}

"""An application taken back with a ground before anybody decided: it is kept, and a new one takes its place."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.models.fund import FundGrant
from hospital_prepay.services.fund import applications, duties, grants
from hospital_prepay.services.fund.application_review import application_overview, read_application
from hospital_prepay.services.fund.withdrawals import withdraw_application
from tests.funding import MILLION_YUAN, application, apply_one, good_facts
from tests.hospital import Hospital
from tests.services.fund.conftest import APPROVER, OFFICER, PAYER, Year

ZHEJIANG, WEIHAI = "zhejiang-prepay-2025", "weihai-prepay-2025"


def file_one(
    hospital: Hospital, key: str, fen: int = MILLION_YUAN, fund: str = "employee", regime: str = ZHEJIANG
) -> applications.Applied:
    command = application(regime, "临溪市", fund, Money(fen), good_facts(2026), key)
    return apply_one(hospital.context, OFFICER, command)


def state_of(hospital: Hospital, grant_id: str | None) -> str:
    return grants.find_grant(hospital.context, OFFICER, grant_id or "").state


def test_it_is_taken_back_kept_and_filed_anew(hospital: Hospital) -> None:
    first = file_one(hospital, "a-1")
    withdraw_application(hospital.context, PAYER, first.decision_id, " 金额填错 ")
    assert state_of(hospital, first.grant_id) == "withdrawn"
    assert duties.read_duties(hospital.context, OFFICER).grants[0].declined
    second = file_one(hospital, "a-2", MILLION_YUAN // 2)
    assert (second.grant_id, second.decision_id != first.decision_id) == (first.grant_id, True)
    kept = read_application(hospital.context, OFFICER, first.decision_id)
    assert kept.withdrawn is not None
    told = (kept.withdrawn.ground, kept.withdrawn.applied_fen, kept.withdrawn.withdrawn_by, kept.grant)
    assert told == ("金额填错", MILLION_YUAN, PAYER.actor_id, None)
    assert len(application_overview(hospital.context, OFFICER).applications) == 2
    approval = grants.RecordApproval(
        second.grant_id or "", Money(5), hospital.context.clock.today(), "浙医保 1 号", ""
    )
    assert grants.record_approval(hospital.context, APPROVER, approval).applied_fen == MILLION_YUAN // 2
    assert hospital.count("audit_event", "action = 'fund.withdraw_application' AND outcome = 'done'") == 1


def test_it_may_be_taken_back_more_than_once(hospital: Hospital) -> None:
    for key in ("a-1", "a-2", "a-3"):
        filed = file_one(hospital, key, regime=WEIHAI)
        withdraw_application(hospital.context, OFFICER, filed.decision_id, "填错")
    assert hospital.count("fund_application_withdrawn") == 3
    assert hospital.count("fund_grant") == 1
    assert file_one(hospital, "a-4", fund="all", regime=WEIHAI).grant_id, (
        "one for all funds isn't barred by what was withdrawn"
    )
    with pytest.raises(Conflict):
        file_one(hospital, "a-5", regime=WEIHAI)


def test_only_with_a_ground_by_who_applies_and_before_it_was_decided(hospital: Hospital) -> None:
    year = Year(hospital)
    decision_id = year.apply().decision_id
    with pytest.raises(MalformedInput, match="为什么撤回"):
        withdraw_application(hospital.context, OFFICER, decision_id, " ")
    with pytest.raises(NotPermitted):
        withdraw_application(hospital.context, APPROVER, decision_id, "填错")
    with pytest.raises(NotFound):
        withdraw_application(hospital.context, OFFICER, "nothing", "填错")
    year.approve()
    with pytest.raises(Conflict, match="还没有登记批复"):
        withdraw_application(hospital.context, OFFICER, decision_id, "填错")
    assert hospital.count("fund_application_withdrawn") == 0


def test_what_the_authority_declined_is_no_withdrawal(hospital: Hospital) -> None:
    first = file_one(hospital, "a-1")
    no = grants.RecordApproval(first.grant_id or "", None, hospital.context.clock.today(), "不予批准", "")
    assert grants.record_approval(hospital.context, APPROVER, no).state == "declined"
    with pytest.raises(Conflict):
        withdraw_application(hospital.context, OFFICER, first.decision_id, "填错")
    with pytest.raises(Conflict):
        file_one(hospital, "a-2")


def walk(hospital: Hospital, grant_id: str | None, **values: Any) -> None:
    with hospital.context.database.writing() as connection:
        connection.execute(sa.update(FundGrant).where(FundGrant.grant_id == grant_id).values(**values))


@pytest.mark.parametrize(
    "changes",
    [
        {"decision_id": "same"},
        {"year": 2027},
        {"fund": "resident"},
        {"applied_fen": 0},
        {"approved_fen": 5},
        {"applied_at": datetime(2025, 12, 1, 9, tzinfo=SHANGHAI)},
        {"applied_at": datetime(2027, 1, 5, 9, tzinfo=SHANGHAI)},
        {"state": "approved", "approved_fen": 5},
    ],
)
def test_the_database_holds_both_steps(hospital: Hospital, clock: FixedClock, changes: dict[str, Any]) -> None:
    first = file_one(hospital, "a-1")
    with pytest.raises(sa.exc.DBAPIError, match="fund_grant"):
        walk(hospital, first.grant_id, state="declined")
    withdraw_application(hospital.context, OFFICER, first.decision_id, "填错")
    again = {"state": "applied", "applied_fen": 7, "decision_id": "d-2", "applied_at": clock.now(), **changes}
    again["decision_id"] = first.decision_id if again["decision_id"] == "same" else "d-2"
    with pytest.raises(sa.exc.DBAPIError, match="fund_grant"):
        walk(hospital, first.grant_id, **again)
    assert state_of(hospital, first.grant_id) == "withdrawn"


def test_what_was_withdrawn_stays_and_is_the_application_that_stood(hospital: Hospital) -> None:
    first = file_one(hospital, "a-1")
    copied = (
        "INSERT INTO fund_application_withdrawn SELECT institution_id, grant_id, 1, decision_id, {fen}, applied_by,"
        " applied_at, 'x', '{by}', applied_at FROM fund_grant"
    )
    statements = [copied.format(fen="applied_fen + 1", by=OFFICER.actor_id)]
    statements.append(copied.format(fen="applied_fen", by="nobody"))
    for statement in statements:
        with (
            pytest.raises(sa.exc.DBAPIError, match="wrong_step"),
            hospital.context.database.writing() as connection,
        ):
            connection.exec_driver_sql(statement)
    withdraw_application(hospital.context, OFFICER, first.decision_id, "填错")
    for statement in ("UPDATE fund_application_withdrawn SET ground = 'y'", "DELETE FROM fund_application_withdrawn"):
        with pytest.raises(sa.exc.DBAPIError), hospital.context.database.writing() as connection:
            connection.exec_driver_sql(statement)
    assert hospital.count("fund_application_withdrawn", "ground = '填错'") == 1

"""A wrongly recorded approval: taken back by a second person before anything arrived, and recorded anew."""

from __future__ import annotations

import pytest

from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted, SecondPersonRequired
from hospital_prepay.services.fund import grants
from hospital_prepay.services.fund.approvals import sizes_of, withdraw_approval, withdrawn_approvals
from tests.funding import MILLION_YUAN
from tests.hospital import actor
from tests.services.fund.conftest import APPROVER, HEAD, OFFICER, Year

WRONG = MILLION_YUAN // 2


def approved(year: Year) -> Year:
    year.apply()
    year.approve(WRONG)
    return year


def test_it_is_taken_back_and_recorded_anew_and_both_stay_known(year: Year) -> None:
    context = approved(year).hospital.context
    waits = withdraw_approval(context, OFFICER, year.grant_id, "金额看错一行")
    assert (waits.state, waits.approved_fen, waits.recorded_by) == ("applied", None, None)
    year.approve()
    assert year.receive().owed_fen == MILLION_YUAN
    [one] = withdrawn_approvals(context, OFFICER, year.grant_id)
    assert (one.approved_fen, one.recorded_by, one.withdrawn_by) == (WRONG, APPROVER.actor_id, OFFICER.actor_id)
    assert year.hospital.count("audit_event", "action = 'fund.withdraw_approval'") == 1


def test_whoever_recorded_it_cannot_take_it_back_but_a_colleague_can(year: Year) -> None:
    context = approved(year).hospital.context
    with pytest.raises(SecondPersonRequired):
        withdraw_approval(context, APPROVER, year.grant_id, "看错")
    colleague = actor(Role.FINANCE_APPROVER, "2")
    assert withdraw_approval(context, colleague, year.grant_id, "看错").state == "applied"


def test_a_department_takes_no_approval_back(year: Year) -> None:
    with pytest.raises(NotPermitted):
        withdraw_approval(approved(year).hospital.context, HEAD, year.grant_id, "看错")


def test_it_needs_a_ground(year: Year) -> None:
    with pytest.raises(MalformedInput) as error:
        withdraw_approval(approved(year).hospital.context, OFFICER, year.grant_id, " ")
    assert error.value.details["field"] == "ground"


def test_what_arrived_or_waits_or_is_withheld_is_not_taken_back(year: Year) -> None:
    context = year.hospital.context
    year.apply()
    with pytest.raises(Conflict):
        withdraw_approval(context, OFFICER, year.grant_id, "看错")
    year.approve()
    grants.withhold_grant(context, APPROVER, year.grant_id, "通知", withheld=True)
    with pytest.raises(Conflict, match="先登记恢复"):
        withdraw_approval(context, OFFICER, year.grant_id, "看错")
    grants.withhold_grant(context, APPROVER, year.grant_id, "通知", withheld=False)
    year.receive()
    with pytest.raises(Conflict, match="还没有到账"):
        withdraw_approval(context, OFFICER, year.grant_id, "看错")
    assert withdrawn_approvals(context, OFFICER, year.grant_id) == []


def test_an_approval_is_held_against_what_was_applied_for_and_the_largest_size(year: Year) -> None:
    year.apply(fen=MILLION_YUAN)
    found = sizes_of(year.hospital.context, APPROVER, year.grant_id)
    assert found.applied_fen == MILLION_YUAN
    assert found.largest_fen is not None
    assert found.largest_fen > MILLION_YUAN

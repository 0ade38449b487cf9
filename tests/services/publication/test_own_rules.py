"""The hospital's own deposit rules (article 4): written by one, approved by another, every version kept."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, NotPermitted
from hospital_prepay.services.publication.deposit_rules import (
    NewRules,
    State,
    approve_rules,
    list_rules,
    write_rules,
)
from tests.people import INSTITUTION, House

pytestmark = pytest.mark.clause("guizhou-deposit-2025/4")


def written(house: House, clock: FixedClock, title: str) -> int:
    new = NewRules(title, "先登记，再收款；出院多退少补。", clock.today())
    return write_rules(house.context, house.actor(Role.FINANCE_OFFICER), new)


def test_rules_are_in_force_once_another_person_approved_them(house: House, clock: FixedClock) -> None:
    version = written(house, clock, "预交金制度")
    assert [one.state for one in list_rules(house.context, INSTITUTION)] == [State.DRAFT]
    with pytest.raises(NotPermitted):
        approve_rules(house.context, house.actor(Role.FINANCE_OFFICER), version)
    approve_rules(house.context, house.actor(Role.FINANCE_APPROVER), version)
    [rules] = list_rules(house.context, INSTITUTION)
    assert (rules.state, rules.approved_by, rules.text) == (
        State.IN_FORCE,
        "财务审批员",
        "先登记，再收款；出院多退少补。",
    )
    with pytest.raises(Conflict):
        approve_rules(house.context, house.actor(Role.FINANCE_APPROVER), version)


def test_a_new_version_takes_the_place_of_the_old_one_and_keeps_it(house: House, clock: FixedClock) -> None:
    approver = house.actor(Role.FINANCE_APPROVER)
    approve_rules(house.context, approver, written(house, clock, "第一版制度"))
    clock.moment += timedelta(days=1)
    approve_rules(house.context, approver, written(house, clock, "第二版制度"))
    states = {one.title: one.state for one in list_rules(house.context, INSTITUTION)}
    assert states == {"第一版制度": State.REPLACED, "第二版制度": State.IN_FORCE}

"""No system takes a step of a refund, whatever its token's role: of outpatient accounts it only reads."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hospital_prepay.domain.access import Actor, Permission, Role
from hospital_prepay.domain.errors import NotPermitted
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.services.access.api_clients import ROLES
from hospital_prepay.services.outpatient import claim_steps, payouts
from tests.hospital import INSTITUTION, Hospital
from tests.services.outpatient.conftest import Outpatients

PEOPLES = [one for one in Permission if one.value.startswith("outpatient.") and one is not Permission.OUTPATIENT_VIEW]


@pytest.mark.parametrize("role", list(ROLES))
def test_a_token_may_take_no_step_and_none_is_taken(outpatients: Outpatients, hospital: Hospital, role: Role) -> None:
    outpatients.census()
    system = Actor(INSTITUTION, "client:x", "HIS", frozenset({role}), is_system=True)
    assert not any(system.may(one) for one in PEOPLES)
    accepted = outpatients.accept().claim_id
    assert accepted
    confirmed = outpatients.confirmed("M003")
    context = outpatients.context
    steps: tuple[Callable[[], object], ...] = (
        lambda: outpatients.accept("M002", by=system, route=Route.ORIGINAL),
        lambda: claim_steps.review_claim(context, system, accepted),
        lambda: claim_steps.confirm_claim(context, system, accepted),
        lambda: claim_steps.reject_claim(context, system, accepted, "不办"),
        lambda: claim_steps.withdraw_claim(context, system, accepted, "不办"),
        lambda: payouts.pay_cash(context, system, confirmed, "LK-1", idempotency_key="key-1"),
    )
    before = outpatients.claim(accepted), outpatients.claim(confirmed)
    for step in steps:
        with pytest.raises(NotPermitted):
            step()
    assert (outpatients.claim(accepted), outpatients.claim(confirmed)) == before
    assert hospital.count("outpatient_claim") == 2

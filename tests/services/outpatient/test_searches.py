"""A search that stands sealed in an address is its maker's, for a day."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.searches import SEARCH, open_search, seal_search
from tests.hospital import INSTITUTION, Hospital, actor
from tests.services.outpatient.conftest import CLERK, OFFICER, OWN


def test_it_opens_for_who_made_it_and_for_a_day(hospital: Hospital, context: Context, clock: FixedClock) -> None:
    sealed = seal_search(context, CLERK, f" {OWN} ")
    assert OWN not in sealed
    assert open_search(context, CLERK, sealed) == OWN
    assert open_search(context, CLERK, "") == ""
    for other in (OFFICER, actor(Role.CASHIER, "2")):
        with pytest.raises(MalformedInput, match="请重新查找"):
            open_search(context, other, sealed)
    clock.moment += timedelta(days=1)
    assert open_search(context, CLERK, sealed) == OWN
    clock.moment += timedelta(seconds=1)
    with pytest.raises(MalformedInput, match="请重新查找"):
        open_search(context, CLERK, sealed)


def test_what_was_sealed_before_or_elsewhere_opens_nothing(hospital: Hospital, context: Context) -> None:
    bare = context.cipher.encrypt("5201", institution=INSTITUTION, field=SEARCH)
    for sealed in ("forged", bare):
        with pytest.raises(MalformedInput, match="请重新查找"):
            open_search(context, CLERK, sealed)

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hospital_prepay.domain.errors import NoRuleInForce
from hospital_prepay.domain.rules.force import in_force


@dataclass(frozen=True)
class Thing:
    effective_on: date
    until_on: date | None = None


JULY, AUGUST = Thing(date(2025, 7, 1)), Thing(date(2025, 8, 1))


@pytest.mark.clause("guizhou-deposit-2025/27")
def test_nothing_is_in_force_on_the_day_before_the_first() -> None:
    with pytest.raises(NoRuleInForce) as caught:
        in_force([JULY, AUGUST], date(2025, 6, 30))
    assert "2025年7月1日" in caught.value.message


@pytest.mark.parametrize(
    ("day", "thing"),
    [(date(2025, 7, 1), JULY), (date(2025, 7, 31), JULY), (date(2025, 8, 1), AUGUST), (date(2025, 8, 2), AUGUST)],
)
def test_a_new_thing_takes_over_on_its_first_day_and_old_days_keep_the_old_one(day: date, thing: Thing) -> None:
    assert in_force([JULY, AUGUST], day) is thing


def test_the_last_day_counts_and_the_day_after_has_no_rule() -> None:
    ended = Thing(date(2025, 7, 1), until_on=date(2025, 7, 15))
    assert in_force([ended, AUGUST], date(2025, 7, 15)) is ended
    assert in_force([ended, AUGUST], date(2025, 8, 1)) is AUGUST
    with pytest.raises(NoRuleInForce):
        in_force([ended, AUGUST], date(2025, 7, 16))
    with pytest.raises(NoRuleInForce) as caught:
        in_force([ended], date(2025, 7, 16))
    assert "失效" in caught.value.message


@given(st.sets(st.integers(0, 400), min_size=1), st.integers(0, 400))
def test_the_latest_that_has_begun_is_in_force(starts: set[int], offset: int) -> None:
    origin = date(2025, 1, 1)
    things = [Thing(origin + timedelta(start)) for start in sorted(starts)]
    begun = [start for start in starts if start <= offset]
    if begun:
        assert in_force(things, origin + timedelta(offset)).effective_on == origin + timedelta(max(begun))
    else:
        with pytest.raises(NoRuleInForce):
            in_force(things, origin + timedelta(offset))

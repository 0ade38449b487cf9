"""Where a register's numbers are parted so that its halves are added up at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hospital_prepay.persistence import outpatient_escheat

_BETWEEN = outpatient_escheat._between


@given(st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=9))
def test_any_numbers_are_parted_by_a_text_that_a_database_can_be_asked_for(numbers: list[str]) -> None:
    middle = _BETWEEN(min(numbers), max(numbers))
    assert middle >= min(numbers)
    middle.encode()


@pytest.mark.parametrize(
    ("low", "high", "middle"),
    [
        ("M00000000", "M00999999", "M005"),
        ("M1", "M1", "M1"),
        ("M1", "M12", "M11"),
        ("\ub100", "\uff3a", "\uff3a"),
        ("", "", ""),
    ],
)
def test_numbers_that_count_on_are_parted_in_the_middle(low: str, high: str, middle: str) -> None:
    assert _BETWEEN(low, high) == middle

"""The balance at the end of a statement, in whatever order a bank prints the lines of a day."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hospital_prepay.domain.rules.fund.balances import Printed, closing_balance

amounts = st.integers(-1_000, 1_000).filter(bool)


@given(
    st.integers(0, 10_000), st.lists(st.lists(amounts, min_size=1, max_size=6), min_size=1, max_size=5), st.randoms()
)
def test_a_shuffled_day_never_tells_a_wrong_balance(
    opening: int, days: list[list[int]], mixer: random.Random
) -> None:
    at, told = opening, []
    for fens in days:
        lines: list[Printed] = []
        for fen in fens:
            at += fen
            lines.append((fen, at))
        mixer.shuffle(lines)
        told.append(lines)
    found = closing_balance(told)
    assert found in (at, None)
    # Only a day that ends where it began, or passes through its end twice, may need more than itself.
    if sum(days[-1]) and len(days) == 1:
        assert found == at


@pytest.mark.parametrize(
    ("days", "balance"),
    [
        ([], None),
        ([[(500, None)]], None),
        ([[(500, 700)]], 700),
        ([[(500, 700)], [(-100, None), (50, None)]], 650),
        ([[(500, 700)], [(-100, None), (50, 650)]], None),
        # Newest first, on one day.
        ([[(-99_999_000, 1_000), (30_000, 100_000_000)]], 1_000),
        # Ended where it began: alone it could be either, after a known day it is that one's.
        ([[(300, 1_300), (-300, 1_000)]], None),
        ([[(1_000, 1_000)], [(300, 1_300), (-300, 1_000)]], 1_000),
        ([[(300, 300)], [(-300, 1_000), (300, 1_300)]], None),
        # A line is missing in between: nothing is known, also after it on the same day.
        ([[(500, 700), (100, 900)]], None),
        ([[(500, 700), (100, 900)], [(1, 901)]], 901),
    ],
)
def test_what_the_lines_tell(days: list[list[Printed]], balance: int | None) -> None:
    assert closing_balance(days) == balance

"""Amounts as other people's files write them, and as nothing else takes them."""

from __future__ import annotations

import pytest

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import Money


@pytest.mark.parametrize(
    ("text", "fen"),
    [("¥50", 5000), ("50元", 5000), ("￥1,000.50", 100050), (" ¥ 50 元 ", 5000), ("1,000", 100000), ("0元", 0)],
)
def test_a_file_may_mark_an_amount_and_a_form_may_not(text: str, fen: int) -> None:
    assert Money.of_cell(text) == Money(fen)
    if "¥" in text or "￥" in text or "元" in text:
        with pytest.raises(MalformedInput):
            Money.of_yuan(text)


@pytest.mark.parametrize("text", ["¥", "元", "¥元", "¥￥5", "-¥5", "¥-5", "5万元", "$5", "5元元", "¥1e3", "USD5", ""])
def test_what_carries_a_doubt_is_refused(text: str) -> None:
    with pytest.raises(MalformedInput):
        Money.of_cell(text)


@pytest.mark.parametrize("text", ["9" * 5000, "-" + "9" * 5000, "9" * 17, "1," + ",".join(["000"] * 2000)])
def test_an_amount_of_any_length_is_refused_in_words(text: str) -> None:
    with pytest.raises(MalformedInput, match="太大"):
        Money.of_cell(text)
    assert Money.of_cell("0" * 5000 + "1.5") == Money(150)

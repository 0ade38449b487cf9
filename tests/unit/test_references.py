"""References and documents are compared by what they say, however they were typed."""

from __future__ import annotations

import pytest

from hospital_prepay.domain.references import document_key, foreign_letter


@pytest.mark.parametrize(
    "spelled",
    [
        "2026年01月结算单",
        "２０２６ 年 1 月结算单",
        "2026年一月结算单",
        "2026年1月份结算单",
        "2026年 一 月份 结算单",
        "2026-01结算单",
        "2026.1 结算单",
        "2026/01月结算单",
        "2026年1月 结算单。",
    ],
)
def test_a_month_in_a_documents_name_is_one_month(spelled: str) -> None:
    assert document_key(spelled) == document_key("2026年1月结算单")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2026年1月结算单", "2026年11月结算单"),
        ("2026年一月结算单", "2026年十一月结算单"),
        ("2026年十月结算单", "2026年十二月结算单"),
        ("2026-01", "2026-10"),
        ("2026-1", "2025-1"),
        ("JS-2026-01-2", "JS-2026-01-3"),
        ("结算单 12 3", "结算单 123"),
        ("2026-0112", "2026-01"),
    ],
)
def test_other_months_and_numbers_are_other_documents(one: str, other: str) -> None:
    assert document_key(one) != document_key(other)


def test_a_month_alone_is_the_same_however_it_is_written() -> None:
    assert document_key("2026-01") == document_key("2026年1月") == document_key("2026年一月份")


@pytest.mark.parametrize(
    ("typed", "foreign"),
    [
        ("领款单 LK-1 号", ""),
        ("ＬＫ－１（第〇三册）", ""),
        ("№ ⅷ 1/2", ""),
        ("L\u041a-1", "\u041a"),
        ("LK-\u0661", "\u0661"),
        ("stra\u00dfe 1", "\u00df"),
        ("\uac00 1", "\uac00"),
    ],
)
def test_a_letter_that_only_looks_like_one_of_ours_is_named(typed: str, foreign: str) -> None:
    assert foreign_letter(typed) == foreign

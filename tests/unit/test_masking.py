from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hospital_prepay.domain.masking import (
    mask_card,
    mask_certificate,
    mask_name,
    mask_numbers,
    mask_phone,
    mask_within,
)


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("吴秀兰", "吴＊兰"),
        ("罗丽", "罗＊"),
        ("欧阳春梅", "欧＊＊梅"),
        ("古丽·买买提江", "古＊＊江"),
        ("李梅之子", "李＊之子"),
        ("韦小明之女", "韦＊明之女"),
        ("之女", "之＊"),
        ("王", "＊"),
        (" 吴 秀兰 ", "吴＊兰"),
        ("", ""),
    ],
)
def test_names_keep_their_ends(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("13800006620", "138 **** 6620"),
        ("138 0000 6620", "138 **** 6620"),
        ("１３８００００６６２０", "138 **** 6620"),
        ("0851-85554421", "**** 4421"),
        ("85554421", "**** 4421"),
        ("120", "**** 0"),
        ("1", "****"),
        ("", ""),
    ],
)
def test_phones_keep_the_network_and_the_end(phone: str, masked: str) -> None:
    assert mask_phone(phone) == masked


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("522601195001010421", "5226 **** 0421"),
        ("522601500101042", "5226 **** 1042"),
        ("11010519491231002X", "1101 **** 002X"),
        ("E12345678", "**** 5678"),
        ("", ""),
    ],
)
def test_certificates_keep_four_and_four(number: str, masked: str) -> None:
    assert mask_certificate(number) == masked


def test_cards_keep_four_and_four() -> None:
    assert mask_card("6217 0000 1111 2223 308") == "6217 **** 3308"


@given(st.text(alphabet="0123456789X", max_size=24))
def test_a_mask_shows_eight_characters_at_most_and_half_of_a_short_number(number: str) -> None:
    for mask in (mask_phone, mask_certificate, mask_card):
        shown = mask(number).replace("*", "").replace(" ", "")
        assert len(shown) <= 8
        if len(number) < 11:
            assert len(shown) <= len(number) // 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("原件 520102195808123023 已核", "原件 5201 **** 3023 已核"),
        ("52010219580812302x", "5201 **** 302x"),
        ("520102580812302", "5201 **** 2302"),
        ("电话13985001236回访", "电话139 **** 1236回访"),
        ("凭条 2019-0613", "凭条 2019-0613"),
        ("回单 20251231000123456789", "回单 20251231000123456789"),
        ("卡号 6217000000000000001 不符", "卡号 6217 **** 0001 不符"),
        ("卡 6217 0000 0000 0000 001，退", "卡 6217 **** 0001，退"),
        ("卡6217-0000-0000-0000", "卡6217 **** 0000"),
        ("电话 139 8500 1236，139-8500-1236", "电话 139 **** 1236，139 **** 1236"),
        ("电话１３９８５００１２３６", "电话139 **** 1236"),
        ("证 110105 19491231 002x", "证 1101 **** 002x"),
        ("退款 TF20260105000001、SQ20260105000012", "退款 TF20260105000001、SQ20260105000012"),
        ("６月 2026-01-05 退 64.50 元，6450 分", "６月 2026-01-05 退 64.50 元，6450 分"),
        ("流水 2026010512345678，凭证 45，金额 1234567.89", "流水 2026010512345678，凭证 45，金额 1234567.89"),
    ],
)
def test_numbers_within_a_text_are_masked_and_those_of_papers_stay(text: str, shown: str) -> None:
    assert mask_within(text) == shown


@pytest.mark.parametrize(
    ("paper", "shown"),
    [
        ("户口簿 1", "户口簿 1"),
        ("身份证 11010519491231002X", "身份证 **** 002X"),
        ("护照Ｅ12345678，第 2 页", "护照**** 5678,第 2 页"),
        ("", ""),
    ],
)
def test_a_paper_keeps_its_words_and_the_ends_of_its_numbers(paper: str, shown: str) -> None:
    assert mask_numbers(paper) == shown

from __future__ import annotations

from datetime import date

import pytest

from hospital_prepay.domain.identity import (
    WrongCreditCode,
    WrongResidentId,
    born_on,
    certificate_fault,
    credit_code,
    is_credit_code,
    is_resident_id,
    resident_id,
)

VALID_ID = "11010519491231002X"
VALID_CODE = "9144030071526726XG"
CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def test_the_example_of_the_standard_is_valid() -> None:
    assert resident_id(VALID_ID) == VALID_ID
    assert resident_id(" 110105 19491231 002x ") == VALID_ID
    assert born_on(VALID_ID) == date(1949, 12, 31)


def test_a_15_digit_number_is_of_the_20th_century_and_has_no_check_digit() -> None:
    assert resident_id("110105491231002") == "110105491231002"
    assert born_on("110105491231002") == date(1949, 12, 31)


def test_a_single_wrong_digit_is_always_found() -> None:
    for place in range(18):
        for digit in "0123456789X":
            changed = VALID_ID[:place] + digit + VALID_ID[place + 1 :]
            assert is_resident_id(changed) == (changed == VALID_ID), changed


def test_two_neighbouring_digits_swapped_are_found() -> None:
    for place in range(17):
        first, second = VALID_ID[place : place + 2]
        if first != second:
            assert not is_resident_id(VALID_ID[:place] + second + first + VALID_ID[place + 2 :])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "18 位"),
        ("11010519491231002", "18 位"),
        ("1101051949123100２X", "18 位"),
        ("110105491231002X", "18 位"),
        ("010105194912310021", "18 位"),
        ("990105491231002", "省级"),
        ("160105194912310020", "省级"),
        ("110105491331002", "出生日期"),
        ("110105194902290021", "出生日期"),
        ("110105194912310021", "校验"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(WrongResidentId, match=message):
        resident_id(text)


def test_the_card_of_a_permanent_resident_from_abroad_is_taken() -> None:
    body = "91101020000101001"
    assert sum(is_resident_id(body + check) for check in "0123456789X") == 1


def test_a_known_credit_code_is_valid() -> None:
    assert credit_code(VALID_CODE) == VALID_CODE
    assert credit_code(" 9144 0300 7152 6726 xg ") == VALID_CODE


def test_a_single_wrong_character_of_a_credit_code_is_always_found() -> None:
    for place in range(18):
        for sign in CODE_ALPHABET:
            changed = VALID_CODE[:place] + sign + VALID_CODE[place + 1 :]
            assert is_credit_code(changed) == (changed == VALID_CODE), changed


@pytest.mark.parametrize(
    ("text", "message"),
    [("9144030071526726X", "18 位"), ("9144030071526726IG", "18 位"), ("9144030071526726XH", "校验"), ("", "18 位")],
)
def test_what_is_wrong_with_a_credit_code_is_said(text: str, message: str) -> None:
    with pytest.raises(WrongCreditCode, match=message):
        credit_code(text)


@pytest.mark.parametrize(
    "number",
    [
        "E12345678",
        "h1234567801",
        "M12345678",
        "01234567",
        "0012345678(B)",
        "R520000123",
        "YS0000001",
        "CHN110105198001",
        "军字第1234567号",
        "C01X00T47",
        VALID_ID,
        "110105491231002",
    ],
)
def test_what_may_be_a_certificate_is_taken(number: str) -> None:
    assert certificate_fault(number) == ""


@pytest.mark.parametrize(
    "number",
    ["123", "", "无", "身份证", "13800000001", "A123", "1101051949123100", "ABCDEFGH", "Е12345678", "*********"],
)
def test_what_cant_be_a_certificate_is_not(number: str) -> None:
    assert certificate_fault(number) == "certno"


@pytest.mark.parametrize("number", ["110105194912310021", "110105491331002", "990105491231002"])
def test_a_wrong_number_of_a_resident_card_is_no_certificate(number: str) -> None:
    assert certificate_fault(number) == "resident_id"

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hospital_prepay.domain.initials import initials


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("吴秀兰", "wxl"),
        ("曾秀兰", "zxl"),
        ("单丽", "sl"),
        ("解梅", "xm"),
        ("仇芳", "qf"),
        ("尉迟敏", "ycm"),
        ("尉敏", "wm"),
        ("单于敏", "cym"),
        ("单于", "sy"),
        ("长孙丽", "zsl"),
        ("朴英", "py"),
        ("查明", "zm"),
        ("盖文", "gw"),
        ("覃桂英", "qgy"),
        ("区兰", "ol"),
        ("万俟明", "mqm"),
        ("令狐冲", "lhc"),
        ("翟芳", "zf"),
        ("乐山", "ys"),
        ("曾丽之女", "zlzn"),
    ],
)
def test_a_surname_is_read_as_one_first(name: str, first: str) -> None:
    assert initials(name, surname=True).split()[0] == first


@pytest.mark.parametrize(
    ("name", "also"),
    [("曾秀兰", "cxl"), ("单丽", "dl"), ("覃桂英", "tgy"), ("单长", "sz"), ("仇芳", "cf"), ("乐山", "ls")],
)
def test_the_other_readings_are_found_too(name: str, also: str) -> None:
    assert also in initials(name, surname=True).split()


def test_only_the_beginning_of_a_name_is_a_surname() -> None:
    assert initials("王单", surname=True).split()[0] == "wd"
    assert initials("单瘫", surname=False).split()[0] == "dt"


@pytest.mark.parametrize(
    ("disease", "first"),
    [
        ("重症肺炎", "zzfy"),
        ("慢性阻塞性肺疾病", "mxzsxfjb"),
        ("2型糖尿病", "2xtnb"),
        ("Ⅱ度烧伤", "iidss"),
        ("COVID-19 感染", "covid19gr"),
        ("便血", "bx"),
        ("肛瘘（复杂性）α", "glfzx"),
        ("腰椎间盘突出", "yzjptc"),
        ("ＣＴ引导下", "ctydx"),
        ("急性ST段抬高型心肌梗死", "jxstdtgxxjgs"),
    ],
)
def test_a_disease_is_read_in_its_context_first(disease: str, first: str) -> None:
    assert initials(disease, surname=False).split()[0] == first


def test_all_readings_of_a_disease_are_found() -> None:
    assert {"zzfy", "czfy"} <= set(initials("重症肺炎", surname=False).split())
    assert {"zf", "cf"} <= set(initials("长发", surname=False).split())


def test_a_text_without_a_sign_to_read_has_an_empty_key() -> None:
    for text in ("", "  ", "（）", "αβ", "——"):
        assert initials(text, surname=True) == initials(text, surname=False) == ""


def test_readings_are_bounded() -> None:
    keys = initials("重长单曾解仇乐" * 6, surname=False).split()
    assert len(keys) == 16
    assert len(set(keys)) == 16


@given(st.text(max_size=12), st.booleans())
def test_a_key_is_ascii_letters_and_digits_of_equal_length(text: str, surname: bool) -> None:
    keys = initials(text, surname=surname).split()
    assert all(key.isascii() and key.isalnum() and key == key.lower() for key in keys)
    assert len({len(key) for key in keys}) <= 1
    assert len(keys) <= 16

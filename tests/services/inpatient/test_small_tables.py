"""What earlier standards, similar diseases and posted sheets may hold, on both databases."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.services.inpatient.posted_import import TakeOver, take_over_sheet
from hospital_prepay.services.inpatient.posted_sheet import ColumnMapping, read_sheet
from hospital_prepay.services.inpatient.standards_import import import_similar, import_standards
from tests.hospital import OFFICER, Hospital

LEGACY = "病种编码,参保类型,原标准\nJ1,310,1000\n"
SIMILAR = "病种编码,相似病种\nJ1,J2\n"
SHEET = "编码,病种,职工医保\nJ1,肺炎,1000\n"


def take_in(hospital: Hospital, path: Path, text: str) -> None:
    """Whichever of the three tables ``text`` is."""
    path.write_text(text, "utf-8")
    if text.startswith("编码"):
        mapping = ColumnMapping("病种", {InsuredClass.EMPLOYEE: "职工医保"}, "编码")
        take_over_sheet(hospital.context, OFFICER, path, TakeOver(mapping, "墙上", date(2025, 7, 1)))
    elif "原标准" in text:
        import_standards(hospital.context, OFFICER, path, "x.csv")
    else:
        import_similar(hospital.context, OFFICER, path, "x.csv")


def refused(hospital: Hospital, path: Path, text: str) -> tuple[str, str]:
    """Code and words of the refusal; nothing of the table is kept."""
    with pytest.raises(MalformedInput) as told:
        take_in(hospital, path, text)
    assert hospital.count("earlier_standard") == 0
    assert hospital.count("similar_disease", "disease_code LIKE 'J1%' AND disease_code <> 'J15.900'") == 0
    return told.value.reason, told.value.message


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        (LEGACY + "{long},310,1000\n", "too_long", "病种编码"),
        (LEGACY + "J2,{long},1000\n", "too_long", "参保类型"),
        (SIMILAR + "{long},J2\n", "too_long", "病种编码"),
        (SIMILAR + "J2,{long}\n", "too_long", "相似病种"),
        (SHEET + "{long},肺炎,1000\n", "too_long", "病种编码"),
        (SHEET + "J2,{long}{long}{long},1000\n", "too_long", "病种名称"),
    ],
)
def test_a_code_or_name_longer_than_its_column_is_refused_with_its_line(
    hospital: Hospital, tmp_path: Path, row: str, code: str, column: str
) -> None:
    reason, words = refused(hospital, tmp_path / "x.csv", row.format(long="病" * 81))
    assert reason == code
    assert "第 3 行" + column in words


def test_a_code_that_just_fits_is_taken_in(hospital: Hospital, tmp_path: Path) -> None:
    longest = "病" * 80
    for text in (f"{LEGACY}{longest},310,1000\n", f"{SIMILAR}{longest},J2\n", f"{SHEET}{longest},肺炎,1000\n"):
        take_in(hospital, tmp_path / "x.csv", text)
    assert hospital.count("earlier_standard", "length(disease_code) = 80") == 1


SIGNS = ["\u202e", "\u200b", "\ufeff", "\U000e0041", "\x07"]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize(
    "row",
    [
        LEGACY + "J{sign}2,310,1000\n",
        LEGACY + "J2,3{sign}10,1000\n",
        LEGACY + "J2,310,10{sign}00\n",
        SIMILAR + "J1,J{sign}3\n",
        SHEET + "J{sign}2,肺炎,1000\n",
        SHEET + "J2,肺{sign}炎,1000\n",
    ],
)
def test_a_sign_that_nobody_sees_refuses_the_table(hospital: Hospital, tmp_path: Path, row: str, sign: str) -> None:
    reason, words = refused(hospital, tmp_path / "x.csv", row.format(sign=sign))
    assert reason == "invisible_character"
    assert f"U+{ord(sign):04X}" in words
    assert sign not in words


def test_a_heading_or_remark_of_a_sheet_hides_nothing(hospital: Hospital, tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match="表头"):
        ColumnMapping("病\u200b种", {InsuredClass.EMPLOYEE: "职工医保"})
    assert hospital.count("cap_table") == 1
    take_in(hospital, tmp_path / "x.csv", SHEET)
    path = tmp_path / "y.csv"
    path.write_text("# 来\u202e源\n病种,职工医保\n肺炎,1000\n", "utf-8")
    mapping = ColumnMapping("病种", {InsuredClass.EMPLOYEE: "职工医保"})
    assert read_sheet(path, mapping).remark == "来〈U+202E〉源"


def test_a_disease_is_not_similar_to_itself(hospital: Hospital, tmp_path: Path) -> None:
    reason, words = refused(hospital, tmp_path / "x.csv", SIMILAR + "J2,J2\n")
    assert reason == "similar_to_itself"
    assert "第 3 行" in words


@pytest.mark.parametrize("day", ["1989-12-31", "2027-01-16", "0001-01-01", "9999-12-31"])
def test_a_standard_in_force_from_an_unlikely_day_is_refused(hospital: Hospital, tmp_path: Path, day: str) -> None:
    table = f"病种编码,参保类型,原标准,执行日期\nJ1,310,1000,{day}\n"
    reason, words = refused(hospital, tmp_path / "x.csv", table)
    assert reason == "not_a_date"
    assert "1990-01-01" in words
    assert "2027-01-15" in words


def test_a_standard_from_within_the_year_is_taken_in(hospital: Hospital, tmp_path: Path) -> None:
    table = "病种编码,参保类型,原标准,执行日期\nJ1,310,1000,1990-01-01\nJ1,310,1200,2027-01-15\n"
    take_in(hospital, tmp_path / "x.csv", table)
    assert hospital.count("earlier_standard") == 2


def test_codes_that_differ_by_case_or_width_are_told_and_kept_apart(hospital: Hospital, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(LEGACY + "K9A,310,1\nk9a,310,2\nＫ９Ａ,310,3\n", "utf-8")
    added = import_standards(hospital.context, OFFICER, path, "x.csv")
    assert (added.new, added.look_alike) == (4, (("K9A", "k9a", "Ｋ９Ａ"),))

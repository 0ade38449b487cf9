"""What earlier standards, similar diseases and posted sheets may hold, on both databases."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.services.inpatient.posted_import import TakeOver, take_over_sheet
from hospital_prepay.services.inpatient.posted_sheet import ColumnMapping
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

"""What an import keeps of the rows it sets aside, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from hospital_prepay.persistence.queries import caps
from hospital_prepay.services.inpatient.case_imports import ImportedCases, import_cases
from tests.hospital import INSTITUTION, OFFICER, Hospital

HEADER = "结算流水号,出院日期,病种编码,病种名称,参保类型,住院总费用,个人负担\n"
SOUND = "{number},2025-01-02,J15.900,肺炎,310,100.00,50.00\n"


def imported(hospital: Hospital, tmp_path: Path, rows: str) -> ImportedCases:
    path = tmp_path / "cases.csv"
    path.write_text(HEADER + rows, "utf-8")
    return import_cases(hospital.context, OFFICER, path, "cases.csv")


def kept(hospital: Hospital, import_id: str) -> list[tuple[int, str, str | None, str | None]]:
    with hospital.context.database.reading() as connection:
        found = caps.rejections(connection, INSTITUTION, import_id, "", 0, None)
    return [(one.line, one.code, one.field, one.original) for one in found]


@pytest.mark.parametrize("sign", ["9", "病", "𠮷"])
def test_a_number_or_code_longer_than_its_column_is_set_aside_alone(
    hospital: Hospital, tmp_path: Path, sign: str
) -> None:
    longest, longer = sign * 80, sign * 81
    rows = SOUND.format(number="C1") + SOUND.format(number=longest) + SOUND.format(number=longer)
    rows += SOUND.format(number="C2").replace("J15.900", longest)
    rows += SOUND.format(number="C3").replace("J15.900", sign * 300)
    done = imported(hospital, tmp_path, rows)
    assert (done.rows_new, done.rows_rejected) == (3, 2)
    assert kept(hospital, done.import_id) == [
        (4, "too_long", "case_no", longer),
        (6, "too_long", "disease_code", sign * 200),
    ]


def test_only_the_cell_at_fault_is_kept(hospital: Hospital, tmp_path: Path) -> None:
    rows = SOUND.format(number="C1") + "C1,2025-01-02,J15.900,吴桂兰,310,100.00,50.00\n"
    rows += "C2,2025-02-30,J15.900,吴桂兰,310,=A1,50.00\nC3,2025-01-02,J15.900,吴桂兰,310,1,200.00,50.00\n"
    rows += "C4,2025-01-02,J15.900,吴桂兰,310,100.00,150.00\n"
    done = imported(hospital, tmp_path, rows)
    assert kept(hospital, done.import_id) == [
        (3, "duplicate_case", "case_no", "C1"),
        (4, "formula", "total_cost", "=A1"),
        (5, "not_an_amount", "", ""),
        (6, "burden_above_cost", "burden", "150.00"),
    ]
    assert hospital.count("case_import_rejection", "message LIKE '%吴桂兰%' OR original LIKE '%吴桂兰%'") == 0

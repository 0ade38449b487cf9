"""Files that can't be used: one Chinese sentence with the line, exit 2, nothing on standard output."""

from __future__ import annotations

import json
import zipfile

import pytest
import xlsxwriter

from hospital_prepay.program import run as run_program

HEADER = "case_no,discharged_on,disease_code,disease_name,insured_class,total_cost,burden"
CASES = f"{HEADER}\n1,2024-01-02,D1,心衰,310,120.50,20.5\n"


@pytest.fixture
def measure(tmp_path, capfdbinary):
    def call(cases=CASES, **tables):
        arguments = ["inpatient", "measure", "--as-of", "2026-01-15", "--format", "json"]
        for name, content in {"cases": cases, **tables}.items():
            path = tmp_path / f"{name}.csv"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            arguments += [str(path)] if name == "cases" else [f"--{name}", str(path)]
        code = run_program(arguments)
        captured = capfdbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return call


@pytest.mark.parametrize(
    ("cases", "reason"),
    [
        ("", "not_a_table"),
        ("just a letter\n", "not_a_table"),
        (b"\x00\x01\x02", "not_a_table"),
        (b"PK\x03\x04\x00\x00", "not_a_table"),
        (CASES.replace("burden", "other"), "missing_column"),
        (CASES.replace("burden", "total_cost"), "repeated_column"),
        (HEADER, "no_usable_row"),
        (CASES.replace("2024-01-02", "2022-12-31"), "no_usable_row"),
        (CASES.replace("120.50", "12e3"), "no_usable_row"),
    ],
)
def test_a_file_of_cases_that_gives_nothing_is_an_error(measure, cases, reason):
    code, out, err = measure(cases)
    assert (code, out) == (2, "")
    assert err.startswith(reason + ": ")
    assert len(err.splitlines()) == 1


def test_nothing_usable_tells_why_the_first_row_was_left_out(measure):
    _, _, err = measure(CASES.replace("120.50", "12e3"))
    assert "第 2 行" in err
    assert "12e3" in err


def test_rejected_rows_are_part_of_the_answer(measure):
    code, out, _ = measure(CASES + "2,2024-02-30,D1,心衰,310,1,1\n3,2024-01-01,D1,心衰,310,-1,0\n")
    answer = json.loads(out)
    assert code == 0
    assert [(fault["line"], fault["code"]) for fault in answer["rejected"]] == [
        (3, "not_a_date"),
        (4, "negative_amount"),
    ]
    assert (answer["cases_read"], answer["cases_used"], answer["outside_window"]) == (3, 1, 0)


@pytest.mark.parametrize(
    ("rows", "reason", "line"),
    [
        ("D1,310,100\nD1,职工医保,100\n", "duplicate_standard", 3),
        ("D1,农保,100\n", "unknown_class", 2),
        ("D1,310,12e3\n", "not_an_amount", 2),
        ("D1,310,-1\n", "negative_amount", 2),
        ("D1,310,1.005\n", "too_many_decimals", 2),
        ("\nD1,310,\n", "missing_value", 3),
        (",310,1\n", "missing_value", 2),
        ("D1,310,=1\n", "formula", 2),
        ("D1,310,1,200\n", "too_many_cells", 2),
    ],
)
def test_a_wrong_row_of_earlier_standards_stops_everything(measure, rows, reason, line):
    code, out, err = measure(legacy="disease_code,insured_class,standard\n" + rows)
    assert (code, out) == (2, "")
    assert err.startswith(f"{reason}: 原标准表：第 {line} 行")


def test_small_tables_must_have_their_columns(measure):
    assert measure(legacy="disease_code,standard\nD1,1\n")[2].startswith("missing_column: 原标准表：")
    assert measure(similar="disease_code,x\nD1,1\n")[2].startswith("missing_column: 相似病种表：")
    assert measure(similar="disease_code,similar_to\nD1,\n")[2].startswith("missing_value: 相似病种表：第 2 行")


def test_the_most_frequent_name_is_shown_and_ties_go_by_text(measure):
    lines = [f"{at},2024-01-02,{code},{name},310,1,1" for at, (code, name) in enumerate(
        [("A", "甲"), ("A", "乙"), ("A", "乙"), ("B", "b"), ("B", "a")]
    )]  # fmt: skip
    _, out, _ = measure("\n".join([HEADER, *lines]))
    assert [(row["disease_code"], row["disease_name"]) for row in json.loads(out)["rows"]] == [
        ("A", "乙"),
        ("B", "a"),
    ]


def test_the_copayment_can_be_the_burden(tmp_path, capfdbinary):
    path = tmp_path / "cases.csv"
    path.write_text(CASES.replace("burden", "burden,copayment").replace("20.5\n", "20.5,10.5\n"), encoding="utf-8")
    arguments = ["inpatient", "measure", str(path), "--as-of", "2026-01-15", "--format", "json"]
    assert run_program([*arguments, "--burden", "psn_selfpay"]) == 0
    row = json.loads(capfdbinary.readouterr().out)["rows"][0]
    assert (row["sum_burden_fen"], row["cap_fen"]) == (1050, 1000)


def test_a_workbook_measures_like_its_text(tmp_path, capfdbinary):
    book = xlsxwriter.Workbook(tmp_path / "cases.xlsx")
    sheet = book.add_worksheet()
    for at, line in enumerate(CASES.splitlines()):
        sheet.write_row(at, 0, line.split(","))
    book.close()
    (tmp_path / "cases.csv").write_text(CASES, encoding="utf-8")
    answers = []
    for name in ("cases.xlsx", "cases.csv"):
        assert (
            run_program(["inpatient", "measure", str(tmp_path / name), "--as-of", "2026-01-15", "--format", "json"])
            == 0
        )
        answers.append(capfdbinary.readouterr().out)
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "part", ['<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><workbook/>', "<workbook", "<workbook></workbook>"]
)
def test_a_broken_or_dangerous_workbook_is_no_table(measure, tmp_path, part):
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("xl/_rels/workbook.xml.rels", "<Relationships/>")
        target.writestr("xl/workbook.xml", part)
    code, _, err = measure(archive.read_bytes())
    assert (code, err.split(":")[0]) == (2, "not_a_table")

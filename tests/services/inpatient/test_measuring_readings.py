"""Every reading on the settings page can be measured by, and an auditor can measure the same again from files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.readings import USUAL, Burden
from hospital_prepay.persistence import cap_tables as store
from hospital_prepay.persistence.cap_tables import TableHead, TableRow
from hospital_prepay.persistence.database import Database
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.inpatient.cap_tables import (
    MeasureTable,
    PublishTable,
    approve_table,
    measure_table,
    publish_table,
)
from hospital_prepay.services.inpatient.case_imports import import_cases
from hospital_prepay.services.inpatient.measure import measure_cases
from hospital_prepay.services.inpatient.measuring_readings import (
    measuring_readings,
    readings_of_calculator,
    unusual_readings,
)
from hospital_prepay.services.inpatient.standards_import import import_standards
from hospital_prepay.services.publication.posted_document import basis_words
from hospital_prepay.services.publication.posted_table import hospital_by_code, posted_table
from hospital_prepay.services.publication.readings import NewChoice, change_reading
from tests.hospital import APPROVER, INSTITUTION, OFFICER, Hospital, actor

AS_OF = date(2026, 1, 15)
HEADER = "结算流水号,出院日期,病种编码,病种名称,参保类型,住院总费用,个人负担,个人自付\n"
# J1: two years of employees; on 2026-01-10 one that only the rolling window has; J2: three kinds of self-pay.
CASES = (
    HEADER
    + """C1,2024-05-05,J1,肺炎,310,1000,600,300
C2,2025-05-05,J1,肺炎,310,1000,300,150
C3,2025-06-05,J1,肺炎,310,1000,300,150
C4,2026-01-10,J1,肺炎,310,1000,1000,500
D1,2025-05-05,J2,肺结核,自费,100,,
D2,2025-05-06,J2,肺结核,商业保险,500,,
D3,2022-05-06,J2,肺结核,全公费,900,,
"""
)
LEGACY = "病种编码,参保类型,原标准,执行日期\nJ1,310,200,2025-06-01\nJ1,310,250,\n全部病种,自费,90,2020-01-01\n"
OTHERS = [
    (name, value)
    for name, reading in load_rulebook().readings.items()
    if "inpatient.measure" in reading.used_in and name != "similar_disease"
    for value in (reading.choices or [str(end) for end in reading.bounds or ()])
    if value != str(reading.default)
]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Cases and earlier standards."""
    cases, legacy = tmp_path / "cases.csv", tmp_path / "legacy.csv"
    cases.write_text(CASES, "utf-8")
    legacy.write_text(LEGACY, "utf-8")
    return cases, legacy


def choose(hospital: Hospital, name: str, value: str) -> None:
    """Answer one question anew."""
    administrator = actor(Role.SYSTEM_ADMINISTRATOR)
    change_reading(hospital.context, administrator, name, NewChoice(value, "试一试"))


def measured(hospital: Hospital, as_of: date = AS_OF) -> tuple[TableHead, list[TableRow]]:
    """The draft with its rows."""
    table_id = measure_table(hospital.context, OFFICER, MeasureTable(as_of, 0, Money(1)))
    with hospital.context.database.reading() as connection:
        return store.head(connection, INSTITUTION, table_id), store.rows(connection, INSTITUTION, table_id)


def cap(rows: list[TableRow], code: str) -> tuple[int | None, str, int]:
    """Cap, basis and number of cases of the one class of a disease that has cases."""
    [row] = [row for row in rows if row.disease_code == code and row.cases]
    return row.cap_fen, row.basis, row.cases


def test_the_defaults_are_those_of_the_rulebook() -> None:
    assert measuring_readings({name: one.default for name, one in load_rulebook().readings.items()}) == USUAL


@pytest.mark.clause("guizhou-deposit-2025/12", "guizhou-deposit-2025/14", "guizhou-deposit-2025/18")
@pytest.mark.parametrize(("name", "value"), OTHERS)
def test_every_choice_is_measured_and_the_calculator_measures_the_same(
    hospital: Hospital, files: tuple[Path, Path], name: str, value: str
) -> None:
    cases, legacy = files
    import_cases(hospital.context, OFFICER, cases, "c.csv")
    import_standards(hospital.context, OFFICER, legacy, "l.csv")
    choose(hospital, name, value)
    head, rows = measured(hospital)
    assert head.parameters["readings"][name] == value
    own = name in ("burden_measure", "minimum_cases")
    readings = readings_of_calculator(
        Burden(value) if name == "burden_measure" else Burden.WHOLE, () if own else [f"{name}={value}"]
    )
    answer = measure_cases(cases, as_of=AS_OF, legacy=legacy, round_down_to=Money(1), readings=readings).to_json()
    assert head.cases_used == answer["cases_used"]
    assert (head.window_from, head.window_to) == tuple(map(date.fromisoformat, answer["window"].values()))
    kept = [row for row in rows if row.cases]
    assert [(r.disease_code, r.insured_class, r.cases, r.legacy_fen, r.cap_fen, r.basis) for r in kept] == [
        (r["disease_code"], r["insured_class"], r["cases"], r["legacy_fen"], r["cap_fen"], r["basis"])
        for r in answer["rows"]
    ]
    assert sorted({row.disease_code for row in rows if row.posted}) == answer["posted"]


@pytest.mark.clause("guizhou-deposit-2025/12")
@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        # (600 + 300 + 300) / 3
        ({}, (40000, "mean", 3)),
        # (600 + (300 + 300) / 2) / 2
        ({"mean_over_years": "mean_of_yearly_means"}, (45000, "mean", 3)),
        # (600 + 300 + 300 + 1000) / 4
        ({"past_three_years": "rolling_months_by_discharge"}, (55000, "mean", 4)),
        # three years that end on 14 January: one case, two, and in the last of them three: (600 + 1600 / 3) / 2
        (
            {"past_three_years": "rolling_months_by_discharge", "mean_over_years": "mean_of_yearly_means"},
            (56666, "mean", 4),
        ),
        # (300 + 150 + 150) / 3
        ({"burden_measure": "psn_selfpay"}, (20000, "mean", 3)),
    ],
)
def test_the_mean_follows_the_readings(
    hospital: Hospital, files: tuple[Path, Path], chosen: dict[str, str], expected: tuple[int, str, int]
) -> None:
    import_cases(hospital.context, OFFICER, files[0], "c.csv")
    for name, value in chosen.items():
        choose(hospital, name, value)
    _, rows = measured(hospital)
    assert cap(rows, "J1") == expected
    [row] = [row for row in rows if row.disease_code == "J1" and row.cases]
    assert row.mean_burden_fen == expected[0]
    assert (row.mean_fen is None) == ("mean_over_years" not in chosen)


@pytest.mark.clause("guizhou-deposit-2025/12")
def test_outliers_are_counted_but_not_in_the_mean(hospital: Hospital, tmp_path: Path) -> None:
    # 100 cases: one of 9,000 yuan all borne, one of 1 yuan, 98 of 100 yuan with 50 borne.
    path, burdens = tmp_path / "c.csv", [(9000, 9000), (1, 0), *[(100, 50)] * 98]
    lines = [f"C{at},2025-05-05,J1,肺炎,310,{cost},{share},\n" for at, (cost, share) in enumerate(burdens)]
    path.write_text(HEADER + "".join(lines), "utf-8")
    import_cases(hospital.context, OFFICER, path, "c.csv")
    assert cap(measured(hospital)[1], "J1") == (13900, "mean", 100)  # (9000 + 0 + 4900) / 100
    choose(hospital, "outliers", "dropped")
    head, rows = measured(hospital)
    assert cap(rows, "J1") == (5000, "mean", 100)
    assert head.cases_used == 100


@pytest.mark.clause("guizhou-deposit-2025/12")
def test_the_earlier_standards_follow_the_readings(hospital: Hospital, files: tuple[Path, Path]) -> None:
    import_cases(hospital.context, OFFICER, files[0], "c.csv")
    import_standards(hospital.context, OFFICER, files[1], "l.csv")
    _, rows = measured(hospital)
    assert (cap(rows, "J1"), cap(rows, "J2")) == ((20000, "legacy", 3), (9000, "legacy", 2))
    choose(hospital, "earlier_standard_day", "2025-06-01")  # the standard of that very day is none from before
    choose(hospital, "earlier_standard_scope", "same_key_only")
    _, rows = measured(hospital)
    assert (cap(rows, "J1"), cap(rows, "J2")) == ((25000, "legacy", 3), (30000, "mean", 2))


@pytest.mark.clause("guizhou-deposit-2025/14")
def test_classes_that_are_left_out_count_nowhere_and_are_told(hospital: Hospital, files: tuple[Path, Path]) -> None:
    import_cases(hospital.context, OFFICER, files[0], "c.csv")
    choose(hospital, "self_pay_classes", "left_out")
    head, rows = measured(hospital)
    assert cap(rows, "J2") == (10000, "mean", 1)
    # Of the two one lies in the window: seven cases, one too late, one too early and left out, one left out.
    assert (head.cases_read, head.cases_used, head.parameters["left_out"]) == (7, 4, 1)
    answer = measure_cases(files[0], as_of=AS_OF, readings=readings_of_calculator(Burden.WHOLE, LEFT_OUT)).to_json()
    assert [(row["line"], row["code"]) for row in answer["rejected"]] == [
        (7, "class_left_out"),
        (8, "class_left_out"),
    ]
    assert (answer["cases_read"], answer["cases_used"], answer["outside_window"]) == (7, 4, 1)


LEFT_OUT = ["self_pay_classes=left_out"]


def test_a_snapshot_made_again_still_knows_who_is_left_out(hospital: Hospital, files: tuple[Path, Path]) -> None:
    import_cases(hospital.context, OFFICER, files[0], "c.csv")
    choose(hospital, "self_pay_classes", "left_out")
    first = measured(hospital)[1]
    (hospital.context.settings.data_dir / "snapshots" / INSTITUTION / "cases.parquet").unlink()
    assert measured(hospital)[1] == first


def test_cases_that_were_stored_without_their_class_cannot_be_left_out(
    hospital: Hospital, files: tuple[Path, Path], owner_database: Database
) -> None:
    import_cases(hospital.context, OFFICER, files[0], "c.csv")
    with owner_database.writing() as connection:
        row = "INSERT INTO inpatient_case SELECT institution_id, 'OLD', discharged_on, disease_code, disease_name,"
        row += " insured_class, total_cost_fen, burden_fen, copayment_fen, import_id, NULL FROM inpatient_case"
        connection.execute(sa.text(row + " WHERE case_no = 'D1'"))
    (hospital.context.settings.data_dir / "snapshots" / INSTITUTION / "cases.parquet").unlink()
    assert measured(hospital)[0].cases_used == 6
    choose(hospital, "self_pay_classes", "left_out")
    with pytest.raises(MalformedInput, match="1 例自费病例是以前导入的"):
        measured(hospital)


def test_cases_without_a_copayment_are_not_measured_by_it(hospital: Hospital, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(CASES.replace(",300,150\n", ",300,\n"), "utf-8")
    import_cases(hospital.context, OFFICER, path, "c.csv")
    choose(hospital, "burden_measure", "psn_selfpay")
    with pytest.raises(MalformedInput, match="2 例没有个人自付金额"):
        measured(hospital)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("retirees=apart", "不是测算用的读法"),
        ("burden_measure=psn_selfpay", "不是测算用的读法"),
        ("past_three_years=calendar_years_by_settlement", "可以写：calendar_years_by_discharge、rolling"),
        ("earlier_standard_day=2025-07-01", "可以写：2025-01-01 至 2025-06-30"),
        ("outliers", "不能是“”"),
    ],
)
def test_an_unknown_reading_or_value_is_refused(given: str, says: str) -> None:
    with pytest.raises(MalformedInput, match=says):
        readings_of_calculator(Burden.WHOLE, [given])
    with pytest.raises(MalformedInput, match="写了两次"):
        readings_of_calculator(Burden.WHOLE, ["outliers=dropped"] * 2)


@pytest.mark.clause("guizhou-deposit-2025/18")
def test_the_posted_table_says_how_it_was_measured(hospital: Hospital, files: tuple[Path, Path]) -> None:
    import_cases(hospital.context, OFFICER, files[0], "c.csv")
    for name, value in OTHERS:
        if name != "posted_half" or value == "first_half_of_groups":
            choose(hospital, name, value)
    head, _ = measured(hospital)
    assert len(unusual_readings(head.parameters)) == len({name for name, _ in OTHERS})
    approve_table(hospital.context, APPROVER, head.table_id)
    publish_table(hospital.context, OFFICER, PublishTable(head.table_id, AS_OF))
    table = posted_table(hospital.context, hospital_by_code(hospital.context, INSTITUTION))
    assert table is not None
    words = basis_words(table)
    said = "2023 2026 个人自付 每一年的平均 百分之一 统一标准 2025-01-01 没有算在内 排在前一半"
    assert [part for part in said.split() if part not in words] == []


def test_an_answer_that_is_offered_no_longer_leaves_the_default(hospital: Hospital, files: tuple[Path, Path]) -> None:
    import_cases(hospital.context, OFFICER, files[0], "c.csv")
    choose(hospital, "past_three_years", "rolling_months_by_discharge")
    with hospital.context.work(OFFICER, "setting.change") as work:
        row = "INSERT INTO setting_value SELECT institution_id, name, 2, 'calendar_years_by_settlement', ground,"
        row += " changed_by, changed_at FROM setting_value"
        work.connection.execute(sa.text(row))
    assert measured(hospital)[0].parameters["readings"]["past_three_years"] == "calendar_years_by_discharge"
    choose(hospital, "past_three_years", "rolling_months_by_discharge")
    assert measured(hospital)[0].parameters["readings"]["past_three_years"] == "rolling_months_by_discharge"

"""What the pages of caps and imports read, on both databases."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money
from hospital_prepay.services.inpatient.cap_changes import tally
from hospital_prepay.services.inpatient.cap_review import overview, review_table
from hospital_prepay.services.inpatient.cap_tables import MeasureTable, measure_table
from hospital_prepay.services.inpatient.case_imports import import_cases
from hospital_prepay.services.inpatient.import_review import review_import
from hospital_prepay.services.inpatient.posted_import import TakeOver, kept_mapping, take_over_sheet
from hospital_prepay.services.inpatient.posted_sheet import ColumnMapping
from hospital_prepay.services.publication.posted_table import find_by_serial, hospital_by_code, posted_table, versions
from tests.hospital import INSTITUTION, OFFICER, Hospital

DATA = Path(__file__).parents[2] / "data"


def test_an_import_is_reviewed_with_its_years(hospital: Hospital) -> None:
    done = import_cases(hospital.context, OFFICER, DATA / "inpatient_cases.csv", "a.csv")
    found = review_import(hospital.context, OFFICER, done.import_id)
    assert [(year.year, year.cases) for year in found.discharges.years] == [(2022, 824), (2023, 821), (2024, 819)]
    assert (found.discharges.first, found.is_thin) == (date(2022, 1, 1), False)
    with pytest.raises(NotFound):
        review_import(hospital.context, OFFICER, "nope")


def test_a_draft_stands_beside_the_published_table_with_its_reach(hospital: Hospital) -> None:
    import_cases(hospital.context, OFFICER, DATA / "inpatient_cases.csv", "a.csv")
    table_id = measure_table(hospital.context, OFFICER, MeasureTable(date(2025, 12, 31), 0, Money(100)))
    table = review_table(hospital.context, OFFICER, table_id)
    assert (table.compared_with, table.next_version, table.reach and table.reach.is_enough) == (1, 2, True)
    assert sum(tally(table.rows)[kind] for kind in ("up", "down", "same", "new", "none")) == len(table.rows)
    listed = overview(hospital.context, OFFICER)
    assert {(one.head.state, one.current) for one in listed.tables} == {("draft", False), ("published", True)}


def test_the_posted_table_is_read_and_found_by_its_serial(hospital: Hospital) -> None:
    context = hospital.context
    table = posted_table(context, hospital_by_code(context, INSTITUTION))
    assert table is not None
    assert [row.disease_code for row in table.rows] == ["G00.900", "J15.900"]
    found = find_by_serial(context, table.version.serial)
    assert found is not None
    assert (found[0].code, found[1]) == (INSTITUTION, versions(context, INSTITUTION)[0])
    assert find_by_serial(context, "t1-%%%%%%%%") is None


def test_the_meaning_of_columns_is_kept_for_the_next_sheet(hospital: Hospital, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("# 来源：墙上\n病区,甲,乙\n内科,3000,4000\n", "utf-8")
    mapping = ColumnMapping("病区", {InsuredClass.EMPLOYEE: "甲", InsuredClass.RESIDENT: "乙"}, catalogue="病区")
    command = TakeOver(mapping, "墙上", date(2025, 7, 1))
    first = take_over_sheet(hospital.context, OFFICER, path, command)
    again = take_over_sheet(hospital.context, OFFICER, path, command)
    assert first.standards is not None
    assert again.standards is not None
    assert (first.standards.new, again.standards.new, again.standards.known) == (2, 0, 2)
    assert kept_mapping(hospital.context, INSTITUTION) == mapping
    assert hospital.count("setting_value") == 1
    assert hospital.count("disease", "disease_code = '内科' AND catalogue = '病区'") == 1
    assert ColumnMapping.of_json(json.loads(json.dumps(mapping.to_json()))) == mapping

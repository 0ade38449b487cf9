from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from hospital_prepay.clock import local
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.services.demonstration.cases import DemonstrationFiles, discharges, write_demonstration_cases
from hospital_prepay.services.demonstration.diseases import diseases
from hospital_prepay.services.demonstration.stays import demonstration_stays

NOW = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)
CLASSES = {
    "职工医保": "employee",
    "310": "employee",
    "居民医保": "resident",
    "城乡居民医保": "resident",
    "390": "resident",
    "自费": "self_pay",
    "商业保险": "self_pay",
    "异地非实时结算": "self_pay",
    "全公费": "self_pay",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> DemonstrationFiles:
    return write_demonstration_cases(tmp_path_factory.mktemp("demonstration"))


@pytest.fixture(scope="module")
def rows(files: DemonstrationFiles) -> list[dict[str, str]]:
    return read(files.cases)


@pytest.fixture(scope="module")
def usable(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    seen: set[str] = set()
    kept = []
    for row in rows:
        if fault_of(row, seen) is None:
            kept.append(row)
        seen.add(row["结算流水号"])
    return kept


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def fault_of(row: dict[str, str], seen: set[str]) -> str | None:
    """A plain reading of the contract's reasons, apart from the program's own."""
    insured = CLASSES.get(row["参保类型"])
    amounts = ["住院总费用"] if insured == "self_pay" else ["住院总费用", "个人负担"]
    used = ["结算流水号", "出院日期", "病种编码", "病种名称", "参保类型", *amounts]
    if any(row[column].startswith("=") for column in used):
        return "formula"
    if not all(row[column] for column in used):
        return "missing_value"
    try:
        date.fromisoformat(row["出院日期"])
        values = [Money.of_yuan(row[column]) for column in amounts]
    except MalformedInput as error:
        return error.reason
    except ValueError:
        return "not_a_date"
    if insured is None:
        return "unknown_class"
    if row["结算流水号"] in seen:
        return "duplicate_case"
    return "burden_above_cost" if values[-1].fen > values[0].fen else None


def test_every_disease_has_a_code_and_a_name_of_its_own() -> None:
    listed = diseases()
    assert len(listed) == 300
    assert len({disease.code for disease in listed}) == 300
    assert len({disease.name for disease in listed}) == 300
    assert all(re.fullmatch(r"[A-Z]\d\d\.[0-9x]\d\d(x\d{3})?", disease.code) for disease in listed)
    for disease in listed:
        assert 0 < disease.employee_percent < disease.resident_percent + 10 < 100
        for year in (2023, 2024, 2025):
            assert sum(disease.classes(year)) == 100
            assert min(disease.classes(year)) >= 0


def test_there_are_60000_usable_cases_and_150_rows_for_each_reason_to_reject_one(
    rows: list[dict[str, str]], usable: list[dict[str, str]]
) -> None:
    seen: set[str] = set()
    faults: Counter[str | None] = Counter()
    for row in rows:
        faults[fault_of(row, seen)] += 1
        seen.add(row["结算流水号"])
    assert faults.pop(None) == len(usable) == 60_000
    assert faults == dict.fromkeys(
        [
            "missing_value",
            "not_a_date",
            "not_an_amount",
            "negative_amount",
            "too_many_decimals",
            "unknown_class",
            "duplicate_case",
            "burden_above_cost",
            "formula",
        ],
        150,
    )


def test_dirty_rows_stand_among_the_others_and_a_repeated_number_after_its_first(
    rows: list[dict[str, str]], usable: list[dict[str, str]]
) -> None:
    original = {row["结算流水号"]: row for row in usable}
    seen: set[str] = set()
    thirds: Counter[int] = Counter()
    repeated = 0
    for index, row in enumerate(rows):
        number = row["结算流水号"]
        if number in seen:
            repeated += 1
            assert row == original[number]
        elif number not in original:
            thirds[3 * index // len(rows)] += 1
        seen.add(number)
    assert repeated == 150
    assert set(thirds) == {0, 1, 2}
    assert min(thirds.values()) > 300
    numbers = [row["结算流水号"] for row in rows if row["结算流水号"] in original]
    assert list(dict.fromkeys(numbers)) == sorted(original)


def test_the_cases_fill_three_years_and_all_diseases(usable: list[dict[str, str]]) -> None:
    years = Counter(row["出院日期"][:4] for row in usable)
    assert set(years) == {"2023", "2024", "2025"}
    assert min(years.values()) > 18_000
    assert {row["病种编码"] for row in usable} == {disease.code for disease in diseases()}
    names = {(row["病种编码"], row["病种名称"]) for row in usable}
    assert len(names) == 300


def test_few_diseases_make_most_cases(usable: list[dict[str, str]]) -> None:
    counts = sorted(Counter(row["病种编码"] for row in usable).values(), reverse=True)
    assert sum(counts[:60]) > 0.5 * len(usable)
    assert counts[0] < 0.08 * len(usable)
    assert counts[-1] < 30


def test_prices_rise(usable: list[dict[str, str]]) -> None:
    levels = {disease.code: disease.mean_cost_yuan for disease in diseases()}
    relative = defaultdict(list)
    for row in usable:
        relative[row["出院日期"][:4]].append(Money.of_yuan(row["住院总费用"]).fen / levels[row["病种编码"]] / 100)
    means = {year: sum(values) / len(values) for year, values in relative.items()}
    assert means["2023"] * 1.02 < means["2024"]
    assert means["2024"] * 1.02 < means["2025"]
    assert 0.9 < means["2024"] < 1.1


def test_pneumonia_is_a_winter_disease_and_trauma_is_not(usable: list[dict[str, str]]) -> None:
    def winter_to_summer(department: str) -> float:
        months = Counter(int(row["出院日期"][5:7]) for row in usable if row["科室"] == department)
        return (months[12] + months[1] + months[2]) / (months[6] + months[7] + months[8])

    assert winter_to_summer("呼吸内科") > 1.5
    assert winter_to_summer("骨科") < 1.1


def test_residents_become_employees_and_fewer_pay_for_themselves(usable: list[dict[str, str]]) -> None:
    shares = {}
    for year in ("2023", "2025"):
        classes = Counter(CLASSES[row["参保类型"]] for row in usable if row["出院日期"].startswith(year))
        shares[year] = {name: count / classes.total() for name, count in classes.items()}
    assert shares["2025"]["employee"] > shares["2023"]["employee"] + 0.01
    assert shares["2025"]["resident"] < shares["2023"]["resident"]
    assert shares["2025"]["self_pay"] < shares["2023"]["self_pay"]


def test_residents_bear_more_than_employees_and_less_than_the_cost(usable: list[dict[str, str]]) -> None:
    shares = defaultdict(list)
    for row in usable:
        if row["个人自付"]:
            cost, burden, copayment = (Money.of_yuan(row[c]).fen for c in ("住院总费用", "个人负担", "个人自付"))
            assert 0 < copayment < burden < cost
            shares[CLASSES[row["参保类型"]]].append(burden / cost)
    means = {name: sum(values) / len(values) for name, values in shares.items()}
    assert 0.18 < means["employee"] < 0.32 < means["resident"] < 0.5


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    files: DemonstrationFiles, tmp_path: Path
) -> None:
    def digests(of: DemonstrationFiles) -> list[str]:
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in (of.cases, of.legacy, of.similar)]

    assert digests(write_demonstration_cases(tmp_path / "same")) == digests(files)
    other = digests(write_demonstration_cases(tmp_path / "other", seed=1))
    assert other[0] != digests(files)[0]
    assert other[1] != digests(files)[1]


def test_the_files_say_that_they_are_synthetic(files: DemonstrationFiles, rows: list[dict[str, str]]) -> None:
    assert {row["数据来源"] for row in rows} == {"演示数据"}
    assert all(row["结算流水号"].startswith("DEMO") for row in rows)
    assert "synthetic" in files.note.read_text("utf-8")
    assert all(path.name.startswith("demonstration-") for path in (files.cases, files.legacy, files.similar))


def test_cases_carry_nothing_that_points_to_a_person(files: DemonstrationFiles, rows: list[dict[str, str]]) -> None:
    assert not {"姓名", "身份证号", "电话", "证件号码"} & rows[0].keys()
    text = files.cases.read_text("utf-8-sig")
    assert not re.search(r"(?<!\d)(1[3-9]\d{9}|\d{17}[\dX])(?!\d)", text)


def test_a_small_export_can_be_made_clean(tmp_path: Path) -> None:
    small = write_demonstration_cases(tmp_path, cases=500, dirty_of_each_kind=0)
    seen: set[str] = set()
    assert [fault_of(row, seen) for row in read(small.cases)] == [None] * 500


def test_cases_come_in_the_order_of_discharge() -> None:
    days = [row[1] for row in discharges(Random(3), 2000)]
    assert days == sorted(days)


def test_earlier_standards_are_whole_hundreds_for_most_diseases(files: DemonstrationFiles) -> None:
    rows = read(files.legacy)
    assert list(rows[0]) == ["disease_code", "insured_class", "standard"]
    known = {disease.code for disease in diseases()}
    keys = [(row["disease_code"], row["insured_class"]) for row in rows]
    assert len(keys) == len(set(keys))
    assert {code for code, _ in keys} < known
    assert {insured for _, insured in keys} == {"employee", "resident", "self_pay"}
    assert all(Money.of_yuan(row["standard"]).fen % 10_000 == 0 for row in rows)
    assert all(Money.of_yuan(row["standard"]).fen > 0 for row in rows)


def test_similar_diseases_are_commoner_ones_of_the_same_department(files: DemonstrationFiles) -> None:
    by_code = {disease.code: disease for disease in diseases()}
    rows = read(files.similar)
    assert list(rows[0]) == ["disease_code", "similar_to"]
    assert len(rows) > 100
    for row in rows:
        rare, common = by_code[row["disease_code"]], by_code[row["similar_to"]]
        assert rare.department == common.department
        assert rare.frequency < common.frequency


def test_stays_are_within_two_weeks_and_have_a_number_of_their_own() -> None:
    stays = demonstration_stays(200, NOW)
    assert len(stays) == 200
    assert len({stay.admission_no for stay in stays}) == 200
    assert all(NOW - timedelta(days=14, minutes=1) <= stay.admitted_at < NOW for stay in stays)
    assert [stay.admitted_at for stay in stays] == sorted(stay.admitted_at for stay in stays)
    assert all(stay.admission_no.startswith(f"{local(stay.admitted_at):%y%m%d}") for stay in stays)
    assert stays == demonstration_stays(200, NOW)
    assert stays != demonstration_stays(200, NOW, seed=1)


def test_stays_have_a_disease_of_the_hospital_a_class_and_the_ward_that_treats_it() -> None:
    by_code = {disease.code: disease for disease in diseases()}
    stays = demonstration_stays(400, NOW)
    for stay in stays:
        assert stay.disease_name == by_code[stay.disease_code].name
        assert stay.ward.startswith(by_code[stay.disease_code].department)
        assert 2 <= len(stay.patient_name) <= 5
    assert {stay.insured_class for stay in stays} == {"employee", "resident", "self_pay"}
    newborns = [stay for stay in stays if stay.ward == "新生儿科病区"]
    assert newborns
    assert all(stay.patient_name.endswith(("之子", "之女")) for stay in newborns)

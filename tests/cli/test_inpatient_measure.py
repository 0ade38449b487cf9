"""The command on the real sample, against a computation that shares nothing with it."""

import csv
import json
from collections import defaultdict
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from hospital_prepay.program import run as run_program

SAMPLE = Path(__file__).parents[1] / "data" / "inpatient_cases.csv"
CLASSES = {"310": "employee", "城镇职工医保": "employee", "职工医保": "employee", "390": "resident"}
CLASSES |= {"居民医保": "resident", "城乡居民医保": "resident"}


@pytest.fixture
def run(capfdbinary):
    def call(*arguments):
        code = run_program([str(argument) for argument in arguments])
        captured = capfdbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return call


def measured(run, *arguments):
    code, out, err = run("inpatient", "measure", *arguments, "--format", "json")
    assert code == 0, err
    return json.loads(out)


def expected_cells():
    cells = defaultdict(lambda: [0, Fraction(0), Fraction(0)])
    with SAMPLE.open(encoding="utf-8-sig", newline="") as source:
        for row in csv.DictReader(source):
            insured = CLASSES.get(row["参保类型"], "self_pay")
            cost = Fraction(row["住院总费用"])
            cell = cells[row["病种编码"], insured]
            cell[0] += 1
            cell[1] += cost
            cell[2] += cost if insured == "self_pay" else Fraction(row["个人负担"])
    return cells


def test_the_sample_measures_as_plain_fractions_do(run):
    answer = measured(run, SAMPLE, "--as-of", "2025-12-31")
    assert answer["window"] == {"from": "2022-01-01", "to": "2024-12-31"}
    assert (answer["cases_read"], answer["cases_used"], answer["outside_window"]) == (2464, 2464, 0)
    cells = expected_cells()
    assert len(answer["rows"]) == len(cells)
    for row in answer["rows"]:
        cases, cost, burden = cells[row["disease_code"], row["insured_class"]]
        assert (row["cases"], row["sum_cost_fen"], row["sum_burden_fen"]) == (cases, cost * 100, burden * 100)
        assert row["cap_fen"] == burden / cases // 1 * 100
        assert (row["basis"], row["clauses"], row["legacy_fen"]) == ("mean", ["guizhou-deposit-2025/12"], None)


def test_the_posted_list_of_the_sample_reaches_half_of_the_last_year(run):
    posted = measured(run, SAMPLE, "--as-of", "2025-12-31")["posted"]
    costs, cases = defaultdict(Fraction), defaultdict(int)
    with SAMPLE.open(encoding="utf-8-sig", newline="") as source:
        for row in csv.DictReader(source):
            if row["出院日期"].startswith("2024"):
                costs[row["病种编码"]] += Fraction(row["住院总费用"])
                cases[row["病种编码"]] += 1
    heads = set()
    for sizes in (costs, cases):
        reached = 0
        for code in sorted(sizes, key=lambda code: (-sizes[code], code)):
            heads.add(code)
            reached += sizes[code]
            if reached * 2 >= sum(sizes.values()):
                break
    assert posted == sorted(heads)


def test_rows_are_sorted_by_code_then_class(run):
    rows = measured(run, SAMPLE, "--as-of", "2025-12-31")["rows"]
    keys = [(row["disease_code"], ["employee", "resident", "self_pay"].index(row["insured_class"])) for row in rows]
    assert keys == sorted(keys)


def test_a_later_day_moves_the_window(run):
    answer = measured(run, SAMPLE, "--as-of", "2026-01-15")
    with SAMPLE.open(encoding="utf-8-sig", newline="") as source:
        outside = sum(date.fromisoformat(row["出院日期"]).year == 2022 for row in csv.DictReader(source))
    assert answer["outside_window"] == outside > 0
    assert answer["cases_used"] + outside == 2464
    assert answer["posted"] == []


def test_standards_and_similar_diseases_come_from_their_files(run, tmp_path):
    legacy, similar = tmp_path / "legacy.csv", tmp_path / "similar.csv"
    legacy.write_text('disease_code,insured_class,standard\n194-2-none,310,"5,000.50"\nX,自费,1000\n')
    similar.write_text("disease_code,similar_to\nX,194-2-none\nX,194-3-none\n")
    answer = measured(run, SAMPLE, "--as-of", "2025-12-31", "--legacy", legacy, "--similar", similar)
    rows = {(row["disease_code"], row["insured_class"]): row for row in answer["rows"]}
    own = rows["194-2-none", "employee"]
    assert (own["cap_fen"], own["basis"], own["legacy_fen"]) == (500_000, "legacy", 500_050)
    referred = rows["X", "employee"]
    assert (referred["cap_fen"], referred["basis"], referred["cases"]) == (500_000, "similar", 0)
    assert (referred["disease_name"], referred["clauses"]) == (None, ["guizhou-deposit-2025/18"])
    bound = rows["X", "self_pay"]
    assert (bound["cap_fen"], bound["clauses"]) == (100_000, ["guizhou-deposit-2025/18", "guizhou-deposit-2025/12"])


def test_a_minimum_leaves_thin_cells_without_a_cap(run):
    rows = measured(run, SAMPLE, "--as-of", "2025-12-31", "--min-cases", "10")["rows"]
    assert {row["basis"] for row in rows if row["cases"] < 10} == {"insufficient"}
    assert {row["cap_fen"] for row in rows if row["cases"] < 10} == {None}


def test_rounding_takes_yuan_with_decimals(run):
    rows = measured(run, SAMPLE, "--as-of", "2025-12-31", "--round-down-to", "0.01")["rows"]
    assert all(row["cap_fen"] == row["sum_burden_fen"] // row["cases"] for row in rows)


def test_a_person_gets_a_table(run):
    code, out, _ = run("inpatient", "measure", SAMPLE, "--as-of", "2025-12-31")
    assert code == 0
    assert "采用 2,464 例" in out
    assert "个人负担均值" in out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((SAMPLE, "--as-of", "2025-06-29"), "no_rule_in_force"),
        ((SAMPLE, "--as-of", "2029-01-01"), "no_usable_row"),
        ((SAMPLE, "--as-of", "2026-02-30"), "usage"),
        ((SAMPLE,), "usage"),
        (("absent.csv", "--as-of", "2026-01-15"), "usage"),
        ((SAMPLE, "--as-of", "2026-01-15", "--round-down-to", "0"), "usage"),
        ((SAMPLE, "--as-of", "2026-01-15", "--round-down-to", "0.001"), "usage"),
        ((SAMPLE, "--as-of", "2026-01-15", "--min-cases", "-1"), "usage"),
        ((SAMPLE, "--as-of", "2026-01-15", "--burden", "all"), "usage"),
        ((SAMPLE, "--as-of", "2026-01-15", "--unknown"), "usage"),
        ((SAMPLE, "--as-of", "2026-01-15", "--burden", "psn_selfpay"), "missing_column"),
    ],
)
def test_a_wrong_call_exits_2_with_its_code(run, arguments, reason):
    code, out, err = run("inpatient", "measure", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(reason + ": ")
    assert len(err.splitlines()) == 1


def test_another_reading_is_measured_from_files(run, tmp_path):
    path = tmp_path / "cases.csv"
    header = "case_no,discharged_on,disease_code,disease_name,insured_class,total_cost,burden"
    rows = (
        "1,2024-05-05,J1,肺炎,310,900,600",
        "2,2025-05-05,J1,肺炎,310,900,300",
        "3,2025-05-06,J1,肺炎,310,900,300",
    )
    path.write_text("\n".join((header, *rows, "4,2025-05-07,J1,肺炎,全公费,900,")), "utf-8")
    usual = measured(run, path, "--as-of", "2026-01-15")
    assert [row["cap_fen"] for row in usual["rows"]] == [40000, 90000]
    yearly, left_out = "mean_over_years=mean_of_yearly_means", "self_pay_classes=left_out"
    other = measured(run, path, "--as-of", "2026-01-15", "--reading", yearly, "--reading", left_out)
    assert [row["cap_fen"] for row in other["rows"]] == [45000]
    assert other.keys() == usual.keys()
    assert [(row["line"], row["code"]) for row in other["rejected"]] == [(5, "class_left_out")]
    assert other["cases_read"] == other["cases_used"] + other["outside_window"] + len(other["rejected"]) == 4
    _, out, _ = run("inpatient", "measure", path, "--as-of", "2026-01-15", "--reading", yearly)
    assert "450.00" in out


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("nonsense=1", "不是测算用的读法。可以写：past_three_years、"),
        ("outliers=some", "可以写：shown、dropped"),
        ("earlier_standard_day=tomorrow", "可以写：2025-01-01 至 2025-06-30"),
    ],
)
def test_an_unknown_reading_or_value_says_what_can_be_written(run, given, says):
    code, out, err = run("inpatient", "measure", SAMPLE, "--as-of", "2025-12-31", "--reading", given)
    assert (code, out) == (2, "")
    assert says in err

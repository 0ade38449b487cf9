"""``outpatient escheat``: a file in, an answer out, as the contract has it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hospital_prepay.program import run as run_program

Call = Callable[..., tuple[int, str, str]]

HEADER = "account_no,name,certno,phone,balance,last_movement_on,kind,unclearable_reason,filed_on\n"
ROWS = {
    "due": "B2,吴某,,,64.50,2022-12-30,outpatient_deposit,电话停机,2025-12-20",
    "exactly_three": "A1,,,,64.00,2022-12-31,outpatient_deposit,电话停机,2025-12-20",
    "course": "C3,,,,1000.00,2019-01-01,treatment_course,,",
    "empty": "D4,,,,0,2019-01-01,outpatient_deposit,,",
    "undated": "E5,,,,5.00,,outpatient_deposit,,",
    "no_reason": "F6,,,,5.00,2019-01-01,outpatient_deposit,,2025-12-20",
    "unfiled": "G7,,,,5.00,2019-01-01,outpatient_deposit,查无此人,",
    "filed_later": "H8,,,,5.00,2019-01-01,outpatient_deposit,查无此人,2026-01-02",
}


@pytest.fixture
def call(capfdbinary: pytest.CaptureFixture[bytes]) -> Call:
    """Runs ``outpatient escheat`` on a file for a day."""

    def run(path: Path, *options: str, on: str = "2025-12-31") -> tuple[int, str, str]:
        code = run_program(["outpatient", "escheat", str(path), "--on", on, *options])
        captured = capfdbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return run


def escheat(call: Call, path: Path) -> dict[str, Any]:
    code, out, problems = call(path, "--format", "json")
    assert code == 0, problems
    answer: dict[str, Any] = json.loads(out)
    return answer


def file_of(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "accounts.csv"
    path.write_text(header + "\n".join(rows) + "\n", "utf-8")
    return path


def test_each_account_is_due_or_has_its_first_reason(call: Call, tmp_path: Path) -> None:
    answer = escheat(call, file_of(tmp_path, *ROWS.values()))
    assert answer["on"] == "2025-12-31"
    assert answer["total_fen"] == 6450
    assert answer["due"] == [{"account_no": "B2", "balance_fen": 6450, "last_movement_on": "2022-12-30"}]
    assert [(one["account_no"], one["reason"]) for one in answer["not_due"]] == [
        ("A1", "not_over_three_years"),
        ("C3", "not_a_deposit"),
        ("D4", "no_balance"),
        ("E5", "date_unknown"),
        ("F6", "reason_missing"),
        ("G7", "filing_missing"),
        ("H8", "filing_missing"),
    ]
    assert answer["rejected"] == []


def test_chinese_headings_and_gb18030_are_read(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    text = "账户号,姓名,余额（元）,最后变动日期,款项种类,退不了的原因,备案日期\n"
    text += 'B2,吴某,"1,064.50",2022年12月30日,门诊预交金,电话停机,2025/12/20\n'
    path.write_bytes(text.encode("gb18030"))
    assert escheat(call, path)["total_fen"] == 106450


def test_a_row_that_cannot_be_read_is_told_and_the_rest_is_computed(call: Call, tmp_path: Path) -> None:
    rows = (ROWS["due"], "X1,,,,abc,2020-01-01,,,", "B2,,,,1.00,2020-01-01,,,", "X2,,,,1.00,2020-01-01,gift,,")
    answer = escheat(call, file_of(tmp_path, *rows))
    assert answer["total_fen"] == 6450
    assert [(one["line"], one["code"]) for one in answer["rejected"]] == [
        (3, "not_an_amount"),
        (4, "duplicate_account"),
        (5, "unknown_kind"),
    ]


def test_an_unreadable_day_is_an_unknown_day(call: Call, tmp_path: Path) -> None:
    answer = escheat(call, file_of(tmp_path, "E5,,,,5.00,2022-13-45,outpatient_deposit,查无此人,2025-01-01"))
    assert answer["not_due"] == [{"account_no": "E5", "reason": "date_unknown"}]
    (told,) = [one for one in answer["remarks"] if one["code"] == "unreadable_day"]
    assert (told["line"], told["account_no"]) == (2, "E5")
    assert "最后变动日期“2022-13-45”读不出来" in told["message"]


def test_a_row_with_a_day_that_cant_be_read_is_named_and_so_is_an_unknown_reason(call: Call, tmp_path: Path) -> None:
    rows = (
        "E5,,,,5.00,2020-13-01,outpatient_deposit,随便写写,2025/2/30",
        "E6,,,,5.00,2019-01-01,outpatient_deposit,随便写写,2025-02-28",
        "E7,,,,5.00,2019-01-01,outpatient_deposit,联系方式变更，联系不上：短信退回,2025-02-28",
    )
    code, out, _ = call(file_of(tmp_path, *rows))
    assert code == 0
    assert "请核对 3 处" in out
    assert "最后变动日期“2020-13-01”读不出来，按不详算" in out
    assert "备案日期“2025/2/30”读不出来，按没有备案算" in out
    assert "退不了的原因“随便写写”（共 2 户）不是登记的那几种" in out


@pytest.mark.parametrize(
    "words", ["无", "-", "——", "否", "没有", "不详", "/", "N/A", "无。", " 无 原 因 ", "已找到患者", "患者已联系上"]
)
def test_words_that_say_there_is_no_reason_are_none(call: Call, tmp_path: Path, words: str) -> None:
    answer = escheat(call, file_of(tmp_path, f"E5,,,,5.00,2019-01-01,outpatient_deposit,{words},2025-01-01"))
    assert answer["not_due"] == [{"account_no": "E5", "reason": "reason_missing"}]
    assert answer["remarks"] == []


@pytest.mark.parametrize(
    "words", ["无法联系", "没有联系方式", "患者信息不详", "查无此人", "已找到患者家属，拒绝签收"]
)
def test_words_that_say_a_reason_stay_one(call: Call, tmp_path: Path, words: str) -> None:
    answer = escheat(call, file_of(tmp_path, f"E5,,,,5.00,2019-01-01,outpatient_deposit,{words},2025-01-01"))
    assert (answer["total_fen"], [one["code"] for one in answer["remarks"]]) == (500, ["unknown_reason"])


def test_a_negative_balance_is_nothing_to_remit(call: Call, tmp_path: Path) -> None:
    answer = escheat(call, file_of(tmp_path, "E5,,,,-5.00,2019-01-01,outpatient_deposit,查无此人,2025-01-01"))
    assert answer["not_due"] == [{"account_no": "E5", "reason": "no_balance"}]


def test_what_looks_like_a_slip_is_remarked_on_and_changes_nothing(call: Call, tmp_path: Path) -> None:
    rows = (
        ROWS["due"],
        "N1,,,,-5.00,2019-01-01,outpatient_deposit,查无此人,2025-01-01",
        "L2,,,,5.00,2026-01-01,outpatient_deposit,查无此人,2025-01-01",
        "L3,,,,5.00,2025-12-31,outpatient_deposit,查无此人,2025-01-01",
        "T4,,,,-1.00,2027-05-05,treatment_course,,",
    )
    path = file_of(tmp_path, *rows)
    answer = escheat(call, path)
    told = [one for one in answer["remarks"] if one["code"] != "unknown_reason"]
    assert [(one["line"], one["account_no"], one["code"]) for one in told] == [
        (3, "N1", "negative_balance"),
        (4, "L2", "moved_later"),
        (6, "T4", "negative_balance"),
        (6, "T4", "moved_later"),
    ]
    assert answer["total_fen"] == 6450
    assert len(answer["not_due"]) == 4
    _, out, _ = call(path)
    assert "请核对 6 处" in out
    assert "N1" in out
    assert "余额是负数" in out


@pytest.mark.parametrize(("on", "codes"), [("2025-12-31", []), ("2025-12-30", ["not_the_day"])])
def test_another_day_than_the_31st_of_december_is_remarked_on(
    call: Call, tmp_path: Path, on: str, codes: list[str]
) -> None:
    path = file_of(tmp_path, ROWS["empty"])
    code, out, _ = call(path, "--format", "json", on=on)
    remarks = json.loads(out)["remarks"]
    assert (code, [(one["line"], one["account_no"], one["code"]) for one in remarks]) == (
        0,
        [(None, None, one) for one in codes],
    )
    _, words, _ = call(path, on=on)
    assert ("12 月 31 日上缴" in words) is bool(codes)


def test_the_day_before_the_rules_is_refused(call: Call, tmp_path: Path) -> None:
    code, _, problems = call(file_of(tmp_path, ROWS["due"]), on="2025-06-29")
    assert code == 2
    assert "no_rule_in_force" in problems


@pytest.mark.parametrize("text", ["account_no,name\nA1,x\n", ""])
def test_what_is_no_table_of_accounts_is_bad_input(call: Call, tmp_path: Path, text: str) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text(text, "utf-8")
    assert call(path)[0] == 2


def test_people_read_counts_by_reason(call: Call, tmp_path: Path) -> None:
    _, out, _ = call(file_of(tmp_path, *ROWS.values()))
    assert "应上缴 1 户，共 64.50 元" in out
    assert "还没有备案" in out


def test_numbers_and_ways_that_dont_look_right_are_told_once_each_kind(call: Call, tmp_path: Path) -> None:
    rows = (
        "B2,吴某,110105194912310021,12345,64.50,2022-12-30,outpatient_deposit,电话停机,2025-12-20,花呗",
        "B3,吴某,110105194912310021,12345,1.00,2022-12-30,outpatient_deposit,电话停机,2025-12-20,花呗",
    )
    answer = escheat(call, file_of(tmp_path, *rows, header=HEADER.replace("\n", ",channel\n")))
    assert answer["total_fen"] == 6550
    assert [(one["line"], one["code"]) for one in answer["remarks"]] == [
        (2, "resident_id"),
        (2, "phone"),
        (2, "channel"),
        (2, "unknown_reason"),
    ]
    assert "共 2 行，第 2、3 行" in answer["remarks"][0]["message"]

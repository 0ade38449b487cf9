from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from hospital_prepay.cli.calendar import calendar
from hospital_prepay.program import run as program


def run(*arguments: str) -> Result:
    return CliRunner().invoke(calendar, ["due", *arguments])


def test_json_carries_exactly_the_promised_names() -> None:
    result = run("2025-09-26", "--working-days", "3", "--format", "json")
    assert result.exit_code == 0
    assert json.loads(result.output) == {
        "from": "2025-09-26",
        "due_on": "2025-09-30",
        "provisional": False,
        "expected_on": "2025-09-30",
        "working_days": ["2025-09-28", "2025-09-29", "2025-09-30"],
    }


def test_a_provisional_answer_has_no_due_day_and_exits_0() -> None:
    result = run("2026-12-29", "--working-days", "3", "--format", "json")
    assert result.exit_code == 0
    answer = json.loads(result.output)
    assert (answer["provisional"], answer["due_on"]) == (True, None)
    assert answer["working_days"] == ["2026-12-30", "2026-12-31"]


def test_the_table_calls_an_estimate_an_estimate() -> None:
    assert "估计" in run("2026-12-29", "--working-days", "3").output
    firm = run("2025-09-26", "--working-days", "3").output
    assert "估计" not in firm
    assert "到期日    2025-09-30" in firm


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("2025-02-29", "--working-days", "3"), "不是有效的日期"),
        (("20250926", "--working-days", "3"), "不是有效的日期"),
        (("2025-09-26", "--working-days", "three"), "参数"),
        (("2025-09-26", "--working-days", "0"), "malformed_input"),
        (("2024-12-31", "--working-days", "3"), "calendar_unknown"),
    ],
)
def test_bad_input_is_said_in_chinese_and_exits_2(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program(["calendar", "due", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_the_help_says_that_imported_years_are_not_known_here() -> None:
    said = " ".join(run("--help").output.split())
    assert "不读数据库" in said
    assert "以网页为准" in said

from __future__ import annotations

import json
from datetime import date, timedelta

import chinese_calendar
import pytest
from click.testing import CliRunner, Result

from hospital_prepay.cli.calendar import calendar
from hospital_prepay.cli.settlement import settlement
from hospital_prepay.program import run as program


def due(text: str, *more: str) -> Result:
    return CliRunner().invoke(settlement, ["due", text, *more])


def answer(text: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(due(text, "--format", "json").output)
    return found


def test_json_carries_exactly_the_promised_names() -> None:
    assert answer("2025-09-26T10:05") == {
        "discharged_at": "2025-09-26T10:05:00+08:00",
        "from": "2025-09-26",
        "due_on": "2025-09-30",
        "provisional": False,
        "expected_on": "2025-09-30",
        "working_days": ["2025-09-28", "2025-09-29", "2025-09-30"],
        "target_at": "2025-09-27T10:05:00+08:00",
        "clauses": ["guizhou-deposit-2025/19"],
    }


@pytest.mark.clause("guizhou-deposit-2025/19")
@pytest.mark.parametrize(
    ("discharged", "due_on"),
    [
        ("2025-09-26", "2025-09-30"),
        ("2025-09-27", "2025-09-30"),
        ("2025-09-30", "2025-10-11"),
        ("2025-10-01", "2025-10-11"),
        ("2025-12-31", "2026-01-06"),
        ("2026-02-13", "2026-02-25"),
        ("2026-02-14", "2026-02-26"),
        ("2026-04-03", "2026-04-09"),
        ("2026-09-30", "2026-10-10"),
        ("2026-12-28", "2026-12-31"),
    ],
)
def test_a_discharge_is_due_on_the_third_working_day(discharged: str, due_on: str) -> None:
    assert answer(discharged)["due_on"] == due_on
    assert answer(discharged)["target_at"] is None  # a bare day has no hour


@pytest.mark.clause("guizhou-deposit-2025/19")
def test_every_day_of_the_rules_agrees_with_chinesecalendar() -> None:
    day, last = date(2025, 6, 30), date(2026, 12, 28)
    while day <= last:
        expected, left = day, 3
        while left:
            expected += timedelta(days=1)
            left -= chinese_calendar.is_workday(expected)
        assert answer(day.isoformat())["due_on"] == expected.isoformat()
        day += timedelta(days=1)


def test_calendar_due_agrees_on_every_day_of_two_years() -> None:
    day = date(2025, 1, 1)
    while day <= date(2026, 12, 28):
        expected, left = day, 3
        while left:
            expected += timedelta(days=1)
            left -= chinese_calendar.is_workday(expected)
        told = CliRunner().invoke(calendar, ["due", day.isoformat(), "--working-days", "3", "--format", "json"])
        assert json.loads(told.output)["due_on"] == expected.isoformat()
        day += timedelta(days=1)


@pytest.mark.clause("guizhou-deposit-2025/19")
def test_a_discharge_late_in_the_last_announced_year_is_provisional() -> None:
    found = answer("2026-12-29T15:00")
    assert (found["provisional"], found["due_on"], found["expected_on"]) == (True, None, "2027-01-01")
    assert found["target_at"] == "2026-12-30T15:00:00+08:00"
    said = due("2026-12-29").output
    assert "暂定" in said
    assert "估计" in said


def test_an_offset_is_told_in_shanghai() -> None:
    assert answer("2025-09-26T17:30Z")["from"] == "2025-09-27"
    assert answer("2025-09-26 23:59:59")["from"] == "2025-09-26"


@pytest.mark.parametrize(
    ("discharged", "code"),
    [
        ("2025-06-29", "no_rule_in_force"),
        ("2025-06-29T23:59:59", "no_rule_in_force"),
        ("2027-01-04", "calendar_unknown"),
        ("2025-02-30", "not_a_date"),
        ("yesterday", "not_a_date"),
    ],
)
def test_what_cannot_be_reckoned_exits_2(discharged: str, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program(["settlement", "due", discharged]) == 2
    assert code in capsys.readouterr().err

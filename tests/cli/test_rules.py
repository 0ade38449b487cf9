from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hospital_prepay.cli import rules as module
from hospital_prepay.cli.rules import rules
from hospital_prepay.domain.errors import RulebookFault

ROOT = Path(__file__).parents[2]


def test_list_gives_programs_every_clause_in_the_order_of_the_notices() -> None:
    result = CliRunner().invoke(rules, ["list", "--format", "json"])
    assert result.exit_code == 0
    entries = json.loads(result.stdout)
    ids = [entry["clause"] for entry in entries]
    assert len(ids) == 172
    assert ids[:3] == [f"guizhou-deposit-2025/{n}" for n in (1, 2, 3)]
    assert ids.index("guizhou-deposit-2025/17.1") == ids.index("guizhou-deposit-2025/17") + 1
    assert ids[-1] == "zhejiang-prepay-2025/annex2"
    assert all(set(entry) == {"clause", "title", "addressee", "status", "by", "tests"} for entry in entries)
    in_force = entries[ids.index("guizhou-deposit-2025/27")]
    assert in_force["by"] == ["hospital_prepay.domain.rules.force.in_force"]
    assert in_force["status"] == "enforced"
    assert in_force["tests"]


def test_list_gives_people_a_table_in_chinese() -> None:
    result = CliRunner().invoke(rules, ["list"])
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0].split() == ["条款", "对象", "状态", "代码", "测试", "标题"]
    assert len(lines) == 173
    assert lines[17].split()[:2] == ["guizhou-deposit-2025/17", "医院"]
    assert lines[17].endswith("多次收取不超过额度")


def test_check_says_when_all_is_well() -> None:
    result = CliRunner().invoke(rules, ["check"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert "172" in result.stdout


def test_check_fails_and_names_what_hangs_loose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "load_index", dict)
    result = CliRunner().invoke(rules, ["check"])
    assert isinstance(result.exception, RulebookFault)
    assert ["clause_without_test", "guizhou-deposit-2025/27"] in result.exception.details["findings"]
    assert "clause_without_test guizhou-deposit-2025/27" in result.stderr
    assert result.stdout == ""


def test_index_writes_what_the_tests_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    target = tmp_path / "index.json"
    monkeypatch.setattr(module, "INDEX", target)
    result = CliRunner().invoke(rules, ["index", "--root", str(ROOT)])
    assert result.exit_code == 0
    assert (
        "tests/rules/guizhou_deposit_2025/in_force.yaml::the day it comes into force"
        in json.loads(target.read_text("utf-8"))["guizhou-deposit-2025/27"]
    )


def test_document_writes_the_page_of_clauses(tmp_path: Path) -> None:
    result = CliRunner().invoke(rules, ["document", "--root", str(tmp_path)])
    page = (tmp_path / "docs" / "clauses.md").read_text("utf-8")
    assert result.exit_code == 0
    rows = [line for line in page.splitlines() if line.startswith("| guizhou-deposit-2025/27 |")]
    assert len(rows) == 1
    assert "`domain.rules.force.in_force`" in rows[0]
    assert "in_force.yaml` (3)" in rows[0]

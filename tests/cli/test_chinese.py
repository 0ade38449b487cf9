"""The command line speaks Chinese, the library's own words too, and its exit codes tell what happened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from hospital_prepay.cli.chinese import _wrapped
from hospital_prepay.cli.output import width_of
from hospital_prepay.program import program, run

ENGLISH = re.compile(r"(?<![\w./=-])[A-Za-z]{4,}(?![\w./=-])")


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name, one in command.commands.items():
            yield from commands(one, (*path, name))


@pytest.mark.parametrize("path", list(commands(program)), ids=" ".join)
def test_help_is_chinese(capsys: pytest.CaptureFixture[str], path: tuple[str, ...]) -> None:
    assert run([*path, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"用法：{' '.join(('hospital-prepay', *path))}")
    assert "选项：" in said
    for english in (
        "Usage",
        "Options:",
        "Commands:",
        "OPTIONS",
        "COMMAND",
        "Show this",
        "required",
        "default",
        "TEXT",
    ):
        assert english not in said


def test_the_first_help_lists_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    run(["--help"])
    said = capsys.readouterr().out
    assert re.findall(r"^ +(\d+)  ", said, re.MULTILINE) == ["0", "2", "3", "4", "5", "6", "70"]
    assert "ledger_altered" in said
    assert "database_unreachable" in said


def test_the_columns_of_help_stand_under_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    run(["db", "found", "--help"])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  --")]
    assert len({width_of(re.match(r" +\S+( \S+)? +", line)[0]) for line in lines if "文字" in line}) == 1  # type: ignore[index]


def test_no_line_of_help_begins_with_a_closing_sign() -> None:
    assert _wrapped("一二三四，五六七八。九十", 8) == ["一二三四，", "五六七八。", "九十"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nope"], "没有命令 nope"),
        (["ledger", "nope"], "没有命令 nope"),
        (["inpatient", "measure", __file__, "--as-of", "2026-01-15", "--min-cases", "-1"], "要写不小于 0 的整数"),
        (["ledger", "verify", "--format", "xml"], "只能写 table、json"),
        (["ledger", "verify", "extra"], "参数多了或少了"),
        (["calendar", "due", "2026-01-15", "--working-days", "x"], "要写整数"),
        (["db", "found", "x", "--name"], "选项 --name 的写法不对"),
    ],
)
def test_a_wrong_call_is_told_in_chinese(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    assert run(arguments) == 2
    said = capsys.readouterr().err
    assert says in said
    assert set(ENGLISH.findall(said.removeprefix("usage: "))) <= {"nope", "table", "json"}


def test_the_readings_of_the_calculator_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    run(["inpatient", "measure", "--help"])
    said = capsys.readouterr().out
    assert "posted_half" in said
    assert "union_of_smallest_sets" in said
    assert "2025-01-01 至 2025-06-30" in said


@pytest.mark.parametrize(
    ("url", "code", "says"),
    [
        ("mysql://x", 2, "setting_missing: 数据库只支持 SQLite 和 PostgreSQL"),
        ("nonsense", 2, "setting_missing: 数据库只支持 SQLite 和 PostgreSQL"),
        (
            "sqlite:////no-such-folder/x.sqlite3",
            70,
            "database_unreachable: 数据库现在打不开：没有 /no-such-folder ",
        ),
        ("postgresql+psycopg://u@127.0.0.1:1/x", 70, "database_unreachable: 数据库现在连不上"),
    ],
)
@pytest.mark.parametrize("command", [["ledger", "verify"], ["db", "upgrade"], ["db", "current"]])
def test_a_database_that_is_not_there_is_told_from_one_that_is_wrong(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    url: str,
    code: int,
    says: str,
    command: list[str],
) -> None:
    monkeypatch.setenv("PREPAY_MODE", "demo")
    monkeypatch.setenv("PREPAY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PREPAY_DATABASE_URL", url)
    monkeypatch.delenv("PREPAY_DATABASE_OWNER_URL", raising=False)
    assert run(command) == code
    assert capsys.readouterr().err.startswith(says)

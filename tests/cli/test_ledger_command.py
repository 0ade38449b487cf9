"""``hospital-prepay ledger``: seal, verify, balance, trial-balance."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hospital_prepay.cli.ledger import ledger
from hospital_prepay.cli.output import width_of
from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import DatabaseFault, MalformedInput, NotFound
from hospital_prepay.jobs.seal import seal_books
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.ledger.seals import LedgerAltered
from tests.books import BANK, CASH, HOSPITAL, open_books, open_stay, post, transfer

Run = Callable[..., Result]


@pytest.fixture
def environment(sqlite_urls: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings of a hospital on SQLite; returns its data folder."""
    monkeypatch.setenv("PREPAY_MODE", "demo")
    monkeypatch.setenv("PREPAY_DATABASE_URL", sqlite_urls[1])
    monkeypatch.setenv("PREPAY_DATA_DIR", str(tmp_path / "var"))
    return tmp_path / "var"


@pytest.fixture
def run(environment: Path) -> Run:
    """Run a command of the group; errors of ours come through."""

    def invoke(*arguments: str, fails: bool = False) -> Any:
        return CliRunner().invoke(ledger, arguments, catch_exceptions=fails)

    return invoke


@pytest.fixture
def books(sqlite_database: Database, clock: FixedClock) -> Database:
    """A stay with 3 yuan in cash and 4 by card."""
    open_books(sqlite_database, clock)
    stay = open_stay(sqlite_database, clock, "S1", 1000)
    post(sqlite_database, transfer(clock, CASH, stay, 300), transfer(clock, BANK, stay, 400))
    return sqlite_database


def test_sealing_prints_each_block_once(run: Run, books: Database) -> None:
    assert "第 1 块  凭证 1 至 2，共 2 张" in run("seal").output
    assert run("seal").output == "没有待封存的凭证。\n"
    assert json.loads(run("seal", "--format", "json").output) == {"sealed": []}


def test_the_job_seals_and_takes_nothing(environment: Path, books: Database) -> None:
    assert seal_books() == 1
    assert seal_books() == 0
    assert (environment / "seals" / f"{HOSPITAL}.jsonl").exists()


def test_verify_names_the_unsealed_window(run: Run, books: Database) -> None:
    output = run("verify").output
    assert "未封存    2 张（1 至 2，最早 2026-01-15 10:00:00 入账）；窗口 60 秒" in output
    run("seal")
    found = json.loads(run("verify", "--format", "json").output)
    assert found["intact"] is True
    assert found["window_seconds"] == 60
    (report,) = found["institutions"]
    assert (report["entries"], report["blocks"], report["unsealed"]["count"]) == (2, 1, 0)


def test_verify_prints_what_it_found_and_fails(run: Run, books: Database) -> None:
    run("seal")
    with books.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER ledger_posting_no_update")
        connection.exec_driver_sql("UPDATE ledger_posting SET account_id = '1021' WHERE entry_no = 2 AND line_no = 1")
    result = run("verify", fails=True)
    assert "异常      凭证 2 的内容被改过。" in result.output
    assert isinstance(result.exception, LedgerAltered)
    assert result.exception.details["entry_no"] == 2
    found = json.loads(run("verify", "--format", "json", fails=True).output)
    assert (found["intact"], found["institutions"][0]["findings"][0]["kind"]) == (False, "entry_altered")


def test_the_trial_balance_balances(run: Run, books: Database) -> None:
    found = json.loads(run("trial-balance", "--format", "json").output)
    assert (found["debit_fen"], found["credit_fen"]) == (700, 700)
    assert [(row["account_id"], row["balance_fen"]) for row in found["rows"]] == [
        ("1001", 300), ("1002", 400), ("23050103:S1", 700)
    ]  # fmt: skip
    lines = run("trial-balance").output.splitlines()
    assert lines[-1].split() == ["合计", "7.00", "7.00"]
    assert {width_of(line) for line in lines[:-1]} == {width_of(lines[0])}


def test_a_balance_covers_sub_accounts_and_ends_on_a_day(run: Run, books: Database) -> None:
    assert json.loads(run("balance", "23050103", "--format", "json").output)["rows"][0]["balance_fen"] == 700
    before = json.loads(run("balance", "23050103", "--through", "2026-01-14", "--format", "json").output)
    assert before["rows"] == []
    assert "23050103:S1  S1    0.00  7.00  7.00" in run("balance", "23050103:S1").output


def test_an_unknown_account_or_institution_is_said_so(run: Run, books: Database, clock: FixedClock) -> None:
    with pytest.raises(NotFound):
        run("balance", "9999")
    with pytest.raises(NotFound):
        run("trial-balance", "--institution", "H0")
    open_books(books, clock, "H52020000002")
    with pytest.raises(MalformedInput):
        run("trial-balance")


def test_an_empty_database_is_refused_in_a_sentence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREPAY_DATABASE_URL", f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    with pytest.raises(DatabaseFault):
        run("verify")

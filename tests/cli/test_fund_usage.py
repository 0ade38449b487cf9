"""``hospital-prepay fund usage``: what the books say of a grant's year, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hospital_prepay.cli.fund import fund
from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import MalformedInput, NotFound
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.context import Context
from hospital_prepay.settings import Settings
from tests.hospital import INSTITUTION, open_hospital
from tests.services.fund.conftest import Year, line

Run = Callable[..., Result]
YEAR = ("--from", "2026-01", "--to", "2026-12")


@pytest.fixture
def run(sqlite_database: Database, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command over books in which 300.00 was paid for drugs and one request was refused."""
    environment = {"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": str(tmp_path / "var")}
    environment["PREPAY_DATABASE_URL"] = str(sqlite_database.url)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    year = Year(open_hospital(Context(Settings.from_environment(environment), sqlite_database, clock))).arrived()
    year.pay(year.reserve(line(300_00)))
    year.ask(line(80_00, category="utilities", code="", order_no=""))
    monkeypatch.setattr("hospital_prepay.cli.fund_usage.Clock", lambda: clock)

    def invoke(*arguments: str) -> Any:
        return CliRunner().invoke(fund, ("usage", *arguments), catch_exceptions=False)

    return invoke


def test_programs_get_fen_period_by_period(run: Run) -> None:
    told = json.loads(run("--institution", INSTITUTION, *YEAR, "--by", "quarter", "--format", "json").output)
    (grant,) = told["grants"]
    (cash,) = grant["balances"]["cash"]
    assert cash == {
        "from": "2026-01",
        "to": "2026-01",
        "opening_fen": 0,
        "moved_fen": {"received": 100_000_000, "used.drug": -300_00},
        "closing_fen": 100_000_000 - 300_00,
    }
    assert told["total"]["blocked"] == grant["blocked"]
    assert grant["blocked"][0]["fen"] == 80_00
    assert grant["balances"]["owed"][0]["closing_fen"] == 100_000_000


def test_people_get_a_table_of_each_balance(run: Run) -> None:
    output = run("--institution", INSTITUTION, *YEAR).output
    assert "应还医保（元）" in output
    assert "付药品" in output
    assert "-300.00" in output
    assert "999,700.00" in output
    assert "被拒的用款申请" in output


def test_a_hospital_without_books_and_months_out_of_order_are_told(run: Run) -> None:
    with pytest.raises(NotFound):
        run("--institution", "H00000000000", *YEAR)
    with pytest.raises(MalformedInput):
        run("--institution", INSTITUTION, "--from", "2026-02", "--to", "2026-01")


@pytest.mark.parametrize("month", ["2026", "2026-13", "26-01", "2026-1", "2026-01-01"])
def test_a_month_that_is_none_is_refused(run: Run, month: str) -> None:
    found = run("--institution", INSTITUTION, "--from", month, "--to", "2026-12")
    assert found.exit_code == 2
    assert "2026-01 这样的月份" in found.output

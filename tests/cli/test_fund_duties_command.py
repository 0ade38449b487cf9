"""``hospital-prepay fund duties``: the year of a hospital from its books."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hospital_prepay.cli import fund_duties
from hospital_prepay.cli.fund import fund
from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import MalformedInput, NotFound
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.context import Context
from hospital_prepay.settings import Settings
from tests.hospital import INSTITUTION, open_hospital
from tests.services.fund.conftest import Year


@pytest.fixture
def books(sqlite_database: Database, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A grant of Zhejiang that arrived, where the command looks for it."""
    environment = {"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": str(tmp_path / "var")}
    environment["PREPAY_DATABASE_URL"] = sqlite_database.url.render_as_string(hide_password=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(fund_duties, "Clock", lambda: clock)
    Year(open_hospital(Context(Settings.from_environment(environment), sqlite_database, clock))).arrived()
    return sqlite_database


def run(*arguments: str) -> Any:
    return CliRunner().invoke(fund, ["duties", *arguments], catch_exceptions=False)


def test_json_tells_day_state_and_what_is_owed(books: Database) -> None:
    answer = run("--institution", INSTITUTION, "--year", "2026", "--format", "json")
    assert answer.exit_code == 0
    found = json.loads(answer.stdout)
    assert (found["institution"], found["year"], found["today"]) == (INSTITUTION, 2026, "2026-01-15")
    clear = next(one for one in found["duties"] if one["id"] == "clear")
    assert clear == {
        "key": "zhejiang-prepay-2025/clear/2026-12-15",
        "id": "clear",
        "name": "交回或抵扣全部预付金",
        "regime": "zhejiang-prepay-2025",
        "clause": "zhejiang-prepay-2025/3.4",
        "addressee": "hospital",
        "pool_region": None,
        "fund": None,
        "due_on": "2026-12-15",
        "provisional": False,
        "expected_on": "2026-12-15",
        "rolls": False,
        "state": "open",
        "days_left": 334,
        "done_on": None,
        "late": None,
        "owed_fen": 100_000_000,
        "left": None,
        "left_fen": None,
    }
    days = [one["expected_on"] for one in found["duties"]]
    assert days == sorted(days)
    assert {one["addressee"] for one in found["duties"]} == {"hospital", "authority"}


def test_the_table_says_it_in_words(books: Database) -> None:
    shown = run("--institution", INSTITUTION, "--year", "2026").stdout
    assert "应还 1,000,000.00 元" in shown
    assert "非本院" in shown
    assert "已办" in shown
    done = [row for row in shown.splitlines() if "已办" in row]
    assert done
    assert not any("逾期" in row or "还有" in row for row in done)
    late = next(row for row in shown.splitlines() if "居民医保" in row and "申请" in row)
    assert "已过期限" in late or "逾期" not in late


def test_an_unknown_hospital_and_a_year_too_far_are_told(books: Database) -> None:
    with pytest.raises(NotFound):
        run("--institution", "H00000000000", "--year", "2026")
    with pytest.raises(MalformedInput):
        run("--institution", INSTITUTION, "--year", "2028")

"""``hospital-prepay fund reconcile``: the differences of a month, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hospital_prepay.cli.fund import fund
from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import MalformedInput, NotFound
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.statement_columns import StatementKind
from hospital_prepay.services.fund.statements import ImportStatement, import_statement, look_at
from hospital_prepay.settings import Settings
from tests.hospital import INSTITUTION, OFFICER, open_hospital

AGENCY = Path(__file__).parents[1] / "data" / "fund_agency_2026_01.csv"


@pytest.fixture
def month(sqlite_database: Database, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PREPAY_MODE", "demo")
    monkeypatch.setenv("PREPAY_DATABASE_URL", sqlite_database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("PREPAY_DATA_DIR", str(tmp_path / "var"))
    context = Context(Settings.from_environment(), sqlite_database, clock)
    open_hospital(context)
    columns = look_at(context, OFFICER, StatementKind.AGENCY, AGENCY).columns
    import_statement(context, OFFICER, ImportStatement(StatementKind.AGENCY, "2026-01", AGENCY, "a.csv", columns))
    return "2026-01"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(fund, ["reconcile", *arguments], catch_exceptions=False)


def test_the_differences_are_printed_to_the_fen(month: str) -> None:
    found = run("--institution", INSTITUTION, "--period", month)
    assert found.exit_code == 0
    assert "2026-01 还没有对平" in found.output
    assert "只在医保" in found.output
    assert "1,000,000.00" in found.output


def test_programs_get_fen_and_names(month: str) -> None:
    found = json.loads(run("--institution", INSTITUTION, "--period", month, "--format", "json").output)
    assert found["zero_difference"] is False
    assert found["state"] == "open"
    [difference] = found["differences"]
    assert (difference["side"], difference["outcome"], difference["difference_fen"]) == (
        "agency",
        "only_agency",
        100_000_000,
    )
    empty = json.loads(run("--institution", INSTITUTION, "--period", "2025-12", "--format", "json").output)
    assert empty["differences"] == []
    assert empty["zero_difference"] is False, "no closing balance is known"


def test_what_is_no_month_or_no_institution_is_refused(month: str) -> None:
    with pytest.raises(MalformedInput):
        run("--institution", INSTITUTION, "--period", "2026-1")
    with pytest.raises(NotFound):
        run("--institution", "H99999999999", "--period", month)

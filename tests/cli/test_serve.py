from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.persistence.database import Database
from hospital_prepay.program import run as program


@pytest.fixture
def url(sqlite_urls: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PREPAY_MODE", "demo")
    monkeypatch.setenv("PREPAY_DATABASE_URL", sqlite_urls[1])
    monkeypatch.setenv("PREPAY_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("PREPAY_PORT", "8497")
    return sqlite_urls[1]


def set_revision(url: str, statement: str) -> None:
    database = Database(url)
    with database.writing() as connection:
        connection.execute(sa.text(statement))
    database.close()


@pytest.mark.parametrize("command", ["serve", "scheduler"])
def test_a_newer_database_is_refused_in_a_sentence(
    command: str, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_revision(url, "UPDATE alembic_version SET version_num = '9999'")
    assert program([command]) == 70
    assert "比程序新" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "scheduler"])
def test_an_older_database_is_refused_with_the_way_to_upgrade_it(
    command: str, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_revision(url, "DELETE FROM alembic_version")
    assert program([command]) == 70
    assert "hospital-prepay db upgrade" in capsys.readouterr().err


def test_a_newer_database_is_not_upgraded_either(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_revision(url, "UPDATE alembic_version SET version_num = '9999'")
    assert program(["db", "upgrade"]) == 70
    assert "比程序新" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["serve"], ["scheduler"], ["db", "upgrade"]])
def test_production_refuses_to_start_without_secrets_of_its_own(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PREPAY_MODE", raising=False)
    monkeypatch.setenv("PREPAY_DATA_DIR", str(tmp_path / "var"))
    assert program(command) == 2
    told = capsys.readouterr().err
    assert told.startswith("setting_missing: 正式运行要先设置密钥 PREPAY_SECRET_KEY")
    assert told.count("\n") == 1
    assert not (tmp_path / "var").exists()

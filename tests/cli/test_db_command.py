"""``hospital-prepay db`` and ``demo code`` on a new installation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hospital_prepay.program import run
from tests.servers import new_database

SECRETS = {
    "PREPAY_SECRET_KEY": "a-secret-of-production-0123456789",
    "PREPAY_FIELD_KEY": "another-secret-of-production-98765",
}
FOUND = ["db", "found", "H52010300125", "--hospital", "云岭县人民医院", "--login", "longfei", "--name", "龙飞"]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A production installation in an empty folder."""
    for name in ("PREPAY_DATABASE_URL", "PREPAY_DATABASE_OWNER_URL", "PREPAY_MODE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**SECRETS, "PREPAY_DATA_DIR": str(tmp_path / "var")}.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_a_new_installation_is_upgraded_and_founded(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["db", "current", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["current"] is False
    assert run(FOUND) == 70, "the tables are still to come"
    capsys.readouterr()
    assert run(["db", "upgrade"]) == 0
    assert "已升级" in capsys.readouterr().out
    assert run(["db", "upgrade"]) == 0
    assert "不用升级" in capsys.readouterr().out
    assert run(FOUND) == 0
    assert "首次密码" in capsys.readouterr().out
    assert run(FOUND) == 5, "an installation is founded once"


def test_no_code_is_shown_outside_the_demonstration(capsys: pytest.CaptureFixture[str]) -> None:
    run(["db", "upgrade"])
    run(FOUND)
    capsys.readouterr()
    assert run(["demo", "code", "longfei"]) in {3, 5}
    said = capsys.readouterr()
    assert said.out == ""
    assert "演示" in said.err or "正式运行" in said.err


def test_production_without_secrets_is_refused_in_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREPAY_SECRET_KEY", "demonstration-only-demonstration-only")
    assert run(["db", "current"]) == 2
    assert "PREPAY_SECRET_KEY" in capsys.readouterr().err


@pytest.mark.parametrize("code", ["H52XXXXXXXXX", "h52010300125", "A52010300125", "H5201030012", "H520103001255"])
def test_only_an_institution_code_founds_an_institution(capsys: pytest.CaptureFixture[str], code: str) -> None:
    run(["db", "upgrade"])
    assert run(["db", "found", code, *FOUND[3:]]) == 2
    said = capsys.readouterr().err
    assert code in said
    assert "例如 H52010300125" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREPAY_CRYPTOGRAPHY", "domestik"),
        ("PREPAY_PUBLIC_URL", "prepay.hospital.example"),
        ("PREPAY_PUBLIC_URL", "javascript:alert(1)"),
        ("PREPAY_FIELD_KEY", SECRETS["PREPAY_SECRET_KEY"]),
        ("PREPAY_DATABASE_URL", "garbage"),
        ("PREPAY_DATABASE_URL", "postgresql+psycopg://u:p@db:zz/prepay"),
        ("PREPAY_DATABASE_URL", "sqlite://"),
        ("PREPAY_DATABASE_URL", "mysql://db/prepay"),
    ],
)
def test_a_setting_that_makes_no_sense_is_told_in_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert run(["db", "current"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("setting_missing: ")
    assert name in said


@pytest.mark.parametrize("command", [["db", "upgrade"], ["db", "current"], ["serve"], ["scheduler"]])
def test_a_data_folder_that_is_a_file_is_told_in_a_sentence(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    (place / "var").write_text("x")
    monkeypatch.setenv("PREPAY_PORT", "18473")
    assert run(command) == 2
    assert "PREPAY_DATA_DIR" in capsys.readouterr().err


def test_a_database_file_of_junk_is_told_in_a_sentence(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "var").mkdir()
    (place / "var" / "prepay.sqlite3").write_bytes(b"junk" * 2000)
    for command in (["db", "upgrade"], ["db", "current"]):
        assert run(command) == 70
        assert capsys.readouterr().err.startswith("database_unreachable: ")


def test_an_upgrade_without_its_server_is_told_in_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREPAY_DATABASE_URL", "postgresql+psycopg://u:p@127.0.0.1:1/prepay")
    assert run(["db", "upgrade"]) == 70
    assert capsys.readouterr().err.startswith("database_unreachable: ")


@pytest.mark.postgres
def test_an_upgrade_as_the_application_is_told_in_a_sentence(
    postgres_server: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREPAY_DATABASE_URL", new_database(postgres_server)[1])
    assert run(["db", "upgrade"]) == 70
    assert "PREPAY_DATABASE_OWNER_URL" in capsys.readouterr().err


def test_heads_that_are_a_folder_are_told_in_a_sentence(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["db", "upgrade"])
    run(FOUND)
    (place / "var" / "seals" / "H52010300125.jsonl").mkdir(parents=True)
    capsys.readouterr()
    assert run(["ledger", "verify"]) == 70
    assert "是个文件夹" in capsys.readouterr().err

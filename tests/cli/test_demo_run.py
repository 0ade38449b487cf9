from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hospital_prepay.program import run as program

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(folder: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREPAY_")}
    ours = {"PREPAY_DATA_DIR": str(folder / "var"), "PREPAY_PORT": str(port), "PYTHONPATH": str(ROOT)}
    return kept | ours | {"PREPAY_WORKERS": "1", "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}


@contextmanager
def demonstration(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """``demo run`` until the site answers; ended by Ctrl-C."""
    with (folder / "out.txt").open("w") as out, (folder / "err.txt").open("w") as err:
        command = [sys.executable, "-m", "hospital_prepay", "demo", "run", "--small"]
        process = subprocess.Popen(
            command, cwd=folder, env=environment(folder, port), stdout=out, stderr=err, text=True
        )
    try:
        until = time.monotonic() + 120
        while "Ctrl-C" not in (folder / "out.txt").read_text("utf-8"):
            assert process.poll() is None, (folder / "err.txt").read_text("utf-8")
            assert time.monotonic() < until
            time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def status(port: int, path: str) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return int(answer.status)


def kept(folder: Path) -> tuple[int, ...]:
    database = sqlite3.connect(folder / "var" / "prepay.sqlite3")
    tables = ("institution", "staff_user", "stay", "receipt", "cap_table", "inpatient_case")
    counts = tuple(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables)
    database.close()
    return counts


def test_one_command_brings_the_hospital_up_and_a_restart_keeps_its_data(tmp_path: Path) -> None:
    port = free_port()
    with demonstration(tmp_path, port) as process:
        assert [status(port, path) for path in ("/", "/login", "/public/deposits")] == [200] * 3
        code = subprocess.run(
            [sys.executable, "-m", "hospital_prepay", "demo", "code", "shenpi"],
            env=environment(tmp_path, port),
            capture_output=True,
            text=True,
            check=True,
        )
        assert code.stdout.strip().isdigit()
    assert process.returncode == 0
    said = (tmp_path / "out.txt").read_text("utf-8")
    assert all(login in said for login in ("shoufei1", "shoufei2", "caiwu", "shenpi", "anquan", "yl.shenpi"))
    assert "demo code" in said
    assert "导入三年病例" in (tmp_path / "err.txt").read_text("utf-8")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    before = kept(tmp_path)
    assert min(before) > 0
    with demonstration(tmp_path, port):
        assert status(port, "/") == 200
    assert kept(tmp_path) == before
    assert "导入三年病例" not in (tmp_path / "err.txt").read_text("utf-8")


def test_a_taken_port_is_said_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("PREPAY_PORT", str(other.getsockname()[1]))
        monkeypatch.setenv("PREPAY_DATA_DIR", str(tmp_path / "var"))
        assert program(["demo", "run"]) == 5
    assert "另一个程序正占着它" in capsys.readouterr().err
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("command", [["demo", "run"], ["demo", "code", "shenpi"]])
def test_the_demonstration_does_nothing_in_a_working_hospitals_database(
    command: list[str],
    tmp_path: Path,
    sqlite_urls: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PREPAY_PORT", str(free_port()))
    monkeypatch.setenv("PREPAY_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("PREPAY_DATABASE_URL", sqlite_urls[1])
    with monkeypatch.context() as production:
        production.setenv("PREPAY_SECRET_KEY", "a-secret-of-production-0123456789")
        production.setenv("PREPAY_FIELD_KEY", "another-secret-of-production-98765")
        found = ["db", "found", "H52010300125", "--hospital", "云岭县人民医院", "--login", "admin", "--name", "龙飞"]
        assert program(found) == 0
    assert program(command) == 5
    assert "不是演示数据库" in capsys.readouterr().err
    assert not list((tmp_path / "var").glob("snapshots/*"))

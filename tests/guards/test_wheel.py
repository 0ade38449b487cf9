from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hospital_prepay.persistence.migrate import head

ROOT = Path(__file__).parents[2]
# Where a file of the checkout lies in the wheel.
MOVED = {
    "templates": "hospital_prepay/_resources/templates",
    "static": "hospital_prepay/_resources/static",
    "migrations": "hospital_prepay/_resources/migrations",
    "hospital_prepay": "hospital_prepay",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built as an installer builds it."""
    if importlib.util.find_spec("hatchling") is None:
        if os.environ.get("CI"):
            pytest.fail("building the wheel needs hatchling: make dev has it")
        pytest.skip("building the wheel needs hatchling: make dev has it")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


def carried() -> set[str]:
    """Every tracked file of the four folders by its place in the wheel."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *MOVED],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    names = [name for name in listed if name and (ROOT / name).is_file()]
    return {MOVED[name.partition("/")[0]] + "/" + name.partition("/")[2] for name in names}


def test_the_wheel_carries_every_template_asset_migration_rule_and_sample(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    assert carried() - held == set()
    assert any(name.endswith("values.yaml") for name in held)
    assert "hospital_prepay/services/demonstration/samples/inpatient_cases.csv" in held
    assert "hospital_prepay/_resources/migrations/0001_foundation.py" in held


def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held - carried() == set()
    assert not any(name.startswith(("tests/", "wsgi")) for name in held)


def test_what_is_unpacked_finds_its_templates_and_migrations_without_the_checkout(
    wheel: Path, tmp_path: Path
) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "from hospital_prepay.settings import resource; from hospital_prepay.persistence.migrate import head;"
        "print(resource('templates'), resource('static').is_dir(), head())"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    ).stdout.split()
    assert Path(said[0]) == tmp_path / "site" / "hospital_prepay" / "_resources" / "templates"
    assert said[1:] == ["True", head()]

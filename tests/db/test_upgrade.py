from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from hospital_prepay.clock import FixedClock
from hospital_prepay.persistence import migrate
from hospital_prepay.services.database import database_standing, upgrade_database
from hospital_prepay.settings import Settings, resource

NEXT = '''
"""Only in this test."""

from alembic import op

revision = "next"
down_revision = "{head}"
branch_labels = depends_on = None


def upgrade() -> None:
    op.execute("{statement}")
'''


@pytest.fixture
def settings(sqlite_urls: tuple[str, str], tmp_path: Path) -> Settings:
    environment = {"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": str(tmp_path / "var")}
    return Settings.from_environment(environment | {"PREPAY_DATABASE_URL": sqlite_urls[1]})


def add_migration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, statement: str) -> None:
    """A program with one more migration than this one."""
    folder = tmp_path / "migrations"
    shutil.copytree(resource("migrations"), folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "9999_next.py").write_text(NEXT.format(head=migrate.head(), statement=statement), "utf-8")
    monkeypatch.setattr(migrate, "resource", lambda name: tmp_path / name)


def test_a_backup_is_made_before_a_migration(
    settings: Settings, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = migrate.head()
    assert upgrade_database(settings, clock).backup is None
    add_migration(monkeypatch, tmp_path, "DROP TABLE job_run")
    done = upgrade_database(settings, clock)
    assert done.steps == ("next",)
    assert done.backup is not None
    copy = sqlite3.connect(done.backup)
    assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == (before,)
    assert copy.execute("SELECT count(*) FROM job_run").fetchone() == (0,)
    copy.close()


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    settings: Settings, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = database_standing(settings).found
    add_migration(monkeypatch, tmp_path, "DROP TABLE no_such_table")
    with pytest.raises(Exception, match="no_such_table"):
        upgrade_database(settings, clock)
    assert database_standing(settings).found == before
    assert list((settings.data_dir / "backups").iterdir())

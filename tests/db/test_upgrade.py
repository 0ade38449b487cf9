from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.persistence import decisions, migrate
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.queries import caps
from hospital_prepay.services.database import database_standing, upgrade_database
from hospital_prepay.settings import Settings, resource
from tests import servers
from tests.conftest import BOTH

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


OLD_ROWS = (
    "INSERT INTO decision (institution_id, decision_id, rule, rule_version, outcome, amount_fen, reasons, facts,"
    " effective_on, decided_at, actor) VALUES ('H1', 'old', 'inpatient.refund', '1', 'held', 5, '[]', '{}',"
    " '2026-01-14', '2026-01-14T02:00:00.000000+00:00', 'somebody')",
    "INSERT INTO case_import_rejection (institution_id, import_id, line, code, message)"
    " VALUES ('H1', 'import', 7, 'formula', '住院总费用是公式“=A1”。')",
)


@pytest.fixture(params=BOTH)
def empty_urls(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Owner's and application's URL of a database without any table."""
    if request.param == "sqlite":
        return (f"sqlite:///{tmp_path / 'old.sqlite3'}",) * 2
    return servers.new_database(request.getfixturevalue("postgres_server"))


def test_rows_from_before_the_evidence_was_kept_survive_and_stay_append_only(
    empty_urls: tuple[str, str], clock: FixedClock, tmp_path: Path
) -> None:
    owner, application = (Database(url, pool_size=1) for url in empty_urls)
    role = application.url.username if owner.is_postgresql else None
    for target in ("0001", "head"):
        migrate.upgrade(owner, app_role=role, backup_folder=tmp_path, moment=clock.now(), target=target)
        if target == "0001":
            with application.writing() as connection:
                for statement in OLD_ROWS:
                    connection.execute(sa.text(statement))
    with application.reading() as connection:
        stored = decisions.find_stored(connection, "H1", "old")
        assert (stored.readings, stored.decision.rule) == (None, "inpatient.refund")
        (rejection,) = caps.rejections(connection, "H1", "import", "", 0, None)
        assert (rejection.line, rejection.field, rejection.original) == (7, None, None)
    for table in ("decision SET readings = '{}'", "case_import_rejection SET original = ''"):
        with pytest.raises(sa.exc.DBAPIError), owner.writing() as connection:
            connection.execute(sa.text(f"UPDATE {table}"))
    owner.close()
    application.close()

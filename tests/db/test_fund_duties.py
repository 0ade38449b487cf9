"""What both databases refuse of the fund's duties, whoever writes: the application's own user with raw SQL."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.persistence import fund_duties as store
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models.base import Base
from hospital_prepay.persistence.models.fund_duties import FundCalendar, FundDutyClosure, FundPlace
from tests.books import HOSPITAL
from tests.hospital import enter_people

TABLES = ("fund_place", "fund_duty_closure", "fund_reminder", "fund_account_check", "fund_calendar")


@pytest.fixture
def rows(database: Database, clock: FixedClock) -> dict[str, dict[str, Any]]:
    """One row of each table."""
    now, today, own = clock.now(), clock.today(), {"institution_id": HOSPITAL}
    found: dict[str, dict[str, Any]] = {
        "fund_place": {
            **own,
            "place_no": 1,
            "regime": "x",
            "pool_region": "x",
            "from_year": 2026,
            "stands": True,
            "state": "proposed",
            "proposed_by": "a",
            "proposed_at": now,
        },
        "fund_duty_closure": {
            **own,
            "duty_key": "k",
            "step_no": 1,
            "kind": "done",
            "done_on": today,
            "words": "x",
            "decision_id": "d",
            "recorded_by": "a",
            "recorded_at": now,
        },
        "fund_reminder": {
            **own,
            "duty_key": "k",
            "stage": "7",
            "words": "x",
            "reminded_on": today,
            "reminded_at": now,
        },
        "fund_account_check": {
            **own,
            "business_date": today,
            "general_fen": -1,
            "restricted_fen": 0,
            "checked_at": now,
        },
        "fund_calendar": {**own, "token_hash": "h", "user_id": "a", "made_at": now},
    }
    with database.writing() as connection:
        enter_people(connection, clock, HOSPITAL, "a")
        for name, values in found.items():
            connection.execute(sa.insert(Base.metadata.tables[name]).values(**values))
    return found


def refused(database: Database, statement: Any) -> None:
    with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
        connection.execute(statement)


@pytest.mark.parametrize("name", TABLES)
def test_nothing_is_deleted_or_entered_twice(database: Database, rows: dict[str, dict[str, Any]], name: str) -> None:
    refused(database, sa.text(f"DELETE FROM {name}"))
    refused(database, sa.insert(Base.metadata.tables[name]).values(**rows[name]))
    with database.reading() as connection:
        assert connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) == 1


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("fund_duty_closure", "words = 'y'"),
        ("fund_reminder", "words = 'y'"),
        ("fund_account_check", "general_fen = 0"),
        ("fund_place", "regime = 'y'"),
        ("fund_place", "state = 'confirmed'"),
        ("fund_place", "state = 'confirmed', decided_by = 'a'"),
        ("fund_place", "state = 'confirmed', decided_by = 'b', from_year = 2027"),
        ("fund_calendar", "user_id = 'b'"),
        ("fund_calendar", "revoked_at = made_at, token_hash = 'y'"),
    ],
)
def test_what_is_written_is_not_written_over(
    database: Database, rows: dict[str, dict[str, Any]], name: str, change: str
) -> None:
    refused(database, sa.text(f"UPDATE {name} SET {change}"))


def test_a_place_is_decided_once_by_another_person(
    database: Database, rows: dict[str, dict[str, Any]], clock: FixedClock
) -> None:
    decide = sa.update(FundPlace).values(state="confirmed", decided_by="b", decided_at=clock.now())
    refused(database, decide)
    with database.writing() as connection:
        enter_people(connection, clock, rows["fund_place"]["institution_id"], "b")
        connection.execute(decide)
    refused(database, sa.update(FundPlace).values(state="declined", decided_by="b"))
    refused(database, sa.insert(FundPlace).values(**{**rows["fund_place"], "place_no": 2, "state": "confirmed"}))
    ready = {**rows["fund_place"], "place_no": 2, "state": "confirmed", "decided_by": "b", "decided_at": clock.now()}
    refused(database, sa.insert(FundPlace).values(**ready))


@pytest.mark.parametrize(
    "changes",
    [
        {"step_no": 2},
        {"step_no": 3},
        {"step_no": 0},
        {"step_no": 2, "kind": "withdrawn", "done_on": None},
        {"step_no": 2, "kind": "withdrawn", "done_on": None, "decision_id": None, "words": ""},
        {"step_no": 3, "kind": "withdrawn", "done_on": None, "decision_id": None},
        {"duty_key": "other", "step_no": 2, "kind": "withdrawn", "done_on": None, "decision_id": None},
        {"duty_key": "other", "done_on": None},
        {"duty_key": "other", "decision_id": None},
        {"duty_key": "other", "kind": "not_applicable"},
    ],
)
def test_a_duty_has_one_live_closure_that_only_a_withdrawal_with_a_ground_ends(
    database: Database, rows: dict[str, dict[str, Any]], changes: dict[str, Any]
) -> None:
    refused(database, sa.insert(FundDutyClosure).values(**{**rows["fund_duty_closure"], **changes}))


def test_of_many_who_close_a_duty_at_once_one_does(database: Database, rows: dict[str, dict[str, Any]]) -> None:
    values = {**rows["fund_duty_closure"], "duty_key": "race"}
    own = values.pop("institution_id")

    def close(_number: int) -> bool:
        try:
            with database.writing() as connection:
                store.add_step(connection, own, **values)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(close, range(16))) == 1


def test_a_subscription_is_revoked_for_good_and_a_person_has_one(
    database: Database, rows: dict[str, dict[str, Any]], clock: FixedClock
) -> None:
    another = {**rows["fund_calendar"], "token_hash": "i"}
    refused(database, sa.insert(FundCalendar).values(**another))
    with database.writing() as connection:
        connection.execute(sa.update(FundCalendar).values(revoked_at=clock.now()))
    refused(database, sa.update(FundCalendar).values(revoked_at=None))
    refused(database, sa.update(FundCalendar).values(revoked_at=clock.now() + timedelta(1)))
    refused(database, sa.insert(FundCalendar).values(**another, revoked_at=clock.now()))
    with database.writing() as connection:
        connection.execute(sa.insert(FundCalendar).values(**another))


def test_a_live_subscription_is_not_pushed_out_by_another_in_the_file(sqlite_database: Database) -> None:
    connection = sqlite3.connect(str(sqlite_database.url.database), isolation_level=None)
    connection.execute("PRAGMA recursive_triggers = OFF")
    put = "INSERT OR REPLACE INTO fund_calendar VALUES ('x', ?, 'a', 'now', NULL)"
    connection.execute(put, ("h",))
    with pytest.raises(sqlite3.Error, match="one_live"):
        connection.execute(put, ("i",))
    assert connection.execute("SELECT token_hash FROM fund_calendar").fetchall() == [("h",)]
    connection.close()

"""What both databases refuse of an approval that is taken back, whoever asks: raw SQL by the application's user."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models.fund import FundGrant
from hospital_prepay.persistence.models.fund_approvals import FundApprovalWithdrawn
from tests.books import HOSPITAL, book_receipt, open_books
from tests.hospital import enter_people

GRANT = "01a21035-0000-7000-8000-000000000001"
NOTHING: Mapping[str, Any] = dict.fromkeys(("approved_fen", "approved_on", "recorded_by", "recorded_at"))


@pytest.fixture
def books(database: Database, clock: FixedClock) -> Database:
    """A grant that ``b`` recorded the approval of."""
    open_books(database, clock)
    applied = {"state": "applied", "applied_fen": 100000, "applied_by": "a", "applied_at": clock.now()}
    which = {"regime": "zhejiang-prepay-2025", "pool_region": "x", "fund": "employee", "year": 2026, "kind": "basic"}
    with database.writing() as connection:
        enter_people(connection, clock, HOSPITAL, "a", "b", "c")
        key = {"institution_id": HOSPITAL, "grant_id": GRANT, "decision_id": "d"}
        connection.execute(sa.insert(FundGrant).values(**key, **which, **applied))
    walk(database, state="approved", **approval(clock))
    return database


def approval(clock: FixedClock) -> dict[str, Any]:
    by = {"recorded_by": "b", "recorded_at": clock.now()}
    return {"approved_fen": 100000, "approved_on": clock.today(), "approval_document": "1 号", **by}


def walk(database: Database, **values: Any) -> None:
    with database.writing() as connection:
        connection.execute(sa.update(FundGrant).where(FundGrant.grant_id == GRANT).values(**values))


def take_back(database: Database, clock: FixedClock, **changes: Any) -> None:
    key = {"institution_id": HOSPITAL, "grant_id": GRANT, "withdrawn_no": 1}
    by = {"ground": "看错", "withdrawn_by": "c", "withdrawn_at": clock.now()}
    with database.writing() as connection:
        connection.execute(sa.insert(FundApprovalWithdrawn).values({**key, **approval(clock), **by, **changes}))


def refused(error: pytest.ExceptionInfo[sa.exc.DBAPIError]) -> str:
    return str(error.value.orig)


def test_an_approval_goes_back_to_its_application_once_it_was_taken_back(books: Database, clock: FixedClock) -> None:
    take_back(books, clock)
    walk(books, state="applied", approval_document="", **NOTHING)
    walk(books, state="approved", **{**approval(clock), "approved_fen": 5})


def test_without_a_second_person_it_stays(books: Database, clock: FixedClock) -> None:
    with pytest.raises(sa.exc.DBAPIError) as error:
        walk(books, state="applied", approval_document="", **NOTHING)
    assert "wrong_step: fund_grant" in refused(error)
    with pytest.raises(sa.exc.DBAPIError) as error:
        take_back(books, clock, withdrawn_by="b")
    assert "second_person" in refused(error)


@pytest.mark.parametrize(
    "changes",
    [{"approved_fen": 1}, {"recorded_by": "a"}, {"approval_document": "2 号"}],
)
def test_what_is_taken_back_is_the_approval_that_stands(
    books: Database, clock: FixedClock, changes: dict[str, Any]
) -> None:
    with pytest.raises(sa.exc.DBAPIError) as error:
        take_back(books, clock, **changes)
    assert "wrong_step: fund_approval_withdrawn" in refused(error)


def test_an_approval_is_not_taken_back_while_its_money_stands_in_the_books(
    books: Database, clock: FixedClock
) -> None:
    book_receipt(books, clock, GRANT, 100000)
    with pytest.raises(sa.exc.DBAPIError) as error:
        take_back(books, clock)
    assert "wrong_step: fund_approval_withdrawn" in refused(error)


def test_what_arrived_is_not_taken_back(books: Database, clock: FixedClock) -> None:
    book_receipt(books, clock, GRANT, 100000)
    walk(books, state="received")
    with pytest.raises(sa.exc.DBAPIError) as error:
        take_back(books, clock)
    assert "wrong_step: fund_approval_withdrawn" in refused(error)
    with pytest.raises(sa.exc.DBAPIError) as error:
        walk(books, state="applied", approval_document="", **NOTHING)
    assert "wrong_step: fund_grant" in refused(error)


@pytest.mark.parametrize("left", [{"approved_fen": 100000}, {"recorded_by": "b"}, {"approval_document": "1 号"}])
def test_nothing_of_it_is_left_on_the_grant(books: Database, clock: FixedClock, left: dict[str, Any]) -> None:
    take_back(books, clock)
    with pytest.raises(sa.exc.DBAPIError) as error:
        walk(books, **{"state": "applied", "approval_document": "", **NOTHING, **left})
    assert "wrong_step: fund_grant" in refused(error)


def test_an_approval_recorded_anew_needs_its_own_taking_back(books: Database, clock: FixedClock) -> None:
    take_back(books, clock)
    walk(books, state="applied", approval_document="", **NOTHING)
    walk(books, state="approved", **{**approval(clock), "recorded_at": clock.now() + timedelta(minutes=1)})
    with pytest.raises(sa.exc.DBAPIError) as error:
        walk(books, state="applied", approval_document="", **NOTHING)
    assert "wrong_step: fund_grant" in refused(error)


def test_the_record_is_kept_as_it_is(books: Database, clock: FixedClock) -> None:
    take_back(books, clock)
    for statement in ("UPDATE fund_approval_withdrawn SET ground = 'x'", "DELETE FROM fund_approval_withdrawn"):
        with pytest.raises(sa.exc.DBAPIError), books.writing() as connection:
            connection.execute(sa.text(statement))
    with pytest.raises(sa.exc.DBAPIError):
        take_back(books, clock)

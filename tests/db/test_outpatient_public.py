"""What raw SQL can't do to applications and announcements, on either database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models.outpatient import OutpatientAccount
from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim
from hospital_prepay.persistence.models.outpatient_public import OutpatientNotice, OutpatientRequest
from hospital_prepay.persistence.outpatient_attempts import count_attempt, drop_attempts
from tests.books import HOSPITAL, open_books
from tests.db.test_outpatient_life import untriggered
from tests.hospital import enter_people

pytestmark = pytest.mark.clause("guizhou-deposit-2025/7")
REQUEST: dict[str, Any] = {
    "institution_id": HOSPITAL,
    "request_no": "SQ1",
    "account_no": "A1",
    "claimant": "self",
    "card_lost": False,
    "route": "cash",
    "personal": "x",
    "state": "asked",
}
NOTICE: dict[str, Any] = {
    "institution_id": HOSPITAL,
    "steps": "x",
    "windows": "x",
    "hours": "x",
    "phone": "x",
    "written_by": "a",
}
TABLE = OutpatientRequest


@pytest.fixture
def books(database: Database, owner_database: Database, clock: FixedClock) -> Database:
    """Two accounts, a claim on-line on the first that "a" accepted, and an application for it."""
    open_books(database, clock)
    with owner_database.writing() as connection, untriggered(connection):
        enter_people(connection, clock, HOSPITAL, "a", "b")
        for number in ("A1", "A2"):
            connection.execute(
                sa.insert(OutpatientAccount).values(
                    institution_id=HOSPITAL, account_no=number, kind="outpatient_deposit", holder_name="",
                    personal="", certno_hash="", phone_hash="", reach="none", channel="cash", patient_no="",
                    opening_fen=0, person_id=number, state="open",
                )
            )  # fmt: skip
        for name, account, taken_at in (("online", "A1", "online"), ("window", "A2", "window")):
            connection.execute(
                sa.insert(OutpatientClaim).values(
                    institution_id=HOSPITAL, claim_id=name, refund_no=name, account_no=account, remitted=False,
                    amount_fen=1, claimant="self", card_lost=False, claimant_name="x", personal="", card_hash="",
                    taken_at=taken_at, route="cash", state="accepted", decision_id="d", accepted_by="a",
                    accepted_at=clock.now(),
                )
            )  # fmt: skip
        connection.execute(sa.insert(TABLE).values(**REQUEST, request_id="r1", asked_at=clock.now()))
        connection.execute(sa.insert(OutpatientNotice).values(**NOTICE, version_no=1, written_at=clock.now()))
    return database


def refused(database: Database, act: Callable[[sa.Connection], Any]) -> bool:
    try:
        with database.writing() as connection:
            act(connection)
    except sa.exc.DBAPIError:
        return True
    return False


def walk(**values: Any) -> Callable[[sa.Connection], Any]:
    return lambda connection: connection.execute(sa.update(TABLE).where(TABLE.request_id == "r1").values(**values))


@pytest.mark.parametrize(
    "values",
    [
        {"state": "taken", "claim_id": "window", "decided_by": "a"},
        {"state": "taken", "claim_id": "online", "decided_by": "b"},
        {"state": "taken", "claim_id": None, "decided_by": "a"},
        {"state": "taken", "claim_id": "online", "decided_by": "anonymous"},
        {"state": "taken", "claim_id": "window", "account_no": "A2", "decided_by": "a"},
        {"state": "declined", "decided_by": "anonymous", "ground": "x"},
        {"state": "declined", "decided_by": "a", "ground": ""},
        {"route": "bank"},
        {"personal": "y"},
        {"state": "asked", "decided_by": "a"},
    ],
)
def test_an_application_goes_no_other_step(books: Database, clock: FixedClock, values: dict[str, Any]) -> None:
    assert refused(books, walk(decided_at=clock.now(), **values))


def test_a_claim_of_its_account_takes_it_up_once_and_for_good(books: Database, clock: FixedClock) -> None:
    by = {"decided_by": "a", "decided_at": clock.now()}
    assert not refused(books, walk(state="taken", claim_id="online", **by))
    assert refused(books, walk(state="declined", claim_id=None, ground="x", **by))
    assert refused(books, walk(state="asked", claim_id=None, decided_by=None, decided_at=None))
    assert refused(books, lambda connection: connection.execute(sa.delete(TABLE)))


@pytest.mark.parametrize(("claim", "account", "goes"), [("window", "A2", False), ("online", "A1", True)])
def test_a_visit_is_taken_up_by_a_claim_on_line_alone(
    books: Database, clock: FixedClock, claim: str, account: str, goes: bool
) -> None:
    visit = {**REQUEST, "request_no": "SQ2", "request_id": "r2", "account_no": None, "claimant": "heir"}
    values = {
        "state": "taken",
        "claim_id": claim,
        "account_no": account,
        "decided_by": "a",
        "decided_at": clock.now(),
    }
    with books.writing() as connection:
        connection.execute(sa.insert(TABLE).values(**visit, asked_at=clock.now()))
    step = sa.update(TABLE).where(TABLE.request_id == "r2").values(**values)
    assert refused(books, lambda connection: connection.execute(step)) is not goes


@pytest.mark.parametrize(
    "changes",
    [
        {},  # the owner's second one that waits
        {"account_no": None},
        {"account_no": "A2", "state": "taken", "claim_id": "window", "decided_by": "a"},
        {"account_no": "A2", "state": "declined", "decided_by": "a", "ground": "x"},
        {"account_no": "none"},
        {"account_no": "A2", "request_no": "SQ1"},
        {"account_no": "A2", "request_id": "r1"},
    ],
)
def test_no_other_application_is_written(books: Database, clock: FixedClock, changes: dict[str, Any]) -> None:
    values = {**REQUEST, "request_no": "SQ2", "request_id": "r2", "asked_at": clock.now(), **changes}
    assert refused(books, lambda connection: connection.execute(sa.insert(TABLE).values(**values)))


@pytest.mark.parametrize("changes", [{"version_no": 1}, {"version_no": 3}, {"version_no": 2, "written_by": "nobody"}])
def test_versions_of_the_announcement_count_on(books: Database, clock: FixedClock, changes: dict[str, Any]) -> None:
    values = {**NOTICE, "written_at": clock.now(), **changes}
    assert refused(books, lambda connection: connection.execute(sa.insert(OutpatientNotice).values(**values)))


def test_a_version_stays_as_it_was(books: Database) -> None:
    assert refused(books, lambda connection: connection.execute(sa.update(OutpatientNotice).values(steps="y")))
    assert refused(books, lambda connection: connection.execute(sa.delete(OutpatientNotice)))


def test_a_counter_begins_anew_when_its_time_has_passed(books: Database, clock: FixedClock) -> None:
    hour = timedelta(hours=1)

    def count(now: Any) -> int:
        with books.writing() as connection:
            return count_attempt(connection, HOSPITAL, "address", "x", now, hour)

    now = clock.now()
    assert [count(now), count(now + hour / 2), count(now + hour), count(now + hour)] == [1, 2, 1, 2]
    with books.writing() as connection:
        drop_attempts(connection, HOSPITAL, now + hour * 2)
    assert count(now + hour) == 1

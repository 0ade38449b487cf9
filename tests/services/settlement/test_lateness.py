"""Why a settlement is late, excuses by two people, and that none of it moves a clock."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.rules.settlement.lateness import (
    ExcuseFacts,
    LateReason,
    Side,
    excuse,
    occasional_most,
)
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.publication.readings import NewChoice, change_reading
from hospital_prepay.services.settlement.board import Bucket, Chosen, board, discharges_of
from hospital_prepay.services.settlement.lateness import (
    WriteReason,
    ask_excuse,
    beside,
    decide_excuse,
    late_list,
    write_reason,
)
from tests.hospital import APPROVER, CASHIER, INSTITUTION, OFFICER, Hospital, actor, enter_people, require_named
from tests.services.settlement.test_progress import NO, discharge

WARD = actor(Role.WARD)
SYSTEM = actor(Role.SYSTEM_ADMINISTRATOR)
LATE = datetime(2026, 1, 22, 9, 0, tzinfo=SHANGHAI)  # due on the 20th


@pytest.fixture
def late(hospital: Hospital, clock: FixedClock) -> Iterator[Hospital]:
    """A discharge of 15 January that is open on the 22nd; whatever a test does, each decision is named."""
    discharge(hospital)
    clock.moment = LATE
    yield hospital
    require_named(hospital)


def write(hospital: Hospital, who: Any = WARD, reason: LateReason = LateReason.INSURANCE_DOWN, **said: Any) -> int:
    command = WriteReason(
        **{"stay_no": NO, "reason": reason, "words": "医保停机", "idempotency_key": "k-00001", **said}
    )
    return write_reason(hospital.context, who, command)


def excuse_of(hospital: Hospital) -> str:
    return beside(hospital.context, OFFICER, NO).rows[0].excuse


def read(name: str, value: str, hospital: Hospital) -> None:
    change_reading(hospital.context, OFFICER, name, NewChoice(value, "试"))


@pytest.mark.clause("guizhou-deposit-2025/25")
def test_an_excuse_is_asked_by_one_and_accepted_by_another(late: Hospital) -> None:
    write(late, asks_excuse=True)
    write(late, who=OFFICER, idempotency_key="k-00002", asks_excuse=True)
    with pytest.raises(SecondPersonRequired):
        decide_excuse(late.context, OFFICER, NO, 2, accept=True)
    found = decide_excuse(late.context, OFFICER, NO, 1, accept=True)
    assert found.accepted
    assert excuse_of(late) == "accepted"
    with pytest.raises(Conflict):
        decide_excuse(late.context, APPROVER, NO, 1, accept=False, answer="太晚")
    row = beside(late.context, OFFICER, NO).rows[0]
    assert (row.asked_by, row.decided_by, row.decision_id) == ("ward-1", "finance_officer-1", found.decision_id)


@pytest.mark.clause("guizhou-deposit-2025/19", "guizhou-deposit-2025/25")
def test_no_reason_and_no_excuse_moves_a_clock_or_a_late_count(late: Hospital) -> None:
    def clocks() -> Any:
        record = discharges_of(late.context, OFFICER, NO).records[0]
        counts = board(late.context, OFFICER, Chosen()).counts
        return record.row.due_on, record.row.expected_on, record.row.target_at, record.clocks, counts

    before = clocks()
    assert before[-1][Bucket.LATE] == 1
    write(late, asks_excuse=True)
    assert clocks() == before
    decide_excuse(late.context, OFFICER, NO, 1, accept=True)
    assert clocks() == before
    assert late_list(late.context, OFFICER, "open", 1).counts["open"] == 1


def test_it_is_turned_down_with_words(late: Hospital) -> None:
    write(late, asks_excuse=True)
    with pytest.raises(MalformedInput):
        decide_excuse(late.context, OFFICER, NO, 1, accept=False)
    assert not decide_excuse(late.context, OFFICER, NO, 1, accept=False, answer="没有停机").accepted
    assert excuse_of(late) == "refused"
    with pytest.raises(Conflict):
        ask_excuse(late.context, WARD, NO, 1)


def test_an_excuse_may_be_asked_for_later_and_once(late: Hospital) -> None:
    write(late)
    assert late_list(late.context, OFFICER, "excuses", 1).rows == ()
    ask_excuse(late.context, CASHIER, NO, 1)
    with pytest.raises(Conflict):
        ask_excuse(late.context, WARD, NO, 1)
    with pytest.raises(NotFound):
        ask_excuse(late.context, WARD, NO, 2)
    assert [one.asked_by for one in late_list(late.context, OFFICER, "excuses", 1).rows] == ["cashier-1"]


def test_who_does_no_part_of_it_writes_no_reason_and_decides_nothing(late: Hospital) -> None:
    for who in (SYSTEM, actor(Role.AUDITOR)):
        with pytest.raises(NotPermitted):
            write(late, who=who)
    assert late.count("audit_event", "action = 'settlement.late_reason' AND outcome = 'refused'") == 2
    write(late, asks_excuse=True)
    with pytest.raises(NotPermitted):
        decide_excuse(late.context, CASHIER, NO, 1, accept=True)
    with pytest.raises(MalformedInput):
        write(late, words=" ", idempotency_key="k-00003")


def test_what_is_not_late_needs_no_excuse_but_may_have_its_reason(hospital: Hospital) -> None:
    discharge(hospital)
    write(hospital)
    with pytest.raises(Conflict, match="还没有逾期"):
        ask_excuse(hospital.context, WARD, NO, 1)


@pytest.mark.clause("guizhou-deposit-2025/25")
def test_the_reading_says_whose_delay_is_tolerated(late: Hospital) -> None:
    read("tolerated_lateness", "patient", late)
    with pytest.raises(Conflict, match="不包括本院"):
        write(late, reason=LateReason.OWN_STAFF, asks_excuse=True)
    write(late, reason=LateReason.PATIENT_ABSENT, asks_excuse=True)
    read("tolerated_lateness", "hospital", late)  # another reading before it is decided
    found = decide_excuse(late.context, OFFICER, NO, 1, accept=True)
    assert found.decision is not None
    assert [reason.code for reason in found.decision.reasons] == ["not_tolerated"]
    assert excuse_of(late) == "asked"


@pytest.mark.clause("guizhou-deposit-2025/25")
def test_only_an_occasional_delay_is_excused(late: Hospital, clock: FixedClock) -> None:
    write(late, asks_excuse=True)
    clock.moment = datetime(2026, 1, 15, 11, tzinfo=SHANGHAI)
    discharge(late, "Z2", certificate="")
    clock.moment = LATE
    shown = beside(late.context, OFFICER, NO).previews[1]
    assert [reason.code for reason in shown.reasons] == ["not_occasional"]  # two of two, the setting allows one
    assert not decide_excuse(late.context, OFFICER, NO, 1, accept=True).accepted
    read("occasional_share", "100", late)
    assert decide_excuse(late.context, OFFICER, NO, 1, accept=True).accepted


@pytest.mark.parametrize(("discharged", "most"), [(0, 1), (1, 1), (39, 1), (40, 2), (100, 5), (199, 9)])
def test_how_many_are_occasional(discharged: int, most: int) -> None:
    assert occasional_most(discharged, 5) == most


@pytest.mark.parametrize(
    ("tolerated", "sides"),
    [("both_apart", set(Side)), ("patient", {Side.PATIENT}), ("hospital", {Side.HOSPITAL})],
)
def test_each_reason_is_somebodys(tolerated: str, sides: set[Side]) -> None:
    told = {
        reason.side
        for reason in LateReason
        if excuse(ExcuseFacts(reason.value, tolerated, True, 100, 5, 5), "v").permitted
    }
    assert told == sides
    assert not excuse(ExcuseFacts("own_staff", "both_apart", True, 100, 6, 5), "v").permitted


def test_one_form_sent_twice_writes_one_reason(late: Hospital) -> None:
    assert [write(late), write(late)] == [1, 1]
    assert late.count("lateness") == 1


def test_of_eight_that_decide_at_once_one_does(late: Hospital) -> None:
    write(late, asks_excuse=True)

    def decide(number: int) -> bool:
        who = actor(Role.FINANCE_OFFICER, ("1", "2", "3", "9")[number % 4])
        try:
            accept = number % 2 == 0
            return bool(decide_excuse(late.context, who, NO, 1, accept=accept, answer="" if accept else "不是"))
        except Conflict:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(decide, range(8))) == 1
    assert late.count("audit_event", "action LIKE 'settlement.%_excuse' AND outcome = 'done'") == 1


def test_eight_reasons_at_once_are_numbered_apart(late: Hospital) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda one: write(late, idempotency_key=f"key-{one:05}"), range(8)))
    assert sorted(numbers) == list(range(1, 9))


def test_the_lists_hold_what_they_say(late: Hospital, clock: FixedClock) -> None:
    discharge(late, "Z2", at="20260122080000", certificate="", ward="儿科")
    assert [one.stay_no for one in late_list(late.context, OFFICER, "open", 1).rows] == [NO]
    clock.moment += timedelta(days=365 + 60)
    assert late_list(late.context, OFFICER, "open", 1).counts == {
        "open": 2,
        "unexplained": 0,
        "excuses": 0,
        "take_backs": 0,
    }


ACCEPT = "UPDATE lateness SET excuse = 'accepted', decided_at = asked_at, decided_by = "


@pytest.mark.parametrize(
    "statement",
    [
        f"{ACCEPT}asked_by, decision_id = 'x'",
        f"{ACCEPT}' Ward-1 ', decision_id = 'x'",
        f"{ACCEPT}'finance_officer-1'",
        f"{ACCEPT}'finance_officer-1', decision_id = 'x'",
        f"{ACCEPT}'nobody', decision_id = 'x'",
        "UPDATE lateness SET excuse = 'refused', decided_by = 'finance_officer-1', decided_at = asked_at",
        "UPDATE lateness SET excuse = 'none', asked_by = NULL, asked_at = NULL",
        "UPDATE lateness SET asked_by = 'x'",
        "UPDATE lateness SET words = 'x'",
        "UPDATE lateness SET reason_code = 'other'",
        "DELETE FROM lateness",
        "INSERT INTO lateness SELECT institution_id, stay_no, discharged_at, 3, reason_code, words, written_by,"
        " written_at, 'none', NULL, NULL, NULL, NULL, NULL, NULL FROM lateness",
        "INSERT INTO lateness SELECT institution_id, stay_no, discharged_at, 2, reason_code, words, written_by,"
        " written_at, 'accepted', 'x', written_at, 'y', written_at, NULL, 'z' FROM lateness",
    ],
)
def test_raw_sql_excuses_nothing(late: Hospital, database: Database, statement: str) -> None:
    write(late, asks_excuse=True)
    with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
        connection.execute(sa.text(statement))
    assert excuse_of(late) == "asked"


@pytest.mark.parametrize("decider", ["ward-1", "WARD-1"])
def test_raw_sql_lets_nobody_decide_on_their_own_request(late: Hospital, database: Database, decider: str) -> None:
    """Somebody spelled alike is no second person either."""
    write(late, asks_excuse=True)
    with database.writing() as connection:
        enter_people(connection, late.context.clock, INSTITUTION, "WARD-1")
    text = (
        "UPDATE lateness SET excuse = 'refused', answer = 'x', decided_at = asked_at, decided_by = :decider"
        " WHERE excuse = 'asked'"
    )
    with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
        connection.execute(sa.text(text), {"decider": decider})
    with database.writing() as connection:  # another person may
        connection.execute(sa.text(text), {"decider": "finance_officer-1"})
    assert excuse_of(late) == "refused"

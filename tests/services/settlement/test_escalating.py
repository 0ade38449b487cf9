"""Discharges are brought to whoever must do the next step, each level once, and to nobody when it is done."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.rules.settlement.escalation import Level, level_on
from hospital_prepay.persistence.database import Database
from hospital_prepay.rulebook.holidays import working_day_calendar
from hospital_prepay.services.access.home import tasks
from hospital_prepay.services.settlement.escalating import escalate
from hospital_prepay.services.settlement.lateness import beside
from tests.hospital import INSTITUTION, OFFICER, Hospital, actor
from tests.settled import discharged, pass_to_cashier, settled

CALENDAR = working_day_calendar()
NO = "Z1"


def day(text: str, hour: int = 7) -> datetime:
    return datetime.fromisoformat(text).replace(hour=hour, tzinfo=SHANGHAI)


@pytest.mark.clause("guizhou-deposit-2025/19")
@pytest.mark.parametrize(
    ("today", "level"),
    [
        ("2025-09-29", None),
        ("2025-09-30", Level.DAY_BEFORE),  # National Day lies between
        ("2025-10-01", None),
        ("2025-10-08", None),
        ("2025-10-09", Level.DUE_DAY),
        ("2025-10-10", Level.LATE),
        ("2025-10-11", Level.LATE),  # a make-up Saturday: two working days
        ("2025-10-12", Level.LATE),
        ("2025-10-13", Level.VERY_LATE),
        ("2025-11-13", Level.VERY_LATE),
    ],
)
def test_the_level_of_a_day(today: str, level: Level | None) -> None:
    assert level_on(day("2025-10-09").date(), day(today).date(), CALENDAR) is level


def test_beyond_the_announced_years_weekdays_are_taken() -> None:
    assert level_on(day("2027-01-04").date(), day("2027-01-01").date(), CALENDAR) is Level.DAY_BEFORE


@pytest.fixture
def lying(hospital: Hospital, clock: FixedClock) -> Hospital:
    """A discharge of Thursday 15 January, due on Tuesday the 20th, with the ward."""
    discharged(hospital.context, clock, NO, day("2026-01-15", 9))
    return hospital


def run(hospital: Hospital, clock: FixedClock, text: str) -> list[tuple[str, str]]:
    """The escalations after the morning of a day."""
    clock.moment = day(text)
    escalate(hospital.context, INSTITUTION)
    return [(one.level, one.stage) for one in beside(hospital.context, OFFICER, NO).escalations]


def waits(hospital: Hospital, role: Role) -> dict[str, int]:
    return {
        task.kind: task.pile.count
        for task in tasks(hospital.context, actor(role))
        if task.kind.startswith("discharge_")
    }


def test_each_level_comes_once_and_to_whom_it_lies_with(lying: Hospital, clock: FixedClock) -> None:
    assert run(lying, clock, "2026-01-16") == []
    assert waits(lying, Role.WARD) == {}
    assert run(lying, clock, "2026-01-19") == [("day_before", "ward")]
    assert run(lying, clock, "2026-01-19") == [("day_before", "ward")]
    assert (waits(lying, Role.WARD), waits(lying, Role.CASHIER)) == ({"discharge_ward": 1}, {})
    pass_to_cashier(lying.context, NO)
    assert (waits(lying, Role.WARD), waits(lying, Role.CASHIER)) == ({}, {"discharge_cashier": 1})
    told = [("day_before", "ward"), ("due_day", "cashier"), ("late", "cashier"), ("very_late", "cashier")]
    for number, text in enumerate(("2026-01-20", "2026-01-21", "2026-01-23"), 2):
        assert sorted(run(lying, clock, text)) == sorted(told[:number])
    assert waits(lying, Role.FINANCE_APPROVER) == {"discharge_head": 1}
    assert waits(lying, Role.CASHIER) == {"discharge_cashier": 1}  # one discharge, however often it was told
    assert lying.count("audit_event", "action = 'settlement.escalate' AND subject = 'Z1'") == 4


def test_what_was_missed_is_not_made_up(lying: Hospital, clock: FixedClock) -> None:
    assert run(lying, clock, "2026-02-02") == [("very_late", "ward")]


def test_what_is_settled_is_brought_to_nobody(hospital: Hospital, clock: FixedClock) -> None:
    settled(hospital.context, clock, NO, day("2026-01-15", 9), 3)
    assert run(hospital, clock, "2026-01-21") == []
    assert escalate(hospital.context, INSTITUTION) == "nothing"
    assert waits(hospital, Role.CASHIER) == {}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE escalation SET level = 'late'",
        "DELETE FROM escalation",
        "INSERT INTO escalation SELECT institution_id, stay_no, discharged_at, 'late', 'cashier', expected_on,"
        " raised_on, raised_at FROM escalation",
        "INSERT INTO escalation SELECT institution_id, stay_no, discharged_at, level, stage, expected_on, raised_on,"
        " raised_at FROM escalation",
    ],
)
def test_raw_sql_rewrites_no_escalation(
    lying: Hospital, clock: FixedClock, database: Database, statement: str
) -> None:
    run(lying, clock, "2026-01-19")
    with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
        connection.execute(sa.text(statement))

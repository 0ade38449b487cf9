"""The periodic risk assessment: figures that are the books', two people, one after the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.rules.settlement.arrears import ActKind
from hospital_prepay.domain.rules.settlement.assessment import Period, is_overdue, next_period
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.settlement.assessments import Assess, approve, assess, list_assessments
from tests.hospital import APPROVER, CASHIER, OFFICER, Hospital
from tests.services.settlement.owing import OWED, do, leave_owing, pay

pytestmark = pytest.mark.clause("guizhou-deposit-2025/25")
SAID = Assess("欠费集中在急诊", "急诊先核对医保", "assess-key-1")


@pytest.fixture
def owing(hospital: Hospital, clock: FixedClock) -> Hospital:
    """A stay that owes, provided for in January; it is April now."""
    leave_owing(hospital)
    pay(hospital, 30_000, "some-of-it")
    do(hospital, ActKind.PROVISION, 50_000)
    clock.moment = datetime(2026, 4, 2, 9, tzinfo=SHANGHAI)
    return hospital


def test_the_figures_are_those_of_the_books_and_another_person_approves(owing: Hospital) -> None:
    found = list_assessments(owing.context, OFFICER)
    assert (found.period, found.has_ended, found.is_overdue) == (
        Period(date(2026, 1, 1), date(2026, 3, 31)),
        True,
        False,
    )
    figures = found.figures
    assert {name: figures[name] for name in ("settled", "late", "left_owing", "left_owing_fen")} == {
        "settled": 1,
        "late": 0,
        "left_owing": 1,
        "left_owing_fen": OWED,
    }
    assert (figures["owed_fen"], figures["provided_fen"], figures["bands"]["90"]) == (70_000, 50_000, 70_000)
    assert figures["acts"] == {"provision": 50_000, "release": 0, "write_off": 0, "reopen": 0}
    assert assess(owing.context, OFFICER, SAID) == assess(owing.context, OFFICER, SAID) == 1
    with pytest.raises(SecondPersonRequired):
        approve(owing.context, OFFICER, 1)
    approve(owing.context, APPROVER, 1)
    with pytest.raises(Conflict):
        approve(owing.context, APPROVER, 1)
    after = list_assessments(owing.context, OFFICER)
    assert (after.rows[0].figures, after.period.first, after.has_ended) == (figures, date(2026, 4, 1), False)
    with pytest.raises(Conflict, match="才结束"):
        assess(owing.context, OFFICER, Assess("x", "y", "assess-key-2"))


def test_what_is_not_written_or_not_allowed_is_refused(owing: Hospital) -> None:
    with pytest.raises(MalformedInput):
        assess(owing.context, OFFICER, Assess(" ", "y", "assess-key-2"))
    with pytest.raises(NotPermitted):
        assess(owing.context, CASHIER, SAID)
    assess(owing.context, OFFICER, SAID)
    with pytest.raises(Conflict):
        assess(owing.context, APPROVER, Assess("x", "y", "assess-key-3"))


def test_two_at_once_write_one(owing: Hospital) -> None:
    def press(number: int) -> bool:
        try:
            assess(owing.context, OFFICER, Assess("x", "y", f"press-key-{number}"))
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as windows:
        assert sum(windows.map(press, range(4))) == 1
    assert owing.count("risk_assessment") == 1


@pytest.mark.parametrize(
    ("assessed_to", "months", "today", "expected"),
    [
        (None, 3, date(2026, 1, 1), Period(date(2025, 10, 1), date(2025, 12, 31))),
        (None, 3, date(2026, 3, 31), Period(date(2025, 10, 1), date(2025, 12, 31))),
        (None, 12, date(2026, 3, 31), Period(date(2025, 1, 1), date(2025, 12, 31))),
        (date(2025, 12, 31), 3, date(2027, 3, 31), Period(date(2026, 1, 1), date(2026, 3, 31))),
        (date(2025, 12, 31), 1, date(2026, 3, 31), Period(date(2026, 1, 1), date(2026, 1, 31))),
    ],
)
def test_the_next_period(assessed_to: date | None, months: int, today: date, expected: Period) -> None:
    assert next_period(assessed_to, months, today) == expected


def test_it_is_overdue_a_month_after_a_quarter() -> None:
    quarter = Period(date(2026, 1, 1), date(2026, 3, 31))
    assert [is_overdue(quarter, 3, on) for on in (date(2026, 4, 30), date(2026, 5, 1))] == [False, True]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE risk_assessment SET findings = 'x'",
        "DELETE FROM risk_assessment",
        "UPDATE risk_assessment SET approved_by = assessed_by, approved_at = assessed_at",
        "UPDATE risk_assessment SET approved_by = 'nobody', approved_at = assessed_at",
        "INSERT INTO risk_assessment SELECT institution_id, 3, period_from, period_to, figures, findings, measures,"
        " assessed_by, assessed_at, NULL, NULL FROM risk_assessment",
    ],
)
def test_raw_sql_changes_no_assessment(owing: Hospital, database: Database, statement: str) -> None:
    assess(owing.context, OFFICER, SAID)
    with (
        pytest.raises(sa.exc.DBAPIError, match=r"append_only|wrong_step|ck_risk|permission denied"),
        database.writing() as connection,
    ):
        connection.execute(sa.text(statement))

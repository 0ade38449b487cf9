"""The emergency relief fund: asked for by two people, and its money once and only for what is owed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.arrears import ActKind
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.settlement.arrears import arrears_of
from hospital_prepay.services.settlement.relief import (
    Answer,
    Draft,
    Receive,
    answer,
    draft,
    list_relief,
    receive,
    relief_of,
    submit,
)
from tests.hospital import APPROVER, CASHIER, OFFICER, Hospital, require_named
from tests.services.settlement.owing import OWED, do, leave_owing, pay
from tests.services.settlement.test_settling import NO

pytestmark = pytest.mark.clause("guizhou-deposit-2025/21")
REFUSED = "append_only|wrong_step|receipt_mismatch|ck_relief|permission denied|amount"


@pytest.fixture
def owing(hospital: Hospital) -> Iterator[Hospital]:
    """A stay that owes 1,000 and began as an emergency; each entry is named by the event of its act."""
    yield leave_owing(hospital, med_type="24")
    require_named(hospital)


def drafted(hospital: Hospital, fen: int = 80_000, key: str = "draft-key-1") -> str:
    return draft(hospital.context, OFFICER, Draft(NO, Money(fen), "车祸抢救，身份不明", "病历首页、费用清单", key))


def granted(hospital: Hospital, fen: int = 80_000) -> str:
    application = drafted(hospital)
    submit(hospital.context, APPROVER, NO, application)
    answer(hospital.context, OFFICER, Answer(NO, application, Money(fen), "黔救助〔2026〕3号", "answer-key"))
    return application


def owed(hospital: Hospital) -> int:
    return arrears_of(hospital.context, OFFICER, NO).standing.owed_fen


def test_the_funds_money_pays_what_is_owed_once(owing: Hospital, clock: FixedClock) -> None:
    application = granted(owing, 70_000)
    said = Receive(NO, application, Money(70_000), "BK-1", "receive-key")
    with pytest.raises(SecondPersonRequired):
        receive(owing.context, OFFICER, said)
    assert receive(owing.context, APPROVER, said) == receive(owing.context, APPROVER, said)
    assert owed(owing) == 30_000
    assert owing.balance("1002") == Money(70_000)
    with pytest.raises(Conflict):
        receive(owing.context, APPROVER, replace(said, idempotency_key="receive-again"))
    assert arrears_of(owing.context, OFFICER, NO).paid_fen == 70_000
    clock.moment += timedelta(minutes=1)
    second = drafted(owing, 30_000, "draft-key-2")  # the rest may be asked for
    assert relief_of(owing.context, OFFICER, NO).rows[0].application_id == second


def test_nobody_submits_what_they_drafted_and_no_step_is_taken_twice(owing: Hospital) -> None:
    application = drafted(owing)
    with pytest.raises(Conflict, match="没有办完"):
        drafted(owing, 1, "draft-key-2")
    with pytest.raises(SecondPersonRequired):
        submit(owing.context, OFFICER, NO, application)
    with pytest.raises(Conflict):
        answer(owing.context, OFFICER, Answer(NO, application, Money(1), "", "too-early-1"))
    submit(owing.context, APPROVER, NO, application)
    with pytest.raises(Conflict):
        submit(owing.context, APPROVER, NO, application)
    with pytest.raises(MalformedInput, match="不超过申请"):
        answer(owing.context, OFFICER, Answer(NO, application, Money(80_001), "", "too-much-1"))
    with pytest.raises(MalformedInput, match="原因"):
        answer(owing.context, OFFICER, Answer(NO, application, None, " ", "no-reason-1"))
    answer(owing.context, OFFICER, Answer(NO, application, None, "不属急救", "refused-1"))
    assert owed(owing) == OWED
    drafted(owing, OWED, "draft-key-3")


def test_never_more_than_is_owed(owing: Hospital) -> None:
    with pytest.raises(MalformedInput, match=r"最多 1,000\.00"):
        drafted(owing, OWED + 1)
    application = granted(owing)
    pay(owing, 60_000, "paid-meanwhile")
    with pytest.raises(MalformedInput, match=r"最多 400\.00.*退回基金"):
        receive(owing.context, APPROVER, Receive(NO, application, Money(80_000), "BK-1", "receive-key"))
    receive(owing.context, APPROVER, Receive(NO, application, Money(40_000), "BK-1", "receive-key-2"))
    assert owed(owing) == 0


def test_money_of_the_fund_brings_back_what_was_written_off(owing: Hospital) -> None:
    application = granted(owing)
    do(owing, ActKind.PROVISION, OWED)
    do(owing, ActKind.WRITE_OFF, OWED)
    receive(owing.context, APPROVER, Receive(NO, application, Money(80_000), "BK-1", "receive-key"))
    standing = arrears_of(owing.context, OFFICER, NO).standing
    assert (standing.owed_fen, standing.provided_fen, standing.written_off_fen) == (0, 80_000, 20_000)


def test_emergencies_without_an_application_are_listed_with_the_houses_day(
    owing: Hospital, clock: FixedClock
) -> None:
    found = list_relief(owing.context, OFFICER)
    assert [(one.row.stay_no, one.is_late) for one in found.candidates] == [(NO, False)]
    # Thirty working days from Thursday 15 January, the Spring Festival's two make-up Saturdays counted.
    assert (found.days, found.candidates[0].due.due_on) == (30, date(2026, 3, 4))
    clock.moment += timedelta(days=51)
    assert list_relief(owing.context, OFFICER).candidates[0].is_late
    drafted(owing)
    found = list_relief(owing.context, OFFICER)
    assert (found.candidates, [one.is_late for one in found.listed]) == ((), [True])
    with pytest.raises(NotPermitted):
        draft(owing.context, CASHIER, Draft(NO, Money(1), "x", "y", "not-mine-1"))


def test_two_at_once_book_it_once(owing: Hospital) -> None:
    application = granted(owing)

    def press(number: int) -> bool:
        said = Receive(NO, application, Money(80_000), f"BK-{number}", f"press-key-{number}")
        try:
            receive(owing.context, APPROVER, said)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(6) as windows:
        assert sum(windows.map(press, range(6))) == 1
    assert owed(owing) == 20_000


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE relief_application SET amount_fen = 1",
        "DELETE FROM relief_application",
        "UPDATE relief_application SET state = 'draft'",
        "UPDATE relief_application SET granted_fen = 1",
        "UPDATE relief_application SET submitted_by = made_by",
        "UPDATE relief_application SET state = 'received', received_by = 'x', received_at = made_at,"
        " received_fen = granted_fen, bank_reference = 'B', entry_no = 1",
        "INSERT INTO relief_application SELECT institution_id, 'raw', stay_no, 1, ground, papers, 'granted', made_by,"
        " made_at, NULL, NULL, NULL, NULL, 1, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"
        " FROM relief_application",
    ],
)
def test_raw_sql_cannot_take_a_step(owing: Hospital, database: Database, statement: str) -> None:
    granted(owing)
    with pytest.raises(sa.exc.DBAPIError, match=REFUSED), database.writing() as connection:
        connection.execute(sa.text(statement))

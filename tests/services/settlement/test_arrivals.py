"""Refunds on their way: arrived, failed, sent again; the money is with the patient once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence import refund_arrivals as store
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.inpatient.slips import (
    DecideRequest,
    RequestRefund,
    RequestVoid,
    decide_request,
    request_refund,
    request_void,
)
from hospital_prepay.services.ledger.seals import verify_ledger
from hospital_prepay.services.publication.readings import NewChoice, change_reading
from hospital_prepay.services.settlement.arrivals import (
    AskAgain,
    Awaited,
    BankAccount,
    account_of,
    ask_again,
    decide_again,
    mark_arrived,
    mark_failed,
    mark_many_arrived,
)
from hospital_prepay.services.settlement.board import Chosen, board, discharges_of
from hospital_prepay.services.settlement.recalls import ask_recall, decide_recall
from tests.hospital import APPROVER, CASHIER, INSTITUTION, OFFICER, Hospital, actor, require_named
from tests.services.settlement.test_settling import NO, collect, hand_over, result, settled

OFFICER_2 = actor(Role.FINANCE_OFFICER, "2")
OWED = f"2307:stay:{NO}"
ACCOUNT = BankAccount("中国农业银行花溪支行", "6228480402564890018")


@pytest.fixture
def ready(hospital: Hospital) -> Iterator[Hospital]:
    """A stay that is about to give 300.00 back by WeChat; every entry is named by the event of its act."""
    hospital.admit()
    collect(hospital, "1500.00", Tender.CASH)
    collect(hospital, "500.00", Tender.WECHAT, "WX1")
    hand_over(hospital)
    yield hospital
    require_named(hospital)


@pytest.fixture
def sent(ready: Hospital) -> Awaited:
    """The refund on its way."""
    return Awaited(settled(ready).slips[0], 1)


def attempts(hospital: Hospital) -> list[tuple[Any, ...]]:
    with hospital.context.database.reading() as connection:
        found = store.of_stay(connection, INSTITUTION, NO)
    return [(one.attempt_no, one.route, one.state, one.evidence) for one in found]


def money(hospital: Hospital) -> dict[str, int]:
    found = {one: hospital.balance(one).fen for one in (OWED, f"23050103:{NO}", "1001", "1002", "1021")}
    return {one: fen for one, fen in found.items() if fen}


def fail_and_ask(hospital: Hospital, seen: Awaited, route: Tender, account: BankAccount | None = None) -> Awaited:
    mark_failed(hospital.context, OFFICER, seen, "账户已注销")
    ask_again(hospital.context, CASHIER, AskAgain(seen, route, account))
    return Awaited(seen.number, seen.attempt_no + 1)


def test_what_isnt_cash_is_on_its_way_with_its_slip(ready: Hospital, sent: Awaited) -> None:
    assert attempts(ready) == [(1, "wechat", "sent", None)]
    mark_arrived(ready.context, OFFICER, sent, " 对账单 1015-33 ")
    assert attempts(ready) == [(1, "wechat", "arrived", "对账单 1015-33")]
    assert money(ready) == {"1001": 150_000, "1021": 20_000}  # it left the books with its slip
    for act in (
        lambda: mark_arrived(ready.context, OFFICER, sent, "again"),
        lambda: mark_failed(ready.context, OFFICER, sent, "退回"),
        lambda: ask_again(ready.context, CASHIER, AskAgain(sent, Tender.CASH)),
    ):
        with pytest.raises(Conflict):
            act()


def test_cash_in_the_hand_is_awaited_by_nobody(ready: Hospital) -> None:
    settled(ready, result=None, self_pay_total=Money(150_000))
    assert [one[1] for one in attempts(ready)] == ["wechat"]


def test_words_and_people_are_asked_for(ready: Hospital, sent: Awaited) -> None:
    with pytest.raises(NotPermitted):
        mark_arrived(ready.context, CASHIER, sent, "S1")
    with pytest.raises(MalformedInput, match="凭证号"):
        mark_arrived(ready.context, OFFICER, sent, "  ")
    with pytest.raises(MalformedInput, match="失败原因"):
        mark_failed(ready.context, OFFICER, sent, "")
    with pytest.raises(Conflict):
        mark_arrived(ready.context, OFFICER, replace(sent, attempt_no=2), "S1")


def test_what_came_back_is_owed_and_goes_another_way_by_two(ready: Hospital, sent: Awaited) -> None:
    with pytest.raises(Conflict):
        ask_again(ready.context, CASHIER, AskAgain(sent, Tender.CASH))  # it is on its way
    again = fail_and_ask(ready, sent, Tender.TRANSFER, ACCOUNT)
    assert money(ready) == {OWED: -30_000, "1001": 150_000, "1021": 50_000}
    with pytest.raises(NotPermitted):
        decide_again(ready.context, CASHIER, again, approve=True)
    decide_again(ready.context, OFFICER, again, approve=True)
    assert money(ready) == {"1001": 150_000, "1021": 50_000, "1002": -30_000}
    with pytest.raises(Conflict):
        decide_again(ready.context, OFFICER_2, again, approve=True)
    mark_arrived(ready.context, OFFICER, again, "网银回单 88")
    assert [one[:3] for one in attempts(ready)] == [(1, "wechat", "failed"), (2, "transfer", "arrived")]


def test_nobody_sends_what_they_asked_for(ready: Hospital, sent: Awaited) -> None:
    mark_failed(ready.context, OFFICER, sent, "退回")
    with pytest.raises(MalformedInput, match="收费员的抽屉"):
        ask_again(ready.context, OFFICER, AskAgain(sent, Tender.CASH))
    ask_again(ready.context, OFFICER, AskAgain(sent, Tender.TRANSFER, ACCOUNT))
    with pytest.raises(SecondPersonRequired):
        decide_again(ready.context, OFFICER, Awaited(sent.number, 2), approve=True)
    with pytest.raises(MalformedInput):
        decide_again(ready.context, APPROVER, Awaited(sent.number, 2), approve=False)
    decide_again(ready.context, APPROVER, Awaited(sent.number, 2), approve=False, ground="卡号不是本人的")
    assert attempts(ready)[-1] == (2, "transfer", "dropped", "卡号不是本人的")
    # Asked for anew it is the third attempt; cash is with the patient at once.
    ask_again(ready.context, CASHIER, AskAgain(sent, Tender.CASH))
    decide_again(ready.context, OFFICER, Awaited(sent.number, 3), approve=True)
    assert attempts(ready)[-1] == (3, "cash", "arrived", "现金，窗口当面退")
    assert money(ready) == {"1001": 120_000, "1021": 50_000}


def test_the_same_way_again_may_fail_again(ready: Hospital, sent: Awaited) -> None:
    again = fail_and_ask(ready, sent, Tender.WECHAT)
    decide_again(ready.context, OFFICER, again, approve=True)
    third = fail_and_ask(ready, again, Tender.CASH)
    decide_again(ready.context, OFFICER, third, approve=True)
    assert money(ready) == {"1001": 120_000, "1021": 50_000}
    assert [one[2] for one in attempts(ready)] == ["failed", "failed", "arrived"]


def test_the_account_is_the_patients_and_kept_encrypted(ready: Hospital, sent: Awaited) -> None:
    mark_failed(ready.context, OFFICER, sent, "退回")
    for route, account in ((Tender.TRANSFER, None), (Tender.TRANSFER, BankAccount("", "12")), (Tender.ALIPAY, None)):
        with pytest.raises(MalformedInput):
            ask_again(ready.context, CASHIER, AskAgain(sent, route, account))
    ask_again(ready.context, CASHIER, AskAgain(sent, Tender.TRANSFER, ACCOUNT))
    with ready.context.database.reading() as connection:
        sealed = connection.scalar(sa.text("SELECT account_enc FROM refund_arrival WHERE attempt_no = 2"))
    assert ACCOUNT.card_no not in sealed
    assert account_of(ready.context, INSTITUTION, sealed) == ACCOUNT


def test_several_arrive_by_one_statement(ready: Hospital, sent: Awaited) -> None:
    known = mark_many_arrived(ready.context, OFFICER, [sent, replace(sent, attempt_no=7)], "对账单 9")
    assert [bool(one.problem) for one in known] == [False, True]


def test_a_refund_at_the_desk_after_the_discharge_is_awaited_too(ready: Hospital) -> None:
    asked = request_refund(ready.context, CASHIER, RequestRefund(NO, Money(10_000), Tender.WECHAT, "多收", "WX1"))
    done = decide_request(ready.context, OFFICER, DecideRequest(asked.request_id, True))
    assert done.receipt_no
    assert attempts(ready) == [(1, "wechat", "sent", None)]
    fail_and_ask(ready, Awaited(done.receipt_no, 1), Tender.CASH)
    assert money(ready)[OWED] == -10_000


@pytest.mark.parametrize(("state", "code"), [("arrived", "refund_arrived"), ("failed", "refund_came_back")])
def test_what_arrived_or_came_back_is_voided_no_more(ready: Hospital, sent: Awaited, state: str, code: str) -> None:
    {"arrived": mark_arrived, "failed": mark_failed}[state](ready.context, OFFICER, sent, "S1")
    asked = request_void(ready.context, CASHIER, RequestVoid(sent.number, "退错了"))
    assert asked.request_id == ""
    assert [one.code for one in asked.decision.reasons] == [code]


def test_pressed_often_at_once_it_leaves_once(ready: Hospital, sent: Awaited) -> None:
    again = fail_and_ask(ready, sent, Tender.TRANSFER, ACCOUNT)

    def press(number: int) -> bool:
        try:
            decide_again(ready.context, (OFFICER, OFFICER_2)[number % 2], again, approve=True)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as windows:
        assert sum(windows.map(press, range(12))) == 1
    assert money(ready) == {"1001": 150_000, "1021": 50_000, "1002": -30_000}


def test_failed_and_arrived_at_once_one_of_them_holds(ready: Hospital, sent: Awaited) -> None:
    def tell(number: int) -> bool:
        act = (mark_arrived, mark_failed)[number % 2]
        try:
            act(ready.context, (OFFICER, OFFICER_2)[number % 2], sent, "S1")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(6) as windows:
        assert sum(windows.map(tell, range(8))) == 1
    [(_, _, state, _)] = attempts(ready)
    assert ready.balance(OWED).fen == (-30_000 if state == "failed" else 0)


def choose(hospital: Hospital, answer: str) -> None:
    administrator = actor(Role.SYSTEM_ADMINISTRATOR)
    change_reading(hospital.context, administrator, "settlement_complete", NewChoice(answer, "本院要求"))


@pytest.mark.clause("guizhou-deposit-2025/19")
@pytest.mark.parametrize("reading", [None, "result_and_document"])
def test_settled_and_arrived_are_two_clocks(ready: Hospital, reading: str | None) -> None:
    if reading:
        choose(ready, reading)
    settled(ready)
    assert board(ready.context, OFFICER, Chosen()).number == 0
    assert [one[2] for one in attempts(ready)] == ["sent"]


@pytest.mark.clause("guizhou-deposit-2025/19")
def test_by_the_strictest_reading_a_discharge_is_settled_once_the_last_refund_arrived(
    ready: Hospital, clock: FixedClock
) -> None:
    choose(ready, "refund_arrived")
    seen = Awaited(settled(ready).slips[0], 1)
    assert board(ready.context, OFFICER, Chosen()).number == 1
    clock.moment += timedelta(days=1)
    again = fail_and_ask(ready, seen, Tender.TRANSFER, ACCOUNT)
    decide_again(ready.context, OFFICER, again, approve=True)
    assert discharges_of(ready.context, OFFICER, NO).records[0].row.settled_at is None
    clock.moment += timedelta(days=1)
    mark_arrived(ready.context, OFFICER, again, "回单 7")
    assert discharges_of(ready.context, OFFICER, NO).records[0].row.settled_at == clock.moment
    assert board(ready.context, OFFICER, Chosen()).number == 0


@pytest.mark.clause("guizhou-deposit-2025/19")
def test_by_the_strictest_reading_cash_is_settled_at_once(ready: Hospital) -> None:
    choose(ready, "refund_arrived")
    answer = settled(ready, result=None, self_pay_total=Money(200_000))
    assert answer.slips == ()
    assert discharges_of(ready.context, OFFICER, NO).records[0].row.settled_at is not None


def test_a_recalled_settlement_stays_unsettled_when_its_refund_arrives(ready: Hospital, sent: Awaited) -> None:
    ask_recall(ready.context, CASHIER, NO, 1, "改项目")
    decide_recall(ready.context, OFFICER, NO, 1, approve=True)
    mark_arrived(ready.context, OFFICER, sent, "S1")
    assert discharges_of(ready.context, OFFICER, NO).records[0].row.settled_at is None
    # What went back doesn't go back again.
    again = settled(ready, result=result(setl_id="S2"), idempotency_key="k2")
    assert (again.given_back, again.slips) == (Money(0), ())


def test_the_books_are_sound_whatever_became_of_a_refund(
    ready: Hospital, sent: Awaited, owner_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    def findings() -> list[str]:
        return [one.message for one in verify_ledger(ready.context.database, tmp_path, clock).findings]

    assert findings() == []  # the cap less what the settlement took is the ceiling
    fail_and_ask(ready, sent, Tender.CASH)
    assert findings() == []
    with owner_database.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("ALTER TABLE refund_arrival DISABLE TRIGGER USER"))
        else:
            connection.execute(sa.text("DROP TRIGGER refund_arrival_walk"))
        away = "UPDATE refund_arrival SET state = 'arrived', back_entry_no = NULL WHERE state = 'failed'"
        connection.execute(
            sa.text(
                "UPDATE refund_arrival SET state = 'dropped', known_by = 'x', known_at = asked_at,"
                " evidence = 'x' WHERE state = 'asked'"
            )
        )
        connection.execute(sa.text(away))
    assert any("与这次住院退回的退款不符" in one for one in findings())


SLIP = "institution_id, book, serial"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE refund_arrival SET state = 'sent', known_by = NULL, known_at = NULL WHERE attempt_no = 1",
        "UPDATE refund_arrival SET state = 'arrived', evidence = 'x', known_by = 'x', known_at = asked_at"
        " WHERE attempt_no = 2",
        "UPDATE refund_arrival SET state = 'sent', sent_by = asked_by, sent_at = asked_at, entry_no ="
        " (SELECT max(entry_no) FROM ledger_entry) WHERE attempt_no = 2",
        "UPDATE refund_arrival SET state = 'sent', sent_by = 'finance_officer-1', sent_at = asked_at, entry_no ="
        " (SELECT max(entry_no) FROM ledger_entry) WHERE attempt_no = 2",
        "UPDATE refund_arrival SET state = 'sent', sent_by = 'finance_officer-1', sent_at = asked_at WHERE attempt_no"
        " = 2",
        "UPDATE refund_arrival SET state = 'failed', evidence = 'x', known_by = 'x', known_at = asked_at,"
        " back_entry_no = 1 WHERE attempt_no = 2",
        "UPDATE refund_arrival SET state = 'dropped', evidence = 'x', known_by = 'x', known_at = sent_at"
        " WHERE attempt_no = 1",
        "UPDATE refund_arrival SET route = 'cash' WHERE attempt_no = 2",
        "UPDATE refund_arrival SET serial = serial + 1 WHERE attempt_no = 2",
        "DELETE FROM refund_arrival WHERE attempt_no = 2",
        f"INSERT INTO refund_arrival ({SLIP}, attempt_no, route, state, asked_by, asked_at) SELECT {SLIP}, 3, 'cash',"
        " 'asked', asked_by, asked_at FROM refund_arrival WHERE attempt_no = 2",
        f"INSERT INTO refund_arrival ({SLIP}, attempt_no, route, state, sent_at, entry_no) SELECT {SLIP}, 1, tender,"
        " 'sent', issued_at, entry_no FROM receipt WHERE kind = 'deposit'",
        f"INSERT INTO refund_arrival ({SLIP}, attempt_no, route, state, asked_by, asked_at) SELECT {SLIP}, 2, 'cash',"
        " 'asked', issued_by, issued_at FROM receipt WHERE kind = 'deposit'",
    ],
)
def test_raw_sql_cannot_send_money_twice(ready: Hospital, sent: Awaited, database: Database, statement: str) -> None:
    fail_and_ask(ready, sent, Tender.CASH)
    with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
        assert connection.execute(sa.text(statement)).rowcount > 0


def test_raw_sql_asks_for_nothing_once_it_arrived(ready: Hospital, sent: Awaited, database: Database) -> None:
    mark_arrived(ready.context, OFFICER, sent, "S1")
    text = (
        f"INSERT INTO refund_arrival ({SLIP}, attempt_no, route, state, asked_by, asked_at) SELECT {SLIP}, 2, 'cash',"
        " 'asked', known_by, known_at FROM refund_arrival"
    )
    with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
        connection.execute(sa.text(text))


def test_a_fault_at_any_statement_leaves_all_or_nothing(
    ready: Hospital, sent: Awaited, broken: Callable[[int, Callable[[], None]], bool]
) -> None:
    again = Awaited(sent.number, 2)
    acts: list[Callable[[], object]] = [
        lambda: mark_failed(ready.context, OFFICER, sent, "退回"),
        lambda: ask_again(ready.context, CASHIER, AskAgain(sent, Tender.CASH)),
        lambda: decide_again(ready.context, OFFICER, again, approve=True),
    ]
    for act in acts:
        before = (attempts(ready), money(ready))
        for number in range(1, 40):
            if broken(number, act):
                break
            assert (attempts(ready), money(ready)) == before, number
        assert number > 1
        assert (attempts(ready), money(ready)) != before
    assert money(ready) == {"1001": 120_000, "1021": 50_000}

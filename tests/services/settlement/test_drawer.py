"""All cash that a cashier takes and pays stands on slips of their book: the drawer holds what the ledger says."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.refunds import Claimant
from hospital_prepay.domain.rules.settlement.settling import Rest
from hospital_prepay.persistence import settlements
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models.base import UtcMoment
from hospital_prepay.services.inpatient.deposits import CollectDeposit, collect_deposit
from hospital_prepay.services.inpatient.lookup import find_slip, slips_today
from hospital_prepay.services.inpatient.papers import issued_paper
from hospital_prepay.services.inpatient.slips import (
    DecideRequest,
    RequestRefund,
    RequestVoid,
    decide_request,
    request_refund,
    request_void,
)
from hospital_prepay.services.ledger.seals import verify_ledger
from hospital_prepay.services.settlement import arrivals
from hospital_prepay.services.settlement.arrivals import AskAgain, Awaited, ask_again, decide_again, mark_failed
from hospital_prepay.services.settlement.recalls import ask_recall, decide_recall
from hospital_prepay.services.settlement.refund_list import refund_of
from hospital_prepay.services.settlement.unclaimed import PAPERS, Claim, Papers, claim, decide_claim
from tests.hospital import CASHIER, CASHIER_2, INSTITUTION, OFFICER, Hospital, require_named
from tests.services.settlement.test_settling import NO, collect, hand_over, result, settled

OWED = f"2307:stay:{NO}"


@pytest.fixture
def ready(hospital: Hospital) -> Iterator[Hospital]:
    """A stay that is about to give 300.00 back by WeChat; every entry is named by the event of its act."""
    hospital.admit()
    collect(hospital, "1500.00", Tender.CASH)
    collect(hospital, "500.00", Tender.WECHAT, "WX1")
    hand_over(hospital)
    yield hospital
    require_named(hospital)


def came_back(hospital: Hospital) -> Awaited:
    """A refund by WeChat that failed and that a cashier asked to be paid in cash."""
    sent = Awaited(settled(hospital).slips[0], 1)
    mark_failed(hospital.context, OFFICER, sent, "账户已注销")
    ask_again(hospital.context, CASHIER, AskAgain(sent, Tender.CASH))
    return Awaited(sent.number, 2)


def drawer(hospital: Hospital, who: Actor = CASHIER) -> int:
    return sum(one.moved_fen for one in slips_today(hospital.context, who) if one.tender == Tender.CASH)


def booked(hospital: Hospital) -> int:
    """What moved on 1001 today by the ledger alone, whatever stands behind it."""
    midnight = hospital.context.clock.now().replace(hour=0, minute=0)
    query = sa.text(
        "SELECT coalesce(sum(p.debit_fen - p.credit_fen), 0) FROM ledger_posting p JOIN ledger_entry e "
        "ON e.institution_id = p.institution_id AND e.entry_no = p.entry_no "
        "WHERE p.account_id = '1001' AND e.posted_at >= :midnight"
    ).bindparams(sa.bindparam("midnight", type_=UtcMoment()))
    with hospital.context.database.reading() as connection:
        return int(connection.scalar(query, {"midnight": midnight}) or 0)


def test_cash_on_a_second_way_stands_on_a_slip_of_who_asked(ready: Hospital) -> None:
    again = came_back(ready)
    number = decide_again(ready.context, OFFICER, again, approve=True)
    assert number
    slip = find_slip(ready.context, CASHIER, number)
    assert (slip.kind, slip.tender, slip.amount_fen, slip.moved_fen) == ("again", "cash", 30_000, -30_000)
    assert (slip.issued_by, slip.approved_by) == (CASHIER.actor_id, OFFICER.actor_id)
    assert slip.ground == f"退款 {again.number} 被退回，改退现金"
    assert refund_of(ready.context, CASHIER, again.number).slips == {2: number}
    paper = issued_paper(ready.context, CASHIER, number)
    assert (paper.slip.number, paper.approver, paper.originals) == (
        number,
        OFFICER.actor_id,
        ("A01-000001", "A01-000002"),
    )
    assert drawer(ready) == booked(ready) == 120_000


def test_the_drawer_is_the_ledgers_cash_day_by_day(ready: Hospital, clock: FixedClock) -> None:
    assert drawer(ready) == booked(ready) == 150_000
    again = came_back(ready)
    clock.moment += timedelta(days=1)
    assert drawer(ready) == booked(ready) == 0
    decide_again(ready.context, OFFICER, again, approve=True)
    assert drawer(ready) == booked(ready) == -30_000
    clock.moment += timedelta(days=1)
    assert drawer(ready) == booked(ready) == 0


def test_what_an_heir_fetches_in_cash_leaves_the_drawer_of_who_took_the_papers(hospital: Hospital) -> None:
    hospital.admit()
    collect(hospital, "2000.00", Tender.CASH)
    hand_over(hospital)
    settled(hospital, rest=Rest.LEFT)
    papers = Papers("吴小明", PAPERS[2], "2026-黔岭-0033")
    claim(hospital.context, CASHIER_2, Claim(NO, Claimant.HEIR, "儿子", papers, Tender.CASH, "claim-00001"))
    assert drawer(hospital, CASHIER_2) == 0
    number = decide_claim(hospital.context, OFFICER, NO, 1, approve=True)
    assert number
    assert issued_paper(hospital.context, CASHIER_2, number).slip.amount_fen == 30_000
    assert (drawer(hospital), drawer(hospital, CASHIER_2)) == (200_000, -30_000)
    assert booked(hospital) == 170_000
    with pytest.raises(NotFound):
        decide_claim(hospital.context, OFFICER, NO, 1, approve=True)


def test_two_drawers_are_the_ledgers_cash_whoever_undoes_whose_slip(hospital: Hospital) -> None:
    hospital.admit()
    collect(hospital, "1500.00", Tender.CASH)
    asked = request_refund(hospital.context, CASHIER, RequestRefund(NO, Money(20_000), Tender.CASH, "多收"))
    refund = decide_request(hospital.context, OFFICER, DecideRequest(asked.request_id, True)).receipt_no
    assert refund
    assert drawer(hospital) == booked(hospital) == 130_000
    undo = request_void(hospital.context, CASHIER_2, RequestVoid(refund, "退错了"))
    assert decide_request(hospital.context, OFFICER, DecideRequest(undo.request_id, True)).receipt_no
    # The other cashier took the money back.
    assert (drawer(hospital), drawer(hospital, CASHIER_2)) == (130_000, 20_000)
    assert booked(hospital) == 150_000
    more = CollectDeposit(NO, Money(5_000), Tender.CASH, "more-00001")
    taken = collect_deposit(hospital.context, CASHIER_2, more).receipt_no
    assert taken
    undo = request_void(hospital.context, CASHIER, RequestVoid(taken, "录错"))
    assert decide_request(hospital.context, OFFICER, DecideRequest(undo.request_id, True)).receipt_no
    assert (drawer(hospital), drawer(hospital, CASHIER_2)) == (125_000, 25_000)
    assert booked(hospital) == 150_000


def test_pressed_often_at_once_cash_leaves_once_on_one_slip(ready: Hospital) -> None:
    again = came_back(ready)

    def press(_: int) -> bool:
        try:
            return decide_again(ready.context, OFFICER, again, approve=True) is not None
        except Conflict:
            return False

    with ThreadPoolExecutor(6) as windows:
        assert sum(windows.map(press, range(8))) == 1
    assert ready.count("receipt", "kind = 'again'") == 1
    assert drawer(ready) == booked(ready) == 120_000
    with pytest.raises(Conflict):
        ask_again(ready.context, CASHIER, AskAgain(again, Tender.CASH))


def test_what_was_paid_in_hand_is_voided_no_more(ready: Hospital) -> None:
    number = decide_again(ready.context, OFFICER, came_back(ready), approve=True)
    assert number
    asked = request_void(ready.context, CASHIER, RequestVoid(number, "退错了"))
    assert asked.request_id == ""
    assert [one.code for one in asked.decision.reasons] == ["paid_in_hand"]


def test_a_refund_paid_again_is_taken_off_the_deposits_once(
    ready: Hospital, clock: FixedClock, tmp_path: Path
) -> None:
    decide_again(ready.context, OFFICER, came_back(ready), approve=True)
    ask_recall(ready.context, CASHIER, NO, 1, "改项目")
    decide_recall(ready.context, OFFICER, NO, 1, approve=True)
    with ready.context.database.reading() as connection:
        paid_in = settlements.paid_in(connection, INSTITUTION, NO)
    assert sorted((one.tender, one.amount_fen) for one in paid_in) == [("cash", 150_000), ("wechat", 20_000)]
    again = settled(ready, result=result(setl_id="S2"), idempotency_key="k2")
    assert (again.given_back, again.slips) == (Money(0), ())
    assert verify_ledger(ready.context.database, tmp_path, clock).findings == ()


_SLIP = (
    "INSERT INTO receipt (institution_id, book, serial, kind, stay_no, amount_fen, tender, payment_reference, payer,"
    " ground, entry_no, token, issued_at, issued_by, approved_by) SELECT institution_id, book, serial + 1, '{kind}',"
    " stay_no, amount_fen, '{tender}', '', '', '', {entry}, 'made-up', issued_at, '{by}', 'finance_officer-1'"
    " FROM receipt WHERE serial = (SELECT max(serial) FROM receipt)"
)


def made_up(hospital: Hospital, **said: object) -> str:
    """By raw SQL: a slip of cash that nobody asked for."""
    query = _SLIP.format(**{"kind": "again", "tender": "cash", "entry": "1", "by": CASHIER.actor_id, **said})
    with pytest.raises(sa.exc.DBAPIError) as refused, hospital.context.database.writing() as connection:
        connection.execute(sa.text(query))
    return str(refused.value)


def test_the_database_takes_no_cash_again_without_its_slip_nor_a_slip_without_its_cash(
    ready: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    came_back(ready)
    back = "(SELECT max(entry_no) FROM ledger_entry)"  # the one that brought it back, which moved 2307 too
    assert "receipt_mismatch" in made_up(ready, entry="(SELECT entry_no FROM settlement)")
    assert "wrong_step" in made_up(ready, entry=back, tender="card")
    assert "wrong_step" in made_up(ready, entry=back, by="cashier-2")
    again = Awaited("A01-000003", 2)
    monkeypatch.setattr(arrivals, "_cash_slip", lambda *_: "A01-000004")  # the entry alone
    with pytest.raises(sa.exc.DBAPIError, match="receipt_mismatch: refund_arrival"):
        decide_again(ready.context, OFFICER, again, approve=True)
    assert ready.balance(OWED).fen == -30_000


@pytest.mark.parametrize("channel", ["ward", "", None])
def test_where_money_was_taken_is_one_of_three_and_stays(
    hospital: Hospital, owner_database: Database, channel: str | None
) -> None:
    hospital.admit()
    collect(hospital, "1500.00", Tender.CASH)
    with pytest.raises(sa.exc.DBAPIError, match="append_only: receipt"), owner_database.writing() as connection:
        connection.execute(sa.text("UPDATE receipt SET channel = 'online'"))
    query = _SLIP.replace("approved_by)", "approved_by, channel)").replace("1' FROM", "1', :channel FROM")
    query = query.format(kind="deposit", tender="cash", entry="1", by="cashier-1")
    with pytest.raises(sa.exc.DBAPIError, match="channel"), owner_database.writing() as connection:
        connection.execute(sa.text(query), {"channel": channel})

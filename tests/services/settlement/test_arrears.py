"""Arrears: their age, promises, contacts, provision and write-off by two people, and money that comes later."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import (
    Conflict,
    InsufficientFund,
    MalformedInput,
    NotPermitted,
    SecondPersonRequired,
)
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.ledger.entry import Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.arrears import ActKind, Band, Instalment, Kept, Standing
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.inpatient.slips import DecideRequest, RequestVoid, decide_request, request_void
from hospital_prepay.services.settlement.arrears import (
    Arrears,
    Chosen,
    MakePromise,
    NoteContact,
    StayArrears,
    arrears_of,
    list_arrears,
    make_promise,
    note_contact,
)
from hospital_prepay.services.settlement.arrears_acts import AskAct, DecideAct, ask_act, decide_act
from hospital_prepay.services.settlement.recalls import ask_recall, decide_recall
from hospital_prepay.services.settlement.slips import PayArrears, TopUp, pay_arrears, settlement_entry
from tests.hospital import APPROVER, CASHIER, CASHIER_2, OFFICER, Hospital, require_named
from tests.services.settlement.owing import OWED, ask, decide, do, leave_owing, pay
from tests.services.settlement.test_settling import NO

REFUSED = "append_only|ck_arrears|wrong_step|receipt_mismatch|unguarded|below_zero|balance|permission denied|must be"
pytestmark = pytest.mark.clause("guizhou-deposit-2025/25")


@pytest.fixture
def owing(hospital: Hospital) -> Iterator[Hospital]:
    """A stay that owes 1,000; whatever a test does, each entry is named by the event of its act."""
    yield leave_owing(hospital)
    require_named(hospital)


def listed(hospital: Hospital, **chosen: object) -> Arrears:
    return list_arrears(hospital.context, OFFICER, Chosen(**chosen))  # type: ignore[arg-type]


def record(hospital: Hospital) -> StayArrears:
    return arrears_of(hospital.context, OFFICER, NO)


def standing(hospital: Hospital) -> tuple[int, int, int]:
    found: Standing = record(hospital).standing
    return found.owed_fen, found.provided_fen, found.written_off_fen


def promise(hospital: Hospital, *parts: tuple[date, int], key: str = "promise-1") -> int:
    said = MakePromise(NO, tuple(Instalment(*one) for one in parts), "家属约定", key)
    return make_promise(hospital.context, OFFICER, said)


def test_what_is_owed_is_listed_by_its_age_and_narrowed(owing: Hospital, clock: FixedClock) -> None:
    assert [(one.row.stay_no, one.row.owed_fen, one.band) for one in listed(owing).rows] == [(NO, OWED, Band.D30)]
    clock.moment += timedelta(days=30)
    assert listed(owing).rows[0].band is Band.D30
    clock.moment += timedelta(days=1)
    found = listed(owing)
    assert (found.rows[0].band, found.number, found.owed_fen) == (Band.D90, 1, OWED)
    assert [(one.number, one.owed_fen) for one in found.bands] == [(0, 0), (1, OWED), (0, 0), (0, 0), (0, 0)]
    assert not listed(owing, band=Band.D30).rows
    assert listed(owing, band=Band.D90, insured_class="resident").rows
    assert not listed(owing, insured_class="employee").rows
    assert not listed(owing, ward="儿科").rows
    pay(owing, OWED, "all-of-it")
    assert not listed(owing).rows


def test_a_promise_is_seen_kept_or_broken_by_what_was_paid(owing: Hospital, clock: FixedClock) -> None:
    day = clock.today()
    plan = ((day, 30_000), (day + timedelta(days=30), 70_000))
    assert promise(owing, *plan) == 1
    assert promise(owing, *plan) == 1  # the same form
    assert listed(owing).rows[0].kept is Kept.OPEN
    clock.moment += timedelta(days=1)
    assert listed(owing, kept=Kept.BROKEN).number == 1
    pay(owing, 30_000, "first-part")
    assert record(owing).promises[0].kept is Kept.OPEN
    clock.moment += timedelta(days=29)
    pay(owing, 70_000, "second-part")
    assert record(owing).promises[0].kept is Kept.KEPT


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((), "至少写一期"),
        (((date(2026, 1, 14), 100),), "不能早于今天"),
        (((date(2026, 1, 16), 100), (date(2026, 1, 16), 100)), "一期比一期晚"),
        (((date(2026, 1, 16), OWED + 1),), "超过了还欠的"),
        (((date(2026, 1, 16), 0),), "大于零"),
    ],
)
def test_a_promise_that_cannot_be_one_is_refused(
    owing: Hospital, parts: tuple[tuple[date, int], ...], words: str
) -> None:
    with pytest.raises(MalformedInput, match=words):
        promise(owing, *parts)
    assert owing.count("arrears_promise") == 0


def test_contacts_and_letters_are_on_record_with_who_and_when(owing: Hospital, clock: FixedClock) -> None:
    note_contact(owing.context, OFFICER, NoteContact(NO, "phone", "家属说下月交", "contact-1"))
    note_contact(owing.context, APPROVER, NoteContact(NO, "letter", "", "contact-2"))
    found = record(owing).contacts
    assert [(one.contact_no, one.way, one.owed_fen, one.made_by) for one in found] == [
        (2, "letter", OWED, APPROVER.actor_id),
        (1, "phone", OWED, OFFICER.actor_id),
    ]
    with pytest.raises(MalformedInput, match="结果"):
        note_contact(owing.context, OFFICER, NoteContact(NO, "phone", " ", "contact-3"))
    with pytest.raises(NotPermitted):
        note_contact(owing.context, CASHIER, NoteContact(NO, "phone", "x", "contact-4"))
    pay(owing, OWED, "all-of-it")
    with pytest.raises(Conflict, match="没有欠费"):
        note_contact(owing.context, OFFICER, NoteContact(NO, "letter", "", "contact-5"))


def test_a_provision_is_posted_by_the_second_person_only(owing: Hospital) -> None:
    act_id = ask(owing, ActKind.PROVISION, 60_000)
    assert standing(owing) == (OWED, 0, 0)
    with pytest.raises(SecondPersonRequired):
        decide_act(owing.context, OFFICER, DecideAct(NO, act_id, True, "", "own-decision"))
    decide(owing, act_id)
    assert standing(owing) == (OWED, 60_000, 0)
    assert (owing.balance("5901"), owing.balance(f"1219:{NO}")) == (Money(60_000), Money(-60_000))
    with pytest.raises(Conflict, match="已经决定过"):
        decide_act(owing.context, APPROVER, DecideAct(NO, act_id, True, "", "once-more-1"))


def test_more_than_is_owed_is_neither_provided_nor_written_off(owing: Hospital) -> None:
    with pytest.raises(MalformedInput, match=r"最多 1,000\.00"):
        ask(owing, ActKind.PROVISION, OWED + 1)
    with pytest.raises(MalformedInput, match="先计提"):
        ask(owing, ActKind.WRITE_OFF, 1)
    for missing in ({"ground": " "}, {"evidence": ""}):
        with pytest.raises(MalformedInput):
            ask(owing, ActKind.PROVISION, 100, **missing)
    act_id = ask(owing, ActKind.PROVISION, OWED)
    with pytest.raises(Conflict, match="在等另一个人"):
        ask(owing, ActKind.PROVISION, 1)
    pay(owing, 1, "one-fen-less")
    with pytest.raises(MalformedInput, match=r"最多 999\.99"):
        decide(owing, act_id)
    decide(owing, act_id, approve=False, answer="患者在还")
    assert standing(owing) == (OWED - 1, 0, 0)


def test_a_write_off_gives_up_nothing_and_money_that_comes_later_is_taken(owing: Hospital) -> None:
    do(owing, ActKind.PROVISION, OWED)
    do(owing, ActKind.WRITE_OFF, 80_000)
    assert standing(owing) == (20_000, 20_000, 80_000)
    assert [(stay_no, fen) for stay_no, _, fen in listed(owing).written_off] == [(NO, 80_000)]
    pay(owing, 50_000, "years-later")
    assert standing(owing) == (0, 50_000, 50_000)
    assert owing.balance("1001") == Money(250_000)
    with pytest.raises(MalformedInput, match=r"最多补交 500\.00"):
        pay(owing, 50_001, "too-much-1")
    assert standing(owing) == (0, 50_000, 50_000), "a refused payment reopens nothing"
    do(owing, ActKind.RELEASE, 50_000)
    assert owing.balance("5901") == Money(50_000)


def test_a_written_off_claim_is_brought_back_by_two_people(owing: Hospital) -> None:
    do(owing, ActKind.PROVISION, OWED)
    do(owing, ActKind.WRITE_OFF, OWED)
    ask_recall(owing.context, CASHIER, NO, 1, "医保退回")
    with pytest.raises(Conflict, match="先恢复核销的"):
        decide_recall(owing.context, OFFICER, NO, 1, approve=True)
    do(owing, ActKind.REOPEN, OWED)
    assert standing(owing) == (OWED, OWED, 0)
    do(owing, ActKind.RELEASE, OWED)
    decide_recall(owing.context, OFFICER, NO, 1, approve=True)
    assert standing(owing) == (0, 0, 0)


def test_a_payment_that_is_voided_is_owed_again(owing: Hospital) -> None:
    do(owing, ActKind.PROVISION, OWED)
    do(owing, ActKind.WRITE_OFF, OWED)
    slip = pay(owing, 40_000, "wrong-person")
    asked = request_void(owing.context, CASHIER, RequestVoid(slip, "收错了人"))
    decide_request(owing.context, OFFICER, DecideRequest(asked.request_id, True))
    assert standing(owing) == (40_000, 40_000, 60_000)


def test_two_at_once_move_what_is_owed_once(owing: Hospital) -> None:
    act_id = ask(owing, ActKind.PROVISION, OWED)

    def press(number: int) -> bool:
        try:
            decide_act(owing.context, APPROVER, DecideAct(NO, act_id, True, "", f"press-key-{number}"))
        except Conflict:
            return False
        return True

    def settle(number: int) -> bool:
        who = CASHIER if number % 2 else CASHIER_2
        try:
            pay_arrears(owing.context, who, PayArrears(NO, TopUp(Money(60_000), Tender.CASH), f"pay-key-{number}"))
        except MalformedInput:
            return False
        return True

    with ThreadPoolExecutor(8) as windows:
        assert sum(windows.map(press, range(8))) == 1
        assert sum(windows.map(settle, range(8))) == 1
    assert standing(owing) == (40_000, OWED, 0)
    with ThreadPoolExecutor(4) as windows:
        assert list(windows.map(lambda _: _ask_or_not(owing), range(4))).count("") == 3


def _ask_or_not(hospital: Hospital) -> str:
    try:
        return ask(hospital, ActKind.WRITE_OFF, 40_000, key=f"again-{id(object())}-{hospital.count('audit_event')}")
    except Conflict:
        return ""


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE arrears_act SET amount_fen = 1",
        "UPDATE arrears_act SET state = 'waiting', decided_by = NULL, decided_at = NULL, entry_no = NULL",
        "DELETE FROM arrears_act",
        "UPDATE arrears_act SET state = 'done', decided_by = asked_by, decided_at = asked_at, entry_no = 2"
        " WHERE state = 'waiting'",
        "UPDATE arrears_act SET state = 'done', decided_by = 'finance_approver-1', decided_at = asked_at,"
        " entry_no = 2 WHERE state = 'waiting'",
        "INSERT INTO arrears_act SELECT institution_id, 'raw', stay_no, 'reopen', 1, '', '', 'done', asked_by,"
        " asked_at, NULL, NULL, '', 1 FROM arrears_act WHERE state = 'done'",
        "INSERT INTO arrears_act SELECT institution_id, 'raw', stay_no, kind, 1, ground, evidence, 'done', asked_by,"
        " asked_at, decided_by, decided_at, '', 1 FROM arrears_act WHERE state = 'done'",
        "UPDATE arrears_promise SET owed_fen = 1",
        "DELETE FROM arrears_contact",
        "UPDATE arrears_contact SET words = 'x'",
        "UPDATE ledger_account SET balance_fen = 0 WHERE account_id LIKE '1219:%'",
        "INSERT INTO ledger_account SELECT institution_id, '1219:X', '1219', 'x', -1, false, 0, NULL, opened_at, ''"
        " FROM ledger_account WHERE account_id = '1001'",
    ],
)
def test_raw_sql_cannot_touch_what_was_done(owing: Hospital, database: Database, statement: str) -> None:
    do(owing, ActKind.PROVISION, 60_000)
    ask(owing, ActKind.PROVISION, 10_000)
    promise(owing, (date(2026, 2, 1), 1_000))
    note_contact(owing.context, OFFICER, NoteContact(NO, "phone", "x", "contact-1"))
    with pytest.raises(sa.exc.DBAPIError, match=REFUSED), database.writing() as connection:
        connection.execute(sa.text(statement))


def test_the_books_refuse_a_claim_below_zero(owing: Hospital) -> None:
    """Whatever a program would post: neither the claim nor what is provided for it falls below zero."""
    do(owing, ActKind.PROVISION, 1_000)

    def post(debit: str, credit: str) -> None:
        lines = (Posting(debit, debit=Money(OWED + 1)), Posting(credit, credit=Money(OWED + 1)))
        with owing.context.work(OFFICER, "test", NO) as work:
            work.ledger.post(settlement_entry(work, "test", "x", debit, NO, lines))

    for debit, credit in (("1001", f"12120203:{NO}"), (f"1219:{NO}", "5901")):
        with pytest.raises(InsufficientFund):
            post(debit, credit)


def test_only_those_who_may_do_it(owing: Hospital) -> None:
    command = AskAct(NO, ActKind.PROVISION, Money(100), "x", "y", "not-mine-1")
    with pytest.raises(NotPermitted):
        ask_act(owing.context, CASHIER, command)
    with pytest.raises(NotPermitted):
        ask_act(owing.context, replace(OFFICER, is_system=True), command)

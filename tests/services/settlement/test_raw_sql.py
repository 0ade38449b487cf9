"""What the database itself refuses around settlements to whoever writes past the services, and what is found where it
was written all the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import LedgerFault
from hospital_prepay.domain.ledger.chart import allowance_account, arrears_account
from hospital_prepay.domain.ledger.entry import Posting
from hospital_prepay.domain.ledger.verification import Kind
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.arrears import ActKind
from hospital_prepay.domain.rules.settlement.result import ResultAmounts
from hospital_prepay.domain.visits import VisitEventKind
from hospital_prepay.persistence import arrears as store
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models.inpatient import Receipt
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.settlement.arrivals import Awaited, mark_arrived
from hospital_prepay.services.settlement.by_hand import WrittenDown, write_down
from hospital_prepay.services.settlement.recalls import ask_recall, decide_recall
from hospital_prepay.services.settlement.slips import open_arrears, settlement_entry
from tests.hospital import APPROVER, CASHIER, OFFICER, Hospital
from tests.services.settlement.owing import OWED, ask, do, leave_owing, pay
from tests.services.settlement.test_arrivals import choose
from tests.services.settlement.test_mended import verified
from tests.services.settlement.test_settling import AT, NO, ready, result, settled

__all__ = ["ready"]
CLAIM, ALLOWANCE = arrears_account(NO), allowance_account(NO)
# At the end of a transaction SQLite says no more than that a key is missing.
NO_ACT = r"no_act|FOREIGN KEY"
NO_RED_LETTER = r"wrong_step|FOREIGN KEY"
pytestmark = pytest.mark.clause("guizhou-deposit-2025/19")


def line(debit: str, credit: str, fen: int) -> tuple[Posting, ...]:
    return Posting(debit, debit=Money(fen)), Posting(credit, credit=Money(fen))


@contextmanager
def past_the_services(hospital: Hospital) -> Iterator[UnitOfWork]:
    with hospital.context.work(APPROVER, "test", NO) as work:
        yield work


def post(work: UnitOfWork, postings: tuple[Posting, ...], reverses_no: int | None = None) -> int:
    kind = "settlement_topup"
    return work.ledger.post(settlement_entry(work, kind, "x", work.new_id(), NO, postings, reverses_no))


def raw(work: UnitOfWork, statement: str, **values: Any) -> None:
    work.connection.execute(sa.text(statement), values)


def one(hospital: Hospital, query: str) -> Any:
    with hospital.context.database.reading() as connection:
        return connection.scalar(sa.text(query))


@pytest.mark.parametrize(("debit", "credit"), [("1001", CLAIM), (CLAIM, "1001"), ("5901", CLAIM)])
def test_no_entry_of_no_act_moves_arrears(hospital: Hospital, debit: str, credit: str) -> None:
    leave_owing(hospital)
    with pytest.raises(sa.exc.DBAPIError, match=NO_ACT), past_the_services(hospital) as work:
        post(work, line(debit, credit, 500))
    assert hospital.balance(CLAIM) == Money(OWED)


def test_no_red_letter_of_an_act_moves_arrears_by_itself(hospital: Hospital) -> None:
    leave_owing(hospital)
    pay(hospital, 500, "k-pay-01")
    paid = one(hospital, "SELECT entry_no FROM receipt WHERE kind = 'topup'")
    with pytest.raises(sa.exc.DBAPIError, match=NO_ACT), past_the_services(hospital) as work:
        post(work, line(CLAIM, "1001", 500), paid)


def test_an_act_moves_the_arrears_of_its_own_stay_only(hospital: Hospital) -> None:
    leave_owing(hospital)
    do(hospital, ActKind.PROVISION, 50_000)
    act_id = ask(hospital, ActKind.WRITE_OFF, 50_000)

    def write() -> None:
        with past_the_services(hospital) as work:
            open_arrears(work, "OTHER")
            lines = (*line(ALLOWANCE, CLAIM, 50_000), *line(arrears_account("OTHER"), "1001", 500))
            values = {"state": "done", "decided_by": APPROVER.actor_id, "decided_at": work.now}
            store.decide_act(work.connection, work.institution_id, act_id, {**values, "entry_no": post(work, lines)})

    with pytest.raises(sa.exc.DBAPIError, match="no_act"):
        write()


@pytest.mark.parametrize("again", [False, True])
def test_a_slip_moves_arrears_the_way_it_says(hospital: Hospital, again: bool) -> None:
    """A top-up whose entry lets more be owed instead; or, ``again``, a top-up for an entry that has its act."""
    leave_owing(hospital)
    pay(hospital, 500, "k-pay-01")
    settling = one(hospital, "SELECT entry_no FROM settlement")
    names = Receipt.__table__.columns.keys()
    said = {"serial": "serial + 1", "token": "'another'", "entry_no": ":entry", "amount_fen": ":fen"}
    copied = ", ".join(said.get(name, name) for name in names)
    text = f"INSERT INTO receipt ({', '.join(names)}) SELECT {copied} FROM receipt WHERE kind = 'topup'"

    def write() -> None:
        with past_the_services(hospital) as work:
            entry_no = settling if again else post(work, line(CLAIM, "1001", 500))
            raw(work, text, entry=entry_no, fen=OWED if again else 500)

    with pytest.raises(sa.exc.DBAPIError, match="no_act"):
        write()


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR IGNORE INTO proof SELECT * FROM proof_due",
        "INSERT INTO proof SELECT d.* FROM proof_due d LEFT JOIN proof p USING (what, about) WHERE p.what IS NULL",
        "UPDATE proof_due SET about = 1",
        "UPDATE OR REPLACE proof_due SET what = 'recall'",
        "UPDATE OR REPLACE proof SET about = (SELECT max(about) FROM proof_due)",
        "INSERT OR REPLACE INTO proof_due SELECT institution_id, 'proved', about FROM proof_due",
        "DELETE FROM proof",
        "DELETE FROM proof_due",
        "SELECT 1",
    ],
)
def test_nothing_is_proved_by_saying_so(hospital: Hospital, statement: str) -> None:
    leave_owing(hospital)

    def write() -> None:
        with past_the_services(hospital) as work:
            post(work, line("1001", CLAIM, 500))
            raw(work, statement)

    with pytest.raises(sa.exc.DBAPIError):
        write()


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
def test_lines_without_an_entry_move_no_arrears(hospital: Hospital) -> None:
    leave_owing(hospital)
    text = "INSERT INTO ledger_posting SELECT institution_id, 999, 1, account_id, 0, 500, '' FROM ledger_account"
    with pytest.raises(sa.exc.DBAPIError, match="FOREIGN KEY"), past_the_services(hospital) as work:
        raw(work, f"{text} WHERE account_id = :claim", claim=CLAIM)


RECALLED = "UPDATE settlement SET recalled_by = :by, recalled_at = :at"


def test_a_recall_has_its_red_letter(ready: Hospital) -> None:
    settled(ready)
    ask_recall(ready.context, CASHIER, NO, 1, "改项目")
    with pytest.raises(sa.exc.DBAPIError, match=NO_RED_LETTER), past_the_services(ready) as work:
        raw(work, RECALLED, by=APPROVER.actor_id, at=work.now)
    assert ready.count("settlement", "recalled_at IS NULL") == 1


def test_a_recall_names_no_other_entry(ready: Hospital) -> None:
    settled(ready)
    ask_recall(ready.context, CASHIER, NO, 1, "改项目")

    def write() -> None:
        with past_the_services(ready) as work:
            raw(work, RECALLED, by=APPROVER.actor_id, at=work.now)
            raw(work, "UPDATE settlement SET recall_entry_no = :no", no=post(work, line("5901", "1001", 1)))

    with pytest.raises(sa.exc.DBAPIError, match="wrong_step"):
        write()


def mirrored(hospital: Hospital, entry_no: int) -> tuple[Posting, ...]:
    query = "SELECT account_id, debit_fen, credit_fen FROM ledger_posting WHERE entry_no = :no ORDER BY line_no"
    with hospital.context.database.reading() as connection:
        rows = connection.execute(sa.text(query), {"no": entry_no}).all()
    return tuple(Posting(row[0], debit=Money(row[2]), credit=Money(row[1])) for row in rows)


def test_the_entry_of_a_settlement_that_stands_is_mirrored_by_nothing(ready: Hospital) -> None:
    settled(ready, result=result(ResultAmounts(500_000, 490_000, 10_000, 0, 10_000)))
    entry_no = one(ready, "SELECT entry_no FROM settlement")
    lines = mirrored(ready, entry_no)
    with pytest.raises(LedgerFault) as refused, past_the_services(ready) as work:
        post(work, lines, entry_no)
    assert "settled: ledger_entry" in refused.value.details["database"]


DOCUMENTS = "(SELECT t.settled_at FROM settlement t WHERE t.stay_no = discharge.stay_no)"


@pytest.mark.parametrize("moment", ["discharged_at", "NULL", DOCUMENTS])
@pytest.mark.parametrize("recalled", [False, True])
def test_settled_is_a_discharge_while_its_document_stands(
    ready: Hospital, database: Database, clock: FixedClock, moment: str, recalled: bool
) -> None:
    clock.moment += timedelta(minutes=1)
    settled(ready)
    if recalled:
        ask_recall(ready.context, CASHIER, NO, 1, "改项目")
        decide_recall(ready.context, OFFICER, NO, 1, approve=True)
        assert one(ready, "SELECT settled_at FROM discharge") is None
    before = one(ready, "SELECT settled_at FROM discharge")
    change = sa.text(f"UPDATE discharge SET settled_at = {moment}")
    if moment == ("NULL" if recalled else DOCUMENTS):
        with database.writing() as connection:  # it stays what it is
            connection.execute(change)
    else:
        with pytest.raises(sa.exc.DBAPIError, match="wrong_step"), database.writing() as connection:
            connection.execute(change)
    assert one(ready, "SELECT settled_at FROM discharge") == before


def test_settled_is_a_discharge_at_the_moment_of_its_document_or_of_its_money(
    ready: Hospital, database: Database, clock: FixedClock
) -> None:
    choose(ready, "refund_arrived")
    clock.moment += timedelta(hours=1)
    number = settled(ready).slips[0]
    clock.moment += timedelta(hours=1)
    for moment in ("discharged_at", "(SELECT max(received_at) FROM visit_message)", ":now"):
        change = sa.text(f"UPDATE discharge SET settled_at = {moment}")
        values = {"now": clock.moment} if moment == ":now" else {}
        with pytest.raises(sa.exc.DBAPIError, match="wrong_step"), database.writing() as connection:
            connection.execute(change, values)
    mark_arrived(ready.context, OFFICER, Awaited(number, 1), "对账单 1015-33")
    assert ready.count("discharge", "settled_at IS NOT NULL") == 1
    assert verified(ready) == []


TOLD = "(SELECT max(m.occurred_at) FROM visit_message m WHERE m.event = 'discharge')"


@pytest.mark.parametrize(
    "change",
    [
        "ended_at = discharged_at, ended_by = 'cancelled'",
        f"ended_at = {TOLD}, ended_by = 'cancelled'",
        f"ended_at = {TOLD}, ended_by = 'corrected'",
        f"ended_at = {TOLD}, ended_by = 'admission_cancelled'",
    ],
)
def test_a_discharge_ends_by_a_message_only(ready: Hospital, database: Database, change: str) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="no_message"), database.writing() as connection:
        connection.execute(sa.text(f"UPDATE discharge SET {change}"))


def test_a_discharge_that_was_taken_back_stays_so(ready: Hospital, database: Database, clock: FixedClock) -> None:
    clock.moment += timedelta(minutes=2)
    at = AT + timedelta(minutes=1)
    write_down(ready.context, CASHIER, WrittenDown(NO, VisitEventKind.CANCEL_DISCHARGE, at))
    assert ready.count("discharge", "ended_by = 'cancelled'") == 1
    for change in ("ended_at = NULL, ended_by = NULL", f"ended_at = {TOLD}", "ended_by = 'corrected'"):
        with pytest.raises(sa.exc.DBAPIError, match="no_message"), database.writing() as connection:
            connection.execute(sa.text(f"UPDATE discharge SET {change}"))
    assert verified(ready) == []


def test_no_discharge_begins_ended(ready: Hospital, database: Database) -> None:
    text = (
        "INSERT INTO discharge SELECT institution_id, stay_no, (SELECT min(admitted_at) FROM stay),"
        " (SELECT min(admitted_at) FROM stay), 'cancelled', disposition, ward, insured_class, 0, NULL, NULL, NULL,"
        " 'ward', discharged_at, '', 0, NULL, class_known FROM discharge"
    )
    with pytest.raises(sa.exc.DBAPIError, match="no_message"), database.writing() as connection:
        connection.execute(sa.text(text))


@contextmanager
def without(database: Database, *triggers: str) -> Iterator[None]:
    """The file with some of its triggers dropped for a while."""
    with database.writing() as connection:
        find = sa.text("SELECT sql FROM sqlite_master WHERE name = :name")
        texts = [connection.scalar(find, {"name": name}) for name in triggers]
        for name in triggers:
            connection.execute(sa.text(f"DROP TRIGGER {name}"))
    yield
    with database.writing() as connection:
        for text in texts:
            connection.exec_driver_sql(text)


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "change",
    [
        "settled_at = discharged_at",
        "ended_at = discharged_at, ended_by = 'cancelled'",
    ],
)
def test_verification_tells_of_a_discharge_beside_its_documents(
    ready: Hospital, database: Database, clock: FixedClock, change: str
) -> None:
    clock.moment += timedelta(minutes=1)
    settled(ready)
    assert verified(ready) == []
    with without(database, "discharge_settled", "discharge_ends"), database.writing() as connection:
        connection.execute(sa.text(f"UPDATE discharge SET {change}"))
    assert verified(ready) == [Kind.SETTLEMENT_WRONG]


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
def test_verification_tells_of_entries_of_no_act_that_balance_out(hospital: Hospital, database: Database) -> None:
    leave_owing(hospital)
    with without(database, "arrears_line_has_its_act"), past_the_services(hospital) as work:
        post(work, line("1001", CLAIM, 500))
        post(work, line(CLAIM, "1002", 500))
    assert verified(hospital) == [Kind.BALANCE_WRONG, Kind.BALANCE_WRONG]

"""Slips written past the services: what the database refuses, and what is found where one was tampered with."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.ledger.verification import Kind
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models.inpatient import Receipt
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.settlement.arrivals import Awaited, decide_again, mark_arrived
from tests.hospital import OFFICER, Hospital
from tests.services.settlement.test_arrivals import choose, fail_and_ask, ready
from tests.services.settlement.test_mended import verified
from tests.services.settlement.test_raw_sql import line, one, past_the_services, post, raw
from tests.services.settlement.test_settling import NO, balances, settled

__all__ = ["ready"]
pytestmark = pytest.mark.clause("guizhou-deposit-2025/19")
OWED = f"2307:stay:{NO}"
# At the end of a transaction SQLite says no more than that a key is missing.
NO_WAY = r"wrong_step: receipt|FOREIGN KEY"
BACK = "(SELECT back_entry_no FROM refund_arrival WHERE back_entry_no IS NOT NULL)"


@pytest.fixture
def again(ready: Hospital) -> Awaited:
    """A refund of 300.00 that came back and that a cashier asked to be paid in cash."""
    return fail_and_ask(ready, Awaited(settled(ready).slips[0], 1), Tender.CASH)


def slip_again(work: UnitOfWork, entry_no: Any) -> None:
    """A slip of cash on a second way for an entry, as the service would write it."""
    said = {
        "serial": "(SELECT b.last_serial + 1 FROM receipt_book b WHERE b.book = receipt.book)",
        "token": f"'made-up-' || {entry_no}",
        "kind": "'again'",
        "tender": "'cash'",
        "payment_reference": "''",
        "approved_by": "'finance_officer-1'",
        "entry_no": str(entry_no),
    }
    names = Receipt.__table__.columns.keys()
    copied = ", ".join(said.get(name, name) for name in names)
    raw(work, f"INSERT INTO receipt ({', '.join(names)}) SELECT {copied} FROM receipt WHERE kind = 'return'")


@pytest.mark.parametrize("entry", ["back", "cash", "bank"])
def test_a_slip_of_cash_again_is_of_a_second_way(ready: Hospital, again: Awaited, entry: str) -> None:
    """Not of the entry that brought the refund back, nor of one that nobody asked for, in cash or into the bank."""

    def write() -> None:
        with past_the_services(ready) as work:
            if entry == "back":
                slip_again(work, BACK)
                return
            lines = line(OWED, "1001", 30_000) if entry == "cash" else line("1002", OWED, 30_000)
            entry_no = post(work, lines)
            work.rows.write(work.connection)
            slip_again(work, entry_no)

    with pytest.raises(sa.exc.DBAPIError, match=NO_WAY):
        write()
    assert decide_again(ready.context, OFFICER, again, approve=True)
    assert verified(ready) == []


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
def test_a_second_way_is_not_proved_by_saying_so(ready: Hospital, again: Awaited) -> None:
    def write() -> None:
        with past_the_services(ready) as work:
            slip_again(work, BACK)
            raw(work, "INSERT INTO proof SELECT * FROM proof_due WHERE what = 'again'")

    with pytest.raises(sa.exc.DBAPIError, match="wrong_step: receipt"):
        write()


def test_a_second_way_has_one_slip(ready: Hospital, again: Awaited) -> None:
    decide_again(ready.context, OFFICER, again, approve=True)
    with pytest.raises(sa.exc.DBAPIError), past_the_services(ready) as work:
        slip_again(work, one(ready, "SELECT entry_no FROM refund_arrival WHERE attempt_no = 2"))
    assert balances(ready)["1001"] == 120_000


TAMPERED = [
    *(f"UPDATE receipt SET amount_fen = amount_fen - 1 WHERE kind = '{kind}'" for kind in ("deposit", "return")),
    "UPDATE receipt SET amount_fen = amount_fen - 1 WHERE kind = 'again'",
    f"UPDATE receipt SET entry_no = {BACK} WHERE kind = 'again'",
    *(f"DELETE FROM receipt WHERE kind = '{kind}'" for kind in ("deposit", "return", "again")),
    "UPDATE refund_arrival SET entry_no = NULL, sent_at = NULL WHERE attempt_no = 2",
    "DELETE FROM refund_arrival WHERE attempt_no = 2",
    "UPDATE receipt_book SET last_serial = last_serial + 1",
]


def tamper(database: Database, statement: str) -> None:
    """Write into the file what neither triggers, nor checks, nor keys look at."""
    with database.engine.connect() as connection:
        file = connection.connection.driver_connection
        assert file is not None
        file.execute("PRAGMA foreign_keys = OFF")
        file.execute("PRAGMA ignore_check_constraints = ON")
        tables = "'receipt', 'receipt_book', 'refund_arrival', 'discharge'"
        found = f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ({tables})"
        for (name,) in file.execute(found).fetchall():
            file.execute(f"DROP TRIGGER {name}")
        assert file.execute(statement).rowcount > 0
        if file.in_transaction:
            file.execute("COMMIT")


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
@pytest.mark.parametrize("statement", TAMPERED)
def test_verification_tells_of_slips_beside_their_entries(
    ready: Hospital, again: Awaited, owner_database: Database, statement: str
) -> None:
    decide_again(ready.context, OFFICER, again, approve=True)
    assert verified(ready) == []
    tamper(owner_database, statement)
    assert Kind.SLIP_WRONG in verified(ready)


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
@pytest.mark.parametrize("reading", ["result_and_document", "refund_arrived"])
def test_verification_tells_of_a_discharge_that_its_document_did_not_settle(
    ready: Hospital, owner_database: Database, reading: str
) -> None:
    """Where the arrival is asked for it isn't settled while the refund is on its way; then it is."""
    choose(ready, reading)
    sent = Awaited(settled(ready).slips[0], 1)
    assert verified(ready) == []
    if reading == "refund_arrived":
        mark_arrived(ready.context, OFFICER, sent, "对账单 1015-33")
        assert verified(ready) == []
    tamper(owner_database, "UPDATE discharge SET settled_at = NULL")
    assert verified(ready) == [Kind.SETTLEMENT_WRONG]

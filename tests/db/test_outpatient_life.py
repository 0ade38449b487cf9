"""Every pair of states of an account, a claim, a filing, a batch and a list: the database lets go what the tables of
:mod:`hospital_prepay.domain.rules.outpatient.life` let go, and nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.rules.outpatient import life
from hospital_prepay.domain.rules.outpatient.life import Steps
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models import (
    ledger,
    outpatient,
    outpatient_claims,
    outpatient_contradictions,
    outpatient_escheat,
)
from hospital_prepay.persistence.models.base import Base
from tests.books import HOSPITAL, open_books
from tests.hospital import enter_people

pytestmark = pytest.mark.clause("guizhou-deposit-2025/7", "guizhou-deposit-2025/8")
TABLES: Final[dict[str, tuple[type[Base], Steps]]] = {
    "account": (outpatient.OutpatientAccount, life.ACCOUNT_STEPS),
    "claim": (outpatient_claims.OutpatientClaim, life.CLAIM_STEPS),
    "filing": (outpatient_escheat.OutpatientFiling, life.FILING_STEPS),
    "batch": (outpatient_escheat.OutpatientBatch, life.BATCH_STEPS),
    "list": (outpatient_escheat.OutpatientAdvanceList, life.ADVANCE_STEPS),
}
PEOPLE: Final = ("a", "b", "c", "d", "e", "f")
# What a step writes beside the state; all of it is true of every row below, so that only the pair decides.
BESIDE: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("claim", "reviewed"): {"confirmed_by": None},
    ("claim", "accepted"): {"reviewed_by": None, "confirmed_by": None, "paid_by": None},
    ("claim", "withdrawn"): {"ground": "x", "ended_by": "f"},
    ("claim", "rejected"): {"ground": "x", "ended_by": "f"},
    ("filing", "withdrawn"): {"ended_ground": "x", "ended_by": "f"},
    ("batch", "dropped"): {"ended_ground": "x", "ended_by": "f"},
    ("list", "refused"): {"ground": "x", "ended_by": "f"},
}


@contextmanager
def untriggered(connection: sa.Connection) -> Iterator[None]:
    """No trigger looks on: rows stand in whatever state the test needs."""
    if connection.dialect.name == "postgresql":
        there = set(sa.inspect(connection).get_table_names())  # fewer where a migration stopped short of the newest
        names = [table.name for table in Base.metadata.sorted_tables if table.name in there]
        for name in names:
            connection.execute(sa.text(f"ALTER TABLE {name} DISABLE TRIGGER USER"))
        yield
        for name in names:
            connection.execute(sa.text(f"ALTER TABLE {name} ENABLE TRIGGER USER"))
        return
    found = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).fetchall()
    for name, _ in found:
        connection.execute(sa.text(f"DROP TRIGGER {name}"))
    yield
    for _, text in found:
        connection.connection.driver_connection.execute(text)  # type: ignore[union-attr]


class Life:
    """Rows in every state, with all evidence that any step asks for."""

    def __init__(self, database: Database, owner: Database, clock: FixedClock) -> None:
        self.database, self.now, self.today, self.entries = database, clock.now(), clock.today(), 0
        open_books(database, clock)
        with owner.writing() as connection:
            enter_people(connection, clock, HOSPITAL, *PEOPLE)
            with untriggered(connection):
                self._fill(connection)
            # Lists of every state live beside each other here, which no hospital's may: see test_outpatient_one_list.
            whose = " ON outpatient_batch" if connection.dialect.name == "postgresql" else ""
            connection.execute(sa.text(f"DROP TRIGGER outpatient_batch_one_at_a_time{whose}"))

    def add(self, connection: sa.Connection, table: Any, **values: Any) -> None:
        connection.execute(sa.insert(table).values(institution_id=HOSPITAL, **values))

    def _fill(self, connection: sa.Connection) -> None:
        self._filing(connection, 99, "acknowledged")
        for number, state in ((97, "proposed"), (98, "remitted")):
            self._batch(connection, number, state)
        for state in life.ACCOUNT_STEPS:
            self._account(connection, f"account-{state}", state)
            filed = {"account_no": f"account-{state}", "balance_fen": 100}
            self.add(connection, outpatient_escheat.OutpatientFilingLine, filing_no=99, reason="x", **filed)
            self.add(
                connection, outpatient_escheat.OutpatientBatchLine, batch_no=97, last_movement_on=self.today, **filed
            )
            paid = {"account_no": f"account-{state}", "remitted": True}
            self._claim(connection, f"of-account-{state}", "arrived", **paid)
        for paid_once, way in itertools.product((False, True), ("sent", "failed")):
            for state in life.CLAIM_STEPS:
                name = f"claim-{state}-{paid_once}-{way}"
                self._account(connection, name, "open")
                self._claim(connection, name, state, account_no=name)
                self.add(
                    connection,
                    outpatient_claims.OutpatientPayout,
                    claim_id=name,
                    attempt_no=1,
                    route="cash",
                    amount_fen=100,
                    state=way,
                    sent_by="d",
                    sent_at=self.now,
                )
                if "accepted" in life.CLAIM_STEPS[state] and not paid_once:
                    self._owed(connection, name)
                if state in life.ENDED:
                    self.add(
                        connection,
                        outpatient_contradictions.OutpatientContradiction,
                        claim_id=name,
                        contradiction_no=1,
                        attempt_no=1,
                        told="arrived",
                        raised_by="d",
                        raised_at=self.now,
                        decision="paid",
                        decided_by="c",
                        decided_at=self.now,
                        ground="x",
                    )
                if paid_once:
                    self._entry(connection, "outpatient_refund", f"outpatient_claim:{name}", "1001", credit=100)
        for number, state in enumerate(life.FILING_STEPS, 1):
            self._filing(connection, number, state)
        for number, state in enumerate(life.BATCH_STEPS, 1):
            self._batch(connection, number, state)
            self._batch(connection, number + 50, state, "unclearable")
        for number, state in enumerate(life.ADVANCE_STEPS, 1):
            self._list(connection, number, state)

    def _account(self, connection: sa.Connection, number: str, state: str) -> None:
        self.add(
            connection,
            outpatient.OutpatientAccount,
            account_no=number,
            kind="outpatient_deposit",
            holder_name="",
            personal="",
            certno_hash="",
            phone_hash="",
            reach="none",
            channel="cash",
            patient_no="",
            opening_fen=0,
            person_id=number,
            state=state,
            unclearable_reason="x",
            filed_on=self.today,
            last_movement_on=self.today,
        )
        self.add(
            connection,
            ledger.LedgerAccount,
            account_id=f"23050102:{number}",
            subject="23050102",
            name="x",
            normal_side=-1,
            guarded=True,
            balance_fen=0,
            opened_at=self.now,
        )

    def _owed(self, connection: sa.Connection, name: str) -> None:
        self.add(
            connection,
            ledger.LedgerAccount,
            account_id=f"2307:refund:{name}",
            subject="2307",
            name="x",
            normal_side=-1,
            guarded=True,
            balance_fen=100,
            opened_at=self.now,
        )

    def _claim(self, connection: sa.Connection, name: str, state: str, **values: Any) -> None:
        given = {
            "claim_id": name,
            "refund_no": f"R{connection.scalar(sa.text('SELECT count(*) FROM outpatient_claim'))}",
            "remitted": False,
            "amount_fen": 100,
            "claimant": "self",
            "card_lost": False,
            "claimant_name": "x",
            "personal": "",
            "card_hash": "",
            "taken_at": "window",
            "route": "cash",
            "state": state,
            "decision_id": "d",
            "accepted_by": "a",
            "accepted_at": self.now,
            "reviewed_by": "b",
            "confirmed_by": "c",
            "paid_by": "d",
        }
        self.add(connection, outpatient_claims.OutpatientClaim, **{**given, **values})

    def _filing(self, connection: sa.Connection, number: int, state: str) -> None:
        self.add(
            connection,
            outpatient_escheat.OutpatientFiling,
            filing_no=number,
            accounts=0,
            total_fen=0,
            sha256="0" * 64,
            risk_note="x",
            state=state,
            made_by="a",
            made_at=self.now,
            authority="x",
            submitted_on=self.today,
            submitted_by="a",
            acknowledgement_no="x",
            acknowledged_on=self.today,
            recorded_by="b",
            recorded_at=self.now,
        )

    def _batch(self, connection: sa.Connection, number: int, state: str, standing: str = "frozen") -> None:
        self._account(connection, f"batch-{number}", standing)
        self.add(
            connection,
            outpatient_escheat.OutpatientBatch,
            batch_no=number,
            on_day=self.today.replace(year=2000 + number, month=12, day=31),
            state=state,
            accounts=1,
            total_fen=100,
            sha256="0" * 64,
            proposed_by="a",
            proposed_at=self.now,
            frozen_by="a",
            approved_by="b",
            approved_at=self.now,
            remitted_by="c",
            remitted_at=self.now,
            remitted_on=self.today,
            voucher_no=f"V-{number}",
            voucher_key=f"V{number}",
            bank_reference=f"s {number}",
            slip_key=f"S{number}",
        )
        line = {"account_no": f"batch-{number}", "balance_fen": 100, "last_movement_on": self.today}
        self.add(connection, outpatient_escheat.OutpatientBatchLine, batch_no=number, **line)
        for part, reviewer in zip(("books", "contacts", "filing"), "def", strict=True):
            review = {"part": part, "reviewed_by": reviewer, "reviewed_at": self.now, "note": "x"}
            self.add(connection, outpatient_escheat.OutpatientBatchReview, batch_no=number, **review)
        self._entry(connection, "outpatient_escheat", f"outpatient_batch:{number}", "2103", credit=100)
        self._entry(connection, "outpatient_remittance", f"outpatient_batch:{number}", "2103", debit=100)

    def _list(self, connection: sa.Connection, number: int, state: str) -> None:
        name = f"list-{number}"
        self._account(connection, name, "reclaimed")
        self._claim(connection, name, "arrived", account_no=name, remitted=True)
        self.add(
            connection,
            outpatient_escheat.OutpatientAdvanceList,
            list_no=number,
            budget_year=2027,
            state=state,
            claims=1,
            total_fen=100,
            made_by="a",
            made_at=self.now,
            document="x",
            document_key=f"X|{number}",
            bank_reference=f"l {number}",
            slip_key=f"L{number}",
            submitted_on=self.today,
            submitted_by="b",
            reimbursed_by="d",
        )
        line = {"claim_id": name, "account_no": name, "applied_fen": 100, "counts": True}
        self.add(connection, outpatient_escheat.OutpatientAdvanceLine, list_no=number, **line)
        self.add(
            connection,
            ledger.LedgerAccount,
            account_id=f"1218:advance:{name}",
            subject="1218",
            name="x",
            normal_side=1,
            guarded=True,
            balance_fen=0,
            opened_at=self.now,
        )
        source = f"outpatient_advance_list:{number}"
        self._entry(connection, "outpatient_reimbursed", source, f"1218:advance:{name}", credit=100)

    def _entry(
        self, connection: sa.Connection, kind: str, source: str, account: str, *, debit: int = 0, credit: int = 0
    ) -> None:
        self.entries += 1
        self.add(
            connection,
            ledger.LedgerEntry,
            entry_no=self.entries,
            kind=kind,
            summary="x",
            source=source,
            idempotency_key=str(self.entries),
            line_count=2,
            occurred_at=self.now,
            posted_at=self.now,
            effective_on=self.today,
            posted_by="x",
            content_hash=b"0" * 32,
        )
        line = {"line_no": 1, "account_id": account, "debit_fen": debit, "credit_fen": credit, "fund": ""}
        self.add(connection, ledger.LedgerPosting, entry_no=self.entries, **line)

    def goes(self, kind: str, old: str, new: str) -> bool:
        """Whether the application may take a row from ``old`` to ``new``, whatever the evidence."""
        table, steps = TABLES[kind]
        number = list(steps).index(old) + 1
        keys = {
            "account": ("account_no", [f"account-{old}"]),
            "claim": (
                "claim_id",
                [f"claim-{old}-{paid}-{way}" for paid in (False, True) for way in ("sent", "failed")],
            ),
            "filing": ("filing_no", [number]),
            "batch": ("batch_no", [number, number + 50]),
            "list": ("list_no", [number]),
        }
        column, rows = keys[kind]
        beside = BESIDE.get((kind, new), {})
        moment = {"ended_at": self.now} if "ended_by" in beside else {}
        return any(self._updates(table, column, row, {"state": new, **beside, **moment}) for row in rows)

    def _updates(self, table: Any, column: str, key: Any, values: dict[str, Any]) -> bool:
        class Undo(Exception):
            """The row is to stay where it was."""

        try:
            with self.database.writing() as connection:
                query = sa.update(table).where(getattr(table, column) == key, table.institution_id == HOSPITAL)
                assert connection.execute(query.values(**values)).rowcount == 1
                raise Undo
        except Undo:
            return True
        except sa.exc.DBAPIError:
            return False


@pytest.fixture
def everything(database: Database, owner_database: Database, clock: FixedClock) -> Life:
    return Life(database, owner_database, clock)


@pytest.mark.parametrize("kind", list(TABLES))
def test_the_database_lets_every_pair_of_the_table_go_and_no_other(everything: Life, kind: str) -> None:
    steps = TABLES[kind][1]
    pairs = [(old, new) for old in steps for new in steps if kind != "account" or old != new]
    allowed = {(old, new) for old, new in pairs if everything.goes(kind, old, new)}
    assert allowed == {(old, new) for old, new in pairs if new in steps[old]}


@pytest.mark.parametrize("kind", list(TABLES))
def test_no_row_walks_to_a_state_that_nobody_knows(everything: Life, kind: str) -> None:
    for old in TABLES[kind][1]:
        assert not everything.goes(kind, old, "anything")
